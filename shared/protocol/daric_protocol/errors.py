"""The one error table: number, class, text safe to show. Specification: docs/protocol.md, section 13."""

import sys

# Name, number, class, text. Classes: retry (try again as it is), user (a person must act), peer (another party
# misbehaved), fatal (local fault). One string, because on a device 40 rows of objects take 10 KB.
TABLE = """
soft 1 retry The session ended early and nothing was lost; it can be started again.
spent 2 user The session ended after the last message left: the request may have been signed.
blame 3 peer A party sent something that an honest party never sends.
ban 4 peer A party failed an oblivious-transfer check; the pair needs a new set-up.
encoding 10 peer The bytes are not a well-formed message.
too_large 11 peer The message is larger than the limit.
parameter 12 user A parameter is out of range.
signature 13 peer A signature does not verify.
sealed 14 retry A sealed message could not be opened.
threshold 15 user The threshold does not fit the number of members.
member 16 user That party is a member already, or is none.
unpaired 20 user This host is not paired with the device.
pairing 21 user Pairing failed: the codes differ or the other side changed its mind.
refused 22 user The request was refused on the screen.
busy 23 retry Another session is active; one party takes part in one session at a time.
session 24 user No such session, or it is not in the right state.
replayed 25 user The session, nonce or digest was used before.
group 26 user No such group, or this party is not a member.
roster 27 retry The roster or epoch differs from the stored one.
banned 28 user The pair with this party has no usable set-up; make a new one first.
pending 29 retry The new shard is stored but not yet certified by every member.
raw_digest 30 user Raw digests are refused unless the owner enabled them on the device.
request 31 user The request cannot be read and shown, so it is not signed.
certificate 32 peer The certificate does not fit the pending shard.
timeout 33 retry The other side did not answer in time.
master 34 user Only the master of this wallet may do this.
backup 35 user The backup is of another epoch or share, or too few of its pieces are good.
policy 36 user The owner's policy on the device does not allow this.
locked 37 user The device is locked; its owner has to type the PIN on it.
pin 38 user The PIN is wrong, or this needs a PIN and none is set.
update 39 user The image is not newer, not for this board, or not signed by the key that this device takes.
factory 40 user The device cannot do this in its state: it is provisioned, paired or has a wallet already.
genuine 41 peer The device did not prove that it is genuine.
entropy 50 fatal The entropy source failed its health test.
storage 51 fatal The store is full, unwritable or damaged.
memory 52 fatal Not enough memory for this request.
internal 53 fatal An internal error; the session was dropped.
link 60 retry The serial link failed or the device is not there.
port 61 user The serial port cannot be opened, or what is on it is not known to be a Daric device.
unauthorised 70 user The token is missing, expired or not allowed to do this.
unknown_session 71 user The session is unknown, ended or expired.
conflict 72 peer The same message id came with different bytes.
expired 73 retry Messages expired before they were read.
limit 74 retry A limit was reached; slow down and try again.
service 75 retry The service is not reachable or not ready.
relay 76 user The session is at another service than this party uses.
chain 80 user The node refused the transaction, or the chain did.
"""


def row(name: str) -> "tuple[int, str, str]":
    """(number, class, text) of an error. Raises KeyError for a name that is not in the table."""
    at = TABLE.find("\n" + name + " ")
    if at < 0:
        raise KeyError(name)
    number, kind, text = TABLE[at + len(name) + 2 : TABLE.find("\n", at + 1)].split(" ", 2)
    return int(number), kind, text


if sys.implementation.name != "micropython":
    ERRORS = {line.split(" ", 1)[0]: row(line.split(" ", 1)[0]) for line in TABLE.strip().split("\n")}


class DaricError(Exception):
    """Anything Daric refuses or fails at: `name` is in the table, `detail` one sentence without secrets."""

    def __init__(self, name: str, detail: str = "") -> None:
        self.name = name
        self.number, self.kind, text = row(name)
        self.detail = detail or text
        super().__init__(self.detail)


class Abort(DaricError):
    """A round ended: the only exception that leaves a round (docs/protocol.md, section 13).

    name: soft, spent, blame or ban. blame: party index, or None where nobody can be named. evidence: public bytes
    that show the fault (signed messages), or None.
    """

    def __init__(
        self, name: str, blame: "int | None" = None, detail: str = "", evidence: "bytes | None" = None
    ) -> None:
        super().__init__(name, detail)
        self.blame = blame
        self.evidence = evidence


def error_name(number: int) -> str:
    """The name of a wire number; `internal` for a number this version does not know."""
    for line in TABLE.strip().split("\n"):
        fields = line.split(" ", 2)
        if fields[1] == str(number):
            return fields[0]
    return "internal"
