"""The board this image is for: tools/flash.py writes this file anew for each."""

from daric.board.virtual import board

__all__ = ["board"]
