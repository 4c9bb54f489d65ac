"""What an owner and a factory set on a device, and its firmware, under power cuts.

Specification: docs/security.md, the owner's policy; docs/hardware.md, provisioning and updates; docs/architecture.md,
code slots.
"""

from unittest import mock

from daric import VERSION, made
from daric.board.flashfile import Partition
from daric.loader import Slots
from daric.review import RAW
from daric_host.flashing.signedimage import SignedImage, by_key
from daric_protocol import flows
from daric_protocol.evm.request import TRANSACTION, Request
from daric_protocol.evm.transaction import DYNAMIC_FEE, Transaction
from daric_protocol.genuine import DeviceCertificate
from daric_protocol.identity import Identity
from daric_protocol.imagehead import DEVELOPMENT, ROMFS
from daric_protocol.limits import LINK_PIECE_BYTES
from daric_protocol.policy import MESSAGES, Policy

from tests.power.house import BLOCKS, House
from tests.power.houses import again, savings, standing
from tests.power.process import NEW, OLD, Process
from tests.session.network import drbg

ETHER = 10**18
DAILY = Policy([(1, 2 * ETHER)], [], [], MESSAGES)
FACTORY, MAKER = Identity(99), Identity(98)
CODE_BLOCKS = 2 + 2 * 8


# The policy


class PolicySet(Process):
    name = "policy set"

    def run(self, house):
        assert house.errand("policy_propose", savings(), DAILY.encode())

    def subject(self, house):
        return house.ask("policy_read", savings())


def limited(boot: str) -> House:
    """A wallet under a policy of which half was used today."""
    house = standing(boot)
    PolicySet().run(house)
    UnderPolicy().pay(house, 1, ETHER // 2)
    return again(house, boot + " again")


class PolicyRemoved(Process):
    """The policy goes before what was counted under it."""

    name = "policy removed"

    def prepare(self):
        return limited("a policy to remove")

    def run(self, house):
        assert house.errand("policy_propose", savings(), b"")

    def subject(self, house):
        return house.ask("policy_read", savings())


class UnderPolicy(Process):
    """A payment is counted before it can be signed; what was counted is never given back. noted: when it was."""

    name = "sign under a policy"
    between = ("counted, not signed", "the digest may be signed", "the pair is banned")

    def prepare(self):
        return limited("under a policy")

    def request(self, nonce: int, value: int) -> bytes:
        payment = Transaction(DYNAMIC_FEE, nonce, 21000, b"\xaa" * 20, value, b"", 1)
        return Request(TRANSACTION, payment.encode()).encode()

    def pay(self, house: House, nonce: int, value: int) -> None:
        group = savings()
        both = sorted([house.index(group, "device"), house.index(group, "phone")])
        terms = flows.sign_terms(house.uuid(), group, house.custody.roster(group), both, self.request(nonce, value))
        house.run(terms, house.seats(group, both))

    def run(self, house):
        vault = house.app.vault
        write = vault.write

        def noting(name, value):
            write(name, value)
            if name.startswith("policyday/"):
                house.noted = True

        vault.write = noting
        self.pay(house, 2, ETHER)

    def subject(self, house):
        [(_, counted)] = house.ask("policy_read", savings())[1]
        digest = flows.request_digest(self.request(2, ETHER))
        journal = house.custody.journal
        return (
            counted if isinstance(counted, int) else int.from_bytes(counted, "big"),
            house.custody.is_spent(savings(), digest),
            journal.unresolved(savings()) == digest,
            tuple(house.custody.unusable(savings())),
        )

    def open_up(self, house, cut):
        counted, spent, _, banned = self.subject(house)
        assert counted >= ETHER or not (cut.world.noted or spent or banned), f"{cut}: an amount was given back"

    def verdict(self, found, old, new):
        if found[3]:
            return self.between[2]
        if found[2]:
            return self.between[1]
        return self.between[0] if found[0] > old[0] and not found[1] else super().verdict(found, old, new)


class RawDigests(Process):
    name = "raw digests allowed"

    def run(self, house):
        house.press("menu:review.raw_digests")

    def subject(self, house):
        return house.app.vault.read(RAW)


class Certificate(Process):
    name = "certificate of the factory"

    def run(self, house):
        given = DeviceCertificate(house.app.identity.public, "D-0001", "B1", "Ada", "2026-11-23")
        given.signature = FACTORY.sign(given.digest(), drbg("factory"))
        with mock.patch.object(made, "FACTORY_KEY", FACTORY.public):
            assert house.ask("factory_provision", given.encode())

    def subject(self, house):
        return house.app.vault.read("factory/certificate")


# The firmware


def image(version: str, fill: bytes) -> SignedImage:
    files = {"main.py": fill * 2000, "daric/app.mpy": fill * 3000}
    unsigned = SignedImage.make(files, ROMFS, version=version, board="virtual", kind=DEVELOPMENT, micropython="1.28.0")
    return unsigned.sign(by_key(98))


class Update(Process):
    """New firmware over the link, its first start and its confirmation. The device starts whole images only."""

    name = "update"
    between = ("new, on trial",)
    old_image, new_image = image(VERSION, b"o"), image("9.0.0", b"new!")

    def prepare(self):
        house = standing("with code slots")
        blank = b"\xff" * (CODE_BLOCKS * house.chip.block_size)
        stores = {name: dict(party.store) for name, party in house.parties.items()}
        house = House(house.chip.dump() + blank, stores, "with code")
        slots, old = self.slots(house), self.old_image
        while slots.begin(old.head, ROMFS, old.manifest.size, old.manifest.digest) < 0:
            pass
        slots.put(0, old.payload)
        slots.adopt()
        return again(house, "with code again")

    @staticmethod
    def slots(house: House) -> Slots:
        return Slots(Partition(house.chip, BLOCKS, CODE_BLOCKS))

    def run(self, house):
        self.install(house)
        house.start("on trial")
        self.serve(house)

    def install(self, house: House) -> None:
        """Bring the image, from where the last attempt ended, and agree to it."""
        new, offset = self.new_image, -1
        with mock.patch.object(made, "UPDATE_KEY", MAKER.public):
            while offset < 0:
                [offset] = house.ask("update_begin", new.head)
            while offset < new.manifest.size:
                offset = house.ask("update_piece", offset, new.payload[offset : offset + LINK_PIECE_BYTES])
            assert house.errand("update_end")

    @staticmethod
    def serve(house: House) -> None:
        """A host is answered on its channel: the image on trial is good."""
        house.app.dispatcher.served = True
        house.app.step(0)

    def subject(self, house):
        slots = self.slots(house)
        assert slots.whole(slots.running())
        return slots.about(slots.running())[2], slots.on_trial()

    def verdict(self, found, old, new):
        if found == (new[0], True):
            return self.between[0]
        return super().verdict(found, old, new)

    def afterwards(self, house, verdict):
        slots = self.slots(house)
        if verdict == OLD:
            self.install(house)
            house.start("after another attempt")
        if verdict != NEW:
            self.serve(house)
        assert slots.about(slots.running())[2] == self.new_image.manifest.digest and not slots.on_trial()


OWNER_PROCESSES: tuple[type[Process], ...] = (
    PolicySet, PolicyRemoved, UnderPolicy, RawDigests, Certificate, Update,
)  # fmt: skip
