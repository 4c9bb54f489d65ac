"""What a paired host may know and do about this device's groups. Specification: docs/protocol.md, section 8."""

from daric_protocol.channel import sized
from daric_protocol.errors import DaricError

CERTIFICATE_BYTES = 4096
DAMAGED = 255  # standing of a group whose entries in the vault can't be read


def call(device, method: str, parameters: list) -> object:
    """A group_... request. Raises DaricError."""
    if method == "list" and not parameters:
        return [_listed(device.custody, group_id) for group_id in device.custody.groups()]
    if method == "certificate" and len(parameters) == 1:
        return device.custody.certificate(sized(parameters[0], 16))
    if method == "changes" and len(parameters) == 1:
        group_id = sized(parameters[0], 16)
        device.custody.group(group_id)
        return device.custody.changes(group_id)
    if method == "adopt" and len(parameters) == 1:
        return adopt(device, parameters[0])
    raise DaricError("parameter", "unknown request, or a wrong number of parameters")


def _listed(custody, group_id: bytes) -> list:
    """As `describe`; of a group whose entries are damaged its id alone, so that the others can be listed."""
    try:
        return describe(custody, group_id)
    except DaricError as error:
        if error.name != "storage":
            raise
        return [group_id, "", 0, [], DAMAGED, None, None, None, None]


def describe(custody, group_id: bytes) -> list:
    """[id, name, epoch, pending epochs, standing, own index, public key, chain code, roster]; nothing secret.

    The last four are nil before the first epoch is current.
    """
    group = custody.group(group_id)
    fields = [group.id, group.name, group.epoch, group.pendings, group.standing]
    if group.epoch == 0:
        fields.extend([None] * 4)
        return fields
    shard = custody.shard(group_id)
    fields.extend([shard.me, shard.pk, shard.cc, shard.roster.to_wire()])
    return fields


def adopt(device, encoded: object) -> bool:
    """Act on a certificate that the host got from another member; True if an epoch became current."""
    if not isinstance(encoded, bytes) or len(encoded) > CERTIFICATE_BYTES:
        raise DaricError("encoding", "a certificate is a short byte string")
    if device.sessions.active:
        raise DaricError("busy")
    current = device.custody.adopt(encoded)
    device.show_ready()
    return current
