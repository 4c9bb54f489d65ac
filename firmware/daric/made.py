"""What this image was made for: tools/flash.py writes this file anew for each board. Here: a virtual board, by hand."""

BOARD = "virtual"
KIND = "development"  # or "production": frozen into a MicroPython of our own, without a prompt
UPDATE_KEY = b""  # 33 B: whose signature an update must have; b"": this image takes no update
FACTORY_KEY = b""  # 33 B: whose signature a certificate must have; b"": this image takes none
