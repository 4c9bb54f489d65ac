#!/bin/sh
# A compiler for the Cortex-M0+ with its C library, and one for this machine: what tools/chip/core is built with.
set -eu

library=/usr/lib/arm-none-eabi/newlib/thumb/v6-m/nofp/libc_nano.a
if ! command -v arm-none-eabi-gcc >/dev/null || ! test -f "$library" || ! command -v cc >/dev/null; then
    if [ "$(id -u)" != 0 ]; then
        echo "gcc-arm-none-eabi, libnewlib-arm-none-eabi and gcc are needed to build the core: install them, or run this as root" >&2
        exit 1
    fi
    apt-get update -q
    apt-get install -qy --no-install-recommends gcc-arm-none-eabi libnewlib-arm-none-eabi gcc libc6-dev
fi
