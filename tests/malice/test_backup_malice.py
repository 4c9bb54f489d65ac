"""Lies in every message of a backup and of its test: what each party says and keeps. docs/protocol.md, section 12."""

import pytest
from daric_protocol import platform
from daric_protocol.rounds import backup

from tests.malice.backup_house import (
    BACKUP,
    CLOUD,
    DEVICE,
    HOLDER,
    NONE,
    PHONE,
    SOFT,
    House,
    assert_named,
    verdict,
    verdicts,
)
from tests.malice.hostile import Tamper, field, flip, possessed, put
from tests.rounds.exchange import Relay, randomness, results, run
from tests.rounds.groups import GROUP_ID, session

Q = platform.curve.Q
G = platform.curve.encode(platform.curve.G)

BLAMED = [
    (1, DEVICE, PHONE, 0, flip(30)),
    (1, DEVICE, PHONE, 0, put(b"")),
    (1, DEVICE, PHONE, 1, put(b"")),
    (1, DEVICE, PHONE, 1, flip(60)),
    (1, DEVICE, PHONE, 2, put(b"")),
    (1, DEVICE, HOLDER, 0, put(b"\x80")),
    (1, DEVICE, HOLDER, 1, put(bytes(100))),
    (1, DEVICE, HOLDER, 2, put(bytes(100))),
    (1, DEVICE, CLOUD, 1, put(bytes(100))),
    (1, HOLDER, PHONE, 0, put(b"sheet")),
    (1, HOLDER, DEVICE, 1, put(b"piece")),
    (1, CLOUD, HOLDER, 2, put(b"others")),
    (2, PHONE, CLOUD, 1, put(b"")),
    (2, PHONE, HOLDER, 1, put(b"sealed")),
    (2, HOLDER, CLOUD, 1, put(b"sealed")),
    (2, DEVICE, CLOUD, 1, put(b"sealed")),
    (3, CLOUD, HOLDER, 1, put(b"")),
    (3, CLOUD, PHONE, 1, put(b"sealed")),
    (3, CLOUD, DEVICE, 1, put(b"sealed")),
    (3, HOLDER, CLOUD, 1, put(b"sealed")),
    (4, HOLDER, PHONE, 0, put(b"")),
]


@pytest.mark.parametrize(("number", "sender", "receiver", "n", "change"), BLAMED)
def test_what_no_honest_party_sends_names_its_sender(number, sender, receiver, n, change):
    house = House()
    ended = run(house.backing_up(), Tamper(number, sender, receiver, field(n, change)))
    assert_named(ended, sender, receiver)
    assert number == 4 or receiver not in house.kept()


@pytest.mark.parametrize(
    ("number", "sender", "receiver", "n", "change"),
    [
        (2, PHONE, CLOUD, 1, flip(50)),  # the envelope: the device or the phone
        (2, PHONE, CLOUD, 1, flip(3)),
        (3, CLOUD, HOLDER, 1, flip(60)),  # a piece: the device or the cloud
        (2, PHONE, HOLDER, 0, flip(0)),
        (2, DEVICE, CLOUD, 0, flip(31)),
        (3, HOLDER, DEVICE, 0, flip(5)),
        (4, CLOUD, PHONE, 0, flip(5)),
    ],
)
def test_where_two_may_have_lied_nobody_is_named(number, sender, receiver, n, change):
    house = House()
    ended = run(house.backing_up(), Tamper(number, sender, receiver, field(n, change)))
    assert verdict(ended[receiver]) == SOFT
    assert set(verdicts(ended).values()) <= {SOFT, NONE}
    assert number == 4 or receiver == DEVICE or receiver not in house.kept()


class Split(Relay):
    """One party gets everything of round 1 from another run of the device."""

    def __init__(self, receiver, message):
        self.receiver, self.other = receiver, message

    def message(self, number, sender, receiver, fields):
        return self.other if (number, sender, receiver) == (1, DEVICE, self.receiver) else fields


@pytest.mark.parametrize("receiver", [PHONE, CLOUD, HOLDER])
def test_a_device_that_shows_two_sheets_is_found_out_before_anybody_keeps_one(receiver):
    house = House()
    another = next(house.backing_up("another")[DEVICE]).messages[receiver].to_wire()
    ended = run(house.backing_up(), Split(receiver, another))
    assert set(verdicts(ended).values()) == {SOFT}
    assert house.kept() == []


def lying(house, *patches):
    """The backup of a device that runs other code."""
    generators = house.backing_up()
    generators[DEVICE] = possessed(generators[DEVICE], *patches)
    return run(generators)


def spoiling(spoil):
    """Patches of a device whose sheet or pieces are others."""
    honest = backup.split

    def split(*arguments):
        sheet, pieces = honest(*arguments)
        return spoil(sheet, pieces) or sheet, pieces

    return (backup, "split", split)


def with_field(name, value):
    def spoil(sheet, _):
        setattr(sheet, name, value)

    return spoil


def wrong(number):
    def spoil(_, pieces):
        pieces[number] = (pieces[number] + 1) % Q

    return spoil


@pytest.mark.parametrize("number", [PHONE, CLOUD, HOLDER])
def test_a_device_that_seals_a_wrong_piece_is_named_by_its_holder(number):
    house = House()
    assert_named(lying(house, spoiling(wrong(number))), DEVICE, number)
    assert number not in house.kept()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch", 2),
        ("index", HOLDER),
        ("threshold", 3),
        ("pk", G),
        ("backup_id", bytes(16)),
        ("group_id", bytes(16)),
        ("commitments", []),
        ("commitments", [G, G]),
        ("holders", [(PHONE, G), (CLOUD, G), (HOLDER, G)]),
    ],
    ids=str,
)
def test_a_device_that_writes_another_sheet_than_the_terms_say_is_named_by_all(name, value):
    house = House()
    ended = lying(house, spoiling(with_field(name, value)))
    assert {verdict(ended[j]) for j in (PHONE, CLOUD, HOLDER)} == {("blame", DEVICE)}
    assert house.kept() == []


def test_a_device_that_gives_the_cloud_no_check_or_the_phone_one_is_named():
    def without(*arguments):
        return sealing(*arguments[:6], b"")

    def always(*arguments):
        return sealing(*arguments[:6], bytes(32))

    sealing = backup.seal_piece
    house = House()
    assert_named(lying(house, (backup, "seal_piece", without)), DEVICE, CLOUD)
    house = House()
    assert_named(lying(house, (backup, "seal_piece", always)), DEVICE, PHONE)
    assert PHONE not in house.kept()


def test_a_device_whose_envelope_lacks_a_piece_is_named_by_the_cloud():
    def lacking(identity, receiver, sheet, pieces, random):
        return honest(identity, receiver, sheet, {CLOUD: pieces[CLOUD]}, random)

    honest = backup.seal_others
    house = House()
    assert_named(lying(house, (backup, "seal_others", lacking)), DEVICE, CLOUD)
    assert house.kept() == []


@pytest.mark.parametrize("receiver", [PHONE, CLOUD, HOLDER])
def test_without_a_cloud_a_piece_that_does_not_open_is_the_devices(receiver):
    house = House(cloud=0)
    ended = run(house.backing_up(), Tamper(1, DEVICE, receiver, field(1, flip(60))))
    assert_named(ended, DEVICE, receiver)
    house = House(cloud=0)
    assert_named(lying(house, spoiling(wrong(receiver))), DEVICE, receiver)


def test_the_phone_sees_no_other_piece_and_nothing_in_clear():
    house = House()
    pieces = {}

    class Watch(Relay):
        def message(self, number, sender, receiver, fields):
            pieces.setdefault(receiver, []).append(platform.cbor_encode(fields))
            return fields

    results(house.backing_up(), Watch())
    for j in (PHONE, CLOUD, HOLDER):
        _, _, piece, check = house.keepers[j].kept[GROUP_ID, BACKUP]
        seen = b"".join(data for messages in pieces.values() for data in messages)
        assert piece not in seen and (not check or check not in seen)


# The test of a backup


@pytest.mark.parametrize(
    ("n", "change"),
    [(1, flip(40)), (1, flip(64)), (1, put(bytes(65))), (1, put(b"")), (0, flip(20)), (0, put(b"")), (0, put(b"\x80"))],
)
def test_a_holder_that_proves_what_it_has_not_is_named(n, change):
    house = House().backed_up()
    ended = run(house.verifying(), Tamper(1, HOLDER, PHONE, field(n, change)))
    assert_named(ended, HOLDER, PHONE)


def test_a_member_that_is_no_holder_proves_nothing():
    house = House().backed_up()
    house.keepers[DEVICE].kept.update(house.keepers[HOLDER].kept)
    assert results(house.verifying((1, 2, 4)))[PHONE] == [1, 2]
    sheet = house.sheet().encode()
    ended = run(house.verifying((1, 4)), Tamper(1, DEVICE, PHONE, lambda _: [sheet, bytes(65)]))
    assert_named(ended, DEVICE, PHONE)


def test_a_proof_of_one_session_is_none_in_another():
    house = House().backed_up()
    sheet, _, piece, _ = house.keepers[HOLDER].kept[GROUP_ID, BACKUP]
    proof = backup.prove(house.sheet(), HOLDER, int.from_bytes(piece, "big"), session("older"), randomness("older"))
    ended = run(house.verifying(), Tamper(1, HOLDER, PHONE, lambda _: [sheet, proof]))
    assert_named(ended, HOLDER, PHONE)
