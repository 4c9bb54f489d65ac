"""Sessions that a party was left in when its process died: ended, so that it does not stay busy until they expire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from typing import TypeVar

from daric_protocol.errors import DaricError

from daric_host.hop_client import Refused
from daric_host.relay import RelayClient

T = TypeVar("T")


async def freeing(relay: RelayClient, mine: Container[bytes], take: Callable[[], Awaitable[T]]) -> T:
    """Do what makes a party busy: create or join a session.

    mine: ids (16 B) of the sessions under way in this process. If the party is busy with another one, that one is lost,
    since no session survives its process: it is aborted for everybody and `take` is tried once more.
    """
    try:
        return await take()
    except Refused as error:
        if error.name != "busy" or error.session is None or error.session in mine:
            raise
        lost = error.session
    with suppress(DaricError):  # it ended meanwhile
        await relay.abort(lost)
    return await take()
