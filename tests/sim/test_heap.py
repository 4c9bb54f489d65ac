"""Whole flows fit the heap that a board offers: 240 KB up to 2 of 3, 330 KB up to eight members (64-bit port)."""

import os

import pytest
from daric_protocol import flows
from daric_protocol.evm import typed_data
from daric_protocol.evm.request import MESSAGE, TYPED_DATA, Request
from daric_protocol.identity import Identity
from daric_protocol.terms import Terms
from daric_sim import scenes_sign
from daric_sim.device import SimDevice

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session

HOST = Identity(4711)
TEXT = Request(MESSAGE, b"a message")
TOKENS = next(asked for name, _, asked in scenes_sign.REQUESTS if name == "token")
ORDER = Request(
    TYPED_DATA,
    typed_data.TypedData(
        ["Market", "1.5", 1, b"\x5e" * 20, None],
        {"Order": [["offerer", "address"], ["prices", "uint256[]"], ["memo", "string"]]},
        "Order",
        [b"\xaa" * 20, [1, 2, 3], "two words"],
    ).encode(),
)
BELOW = Request(MESSAGE, b"by the key of an account below", [0, 0])
KINDS = [TEXT, TOKENS, ORDER, scenes_sign.created(), BELOW]


def asked_by(party: LocalParty, terms: Terms) -> Terms:
    """Terms as a phone proposes them: signed."""
    return terms.signed(party.identity.public, party.custody.sign_identity)


async def make_and_sign(
    tmp_path, heapsize: str, threshold: int, members: int, requests: list[Request], **options
) -> None:
    """A new wallet, then signatures one after another: what one flow leaves behind must not be missing in the next."""
    with SimDevice(tmp_path / "device", heapsize=heapsize, **options) as device:
        link, _ = await paired(device, HOST)
        async with link:
            parties = [LocalParty(5 + number) for number in range(members - 1)]
            asked = flows.create_terms(
                os.urandom(16), threshold, members, os.urandom, "Savings", parties[0].identity.public
            )
            terms = asked_by(parties[0], asked)
            outcomes = await run_session(terms, [DeviceParty(link), *parties])
            assert {state for state, _ in outcomes} == {"done"}, (outcomes, device.log)
            roster = parties[0].custody.roster(terms.group)
            own = roster.index_of((await link.identity()).identity)
            for number, request in enumerate(requests):
                first = number % (members - threshold + 1)
                others = parties[first : first + threshold - 1]
                signers = [own, *(roster.index_of(party.identity.public) for party in others)]
                asked = flows.sign_terms(os.urandom(16), terms.group, roster, signers, request.encode())
                signing = asked_by(parties[0], asked)
                outcomes = await run_session(signing, [DeviceParty(link), *others])
                assert {state for state, _ in outcomes} == {"done"}, (outcomes, device.log)
            log = await link.log()
            assert [entry.op for entry in log.entries] == ["create", *["sign"] * len(requests)]
            assert {(entry.outcome, entry.missed) for entry in log.entries} == {("done", 0)}
            assert len(log.entries[0].peers) == members - 1


async def test_a_2_of_3_wallet_and_a_signature_of_each_kind_fit_240_kb(tmp_path):
    await make_and_sign(tmp_path, "240k", 2, 3, KINDS)


@pytest.mark.slow
async def test_a_4_of_8_wallet_and_its_signatures_fit_330_kb(tmp_path):
    await make_and_sign(tmp_path, "330k", 4, 8, [TEXT, TOKENS])
