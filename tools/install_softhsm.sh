#!/bin/sh
# SoftHSM2, a PKCS#11 token in software, for the slow test that signs an image with a key on a token.
set -eu

if ! command -v softhsm2-util >/dev/null; then
    if [ "$(id -u)" != 0 ]; then
        echo "softhsm2 is needed for the test with a PKCS#11 token: install it, or run this as root" >&2
        exit 1
    fi
    apt-get update -q
    apt-get install -qy --no-install-recommends softhsm2
fi
