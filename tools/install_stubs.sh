#!/bin/sh
# Put the type stubs of MicroPython's ports into .build/stubs, each port's into its own directory. For a slow test only.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
mkdir -p .build
exec 9>.build/stubs.lock
flock 9  # two test processes may want them at once
wanted="1.28.0.post4 stdlib 1.28.0.post6"

for port in rp2 esp32 stm32; do
    target=.build/stubs/$port
    if [ -f "$target/installed" ] && [ "$(cat "$target/installed")" = "$wanted" ]; then
        continue
    fi
    rm -rf "$target"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$target" \
        "micropython-$port-stubs==1.28.0.post4" "micropython-stdlib-stubs==1.28.0.post6"
    printf '%s' "$wanted" >"$target/installed"
done
