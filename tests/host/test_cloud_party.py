"""What the cloud party does for the account of a group, and for nobody else: its record, its leaving, its seat."""

import asyncio
import os
from contextlib import suppress

import pytest
from daric_host.receipts import CloudRecord, read_receipt
from daric_host.relay import AccountOf
from daric_protocol import atrest, envelope, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_protocol.group import LEFT, LEFT_BEHIND, MEMBER
from daric_protocol.identity import Identity
from daric_protocol.shard import ack_digest

from tests import cddl
from tests.host.clouds import CLAIMS, OWNER, STRANGE, STRANGER, CloudSeat, Home

OPERATIONS = ["import", "sign", "export", "refresh", "reshare", "enrol", "pair", "master"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A 2-of-3 wallet of the cloud and two phones."""
    return asyncio.run(Home(tmp_path_factory.mktemp("cloud") / "made").create(2, [1, 2]))


@pytest.fixture
def home(made, tmp_path):
    home = made.copy(tmp_path / "home")
    made.open()
    yield home
    with suppress(DaricError):
        home.party.close()


def refused(name, call, *arguments):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name, caught.value.detail
    return caught.value.detail


def standing(home):
    return home.party.custody.group(home.group).standing


# The record


def keys_left(home):
    """Every key that the database and its key file still give."""
    store = home.party.store
    seks = [store._provider.unwrap(wrapped, store._context(scope)) for scope, wrapped in home.rows_on_disk("sek")]
    found = list(seks)
    for name, _, version, wrapped, _ in home.rows_on_disk():
        for sek in seks:
            with suppress(DaricError):
                found.append(atrest.open_entry(sek, b"daric/cloud/key", name, version, wrapped))
    return found


def opens(home, record):
    """Whether anything that the cloud still has opens a record."""
    sealed = envelope.decode(CloudRecord, record, len(record))
    for key in keys_left(home):
        with suppress(DaricError):
            return atrest.open_entry(key, b"daric/cloud", sealed.name, sealed.version, sealed.sealed) != b""
    return False


def test_the_record_is_the_sealed_row_and_neither_share_nor_key_is_in_it(home):
    record = home.cloud.record(CLAIMS, home.group)
    cddl.check("CloudRecord", record)
    shard = home.party.custody.shard(home.group)
    assert shard.s.to_bytes(32, "big") not in record
    assert not [row for row in home.rows_on_disk() if row[3] in record]
    assert not [row for row in home.rows_on_disk("sek") if row[1] in record]
    assert opens(home, record)  # with the row's key, which stays here


def test_the_record_is_the_same_after_a_restart(home):
    record = home.cloud.record(CLAIMS, home.group)
    home.restart()
    assert home.cloud.record(CLAIMS, home.group) == record


async def test_a_new_epoch_makes_every_copy_of_the_record_useless(home):
    record = home.cloud.record(CLAIMS, home.group)
    await home.refresh()
    assert home.cloud.record(CLAIMS, home.group) != record
    assert not opens(home, record)
    home.restart()
    assert not opens(home, record)


async def test_a_deletion_makes_every_copy_of_the_record_useless(home):
    record = home.cloud.record(CLAIMS, home.group)
    home.cloud.adopt(CLAIMS, await home.leave_out())
    home.cloud.delete(CLAIMS, home.group)
    assert not opens(home, record)


@pytest.mark.parametrize("claims", [STRANGE, CLAIMS])
def test_the_record_is_for_the_owner_of_its_group_only(home, claims):
    group = home.group if claims is STRANGE else bytes(16)
    refused("unauthorised", home.cloud.record, claims, group)


def adding(home, newcomers=1):
    """Terms by which the members let another phone in."""
    return flows.reshare_terms(home.uuid(), home.custody(), home.group, 2, newcomers)


async def joining(home, terms, record, claims=CLAIMS):
    """The error of a join; the fake relay ends a good one with "busy"."""
    home.relay.terms[terms.uuid] = terms
    with pytest.raises(DaricError) as caught:
        await home.cloud.join(claims, terms.uuid, record)
    return caught.value.name


async def test_the_cloud_deals_its_share_to_new_members_against_its_record_only(home):
    record = home.cloud.record(CLAIMS, home.group)
    wrong = record[:-1] + bytes([record[-1] ^ 1])
    for given in (b"", wrong, record[:-1], record + b"\x00", b"\x83", bytes(100_000)):
        assert await joining(home, adding(home), given) == "roster"
    assert await joining(home, adding(home), record) == "busy"


async def test_an_old_record_is_refused(home):
    old = home.cloud.record(CLAIMS, home.group)
    await home.refresh()
    assert await joining(home, adding(home), old) == "roster"
    assert await joining(home, adding(home), home.cloud.record(CLAIMS, home.group)) == "busy"


async def test_the_record_of_another_group_is_refused(home):
    first, record = home.group, home.cloud.record(CLAIMS, home.group)
    await home.create(2, [3])
    assert await joining(home, flows.reshare_terms(home.uuid(), home.custody(3), home.group, 2, 1), record) == "roster"
    home.group = first
    assert await joining(home, adding(home), record) == "busy"


async def test_who_deals_to_nobody_new_needs_no_record_but_a_wrong_one_is_refused(home):
    def terms():
        return flows.refresh_terms(home.uuid(), home.group, home.roster)

    assert await joining(home, terms(), b"") == "busy"
    assert await joining(home, terms(), home.cloud.record(CLAIMS, home.group)) == "busy"
    assert await joining(home, terms(), b"wrong") == "roster"


async def test_a_cloud_that_was_left_behind_comes_in_again_with_its_old_record_or_none(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    assert await joining(home, adding(home), home.cloud.record(CLAIMS, home.group)) == "busy"
    assert await joining(home, adding(home), b"wrong") == "roster"
    outcomes = await home.run(adding(home), [1, 2])
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert standing(home) == MEMBER


async def test_a_record_of_a_group_that_is_unknown_here_is_refused(home):
    record = home.cloud.record(CLAIMS, home.group)
    await fresh_group(home)
    assert await joining(home, adding(home), record) == "roster"
    assert await joining(home, adding(home), b"") == "busy"


# Leaving


async def test_a_cloud_that_is_a_member_erases_nothing(home):
    before = home.rows_on_disk()
    refused("member", home.cloud.delete, CLAIMS, home.group)
    assert home.rows_on_disk() == before
    await home.leave_out()  # the cloud has not heard of it
    refused("member", home.cloud.delete, CLAIMS, home.group)
    assert standing(home) == MEMBER


async def test_a_cloud_that_was_left_behind_erases_all_and_says_so(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    assert standing(home) == LEFT_BEHIND
    gone = [row for row in home.rows_on_disk() if home.group.hex() in row[0]]
    seks = [row[1] for row in home.rows_on_disk("sek") if row[0] == home.group.hex()]
    assert len(gone) > 3 and len(seks) == 1
    receipt = home.cloud.delete(CLAIMS, home.group)
    read = read_receipt(receipt, home.group, home.party.identity.public)
    assert (read.epoch, read.time) == (1, home.clock.now)
    for _ in range(2):
        disk = home.bytes_on_disk()
        assert not [row[0] for row in gone if row[3] in disk or row[4] in disk]
        assert seks[0] not in disk
        assert [row[0] for row in home.rows_on_disk() if home.group.hex() in row[0]] == ["erased/" + home.group.hex()]
        home.restart()


async def test_a_deletion_takes_what_is_known_of_changes_of_the_roster_along(home):
    terms = flows.master_terms(home.uuid(), home.group, home.roster, home.index_of(1))
    outcomes = await home.run(terms, home.members())
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    home.party.store.write(f"rival/{home.group.hex()}/1/00", b"another change of this version")
    known = {row[0].split("/")[0] for row in home.rows_on_disk() if home.group.hex() in row[0]}
    assert {"change", "base", "rival"} <= known
    terms = flows.reshare_terms(home.uuid(), home.custody(), home.group, 2, 0, [home.index])
    asked = terms.signed(home.phones[1].identity.public, home.custody().sign_identity)
    outcomes = await home.run(asked, [1, 2], cloud=False)
    assert [state for state, _ in outcomes] == ["done"] * 2, outcomes
    home.cloud.adopt(CLAIMS, outcomes[0][1])
    home.cloud.delete(CLAIMS, home.group)
    assert [row[0] for row in home.rows_on_disk() if home.group.hex() in row[0]] == ["erased/" + home.group.hex()]


async def test_deleting_again_gives_the_same_receipt_to_the_same_account(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    first = home.cloud.delete(CLAIMS, home.group)
    home.clock.now += 1000
    assert home.cloud.delete(CLAIMS, home.group) == first
    home.restart()
    assert home.cloud.delete(CLAIMS, home.group) == first
    refused("unauthorised", home.cloud.delete, STRANGE, home.group)


@pytest.mark.parametrize("group", [bytes(16), b""])
def test_a_group_that_was_never_here_is_not_deleted(home, group):
    refused("unauthorised", home.cloud.delete, CLAIMS, group)


async def test_another_account_deletes_nothing(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    refused("unauthorised", home.cloud.delete, STRANGE, home.group)
    assert home.party.custody.shard(home.group).epoch == 1


async def test_a_deletion_takes_nothing_of_another_group(home):
    first = home.group
    await home.create(2, [3])
    second, home.group = home.group, first
    home.cloud.adopt(CLAIMS, await home.leave_out())
    home.cloud.delete(CLAIMS, first)
    home.restart()
    assert home.party.custody.shard(second).epoch == 1


def certificate(home, epoch, signers, kind="rsh"):
    """A certificate of an invented dealing, signed by {index: Identity}."""
    sid, confirm, roster = os.urandom(32), os.urandom(32), os.urandom(32)
    acks = []
    for index, who in sorted(signers.items()):
        digest = ack_digest(home.group, sid, kind, epoch, confirm, roster, index)
        acks.append([index, who.public, who.sign(digest, os.urandom)])
    return platform.cbor_encode([home.group, kind, epoch, sid, confirm, roster, acks])


def test_a_certificate_of_strangers_leaves_nobody_behind(home):
    strangers = {index: Identity(index + 77) for index in home.roster.indexes()}
    assert home.cloud.adopt(CLAIMS, certificate(home, 9, strangers)) is False
    assert standing(home) == MEMBER
    refused("member", home.cloud.delete, CLAIMS, home.group)


def test_a_certificate_with_fewer_old_members_than_sign_leaves_nobody_behind(home):
    one = {home.index_of(1): home.phones[1].identity}
    crowd = one | {200 + number: Identity(number + 500) for number in range(6)}
    home.cloud.adopt(CLAIMS, certificate(home, 9, crowd))
    assert standing(home) == MEMBER
    refused("member", home.cloud.delete, CLAIMS, home.group)


def test_old_members_under_other_indexes_do_not_count(home):
    moved = {100 + number: home.phones[number].identity for number in (1, 2)}
    home.cloud.adopt(CLAIMS, certificate(home, 9, moved))
    refused("member", home.cloud.delete, CLAIMS, home.group)


def test_a_certificate_with_one_false_signature_changes_nothing(home):
    signers = {home.index_of(number): home.phones[number].identity for number in (1, 2)}
    fields = platform.cbor_decode(certificate(home, 9, signers))
    fields[6][1][2] = fields[6][0][2]
    refused("certificate", home.cloud.adopt, CLAIMS, platform.cbor_encode(fields))
    refused("member", home.cloud.delete, CLAIMS, home.group)


def test_the_certificate_of_an_old_epoch_leaves_nobody_behind(home):
    signers = {home.index_of(number): home.phones[number].identity for number in (1, 2)}
    assert home.cloud.adopt(CLAIMS, certificate(home, 1, signers)) is False
    refused("member", home.cloud.delete, CLAIMS, home.group)


def acknowledge(home, epoch):
    """A shard of a later epoch was acknowledged here, and its certificate never came."""
    group, custody = home.party.custody.group(home.group), home.party.custody
    shard = custody.read_shard(home.group, group.epoch)
    shard.epoch = epoch
    home.party.store.write(f"shard/{home.group.hex()}/{epoch}", shard.encode())
    group.pendings, group.highest_epoch = [epoch], epoch
    group.save(home.party.store)


@pytest.mark.parametrize("epoch", [2, 3])
def test_a_shard_that_may_still_count_stops_the_deletion_until_the_others_are_beyond_it(home, epoch):
    signers = {home.index_of(number): home.phones[number].identity for number in (1, 2)}
    acknowledge(home, epoch)
    home.cloud.adopt(CLAIMS, certificate(home, 2, signers))
    assert standing(home) == LEFT_BEHIND
    refused("pending", home.cloud.delete, CLAIMS, home.group)
    strangers = {index: Identity(index + 77) for index in home.roster.indexes()}
    home.cloud.adopt(CLAIMS, certificate(home, 99, strangers))  # says nothing about this group
    refused("pending", home.cloud.delete, CLAIMS, home.group)
    home.cloud.adopt(CLAIMS, certificate(home, 4, signers))
    receipt = read_receipt(home.cloud.delete(CLAIMS, home.group), home.group, home.party.identity.public)
    assert receipt.epoch == epoch


@pytest.mark.parametrize("epoch", [2, 3])
def test_acknowledgements_of_a_dealing_that_the_cloud_was_in_do_not_delete_its_shard(home, epoch):
    """A refresh broke off before the cloud stored its new share, and one member shows the acks without the cloud's."""
    home.party.custody.session(home.group, b"u" * 16).use_epoch(epoch)
    signers = {home.index_of(number): home.phones[number].identity for number in (1, 2)}
    home.cloud.adopt(CLAIMS, certificate(home, 2, signers))
    refused("pending", home.cloud.delete, CLAIMS, home.group)
    assert home.party.custody.shard(home.group).epoch == 1
    home.cloud.adopt(CLAIMS, certificate(home, epoch + 1, signers))
    read_receipt(home.cloud.delete(CLAIMS, home.group), home.group, home.party.identity.public)


async def test_a_deletion_waits_for_the_session_of_its_group(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    home.cloud._seats[b"u" * 16] = home.group
    refused("busy", home.cloud.delete, CLAIMS, home.group)
    home.cloud._over(b"u" * 16)
    assert home.cloud.delete(CLAIMS, home.group)


async def test_a_deleted_group_takes_the_cloud_in_again_for_the_same_account_only(home):
    home.cloud.adopt(CLAIMS, await home.leave_out())
    home.cloud.delete(CLAIMS, home.group)
    assert await joining(home, adding(home), b"", STRANGE) == "unauthorised"
    outcomes = await home.run(adding(home), [1, 2])
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert home.party.custody.shard(home.group).epoch == 3
    assert home.party.store.read("owner/" + home.group.hex()) == OWNER
    refused("member", home.cloud.delete, CLAIMS, home.group)
    first = home.cloud._erased(home.group)[1]
    home.cloud.adopt(CLAIMS, await home.leave_out())
    assert home.cloud.delete(CLAIMS, home.group) != first


# Whose session it is


async def test_a_cloud_that_joins_an_existing_group_belongs_to_the_account_of_its_members(home):
    await fresh_group(home)
    outcomes = await home.run(adding(home), [1, 2])
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert home.party.store.read("owner/" + home.group.hex()) == OWNER
    assert home.cloud.record(CLAIMS, home.group)
    refused("unauthorised", home.cloud.record, STRANGE, home.group)


async def fresh_group(home):
    """A group of two phones without the cloud."""
    terms = flows.create_terms(home.uuid(), 2, 2, os.urandom)
    outcomes = await home.run(terms, [1, 2], cloud=False)
    assert [state for state, _ in outcomes] == ["done"] * 2, outcomes
    home.group = terms.group


async def test_a_cloud_is_enrolled_for_the_account_of_its_helpers(home):
    await fresh_group(home)
    terms = flows.enrol_terms(home.uuid(), home.custody(), home.group, home.roster.indexes())
    outcomes = await home.run(terms, [1, 2])
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert home.cloud.record(CLAIMS, home.group)
    assert len(home.cloud.changes(CLAIMS, home.group)) == 1
    refused("unauthorised", home.cloud.changes, STRANGE, home.group)


@pytest.mark.parametrize("op", OPERATIONS)
async def test_the_cloud_takes_part_in_nothing_with_a_party_of_another_account(home, op):
    before = home.rows_on_disk()
    terms, numbers = session_of(home, op)
    parties = [CloudSeat(home.cloud), *(home.phones[number] for number in numbers)]
    rows = home.rows(parties, {home.phones[numbers[-1]]: STRANGER})
    home.relay.rows = rows
    await parties[0].join(terms)
    joins = [await parties[0].seat.join(), *[await party.join(terms) for party in parties[1:]]]
    await parties[0].start(joins)
    state, error = await parties[0].outcome()
    assert (state, error.name) == ("failed", "soft")
    changed = {row[0].split("/")[0] for row in set(home.rows_on_disk()) - set(before)}
    assert changed <= {"journal", "hedge"}


def session_of(home, op):
    """(terms, phones) of a session of each kind that the cloud is in."""
    uuid, group, roster = home.uuid(), home.group, home.roster
    two = sorted([home.index, home.index_of(1)])
    request = requests.Request(requests.MESSAGE, b"hello").encode()
    if op == "import":
        secret = home.phones[3].secret = flows.Secret(4711)
        return flows.import_terms(uuid, 2, 2, secret, home.phones[3].identity.public), [3]
    if op == "sign":
        return flows.sign_terms(uuid, group, roster, two, request), [1]
    if op == "export":
        return flows.export_terms(uuid, group, roster, two, home.index_of(1), "sweep"), [1]
    if op == "pair":
        return flows.pair_terms(uuid, group, roster, *two), [1]
    if op == "refresh":
        return flows.refresh_terms(uuid, group, roster), [1, 2]
    if op == "master":
        return flows.master_terms(uuid, group, roster, home.index_of(1)), [1, 2]
    if op == "enrol":
        return flows.enrol_terms(uuid, home.custody(), group, two), [1, 3]
    return flows.reshare_terms(uuid, home.custody(), group, 2, 1), [1, 2, 3]


@pytest.mark.parametrize("op", OPERATIONS)
async def test_the_cloud_takes_part_in_everything_with_its_own_account(home, op):
    terms, numbers = session_of(home, op)
    outcomes = await home.run(terms, numbers)
    assert [state for state, _ in outcomes] == ["done"] * (1 + len(numbers)), outcomes


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op != "import"])
async def test_another_account_does_not_bring_the_cloud_to_a_session(home, op):
    terms, _ = session_of(home, op)
    assert await joining(home, terms, home.cloud.record(CLAIMS, home.group), STRANGE) == "unauthorised"


async def test_a_seat_lent_to_a_stranger_ends_the_session_before_its_rounds(home):
    terms, numbers = session_of(home, "reshare")
    parties = [CloudSeat(home.cloud), *(home.phones[number] for number in numbers)]
    rows = home.rows(parties)
    rows[-1] = AccountOf(len(rows) - 1, Identity(4711).public, "phone", OWNER)  # who joined at the service
    outcomes = await home.run(terms, numbers, rows=rows)
    assert [state for state, _ in outcomes] == ["failed"] * 4
    assert home.party.custody.group(home.group).highest_epoch == 1


async def test_a_start_list_with_more_than_the_service_knows_is_refused(home):
    terms, numbers = session_of(home, "refresh")
    rows = home.rows([CloudSeat(home.cloud), home.phones[1]])
    seat = CloudSeat(home.cloud)
    home.relay.rows = rows
    await seat.join(terms)
    await seat.start([await seat.seat.join(), *[await home.phones[number].join(terms) for number in numbers]])
    assert (await seat.outcome())[0] == "failed"


async def test_a_stranger_who_names_a_known_group_in_terms_of_its_own_owns_nothing(home):
    """It cannot even make the cloud believe that the group is new here."""
    stranger = home.phones[3]
    terms = flows.create_terms(home.uuid(), 2, 2, os.urandom)
    terms.group = home.group
    assert await joining(home, terms, b"", STRANGE) == "unauthorised"
    with pytest.raises(DaricError):
        await home.run(terms, [3], rows=home.rows([CloudSeat(home.cloud), stranger], {stranger: STRANGER}))
    assert home.party.store.read("owner/" + home.group.hex()) == OWNER


async def test_a_group_that_came_to_nothing_belongs_to_nobody_after_a_restart(home):
    terms = flows.create_terms(home.uuid(), 2, 2, os.urandom)
    seat = CloudSeat(home.cloud)
    home.relay.rows = home.rows([seat, home.phones[3]])
    await seat.join(terms)
    await seat.start([await seat.seat.join(), await home.phones[3].join(terms)])
    assert home.party.store.read("owner/" + terms.group.hex()) == OWNER
    home.restart()
    assert home.party.store.read("owner/" + terms.group.hex()) is None
    assert home.party.store.read("owner/" + home.group.hex()) == OWNER


async def test_a_store_that_fails_after_a_session_is_tidied_at_the_next_start(home, monkeypatch):
    terms = flows.create_terms(home.uuid(), 2, 2, os.urandom)
    home.cloud.own(terms, OWNER)

    def fail(_):
        raise DaricError("storage")

    monkeypatch.setattr(home.party.store, "erase", fail)
    home.cloud._settle_down(terms.group)
    assert home.party.store.read("owner/" + terms.group.hex()) == OWNER
    home.restart()
    assert home.party.store.read("owner/" + terms.group.hex()) is None


async def test_a_dealer_that_leaves_by_its_own_session_may_be_erased(home):
    """Where the others cannot do without its share, the cloud deals it on and is no member afterwards."""
    terms = flows.reshare_terms(home.uuid(), home.custody(), home.group, 2, 1, [home.index, home.index_of(2)],
                                [home.index])  # fmt: skip
    outcomes = await home.run(terms, [1, 3])
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert standing(home) == LEFT
    assert read_receipt(home.cloud.delete(CLAIMS, home.group), home.group, home.party.identity.public).epoch == 2
