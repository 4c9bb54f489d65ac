"""What a party signs to log in or to be attached to an account. Specification: docs/protocol.md, section 1.

A challenge of the auth service is never signed raw: the identity key signs the tagged hash of an AuthFields list,
[purpose, audience, service, service_ephemeral, challenge, identity, ephemeral, expires, account] (messages.cddl).
The device signs the same list for its host, which has no other use of the device's identity key.
"""

from daric_protocol.errors import DaricError

LOGIN = "login"
ATTACH = "attach"
AUDIENCE_BYTES = 64  # "daric/relay", "daric/cloud": a name, not a document

# Lengths of the byte fields by purpose, in the order service, service_ephemeral, challenge, identity, ephemeral.
LENGTHS = {LOGIN: (33, 33, 32, 33, 33), ATTACH: (33, 0, 32, 33, 0)}


def auth_digest(fields: list, identity: bytes) -> bytes:  # type: ignore[type-arg]
    """The 32 bytes that `identity` signs for these AuthFields: TH("daric/auth"; each field).

    fields: purpose str; audience str; service 33 B; service_ephemeral 33 B; challenge 32 B; identity 33 B;
    ephemeral 33 B (the key agreement of the login: both ephemerals are empty when attaching); expires u32, seconds
    since 1970; account 16 B when attaching, else empty. identity: the key that is going to sign, 33 B.
    Raises DaricError: encoding (a field of another type, length or range), signature (another party's fields).
    """
    from daric_protocol.tagged import TH, u32

    if not isinstance(fields, list) or len(fields) != 9:
        raise DaricError("encoding", "nine authentication fields were expected")
    purpose, audience, expires, account = fields[0], fields[1], fields[7], fields[8]
    if not isinstance(purpose, str) or purpose not in LENGTHS:
        raise DaricError("encoding", "the purpose is login or attach")
    if not isinstance(audience, str) or not 0 < len(audience) <= AUDIENCE_BYTES:
        raise DaricError("encoding", "the audience is a short name")
    for value, length in zip(fields[2:7], LENGTHS[purpose]):
        if not isinstance(value, bytes) or len(value) != length:
            raise DaricError("encoding", "an authentication field has a wrong length")
    if isinstance(expires, bool) or not isinstance(expires, int) or not 0 <= expires < 1 << 32:
        raise DaricError("encoding", "the expiry is not a 32-bit time")
    if not isinstance(account, bytes) or len(account) != (16 if purpose == ATTACH else 0):
        raise DaricError("encoding", "the account has a wrong length")
    if fields[5] != identity:
        raise DaricError("signature", "the fields name another identity")
    return TH(
        "daric/auth", purpose.encode(), audience.encode(), fields[2], fields[3], fields[4], fields[5], fields[6],
        u32(expires), account,
    )
