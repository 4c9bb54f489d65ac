"""Second file a board runs: the device itself. It never returns; whatever goes wrong ends in a reset."""

from daric.app import run

run()
