"""What a person meets at the device itself, outside of any wallet's session. Each scene yields (name, what it is).

The picture is the page that is on the stage's screen at that moment.
"""

from collections.abc import Iterator
from hashlib import sha256

from daric import lock, maintenance, menu, screens, selftest, update
from daric.textentry import CODE
from daric_protocol.errors import DaricError
from daric_protocol.imagehead import Manifest
from daric_protocol.limits import PIN_TRIES, WIPE_HOLD

from daric_sim.stage import CLOUD, FRIEND, PHONE, Stage

Scene = Iterator[tuple[str, str]]
PIN = "text:4711"
PICK, NEXT = "approve", "refuse"  # what the buttons of a choice are


def starting(stage: Stage) -> Scene:
    """Start"""
    yield "new", "A device that was never paired. A development image says what it is at every start."
    stage.pair()
    stage.store_wallet(stage.roster(2, PHONE, CLOUD))
    yield "ready", "A device that waits. Any press opens the menu."


def out_of_order(stage: Stage) -> Scene:
    """Out of order"""
    yield "entropy", "The entropy source failed its tests: nothing is made or signed. It is tested anew at each start."
    stage.show(screens.fault(DaricError("storage")))
    yield "storage", "The flash can't be read. Both buttons, held for ten seconds, wipe the device."


def pairing(stage: Stage) -> Scene:
    """Pairing"""
    stage.show(screens.pairing("595338"), True)
    yield "code", "A host wants to pair. The six digits have to be those on its screen."
    for who in (PHONE, FRIEND):
        stage.pair(who)
    stage.press("menu:hostsmenu.show")
    yield "host", "Paired hosts, one after another, from the menu."
    stage.press(PICK)
    yield "forget", "A host was picked in the menu, or another host asks to forget it."
    stage.press("refuse")
    stage.press(NEXT, NEXT)
    yield "all", "After the last one: all of them."
    stage.press(PICK)
    yield "forget-all", "All were picked, or a host asks for it."
    stage.show(["Too many hosts", "Forget one first"])
    yield "full", "No host more can be paired."


def the_menu(stage: Stage) -> Scene:
    """The menu"""
    stage.pair()
    stage.store_wallet(stage.roster(2, PHONE, CLOUD))
    stage.press(PICK)
    for op, title in menu.TITLES:
        yield op, f"{title}: asked for here, proposed by the host."
        stage.press(NEXT)
    for row in menu.DEVICE.strip().split("\n"):
        title, module, function = row.split(" ")
        yield f"{module}-{function}", title.replace("_", " ") + "."
        stage.press(NEXT)
    yield "leave", "After the last row the menu can be left; otherwise it begins again."
    stage.press(NEXT, PICK)
    yield "picked", "What concerns a wallet goes on at the phone."


def the_pin(stage: Stage) -> Scene:
    """PIN and lock"""
    stage.press("menu:pinflow.remove_pin")
    yield "none", "Removing the PIN, setting a wipe code or locking where no PIN is set."
    stage.press("menu:pinflow.set_pin")
    yield "new", "Setting the first PIN: the left button turns to the next digit, the right one takes it."
    stage.press(*[PICK, NEXT, PICK, NEXT, NEXT, PICK])
    yield "typing", "Three digits are typed. They are not shown."
    stage.press("text:12")
    yield "length", "A PIN has 4 to 16 digits."
    stage.press(PIN)
    yield "again", "It is typed twice."
    stage.press("text:4712")
    yield "differ", "The two were not the same."
    stage.press(PIN, PIN)
    yield "set", "The PIN protects the device from now on."
    stage.show(["Checking", "please wait"])
    yield "checking", "Stretching a PIN takes about a second."
    stage.show(["Storing", "please wait"])
    yield "storing", "While a PIN is set, changed or removed."
    stage.press("menu:pinflow.remove_pin")
    yield "asked", "The PIN that is set is asked before it is changed or removed, before a wipe code and before a wipe."
    stage.press(PIN)
    yield "remove", "Before the PIN is removed."
    stage.press("approve")
    yield "removed", "No PIN is set any more."
    stage.press("menu:pinflow.set_pin", PIN, PIN, "menu:pinflow.wipe_code", PIN)
    yield "wipe-code", "A code that wipes the device when it is typed in place of the PIN."
    stage.press("text:9999", "text:9999")
    yield "wipe-code-set", "The wipe code is set."
    stage.restart()
    yield "locked", "A locked device. It answers nothing but that it is locked."
    stage.press(PICK)
    yield "type", "A press, or a host that wants the device unlocked: the PIN is typed here and nowhere else."
    stage.press("text:1234")
    yield "wrong", "A wrong PIN: the wait doubles with each one, and a restart does not shorten it."
    stage.step(60)
    stage.press(PICK)
    yield "retry", "The next try."
    stage.show(lock.wait_page(1 << PIN_TRIES - 1, 1))
    yield "last", "One more wrong PIN wipes the device."


def the_wipe(stage: Stage) -> Scene:
    """Wipe"""
    stage.press("menu:pinflow.wipe")
    yield "question", "From the menu, or by a host's wish, also of a locked device. A PIN that is set is asked next."
    stage.show(lock.holding_page(WIPE_HOLD - 3))
    yield "holding", "Both buttons are held at a device that is locked or out of order."
    stage.show(lock.wiping_page())
    yield (
        "wiping",
        "After that, after too many wrong PINs, or after the wipe code. Then the device starts as a new one.",
    )


def typing(stage: Stage) -> Scene:
    """Text"""
    stage.show(["Recover a share", "Type the", "recovery code:"], True, CODE)
    yield (
        "groups",
        "A recovery code is typed: the left button turns to the next group of letters, the right one takes it.",
    )
    stage.press(PICK)
    yield "letter", "Then one of its letters."
    stage.press(NEXT, NEXT, PICK, NEXT, NEXT, NEXT, PICK, PICK)
    yield "text", "The text so far, and the next group."
    stage.press(*[NEXT] * 5)
    yield "done", "At the end of the choices: delete, done, cancel."
    stage.show(["That is no code", "Type the", "recovery code:"], True, CODE)
    yield "wrong", "What was typed was no recovery code."


def settings(stage: Stage) -> Scene:
    """Raw digests"""
    stage.press("menu:review.raw_digests")
    yield (
        "allow",
        "Off in a new device. Who switches it on signs what nobody can read. A PIN is asked next.",
    )
    stage.press("approve")
    yield "allowed", "They are allowed from now on."
    stage.press("menu:review.raw_digests")
    yield "refuse", "The way back."
    stage.press("approve")
    yield "refused", "They are refused again."


def service(stage: Stage) -> Scene:
    """Maintenance, factory and update"""
    stage.ask(maintenance.question(stage.app, stage.pair()))
    yield "maintenance", "A development image's program can be ended for good: only with this answer. Others refuse."
    stage.show(["Maintenance", "Restart ends it"])
    yield "maintenance-on", "The prompt is on the line until the next start."
    offered = Manifest("99.0.0", "virtual", "production", "1.28.0", 1, bytes(32), 300_000, sha256(b"image").digest())
    stage.show(update.question(offered), True)
    yield "update", "New firmware has arrived, was verified, and is newer. A PIN that is set is asked next."
    for part, caption in (
        ("display", "The factory's test: can everything be read?"),
        ("right", "Does the right button work?"),
        ("left", "Does the left button work?"),
    ):
        stage.ask(selftest.panel(stage.app, b"", part))
        yield "test-" + part, caption


SCENES = (
    ("start", starting, ""),
    ("fault", out_of_order, "stuck"),
    ("pairing", pairing, ""),
    ("menu", the_menu, ""),
    ("pin", the_pin, ""),
    ("wipe", the_wipe, ""),
    ("text", typing, ""),
    ("raw", settings, ""),
    ("service", service, ""),
)
