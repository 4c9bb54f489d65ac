"""Serial numbers, certificates and the factory's record: nothing is given twice, nothing gets lost."""

import json

import pytest
from daric_host.flashing.factory import Facts
from daric_host.flashing.provisioning import Ledger, issue
from daric_host.flashing.signedimage import by_key
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity

SIGN, PUBLIC = by_key(99), Identity(99).public
DEVICE = Identity(5).public
FACTS = Facts("virtual", "development", "0.1.0", "micropython 1.28", b"\1\2", DEVICE, bytes(32), b"", 0, 0, 1, "viper")


def named(name, call, *arguments):
    with pytest.raises(DaricError) as caught:
        call(*arguments)
    assert caught.value.name == name


def test_an_issued_certificate_verifies_and_is_of_today():
    certificate = issue(DEVICE, "D-1", "B1", "Ada", SIGN)
    certificate.check(PUBLIC)
    assert len(certificate.date) == 10 and certificate.identity == DEVICE
    named("signature", certificate.check, Identity(98).public)


@pytest.mark.parametrize("texts", [("", "B", "O"), ("s" * 65, "B", "O"), ("S", "", "O"), ("S", "B", "")])
def test_texts_that_no_certificate_takes_are_refused(texts):
    named("parameter", issue, DEVICE, *texts, SIGN)


def test_a_token_that_signs_something_else_is_noticed():
    named("signature", issue, DEVICE, "S", "B", "O", lambda digest: SIGN(bytes(32)))


def test_serial_numbers_are_never_given_twice(tmp_path):
    ledger = Ledger(tmp_path / "record")
    assert [ledger.take("D-{}", 7) for _ in range(2)] == ["D-000007", "D-000008"]
    assert ledger.take("one", 1) == "one"
    named("parameter", ledger.take, "one", 1)
    named("parameter", ledger.take, "", 1)
    named("parameter", ledger.take, "s" * 65, 1)


def test_the_record_survives_and_knows_its_devices(tmp_path):
    certificate = issue(DEVICE, "D-000001", "B1", "Ada", SIGN)
    Ledger(tmp_path / "record").add(FACTS, certificate)
    again = Ledger(tmp_path / "record")
    row = again.find(DEVICE)
    assert [row["serial"], row["batch"], row["operator"], row["board"]] == ["D-000001", "B1", "Ada", "virtual"]
    assert [row["arithmetic"], row["certificate"]] == ["viper", certificate.encode().hex()]
    assert again.certificate(DEVICE).encode() == certificate.encode()
    assert again.find(Identity(6).public) is None and again.certificate(Identity(6).public) is None
    assert again.take("D-{}", 1) == "D-000002"


@pytest.mark.parametrize("text", ["no json\n", "[1]\n", '{"identity": "00"}\n', "\xff"])
def test_a_file_that_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "record").write_text(text, encoding="latin-1")
    named("storage", Ledger, tmp_path / "record")


@pytest.mark.parametrize("certificate", ["", "zz", issue(Identity(6).public, "D", "B", "O", SIGN).encode().hex()])
def test_a_damaged_certificate_in_the_record_is_given_to_no_device(tmp_path, certificate):
    row = {"identity": DEVICE.hex(), "serial": "D", "certificate": certificate}
    (tmp_path / "record").write_text(json.dumps(row) + "\n")
    named("storage", Ledger(tmp_path / "record").certificate, DEVICE)


def test_a_record_that_cannot_be_written_is_told(tmp_path):
    ledger = Ledger(tmp_path / "none" / "record")
    named("storage", ledger.add, FACTS, issue(DEVICE, "S", "B", "O", SIGN))
    assert ledger.rows == []


def test_facts_tell_whether_a_device_is_new():
    assert FACTS.fresh and FACTS.serial == "" and not FACTS.as_json()["provisioned"]
    certificate = issue(DEVICE, "D-9", "B", "O", SIGN).encode()
    used = Facts(*list(vars(FACTS).values())[:7], certificate, 1, 0, 1, "viper")
    assert not used.fresh and json.loads(json.dumps(used.as_json()))["serial"] == "D-9"
