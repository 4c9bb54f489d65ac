"""What the factory asks of a device: facts, a proof of its identity, and to keep the factory's certificate.

In clear while no host is paired, later only on a paired host's channel. Loaded for one request.
Specification: docs/hardware.md, provisioning.
"""

import sys

from daric_protocol import platform
from daric_protocol.channel import sized
from daric_protocol.errors import DaricError
from daric_protocol.genuine import Attestation, DeviceCertificate

from daric import VERSION, made

CERTIFICATE = "factory/certificate"  # the vault's name
CHALLENGE_BYTES = 32


def info(device, _host: bytes) -> list:
    """[board, kind, version, MicroPython, unique id, identity, image, certificate, hosts, groups, free, arithmetic]."""
    free = _free()  # before the code that knows the image is loaded
    return [
        made.BOARD, made.KIND, VERSION, _micropython(), _unique_id(device.board), device.identity.public,
        running(device), certificate(device), len(device.hosts), len(device.custody.groups()), free,
        _arithmetic(),
    ]  # fmt: skip


def attest(device, _host: bytes, challenge: object) -> list:
    """An Attestation's fields, signed with the identity key over 32 bytes that the host drew."""
    sized(challenge, CHALLENGE_BYTES)
    answer = Attestation(device.identity.public, certificate(device), made.BOARD, made.KIND, VERSION, running(device))
    answer.signature = device.identity.sign(answer.digest(challenge), device.entropy.draw)
    return answer.to_wire()


def provision(device, _host: bytes, encoded: object) -> bool:
    """Keep the factory's certificate of this device, once until it is wiped; False: it was kept before.

    Raises DaricError: "factory" (another one is kept, or this image takes none), "signature", "encoding".
    """
    if not made.FACTORY_KEY:
        raise DaricError("factory", "this image takes no certificate")
    given = DeviceCertificate.decode(encoded)
    if given.identity != device.identity.public:
        raise DaricError("factory", "the certificate is of another device")
    given.check(made.FACTORY_KEY)
    kept = certificate(device)
    if kept:
        if kept != encoded:
            raise DaricError("factory", "this device has a certificate; it goes only with everything else")
        return False
    device.vault.write(CERTIFICATE, encoded)
    return True


def restart(device, _host: bytes) -> bool:
    """Start again in a moment: a source with a fixed seed shows at the second start. Raises DaricError("busy")."""
    if device.busy:
        raise DaricError("busy")
    device.restart()
    return True


def certificate(device) -> bytes:
    """The kept certificate, b"" before the device is provisioned. Raises DaricError("storage")."""
    return device.vault.read(CERTIFICATE) or b""


def running(device) -> bytes:
    """SHA-256 of the image that runs, in a code slot or inside MicroPython, computed now; b"" where it is in none."""
    flash = device.board.code()
    if flash is not None:
        from daric.loader import Slots

        slots = Slots(flash)
        slot = slots.running()
        if slot >= 0 and slots.whole(slot):
            return slots.about(slot)[2]
    try:
        from daricrom import image
    except ImportError:
        return b""
    return platform.sha256(image())


def _unique_id(board) -> bytes:
    return board.unique_id()


def _micropython() -> str:
    """Version of the interpreter; of CPython where that runs it."""
    return sys.implementation.name + " " + ".".join([str(part) for part in sys.implementation.version[:3]])


def _arithmetic() -> str:
    """What multiplies points: as daric_protocol.platform.points has chosen, or CPython's library."""
    if platform.NATIVE:
        return "libsecp256k1"
    from daric_protocol.platform import points

    return points.NAME


def _free() -> int:
    """Bytes of free heap; 0 where nobody counts them."""
    import gc

    gc.collect()
    return gc.mem_free() if hasattr(gc, "mem_free") else 0
