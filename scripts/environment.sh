# shellcheck shell=sh
# Finds Python and keeps one private virtual environment per set of pinned requirements in the cache directory.
# Sourced by builderw and run-tests; defines cache_dir and ensure_environment. BUILDER_WHEELS names a directory of wheels
# (`wheels` in what `builder vendor` fills) that is installed from, without a network. BUILDER_ENVIRONMENTS is where environments
# are kept that are not this machine's: those of containers, which have a Python of their own.

cache_dir=${BUILDER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/builder}
environments_dir=${BUILDER_ENVIRONMENTS:-$cache_dir/venv}

# Bytecode lies in the cache: checkouts stay clean and may be read-only, and PYTHONDONTWRITEBYTECODE, which is set for the
# sake of the first, does not make each command compile 230 files (0.2 s).
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="${BUILDER_ENVIRONMENTS:-$cache_dir}/bytecode"

fail() {
    printf 'error: %s\n' "$1" >&2
    printf 'hint: %s\n' "$2" >&2
    exit 3
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        path=$(command -v "$candidate") || continue
        if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$path"
            return
        fi
    done
    fail "Python 3.11 or newer is not on the PATH" "install it, for example: apt install python3 python3-venv"
}

# ensure_environment REQUIREMENTS: sets $python to the interpreter of an environment that holds exactly these.
ensure_environment() {
    sum=$(sha256sum "$1") || fail "cannot read $1" "is this checkout complete?"
    environment="$environments_dir/$(basename "$1" .txt)-$(printf '%.16s' "$sum")"
    python="$environment/bin/python"
    [ -x "$python" ] && [ -e "$environment/complete" ] || make_environment "$1"
}

# Made beside its final name and renamed, so that it is whole or absent; of two makers at once the first one wins.
make_environment() {
    base=$(find_python) || exit $?
    echo "setting up the Python environment for $(basename "$1" .txt) (once) ..." >&2
    mkdir -p "$environments_dir" || fail "cannot write to $environments_dir" "set BUILDER_CACHE to a directory of yours"
    fresh=$(mktemp -d "$environments_dir/new.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    trap 'exit 130' INT TERM
    "$base" -m venv "$fresh" >"$fresh/log" 2>&1 || {
        cat "$fresh/log" >&2
        fail "Python cannot make a virtual environment" "on Debian and Ubuntu: apt install python3-venv"
    }
    install_requirements "$fresh/bin/python" "$1"
    touch "$fresh/complete"
    rm -rf "$environment.old"
    [ ! -e "$environment" ] || [ -e "$environment/complete" ] || mv "$environment" "$environment.old"
    mv -T "$fresh" "$environment" 2>/dev/null || [ -e "$environment/complete" ] ||
        fail "cannot write to $environments_dir" "is the disk full?"
    rm -rf "$fresh" "$environment.old"
    trap - EXIT INT TERM
}

# install_requirements PYTHON REQUIREMENTS: pip as the user has configured it, or with BUILDER_WHEELS nothing but that.
install_requirements() {
    requirements=$2
    set -- "$1" -m pip --quiet --disable-pip-version-check
    if [ -n "${BUILDER_WHEELS:-}" ]; then
        [ -d "$BUILDER_WHEELS" ] || fail "BUILDER_WHEELS: there is no directory $BUILDER_WHEELS" "name DIR/wheels"
        set -- "$@" --isolated install --no-index --find-links "$BUILDER_WHEELS"
        advice="does $BUILDER_WHEELS have wheels for this Python? 'builder vendor DIR --python VERSION' fetches them"
    else
        set -- "$@" install
        advice="is there a network? Behind a proxy set HTTPS_PROXY; for a mirror of your own configure pip as usual"
    fi
    "$@" --no-cache-dir --only-binary :all: --require-hashes --requirement "$requirements" ||
        fail "pip could not install the pinned requirements" "$advice"
}
