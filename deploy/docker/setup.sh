#!/bin/sh
# Makes the passwords of the containers; docker-compose.yml runs it as the service 'setup'.
#
#   setup.sh            make what is missing; every 'docker compose up' begins with it, and what is there stays
#   setup.sh add NAME   give NAME a new password for the broker, and print it
#
# BROKER_OWNER and PULSELINE_OWNER, as in 1883:1883, are the users who may read what is theirs.
set -eu
umask 077

users=/mosquitto/users/passwords
secrets=/secrets

make_password() {
    head -c 24 /dev/urandom | base64 | tr '+/' '-_'
}

has_user() {
    grep -q "^$1:" "$users"
}

# Replace the line of user $1, or add it; what is there before and after is whole, whenever the machine stops.
set_password() {
    printf '%s:%s\n' "$1" "$2" >"$users.one"
    mosquitto_passwd -U "$users.one"
    awk -F : -v name="$1" '$1 != name' "$users" >"$users.new"
    cat "$users.one" >>"$users.new"
    rm "$users.one"
    chown "$BROKER_OWNER" "$users.new"
    mv "$users.new" "$users"
}

# Write what comes in to the file $1, for the servers to read.
write_secret() {
    cat >"$1.new"
    chown "$PULSELINE_OWNER" "$1.new"
    mv "$1.new" "$1"
}

# Give a server its user at the broker, and the settings file that names the password.
make_server() {
    if [ -s "$secrets/$1.toml" ] && has_user "pulseline-$1"; then
        return
    fi
    password=$(make_password)
    set_password "pulseline-$1" "$password"
    printf '[mqtt]\npassword = "%s"\n' "$password" | write_secret "$secrets/$1.toml"
}

add_user() {
    case $1 in
        '' | *[!A-Za-z0-9_.-]*) echo "setup: error: a name is made of letters, digits, '_', '.' and '-'" >&2 && exit 2 ;;
        pulseline-ingest | pulseline-api) echo "setup: error: '$1' is the servers' own" >&2 && exit 2 ;;
    esac
    password=$(make_password)
    set_password "$1" "$password"
    printf '%s\n' "$password"
}

chown "$BROKER_OWNER" "${users%/*}"
chown "$PULSELINE_OWNER" "$secrets"
touch "$users"
chown "$BROKER_OWNER" "$users"
case ${1-} in
    '')
        make_server ingest
        make_server api
        [ -s "$secrets/api.key" ] || make_password | write_secret "$secrets/api.key"
        ;;
    add) add_user "${2-}" ;;
    *) echo "setup: error: '$1' is neither nothing nor 'add'" >&2 && exit 2 ;;
esac
