"""The firmware in this process, on a board without hardware, for scenes that are looked at.

What it shows depends on nothing but the scene: entropy is a stream of hashes, and time passes when it is told to.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from daric.app import App
from daric.board.flashfile import FlashFile
from daric.flash import open_vault
from daric.hosts import entry
from daric.panel import Panel
from daric.vault import PathFiles
from daric_protocol import platform
from daric_protocol.group import Group, shard_name
from daric_protocol.identity import Identity
from daric_protocol.link import TICKS
from daric_protocol.roster import Member, Roster
from daric_protocol.shard import Shard
from daric_protocol.tagged import TH
from daric_protocol.terms import Terms

BLOCKS = 96
GROUP_ID = bytes.fromhex("da71c000") + bytes(12)
KEY = int.from_bytes(hashlib.sha256(b"Savings").digest(), "big")  # of the wallet
CODE = "123456"
# Everybody beside the device: number of the identity, kind, name.
PHONE, CLOUD, FRIEND = (21, "phone", "Ana's phone"), (22, "cloud", "known cloud"), (23, "phone", "Ben's phone")


@dataclass(frozen=True)
class Page:
    """What the firmware put on the screen: as the arguments of Panel.show."""

    lines: tuple[str, ...]
    ask: bool = False
    typed: str = ""
    choice: str = ""

    def displays(self) -> list[list[str]]:
        """The rows of each display full, in the order in which a person turns them."""
        shown: list[list[str]] = []
        panel = Panel(_Rows(shown), lambda: 0, 0)
        panel.show(self.lines, self.ask, self.typed, self.choice)
        for _ in range(panel.pages - 1):
            panel.event("right")
        return shown


class _Rows:
    def __init__(self, shown: list[list[str]]) -> None:
        self._shown = shown

    def rows(self, rows: list[str]) -> None:
        self._shown.append(rows)


class StageBoard:
    """A board of the interface in docs/hardware.md; `fault` is what its entropy source has, "" for none."""

    STRETCH_MS = 0
    weak_erase = False

    def __init__(self, files: Path, fault: str = "") -> None:
        self.page = Page(())
        self.now = 0
        self.both_held = False
        self.answers: list[str] = []
        self._files = files
        self._fault = fault
        self._chip = FlashFile(None, BLOCKS)
        self._drawn = 0

    def ticks(self) -> int:
        return self.now & TICKS

    def clock(self) -> int:
        return 1_000_000 + self.now // 1000

    def wait(self, milliseconds: int) -> None:
        self.now += 1

    def read(self) -> bytes:
        return b""

    def write(self, data: bytes) -> None:
        pass

    def show(self, lines: list[str], ask: bool, typed: str = "", choice: str = "") -> None:
        self.page = Page(tuple(lines), ask, typed, choice)

    def button(self) -> str | None:
        return self.answers.pop(0) if self.answers else None

    def held(self) -> bool:
        return self.both_held

    def noise(self) -> bytes:
        return b""

    def watch(self) -> None:
        pass

    def unique_id(self) -> bytes:
        return b"stage"

    def code(self) -> None:
        return None

    def entropy(self) -> Any:
        return bytes if self._fault else self._stream

    def _stream(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            self._drawn += 1
            out += hashlib.sha256(b"stage %d" % self._drawn).digest()
        return out[:count]

    def chip(self) -> FlashFile:
        return self._chip

    def open_vault(self, random: Any) -> Any:
        return open_vault(self._chip, random, lambda _, first: PathFiles(str(self._files)))

    def crashed(self, error: BaseException) -> None:
        raise error

    def reset(self) -> None:
        pass


class Hooks:
    """What a question asks of a session's owner."""

    def __init__(self, app: Any, backing: Any) -> None:
        self.describe = app.hosts.describe
        self.backing = backing


class Agreed:
    """A session in which all openings are there and its owner is asked, as far as flows.questions looks at one."""

    def __init__(self, app: Any, terms: Terms, roster: Roster, code: str | None = None, backing: Any = None) -> None:
        self.terms = terms
        self.roster = roster
        self.me = roster.index_of(app.identity.public)
        self.code = code
        self.hooks = Hooks(app, backing)
        coming = [member.index for member in roster.members if not member.public_share]
        if terms.op == "recover":
            coming = [terms.details().index]
        self.indexes = sorted(terms.members + coming)
        self.authenticated: tuple[int, ...] = ()


class Stage:
    """One device and what a scene needs around it."""

    def __init__(self, files: Path, fault: str = "") -> None:
        self.board = StageBoard(files, fault)
        self.app = App(self.board)

    @property
    def page(self) -> Page:
        return self.board.page

    def press(self, *answers: str) -> None:
        """Answers, as of Panel.event or a keyboard, one after another."""
        for answer in answers:
            self.board.answers.append(answer)
            self.step()

    def step(self, seconds: int = 0) -> None:
        """Time passes, and the device takes a turn."""
        self.board.now += 1000 * seconds
        self.app.step(0)

    def restart(self) -> None:
        """The power goes off and on."""
        self.app = App(self.board)

    def ask(self, question: Any) -> None:
        """Put the question of an errand on the screen; its answer goes nowhere."""
        self.show(question.lines, True, question.typed, question.hidden)

    def show(self, lines: list[str], asks: bool = False, typed: str = "", hidden: bool = False) -> None:
        self.app.screens.show(lines, _nobody if asks else None, typed, hidden)

    # What the device has

    def pair(self, who: tuple[int, str, str] = PHONE) -> bytes:
        """A host that was paired, whose cloud the device knows; its identity."""
        identity = public(who)
        card = [identity, who[2], public(CLOUD)]
        self.app.vault.write(entry(identity), platform.cbor_encode(card))
        self.app.show_ready()
        return identity

    def roster(self, t: int, *others: tuple[int, str, str], shares: bool = True, master: int = 0) -> Roster:
        """A wallet of the device and others. shares: it exists already. master: an index, 0 for none."""
        parties = [(self.app.identity.public, "device", "daric")] + [(public(who), who[1], who[2]) for who in others]
        plain = Roster.create(t, parties)
        members = [with_share(member) if shares else member for member in plain.members]
        return Roster(t, 0, master, members)

    def store_wallet(self, roster: Roster, name: str = "Savings") -> bytes:
        """A wallet that the device has; its id."""
        key = platform.curve.encode(platform.curve.mul_g(KEY))
        me = roster.index_of(self.app.identity.public)
        shard = Shard(GROUP_ID, "dkg", 1, me, 5, key, bytes(32), roster, bytes(32), bytes(32), bytes(32))
        group = Group(GROUP_ID, name)
        group.epoch = group.highest_epoch = 1
        group.highest_index = max(roster.indexes())
        self.app.vault.write(shard_name(GROUP_ID, 1), shard.encode())
        group.save(self.app.vault)
        self.app.show_ready()
        return GROUP_ID

    def session(
        self, terms: Terms, roster: Roster, *, asker: bytes = b"", code: str | None = None, backing: Any = None
    ) -> None:
        """The question of a session. asker: identity of who signed the terms. code: the check code."""
        from daric_protocol.flows.questions import question

        if asker:
            terms.initiator, terms.signature = asker, bytes(64)
        agreed: Any = Agreed(self.app, terms, roster, code, backing)
        self.show(question(agreed, self.app.custody), True)


def _nobody(answer: str) -> None:
    """Nobody waits for the answer."""


def public(who: tuple[int, str, str]) -> bytes:
    return Identity(who[0]).public


def with_share(member: Member) -> Member:
    point = platform.curve.mul_g(100 + member.index)
    return member.with_share(platform.curve.encode(point))


def number(text: str) -> bytes:
    """16 bytes that stand for this text: an id that is random elsewhere."""
    return TH("daric/stage", text.encode())[:16]


def drawn(count: int) -> bytes:
    """Random bytes that are always the same."""
    return number("drawn")[:count]


@contextmanager
def stage(fault: str = "") -> Iterator[Stage]:
    """A device of its own, fresh from the factory."""
    with TemporaryDirectory() as files:
        yield Stage(Path(files), fault)
