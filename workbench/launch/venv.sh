#!/bin/sh
# Makes .venv with exactly the pinned packages of the requirements file given ($1), each checked against its hash.
set -eu

python=$(sh workbench/launch/python.sh)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package="python$version-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing $package, which Debian keeps apart from Python …"
        apt-get update -qq && apt-get install -y -qq "$package"
    else
        echo "Python's venv module is missing. Install it and try again: sudo apt-get install $package" >&2
        exit 1
    fi
fi
if [ -x .venv/bin/python ] && ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv # its Python was removed or moved
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$1"
