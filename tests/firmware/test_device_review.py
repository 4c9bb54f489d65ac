"""What the owner reviews outside sessions: addresses computed on the device, raw digests allowed there alone."""

import os

import pytest
from daric_protocol import bip32, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import account, address
from daric_protocol.identity import ecdsa_verify
from daric_protocol.limits import APPROVAL_TIMEOUT
from daric_protocol.policy import Policy

from tests.firmware.board import device, host_of, pair, pass_seconds, press
from tests.firmware.test_device_lock import patient, shown, typed, with_pin
from tests.firmware.test_device_sessions import make_wallet, request, signing
from tests.sim.rig import DeviceParty, LocalParty, run_session

RAW = request(0, b"\x5a" * 32)
SWITCH = "menu:review.raw_digests"


@pytest.fixture
async def wallet(tmp_path):
    """(device, link, another member, terms of the wallet that both made)."""
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    party = LocalParty(5)
    terms = await make_wallet(link, [party])
    return app, link, party, terms


async def refused(name, awaitable):
    with pytest.raises(DaricError) as caught:
        await awaitable
    assert caught.value.name == name


# Raw digests


async def test_a_raw_digest_is_signed_only_while_the_owner_allows_them(wallet):
    app, link, party, terms = wallet
    asked = signing(party, app, terms, RAW)
    await refused("raw_digest", link.session_join(asked.encode()))
    press(app, SWITCH, "approve")
    assert shown(app) == "Raw digests are allowed"
    app.board.pages.clear()
    asked = signing(party, app, terms, RAW)
    [(state, signature), _] = await run_session(asked, [DeviceParty(link), RawParty(party)])
    assert state == "done"
    key = platform.curve.decode(party.custody.shard(terms.group).pk)
    assert ecdsa_verify(key, b"\x5a" * 32, *[int.from_bytes(signature[at : at + 32], "big") for at in (0, 32)])
    [question] = [lines for lines, ask in app.board.pages if ask]
    assert "WARNING:" in question and "RAW DIGEST:" in question
    press(app, SWITCH, "approve")
    assert shown(app) == "Raw digests are refused"
    await refused("raw_digest", link.session_join(signing(party, app, terms, RAW).encode()))


class RawParty(LocalParty):
    """Another member whose owner allows raw digests too."""

    def __init__(self, party: LocalParty) -> None:
        self.__dict__.update(vars(party))

    async def join(self, terms) -> bytes:
        self.session = flows.open_session(terms, self.custody, os.urandom, False, allow_raw=True)
        return self.session.join()


async def test_the_choice_is_there_after_a_restart(wallet, tmp_path):
    app, _, party, terms = wallet
    press(app, SWITCH, "approve")
    again = device(tmp_path)
    link = host_of(again)
    await pair(link)
    assert await link.session_join(signing(party, again, terms, RAW).encode())


@pytest.mark.parametrize("answer", ["refuse", None])
async def test_without_a_yes_they_stay_refused(wallet, answer):
    app, link, party, terms = wallet
    patient(app)
    press(app, SWITCH)
    assert "WARNING" in shown(app)
    if answer is None:
        pass_seconds(app, APPROVAL_TIMEOUT)
    else:
        press(app, answer)
    assert app.board.pages[-1][0][:2] == ["Daric", "ready"]
    await refused("raw_digest", link.session_join(signing(party, app, terms, RAW).encode()))


async def test_the_pin_is_asked_where_one_is_set(wallet):
    app, link, party, terms = wallet
    with_pin(app)
    press(app, SWITCH, "approve")
    assert "PIN:" in shown(app)
    press(app, "refuse")
    await refused("raw_digest", link.session_join(signing(party, app, terms, RAW).encode()))
    press(app, SWITCH, "approve")
    typed(app, "493021")
    assert shown(app) == "Raw digests are allowed"


async def test_a_policy_is_decided_with_the_pin_where_one_is_set(wallet):
    app, link, _, terms = wallet
    with_pin(app)
    asked = [terms.group, Policy([(1, 5)], [], [], 0).encode()]
    assert await link._call("policy_propose", *asked) == []
    press(app, "approve")
    assert await link._call("policy_propose", *asked) == []
    assert "PIN:" in shown(app)
    assert (await link.policy(terms.group)).policy is None
    typed(app, "493021")
    assert await link._call("policy_propose", *asked) == [True]
    assert (await link.policy(terms.group)).counted == {1: 0}


# A question that nobody answers


async def test_a_signature_that_nobody_agrees_to_is_refused_in_time(wallet):
    app, link, party, terms = wallet
    patient(app)
    asked = signing(party, app, terms, request())
    await link.session_start([await link.session_join(asked.encode()), await party.join(asked)])
    assert (await link.session_state()).state in ("opening", "confirming")
    for _ in range(5):
        await link.session_fetch()
    assert (await link.session_state()).state == "confirming"
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert app.board.pages[-1] == (["sign", "soft"], False)
    press(app, "approve")  # too late
    status = await link.session_state()
    assert (status.state, status.error.name) == ("failed", "soft")
    last = (await link.log()).entries[-1]
    assert (last.op, last.outcome) == ("sign", "soft")


# Addresses


@pytest.mark.parametrize(
    ("kind", "salt", "path"),
    [("", 0, []), ("", 0, [0, 7]), *[(kind, 0, []) for kind in account.KINDS], ("simple-0.7", 2**255, [1])],
)
async def test_an_address_is_computed_and_shown(wallet, kind, salt, path):
    app, link, party, terms = wallet
    shard = party.custody.shard(terms.group)
    expected = address.from_public_key(bip32.tweak(shard.pk, shard.cc, path)[1] if path else shard.pk)
    if kind:
        expected = account.account_address(expected, kind, salt)
    app.board.pages.clear()
    assert await link.show_address(terms.group, kind, salt, path) == expected
    [lines] = [lines for lines, ask in app.board.pages if ask]
    assert lines[:2] == ["Address of", " Savings"]
    assert "".join(line[1:] for line in lines[lines.index("Same elsewhere?") + 1 :]) == address.to_text(expected)
    joined = "".join(line[1:] for line in lines)
    assert kind in joined and ("m/" + "/".join(map(str, path)) in joined) == bool(path)


async def test_an_address_that_the_owner_does_not_confirm_is_not_given(wallet):
    app, link, _, terms = wallet
    app.board.answer = "refuse"
    await refused("refused", link.show_address(terms.group))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"group": bytes(16)}, "group"),
        ({"group": b""}, "encoding"),
        ({"kind": "simple-0.5"}, "parameter"),
        ({"kind": 7}, "encoding"),
        ({"salt": 1}, "parameter"),
        ({"kind": "simple-0.7", "salt": -1}, "encoding"),
        ({"kind": "simple-0.7", "salt": bytes(32)}, "encoding"),
        ({"path": [2**31]}, "encoding"),
        ({"path": [-1]}, "encoding"),
        ({"path": [True]}, "encoding"),
        ({"path": [0] * 11}, "encoding"),
        ({"path": None}, "encoding"),
    ],
    ids=str,
)
async def test_what_is_no_address_is_not_shown(wallet, change, name):
    app, link, _, terms = wallet
    app.board.pages.clear()
    asked = {"group": terms.group, "kind": "", "salt": 0, "path": [], **change}
    await refused(name, link._call("address_show", *asked.values()))
    assert not [lines for lines, ask in app.board.pages if ask]
