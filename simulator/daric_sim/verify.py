"""Checks of the demo by software that is not ours: coincurve for keys and signatures, eth-account for the chain."""

import hashlib
from typing import Any

import cbor2
import coincurve
import rlp
from bip32 import BIP32
from eth_abi.abi import encode as abi
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from mnemonic import Mnemonic

BY = "coincurve, eth-account"
ACCOUNT = "m/44'/60'/0'"
TYPED_DATA = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Order": [{"name": "item", "type": "string"}, {"name": "price", "type": "uint256"}],
    },
    "primaryType": "Order",
    "domain": {"name": "Shop", "chainId": 1},
    "message": {"item": "a book", "price": 12},
}
ENTRY_POINTS = {
    "0.6": "0x5FF137D4b0FDCD49DcA30c7CF57E578a026d2789",
    "0.7": "0x0000000071727De22E5E9d8BAf0edAc6f37da032",
    "0.8": "0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108",
}
OPERATION = {
    "sender": "0x00000000000000000000000000000000000000AA", "nonce": "0x7", "callData": "0x",
    "callGasLimit": "0xc350", "verificationGasLimit": "0x186a0", "preVerificationGas": "0xc350",
    "maxFeePerGas": "0x2540be400", "maxPriorityFeePerGas": "0x3b9aca00",
}  # fmt: skip
PACKED = (
    ("sender", "address"), ("nonce", "uint256"), ("initCode", "bytes"), ("callData", "bytes"),
    ("accountGasLimits", "bytes32"), ("preVerificationGas", "uint256"), ("gasFees", "bytes32"),
    ("paymasterAndData", "bytes"),
)  # fmt: skip


class VerificationError(Exception):
    """Independent software does not accept a signature or an address."""


def address(group: dict[str, Any]) -> None:
    """The address of a wallet is that of its public key."""
    key = coincurve.PublicKey(bytes.fromhex(group["public_key"]))
    _equal("the address of the key", _address(key), group["address"])


# Keys and phrases


def new_phrase() -> str:
    """A recovery phrase of 12 words."""
    return str(Mnemonic("english").generate(128))


def new_key() -> tuple[str, str]:
    """A secret key in hex, and its address."""
    account = Account.create()
    return str(account.key.to_0x_hex()), str(account.address)


def usual_address(group: dict[str, Any], phrase: str, passphrase: str) -> None:
    """An imported wallet shows the address that every ordinary one derives from the phrase, and has its account key."""
    node = BIP32.from_seed(Mnemonic.to_seed(phrase, passphrase))
    _equal("the account key of the phrase", node.get_pubkey_from_path(ACCOUNT).hex(), group["public_key"])
    _equal("the first address of the phrase", _first_address(phrase, passphrase), group["usual_address"])


def key(secret: str, group: dict[str, Any]) -> None:
    """An exported key is the one of the wallet."""
    public = coincurve.PrivateKey(bytes.fromhex(secret.removeprefix("0x"))).public_key
    _equal("the public key of the exported key", public.format().hex(), group["public_key"])


def message_below(signature: str, text: str, phrase: str, passphrase: str) -> None:
    """An EIP-191 signature is of the first address below an imported phrase's account."""
    signer = Account.recover_message(encode_defunct(text=text), signature=signature)
    _equal("the signer that eth-account recovers", signer, _first_address(phrase, passphrase))


def _first_address(phrase: str, passphrase: str) -> str:
    node = BIP32.from_seed(Mnemonic.to_seed(phrase, passphrase))
    return _address(coincurve.PublicKey(node.get_pubkey_from_path(ACCOUNT + "/0/0")))


def receipt(receipt: str, group: dict[str, Any], cloud: bytes) -> None:
    """The cloud's word that it erased its shard: read by cbor2, hashed as docs/encodings.md says, signed by its key."""
    name, epoch, when, identity, signature = cbor2.loads(bytes.fromhex(receipt))
    _equal("the wallet of the receipt", name.hex(), group["group"])
    _equal("the party of the receipt", identity.hex(), cloud.hex())
    tag, fields = b"daric/erased", [name, epoch.to_bytes(4, "big"), when.to_bytes(4, "big"), identity]
    hashed = bytes([len(tag)]) + tag + b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    der = coincurve.ecdsa.cdata_to_der(coincurve.ecdsa.deserialize_compact(signature))
    if not coincurve.PublicKey(identity).verify(der, hashlib.sha256(hashed).digest(), hasher=None):
        raise VerificationError("coincurve does not verify the receipt")


# Signatures


def transaction(signed: str, unsigned: bytes, group: dict[str, Any]) -> str:
    """A signed transaction comes from the group's address and carries exactly the unsigned fields."""
    sender = Account.recover_transaction(signed)
    _equal("the sender that eth-account recovers", sender, group["address"])
    raw = bytes.fromhex(signed.removeprefix("0x"))
    r, s, odd = _tail(raw)
    _signature(keccak(unsigned), r, s, odd, group)
    return BY


def message(signature: str, text: str, group: dict[str, Any]) -> str:
    """An EIP-191 signature of a text is the group's."""
    signable = encode_defunct(text=text)
    signer = Account.recover_message(signable, signature=signature)
    _equal("the signer that eth-account recovers", signer, group["address"])
    raw = bytes.fromhex(signature.removeprefix("0x"))
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    _signature(digest, int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64] - 27, group)
    return BY


def typed_data(signature: str, value: dict[str, Any], group: dict[str, Any]) -> str:
    """An EIP-712 signature is the group's."""
    signer = Account.recover_message(encode_typed_data(full_message=value), signature=signature)
    _equal("the signer that eth-account recovers", signer, group["address"])
    return BY


def user_operation(signature: str, version: str, chain_id: int, group: dict[str, Any]) -> str:
    """A signature of OPERATION for an EntryPoint is the group's; the hash is made here from the EIP and the ABI."""
    if version == "0.8":
        return typed_data(signature, _packed_operation(chain_id), group)
    numbers = {name: int(text, 16) for name, text in OPERATION.items() if name != "callData"}
    gas, fees = _pair("verificationGasLimit", "callGasLimit"), _pair("maxPriorityFeePerGas", "maxFeePerGas")
    empty = keccak(b"")
    head: list[Any] = [OPERATION["sender"], numbers["nonce"], empty, empty]
    types: list[str]
    values: list[Any]
    if version == "0.6":
        names = ("callGasLimit", "verificationGasLimit", "preVerificationGas", "maxFeePerGas", "maxPriorityFeePerGas")
        types, values = ["uint256"] * 5, [numbers[name] for name in names]
    else:
        types, values = ["bytes32", "uint256", "bytes32"], [gas, numbers["preVerificationGas"], fees]
    inner = keccak(abi(["address", "uint256", "bytes32", "bytes32", *types, "bytes32"], [*head, *values, empty]))
    digest = keccak(abi(["bytes32", "address", "uint256"], [inner, ENTRY_POINTS[version], chain_id]))
    signer = Account.recover_message(encode_defunct(primitive=digest), signature=signature)
    _equal("the owner that eth-account recovers", signer, group["address"])
    return BY


def _packed_operation(chain_id: int) -> dict[str, Any]:
    domain = {"name": "ERC4337", "version": "1", "chainId": chain_id, "verifyingContract": ENTRY_POINTS["0.8"]}
    message = {
        "sender": OPERATION["sender"], "nonce": 7, "initCode": b"", "callData": b"", "paymasterAndData": b"",
        "accountGasLimits": _pair("verificationGasLimit", "callGasLimit"),
        "preVerificationGas": int(OPERATION["preVerificationGas"], 16),
        "gasFees": _pair("maxPriorityFeePerGas", "maxFeePerGas"),
    }  # fmt: skip
    fields = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))
    types = {"EIP712Domain": fields, "PackedUserOperation": PACKED}
    named = {key: [{"name": name, "type": kind} for name, kind in value] for key, value in types.items()}
    return {"types": named, "primaryType": "PackedUserOperation", "domain": domain, "message": message}


def _pair(high: str, low: str) -> bytes:
    return b"".join(int(OPERATION[name], 16).to_bytes(16, "big") for name in (high, low))


def _tail(raw: bytes) -> tuple[int, int, int]:
    """r, s and y parity of a transaction: its last three fields, read by eth-account's and rlp's own decoders."""
    if raw[0] >= 0xC0:  # a list: a legacy transaction, whose v holds the chain
        v, r, s = (int.from_bytes(field, "big") for field in rlp.decode(raw)[-3:])
        return r, s, (v - 35) % 2
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return int(fields["r"]), int(fields["s"]), int(fields["v"])


def _signature(digest: bytes, r: int, s: int, parity: int, group: dict[str, Any]) -> None:
    """coincurve recovers the group's key, the signature verifies and has a low s, the address is the key's."""
    encoded = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    key = coincurve.PublicKey.from_signature_and_message(encoded, digest, hasher=None)
    _equal("the key that coincurve recovers", key.format().hex(), group["public_key"])
    der = coincurve.ecdsa.recoverable_convert(coincurve.ecdsa.deserialize_recoverable(encoded))
    if not key.verify(coincurve.ecdsa.cdata_to_der(der), digest, hasher=None):  # refuses a high s as well
        raise VerificationError("coincurve does not verify the signature")
    _equal("the address of the key", _address(key), group["address"])


def _address(key: coincurve.PublicKey) -> str:
    return str(to_checksum_address(keccak(key.format(compressed=False)[1:])[12:]))


def _equal(what: str, seen: str, expected: str) -> None:
    if seen != expected:
        raise VerificationError(f"{what} is {seen}, not {expected}")
