"""What a device's owner decides on its screen when a host asks: hosts, policies, addresses, backups, wiping.

Specification: docs/architecture.md, the device; docs/sdk.md, the device's requests.
"""

from collections.abc import Sequence
from typing import Any

from daric_protocol import channel
from daric_protocol.errors import DaricError
from daric_protocol.evm import words
from daric_protocol.limits import KEYGEN_TIMEOUT, MAX_INDEX, TYPING_TIMEOUT
from daric_protocol.policy import Policy
from daric_protocol.terms import Terms

from daric_host.deviceanswers import BackupMade, array, string
from daric_host.devicerequests import DeviceRequests, until_answered
from daric_host.ownerpolicy import OwnerPolicy


class DeviceOwner(DeviceRequests):
    """This part of a DeviceLink waits for the owner, who answers within the time of daric_protocol.limits."""

    # Hosts

    async def hosts(self) -> list[tuple[bytes, str]]:
        """Identity (33 B) and name of each host that the device is paired with, this one among them."""
        return [(channel.sized(one[0], 33), str(one[1])) for one in array(await self._call("hosts_list"))]

    async def revoke(self, identity: bytes) -> None:
        """Make the device forget a host (33 B): this one at once, another one when the owner agrees on the screen.

        Nothing more reaches a revoked host, and its session ends. Raises DaricError("unpaired", "refused", "timeout").
        """
        await self._asked("hosts_revoke", identity)

    async def revoke_all(self) -> None:
        """Make the device forget every host, this one among them, when the owner agrees on the screen.

        Raises DaricError("refused", "timeout", "busy").
        """
        asked = False

        async def ask() -> list[Any]:
            nonlocal asked
            answer = array(await self._call("hosts_revoke_all", timeout=KEYGEN_TIMEOUT))
            asked = True
            return answer

        try:
            await until_answered(ask)
        except DaricError as error:
            if error.name != "unpaired" or not asked:  # the answer was lost, and with it this host's channel
                raise

    # What the owner wants, and reviews

    async def wanted(self) -> tuple[str, bytes] | None:
        """(op, group) that the owner picked in the device's menu since it was last asked, or None.

        op: "refresh", "backup" or "export"; to be proposed with the device as the one that asks.
        """
        picked = await self._call("menu_wanted")
        return None if picked is None else (str(picked[0]), channel.sized(picked[1], 16))

    async def sign_terms(self, terms: Terms) -> bytes:
        """The device's signature (64 B) as the one that asks for a session; its owner is asked first.

        terms: without initiator and signature; put the device's identity and the result there. Raises
        DaricError("refused", "timeout", "busy", "group", "master" ..).
        """
        return channel.sized(await self._asked("terms_sign", terms.encode()), 64)

    async def policy(self, group: bytes) -> OwnerPolicy:
        """The owner's policy for a wallet, and what was counted under it. Raises DaricError("group")."""
        return OwnerPolicy.from_wire(await self._call("policy_read", group))

    async def propose_policy(self, group: bytes, policy: Policy | None) -> None:
        """Ask the owner for a policy for a wallet, instead of the one it has; None removes it.

        Raises DaricError: "refused", "timeout", "busy", "group", "parameter", "member", "threshold", and "policy" where
        there is none to be removed.
        """
        await self._asked("policy_propose", group, b"" if policy is None else policy.encode())

    async def show_address(self, group: bytes, kind: str = "", salt: int = 0, path: Sequence[int] = ()) -> bytes:
        """Let the device compute an address of a wallet (20 B) and show it until its owner has compared it.

        kind: of a smart account (daric_protocol.evm.account), or empty for the key's own. Raises DaricError:
        "refused", "timeout", "busy", "group", "pending", "parameter".
        """
        asked = words.item(salt, 256), list(path)
        return channel.sized(await self._asked("address_show", group, kind, *asked), 20)

    # Locking, wiping, leaving

    async def lock(self) -> None:
        """Lock the device now: it restarts and waits for its PIN. Raises DaricError("pin") where none is set."""
        await self._call("lock")

    async def wipe(self) -> None:
        """Erase everything on the device, if its owner agrees and types the PIN; it restarts as a new one.

        Raises DaricError("refused", "timeout", "busy").
        """
        await self._asked("wipe")

    async def maintenance(self) -> None:
        """End the program of a development image when the owner agrees: the port's prompt is on the line from then on.

        Raises DaricError("refused") if the owner or a production image refuses, "timeout".
        """
        await self._asked("maintenance")

    # Backups without a session

    async def backup_make(
        self,
        group: bytes,
        backup_id: bytes,
        threshold: int,
        holders: Sequence[tuple[int, bytes]],
        phone: int,
        cloud: int,
    ) -> BackupMade:
        """Let the device split its share for these members (index, identity); it shows the recovery code.

        phone: index of the holder that carries, this host. cloud: of the unattended one. Raises
        DaricError("refused", "timeout", "busy", "member", "threshold" ..).
        """
        people = [[index, identity] for index, identity in holders]
        made = await self._asked("backup_make", group, backup_id, threshold, people, phone, cloud)
        if not isinstance(made, list) or len(made) != 3:
            raise DaricError("encoding", "a backup is a sheet, a piece and an envelope")
        return BackupMade(*map(string, made))

    async def recovery_request(self, sheet: bytes, uuid: bytes) -> bytes:
        """What asks the cloud for its piece of a backup (32 B): the owner types the recovery code on the device.

        uuid: 16 B of a session id, used once. Raises DaricError("backup") for what is no code, "refused", "timeout".
        """
        return channel.sized(await self._asked("recovery_request", sheet, uuid, patience=TYPING_TIMEOUT), 32)

    async def recovery_restore(self, sheet: bytes, pieces: Sequence[tuple[int, bytes, bytes]]) -> list[int]:
        """Let the device put pieces (number, holder's identity, sealed to the device) together; numbers of bad ones.

        The share waits in the device's memory for the session that makes it a member again. DaricError("backup").
        """
        sent = [[number, identity, sealed] for number, identity, sealed in pieces]
        bad = array(await self._call("recovery_restore", sheet, sent, timeout=KEYGEN_TIMEOUT))
        return [channel.ranged(number, 1, MAX_INDEX) for number in bad]
