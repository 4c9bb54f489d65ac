"""Backup and recovery of a device's share, with a session and without; pieces that a device keeps for others."""

import os

import pytest
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.limits import TYPING_TIMEOUT
from daric_protocol.rounds.backup import BackupSheet

from tests.firmware.board import device, host_of, pair, pass_seconds
from tests.firmware.test_device_hosts import refused
from tests.firmware.test_device_sessions import make_wallet
from tests.session.keepers import CloudKeeper, MemoryKeeper
from tests.sim.rig import DeviceParty, LocalParty, run_session

BACKUP = b"backup-of-a-test"


class Home:
    """A wallet of a device, a phone and a cloud, and what lies beside the device's link."""

    def __init__(self, tmp_path, app, link) -> None:
        self.tmp_path = tmp_path
        self.app = app
        self.link = link
        self.phone = LocalParty(5, MemoryKeeper())
        self.cloud = LocalParty(6, CloudKeeper(), attended=False)
        self.group = b""

    @property
    def roster(self):
        return self.phone.custody.roster(self.group)

    def index(self, identity: bytes) -> int:
        return self.roster.index_of(identity)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Indexes of the device, the phone and the cloud."""
        members = (self.app.identity.public, self.phone.identity.public, self.cloud.identity.public)
        return self.index(members[0]), self.index(members[1]), self.index(members[2])

    def people(self) -> list[tuple[int, bytes]]:
        _, phone, cloud = self.numbers
        return sorted([(phone, self.phone.identity.public), (cloud, self.cloud.identity.public)])

    async def back_up(self) -> bytes:
        """A backup in a session; its sheet."""
        own, phone, cloud = self.numbers
        terms = flows.backup_terms(
            os.urandom(16), self.phone.custody, self.group, BACKUP, 2, own, sorted([phone, cloud]), phone, cloud
        )
        outcomes = await run_session(terms, [DeviceParty(self.link), self.phone, self.cloud])
        assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
        return outcomes[0][1]

    def shown_code(self) -> str:
        """The recovery code on the device's screen."""
        for lines, ask in self.app.board.pages:
            if ask and "Recovery code:" in lines:
                at = lines.index("Recovery code:")
                return lines[at + 1] + lines[at + 2]
        raise AssertionError("no code was shown")

    async def new_device(self, typing: str | None = None):
        """(a fresh device that types this, its link)."""
        app = device(self.tmp_path / "new")
        app.board.typing = typing
        link = host_of(app, 99)
        await pair(link)
        return app, link

    def recovering(self, backup_id: bytes = BACKUP):
        own, phone, cloud = self.numbers
        return flows.recover_terms(
            os.urandom(16), self.phone.custody, self.group, own, sorted([phone, cloud]), phone, cloud, backup_id
        )

    async def recover(self, link, backup_id: bytes = BACKUP):
        return await run_session(self.recovering(backup_id), [DeviceParty(link), self.phone, self.cloud])

    async def sign(self, app, link) -> None:
        """A new set-up with the phone, then a signature."""
        members = [self.index(app.identity.public), self.index(self.phone.identity.public)]
        for terms in (
            flows.pair_terms(os.urandom(16), self.group, self.roster, *members),
            flows.sign_terms(
                os.urandom(16), self.group, self.roster, members, platform.cbor_encode([2, b"back again", []])
            ),
        ):
            outcomes = await run_session(terms, [DeviceParty(link), self.phone])
            assert [state for state, _ in outcomes] == ["done", "done"], outcomes


@pytest.fixture
async def home(tmp_path):
    app = device(tmp_path / "first")
    link = host_of(app)
    await pair(link)
    home = Home(tmp_path, app, link)
    home.group = (await make_wallet(link, [home.phone, home.cloud])).group
    app.board.pages.clear()
    return home


# In a session


async def test_a_backup_shows_its_code_and_the_smallest_set_that_reaches_the_key(home):
    sheet = await home.back_up()
    assert BackupSheet.decode(sheet).numbers() == sorted(home.numbers[1:])
    question = "\n".join(line for lines, ask in home.app.board.pages if ask for line in lines)
    assert "Backup of" in question and "reach" in question
    assert len(home.shown_code().replace(" ", "")) == 16


async def test_every_backup_has_a_code_of_its_own(home):
    await home.back_up()
    first = home.shown_code()
    home.app.board.pages.clear()
    home.phone.keeper.kept.clear()
    home.cloud.keeper.kept.clear()
    await home.back_up()
    assert home.shown_code() != first


async def test_a_new_device_comes_back_with_its_code_and_signs(home):
    await home.back_up()
    app, link = await home.new_device("text:" + home.shown_code())
    outcomes = await home.recover(link)
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert app.identity.public in [member.identity for member in home.roster.members]
    await home.sign(app, link)


async def test_the_code_is_typed_before_anything_is_asked(home):
    await home.back_up()
    app, link = await home.new_device("text:" + home.shown_code())
    await home.recover(link)
    asked = ["\n".join(lines) for lines, ask in app.board.pages if ask and "Pair" not in lines[0]]
    assert "recovery code:" in asked[0] and "Recover member" not in asked[0]
    assert "Recover member" in asked[1]


async def test_a_code_typed_in_lower_case_with_hyphens_is_taken(home):
    await home.back_up()
    code = home.shown_code().replace(" ", "-").lower().strip("-")
    _, link = await home.new_device("text:" + code)
    assert [state for state, _ in await home.recover(link)] == ["done"] * 3


async def test_a_wrong_code_brings_nothing_back(home):
    await home.back_up()
    app, link = await home.new_device("text:" + "A" * 16)
    outcomes = await home.recover(link)
    assert {state for state, _ in outcomes} == {"failed"}
    assert app.identity.public not in [member.identity for member in home.roster.members]
    assert app.custody.groups() == []


@pytest.mark.parametrize("text", ["text:", "text:ABC", "text:" + "A" * 17, "text:" + "1" * 16])
async def test_what_is_no_code_is_asked_for_again(home, text):
    await home.back_up()
    app, link = await home.new_device()
    terms = home.recovering()
    joins = [await link.session_join(terms.encode())]
    joins += [await party.join(terms) for party in (home.phone, home.cloud)]
    for party in (DeviceParty(link), home.phone, home.cloud):
        await party.start(joins)
    await exchange_openings(link, home)
    app.board.press(text)
    for _ in range(3):
        app.step(0)
    assert app.board.pages[-1][0][0] == "That is no code"
    assert (await link.session_state()).state == "confirming"


async def exchange_openings(link, home):
    """Carry frames until the device asks its owner."""
    parties = [DeviceParty(link), home.phone, home.cloud]
    while (await link.session_state()).state == "opening":
        for seat, party in enumerate(parties):
            sent = await party.fetch()
            while sent is not None:
                await parties[sent[0]].deliver(seat, sent[1])
                sent = await party.fetch()


async def test_an_owner_who_types_nothing_ends_the_session(home):
    await home.back_up()
    app, link = await home.new_device()
    terms = home.recovering()
    parties = [DeviceParty(link), home.phone, home.cloud]
    joins = [await party.join(terms) for party in parties]
    for party in parties:
        await party.start(joins)
    await exchange_openings(link, home)
    pass_seconds(app, TYPING_TIMEOUT)
    assert (await link.session_state()).state == "failed"


async def test_a_device_that_brings_no_share_cannot_come_back_without_pieces(home):
    _, link = await home.new_device()
    outcomes = await home.recover(link, b"")
    assert outcomes[0][0] == "failed"
    assert outcomes[0][1].name == "backup"


async def test_a_device_keeps_and_proves_a_piece_for_another_member(home):
    own, phone, cloud = home.numbers
    terms = flows.backup_terms(
        os.urandom(16), home.phone.custody, home.group, BACKUP, 2, phone, sorted([own, cloud]), own, 0
    )
    home.cloud.attended = True
    outcomes = await run_session(terms, [DeviceParty(home.link), home.phone, home.cloud])
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    sheet = BackupSheet.decode(outcomes[0][1])
    assert len(home.app.vault.names("backup/")) == 1
    test = flows.verify_terms(
        os.urandom(16), home.phone.custody, home.group, BACKUP, sheet.hash(), sorted([own, cloud])
    )
    outcomes = await run_session(test, [DeviceParty(home.link), home.cloud])
    assert outcomes == [("done", sorted([own, cloud]))] * 2


# Without a session


async def carried(home, backup_id: bytes = BACKUP) -> tuple[bytes, dict[int, tuple[bytes, bytes]]]:
    """The backup by phone and cloud; (sheet, {number: piece})."""
    _, phone, cloud = home.numbers
    made = await home.link.backup_make(home.group, backup_id, 2, home.people(), phone, cloud)
    identity = home.app.identity.public
    kept = {phone: backing.accept_piece(home.phone.custody, made.sheet, identity, phone, made.phone_piece, False)}
    sealed = backing.open_others(home.cloud.identity, identity, made.sheet, made.others)[cloud]
    kept[cloud] = backing.accept_piece(home.cloud.custody, made.sheet, identity, cloud, sealed, True)
    return made.sheet, kept


def released(home, receiver: bytes, sheet: bytes, kept) -> list[tuple[int, bytes, bytes]]:
    pieces = []
    for number, party in zip(home.numbers[1:], (home.phone, home.cloud), strict=True):
        sealed = backing.release_piece(party.identity, receiver, sheet, number, kept[number][0], os.urandom)
        pieces.append((number, party.identity.public, sealed))
    return pieces


async def test_a_share_comes_back_by_phone_and_cloud_and_signs(home):
    sheet, kept = await carried(home)
    app, link = await home.new_device("text:" + home.shown_code())
    uuid = os.urandom(16)
    mac = await link.recovery_request(sheet, uuid)
    keeper = home.cloud.keeper
    keeper.keep(sheet, home.numbers[2], *kept[home.numbers[2]])
    keeper.check_release(home.group, BACKUP, uuid, app.identity.public, mac)
    assert await link.recovery_restore(sheet, released(home, app.identity.public, sheet, kept)) == []
    outcomes = await home.recover(link, b"")
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    assert app.restored is None
    await home.sign(app, link)


async def test_a_wrong_code_gives_another_request(home):
    sheet, _ = await carried(home)
    _, link = await home.new_device("text:" + "A" * 16)
    keeper = home.cloud.keeper
    uuid = os.urandom(16)
    mac = await link.recovery_request(sheet, uuid)
    keeper.keep(sheet, home.numbers[2], bytes(32), bytes(32))
    with pytest.raises(DaricError):
        keeper.check_release(home.group, BACKUP, uuid, bytes(33), mac)


@pytest.mark.parametrize("text", ["text:", "text:ABC", "text:" + "0" * 16])
async def test_what_is_no_code_makes_no_request(home, text):
    sheet, _ = await carried(home)
    _, link = await home.new_device(text)
    await refused("backup", link.recovery_request(sheet, os.urandom(16)))


async def test_a_request_that_nobody_types_a_code_for_ends(home):
    sheet, _ = await carried(home)
    app, link = await home.new_device()
    assert await link._call("recovery_request", sheet, bytes(16)) == []
    pass_seconds(app, TYPING_TIMEOUT)
    await refused("timeout", link._call("recovery_request", sheet, bytes(16)))


async def test_a_bad_piece_is_named(home):
    sheet, kept = await carried(home)
    app, link = await home.new_device()
    pieces = released(home, app.identity.public, sheet, kept)
    number, holder, sealed = pieces[0]
    pieces[0] = (number, holder, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(DaricError, match=str(number)) as caught:
        await link.recovery_restore(sheet, pieces)
    assert caught.value.name == "backup"
    assert app.restored is None


async def test_pieces_for_another_device_give_nothing(home):
    sheet, kept = await carried(home)
    _, link = await home.new_device()
    await refused("backup", link.recovery_restore(sheet, released(home, home.app.identity.public, sheet, kept)))


async def test_a_share_that_came_back_does_not_survive_a_power_cut(home):
    sheet, kept = await carried(home)
    app, link = await home.new_device()
    await link.recovery_restore(sheet, released(home, app.identity.public, sheet, kept))
    assert app.restored is not None
    again = device(home.tmp_path / "new")
    assert again.restored is None
    assert again.custody.groups() == []


async def test_an_owner_who_refuses_makes_no_backup(home):
    home.app.board.answer = "refuse"
    await refused("refused", carried(home))


async def test_a_backup_has_members_as_holders(home):
    own, phone, cloud = home.numbers
    people = home.people()
    stranger = [(phone, people[0][1] if people[0][0] != phone else people[1][1]), (200, bytes(33))]
    for holders, carrier, keeper in (
        (stranger, phone, 200), ([*people, (own, home.app.identity.public)], phone, cloud),
        (people, own, cloud), (people, phone, phone), ([people[0]], people[0][0], people[0][0]),
    ):  # fmt: skip
        await refused("member", home.link.backup_make(home.group, BACKUP, 2, holders, carrier, keeper))
    swapped = [(people[0][0], people[1][1]), (people[1][0], people[0][1])]
    await refused("member", home.link.backup_make(home.group, BACKUP, 2, swapped, phone, cloud))
    assert not [ask for _, ask in home.app.board.pages if ask]


@pytest.mark.parametrize(
    ("at", "value", "name"),
    [
        (0, bytes(15), "encoding"), (0, bytes(16), "group"), (1, bytes(15), "encoding"), (2, 1, "encoding"),
        (2, 3, "threshold"), (2, 9, "encoding"), (2, True, "encoding"), (3, [], "encoding"), (3, 7, "encoding"),
        (3, [[1]], "encoding"), (3, [[0, bytes(33)]], "encoding"), (3, [[1, bytes(32)]], "encoding"),
        (3, [[1, bytes(33)]] * 2, "parameter"), (3, [[1, bytes(33)]] * 9, "encoding"), (4, 0, "encoding"),
        (5, 0, "encoding"), (5, 256, "encoding"), (4, "1", "encoding"),
    ],
)  # fmt: skip
async def test_a_backup_that_is_asked_for_wrongly_is_refused(home, at, value, name):
    _, phone, cloud = home.numbers
    parameters = [home.group, BACKUP, 2, [list(one) for one in home.people()], phone, cloud]
    parameters[at] = value
    await refused(name, home.link._call("backup_make", *parameters))
    assert not [ask for _, ask in home.app.board.pages if ask]


@pytest.mark.parametrize(
    "request_",
    [
        ("recovery_request", b"", bytes(16)), ("recovery_request", b"\x80", bytes(16)),
        ("recovery_restore", b"\x80", [[1, bytes(33), b"x"]]),
    ],
)  # fmt: skip
async def test_a_sheet_that_is_none_is_refused(home, request_):
    await refused("backup", home.link._call(*request_))


@pytest.mark.parametrize(
    "pieces",
    [
        7, [], [7], [[1, bytes(33)]], [[0, bytes(33), b"x"]], [[1, bytes(32), b"x"]], [[1, bytes(33), 7]],
        [[1, bytes(33), bytes(1025)]], [[1, bytes(33), b"x"]] * 9,
    ],
)  # fmt: skip
async def test_pieces_that_are_none_are_refused(home, pieces):
    await refused("encoding", home.link._call("recovery_restore", b"\x80", pieces))


@pytest.mark.parametrize("uuid", [b"", bytes(15), 7, None])
async def test_a_request_names_a_session(home, uuid):
    await refused("encoding", home.link._call("recovery_request", b"\x80", uuid))


async def test_where_the_group_has_a_master_no_other_host_asks_for_a_backup(home):
    own, phone, cloud = home.numbers
    people = home.people()
    for master, members in ((phone, [home.phone, home.cloud]), (own, [home.phone, home.cloud])):
        terms = flows.master_terms(os.urandom(16), home.group, home.roster, master)
        outcomes = await run_session(terms, [DeviceParty(home.link), *members])
        assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
        asked = home.link.backup_make(home.group, os.urandom(16), 2, people, phone, cloud)
        if master == phone:  # the host of this link is another party than that phone
            await refused("master", asked)
        else:  # the owner of the master itself agrees on the screen
            assert (await asked).phone_piece
