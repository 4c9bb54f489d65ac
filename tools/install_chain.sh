#!/bin/sh
# Put a local chain and the ERC-4337 contracts, in the versions of tools/chain, into .build/chain. For the slow tests only.
set -eu
cd "$(dirname "$0")/.."
target=.build/chain

if cmp -s tools/chain/package.json "$target/installed.json"; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    if [ "$(id -u)" != 0 ]; then
        echo "npm is needed for the local chain: install it, or run this as root" >&2
        exit 1
    fi
    apt-get update -q
    apt-get install -qy --no-install-recommends npm
fi
mkdir -p "$target"
cp tools/chain/package.json "$target"
# No scripts of the packages: the chain's program comes inside one of them.
npm install --prefix "$target" --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error
cp tools/chain/package.json "$target/installed.json"
