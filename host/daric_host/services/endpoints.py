"""The HTTP endpoints, in the order a party meets them. Paths and bodies: openapi.json, messages.cddl.

Everything behind a login takes and gives a HopFrame; the rules beside each endpoint are those of its plaintext.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from daric_protocol import limits, platform
from daric_protocol.errors import DaricError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import accounts, invitations, mailbox, sessions
from .desk import FRAME_TYPE, Call, Services, check_fields, context_of, read_body

CLEAR_BYTES = 4096  # a challenge or login request


async def clear_json(request: Request, *names: str) -> list[str]:
    """Text members of a JSON object that has exactly these; DaricError("encoding")."""
    try:
        document = json.loads(await read_body(request, CLEAR_BYTES))
    except ValueError:
        raise DaricError("encoding", "the body is not JSON") from None
    if not isinstance(document, dict) or set(document) != set(names):
        raise DaricError("encoding", "the body has these members: " + ", ".join(names))
    values = [document[name] for name in names]
    if not all(isinstance(value, str) for value in values):
        raise DaricError("encoding", "every member is text")
    return values


def unhex(text: str, size: int) -> bytes:
    """Bytes of a fixed length from lower-case hexadecimal text."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != size or value.hex() != text:
        raise DaricError("encoding", f"{size} bytes of lower-case hexadecimal text were expected")
    return value


# Logging in


async def challenge(services: Services, request: Request) -> Response:
    """A challenge for an identity: to log in, or to be attached to an account."""
    identity, purpose = await clear_json(request, "identity", "purpose")
    return JSONResponse(services.authority.challenge(unhex(identity, 33), purpose))


async def login(services: Services, request: Request) -> Response:
    """A signed challenge becomes a token, sealed under the new hop key: only this party can read it."""
    texts = await clear_json(request, "challenge", "ephemeral", "signature")
    values = [unhex(text, size) for text, size in zip(texts, (32, 33, 64), strict=True)]
    new, channel = services.authority.login(values[0], values[1], values[2])
    new.party = await services.store.write(lambda tx: accounts.find(tx, new.identity))
    answer = [services.authority.admit(new), new.expires, maybe_party(new.party)]
    _, frame = channel.seal(platform.cbor_encode(answer), context_of(request, "POST"))
    return Response(frame, media_type=FRAME_TYPE)


async def token(call: Call) -> Any:
    """AudienceRequest -> TokenAnswer: a token of this login for another audience."""
    (audience,) = call.fields(str)
    return [call.services.authority.token(call.login, audience), call.login.expires]


# Accounts


def describe_party(party: accounts.Party) -> list[Any]:
    return [party.identity, party.account, party.kind, party.name]


def maybe_party(party: accounts.Party | None) -> list[Any]:
    """A list of one party, or of none before the registration."""
    return [] if party is None else [describe_party(party)]


async def me(call: Call) -> Any:
    """-> Me: the caller's registration and its active session."""
    identity = call.login.identity
    session = await call.services.store.read(lambda db: sessions.active_session(db, identity))
    return [maybe_party(call.login.party), session]


async def register(call: Call) -> Any:
    """RegisterRequest -> PartyInfo: an account for this phone or browser, or a named cloud party."""
    kind, name = accounts.check_label(*call.fields(str, str))
    identity = call.login.identity
    is_cloud = identity in call.services.settings.clouds
    party = await call.services.store.write(lambda tx: accounts.register(tx, identity, kind, name, is_cloud))
    call.services.authority.update(party)
    return describe_party(party)


async def invite(call: Call) -> Any:
    """Nothing -> Invitation: lets one more phone or browser register in the caller's account."""
    call.fields()
    owner = call.party
    return list(await call.services.store.write(lambda tx: invitations.invite(tx, owner)))


async def redeem(call: Call) -> Any:
    """RedeemRequest -> PartyInfo: this phone or browser registers in the account that invited it."""
    value, kind, name = call.fields(bytes, str, str)
    kind, name = accounts.check_label(kind, name)
    identity = call.login.identity
    party = await call.services.store.write(lambda tx: invitations.redeem(tx, identity, value, kind, name))
    call.services.authority.update(party)
    return describe_party(party)


async def attach(call: Call) -> Any:
    """AttachRequest -> PartyInfo: add a party that signed for it to the caller's account."""
    value, signature, kind, name = call.fields(bytes, bytes, str, str)
    kind, name = accounts.check_label(kind, name)
    owner = call.party
    identity = call.services.authority.attached(owner, value, signature)
    party = await call.services.store.write(lambda tx: accounts.attach(tx, owner, identity, kind, name))
    call.services.authority.update(party)
    return describe_party(party)


async def parties(call: Call) -> Any:
    """-> PartyList: the parties of the caller's account, with the time each was last seen by this process."""
    account = call.party.account
    rows = await call.services.store.write(lambda tx: accounts.of_account(tx, account))
    return [[*describe_party(row), call.services.seen.get(row.identity, 0)] for row in rows]


async def revoke(call: Call) -> Any:
    """RevokeRequest -> Nothing: a party of the caller's account leaves service for good."""
    (identity,) = call.fields(bytes)
    owner = call.party
    await call.services.store.write(lambda tx: accounts.revoke(tx, owner, identity))
    call.services.authority.drop(identity)
    return []


# Sessions


async def new_session_id(call: Call) -> Any:
    """Nothing -> SessionId: a fresh uuidv4 for a session of this party."""
    call.fields()
    party = call.party
    return [await call.services.store.write(lambda tx: sessions.issue_id(tx, party))]


async def create(call: Call) -> Any:
    """CreateRequest -> SessionInfo."""
    session, terms, needed, allowed = call.fields(bytes, bytes, int, list)
    if not all(isinstance(one, bytes) for one in allowed):
        raise DaricError("encoding", "identities are byte strings")
    party, rules = call.party, call.services.rules
    await call.services.store.write(lambda tx: sessions.create(tx, rules, party, session, terms, needed, allowed))
    return await session_info(call, session)


async def session_info(call: Call, session: bytes) -> list[Any]:
    """SessionInfo as this party may see it, with the time each participant was last seen."""
    party, services = call.party, call.services
    now = services.settings.clock()
    info = await services.store.read(lambda db: sessions.describe(db, session, party.identity, now))
    info[7] = [
        [seat, identity, kind, name, max(int(joined), services.seen.get(identity, 0)), bool(finished)]
        for seat, identity, kind, name, joined, finished, _ in info[7]
    ]
    return info


async def session(call: Call) -> Any:
    """-> SessionInfo, at once or, with `newer`, when the session has a higher version or `wait` is over."""
    session, newer = call.session, call.number("newer", 0, 1 << 31)
    deadline = asyncio.get_running_loop().time() + wait_seconds(call)
    with call.services.store.bells.listen(("session", session, 0)) as bell:
        while True:
            info = await session_info(call, session)
            if info[5] > newer or not await rang(call.services, bell, deadline):
                return info


def wait_seconds(call: Call) -> float:
    """How long a long-poll may hold the request."""
    longest = call.services.settings.long_poll
    return min(float(call.number("wait", 0, 3600)), longest)


async def rang(services: Services, bell: asyncio.Event, deadline: float) -> bool:
    """Wait for the bell; False when the deadline passed or the process is about to stop."""
    try:
        async with asyncio.timeout_at(deadline):
            await bell.wait()
    except TimeoutError:
        return False
    bell.clear()
    return not services.draining


async def join(call: Call) -> Any:
    """JoinRequest -> Seat."""
    (body,) = call.fields(bytes)
    session, party, rules = call.session, call.party, call.services.rules
    return [await call.services.store.write(lambda tx: sessions.join(tx, rules, party, session, body))]


async def start(call: Call) -> Any:
    """Nothing -> Nothing: freeze the members and send everyone the joins."""
    call.fields()
    session, party, rules = call.session, call.party, call.services.rules
    await call.services.store.write(lambda tx: sessions.start(tx, rules, party, session))
    return []


async def end(call: Call) -> Any:
    """EndRequest -> Nothing: this party is done, or ends the session for all."""
    (outcome,) = call.fields(str)
    if outcome not in (sessions.DONE, sessions.ABORTED):
        raise DaricError("parameter", "a session ends as done or aborted")
    session, party, rules = call.session, call.party, call.services.rules
    act = sessions.finish if outcome == sessions.DONE else sessions.abort
    await call.services.store.write(lambda tx: act(tx, rules, party, session))
    return []


async def session_accounts(call: Call) -> Any:
    """-> AccountList: which account each participant belongs to, for the participants themselves."""
    session, party = call.session, call.party
    now = call.services.settings.clock()

    def query(db: Any) -> list[Any]:
        sessions.seat_of(db, session, party.identity)
        rows = sessions.describe(db, session, party.identity, now)[7]
        return [[seat, identity, kind, account or b""] for seat, identity, kind, _, _, _, account in rows]

    return await call.services.store.read(query)


# Messages


def publish_items(services: Services, value: Any) -> list[mailbox.Item]:
    """The items of a PublishRequest; DaricError: encoding, parameter, too_large."""
    if not isinstance(value, list) or not 0 < len(value) <= limits.PUBLISH_MESSAGES:
        raise DaricError("encoding", f"1 to {limits.PUBLISH_MESSAGES} messages were expected")
    items: list[mailbox.Item] = []
    for one in value:
        seat, msg_id, kept, body = check_fields(one, int, bytes, str, bytes)
        if kept not in ("live", "stored") or not 16 <= len(msg_id) <= 32:
            raise DaricError("parameter", "a message is live or stored and its id has 16 to 32 bytes")
        if not 0 < len(body) <= limits.BODY_BYTES:
            raise DaricError("too_large" if body else "parameter", f"a body has 1 to {limits.BODY_BYTES} bytes")
        ttl = services.settings.live_ttl if kept == "live" else services.settings.stored_ttl
        items.append(mailbox.Item(seat, msg_id, body, ttl))
    if len({(item.seat, item.msg_id) for item in items}) != len(items):
        raise DaricError("parameter", "one request names a message twice")
    return items


def submit_publish(
    services: Services, session: bytes, identity: bytes, items: list[mailbox.Item]
) -> asyncio.Future[list[int] | mailbox.Conflict]:
    """Queue a publish; requests of one connection keep their order."""
    settings = services.settings
    quota = mailbox.Quota(settings.mailbox_messages, settings.mailbox_bytes, settings.session_bytes)
    recipients = [item.seat for item in items]

    def work(tx: Any) -> list[int] | mailbox.Conflict:
        sender = sessions.sender_seat(tx, session, identity, recipients)
        return mailbox.put(tx, session, sender, items, quota)

    return services.store.submit(work)


def published(services: Services, outcome: list[int] | mailbox.Conflict) -> list[int]:
    """Sequence numbers of a durable publish; DaricError("conflict") once the evidence of one is durable."""
    if isinstance(outcome, mailbox.Conflict):
        services.metrics.conflicts.inc()
        raise DaricError("conflict")
    services.metrics.published.inc(len(outcome))
    return outcome


async def publish(call: Call) -> Any:
    """PublishRequest -> PublishAnswer: stored in every mailbox or in none, acknowledged once durable."""
    items = publish_items(call.services, call.body)
    outcome = await submit_publish(call.services, call.session, call.party.identity, items)
    return published(call.services, outcome)


async def messages(call: Call) -> Any:
    """-> DeliveryList: what follows `after`, at once or as soon as there is something within `wait` seconds."""
    services, session, identity = call.services, call.session, call.party.identity
    after, limit = call.number("after", 0, 1 << 53), call.number("limit", limits.READ_MESSAGES, limits.READ_MESSAGES)
    seat = await services.store.read(lambda db: sessions.seat_of(db, session, identity))
    deadline = asyncio.get_running_loop().time() + wait_seconds(call)
    clock = services.settings.clock
    with services.store.bells.listen(("mailbox", session, seat)) as bell:
        while True:
            page = await services.store.read(lambda db: mailbox.read(db, session, seat, after, max(limit, 1), clock()))
            if page or not await rang(services, bell, deadline):
                services.metrics.delivered.inc(len(page))
                return [describe_delivery(one) for one in page]


def describe_delivery(one: mailbox.Delivery) -> list[Any]:
    sender = None if one.sender == mailbox.SERVICE else one.sender
    return [one.seq, sender, one.msg_id, one.body]


async def acknowledge(call: Call) -> Any:
    """AckRequest -> Nothing: everything up to a number was processed."""
    (up_to,) = call.fields(int)
    await submit_ack(call.services, call.session, call.party.identity, up_to)
    return []


def submit_ack(services: Services, session: bytes, identity: bytes, up_to: int) -> asyncio.Future[None]:
    """Queue an acknowledgement."""
    if not 0 <= up_to <= 1 << 53:
        raise DaricError("parameter", "a sequence number is not negative")
    return services.store.submit(
        lambda tx: mailbox.ack(tx, session, sessions.seat_of(tx.raw, session, identity), up_to)
    )
