"""The terms of a session: what the initiator proposes and every party is shown before it joins.

Specification: docs/protocol.md, section 1; docs/encodings.md, section 1.
"""

from daric_protocol import envelope, limits
from daric_protocol.errors import DaricError
from daric_protocol.messages import INDEX, ListOf, Message, Number, Octets, Text
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from daric_protocol.details import Facts

OPERATIONS = (
    "create", "import", "sign", "export", "refresh", "reshare", "enrol", "pair", "backup", "verify", "recover",
)  # fmt: skip
WITHOUT_REQUEST = ("refresh", "pair")
BACKING = ("backup", "verify", "recover")
COUNT = Number(2, limits.MAX_PARTIES)


class Terms(Message):
    """One session's terms; the fields are fixed once made.

    uuid: bytes 16, named by the auth service. op: one of OPERATIONS. group: bytes 16. threshold: t after the session.
    parties: how many take part. members: ascending indexes of the stored members among them (empty at creation).
    request: deterministic CBOR: the typed request of a signing session, or what the operation needs to be told
    (daric_protocol.details); empty at refresh and pair, and at create without a master. name: of the wallet, shown.
    initiator: identity 33 B of the party that asks, and its signature 64 B; both empty where nobody says who asks.
    """

    NAMES = ("uuid", "op", "group", "threshold", "parties", "members", "request", "name", "initiator", "signature")
    FIELDS = (
        Octets(16), Text(limits.NAME_BYTES), Octets(16), COUNT, COUNT, ListOf((INDEX,), limits.MAX_PARTIES),
        Octets(most=limits.SIGN_REQUEST_BYTES), Text(limits.NAME_BYTES), Octets(0, 33), Octets(0, 64),
    )  # fmt: skip
    uuid: bytes
    op: str
    group: bytes
    threshold: int
    parties: int
    members: "list[int]"
    request: bytes
    name: str
    initiator: bytes
    signature: bytes

    def __init__(self, *values: "Any") -> None:
        """The last two may be left out: terms that nobody signed."""
        super().__init__(*(values + (b"", b"") if len(values) == 8 else values))

    def digest(self) -> bytes:
        """32 B that the initiator signs: everything but the signature."""
        bare = Terms(*[getattr(self, name) for name in self.NAMES])
        bare.signature = b""
        return TH("daric/terms", bare.encode())

    def signed(self, identity_public: bytes, sign_digest: "Callable[[bytes], bytes]") -> "Terms":
        """The same terms, asked for by the party of this identity (33 B). sign_digest: 32 B -> 64 B."""
        terms = Terms(*[getattr(self, name) for name in self.NAMES])
        terms.initiator = identity_public
        terms.signature = sign_digest(terms.digest())
        return terms

    @property
    def committed(self) -> bool:
        """Whether some party is unknown, so that all join by a commitment and compare a check code."""
        return self.parties > len(self.members)

    @property
    def names_master(self) -> bool:
        """Whether the session changes the roster's master: an enrolment of nobody."""
        return self.op == "enrol" and not self.newcomers

    @property
    def newcomers(self) -> int:
        """How many parties join that are no stored members."""
        return self.parties - len(self.members)

    def details(self) -> "Any":
        """The operation's details, of the class that belongs to it. Raises DaricError("encoding")."""
        if self.op in BACKING:
            from daric_protocol import backingdetails

            kind = backingdetails.kind(self.op)
        else:
            from daric_protocol import details

            kind = details.kind(self.op, self.newcomers)
        return envelope.decode(kind, self.request, limits.SIGN_REQUEST_BYTES)

    def facts(self) -> "Facts | None":
        """What the terms say about the group as it is; None for an operation that lets nobody in."""
        if self.op == "enrol" and self.newcomers:
            facts: "Facts" = self.details()
            return facts
        if self.op in ("reshare", "recover"):
            facts = self.details().facts
            return facts
        return None

    def encode(self) -> bytes:
        """The invitation as bytes, stored at the session service."""
        return envelope.encode(self)

    @staticmethod
    def decode(data: bytes) -> "Terms":
        """Read an invitation. Raises DaricError("encoding", "too_large" or "parameter")."""
        terms: Terms = envelope.decode(Terms, data, limits.TERMS_BYTES)
        terms.check()
        return terms

    def check(self) -> None:
        """Refuse terms that no session can meet: DaricError("parameter")."""
        if self.op not in OPERATIONS:
            raise DaricError("parameter", "the terms name an unknown operation")
        if not limits.MIN_THRESHOLD <= self.threshold <= limits.MAX_PARTIES:
            raise DaricError("parameter", "the threshold is out of range")
        if not 2 <= self.parties <= limits.MAX_PARTIES or len(self.members) > self.parties:
            raise DaricError("parameter", "the number of parties is out of range")
        if self.members != sorted(set(self.members)):
            raise DaricError("parameter", "the members of the terms are not in ascending order")
        if len(self.uuid) != 16 or len(self.group) != 16:
            raise DaricError("parameter", "session and group ids have 16 bytes")
        if bool(self.initiator) != bool(self.signature):
            raise DaricError("parameter", "terms have an initiator and its signature, or neither")
        self._check_operation()

    def _check_operation(self) -> None:
        joined = len(self.members)
        if self.op in ("create", "import") and (joined or self.threshold > self.parties):
            raise DaricError("parameter", "a new group has at least as many parties as its threshold, and no members")
        if self.op in ("sign", "export") and not joined == self.parties == self.threshold:
            raise DaricError("parameter", "exactly as many members as the threshold take part")
        if self.op == "pair" and not joined == self.parties == 2:
            raise DaricError("parameter", "a pair set-up has two members")
        if self.op == "refresh" and not joined == self.parties >= self.threshold:
            raise DaricError("parameter", "every member of the group renews its share, and nobody else takes part")
        if self.op != "create" and bool(self.request) == (self.op in WITHOUT_REQUEST):
            raise DaricError("parameter", "the operation has no request, or lacks the one that belongs to it")
        if self.op == "create" and self.request:
            self.details()
        elif self.op == "import":
            from daric_protocol.details import import_group

            self.details()
            if self.group != import_group(self.uuid, self.request):
                raise DaricError("parameter", "the id of an import's group does not follow from what is imported")
        elif self.op == "reshare":
            self.details().check(self.threshold, self.members, self.newcomers)
        elif self.names_master:
            if self.details().master not in [0] + self.members or self.threshold > joined:
                raise DaricError("member", "the master is a member, and every member takes part")
        elif self.op == "enrol":
            from daric_protocol.details import check_enrolment

            check_enrolment(self.details(), self.threshold, self.members, self.newcomers)
        elif self.op == "export" and self.details().initiator not in self.members:
            raise DaricError("member", "whoever is to hold the key takes part")
        elif self.op in BACKING:
            self.details().check(self.threshold, self.members, self.newcomers)
