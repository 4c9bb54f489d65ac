"""What a person meets when a wallet is made, changed, backed up, recovered or given up. As scenes.py."""

from collections.abc import Iterator

from daric import backups, screens
from daric import terms as device_terms
from daric_protocol import flows, platform
from daric_protocol.flows.backing import Backing
from daric_protocol.group import Group, missing_name
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds.backup import BackupSheet
from daric_protocol.rounds.export import Exported

from daric_sim.scenes_sign import roster_group, wallet
from daric_sim.stage import CLOUD, FRIEND, GROUP_ID, KEY, PHONE, Stage, drawn, number, public

Scene = Iterator[tuple[str, str]]
CODE = "123456"
RECOVERY = "DARICRECOVERY234"
BACKUP = number("backup")


def making(stage: Stage) -> Scene:
    """A new wallet"""
    host = stage.pair()
    plain = stage.roster(2, PHONE, FRIEND, shares=False)
    made = flows.create_terms(number("create"), 2, 3, drawn, "Savings")
    stage.session(made, plain, asker=host, code=CODE)
    yield "create", "The check code has to be the same on all screens: else somebody stands between them."
    master = Roster(2, 0, plain.index_of(public(FRIEND)), plain.members)
    stage.session(flows.create_terms(number("m"), 2, 3, drawn, "Savings", public(FRIEND)), master, code=CODE)
    yield "create-master", "A wallet with a master, who alone may ask for anything later. Nobody signed these terms."
    for name, entropy, caption in (
        ("import", bytes(16), "A key that exists already becomes a shared one."),
        ("import-key", b"", "The same with a key that has no phrase."),
    ):
        secret = flows.Secret(KEY, bytes(32) if entropy else b"", entropy)
        asked = flows.import_terms(number(name), 2, 3, secret, public(PHONE), "Old wallet")
        stage.session(asked, plain, asker=host, code=CODE)
        yield name, caption
    stage.show(screens.progress("create", -1))
    yield "starting", "While a session waits for its parties."
    stage.show(screens.progress("create", 3))
    yield "round", "While it runs."
    for outcome, caption in (
        ("done", "The last page of a session."),
        ("refused", "Somebody refused. In place of this word stands the name of whatever ended the session."),
    ):
        stage.show(screens.ended("create", outcome))
        yield outcome, caption


def changing(stage: Stage) -> Scene:
    """Members and shares"""
    roster = wallet(stage)
    group, custody = roster_group(stage), stage.app.custody
    phone, cloud = public(PHONE), public(CLOUD)
    stage.session(flows.refresh_terms(number("refresh"), group, roster), roster, asker=phone)
    yield "refresh", "New shares of the same key for the same members."
    changed = flows.reshare_terms(number("reshare"), custody, group, 2, 1, [roster.index_of(cloud)])
    stage.session(changed, joined(roster), asker=phone, code=CODE)
    yield "reshare", "A member leaves and another one comes; who signs before and after."
    fewer = flows.reshare_terms(number("remove"), custody, group, 2, 0, [roster.index_of(cloud)])
    stage.session(fewer, roster, asker=phone)
    yield "remove", "A member leaves."
    more = flows.reshare_terms(number("threshold"), custody, group, 3)
    stage.session(more, roster, asker=phone)
    yield "threshold", "Another threshold."
    helpers = [roster.index_of(phone), roster.index_of(stage.app.identity.public)]
    stage.session(flows.enrol_terms(number("enrol"), custody, group, helpers), joined(roster), asker=phone, code=CODE)
    yield "enrol", "A member more, while all other shares stay."
    stage.session(flows.master_terms(number("master"), group, roster, roster.index_of(phone)), roster, asker=phone)
    yield "master", "Who alone may ask for anything from now on."
    stage.session(flows.master_terms(number("nobody"), group, roster, 0), roster, asker=phone)
    yield "no-master", "Nobody is master any more."
    pair = flows.pair_terms(number("pair"), group, roster, *sorted(helpers))
    stage.session(pair, roster, asker=phone)
    yield "pair", "A new set-up with one member."
    for _ in range(3):
        custody.bans.add(group, phone, True)
    stage.session(pair, roster, asker=phone)
    yield "strikes", "The same with a member that failed several checks."
    unfinished(stage, group, roster.index_of(cloud))
    stage.session(flows.refresh_terms(number("late"), group, roster), roster, asker=phone)
    yield "unfinished", "Earlier attempts lack somebody's acknowledgement."


def joined(roster: Roster) -> Roster:
    """A session's roster with one newcomer."""
    new = Member(max(roster.indexes()) + 1, public(FRIEND), FRIEND[1], FRIEND[2])
    return Roster(roster.t, roster.version, roster.master, [*roster.members, new])


def unfinished(stage: Stage, group_id: bytes, missing: int) -> None:
    """Three epochs were tried, and the last one lacks a member's acknowledgement."""
    group = Group.load(stage.app.vault, group_id)
    assert group is not None
    group.pendings = [2, 3, 4]
    group.save(stage.app.vault)
    stage.app.vault.write(missing_name(group_id), bytes([missing]))


def joining(stage: Stage) -> Scene:
    """Joining a wallet"""
    host = stage.pair()
    with_device = stage.roster(2, PHONE, CLOUD)
    others = [member for member in with_device.members if member.identity != stage.app.identity.public]
    old = Roster(2, 0, 0, others)
    new = Member(4, stage.app.identity.public, "device", "daric")
    known = Others(old)
    terms = flows.reshare_terms(number("join"), known, GROUP_ID, 2, 1)
    stage.session(terms, Roster(2, 0, 0, [*others, new]), asker=host, code=CODE)
    yield "reshare", "This device becomes a member of a wallet. Its address and members come from the terms."
    terms = flows.enrol_terms(number("join"), known, GROUP_ID, old.indexes())
    stage.session(terms, Roster(2, 0, 0, [*others, new]), asker=host, code=CODE)
    yield "enrol", "The same while all other shares stay."


class Others:
    """The custody of a member that is not this device, as far as proposals look at one."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.store = self
        self.pk = platform.curve.encode(platform.curve.mul_g(KEY))
        self.epoch = 1

    def read(self, name: str) -> None:
        return None

    def shard(self, group_id: bytes) -> "Others":
        return self

    @property
    def roster(self) -> Roster:
        return self._roster

    def group(self, group_id: bytes) -> Group:
        return Group(group_id, "Savings")

    def highest_index(self, group_id: bytes) -> int:
        return max(self._roster.indexes())


def backing(stage: Stage) -> Scene:
    """Backups"""
    roster = wallet(stage)
    group, custody = roster_group(stage), stage.app.custody
    me, phone, cloud = (roster.index_of(who) for who in (stage.app.identity.public, public(PHONE), public(CLOUD)))
    terms = flows.backup_terms(number("b"), custody, group, BACKUP, 2, me, [phone, cloud], phone, cloud)
    brought = Backing(backups.VaultKeeper(stage.app.vault))
    brought.code = RECOVERY
    stage.session(terms, roster, asker=public(PHONE), backing=brought)
    yield "session", "A backup of this device's share, and the code that brings it back: shown here, once."
    holders = [[phone, public(PHONE)], [cloud, public(CLOUD)]]
    stage.ask(backups.backup_make(stage.app, public(PHONE), group, BACKUP, 2, holders, phone, cloud))
    yield "alone", "The same without a session."
    every = stage.roster(3, PHONE, CLOUD)
    stage.store_wallet(every)
    stage.ask(backups.backup_make(stage.app, public(PHONE), group, BACKUP, 2, holders, phone, cloud))
    yield "fewer", "A backup that lets fewer parties reach the key than sign now."
    stage.store_wallet(roster)
    terms = flows.backup_terms(number("o"), custody, group, BACKUP, 2, phone, [me, cloud], me, cloud)
    stage.session(terms, roster, asker=public(PHONE), backing=Backing(backups.VaultKeeper(stage.app.vault)))
    yield "holder", "This device keeps a piece of another member's backup."
    stage.session(flows.verify_terms(number("v"), custody, group, BACKUP, bytes(32), [me, cloud]), roster)
    yield "test", "A backup is tested. No share leaves its place."


def recovering(stage: Stage) -> Scene:
    """Recovery"""
    roster = wallet(stage)
    group, custody = roster_group(stage), stage.app.custody
    me, phone, cloud = (roster.index_of(who) for who in (stage.app.identity.public, public(PHONE), public(CLOUD)))
    terms = flows.recover_terms(number("r"), custody, group, phone, [me, cloud], cloud, 0, BACKUP)
    stage.session(terms, roster.with_identity(phone, public(FRIEND)), asker=public(FRIEND), code=CODE)
    yield "other", "Another member comes back under a new identity."
    key = platform.curve.encode(platform.curve.mul_g(KEY))
    pieces = [(phone, public(PHONE)), (cloud, public(CLOUD))]
    sheet = BackupSheet(BACKUP, group, key, me, 1, 2, pieces, [key, key], bytes(13)).encode()
    stage.ask(backups.recovery_request(stage.app, public(PHONE), sheet, number("request")))
    yield "read", "This device comes back: which wallet, before the code is typed."
    stage.press("approve")
    yield "type", "Then the code."
    stage.show(["Recover a share", "Type the", "recovery code:"], True, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    yield "session", "The same where a session brings the share back."


def exporting(stage: Stage) -> Scene:
    """Export"""
    roster = wallet(stage)
    group = roster_group(stage)
    me, phone = roster.index_of(stage.app.identity.public), roster.index_of(public(PHONE))
    for name, holder, caption in (
        ("other", phone, "The whole key goes to a phone."),
        ("own", me, "The whole key comes to this screen."),
    ):
        terms = flows.export_terms(number(name), group, roster, [me, phone], holder, "moving out")
        stage.session(terms, roster, asker=public(PHONE))
        yield name, caption
    stage.app.show_secret(Exported(KEY, bytes(16)))
    yield "key", "The key. It never crosses the link."
    stage.press("approve")
    yield "phrase", "An imported phrase, four words at a time."
    stage.press("approve", "approve", "approve")
    yield "end", "After the last page the key is gone from the device's screen and memory."


def asking(stage: Stage) -> Scene:
    """The device asks"""
    roster = wallet(stage)
    group = roster_group(stage)
    host = public(PHONE)
    terms = flows.refresh_terms(number("a"), group, roster)
    stage.ask(device_terms.question(stage.app, host, terms.encode()))
    yield "known", "What was picked in the menu: the host proposes, and the device signs that it asks for it."
    terms = flows.create_terms(number("n"), 2, 3, drawn, "Second wallet")
    stage.ask(device_terms.question(stage.app, host, terms.encode()))
    yield "new", "The same for a new wallet."


SCENES = (
    ("make", making, ""),
    ("change", changing, ""),
    ("join", joining, ""),
    ("backup", backing, ""),
    ("recover", recovering, ""),
    ("export", exporting, ""),
    ("ask", asking, ""),
)
