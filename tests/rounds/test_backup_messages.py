"""Every message of a backup and a recovery takes its own fields and nothing else."""

import pytest
from daric_protocol import backupmessages as messages
from daric_protocol import platform
from daric_protocol.errors import DaricError

from tests import cddl

GOOD = {
    messages.BackupDealt: [bytes(10240), bytes(256), bytes(4096)],
    messages.BackupCarried: [bytes(32), bytes(4096)],
    messages.BackupKept: [bytes(32)],
    messages.BackupProof: [bytes(10240), bytes(65)],
    messages.RecoveryRequest: [bytes(32)],
    messages.RecoveryPieces: [1, bytes(10240), [[1, bytes(256)], [255, b""]]],
}
FIELDS = [(kind, n) for kind in GOOD for n in range(len(kind.NAMES))]
IDS = [f"{kind.__name__}.{kind.NAMES[n]}" for kind, n in FIELDS]
FIXED = {"BackupCarried.sheet_hash", "BackupKept.sheet_hash", "RecoveryPieces.refused", "RecoveryPieces.pieces"}


def refused(kind, value):
    with pytest.raises(DaricError) as caught:
        kind.from_wire(value)
    assert caught.value.name == "encoding"


def changed(kind, n, value):
    return [value if at == n else field for at, field in enumerate(GOOD[kind])]


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_a_message_survives_the_wire_and_is_the_one_of_its_rule(kind):
    assert kind.from_wire(GOOD[kind]).to_wire() == GOOD[kind]
    cddl.check(kind.__name__, platform.cbor_encode(GOOD[kind]))


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_a_field_too_many_or_too_few_or_no_array_is_refused(kind):
    for value in ([*GOOD[kind], bytes(32)], GOOD[kind][:-1], None, 7, b"", {}):
        refused(kind, value)


@pytest.mark.parametrize(("kind", "n"), FIELDS, ids=IDS)
@pytest.mark.parametrize("value", [None, -1, 2, "text", True, [1], {}], ids=repr)
def test_a_field_of_another_type_or_range_is_refused(kind, n, value):
    refused(kind, changed(kind, n, value))


@pytest.mark.parametrize(("kind", "n"), FIELDS, ids=IDS)
def test_a_byte_string_may_be_empty_where_a_party_has_nothing_to_say_and_never_longer(kind, n):
    good = GOOD[kind][n]
    if isinstance(good, bytes):
        refused(kind, changed(kind, n, good + b"\x00"))
    if f"{kind.__name__}.{kind.NAMES[n]}" in FIXED:
        refused(kind, changed(kind, n, b""))
    else:
        kind.from_wire(changed(kind, n, b""))


@pytest.mark.parametrize(
    "pieces", [[[0, b""]], [[256, b""]], [[1]], [[1, b"", b""]], [[1, bytes(257)]], [[1, "text"]], [[1, b""]] * 17]
)
def test_a_list_of_pieces_has_numbers_and_sealed_bytes(pieces):
    refused(messages.RecoveryPieces, changed(messages.RecoveryPieces, 2, pieces))
