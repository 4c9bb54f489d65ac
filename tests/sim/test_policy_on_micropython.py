"""The owner's policy and raw digests on the real interpreter, in the heap of a board."""

import os

import pytest
from daric_host.ownerpolicy import make_policy
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.evm.request import TRANSACTION, Request
from daric_protocol.evm.transaction import DYNAMIC_FEE, Transaction
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session

HOST, TO, ETHER = Identity(4711), b"\xaa" * 20, 10**18


def pays(value: int, nonce: int) -> bytes:
    tx = Transaction(DYNAMIC_FEE, nonce, 21000, TO, value, b"", 1, max_fee=10**9, priority_fee=10**9)
    return Request(TRANSACTION, tx.encode(), [0, nonce]).encode()


@pytest.mark.slow
async def test_a_policy_holds_over_a_restart_in_240_kb(tmp_path):
    device = SimDevice(tmp_path / "device", heapsize="240k")
    with device:
        link, pairing = await paired(device, HOST)
        async with link:
            parties = [LocalParty(5), LocalParty(6)]
            terms = flows.create_terms(os.urandom(16), 2, 3, os.urandom, "Savings")
            outcomes = await run_session(terms, [DeviceParty(link), *parties])
            assert {state for state, _ in outcomes} == {"done"}, (outcomes, device.log)
            group, roster = terms.group, parties[0].custody.roster(terms.group)
            own = roster.index_of((await link.identity()).identity)
            other = roster.index_of(parties[0].identity.public)

            def asked(value: int, nonce: int):
                return flows.sign_terms(os.urandom(16), group, roster, sorted([own, other]), pays(value, nonce))

            await link.propose_policy(group, make_policy([(1, 2 * ETHER)], [TO], [other]))
            assert "24 hours' limit:" in [line for screen in device.screens for line in screen.lines]
            for nonce in range(2):
                outcomes = await run_session(asked(ETHER - 10**15, nonce), [DeviceParty(link), parties[0]])
                assert {state for state, _ in outcomes} == {"done"}, (outcomes, device.log)
            with pytest.raises(DaricError) as caught:
                await link.session_join(asked(ETHER, 2).encode())
            assert caught.value.name == "policy", device.log
            device.restart()
            await link.connect(pairing)
            with pytest.raises(DaricError) as caught:
                await link.session_join(asked(ETHER, 2).encode())
            assert caught.value.name == "policy", device.log
            assert (await link.policy(group)).counted == {1: 2 * ETHER - 2 * 10**15 + 2 * 21000 * 10**9}
            assert (await link.log()).entries[-1].outcome == "policy"
            assert await link.show_address(group, "simple-0.8", 0, [0, 1])
