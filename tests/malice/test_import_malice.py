"""Lies in an import and in an export. docs/protocol.md, sections 10 and 11."""

import pytest
from daric_protocol.rounds import dealing
from daric_protocol.rounds import export as rounds_export
from daric_protocol.rounds import imported as rounds_imported

from tests.malice.hostile import Tamper, assert_nobody_honest_is_accused, field, flip, other, possessed, put, verdict
from tests.rounds.exchange import results, run
from tests.rounds.exports import SECRET, X, exports, import_together, imports
from tests.rounds.groups import newcomers

SOFT = ("soft", None)
PHRASE = bytes(range(32))


def sessions(entropy=b""):
    return imports(newcomers(3, "import"), 2, 1, entropy=entropy)


def test_a_dealer_that_deals_another_key_than_it_announced_is_named():
    generators = imports(newcomers(3, "import"), 2, 1, secret=SECRET + 1)
    patch = (rounds_imported, "_check_key", lambda *_: 0)
    generators[1] = possessed(generators[1], patch)
    ended = run(generators)
    assert verdict(ended[2]) == verdict(ended[3]) == ("blame", 1)


def test_a_member_that_adds_to_the_key_is_named():
    generators = sessions()
    honest = dealing._body

    def body(me, plan, sid, polynomial, random):
        data = honest(me, plan, sid, polynomial, random)
        return data[:64] + X + data[97:]

    patches = ((dealing, "_body", body), (dealing, "_open", lambda plan, *_: [None] * plan.t))
    generators[2] = possessed(generators[2], *patches)
    ended = run(generators)
    assert verdict(ended[1]) == verdict(ended[3]) == ("blame", 2)


def part(dealing_number, n, change):
    """A change of one field in the message of one of the dealings."""

    def apply(bundle):
        bundle[dealing_number] = field(n, change)(list(bundle[dealing_number]))
        return bundle

    return apply


@pytest.mark.parametrize("sender", [1, 2])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    ("number", "n", "change", "expected"),
    [
        (1, 0, other, "blame"),
        (1, 1, flip(9), "blame"),
        (2, 0, flip(40), "blame"),
        (2, 1, other, "soft"),
        (3, 0, other, "soft"),
    ],
)
def test_every_dealing_of_a_session_is_checked(sender, which, number, n, change, expected):
    ended = run(sessions(PHRASE), Tamper(number, sender, 3, part(which, n, change)))
    assert verdict(ended[3]) == ((expected, sender) if expected == "blame" else SOFT)
    assert_nobody_honest_is_accused(ended, sender)


@pytest.mark.parametrize("which", [1, 2])
def test_a_wrong_share_of_the_phrase_names_the_dealer(which):
    ended = run(sessions(PHRASE), Tamper(2, 1, 3, part(which, 2, flip(31))))
    assert verdict(ended[3]) == ("blame", 1)


def test_a_member_that_deals_a_phrase_of_its_own_is_named():
    ended = run(sessions(PHRASE), Tamper(2, 2, 3, part(1, 2, put(bytes(32)))))
    assert verdict(ended[3]) == ("blame", 2)


@pytest.mark.parametrize("change", [lambda bundle: bundle[:2], lambda bundle: bundle[:1], lambda bundle: bundle * 2])
def test_a_dealing_too_many_or_too_few_names_the_sender(change):
    for number in (1, 2, 3):
        ended = run(sessions(PHRASE), Tamper(number, 2, 3, change))
        assert verdict(ended[3]) == ("blame", 2)


def test_a_key_that_two_parties_saw_differently_names_who_signed_both():
    """Party 1 sends two signed commitments to one part of the phrase: the copies show it."""
    generators = sessions(PHRASE)
    twin = sessions(PHRASE[::-1])
    ours, theirs = next(twin[1]), None

    class Split(Tamper):
        def message(self, number, sender, receiver, fields):
            if (number, sender, receiver) == (1, 1, 3):
                fields[1] = theirs[1]
            return fields

    assert ours.round == 0
    starts = {2: next(twin[2]), 3: next(twin[3])}
    first = twin[1].send({j: starts[j].messages[1] for j in (2, 3)})
    theirs = first.messages[3].to_wire()
    ended = run(generators, Split(0, 0, 0, None))
    assert verdict(ended[2]) == verdict(ended[3]) == ("blame", 1)
    assert ended[2].error.evidence


# Export


@pytest.fixture(scope="module")
def wallet():
    return import_together(2, 3, 1, entropy=PHRASE)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("change", [flip(31), flip(0), put(bytes(32))])
def test_a_wrong_share_names_its_sender(wallet, which, change):
    ended = run(exports(wallet, [1, 2], 1), Tamper(2, 2, 1, field(0, field(which, change))))
    assert verdict(ended[1]) == ("blame", 2)


@pytest.mark.parametrize("change", [lambda s: s[:2], lambda s: [], lambda s: s[1:], lambda s: [*s, s[0]]])
def test_a_share_too_many_or_too_few_names_its_sender(wallet, change):
    ended = run(exports(wallet, [1, 2], 1), Tamper(2, 2, 1, field(0, change)))
    assert verdict(ended[1]) == ("blame", 2)


@pytest.mark.parametrize("change", [flip(3), other])
def test_no_share_leaves_without_everyones_consent(wallet, change):
    sent = []

    class Watch(Tamper):
        def message(self, number, sender, receiver, fields):
            sent.append((number, sender, receiver))
            return super().message(number, sender, receiver, fields)

    ended = run(exports(wallet, [1, 2], 1), Watch(1, 1, 2, field(0, change)))
    assert verdict(ended[2]) == ("blame", 1)
    assert 2 not in {number for number, _, _ in sent}


def test_the_initiator_sends_no_share_and_the_others_send_only_to_it():
    wallet = import_together(3, 3, 1)
    sent = {}

    class Watch(Tamper):
        def message(self, number, sender, receiver, fields):
            sent[number, sender, receiver] = fields
            return fields

    results(exports(wallet, [1, 2, 3], 2), Watch(0, 0, 0, None))
    second = {(sender, receiver): fields for (number, sender, receiver), fields in sent.items() if number == 2}
    assert set(second) == {(1, 2), (3, 2), (2, 1), (2, 3)}
    assert second[2, 1] == second[2, 3] == [[]]


def test_what_is_no_phrase_exports_the_key_only():
    """Nobody can check what the importer shares beside the key until it is put together."""
    custodies = newcomers(3, "import")
    generators = imports(custodies, 2, 1, entropy=PHRASE)
    junk = (rounds_imported.entropyparts, "split", lambda *_: [5, 7])
    generators[1] = possessed(generators[1], junk)
    for index, (_, acks) in results(generators).items():
        custodies[index].activate(acks)
    exported = results(exports(custodies, [2, 3], 2))[2]
    assert (exported.secret, exported.entropy) == (SECRET, b"")


def test_shares_that_do_not_give_the_key_end_softly(wallet):
    generators = exports(wallet, [1, 2], 1)
    ended = run({**generators, 1: possessed(generators[1], (rounds_export, "lagrange", lambda *_: 1))})
    assert verdict(ended[1]) == SOFT
