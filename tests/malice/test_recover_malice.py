"""Lies in every message of a recovery: what each party says, and who gets what. docs/protocol.md, section 12."""

import pytest
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.recoverycode import check_value, release_mac
from daric_protocol.rounds import backup
from daric_protocol.rounds import recover as rounds_recover

from tests.malice.backup_house import (
    BACKUP,
    CLOUD,
    CODE,
    DEVICE,
    HOLDER,
    NEW,
    NONE,
    PHONE,
    SOFT,
    UUID,
    House,
    assert_named,
    verdict,
    verdicts,
)
from tests.malice.hostile import Tamper, field, flip, possessed, put
from tests.rounds.exchange import Relay, run
from tests.rounds.groups import GROUP_ID, group

Q = platform.curve.Q


def assert_recovered(ended):
    assert set(verdicts(ended).values()) == {NONE}, verdicts(ended)
    assert ended[DEVICE].result[0].s == group(2, 4)[DEVICE].shard.s


@pytest.mark.parametrize(
    ("number", "sender", "receiver", "n", "change"),
    [
        (1, DEVICE, CLOUD, 0, put(b"")),
        (1, HOLDER, CLOUD, 0, put(bytes(32))),
        (1, DEVICE, PHONE, 0, put(bytes(32))),
        (1, CLOUD, DEVICE, 0, put(bytes(32))),
        (2, HOLDER, CLOUD, 0, put(1)),
        (2, HOLDER, CLOUD, 2, put([[PHONE, bytes(9)]])),
        (2, HOLDER, CLOUD, 2, put([[HOLDER, bytes(9)], [HOLDER, bytes(9)]])),
        (2, HOLDER, PHONE, 2, put([[HOLDER, bytes(9)]])),
        (2, HOLDER, DEVICE, 1, put(b"sheet")),
        (2, DEVICE, CLOUD, 2, put([[DEVICE, bytes(9)]])),
        (2, PHONE, CLOUD, 2, put([[PHONE, bytes(9)]])),
        (3, CLOUD, PHONE, 0, put(1)),
        (3, CLOUD, PHONE, 2, put([[PHONE, bytes(9)]])),
        (3, CLOUD, PHONE, 2, put([[HOLDER, bytes(9)], [HOLDER, bytes(9)]])),
        (3, CLOUD, PHONE, 2, put([[9, bytes(9)]])),
        (3, CLOUD, HOLDER, 2, put([[CLOUD, bytes(9)]])),
        (3, HOLDER, PHONE, 2, put([[HOLDER, bytes(9)]])),
        (4, PHONE, DEVICE, 0, put(1)),
        (4, PHONE, DEVICE, 2, put([[9, bytes(9)]])),
        (4, PHONE, DEVICE, 2, put([[PHONE, bytes(9)], [PHONE, bytes(9)]])),
        (4, CLOUD, DEVICE, 2, put([[CLOUD, bytes(9)]])),
        (4, HOLDER, DEVICE, 1, put(b"sheet")),
        (5, HOLDER, PHONE, 1, put([PHONE])),
        (5, HOLDER, PHONE, 0, put(bytes(65))),
        (5, DEVICE, PHONE, 0, flip(40)),
        (5, DEVICE, PHONE, 0, put(b"")),
        (6, DEVICE, PHONE, 0, flip(9)),
        (6, CLOUD, DEVICE, 0, flip(9)),
    ],
)
def test_what_no_honest_party_sends_in_a_recovery_names_its_sender(number, sender, receiver, n, change):
    house = House().backed_up()
    ended = run(house.recovering(), Tamper(number, sender, receiver, field(n, change)))
    assert_named(ended, sender, receiver)


def test_a_wrong_or_replayed_request_is_refused_and_said_to_all():
    check = check_value(CODE, BACKUP)
    for mac in (
        bytes(32),
        release_mac(check, b"another session!", NEW.public, BACKUP),
        release_mac(check, UUID, Identity(5).public, BACKUP),
        release_mac(check, UUID, NEW.public, bytes(16)),
        release_mac(check_value(CODE, bytes(16)), UUID, NEW.public, BACKUP),
    ):
        house = House().backed_up()
        ended = run(house.recovering(), Tamper(1, DEVICE, CLOUD, field(0, put(mac))))
        assert set(verdicts(ended).values()) == {("backup", None)}
        assert house.keepers[CLOUD].tries == {(GROUP_ID, BACKUP): 1}


def test_a_thief_with_a_phone_that_kept_an_old_request_gets_nothing_from_the_cloud():
    house = House().backed_up()
    watched = []

    class Watch(Relay):
        def message(self, number, sender, receiver, fields):
            if (number, sender, receiver) == (1, DEVICE, CLOUD):
                watched.append(fields[0])
            return fields

    assert_recovered(run(house.recovering(), Watch()))
    for uuid, identity in ((UUID, Identity(666).public), (b"another session!", NEW.public)):
        with pytest.raises(DaricError, match="wrong"):
            house.keepers[CLOUD].check_release(GROUP_ID, BACKUP, uuid, identity, watched[0])


def test_a_cloud_that_refuses_a_good_code_can_only_refuse():
    house = House().backed_up()

    class Refusing(Relay):
        def message(self, number, sender, receiver, fields):
            return [1, *fields[1:]] if (number, sender) == (2, CLOUD) else fields

    ended = run(house.recovering(), Refusing())
    assert {verdict(ended[j]) for j in (PHONE, HOLDER, DEVICE)} == {("backup", None)}
    assert verdict(ended[CLOUD]) == SOFT


class Carry(Relay):
    """Changes the pieces that one party sends to another."""

    def __init__(self, number, sender, receiver, change):
        self.place, self.change = (number, sender, receiver), change

    def message(self, number, sender, receiver, fields):
        if (number, sender, receiver) == self.place:
            fields[2] = self.change(fields[2])
        return fields


def spoiled(number):
    return lambda pieces: [[n, flip(60)(data) if n == number else data] for n, data in pieces]


def without(number):
    return lambda pieces: [[n, data] for n, data in pieces if n != number]


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ((2, HOLDER, CLOUD), HOLDER),
        ((3, CLOUD, PHONE), HOLDER),
        ((3, CLOUD, PHONE), CLOUD),
        ((4, PHONE, DEVICE), PHONE),
    ],
)
def test_a_piece_that_was_changed_on_the_way_is_named_and_enough_others_do(place, number):
    house = House().backed_up()
    ended = run(house.recovering(), Carry(*place, spoiled(number)))
    assert_recovered(ended)
    assert set(map(tuple, house.bad().values())) == {(number,)}


@pytest.mark.parametrize("place", [(2, HOLDER, CLOUD), (3, CLOUD, PHONE), (4, PHONE, DEVICE)])
def test_a_piece_that_was_dropped_on_the_way_is_no_harm_where_enough_others_come(place):
    house = House().backed_up()
    assert_recovered(run(house.recovering(), Carry(*place, without(HOLDER))))
    assert set(map(tuple, house.bad().values())) == {()}


def test_too_few_good_pieces_name_the_bad_one():
    house = House().backed_up()
    ended = run(house.recovering((1, 2)), Carry(4, PHONE, DEVICE, spoiled(CLOUD)))
    assert verdicts(ended) == {PHONE: SOFT, CLOUD: SOFT, DEVICE: ("backup", None)}
    assert "1 came and it takes 2; bad: number 2" in ended[DEVICE].error.detail
    house = House().backed_up()
    ended = run(house.recovering((1, 2)), Carry(3, CLOUD, PHONE, without(CLOUD)))
    assert "1 came and it takes 2." in ended[DEVICE].error.detail


def test_a_holder_that_gives_another_piece_is_named_by_its_number():
    honest = backup.seal_piece

    def lie(identity, receiver, sheet, number, piece, random):
        return honest(identity, receiver, sheet, number, (piece + 1) % Q, random)

    house = House().backed_up()
    generators = house.recovering()
    generators[HOLDER] = possessed(generators[HOLDER], (backup, "seal_piece", lie))
    assert_recovered(run(generators))
    assert set(map(tuple, house.bad().values())) == {(HOLDER,)}


@pytest.mark.parametrize("change", [put(b""), put(b"\x80"), flip(30)], ids=["none", "noise", "changed"])
def test_a_phone_that_spoils_the_sheet_stops_it_and_accuses_nobody(change):
    house = House().backed_up()
    ended = run(house.recovering(), Tamper(4, PHONE, DEVICE, field(1, change)))
    assert verdicts(ended) == {PHONE: SOFT, CLOUD: SOFT, HOLDER: SOFT, DEVICE: ("backup", None)}


def test_a_sheet_of_another_share_or_epoch_is_refused_at_the_device():
    for name, value, said in (("epoch", 2, "Make a new backup"), ("index", HOLDER, "another backup")):
        house = House().backed_up()
        sheet = house.sheet()
        setattr(sheet, name, value)
        ended = run(house.recovering(), Tamper(4, PHONE, DEVICE, field(1, put(sheet.encode()))))
        assert verdict(ended[DEVICE]) == ("backup", None) and said in ended[DEVICE].error.detail


def test_a_device_that_says_it_proves_another_share_is_named():
    house, honest = House().backed_up(), backup.reassemble

    def other(*arguments):
        shard, bad = honest(*arguments)
        shard.s += 1
        return shard, bad

    generators = house.recovering()
    generators[DEVICE] = possessed(
        generators[DEVICE], (backup, "reassemble", other), (rounds_recover, "_check_restored", lambda *_: None)
    )
    ended = run(generators)
    assert {verdict(ended[j]) for j in (PHONE, CLOUD, HOLDER)} == {("blame", DEVICE)}
