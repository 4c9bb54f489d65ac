"""The firmware of a Daric device."""

VERSION = "0.1.0"  # of the firmware; an image carries it in its manifest
