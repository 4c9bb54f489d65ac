"""A simulated device as it leaves the factory: an image in its first code slot, and what starts the loader."""

from pathlib import Path

from daric.board.code_virtual import BLOCKS, CodeFile
from daric.loader import Slots
from daric_host.flashing import compiling, romfs
from daric_host.flashing.signedimage import SignedImage, write_whole
from daric_protocol.errors import DaricError

CODE, BASE = "code", "base.romfs"  # in the device's directory
PIECE = 1 << 16


def lay(image: SignedImage, state: Path, blocks: int = BLOCKS) -> None:
    """Flash a device that never was. Raises DaricError("parameter") for an image of another board or without room."""
    image.check_board(compiling.VIRTUAL)
    state.mkdir(parents=True, exist_ok=True)
    contents = image.contents()
    try:
        write_whole(state / BASE, romfs.pack({name: contents[name] for name in compiling.BASE}))
        partial = state / (CODE + ".partial")
        partial.unlink(missing_ok=True)
        put(image, Slots(CodeFile(str(partial), blocks)))
        partial.rename(state / CODE)
    except KeyError as error:
        raise DaricError("parameter", f"the image has no {error.args[0]}, so no board starts from it") from None
    except (ValueError, OSError) as error:
        raise DaricError("parameter", f"the image cannot be laid into {state}: {error}") from None


def put(image: SignedImage, slots: Slots) -> None:
    """Write an image to the spare slot and let it be the one that starts. Raises ValueError, OSError."""
    manifest = image.manifest
    offset = -1
    while offset < 0:
        offset = slots.begin(image.head, manifest.form, manifest.size, manifest.digest)
    for at in range(offset, manifest.size, PIECE):
        slots.put(at, image.payload[at : at + PIECE])
    slots.adopt()


def digest(state: Path) -> bytes:
    """SHA-256 of the image that this device runs, or is going to try. b"" if none is good."""
    found = Slots(CodeFile(str(state / CODE), BLOCKS))
    slot = found.offered() if found.offered() >= 0 else found.running()
    about = None if slot < 0 else found.about(slot)
    return b"" if about is None else about[2]
