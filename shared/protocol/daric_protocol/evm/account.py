"""Addresses of smart accounts before they are deployed. Sources: ERC-4337 reference contracts 0.6 to 0.8, Safe 1.4.1.

An account is a small proxy that a factory deploys by CREATE2; its address follows from the factory, a salt and the
proxy's creation code with its arguments. The creation codes are the files beside this one, as compiled by the
contracts' authors (npm @account-abstraction/contracts, @safe-global/safe-contracts).
"""

from binascii import unhexlify

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import words
from daric_protocol.evm.address import ADDRESS_BYTES, create2

DEFAULT_KIND = "simple-0.7"
# Kind: factory, implementation behind the proxy. All are the authors' own deployments, the same on every chain.
KINDS = {
    "simple-0.6": ("9406cc6185a346906296840746125a0e44976454", "8abb13360b87be5eeb1b98647a016add927a136c"),
    "simple-0.7": ("91e60e0613810449d098b0b5ec8b51a0fe8c8985", "68641de71cfea5a5d0d29712449ee254bb1400c2"),
    "simple-0.8": ("13e9ed32155810fdbd067d4522c492d6f68e5944", "28426d752372d68d34340bd94390950dce3c9ec3"),
    "safe-1.4.1": ("4e1dcf7ad4e460cfd30791ccc4f9c8a4f820ec67", "41675c099f32341bf84bfc5382af534df5c7461a"),
}
INITIALIZE = b"\xc4\xd6\x6d\xe8"  # initialize(address)
SETUP = b"\xb6\x3e\x80\x0d"  # setup(address[],uint256,address,bytes,address,address,uint256,address)
ENABLE_MODULES = b"\x8d\x0d\xc4\x9f"  # enableModules(address[])
SAFE_4337_MODULE = unhexlify("75cf11467937ce3f2f357ce24ffc3dbf8fd5c226")
SAFE_MODULE_SETUP = unhexlify("2dd68b007b46fbe91b9a7c3eda5a7a1063cb5b47")


def account_address(
    owner: bytes,
    kind: str = DEFAULT_KIND,
    salt: int = 0,
    factory: "bytes | None" = None,
    implementation: "bytes | None" = None,
) -> bytes:
    """Address (20 B) of the account of one owner (20 B, the address of its public key).

    kind: a key of KINDS. salt: the owner's choice, u256; each gives another account. factory, implementation: 20 B,
    where they differ from the usual deployment. DaricError("parameter") for anything else.
    """
    if kind not in KINDS or not 0 <= salt < 1 << 256:
        raise DaricError("parameter", "no such kind of account, or the salt is out of range")
    usual_factory, usual_implementation = KINDS[kind]
    factory = factory or unhexlify(usual_factory)
    implementation = implementation or unhexlify(usual_implementation)
    for address in (owner, factory, implementation):
        if len(address) != ADDRESS_BYTES:
            raise DaricError("parameter", "an address has 20 bytes")
    if kind == "safe-1.4.1":
        arguments = words.left(implementation)
        salt_bytes = platform.keccak256(platform.keccak256(safe_initializer(owner)) + words.number(salt))
    else:
        call = INITIALIZE + words.left(owner)
        arguments = words.left(implementation) + words.number(64) + words.tail(call)
        salt_bytes = words.number(salt)
    return create2(factory, salt_bytes, platform.keccak256(_creation_code(kind) + arguments))


def safe_initializer(owner: bytes) -> bytes:
    """The call that sets a new Safe up: one owner, threshold 1, the ERC-4337 module enabled and answering calls."""
    enable = ENABLE_MODULES + words.number(32) + words.number(1) + words.left(SAFE_4337_MODULE)
    nothing = words.number(0)
    owners = words.number(1) + words.left(owner)
    head = (
        words.number(8 * 32)  # where the owners stand, counted from here
        + words.number(1)
        + words.left(SAFE_MODULE_SETUP)
        + words.number(8 * 32 + len(owners))  # where the call of the module set-up stands
        + words.left(SAFE_4337_MODULE)
        + nothing
        + nothing
        + nothing
    )
    return SETUP + head + owners + words.tail(enable)


def _creation_code(kind: str) -> bytes:
    path = __file__.rsplit("/", 1)[0] + "/" + kind + ".bin"
    with open(path, "rb") as code:
        return code.read()
