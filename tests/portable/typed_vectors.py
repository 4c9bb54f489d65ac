"""Typed data and user operations."""

from binascii import hexlify, unhexlify

from daric_protocol import platform
from daric_protocol.evm import forms, message, request, typed_data, userop
from primitives import refused


def whole(value):
    """The value with each pair of surrogates as the character it stands for: MicroPython's JSON leaves them apart."""
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    if not isinstance(value, str):
        return value
    out, high = "", 0
    for character in value:
        code = ord(character)
        if 0xD800 <= code < 0xDC00:
            high = code
        elif 0xDC00 <= code < 0xE000:
            out += chr(0x10000 + ((high & 0x3FF) << 10) + (code & 0x3FF))
        else:
            out += character
    return out


def eip712(case):
    value = {name: whole(case[name]) for name in ("domain", "types", "primaryType", "message")}
    payload = forms.typed_data_payload(value)
    asked = request.Request(request.TYPED_DATA, payload)
    assert hexlify(request.digest(asked)).decode() == case["digest"]
    assert hexlify(request.digest(asked.encode())).decode() == case["digest"]
    data = typed_data.decode(payload)
    assert data.encode() == payload
    assert len(list(typed_data.fields(data, []))) >= data.count
    # One byte less, and one value less, is nothing that is signed.
    assert refused(typed_data.decode, payload[:-1])
    short = platform.cbor_encode([data.domain, data.types, data.primary, data.message[:-1]])
    assert refused(typed_data.decode, short)


def prefixed(value):
    """The vectors' hexadecimal digits as JSON has them."""
    if isinstance(value, dict):
        return {name: prefixed(inner) for name, inner in value.items()}
    return value if value[:2] == "0x" else "0x" + value


def userop_hash(case):
    value = prefixed(case["userop"])
    if "authorization" in value:
        value[forms.DELEGATION] = value.pop("authorization")
    inputs = value, case["version"], case["chain_id"], unhexlify(case["entry_point"])
    if case["version"] == "0.9":  # an EntryPoint that Daric does not sign for
        assert refused(forms.user_operation_payload, *inputs)
        return
    payload = forms.user_operation_payload(*inputs)
    operation = userop.decode(payload)
    assert operation.encode() == payload
    hashed = userop.operation_hash(operation)
    assert hexlify(hashed).decode() == case["hash"]
    signed = hashed if case["version"] == "0.8" else message.signing_digest(hashed)
    assert request.digest(request.Request(request.USER_OPERATION, payload).encode()) == signed
    assert refused(userop.decode, payload[:-1])
    assert refused(forms.user_operation_payload, dict(value, unknown="0x"), *inputs[1:])


CHECKS = {"eip712": eip712, "userop_hash": userop_hash}
