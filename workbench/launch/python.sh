#!/bin/sh
# Prints the Python to build .venv with: $PYTHON, or the newest supported one on PATH. Says what to install when none fits.
set -eu

fits() { "$1" -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" && { echo "$PYTHON"; exit 0; }
    echo "PYTHON=$PYTHON does not run or is older than Python 3.11." >&2
    exit 1
fi
for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null 2>&1 && fits "$name"; then
        echo "$name"
        exit 0
    fi
done
echo "Python 3.11 or newer is needed and not on PATH. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2
echo "Elsewhere install it and run: make PYTHON=/path/to/python3.11 …" >&2
exit 1
