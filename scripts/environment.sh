# For scripts/up and scripts/test: the environments of this checkout. Read with '.', with $root set.

fail() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Print the first Python that is new enough.
find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or later is needed; on Debian and Ubuntu: apt-get install python3 python3-venv"
}

# Without these two, 'python3 -m venv' fails half-way; Debian keeps them in a package of their own.
has_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

make_venv() {
    python=$(find_python) || exit 1
    has_venv "$python" ||
        fail "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"
    printf 'Making a virtual environment in %s\n' "$1" >&2
    "$python" -m venv --clear "$1"
}

# Make .venv and install this checkout there with the given extras, unless exactly that was done before.
# An environment of another place or an interrupted one is made anew.
make_environment() {
    extras=$1
    venv=$root/.venv
    stamp=$venv/installed-$(printf %s "$extras" | tr , -)
    wanted="$root $(cksum <"$root/pyproject.toml")"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        return
    fi
    if [ "$(cat "$venv/place" 2>/dev/null)" != "$root" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        make_venv "$venv"
        printf %s "$root" >"$venv/place"
    fi
    printf 'Installing pulseline[%s]\n' "$extras" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root[$extras]" ||
        fail "the installation failed; see above"
    printf %s "$wanted" >"$stamp"
}

# Make .compat, where the released clients of ActivityWatch live apart from us, unless exactly that was done before.
make_compat_environment() {
    compat=$root/.compat
    pins=$root/tests/compat
    wanted="$root $(cat "$pins/requirements.txt" "$pins/js/package-lock.json" | cksum)"
    if [ "$(cat "$compat/installed" 2>/dev/null)" = "$wanted" ] && "$compat/bin/python" -c '' 2>/dev/null; then
        return
    fi
    make_venv "$compat"
    printf 'Installing the clients of ActivityWatch\n' >&2
    "$compat/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$pins/requirements.txt" ||
        fail "the installation failed; see above"
    mkdir "$compat/js"
    cp "$pins/js/package.json" "$pins/js/package-lock.json" "$compat/js"
    (cd "$compat/js" && "$compat/bin/npm" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
        fail "the installation failed; see above"
    printf %s "$wanted" >"$compat/installed"
}
