"""What a person meets before a signature: every kind of request, as the firmware shows it. As scenes.py."""

from collections.abc import Iterator

from daric import policy as policies
from daric import review
from daric_protocol import flows, platform
from daric_protocol.evm import forms, userop
from daric_protocol.evm.account import account_address
from daric_protocol.evm.address import from_public_key, from_text, to_text
from daric_protocol.evm.request import MESSAGE, RAW_DIGEST, TRANSACTION, TYPED_DATA, USER_OPERATION, Request
from daric_protocol.evm.transaction import DYNAMIC_FEE, LEGACY, Transaction
from daric_protocol.policy import MESSAGES, TOKENS, Policy
from daric_protocol.roster import Roster

from daric_sim.stage import CLOUD, KEY, PHONE, Stage, number, public

Scene = Iterator[tuple[str, str]]
GWEI, ETHER = 10**9, 10**18
RECIPIENT, SPENDER, CONTRACT = (platform.keccak256(name)[12:] for name in (b"recipient", b"spender", b"contract"))
OWNER = from_public_key(platform.curve.encode(platform.curve.mul_g(KEY)))
USDC = from_text("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
NFT_ID = 4711
PERMIT = {
    "types": {
        "Permit": [
            {"name": "owner", "type": "address"},
            {"name": "spender", "type": "address"},
            {"name": "value", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ]
    },
    "primaryType": "Permit",
    "domain": {"name": "USD Coin", "version": "2", "chainId": 1, "verifyingContract": to_text(USDC)},
    "message": {
        "owner": to_text(SPENDER),
        "spender": to_text(RECIPIENT),
        "value": 25_000_000,
        "deadline": 1_800_000_000,
    },
}


def wallet(stage: Stage, t: int = 2) -> Roster:
    """A wallet of the device, a phone and a cloud."""
    stage.pair()
    roster = stage.roster(t, PHONE, CLOUD)
    stage.store_wallet(roster)
    return roster


def call(signature: str, *values: bytes | int) -> bytes:
    """Call data: the selector and one word for each value, 20-byte addresses and numbers."""
    words = [
        value.to_bytes(32, "big") if isinstance(value, int) else bytes(32 - len(value)) + value for value in values
    ]
    return platform.keccak256(signature.encode())[:4] + b"".join(words)


def sent(to: bytes, value: int = 0, data: bytes = b"", gas: int = 60_000, chain: int = 1) -> Request:
    """A transaction from the wallet's own address."""
    made = Transaction(DYNAMIC_FEE, 5, gas, to, value, data, chain, max_fee=30 * GWEI, priority_fee=GWEI)
    return Request(TRANSACTION, made.encode())


def operation(version: int, sender: bytes, **changes: int | bytes) -> Request:
    """Half a coin sent by a smart account."""
    made = userop.UserOperation(version, 1, userop.ENTRY_POINTS[version], sender)
    execute = call("execute(address,uint256,bytes)", RECIPIENT, ETHER // 2, 96, 0)
    fields: dict[str, int | bytes] = {"nonce": 7, "call_data": execute, "call_gas": 50_000, "verification_gas": 100_000}
    fields |= {"pre_verification_gas": 50_000, "max_fee": 10 * GWEI, "priority_fee": GWEI}
    for name, value in {**fields, **changes}.items():
        setattr(made, name, value)
    return Request(USER_OPERATION, made.encode())


def created() -> Request:
    """The same by the wallet's own account, which begins to exist with it, and whose fee somebody else pays."""
    sender = account_address(OWNER, "simple-0.7", 3, CONTRACT)
    factory_data = call("createAccount(address,uint256)", OWNER, 3)
    payer = {"paymaster": SPENDER, "paymaster_verification_gas": 50_000, "paymaster_data": b"sponsored"}
    return operation(userop.V07, sender, nonce=0, factory=CONTRACT, factory_data=factory_data, **payer)


def touching() -> Request:
    """A transaction with an access list of one contract."""
    data = call("stake(uint256)", 7)
    listed = [(CONTRACT, [bytes(32)])]
    made = Transaction(
        DYNAMIC_FEE, 5, 60_000, CONTRACT, 0, data, 1, max_fee=30 * GWEI, priority_fee=GWEI, access_list=listed
    )
    return Request(TRANSACTION, made.encode())


REQUESTS = (
    ("coins", "Coins. From is the wallet's own address, computed here; the fee is the most that can be charged.",
     sent(RECIPIENT, 3 * ETHER // 2, gas=21_000)),
    ("token", "A token of the built-in table, in its own units.",
     sent(USDC, data=call("transfer(address,uint256)", RECIPIENT, 25_000_000))),
    ("unknown-token", "A token that the device does not know: its smallest units.",
     sent(CONTRACT, data=call("transfer(address,uint256)", RECIPIENT, 25_000_000))),
    ("unlimited", "An allowance without limit.",
     sent(USDC, data=call("approve(address,uint256)", SPENDER, 2**256 - 1))),
    ("increase", "A larger allowance.",
     sent(USDC, data=call("increaseAllowance(address,uint256)", SPENDER, 25_000_000))),
    ("nft", "A single token of a collection.",
     sent(CONTRACT, data=call("safeTransferFrom(address,address,uint256)", SPENDER, RECIPIENT, NFT_ID))),
    ("nft-data", "The same with data for the receiver.",
     sent(CONTRACT, data=call("safeTransferFrom(address,address,uint256,bytes)", SPENDER, RECIPIENT, NFT_ID, 128, 2)
          + b"hi" + bytes(30))),
    ("from", "A transfer from somebody else, of a token or of one token of a collection: calls of both look alike.",
     sent(CONTRACT, data=call("transferFrom(address,address,uint256)", SPENDER, RECIPIENT, NFT_ID))),
    ("all", "An operator of all tokens.",
     sent(CONTRACT, data=call("setApprovalForAll(address,bool)", SPENDER, 1))),
    ("unknown-call", "A call that the device can't read.",
     sent(CONTRACT, ETHER, data=call("stake(uint256)", 7))),
    ("access-list", "A transaction with a list of what it will touch.", touching()),
    ("any-network", "An old transaction that names no network.",
     Request(TRANSACTION, Transaction(LEGACY, 5, 21_000, RECIPIENT, ETHER, gas_price=30 * GWEI).encode())),
    ("create", "A new contract.", sent(b"", data=bytes.fromhex("6080604052"), gas=900_000)),
    ("unknown-network", "A network that is not in the device's table.",
     sent(RECIPIENT, ETHER, gas=21_000, chain=424242)),
    ("message", "A text message.", Request(MESSAGE, b"Log in to example.org\nas Ana, 4711")),
    ("bytes", "A message that is no text. One of 32 bytes may be the hash of something else.",
     Request(MESSAGE, bytes(range(1, 33)))),
    ("typed", "Typed data: its domain, then every field in order.",
     Request(TYPED_DATA, forms.typed_data_payload(PERMIT))),
    ("operation", "A user operation and the call inside it. This account's address does not follow from the key.",
     operation(userop.V07, CONTRACT)),
    ("operation-own", "Of the wallet's own account: its address was computed anew. Somebody else pays the fee.",
     created()),
    ("operation-delegated", "Of the wallet's own address, which runs a contract's code.",
     operation(userop.V08, OWNER, delegate=CONTRACT, factory=userop.DELEGATED)),
    ("account", "A request for an account below the wallet's key names its path.",
     Request(MESSAGE, b"Hello", [0, 7])),
    ("raw", "A raw digest, where the owner has switched them on.", Request(RAW_DIGEST, bytes(range(32)))),
)  # fmt: skip


def requests(stage: Stage) -> Scene:
    """Requests to sign"""
    roster = wallet(stage)
    me = roster.index_of(stage.app.identity.public)
    signers = sorted([me, roster.index_of(public(PHONE))])
    for name, caption, request in REQUESTS:
        terms = flows.sign_terms(number(name), roster_group(stage), roster, signers, request.encode())
        stage.session(terms, roster, asker=public(PHONE))
        yield name, caption


def roster_group(stage: Stage) -> bytes:
    """The id of the stage's wallet."""
    group: bytes = stage.app.custody.groups()[0]
    return group


def warnings(stage: Stage) -> Scene:
    """Warnings before a signature"""
    roster = wallet(stage)
    group, journal = roster_group(stage), stage.app.custody.journal
    me = roster.index_of(stage.app.identity.public)
    signers = sorted([me, roster.index_of(public(CLOUD))])
    request = Request(MESSAGE, b"Hello")
    terms = flows.sign_terms(number("warning"), group, roster, signers, request.encode())
    digest = flows.request_digest(request.encode(), False)
    journal.spend(group, digest)
    stage.session(terms, roster, asker=stage.app.identity.public)
    yield "again", "This very request may be signed already. Here the device itself asks."
    journal.spend(group, bytes(32))
    stage.session(terms, roster, asker=public(CLOUD))
    yield "other", "The last signature broke off at its end: somebody may have it."


def addresses(stage: Stage) -> Scene:
    """Addresses"""
    wallet(stage)
    group = roster_group(stage)
    for name, caption, kind, salt, path in (
        ("own", "The wallet's own address, computed here, to compare with the phone's.", "", 0, []),
        ("below", "An account below the wallet's key.", "", 0, [0, 7]),
        ("smart", "A smart account.", "simple-0.7", 0, []),
    ):
        stage.ask(review.address(stage.app, public(PHONE), group, kind, salt, path))
        yield name, caption


def policy(stage: Stage) -> Scene:
    """The owner's policy"""
    roster = wallet(stage, 3)
    group, host = roster_group(stage), public(PHONE)
    proposed = Policy([(1, ETHER)], [RECIPIENT], [roster.index_of(host)], TOKENS | MESSAGES).encode()
    question = policies.proposal(stage.app, host, group, proposed)
    stage.ask(question)
    yield "propose", "A host proposes a policy. All of it is shown, and counts once the owner agreed."
    question.act("approve")
    other = Policy([(1, ETHER // 10)], [], [], 0).encode()
    stage.ask(policies.proposal(stage.app, host, group, other))
    yield "replace", "Another policy in its place."
    stage.ask(policies.proposal(stage.app, host, group, b""))
    yield "remove", "Its removal."


SCENES = (
    ("sign", requests, ""),
    ("warning", warnings, ""),
    ("address", addresses, ""),
    ("policy", policy, ""),
)
