"""The requests of the factory, typed: what a device is, its proof, its certificate, its self-tests, its end.

Specification: docs/hardware.md, provisioning.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from daric_protocol import channel
from daric_protocol.errors import DaricError
from daric_protocol.genuine import Attestation, DeviceCertificate
from daric_protocol.limits import KEYGEN_TIMEOUT, LINK_REPLY_TIMEOUT

from daric_host.device import DeviceLink
from daric_host.devicerequests import until_answered

FIELDS = (str, str, str, str, bytes, bytes, bytes, bytes, int, int, int, str)


@dataclass(frozen=True)
class Facts:
    """What a device says of itself. image: SHA-256 of the image that runs, b"" where the board cannot tell.

    certificate: b"" before it is provisioned. hosts, groups: how many. free: bytes of heap.
    arithmetic: what multiplies points, as docs/hardware.md lists it.
    """

    board: str
    kind: str
    version: str
    micropython: str
    unique_id: bytes
    identity: bytes
    image: bytes
    certificate: bytes
    hosts: int
    groups: int
    free: int
    arithmetic: str

    @property
    def fresh(self) -> bool:
        """Whether nobody has used the device yet."""
        return not self.hosts and not self.groups

    def as_json(self) -> dict[str, Any]:
        """For a line of JSON."""
        found: dict[str, Any] = {"board": self.board, "kind": self.kind, "version": self.version}
        found |= {"micropython": self.micropython, "unique_id": self.unique_id.hex(), "identity": self.identity.hex()}
        found |= {"image": self.image.hex(), "provisioned": bool(self.certificate), "serial": self.serial}
        return found | {"hosts": self.hosts, "groups": self.groups, "free": self.free, "arithmetic": self.arithmetic}

    @property
    def serial(self) -> str:
        """Of the certificate; empty before the device is provisioned."""
        return DeviceCertificate.decode(self.certificate).serial if self.certificate else ""


async def info(link: DeviceLink) -> Facts:
    """Raises DaricError("unpaired") where another host is paired, "locked"."""
    value = await link.factory("info")
    if not isinstance(value, list) or [type(one) for one in value] != list(FIELDS):
        raise DaricError("encoding", "a device's facts are twelve fields")
    channel.sized(value[5], 33)
    return Facts(*value)


async def attest(link: DeviceLink, factory: bytes = b"") -> tuple[Attestation, DeviceCertificate | None]:
    """A fresh proof, checked; on an encrypted channel that it is of the device there. Raises DaricError("genuine").

    factory: 33 B, whose certificate it must have.
    """
    challenge = os.urandom(32)
    answer = Attestation.from_wire(await link.factory("attest", challenge))
    return answer, answer.check(challenge, factory, link.peer)


async def provision(link: DeviceLink, certificate: DeviceCertificate) -> bool:
    """Give the device its certificate; False: it had this one. Raises DaricError("factory", "signature")."""
    return bool(await link.factory("provision", certificate.encode()))


async def selftest(link: DeviceLink, name: str, data: bytes = b"") -> Any:
    """What the device measured; daric.selftest names the tests and their values."""
    return await link.factory("selftest", name, data, timeout=KEYGEN_TIMEOUT if not data else LINK_REPLY_TIMEOUT)


async def panel(link: DeviceLink, name: str) -> bool:
    """Ask the person at the device: "display", "right" or "left". False: the answer was no."""
    try:
        await asked(link, "panel", name)
    except DaricError as error:
        if error.name != "refused":
            raise
        return False
    return True


async def wipe(link: DeviceLink) -> None:
    """Let the device erase everything once its owner agrees on the screen; it restarts as a new one."""
    await asked(link, "wipe")


async def restart(link: DeviceLink) -> None:
    """Let the device start again, in a second."""
    await link.factory("restart")


async def asked(link: DeviceLink, method: str, *parameters: Any) -> Any:
    """The result of a request that a person at the device decides on. DaricError("refused", "timeout")."""
    return (await until_answered(lambda: link.factory(method, *parameters)))[0]
