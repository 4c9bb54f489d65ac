"""The recovery code: made, written down, typed again, and what follows from it."""

import base64
import hmac

import pytest
from daric_protocol.errors import DaricError
from daric_protocol.recoverycode import check_value, new_code, read_code, release_mac, shown

from tests.rounds.exchange import randomness

CODE = "MFRGGZDFMZTWQ2LK"
BACKUP, UUID, IDENTITY = bytes(range(16)), b"u" * 16, b"\x02" + b"i" * 32


def refused(call, *arguments, name="backup"):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name
    return caught.value.detail


def test_a_code_is_the_base32_form_of_80_bits():
    for seed in range(20):
        code = new_code(randomness(seed))
        assert base64.b32decode(code) == randomness(seed)(10)


@pytest.mark.parametrize("typed", [CODE, CODE.lower(), shown(CODE), " mfrg-gzdf mztw\tq2lk\n", "M-" + CODE[1:]])
def test_a_code_is_read_however_it_is_typed(typed):
    assert read_code(typed) == CODE


@pytest.mark.parametrize(
    "typed", ["", CODE[:-1], CODE + "A", "0" + CODE[1:], "1" + CODE[1:], "8" + CODE[1:], CODE[:-1] + "\u00e9", "=" * 16]
)
def test_anything_else_is_no_code_and_is_not_repeated_in_the_error(typed):
    assert typed == "" or typed not in refused(read_code, typed)
    refused(check_value, typed, BACKUP)


def test_what_the_holder_keeps_is_hkdf_of_the_code_under_the_backup_id():
    key = hmac.digest(BACKUP, CODE.encode(), "sha256")
    assert check_value(shown(CODE), BACKUP) == hmac.digest(key, b"daric/recovery-code\x01", "sha256")
    assert check_value(CODE, bytes(16)) != check_value(CODE, BACKUP)


def test_a_request_is_good_for_one_session_identity_and_backup():
    check = check_value(CODE, BACKUP)
    mac = release_mac(check, UUID, IDENTITY, BACKUP)
    assert mac == hmac.digest(check, UUID + IDENTITY + BACKUP, "sha256")
    others = [
        release_mac(check_value(CODE[:-1] + "A", BACKUP), UUID, IDENTITY, BACKUP),
        release_mac(check, bytes(16), IDENTITY, BACKUP),
        release_mac(check, UUID, b"\x03" + IDENTITY[1:], BACKUP),
        release_mac(check, UUID, IDENTITY, UUID),
    ]
    assert len({mac, *others}) == 5


@pytest.mark.parametrize("n", range(4))
def test_a_request_with_a_field_of_another_length_is_refused(n):
    fields = [check_value(CODE, BACKUP), UUID, IDENTITY, BACKUP]
    fields[n] += b"\x00"
    refused(release_mac, *fields, name="parameter")
