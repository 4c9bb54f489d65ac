"""The devices of a wallet: paired, connected, asked what their owners want, let go. Specification: docs/sdk.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from daric_protocol.errors import DaricError
from daric_protocol.evm import address

from daric_host.device import DeviceLink, LockState
from daric_host.device_signer import DeviceSigner
from daric_host.flashing import factory
from daric_host.groups import describe_group
from daric_host.ownerpolicy import OwnerPolicy
from daric_host.paired import PairedDevice, PairedDevices
from daric_host.proposal import Proposal
from daric_host.sessionlog import SessionLog
from daric_host.tending import Tending

if TYPE_CHECKING:
    from daric_protocol.policy import Policy

    from daric_host.flashing.factory import Facts
    from daric_host.hop_client import Signer
    from daric_host.relay import RelayClient


class Hosting(Tending):
    """This half of a Wallet is the bridge of its devices."""

    devices: PairedDevices

    async def pair(self, path: str, show_code: Callable[[str], Awaitable[bool]], name: str = "phone") -> PairedDevice:
        """Pair with the device at a serial port, or anew with one that is paired; the device joins this account.

        show_code: compares the six digits on both screens.
        """
        device = await DeviceLink.open(path, self.party.identity)
        try:
            pairing = await device.pair(show_code, name, self.service.cloud)
            await device.connect(pairing)
            await self._relay.attach(DeviceSigner(pairing.identity, device), "device", pairing.name)
        finally:
            await device.close()
        return self.devices.add(pairing, path)

    async def connect(self, path: str, identity: bytes | None = None) -> bytes:
        """Open the link to a paired device and its seat at the relay; its identity. DaricError("unpaired") if unknown.

        identity: which device is expected at the port, where several are paired.
        """
        pairing = self.devices.find(path, identity)
        device = await DeviceLink.open(path, self.party.identity)
        try:
            await device.connect(pairing)
            await device.session_abort()  # what a host that is gone began
        except BaseException:
            await device.close()
            raise
        relay = self._meet(DeviceSigner(pairing.identity, device))
        self._links[pairing.identity] = (device, relay)
        return pairing.identity

    async def unlock(self, path: str, watch: Callable[[LockState], None] = lambda state: None) -> None:
        """Wait until the owner of the device at a serial port has typed its PIN; at once where it is not locked.

        watch: called with each change. Raises DaricError("timeout").
        """
        device = await DeviceLink.open(path, self.party.identity)
        try:
            await device.unlock(watch)
        finally:
            await device.close()

    async def lock(self, device: bytes) -> None:
        """Lock a connected device: it restarts and waits for its PIN. Raises DaricError("pin") where none is set."""
        await self._link(device)[0].lock()
        link, relay = self._links.pop(device)
        await relay.close()
        await link.close()

    async def hosts(self, device: bytes) -> list[tuple[bytes, str]]:
        """Identity and name of each host that a connected device is paired with, this one among them."""
        return await self._link(device)[0].hosts()

    async def log(self, device: bytes) -> SessionLog:
        """A connected device's record of its sessions, verified. Raises DaricError("storage") if it is broken."""
        return await self._link(device)[0].log()

    async def facts(self, device: bytes) -> Facts:
        """What a connected device says of itself: its firmware, the arithmetic that it chose, its heap."""
        return await factory.info(self._link(device)[0])

    async def policy(self, device: bytes, group_id: bytes) -> OwnerPolicy:
        """What the owner of a connected device allows for a wallet, and what was counted in the last 24 hours."""
        return await self._link(device)[0].policy(group_id)

    async def propose_policy(self, device: bytes, group_id: bytes, policy: Policy | None) -> None:
        """Ask the owner of a connected device for a policy (daric_host.ownerpolicy.make_policy); None removes it.

        Raises DaricError: refused, timeout, busy, group, parameter, member, threshold, policy.
        """
        await self._link(device)[0].propose_policy(group_id, policy)

    async def show_address(
        self, device: bytes, group_id: bytes, kind: str = "", salt: int = 0, path: Sequence[int] = ()
    ) -> bytes:
        """Let a connected device compute an address of a wallet (20 B) and show it to its owner, who compares.

        kind: of a smart account, empty for the key's own. Raises DaricError("genuine") if this phone computes another
        one, "refused", "timeout", "busy", "group", "parameter".
        """
        group = describe_group(self.party.custody, group_id)
        own = group.account_address(kind, salt, path) if kind else group.child_address(path)
        shown = await self._link(device)[0].show_address(group_id, kind, salt, path)
        if shown != address.from_text(own):
            raise DaricError("genuine", "the device computed another address than this phone")
        return shown

    async def revoke(self, device: bytes, host: bytes = b"") -> None:
        """End a pairing: this phone's with a device, at both ends if it is connected; or another host's with it.

        host: identity of another host, which the device's owner agrees to forget on the screen. Raises DaricError:
        unpaired, refused, timeout.
        """
        if host not in (b"", self.party.identity.public):
            await self._link(device)[0].revoke(host)
            return
        self.devices.name(device)
        if device in self._links:
            link, relay = self._links.pop(device)
            await link.revoke(self.party.identity.public)
            await relay.close()
            await link.close()
        self.devices.forget(device)

    async def revoke_all(self, device: bytes) -> None:
        """Make a connected device forget every host, this phone among them, if its owner agrees on the screen.

        Raises DaricError: refused, timeout, busy.
        """
        await self._link(device)[0].revoke_all()
        link, relay = self._links.pop(device)
        await relay.close()
        await link.close()
        self.devices.forget(device)

    async def maintenance(self, device: bytes) -> None:
        """End the program of a connected device with a development image, if its owner agrees: it is at its prompt.

        Raises DaricError: refused (by the owner, or by a production image), timeout, busy.
        """
        await self._link(device)[0].maintenance()

    async def propose_wanted(self, device: bytes, members: Sequence[int] = ()) -> Proposal | None:
        """What the owner of a connected device picked in its menu, as a session that the device asks for; or None.

        members: of an export, exactly t, the device among them; of a backup, who holds the pieces, two of which bring
        the share back. If left out: this phone, and of a backup the cloud. Raises DaricError("parameter") where that is
        not enough.
        """
        picked = await self._link(device)[0].wanted()
        if picked is None:
            return None
        op, group_id = picked
        roster = self.party.custody.roster(group_id)
        me, number = roster.index_of(self.party.identity.public), roster.index_of(device)
        if op == "refresh":
            return await self.propose_refresh(group_id, device)
        if op == "export":
            return await self.propose_export(group_id, sorted(members or [me, number]), "asked on the device", device)
        if op != "backup":
            raise DaricError("parameter", "the device's owner picked something that this version does not know")
        clouds = [member.index for member in roster.members if member.identity == self.service.cloud]
        holders = sorted(members or [me, *clouds])
        if len(holders) < 2:
            raise DaricError("parameter", "a backup has two holders at least: choose them")
        cloud = next((index for index in clouds if index in holders), 0)
        phone = me if me in holders else next(index for index in holders if index != cloud)
        backup_id = self.party.entropy.draw(16)
        return await self.propose_backup(group_id, backup_id, 2, number, holders, phone, cloud, device)

    def _meet(self, signer: Signer) -> RelayClient:
        raise NotImplementedError


__all__ = ["Hosting"]
