# Sourced by the scripts beside it, with $root set: makes sure of the virtual environment and sets $python to its
# interpreter. Arguments for bootstrap.py, such as --development, are taken from $bootstrap.
# INCIDENT_CENTER_VENV names another folder for the environment, PYTHON another interpreter to make it with.

environment=${INCIDENT_CENTER_VENV:-$root/.venv}
case $environment in /*) ;; *) environment=$PWD/$environment ;; esac

new_enough() {
    "$1" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    interpreter=
    found=
    if [ -n "${PYTHON:-}" ]; then
        if new_enough "$PYTHON"; then
            interpreter=$PYTHON
            return
        fi
        echo "PYTHON=$PYTHON is not a Python 3.11 or newer. Name one that is, or unset PYTHON." >&2
        exit 1
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if new_enough "$candidate"; then
            [ -n "$interpreter" ] || interpreter=$candidate
            # One that can make virtual environments is better than one that only came first.
            if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
                interpreter=$candidate
                return
            fi
        else
            version=$("$candidate" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null) || version=broken
            found="$found${found:+, }$candidate is ${version:-broken}"
        fi
    done
    if [ -z "$interpreter" ]; then
        cat >&2 <<MESSAGE
Incident Center needs Python 3.11 or newer, and finds none here (${found:-no python3 on the PATH}).
  Install one, for example on Debian 12, Ubuntu 24.04 or newer: apt install python3 python3-venv
  or on Fedora: dnf install python3. If you have one elsewhere: PYTHON=/path/to/python3.12 $0
MESSAGE
        exit 1
    fi
}

python=$environment/bin/python
# shellcheck disable=SC2086  # several arguments
if ! { [ -x "$python" ] && new_enough "$python" &&
    "$python" -I -S "$root/script/bootstrap.py" --check "$environment" ${bootstrap:-}; }; then
    find_python
    "$interpreter" "$root/script/bootstrap.py" "$environment" ${bootstrap:-} || exit 1
fi

PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
