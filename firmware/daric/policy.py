"""The owner's policy for a wallet: kept in the vault, decided on this device, obeyed before the owner is asked.

Loaded only for a wallet that has one, and to propose one. What it can say and how requests are measured is in
daric_protocol.policy. Specification: docs/security.md, the owner's policy.
"""

from daric_protocol.channel import sized
from daric_protocol.errors import DaricError
from daric_protocol.limits import KEYGEN_TIMEOUT

from daric.sessions import COUNTED, POLICY


def check(device, terms) -> "bytes | None":
    """What has to be stored as counted before this session signs, None for nothing. Raises DaricError("policy").

    It counts as of the latest moment at which the owner can agree: KEYGEN_TIMEOUT from now.
    """
    from daric_protocol.policy import decode, judge, measure, tag_of

    policy = decode(device.vault.read(POLICY + terms.group.hex()))
    if terms.op != "sign":
        raise DaricError("policy", "a wallet with a policy gives its key to nobody: remove the policy first")
    from daric_protocol.evm import request as requests

    asked = measure(requests.decode(terms.request))
    tag = tag_of(terms.request)
    counted = _counted(device, terms.group)
    charge = judge(policy, asked, terms.members, counted.spent(asked.chain_id, tag))
    if charge is None:
        return None
    counted.add(charge[0], charge[1], tag, KEYGEN_TIMEOUT)
    return counted.encode()


def _counted(device, group: bytes) -> object:
    """What was counted in the last 24 hours of this device's time."""
    from daric_protocol.policy import decode_counted

    clock = device.board.clock()
    counted = decode_counted(device.vault.read(COUNTED + group.hex()), clock)
    if counted.advance(clock):
        # The clock began anew: from here on time passes again, also if nothing is signed before the next start.
        device.vault.write(COUNTED + group.hex(), counted.encode())
    return counted


# What a host may ask


def read_policy(device, _host: bytes, group: object) -> list:
    """[policy or empty, [[chain id, wei counted in the last 24 hours], ..]] of a wallet. Raises DaricError("group")."""
    from daric_protocol.policy import COUNTS, decode

    group = sized(group, 16)
    device.custody.group(group)
    encoded = device.vault.read(POLICY + group.hex())
    if encoded is None:
        return [b"", []]
    counted = _counted(device, group)
    return [encoded, COUNTS.write([(chain, counted.spent(chain)) for chain, _ in decode(encoded).daily])]


def proposal(device, _host: bytes, group: object, encoded: object) -> object:
    """Ask the owner, and for the PIN, for a policy for a wallet; or with empty bytes to remove the one it has.

    Raises DaricError: "group", "pending", "encoding", "parameter", "member", "threshold", "policy" where none is there.
    """
    from daric_protocol.flows.questions import shown_member, shown_name
    from daric_protocol.policy import decode, describe

    from daric.errands import Question

    group = sized(group, 16)
    shard = device.custody.shard(group)
    wallet = shown_name(device.custody.group(group).name)
    try:
        stored = device.vault.read(POLICY + group.hex())
    except DaricError:
        stored = b""  # damaged: nothing is signed until it is replaced or removed
    names = {member.index: shown_member(member) for member in shard.roster.members}
    if isinstance(encoded, bytes) and not encoded:
        if stored is None:
            raise DaricError("policy", "this wallet has no policy")
        rules = describe(decode(stored), names) if stored else [" damaged"]
        lines = ["REMOVE POLICY of"] + wallet + rules + ["Then there is", " no limit"]
    else:
        if not isinstance(encoded, bytes):
            raise DaricError("encoding", "a policy is a byte string")
        policy = decode(encoded)
        _check_cosigners(policy.cosigners, shard)
        title = ["Policy for"] if stored is None else ["NEW POLICY", "instead of the", "old one, for"]
        lines = title + wallet + describe(policy, names)
    return Question(lines, lambda _: _store(device, group, encoded), pin=True)


def _check_cosigners(cosigners: "list[int]", shard) -> None:
    for index in cosigners:
        if index == shard.me or index not in shard.roster.indexes():
            raise DaricError("member", "a co-signer is another member of the wallet")
    if len(cosigners) >= shard.t:
        raise DaricError("threshold", "so many co-signers never sign beside this device")


def _store(device, group: bytes, encoded: bytes) -> bool:
    vault = device.vault
    device.modules.forget("daric_protocol")  # or the vault's new table lies in the middle of what is free later
    if encoded:
        vault.write(POLICY + group.hex(), encoded)
        return True
    vault.erase(POLICY + group.hex())
    vault.erase(COUNTED + group.hex())
    return True
