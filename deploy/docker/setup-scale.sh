#!/bin/sh
# Makes the passwords of the profile 'scale'; docker-compose.yml runs it as the service 'setup-scale'.
#
#   setup-scale.sh                 make what is missing, and write it to where the servers look
#   setup-scale.sh password NAME   print the password of NAME, as in 'device'
#
# The *_OWNER variables, as in 999:999, are the users who may read what is theirs.
set -eu
umask 077

passwords=/passwords

# Make the password of $1, if there is none yet.
make_password() {
    if [ ! -s "$passwords/$1" ]; then
        head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$passwords/$1.new"
        [ -s "$passwords/$1.new" ] # an empty one would let everybody in
        mv "$passwords/$1.new" "$passwords/$1"
    fi
}

# Print the password of $1.
get_password() {
    cat "$passwords/$1"
}

# Write what comes in to the file $2 of the user $1.
write_secret() {
    cat >"$2.new"
    chown "$1" "$2.new"
    mv "$2.new" "$2"
}

write_server() {
    write_secret "$PULSELINE_OWNER" "/secrets/$1.toml" <<-SETTINGS
		[mqtt]
		password = "$(get_password "$1")"

		[store]
		url = "postgresql://pulseline:$(get_password postgres)@postgres:5432/pulseline"
	SETTINGS
}

# NATS reads a value as it reads its configuration: what begins as a number is a text in quotes only.
write_brokers() {
    write_secret "$NATS_OWNER" /nats/secrets/environment <<-VARIABLES
		export NATS_INGEST_PASSWORD='"$(get_password ingest)"'
		export NATS_API_PASSWORD='"$(get_password api)"'
		export NATS_DEVICE_PASSWORD='"$(get_password device)"'
		export NATS_DOCTOR_PASSWORD='"$(get_password doctor)"'
	VARIABLES
}

case ${1-} in
    '')
        for name in ingest api device doctor postgres key; do
            make_password "$name"
        done
        chown "$PULSELINE_OWNER" /secrets
        chown "$NATS_OWNER" /nats/secrets /nats/data/1 /nats/data/2 /nats/data/3
        chown "$POSTGRES_OWNER" /postgres/secrets
        write_server ingest
        write_server api
        write_brokers
        get_password key | write_secret "$PULSELINE_OWNER" /secrets/api.key
        get_password postgres | write_secret "$POSTGRES_OWNER" /postgres/secrets/password
        ;;
    password)
        case ${2-} in
            device | doctor)
                make_password "$2"
                get_password "$2"
                ;;
            *) echo "setup: error: '${2-}' is neither 'device' nor 'doctor'" >&2 && exit 2 ;;
        esac
        ;;
    *) echo "setup: error: '$1' is neither nothing nor 'password'" >&2 && exit 2 ;;
esac
