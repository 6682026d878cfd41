#!/bin/sh
# Sees to it that SoftHSM, OpenSC and OpenSSL are there for the production room: installs them where that is possible, else
# says what to install. With --soft it only tries: all but making keys works without them.
set -u

missing() {
    found=
    for library in /usr/lib/*/softhsm /usr/lib/softhsm /usr/lib64/pkcs11 /usr/lib64/softhsm /usr/local/lib/softhsm; do
        if [ -e "$library/libsofthsm2.so" ]; then found=yes; fi
    done
    [ -n "$found" ] || printf 'softhsm2 '
    command -v pkcs11-tool >/dev/null 2>&1 || printf 'opensc '
    command -v openssl >/dev/null 2>&1 || printf 'openssl '
}

install() {
    echo "Installing $lacking…" >&2
    # Without a network this gives up soon. A word for each package: not quoted.
    "$@" apt-get $patience update && "$@" env DEBIAN_FRONTEND=noninteractive apt-get $patience install -y --no-install-recommends $lacking
}

patience='-qq -o Acquire::Retries=0 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15'
lacking=$(missing)
[ -n "$lacking" ] || exit 0
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        install >/dev/null
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        install sudo -n >/dev/null
    fi
    lacking=$(missing)
    [ -n "$lacking" ] || exit 0
fi
if [ "${1:-}" = --soft ]; then
    echo "Keys can't be made on this machine until you install: $lacking(Debian: sudo apt-get install $lacking)" >&2
    exit 0
fi
echo "The tests of production need: $lacking(Debian: sudo apt-get install $lacking)" >&2
exit 1
