"""The owner's policy: what a request would do is measured from its bytes, and what breaks a rule is refused by name."""

import pytest
from daric_protocol import limits, platform, policy
from daric_protocol.errors import DaricError
from daric_protocol.evm import account, typed_data, userop
from daric_protocol.evm.request import MESSAGE, RAW_DIGEST, TRANSACTION, TYPED_DATA, USER_OPERATION, Request
from daric_protocol.evm.transaction import DYNAMIC_FEE, LEGACY, Transaction
from daric_protocol.policy import CALLS, MESSAGES, RAW, TOKENS, TYPED, Policy, judge, measure
from eth_abi import encode as abi
from eth_utils import function_signature_to_4byte_selector as selector
from hypothesis import given, settings
from hypothesis import strategies as st
from micropython_runner import run_micropython

from tests.cddl import check

TO, OTHER, TOKEN = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20
GWEI, ETHER, HOUR = 10**9, 10**18, 3600
FEE = 21000 * 30 * GWEI
SIGNERS = [1, 2]


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


def rules(daily=(), recipients=(), cosigners=(), allowed=0) -> Policy:
    return policy.decode(Policy(list(daily), list(recipients), list(cosigners), allowed).encode())


def pays(**changes) -> Request:
    fields = {"gas_limit": 21000, "to": TO, "value": ETHER, "chain_id": 1, "max_fee": 30 * GWEI, "priority_fee": GWEI}
    return Request(TRANSACTION, Transaction(DYNAMIC_FEE, **{**fields, **changes}).encode())


def call(signature: str, *values) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return selector(signature) + abi(types, list(values))


def operates(call_data: bytes, **changes) -> Request:
    made = userop.UserOperation(userop.V07, 1, userop.ENTRY_POINTS[userop.V07], account.account_address(OTHER))
    made.call_data, made.call_gas, made.max_fee = call_data, 100_000, 10 * GWEI
    for name, value in changes.items():
        setattr(made, name, value)
    return Request(USER_OPERATION, made.encode())


def execute(to=TO, value=ETHER, data=b"") -> bytes:
    return call("execute(address,uint256,bytes)", to, value, data)


TYPED_REQUEST = Request(TYPED_DATA, typed_data.TypedData([None] * 5, {"T": [["x", "bool"]]}, "T", [True]).encode())
GIVES = call("transfer(address,uint256)", OTHER, 5)


# A policy itself


def test_a_policy_comes_back_from_its_bytes():
    made = rules([(1, 2**200), (10, 0)], [TO, OTHER], [2, 3], TOKENS | RAW)
    assert vars(policy.decode(made.encode())) == vars(made)
    check("Policy", made.encode())
    assert (made.limit(1), made.limit(10), made.limit(137), made.limit(None)) == (2**200, 0, 0, 0)


@pytest.mark.parametrize(
    "fields",
    [
        ([], [], [], 0),
        ([], [], [], TOKENS),
        ([], [], [2], MESSAGES),
        ([(1, 5), (1, 6)], [], [], 0),
        ([(10, 5), (1, 6)], [], [], 0),
        ([], [TO, TO], [], 0),
        ([], [OTHER, TO], [], 0),
        ([], [], [3, 2], 0),
        ([], [], [2, 2], 0),
    ],
    ids=str,
)
def test_a_policy_without_rules_or_with_one_twice_is_refused(fields):
    made = Policy(*[list(field) if isinstance(field, list) else field for field in fields])
    assert refusal(made.encode) == "parameter"
    written = platform.cbor_encode([[list(one) for one in fields[0]], *fields[1:]])
    assert refusal(policy.decode, written) == "parameter"


@pytest.mark.parametrize(
    "value",
    [
        [],
        [[], [], [2]],
        [[], [], [2], 0, 0],
        [[[0, 5]], [], [], 0],
        [[[1, -1]], [], [], 0],
        [[[1, bytes(32)]], [], [], 0],
        [[[1, b"\1" * 33]], [], [], 0],
        [[[1, True]], [], [], 0],
        [[[1]], [], [], 0],
        [[[1, 5]] * 5, [], [], 0],
        [[], [bytes(19)], [], 0],
        [[], ["0x"], [], 0],
        [[], [bytes([n]) * 20 for n in range(17)], [], 0],
        [[], [], [0], 0],
        [[], [], [256], 0],
        [[], [], [2], 32],
        [[], [], [2], -1],
        [[], [], [2], False],
        {"daily": []},
        7,
    ],
    ids=repr,
)
def test_other_bytes_are_no_policy(value):
    assert refusal(policy.decode, platform.cbor_encode(value)) == "encoding"


def test_bytes_that_are_too_many_or_no_cbor_are_refused():
    assert refusal(policy.decode, b"\xff") == "encoding"
    assert refusal(policy.decode, b"") == "encoding"
    assert refusal(policy.decode, platform.cbor_encode(bytes(limits.POLICY_BYTES))) == "too_large"


def test_all_of_a_policy_is_shown():
    made = rules([(1, ETHER // 2), (424242, ETHER)], [TO], [2, 9], TOKENS | MESSAGES)
    lines = policy.describe(made, {2: "2 phone Anna"})
    labels = [line for line in lines if line[:1] != " "]
    assert labels == ["24 hours' limit:"] * 2 + ["Recipient 1/1:", "Must co-sign:", "Must co-sign:", "Unmeasured:"]
    text = " ".join(line.strip() for line in lines)
    for part in ("0.5 ETH, fees", "Ethereum (1)", "1 coins", "UNKNOWN (424242)", "2 phone Anna", "9, not a member"):
        assert part in text
    assert lines[-2:] == [" token calls", " messages"]
    assert max(map(len, lines)) <= 16
    assert policy.describe(rules([], [TO]), {})[-1] == " refused"
    assert policy.describe(rules([], [], [2]), {2: "x"}) == ["Must co-sign:", " x"]


# What a request would do


@pytest.mark.parametrize(
    ("asked", "amount", "receivers", "amount_needs", "receiver_needs"),
    [
        (pays(), ETHER + FEE, [TO], 0, 0),
        (pays(value=0, data=GIVES, to=TOKEN), FEE, [OTHER], TOKENS, 0),
        (pays(data=GIVES, to=TOKEN), ETHER + FEE, [OTHER, TOKEN], TOKENS, 0),
        (pays(value=0, data=call("transferFrom(address,address,uint256)", TO, OTHER, 1)), FEE, [OTHER], TOKENS, 0),
        (pays(value=0, data=call("approve(address,uint256)", OTHER, 1)), FEE, [OTHER], TOKENS, 0),
        (pays(value=0, data=call("setApprovalForAll(address,bool)", OTHER, True)), FEE, [OTHER], TOKENS, 0),
        (pays(value=0, data=GIVES + b"\0"), FEE, None, CALLS, CALLS),
        (pays(value=0, data=b"\xde\xad\xbe\xef"), FEE, [TO], CALLS, CALLS),
        (pays(value=0, data=b"\1"), FEE, [TO], CALLS, CALLS),
        (pays(to=b"", data=b"\x60"), ETHER + FEE, None, CALLS, CALLS),
        (pays(to=b"", data=GIVES), ETHER + FEE, None, CALLS, CALLS),
        (pays(to=b""), ETHER + FEE, None, CALLS, CALLS),
        (operates(execute()), 2 * ETHER - ETHER + 10**15, [TO], 0, 0),
        (operates(execute(TOKEN, 0, GIVES)), 10**15, [OTHER], TOKENS, 0),
        (operates(b""), 10**15, [], 0, 0),
        (operates(b"\xde\xad\xbe\xef"), 10**15, None, CALLS, CALLS),
        (operates(execute()[:-1]), 10**15, None, CALLS, CALLS),
        (operates(execute(), entry_point=TO), None, None, CALLS, CALLS),
        (operates(b"", entry_point=TO), None, None, CALLS, CALLS),
        (
            operates(
                execute(), version=8, entry_point=userop.ENTRY_POINTS[8], factory=userop.DELEGATED, delegate=OTHER
            ),
            None,
            None,
            CALLS,
            CALLS,
        ),
        (Request(MESSAGE, b"hello"), None, None, MESSAGES, MESSAGES),
        (Request(MESSAGE, b"h" * 32), None, None, RAW, RAW),
        (TYPED_REQUEST, None, None, TYPED, TYPED),
        (Request(RAW_DIGEST, bytes(32)), None, None, RAW, RAW),
    ],
)
def test_a_request_is_measured(asked, amount, receivers, amount_needs, receiver_needs):
    found = measure(asked)
    assert (found.amount, found.receivers) == (amount, receivers)
    assert (found.amount_needs, found.receiver_needs) == (amount_needs, receiver_needs)


def test_the_fee_of_a_paymaster_is_counted_as_ones_own():
    plain, more = measure(operates(b"")).amount, {"paymaster": TO, "paymaster_post_gas": 100_000}
    assert measure(operates(b"", **more)).amount == 2 * plain


# What is refused


def test_a_daily_amount_is_kept_to_the_wei():
    limit = rules([(1, 2 * ETHER)])
    asked = measure(pays())
    assert judge(limit, asked, SIGNERS, 0) == (1, ETHER + FEE)
    assert judge(limit, asked, SIGNERS, ETHER - FEE) == (1, ETHER + FEE)
    assert refusal(judge, limit, asked, SIGNERS, ETHER - FEE + 1) == "policy"
    assert refusal(judge, rules([(1, ETHER)]), asked, SIGNERS, 0) == "policy"  # the fee counts


def test_a_chain_without_an_amount_and_every_chain_at_once_are_refused():
    limit = rules([(1, 2 * ETHER)])
    assert refusal(judge, limit, measure(pays(chain_id=10)), SIGNERS, 0) == "policy"
    unprotected = Request(TRANSACTION, Transaction(LEGACY, to=TO, gas_price=0).encode())
    assert refusal(judge, limit, measure(unprotected), SIGNERS, 0) == "policy"
    tokens = Request(TRANSACTION, Transaction(LEGACY, to=TOKEN, data=GIVES, gas_price=1).encode())
    every = rules([(1, 2 * ETHER)], allowed=31)
    assert refusal(judge, every, measure(tokens), SIGNERS, 0) == "policy"


@pytest.mark.parametrize(
    ("asked", "bit"),
    [
        (pays(value=0, data=GIVES), TOKENS),
        (pays(value=0, data=b"\xde\xad\xbe\xef"), CALLS),
        (pays(value=0, to=b"", data=b"\x60"), CALLS),
        (operates(b"\xde\xad\xbe\xef"), CALLS),
        (operates(execute(), entry_point=TO), CALLS),
        (Request(MESSAGE, b"hello"), MESSAGES),
        (Request(MESSAGE, b"h" * 32), RAW),
        (TYPED_REQUEST, TYPED),
        (Request(RAW_DIGEST, bytes(32)), RAW),
    ],
)
def test_what_cannot_be_measured_is_refused_unless_the_policy_allows_it(asked, bit):
    found = measure(asked)
    assert refusal(judge, rules([(1, ETHER)]), found, SIGNERS, 0) == "policy"
    assert refusal(judge, rules([(1, ETHER)], allowed=31 & ~bit), found, SIGNERS, 0) == "policy"
    charge = judge(rules([(1, ETHER)], allowed=bit), found, SIGNERS, 0)
    assert charge == (None if found.amount is None else (1, found.amount))


def test_only_listed_recipients_get_anything():
    only = rules([], [TO])
    for asked in (pays(), operates(execute()), operates(b"")):
        assert judge(only, measure(asked), SIGNERS, 10**30) is None
    gives = call("transfer(address,uint256)", TO, 5)
    assert judge(only, measure(pays(value=0, to=TOKEN, data=gives)), SIGNERS, 0) is None
    for asked in (
        pays(to=OTHER),
        pays(to=TOKEN, data=gives),  # coins to the token's contract
        pays(value=0, data=GIVES),
        pays(value=0, data=GIVES + b"\0"),
        pays(value=0, to=OTHER, data=b"\xde\xad\xbe\xef"),
        pays(value=0, data=b"\xde\xad\xbe\xef"),
        pays(value=0, data=call("approve(address,uint256)", OTHER, 0)),
        pays(to=b"", data=b"\x60"),
        operates(execute(OTHER)),
        operates(b"\xde\xad\xbe\xef"),
        operates(execute(), entry_point=OTHER),
        Request(MESSAGE, b"hello"),
        TYPED_REQUEST,
        Request(RAW_DIGEST, bytes(32)),
    ):
        assert refusal(judge, only, measure(asked), SIGNERS, 0) == "policy"


def test_a_smart_account_on_the_list_pays_nobody_else():
    """Its owner's key makes it pay anybody, by a call whose receiver is the account itself."""
    only = rules([], [TO])
    for asked in (pays(value=0, data=execute(OTHER)), operates(execute(TO, 0, call("upgradeTo(address)", OTHER)))):
        assert refusal(judge, only, measure(asked), SIGNERS, 0) == "policy"


def test_other_calls_that_are_allowed_go_to_listed_contracts_alone():
    only = rules([], [TO], allowed=CALLS)
    assert judge(only, measure(pays(value=0, data=b"\xde\xad\xbe\xef")), SIGNERS, 0) is None
    assert refusal(judge, only, measure(pays(value=0, to=OTHER, data=b"\xde\xad\xbe\xef")), SIGNERS, 0) == "policy"


def test_amount_and_recipients_hold_together():
    both = rules([(1, 2 * ETHER)], [TO], allowed=CALLS)
    assert judge(both, measure(pays()), SIGNERS, 0) == (1, ETHER + FEE)
    assert refusal(judge, both, measure(pays(to=OTHER)), SIGNERS, 0) == "policy"
    assert refusal(judge, both, measure(pays()), SIGNERS, ETHER) == "policy"
    assert judge(both, measure(pays(data=b"\xde\xad\xbe\xef")), SIGNERS, 0) == (1, ETHER + FEE)
    assert refusal(judge, both, measure(pays(to=OTHER, data=b"\xde\xad\xbe\xef")), SIGNERS, 0) == "policy"


def test_a_co_signer_that_is_missing_is_named():
    with_two = rules([], [], [2])
    for asked in (pays(), Request(MESSAGE, b"hello"), Request(RAW_DIGEST, bytes(32))):
        assert judge(with_two, measure(asked), [1, 2], 0) is None
        with pytest.raises(DaricError, match="member 2") as caught:
            judge(with_two, measure(asked), [1, 3], 0)
        assert caught.value.name == "policy"


# What was counted


def counted(clock: int = 0) -> policy.Counted:
    return policy.decode_counted(None, clock)


def tag(number: int) -> bytes:
    return policy.tag_of(b"%d" % number)


def test_what_was_counted_is_forgotten_after_a_day_and_not_before():
    book = counted(1000)
    book.add(1, 5, tag(1))
    assert not book.advance(1000 + 24 * HOUR - 1)
    assert (book.spent(1), book.spent(10)) == (5, 0)
    book.advance(1000 + 24 * HOUR)
    assert book.spent(1) == 0


def test_the_day_slides_and_does_not_begin_anew_at_an_hour():
    book = counted()
    for hour in (0, 12, 23):
        book.advance(hour * HOUR)
        book.add(1, 1, tag(hour))
    seen = []
    for hour in (23, 24, 35, 36, 47):
        book.advance(hour * HOUR)
        seen.append(book.spent(1))
    assert seen == [3, 2, 2, 1, 0]


def test_a_clock_that_began_anew_forgets_nothing():
    book = counted(1_000_000)
    book.add(1, 5, tag(1))
    assert book.advance(10)  # to be stored
    assert book.spent(1) == 5
    assert not book.advance(10 + 24 * HOUR - 1)
    assert book.spent(1) == 5
    book.advance(10 + 24 * HOUR)
    assert book.spent(1) == 0


def test_the_same_request_counts_once_and_as_the_newer_one():
    book = counted()
    book.add(1, 5, tag(1))
    assert (book.spent(1, tag(1)), book.spent(1, tag(2))) == (0, 5)
    book.advance(20 * HOUR)
    book.add(1, 5, tag(1))
    book.advance(30 * HOUR)
    assert book.spent(1) == 5


def test_more_requests_than_are_kept_apart_are_added_up_and_stay_as_long_as_the_youngest():
    book = counted()
    for number in range(3 * limits.POLICY_COUNTED):
        book.advance(number)
        book.add(1 + number % 3, 1, tag(number))
        book = policy.decode_counted(book.encode(), number)
    assert len(book.entries) == limits.POLICY_COUNTED
    assert [book.spent(chain) for chain in (1, 2, 3)] == [limits.POLICY_COUNTED] * 3
    book.advance(24 * HOUR)
    assert book.spent(1) + book.spent(2) + book.spent(3) >= 3 * limits.POLICY_COUNTED - limits.POLICY_COUNTED
    book.advance(25 * HOUR)
    assert book.entries == []


def test_other_bytes_are_no_count():
    book = counted()
    book.add(1, 5, tag(1))
    good = book.encode()
    for wrong in (b"", good[:-1], good + b"\0", platform.cbor_encode([0, 0, [[0, 1, -1, b""]]])):
        assert refusal(policy.decode_counted, wrong, 0) == "encoding"


steps = st.tuples(st.booleans(), st.integers(0, 30 * HOUR), st.integers(1, 3 * ETHER))


@given(st.lists(steps, max_size=40))
@settings(max_examples=100, deadline=None)
def test_in_no_24_hours_more_leaves_than_the_policy_says(course):
    """Whatever the clock does: restarts only ever make the device more careful."""
    limit, book, real, base, signed = rules([(1, 2 * ETHER)]), counted(), 0, 0, []
    for restarts, later, value in course:
        real += later
        base = real if restarts else base
        book = policy.decode_counted(book.encode(), real - base)
        book.advance(real - base)
        asked = pays(value=value, max_fee=0, priority_fee=0)
        mark = tag(len(signed))
        try:
            charge = judge(limit, measure(asked), SIGNERS, book.spent(1, mark))
        except DaricError:
            continue
        book.add(*charge, mark)
        signed.append((real, value))
    for start, _ in signed:
        assert sum(value for at, value in signed if start <= at < start + 24 * HOUR) <= 2 * ETHER


def test_a_device_measures_and_judges_as_the_host_does(tmp_path):
    made = rules([(1, 2 * ETHER), (10, 2**200)], [TO, OTHER], [2], TOKENS | TYPED)
    asked = [pays(), pays(value=0, to=TOKEN, data=GIVES), pays(chain_id=10, value=2**190), pays(to=TOKEN), pays(to=b"")]
    asked += [operates(execute()), operates(b"\xde\xad\xbe\xef"), Request(MESSAGE, b"hello"), TYPED_REQUEST]
    source = (
        "from daric_protocol import policy\n"
        "from daric_protocol.errors import DaricError\n"
        "from daric_protocol.evm import request\n"
        f"made = policy.decode({made.encode()!r})\n"
        "print(policy.describe(made, {2: '2 phone Anna'}), made.encode().hex())\n"
        "book = policy.decode_counted(None, 100)\n"
        f"for encoded in {[one.encode() for one in asked]!r}:\n"
        "    found = policy.measure(request.decode(encoded))\n"
        "    book.advance(book.clock + 3600)\n"
        "    try:\n"
        "        charge = policy.judge(made, found, [1, 2], book.spent(found.chain_id))\n"
        "        print(charge)\n"
        "        if charge:\n"
        "            book.add(charge[0], charge[1], policy.tag_of(encoded))\n"
        "    except DaricError as error:\n"
        "        print(error.name, error.detail)\n"
        "for n in range(40):\n"
        "    book.add(1 + n % 2, 2**100 + n, policy.tag_of(b'%d' % n))\n"
        "book = policy.decode_counted(book.encode(), 0)\n"
        "print(book.advance(5), book.spent(1), book.spent(2), book.encode().hex())\n"
    )
    script = tmp_path / "script.py"
    script.write_text(source)
    printed: list[str] = []
    exec(source, {"print": lambda *values: printed.append(" ".join(map(str, values)) + "\n")})
    assert run_micropython(script, heapsize="240k") == "".join(printed)
