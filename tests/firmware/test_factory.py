"""What the factory asks of a device: to prove who it is, to keep one certificate and to test itself."""

import hashlib
import os
import sys
import types

import pytest
from daric import factory, made, selftest
from daric.board.flashfile import FlashFile, Partition
from daric.factory import attest
from daric.loader import ROMFS, Slots
from daric_host.flashing import factory as factory_tool
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.genuine import Attestation, DeviceCertificate
from daric_protocol.identity import Identity
from daric_protocol.platform import points

from tests.cddl import check
from tests.firmware.board import device, host_of, pair

FACTORY = Identity(99)
CHALLENGE = bytes(range(32))
DATE = "2026-11-23"


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "FACTORY_KEY", FACTORY.public)
    return device(tmp_path)


@pytest.fixture
def link(app):
    return host_of(app)


def issued(identity, key=FACTORY, serial="D-0001"):
    certificate = DeviceCertificate(identity, serial, "B1", "Ada", DATE)
    certificate.signature = key.sign(certificate.digest(), os.urandom)
    return certificate


async def refused(name, request):
    with pytest.raises(DaricError) as caught:
        await request
    assert caught.value.name == name


async def attested(link):
    return Attestation.from_wire(await link.factory("attest", CHALLENGE))


async def test_a_new_device_tells_the_factory_what_it_is(app, link):
    facts = await link.factory("info")
    check("FactoryInfo", platform.cbor_encode(facts))
    assert facts[:3] == [made.BOARD, made.KIND, "0.1.0"]
    assert facts[5] == app.identity.public and facts[7:10] == [b"", 0, 0]


async def test_a_device_tells_what_multiplies_its_points(link, monkeypatch):
    assert (await factory_tool.info(link)).arithmetic == "libsecp256k1"
    monkeypatch.setattr(platform, "NATIVE", False)
    for name in ("plain", "kernel_v7em"):
        monkeypatch.setattr(points, "NAME", name)
        assert (await factory_tool.info(link)).as_json()["arithmetic"] == name


@pytest.mark.parametrize("change", [lambda told: told[:-1], lambda told: [*told[:-1], 8], lambda told: [*told, 1]])
async def test_facts_of_another_form_are_refused(link, monkeypatch, change):
    facts = factory.info
    monkeypatch.setattr(factory, "info", lambda *asked: change(facts(*asked)))
    await refused("encoding", factory_tool.info(link))


async def test_every_request_and_answer_follows_its_rule(app, link, monkeypatch):
    answer, crossed = app.dispatcher.answer, []

    def recorded(data):
        reply = answer(data)
        crossed.extend([data, reply])
        return reply

    monkeypatch.setattr(app.dispatcher, "answer", recorded)
    for request_ in (
        ["info"], ["attest", CHALLENGE], ["provision", issued(app.identity.public).encode()],
        ["selftest", "link", b"x"], ["panel", "display"], ["wipe"], ["restart"],
    ):  # fmt: skip
        await link.factory(*request_)
    assert len(crossed) == 14
    for message in crossed:
        check("LinkMessage", message)
    for asked in crossed[::2]:
        check("FactoryRequest", asked)


async def test_a_device_proves_its_identity_for_a_challenge(app, link):
    answer = await attested(link)
    check("Attestation", platform.cbor_encode(answer.to_wire()))
    assert answer.check(CHALLENGE) is None and answer.identity == app.identity.public


async def test_the_image_inside_micropython_is_attested_where_no_slot_runs(link, monkeypatch):
    assert (await attested(link)).image == b""
    inside = types.ModuleType("daricrom")
    inside.image = lambda: memoryview(b"image" * 99)
    monkeypatch.setitem(sys.modules, "daricrom", inside)
    assert (await attested(link)).image == hashlib.sha256(b"image" * 99).digest()


async def test_a_code_slot_that_is_whole_is_attested_and_a_damaged_one_is_not(app, link, monkeypatch):
    chip = FlashFile(None, 2 + 2 * 12)
    slots, payload = Slots(Partition(chip, 0, chip.blocks)), os.urandom(9000)
    while slots.begin(b"head", ROMFS, len(payload), hashlib.sha256(payload).digest()) < 0:
        pass
    slots.put(0, payload)
    slots.adopt()
    monkeypatch.setattr(app.board, "code", lambda: Partition(chip, 0, chip.blocks))
    assert (await attested(link)).image == hashlib.sha256(payload).digest()
    chip.program(3 * chip.block_size + 5000, bytes(64))
    assert (await attested(link)).image == b""


async def test_a_provisioned_device_proves_that_it_is_genuine(app, link):
    assert await link.factory("provision", issued(app.identity.public).encode()) is True
    certificate = (await attested(link)).check(CHALLENGE, FACTORY.public)
    assert [certificate.serial, certificate.batch, certificate.operator, certificate.date] == [
        "D-0001", "B1", "Ada", DATE,
    ]  # fmt: skip
    check("DeviceCertificate", certificate.encode())


async def test_a_certificate_survives_a_restart(app, link, tmp_path):
    await link.factory("provision", issued(app.identity.public).encode())
    answer = await attested(host_of(device(tmp_path)))
    assert answer.check(CHALLENGE, FACTORY.public).serial == "D-0001"


async def test_the_same_certificate_twice_is_no_error_and_another_one_is(app, link):
    first = issued(app.identity.public)
    await link.factory("provision", first.encode())
    assert await link.factory("provision", first.encode()) is False
    await refused("factory", link.factory("provision", issued(app.identity.public, serial="D-0002").encode()))
    assert (await attested(link)).certificate == first.encode()


async def test_certificates_of_other_keys_devices_and_forms_are_refused(app, link):
    own = app.identity.public
    await refused("signature", link.factory("provision", issued(own, Identity(98)).encode()))
    await refused("factory", link.factory("provision", issued(Identity(5).public).encode()))
    await refused("encoding", link.factory("provision", b""))
    await refused("encoding", link.factory("provision", issued(own).encode()[:-1]))
    await refused("encoding", link.factory("provision", issued(own, serial="").encode()))
    await refused("encoding", link.factory("provision", issued(own, serial="s" * 65).encode()))
    await refused("encoding", link.factory("provision", platform.cbor_encode([own, "a", "b", "c", DATE, b"x" * 63])))
    assert (await attested(link)).certificate == b""


async def test_an_image_without_a_factory_key_keeps_no_certificate(app, link, monkeypatch):
    monkeypatch.setattr(made, "FACTORY_KEY", b"")
    await refused("factory", link.factory("provision", issued(app.identity.public).encode()))


async def test_a_paired_host_asks_the_same_on_its_channel(app, link):
    await link.factory("provision", issued(app.identity.public).encode())
    await pair(link)
    assert (await link.genuine(FACTORY.public)).identity == app.identity.public
    assert (await link.factory("info"))[8] == 1


async def test_a_paired_device_cannot_pass_on_the_proof_of_a_genuine_one(app, link, tmp_path, monkeypatch):
    await link.factory("provision", issued(app.identity.public).encode())
    fake = device(tmp_path / "fake")
    bought = host_of(fake)
    await pair(bought)
    monkeypatch.setattr(factory, "attest", lambda _device, _host, challenge: attest(app, b"", challenge))
    await refused("genuine", bought.genuine(FACTORY.public))
    await refused("genuine", factory_tool.attest(bought, FACTORY.public))


@pytest.mark.parametrize(
    "request_",
    [["info"], ["attest", CHALLENGE], ["provision", b"x"], ["selftest", "entropy", b""], ["panel", "display"],
     ["info", 1], ["hosts_list"], [""], [7]],
)  # fmt: skip
async def test_once_a_host_is_paired_a_stranger_learns_nothing(app, request_):
    await pair(host_of(app))
    stranger = host_of(app, 12)
    await refused("unpaired", stranger.factory(*request_))


async def test_what_is_no_request_of_the_factory_is_refused(link):
    await refused("unpaired", link.factory("log", 0))
    await refused("unpaired", link.factory("info do factory info 0\nlog"))
    await refused("parameter", link.factory("info", 1))
    await refused("encoding", link.factory("attest", b"short"))
    await refused("encoding", link.factory("attest", "x" * 32))


@pytest.mark.parametrize(
    "forged",
    [
        lambda answer: setattr(answer, "identity", Identity(5).public),
        lambda answer: setattr(answer, "version", "9.9.9"),
        lambda answer: setattr(answer, "image", bytes(32)),
        lambda answer: setattr(answer, "certificate", b""),
        lambda answer: setattr(answer, "signature", bytes(64)),
    ],
)
async def test_a_changed_attestation_proves_nothing(app, link, forged):
    await link.factory("provision", issued(app.identity.public).encode())
    answer = await attested(link)
    forged(answer)
    with pytest.raises(DaricError, match="does not hold the key"):
        answer.check(CHALLENGE, FACTORY.public)


async def test_an_old_answer_proves_nothing_for_a_new_challenge(link):
    with pytest.raises(DaricError, match="does not hold"):
        (await attested(link)).check(bytes(32))


async def test_no_certificate_or_another_factorys_is_not_genuine(app, link):
    answer = await attested(link)
    with pytest.raises(DaricError, match="no certificate"):
        answer.check(CHALLENGE, FACTORY.public)
    await link.factory("provision", issued(app.identity.public).encode())
    with pytest.raises(DaricError, match="factory's key"):
        (await attested(link)).check(CHALLENGE, Identity(98).public)


async def test_the_certificate_of_another_device_is_not_genuine(app):
    answer = Attestation(app.identity.public, issued(Identity(5).public).encode(), "b", "k", "1.0.0", b"")
    answer.signature = app.identity.sign(answer.digest(CHALLENGE), os.urandom)
    with pytest.raises(DaricError, match="another device"):
        answer.check(CHALLENGE, FACTORY.public)


async def test_a_device_starts_again_when_it_is_asked_to(app, link):
    assert await link.factory("restart") is True
    await refused("locked", link.factory("info"))
    for _ in range(2000):
        if app.board.resets:
            break
        app.step(0)
    assert app.board.resets


# Self-tests


async def test_each_self_test_tells_what_it_measured(link):
    drawn, ones, _, longest, _ = await link.factory("selftest", "entropy", b"")
    assert drawn == 2048 and abs(ones - 8 * drawn / 2) < 1000 and longest < 6
    assert (await link.factory("selftest", "flash", b""))[0] == 2048
    assert len(await link.factory("selftest", "crypto", b"")) == 6
    assert min(await link.factory("selftest", "multiply", b"")) > 0
    assert await link.factory("selftest", "link", bytes(range(256))) == bytes(range(256))


async def test_a_self_test_leaves_nothing_in_the_vault(app, link):
    before = app.vault.names("")
    for name in ("entropy", "flash", "crypto", "multiply"):
        await link.factory("selftest", name, b"")
    assert app.vault.names("") == before


async def test_self_tests_that_do_not_exist_or_are_asked_wrongly_are_refused(link):
    await refused("parameter", link.factory("selftest", "memory", b""))
    await refused("parameter", link.factory("selftest", 5, b""))
    await refused("parameter", link.factory("selftest", "crypto", b"x"))
    await refused("encoding", link.factory("selftest", "link", "text"))
    await refused("encoding", link.factory("selftest", "link", bytes(8193)))
    await refused("parameter", link.factory("panel", "sound"))


async def test_a_vector_that_the_board_does_not_reproduce_fails_by_name(link, monkeypatch):
    monkeypatch.setattr(selftest, "KECCAK", "00" * 32)
    with pytest.raises(DaricError, match="keccak256") as caught:
        selftest._crypto(None)
    assert caught.value.name == "internal"
    await refused("internal", link.factory("selftest", "crypto", b""))


async def test_flash_that_forgets_fails(app, link, monkeypatch):
    monkeypatch.setattr(app.vault, "read", lambda name: None)
    await refused("storage", link.factory("selftest", "flash", b""))


async def answered(link, *request_):
    while not (answer := await link.factory(*request_)):
        pass
    return answer


async def test_a_person_confirms_display_and_buttons(app, link):
    assert await answered(link, "panel", "display") == [True]
    assert await answered(link, "panel", "right") == [True]
    app.board.answer = "refuse"
    await refused("refused", answered(link, "panel", "left"))
