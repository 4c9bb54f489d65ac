"""Who of a wallet can take part now, and the choice of exactly as many as must. Specification: docs/flows.md."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from daric_protocol import platform
from daric_protocol.custody import Custody
from daric_protocol.errors import DaricError
from daric_protocol.limits import PARTY_SEEN
from daric_protocol.roster import Member

from daric_host.relay import Party

PREFIX = "selection/"
TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True)
class PartyState:
    """A member as it is now. last_seen: Unix time, 0 if that is not known. usable: it can take part in a session now.

    note: why not, in words; empty for a usable one.
    """

    index: int
    identity: bytes
    kind: str
    name: str
    last_seen: int
    usable: bool
    note: str


@dataclass(frozen=True)
class Surroundings:
    """What a wallet knows besides its shard. identity: its own. registered: parties of the account by identity.

    devices: connected devices by identity, each with a request that it must answer. cloud: identity of the known cloud;
    cloud_url: where it is, empty where nobody asks it.
    """

    identity: bytes
    registered: Mapping[bytes, Party]
    devices: Mapping[bytes, Callable[[], Awaitable[object]]]
    cloud: bytes
    cloud_url: str


async def list_parties(custody: Custody, group_id: bytes, around: Surroundings) -> list[PartyState]:
    """Every member of a wallet, in the order of indexes. Raises DaricError("group" or "pending")."""
    roster = custody.shard(group_id).roster
    lost = banned(custody, group_id)
    return [await _state(member, member.index in lost, around) for member in roster.members]


def banned(custody: Custody, group_id: bytes) -> list[int]:
    """Members whose pair set-up with this party a failed check ended; one that there never was is made when needed."""
    roster = custody.shard(group_id).roster
    return [
        index for index in custody.unusable(group_id) if custody.bans.is_banned(group_id, roster.member(index).identity)
    ]


async def _state(member: Member, lost: bool, around: Surroundings) -> PartyState:
    known = around.registered.get(member.identity)
    kind = member.kind or (known.kind if known else "")
    name = (known.name if known and not member.name else member.name) or member.identity.hex()[:12]
    seen = known.last_seen if known else 0
    now = int(time.time())
    if member.identity == around.identity:
        note, seen = "", now
    elif lost:
        note = "a check with it failed: a new pair set-up is needed first"
    elif member.identity in around.devices:
        note = await _answers(around.devices[member.identity])
        seen = now if not note else seen
    elif member.identity == around.cloud:
        note = await _healthy(around.cloud_url)
        seen = now if not note else seen
    elif kind == "device" and now - seen > PARTY_SEEN:
        note = "the device is not connected"
    else:
        note = "" if now - seen <= PARTY_SEEN else "it was not seen lately"
    return PartyState(member.index, member.identity, kind, name, seen, not note, note)


async def _answers(request: Callable[[], Awaitable[object]]) -> str:
    try:
        await request()
        return ""
    except DaricError as error:
        return "the device does not answer: " + error.detail


async def _healthy(url: str) -> str:
    if not url:
        return "the cloud party was not asked"
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as http,
            http.get(url + "/healthz") as response,
        ):
            return "" if response.status == 200 else "the cloud party is not ready"
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return "the cloud party does not answer"


def select(custody: Custody, group_id: bytes, indexes: Sequence[int]) -> list[int]:
    """Choose exactly the threshold's number of members, ascending, and remember them for this wallet and epoch.

    Raises DaricError: parameter (too few, too many or one twice), member (none of the wallet), banned (this party
    needs a new pair set-up with one of them first).
    """
    shard = custody.shard(group_id)
    chosen = sorted(set(indexes))
    known = [member.index for member in shard.roster.members]
    strangers = [index for index in chosen if index not in known]
    if strangers:
        raise DaricError("member", f"the wallet has no member {strangers[0]}: its members are {_words(known)}")
    if len(chosen) != len(indexes):
        raise DaricError("parameter", "a member is chosen twice")
    if len(chosen) != shard.t:
        raise DaricError("parameter", f"exactly {shard.t} members take part, {len(chosen)} were chosen")
    lost = [index for index in banned(custody, group_id) if index in chosen and shard.me in chosen]
    if lost:
        raise DaricError("banned", f"a new pair set-up with member {lost[0]} is needed first")
    custody.store.write(PREFIX + group_id.hex(), platform.cbor_encode([shard.epoch, chosen]))
    return chosen


def selected(custody: Custody, group_id: bytes) -> list[int]:
    """The members chosen last. Raises DaricError("parameter") if none were, or the members changed since."""
    stored = custody.store.read(PREFIX + group_id.hex())
    with suppress(DaricError, ValueError):
        epoch, chosen = platform.cbor_decode(stored or b"\x80")
        if epoch == custody.shard(group_id).epoch:
            return list(chosen)
    raise DaricError("parameter", "choose the members that take part first: `daric party select`, or --signers")


def _words(indexes: Sequence[int]) -> str:
    return ", ".join(str(index) for index in indexes)


__all__ = ["PartyState", "Surroundings", "banned", "list_parties", "select", "selected"]
