"""The same bad luck and malice for every process: a refusal, a party that vanishes, a relay with two faces.

Nobody is accused who did nothing, nothing is lost, and the group goes on. Specification: docs/protocol.md, section 13.
"""

import pytest
from daric_protocol.errors import DaricError
from daric_protocol.group import LEFT_BEHIND

from tests.session.deaths import Dead, quick_transfers
from tests.session.network import EvilRelay
from tests.session.parties import Party
from tests.session.processes import NEW, OPERATIONS, Setting, changed, detail, house

ROUNDS = {"create": 4, "import": 4, "sign": 3, "export": 2, "pair": 4, "refresh": 4, "add": 4, "remove": 4, "enrol": 2,
          "master": 1, "backup": 4, "verify": 1, "recover": 6}  # fmt: skip
OTHERS = {"pair": [1, 3]}  # a set-up whose acknowledgement was lost has to be made again before the two sign


@pytest.fixture(scope="module", autouse=True)
def quickly():
    with quick_transfers():
        yield


@pytest.fixture(scope="module")
def made():
    return house()


def nobody_is_accused(network):
    assert set(network.errors()) <= {None, "soft", "spent", "refused", "backup", "parameter"}, network.errors()
    assert all(getattr(session.error, "blame", None) is None for session in network.sessions)


@pytest.mark.parametrize("op", OPERATIONS)
def test_without_any_of_it_the_process_is_done(made, op):
    setting = Setting(made)
    network = setting.network(op)
    rounds = [-1]
    network.relay = EvilRelay(delay=lambda parcel: bool(rounds.append(parcel.round)))
    assert set(network.start().confirm().run().states()) == {"done"}, network.errors()
    assert max(rounds) == ROUNDS[op]


@pytest.mark.parametrize("op", OPERATIONS)
def test_a_party_refuses(made, op):
    seats = len(Setting(made).seats(op, Setting(made).terms(op)))
    for seat in range(seats):
        setting = Setting(made, seat)
        network = setting.network(op).start()
        if not network.sessions[seat].needs_confirmation:
            continue  # the cloud party confirms nothing
        network.sessions[seat].refuse()
        for other in network.sessions:
            if other.needs_confirmation:
                other.confirm()
        network.run().expire()
        assert "done" not in network.states() and network.errors()[seat] == "refused"
        nobody_is_accused(network)
    setting.unharmed()


@pytest.mark.parametrize("op", OPERATIONS)
def test_a_party_joins_and_is_gone_before_the_start(made, op):
    seats = len(Setting(made).seats(op, Setting(made).terms(op)))
    for seat in range(seats):
        setting = Setting(made, seat)
        network = setting.network(op)
        network.sessions[seat].join()
        gone = network.sessions[seat]
        gone.start = lambda _joins: False
        network.pumps[seat] = Dead(gone)
        network.start()
        for session in network.sessions:
            if session is not gone and session.needs_confirmation:
                session.confirm()
        network.run().expire()
        assert "done" not in network.states()
        nobody_is_accused(network)
    setting.unharmed()


def vanishing():
    for op in OPERATIONS:
        for number in range(ROUNDS[op] + 1):
            for seat in range(3 if op not in ("sign", "export", "pair", "remove", "verify") else 2):
                marks = [] if seat == 1 and number in (0, 2, ROUNDS[op]) else pytest.mark.slow
                yield pytest.param(op, seat, number, marks=marks, id=f"{op}-{seat}-{number}")


@pytest.mark.parametrize(("op", "seat", "number"), list(vanishing()))
def test_a_party_vanishes_in_a_round(made, op, seat, number):
    setting = Setting(made)
    relay = EvilRelay(drop=lambda parcel: parcel.origin == seat and parcel.round >= number)
    network = setting.network(op, relay).start().confirm().run().expire()
    nobody_is_accused(network)
    others = [state for place, state in enumerate(network.states()) if place != seat]
    assert "done" not in others or ROUNDS[op] == number
    setting.unharmed(OTHERS.get(op))


# A relay with two faces


def views(op, terms):
    """Other terms of the same process that look as good."""
    if op in NEW:
        views = [changed(terms, threshold=3)]
        if op == "import":
            return [*views, detail(terms, entropy=32), detail(terms, key=_other_key())]
        return [*views, changed(terms, group=b"another group id")]
    if op == "sign":
        return [changed(terms, request=terms.request[:-1] + b"2"), changed(terms, members=[1, 3])]
    if op == "export":
        return [detail(terms, purpose="a gift"), detail(terms, initiator=2), changed(terms, members=[1, 3])]
    if op in ("pair", "verify"):
        return [changed(terms, members=[1, 3])] + ([detail(terms, sheet=bytes(32))] if op == "verify" else [])
    if op == "refresh":
        return [changed(terms, op="export"), changed(terms, threshold=3)]
    if op == "add":
        facts = terms.details().facts
        facts.highest = 7
        return [changed(terms, threshold=2), detail(terms, facts=facts)]
    if op == "remove":
        return [detail(terms, leaving=[2]), changed(terms, threshold=3)]
    if op == "enrol":
        return [changed(terms, members=[1, 3]), detail(terms, highest=8), detail(terms, pk=_other_key())]
    if op == "master":
        return [detail(terms, master=1), detail(terms, master=0)]
    if op == "backup":
        return [detail(terms, backup_id=bytes(16)), detail(terms, phone=2, cloud=1), detail(terms, device=1)]
    return [detail(terms, index=2), detail(terms, backup_id=bytes(16)), detail(terms, phone=2, cloud=1)]


def _other_key():
    return Party("stranger").custody.identity.public


@pytest.mark.parametrize("seat", [pytest.param(0, marks=pytest.mark.slow), 1])
@pytest.mark.parametrize("op", OPERATIONS)
def test_a_party_that_is_shown_other_terms_parts_from_the_others(made, op, seat):
    for other in views(op, Setting(made).terms(op)):
        setting = Setting(made)
        try:
            network = setting.network(op, shown={seat: other})
        except (DaricError, ValueError):
            continue  # refused before anything was sent
        codes = {session.code for session in network.start().sessions}
        network.confirm().run().expire()
        assert "done" not in network.states(), (other.request, codes)
        nobody_is_accused(network)
    setting.unharmed()


def test_nobodys_tries_of_the_recovery_code_are_used_up_by_other_terms(made):
    for seat in range(3):
        setting = Setting(made)
        for other in views("recover", setting.terms("recover"))[1:]:
            Setting(made).network("recover", shown={seat: other}).start().confirm().run().expire()
    assert made.keepers[2].tries == {}


# Without somebody, with somebody twice, with somebody else.
LISTS = [
    lambda joins: joins[:-1],
    lambda joins: [*joins[:-1], joins[0]],
    lambda joins: [*joins[:-1], joins[-1][:-1] + bytes([joins[-1][-1] ^ 1])],
]


@pytest.mark.parametrize("op", OPERATIONS)
def test_a_party_that_is_shown_another_start_list_parts_from_the_others(made, op):
    for show in LISTS:
        setting = Setting(made)
        relay = EvilRelay(lists=lambda seat, joins, show=show: show(joins) if seat == 0 else joins)
        network = setting.network(op, relay).start().confirm().run().expire()
        assert "done" not in network.states()
        nobody_is_accused(network)
    setting.unharmed()


@pytest.mark.parametrize("op", ["create", "import", "add", "enrol", "recover"])
def test_openings_that_are_swapped_or_altered_for_one_party_end_it_softly(made, op):
    for alter in (lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]), lambda _: b"\x83\x40\x40\x40"):
        setting = Setting(made)
        relay = EvilRelay(tamper=lambda parcel, alter=alter: alter(parcel.frame) if _opening_to(parcel, 0) else None)
        network = setting.network(op, relay).start().confirm().run().expire()
        assert set(network.errors()) == {"soft"}
    setting.unharmed()


def _opening_to(parcel, seat):
    return parcel.is_opening and parcel.to == seat


def altering():
    for op in OPERATIONS:
        for number in range(ROUNDS[op] + 1):
            marks = [] if number == ROUNDS[op] else pytest.mark.slow
            yield pytest.param(op, number, marks=marks, id=f"{op}-{number}")


@pytest.mark.parametrize(("op", "number"), list(altering()))
def test_messages_that_a_relay_alters_for_one_party_are_dropped_and_nobody_is_accused(made, op, number):
    setting = Setting(made)
    relay = EvilRelay(tamper=lambda parcel: _bent(parcel.frame) if (parcel.round, parcel.to) == (number, 0) else None)
    network = setting.network(op, relay).start().confirm().run().expire()
    assert network.sessions[0].state == "failed" or number == 0
    nobody_is_accused(network)
    setting.unharmed(OTHERS.get(op))


def _bent(frame):
    return frame[:-5] + bytes([frame[-5] ^ 4]) + frame[-4:]


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op not in NEW])
def test_a_member_that_comes_back_with_an_old_epoch_takes_no_part_and_gives_nothing(made, op):
    setting = Setting(made)
    old = dict(setting.members[1].store)
    network = setting.network("refresh").start().confirm().run()
    assert set(network.states()) == {"done"}
    setting.members[1].store.clear()
    setting.members[1].store.update(old)
    setting.members[1].restart()
    setting.wallet.roster = setting.members[0].custody.roster(setting.group_id)
    asked = changed(setting.terms(op), uuid=b"the second time.")
    setting.terms = lambda _: asked
    try:
        network = setting.network(op).start().confirm().run().expire()
    except DaricError as error:
        assert error.name in ("roster", "backup"), error.name
    else:
        assert "done" not in network.states()
        nobody_is_accused(network)
        assert {parcel.round for parcel in network.log if not parcel.is_notice} <= {-1, 0, 1}
    assert setting.members[1].custody.adopt(setting.members[0].custody.certificate(setting.group_id)) is False
    assert setting.members[1].custody.group(setting.group_id).standing == LEFT_BEHIND
    setting.unharmed([1, 3])
