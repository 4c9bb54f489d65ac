"""Every broken source of the virtual board, at the start and in use: prints what becomes of each."""

from daric.board.faults import source
from daric.board.flashfile import FlashFile, Partition
from daric.starts import check
from daric_protocol.errors import DaricError
from daric_protocol.platform.entropy import READ_BYTES, STARTUP_BYTES, Entropy

AT_START = STARTUP_BYTES // READ_BYTES + 2
DRAWS = 160


def outcome(setting):
    """What a device with this source comes to: "absent", "refused", "refused in use" or "good"."""
    given = source(setting)
    if given is None:
        return "absent"
    try:
        door = Entropy(given)
    except DaricError as error:
        return "refused: " + error.name
    try:
        for _ in range(DRAWS):
            door.draw(32)
    except DaricError as error:
        assert door.failed
        try:
            door.draw(1)
        except DaricError:
            return "refused in use: " + error.name
    return "good"


for name in ("system", "missing", "stuck", "biased", "leaning", "repeating", "seeded", "failing"):
    print(name, outcome(name))
for name in ("stuck", "biased", "leaning", "repeating", "failing"):
    for reads in (1, AT_START, AT_START + 7, AT_START + 64):
        print(name, "after", reads, outcome(f"{name}@{reads}"))

block = Partition(FlashFile(None, 1), 0, 1)
for setting in ("seeded", "system", "seeded", "system"):
    try:
        check(block, Entropy(source(setting)).start)
        print(setting, "started")
    except DaricError as error:
        print(setting, "refused: " + error.name)
