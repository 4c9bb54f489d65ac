"""Terms and questions of a backup, its test and a recovery. Specification: docs/protocol.md, section 12."""

import pytest
from daric_protocol import flows, platform
from daric_protocol.backingdetails import BackupDetails, RecoverDetails, VerifyDetails
from daric_protocol.details import Facts
from daric_protocol.envelope import encode
from daric_protocol.errors import DaricError
from daric_protocol.flows import questions_backing
from daric_protocol.flows.backing import Backing
from daric_protocol.roster import Roster
from daric_protocol.terms import Terms

from tests.cddl import check
from tests.session.fakes import GROUP, UUID, stored_roster
from tests.session.network import Network, identity
from tests.session.parties import Party, Wallet

PK = identity("pk").public
ID = bytes(range(16))
CODE = "ABCDEFGHIJKLMNOP"


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="backing")


@pytest.fixture
def wallet(made):
    return made.copy()


def facts(highest=3):
    return Facts(PK, 4, highest, stored_roster())


def backup(threshold=2, device=1, phone=2, cloud=3, members=(1, 2, 3), parties=3, t=2, backup_id=ID):
    request = encode(BackupDetails(backup_id, threshold, device, phone, cloud))
    return Terms(UUID, "backup", GROUP, t, parties, list(members), request, "")


def recovery(index=3, phone=1, cloud=0, members=(1, 2), parties=3, t=2, backup_id=ID, known=None):
    request = encode(RecoverDetails(backup_id, index, phone, cloud, known or facts()))
    return Terms(UUID, "recover", GROUP, t, parties, list(members), request, "savings")


def test_details_have_their_rules_on_the_wire():
    check("BackupDetails", backup().request)
    check("VerifyDetails", encode(VerifyDetails(ID, bytes(32))))
    for terms in (recovery(), recovery(backup_id=b"", phone=0)):
        check("RecoverDetails", terms.request)


@pytest.mark.parametrize(
    "terms",
    [
        backup(),
        backup(cloud=0),
        backup(device=3, phone=1, cloud=2),
        recovery(),
        recovery(cloud=2),
        recovery(members=(1,), parties=2),
        recovery(backup_id=b""),
        recovery(backup_id=b"", phone=0),
    ],
)
def test_good_terms_survive_the_wire(terms):
    read = Terms.decode(terms.encode())
    assert read.encode() == terms.encode()
    assert read.committed is (terms.op == "recover")


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        (backup(device=4), "member"),
        (backup(phone=1), "member"),
        (backup(phone=4), "member"),
        (backup(cloud=1), "member"),
        (backup(cloud=2), "member"),
        (backup(cloud=4), "member"),
        (backup(threshold=3), "threshold"),
        (backup(members=(1, 2), parties=2, cloud=0), "threshold"),
        (backup(parties=4), "member"),
        (recovery(index=1), "member"),
        (recovery(index=4), "member"),
        (recovery(members=(1, 4)), "member"),
        (recovery(members=(1, 2), parties=2), "parameter"),
        (recovery(parties=4), "parameter"),
        (recovery(phone=3), "member"),
        (recovery(phone=0), "member"),
        (recovery(cloud=3), "member"),
        (recovery(cloud=1), "member"),
        (recovery(t=3), "threshold"),
        (recovery(known=facts(highest=2)), "parameter"),
    ],
)
def test_terms_that_cannot_be_met_are_refused(terms, name):
    with pytest.raises(DaricError) as caught:
        Terms.decode(terms.encode())
    assert caught.value.name == name


@pytest.mark.parametrize(("members", "parties"), [((1,), 2), ((1, 2), 3), ((1, 2, 3), 2)])
def test_a_test_of_a_backup_takes_two_or_more_members_and_nobody_else(members, parties):
    terms = Terms(UUID, "verify", GROUP, 2, parties, list(members), encode(VerifyDetails(ID, bytes(32))), "")
    with pytest.raises(DaricError) as caught:
        Terms.decode(terms.encode())
    assert caught.value.name in ("member", "parameter")


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("backup", [ID, 1, 1, 2, 3]),
        ("backup", [ID, 17, 1, 2, 3]),
        ("backup", [ID[1:], 2, 1, 2, 3]),
        ("backup", [b"", 2, 1, 2, 3]),
        ("backup", [ID, 2, 0, 2, 3]),
        ("backup", [ID, 2, 1, 0, 3]),
        ("backup", [ID, 2, 1, 2, 256]),
        ("backup", [ID, 2, 1, 2]),
        ("backup", [ID, True, 1, 2, 3]),
        ("verify", [ID, bytes(31)]),
        ("verify", [ID]),
        ("verify", ["", bytes(32)]),
        ("recover", [ID, 3, 1, 0]),
        ("recover", [ID, 3, 1, 0, []]),
        ("recover", [bytes(15), 3, 1, 0, facts().to_wire()]),
        ("recover", [ID, 0, 1, 0, facts().to_wire()]),
    ],
)
def test_malformed_details_are_refused(op, fields):
    parties = 3 if op == "recover" else 2
    terms = Terms(UUID, op, GROUP, 2, parties, [1, 2], platform.cbor_encode(fields), "")
    with pytest.raises(DaricError) as caught:
        Terms.decode(terms.encode())
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("op", ["backup", "verify", "recover"])
def test_details_may_not_be_missing(op):
    with pytest.raises(DaricError) as caught:
        Terms.decode(encode(Terms(UUID, op, GROUP, 2, 2, [1, 2], b"", "")))
    assert caught.value.name == "parameter"


# Over a wallet


def recovering(wallet, index=3, members=(1, 2), **options):
    custody = wallet.parties[members[0]].custody
    return flows.recover_terms(wallet.uuid(), custody, wallet.group_id, index, list(members), members[0], **options)


def test_the_proposals_give_terms_that_every_party_of_theirs_opens(wallet):
    custody, group = wallet.parties[1].custody, wallet.group_id
    made = flows.backup_terms(wallet.uuid(), custody, group, ID, 2, 1, [2, 3], 2, 3)
    assert (made.members, made.details().holders(made.members)) == ([1, 2, 3], [2, 3])
    tested = flows.verify_terms(wallet.uuid(), custody, group, ID, bytes(32), [3, 2])
    assert tested.members == [2, 3]
    for terms in (made, tested):
        assert all(wallet.parties[index].open(terms, backing=Backing()) for index in terms.members)
    assert Party("new device").open(recovering(wallet), backing=Backing())


def test_what_a_party_brings_is_reached_from_its_session(wallet):
    backing = Backing(code=CODE)
    terms = flows.backup_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, ID, 2, 1, [2, 3], 2, 3)
    assert wallet.parties[1].open(terms, backing=backing).hooks.backing is backing
    assert wallet.parties[2].open(terms).hooks.backing is None


def test_who_comes_back_has_its_index_and_a_new_identity_in_everyones_roster(wallet):
    device, terms = Party("new device"), recovering(wallet)
    network = wallet.change(terms, [device]).start()
    rosters = [session.roster for session in network.sessions]
    assert len({roster.hash() for roster in rosters}) == 1 and len({session.code for session in network.sessions}) == 1
    assert [session.me for session in network.sessions] == [1, 2, 3]
    assert rosters[0].member(3).identity == device.custody.identity.public
    assert rosters[0].member(3).public_share == wallet.roster.member(3).public_share
    assert rosters[0].version == wallet.roster.version + 1


def test_the_old_identity_does_not_take_part_in_its_own_replacement(wallet):
    with pytest.raises(DaricError) as caught:
        wallet.parties[3].open(recovering(wallet))
    assert caught.value.name == "group"


def test_a_stranger_in_place_of_a_member_ends_a_recovery(wallet):
    terms = recovering(wallet)
    sessions = [wallet.parties[1].open(terms), Party("one").open(terms), Party("two").open(terms)]
    assert set(Network(sessions).start().errors()) == {"soft"}


def test_a_recovery_of_another_epoch_or_roster_is_refused_by_the_members(wallet):
    for change in ("epoch", "roster"):
        terms = recovering(wallet)
        details = terms.details()
        if change == "epoch":
            details.facts.epoch += 1
        else:
            details.facts.roster = Roster(2, 7, 0, details.facts.roster.members)
        terms.request = encode(details)
        with pytest.raises(DaricError) as caught:
            wallet.parties[1].open(terms)
        assert caught.value.name == "roster"


@pytest.mark.parametrize("op", ["backup", "verify"])
def test_terms_with_another_threshold_than_the_groups_are_refused(wallet, op):
    custody, group = wallet.parties[1].custody, wallet.group_id
    terms = (
        flows.backup_terms(wallet.uuid(), custody, group, ID, 2, 1, [2, 3], 2, 3)
        if op == "backup"
        else flows.verify_terms(wallet.uuid(), custody, group, ID, bytes(32), [1, 2])
    )
    terms.threshold = 3
    with pytest.raises(DaricError) as caught:
        wallet.parties[1].open(terms)
    assert caught.value.name == "roster"


# Questions


def asked(wallet, terms, index, newcomers=(), **options):
    sessions = [wallet.parties[member].open(terms, **options) for member in terms.members]
    network = Network(sessions + [party.open(terms, **options) for party in newcomers]).start()
    session = next(session for session in network.sessions if session.me == index)
    party = wallet.parties[index] if index in terms.members else newcomers[0]
    lines = flows.question(session, party.custody)
    own = lines[: next(at for at, line in enumerate(lines) if line[:1].isdigit() and "phone" in line)]
    assert all(len(line) <= 16 or "Check code" in line for line in own), lines  # a screen is 16 wide
    return session, lines


def after(lines, label):
    """The indented lines below a label."""
    found = []
    for line in lines[lines.index(label) + 1 :]:
        if not line.startswith(" "):
            break
        found.append(line[1:])
    return found


def test_a_backups_question_names_wallet_holders_and_who_reaches_the_key(wallet):
    terms = flows.backup_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, ID, 2, 1, [2, 3], 2, 3)
    terms = wallet.parties[2].asks(terms)
    _, lines = asked(wallet, terms, 1, backing=Backing(code=CODE))
    assert after(lines, "Backup of") == ["1 phone someone"] and after(lines, "in wallet") == ["savings"]
    assert after(lines[lines.index("2 of 2 holders") :], "give it back:") == ["2 phone someone", "3 phone someone"]
    assert len(after(lines, "reach the key:")) == 2 and "WARNING" not in lines
    assert after(lines, "Recovery code:") == ["ABCD EFGH", "IJKL MNOP"]
    assert after(lines, "Asked by:") == ["2 phone someone"]


def test_the_recovery_code_is_on_no_screen_but_the_one_that_makes_the_backup(wallet):
    custody, group = wallet.parties[1].custody, wallet.group_id
    for index, backing in ((2, Backing(code=CODE)), (3, Backing(code=CODE)), (1, Backing()), (1, None)):
        terms = flows.backup_terms(wallet.uuid(), custody, group, ID, 2, 1, [2, 3], 2, 3)
        _, lines = asked(wallet, terms, index, backing=backing)
        assert "Recovery code:" not in lines and "ABCD" not in "".join(lines)


def backup_lines(roster, device, holders, threshold):
    return questions_backing.backup_lines(
        "savings", roster, device, holders, threshold, "", lambda who: ("cloud", "known cloud")
    )


def test_a_backup_by_which_fewer_than_sign_reach_the_key_says_so():
    roster = stored_roster(3, 3)
    holders = [(index, roster.member(index).identity) for index in (2, 3)]
    lines = backup_lines(roster, 1, holders, 2)
    assert lines[lines.index("WARNING") + 1 :][:3] == [" fewer parties", " than sign now", " reach the key:"]
    assert len(after(lines, "WARNING")) == 3 + 2


def test_a_backup_by_which_phone_and_cloud_reach_the_key_of_phone_and_device_says_so():
    roster = stored_roster(2, 2)
    lines = backup_lines(roster, 1, [(2, roster.member(2).identity), (9, identity("cloud").public)], 2)
    assert "WARNING" in lines
    assert [line for line in after(lines, "WARNING") if "cloud" in line] == ["cloud known", "cloud"]


def test_a_backup_that_takes_the_device_or_as_many_members_as_before_has_no_warning():
    roster = stored_roster(3, 2)
    holders = [(index, roster.member(index).identity) for index in (2, 3)]
    assert "WARNING" not in backup_lines(roster, 1, holders, 2)


@pytest.mark.parametrize("name", ["Recovery code:", "WARNING", "x" * 15 + "WARNING", "a\nWARNING"])
def test_a_name_imitates_no_line_of_a_backups_question(name):
    roster = stored_roster(3, 2)
    holders = [(index, roster.member(index).identity) for index in (2, 3)]
    lines = questions_backing.backup_lines(name, roster, 1, holders, 2, CODE, lambda who: ("phone", name))
    assert lines.count("WARNING") == 0 and lines.count("Recovery code:") == 1


def test_a_tests_question_says_that_nothing_moves(wallet):
    terms = flows.verify_terms(wallet.uuid(), wallet.parties[1].custody, wallet.group_id, ID, bytes(32), [2, 3])
    _, lines = asked(wallet, terms, 2)
    assert lines[:4] == ["Test a backup of", " savings", "Backup 00010203", "nothing moves"]


@pytest.mark.parametrize("index", [1, 3])
def test_a_recoverys_question_says_who_gets_which_identity_who_asks_and_the_code(wallet, index):
    device = Party("new device")
    terms = wallet.parties[2].asks(recovering(wallet))
    session, lines = asked(wallet, terms, index, [device])
    old, new = wallet.roster.member(3).identity, device.custody.identity.public
    assert after(lines, "Recover member") == ["3 phone someone"] and after(lines, "of wallet") == ["savings"]
    assert after(lines, "Its identity was") == [old.hex()[:12]] and after(lines, "and becomes") == [new.hex()[:12]]
    assert after(lines, "Asked by:") == ["2 phone someone"] and "Check code " + session.code in lines


def test_a_member_reads_its_own_name_of_the_wallet_that_is_recovered(wallet):
    terms = recovering(wallet)
    terms.name = "other wallet"
    _, lines = asked(wallet, terms, 1, [Party("new device")])
    assert after(lines, "of wallet") == ["savings"]
