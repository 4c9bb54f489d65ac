"""Typed data: eth-account hashes it alike, all of it is shown, and what does not fit its types is not signed."""

import copy
import json

import pytest
from daric_protocol import limits, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import forms, request, typed_data, words
from daric_protocol.evm.request import TYPED_DATA, Request
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from micropython_runner import run_micropython

OWNER = Account.from_key(b"\x11" * 32)
WALLET, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20
DOMAIN_FIELDS = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
MAIL = {
    "types": {
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person[]"},
            {"name": "contents", "type": "string"},
            {"name": "urgent", "type": "bool"},
            {"name": "value", "type": "int256"},
            {"name": "data", "type": "bytes"},
        ],
    },
    "primaryType": "Mail",
    "domain": {"name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": "0x" + "cc" * 20},
    "message": {
        "from": {"name": "Cow", "wallet": WALLET},
        "to": [{"name": "Bob", "wallet": OTHER}],
        "contents": "Hello, Bob!",
        "urgent": True,
        "value": -(2**200),
        "data": "0xc0ffee",
    },
}


def changed(path: str, value) -> dict:
    """MAIL with one value put in another's place; the path's steps are parted by dots."""
    mail = copy.deepcopy(MAIL)
    *above, last = path.split(".")
    at = mail
    for step in above:
        at = at[int(step) if isinstance(at, list) else step]
    at[int(last) if isinstance(at, list) else last] = value
    return mail


def payload_of(domain, types, primary, message) -> bytes:
    return platform.cbor_encode([domain, types, primary, message])


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


def shown(value) -> dict:
    return dict(request.fields(Request(TYPED_DATA, forms.typed_data_payload(value)), b"\x11" * 20))


# What others make of the same data

ATOMS = {
    "bool": st.booleans(),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=40).map(lambda data: "0x" + data.hex()),
    "address": st.binary(min_size=20, max_size=20).map(lambda data: "0x" + data.hex()),
    "bytes32": st.binary(min_size=32, max_size=32).map(lambda data: "0x" + data.hex()),
    "bytes5": st.binary(min_size=5, max_size=5).map(lambda data: "0x" + data.hex()),
    "uint256": st.integers(0, 2**256 - 1),
    "uint8": st.integers(0, 255),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int256": st.integers(-(2**255), 2**255 - 1),
}


@st.composite
def signed_by_others(draw):
    """Random structs two deep, with arrays of any and of fixed size, as eth-account takes them."""

    def struct(more=()):
        kinds = draw(st.lists(st.sampled_from([*ATOMS, *more]), min_size=1, max_size=4))
        arrays = [draw(st.sampled_from(["", "", "[]", "[2]", "[2][]"])) for _ in kinds]
        types = [kind + array for kind, array in zip(kinds, arrays, strict=True)]
        return [{"name": f"f{at}", "type": kind} for at, kind in enumerate(types)]

    def value(kind):
        if kind.endswith("[]"):
            return [value(kind[:-2]) for _ in range(draw(st.integers(0, 2)))]
        if kind.endswith("[2]"):
            return [value(kind[:-3]) for _ in range(2)]
        return message(kind) if kind in types else draw(ATOMS[kind])

    def message(name):
        return {field["name"]: value(field["type"]) for field in types[name]}

    types = {"Inner": struct()}
    types["Outer"] = struct(["Inner"])
    names = draw(st.sets(st.sampled_from(list(DOMAIN_FIELDS)), min_size=1))
    values = {"name": "App \u6c34", "version": "2", "chainId": 137, "verifyingContract": WALLET}
    domain = {name: values[name] for name in DOMAIN_FIELDS if name in names}
    return {"types": types, "primaryType": "Outer", "domain": domain, "message": message("Outer")}


@given(signed_by_others())
@settings(max_examples=120, deadline=None)
def test_the_digest_is_the_one_that_eth_account_signs(value):
    digest = request.digest(Request(TYPED_DATA, forms.typed_data_payload(value)).encode())
    declared = [{"name": name, "type": DOMAIN_FIELDS[name]} for name in value["domain"]]
    used = {name: value["types"][name] for name in typed_data.decode(forms.typed_data_payload(value)).types}
    full = {**value, "types": {"EIP712Domain": declared, **used}}
    signature = OWNER.sign_message(encode_typed_data(full_message=full))
    assert Account._recover_hash(digest, signature=signature.signature) == OWNER.address


@given(signed_by_others())
@settings(max_examples=60, deadline=None)
def test_what_was_read_is_encoded_to_the_same_bytes(value):
    payload = forms.typed_data_payload(value)
    assert typed_data.decode(payload).encode() == payload


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_end_in_the_request_error(data):
    assert refusal(typed_data.decode, data) == "request"


def test_the_type_of_the_domain_may_be_declared():
    declared = [{"name": name, "type": kind} for name, kind in DOMAIN_FIELDS.items()]
    assert forms.typed_data_payload(changed("types.EIP712Domain", declared)) == forms.typed_data_payload(MAIL)


def test_types_that_the_message_does_not_use_are_left_out():
    more = [{"name": "x", "type": "uint8"}]
    assert forms.typed_data_payload(changed("types.Unused", more)) == forms.typed_data_payload(MAIL)


@pytest.mark.parametrize("text", ["-1606938044258990275541962092341162602522202993782792835301376", -(2**200)])
def test_a_number_may_be_text(text):
    assert forms.typed_data_payload(changed("message.value", text)) == forms.typed_data_payload(MAIL)


# What a person sees


def test_domain_and_every_value_are_shown_in_their_order():
    assert shown(MAIL) == {
        "Sign typed data": "Mail",
        "From": "0x1111111111111111111111111111111111111111",
        "App": '"Ether Mail"',
        "App version": '"1"',
        "Network": "Ethereum (1)",
        "Contract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
        "Field 1/8": 'from.name =\n"Cow"',
        "Field 2/8": "from.wallet =\n0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
        "Field 3/8": 'to[0].name =\n"Bob"',
        "Field 4/8": "to[0].wallet =\n0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB",
        "Field 5/8": 'contents =\n"Hello, Bob!"',
        "Field 6/8": "urgent =\ntrue",
        "Field 7/8": f"value =\n{-(2**200)}",
        "Field 8/8": "data =\n0xc0ffee",
    }


def test_lines_fit_the_screen_and_nothing_of_the_app_stands_at_the_margin():
    mail = changed("message.contents", "Network:\nEthereum (1)\nField 6/8:\n urgent =\n false")
    mail["types"]["Mail"].append({"name": "Network", "type": "string"})
    mail["message"]["Network"] = "Contract: good"
    lines = request.describe(Request(TYPED_DATA, forms.typed_data_payload(mail)))
    labels = [line for line in lines if line[:1] != " "]
    assert labels[:5] == ["Sign typed data:", "App:", "App version:", "Network:", "Contract:"]
    assert labels[5:] == [f"Field {number}/9:" for number in range(1, 10)]
    assert max(map(len, lines)) <= 16
    assert '"Network:\\nEthereum' in "".join(line[1:] for line in lines).replace(" ", "")


def test_a_domain_that_names_nothing_says_so():
    fields = shown({**MAIL, "domain": {}})
    assert fields["App"] == "NOT NAMED"
    assert fields["Network"].startswith("ANY")
    assert fields["Contract"] == "ANY"


def test_an_unknown_network_is_marked():
    assert shown(changed("domain.chainId", 2**200))["Network"] == f"UNKNOWN ({2**200})"


def test_an_empty_array_is_shown():
    assert shown(changed("message.to", []))["Field 3/7"] == "to =\n(no elements)"


# What is refused


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("primaryType", "Person2"),
        ("primaryType", 1),
        ("types", []),
        ("types.Mail", {}),
        ("types.Mail.0", ["from", "Person"]),
        ("types.Mail.0.type", "Animal"),
        ("types.Mail.0.type", 5),
        ("types.Mail.0.name", "to"),
        ("types.Mail.0.name", ["from"]),
        ("types.Person.0.type", "Mail"),
        ("types.Person.0.type", "Person[]"),
        ("types.Mail.1.type", "Person[1][1]"),
        ("types.Mail.1.type", "Person[2]"),
        ("types.Mail.1.type", "Person[0]"),
        ("types.Mail.1.type", "Person[01]"),
        ("types.Mail.1.type", "Person]"),
        ("types.Mail.4.type", "int"),
        ("types.Mail.4.type", "int200"),
        ("types.Mail.4.type", "int264"),
        ("types.Mail.4.type", "int255"),
        ("types.Mail.4.type", "uint256"),
        ("types.Mail.5.type", "bytes0"),
        ("types.Mail.5.type", "bytes4"),
        ("types.Mail.5.type", "bytes33"),
        ("types.Mail.5.type", "fixed128x18"),
        ("domain", None),
        ("domain.chain", 1),
        ("domain.chainId", -1),
        ("domain.chainId", 2**256),
        ("domain.chainId", 1.0),
        ("domain.name", 5),
        ("domain.salt", "0x00"),
        ("domain.verifyingContract", "0x00"),
        ("types.EIP712Domain", [{"name": "name", "type": "string"}]),
        ("message", []),
        ("message.more", 1),
        ("message.from", "Cow"),
        ("message.from.wallet", "0xaa"),
        ("message.from.wallet", WALLET[2:]),
        ("message.from.wallet", 1),
        ("message.to", {}),
        ("message.contents", b"Hello"),
        ("message.contents", None),
        ("message.contents", "\ud800"),
        ("message.urgent", 1),
        ("message.urgent", "true"),
        ("message.value", 2**255),
        ("message.value", True),
        ("message.value", "1e3"),
        ("message.value", "0x"),
        ("message.value", ""),
        ("message.value", "\u0661"),
        ("message.data", "c0ffee"),
        ("message.data", "0xc0f"),
        ("message.data", "0xzz"),
    ],
    ids=str,
)
def test_json_that_does_not_fit_its_types_is_refused(path, value):
    assert refusal(forms.typed_data_payload, changed(path, value)) == "request"


@pytest.mark.parametrize("value", [None, [], {}, {**MAIL, "more": 1}, {"types": {}}], ids=str)
def test_json_that_is_no_typed_data_is_refused(value):
    assert refusal(forms.typed_data_payload, value) == "request"


NOTHING = [None] * 5
ONE = {"T": [["x", "uint64"]]}


@pytest.mark.parametrize(
    "payload",
    [
        payload_of(NOTHING[1:], ONE, "T", [1]),
        payload_of(["a", 1, None, None, None], ONE, "T", [1]),
        payload_of([None, None, None, bytes(19), None], ONE, "T", [1]),
        payload_of(NOTHING, {}, "T", [1]),
        payload_of(NOTHING, {**ONE, "U": []}, "T", [1]),
        payload_of(NOTHING, {"T": [["x", "U"]], "U": [["y", "T"]]}, "T", [[[]]]),
        payload_of(NOTHING, {"T": [["x", "T[]"]]}, "T", [[]]),
        payload_of(NOTHING, {"T": [["x", "uint64"], ["x", "uint64"]]}, "T", [1, 1]),
        payload_of(NOTHING, {"uint8": [["x", "uint64"]]}, "uint8", [1]),
        payload_of(NOTHING, {"uint7": [["x", "uint64"]]}, "uint7", [1]),
        payload_of(NOTHING, {"bytes": [["x", "uint64"]]}, "bytes", [1]),
        payload_of(NOTHING, {"EIP712Domain": [["x", "uint64"]]}, "EIP712Domain", [1]),
        payload_of(NOTHING, {"T(uint8 y)": [["x", "uint64"]]}, "T(uint8 y)", [1]),
        payload_of(NOTHING, {"": [["x", "uint64"]]}, "", [1]),
        payload_of(NOTHING, {5: [["x", "uint64"]]}, 5, [1]),
        payload_of(NOTHING, {"T": [["x y", "uint64"]]}, "T", [1]),
        payload_of(NOTHING, {"T": [["1x", "uint64"]]}, "T", [1]),
        payload_of(NOTHING, {"T": [["\u0435", "uint64"]]}, "T", [1]),
        payload_of(NOTHING, {"T": [["x", "[]"]]}, "T", [[]]),
        payload_of(NOTHING, {"T": [["x", "uint64[1025]"]]}, "T", [[]]),
        payload_of(NOTHING, ONE, "T", []),
        payload_of(NOTHING, ONE, "T", [1, 2]),
        payload_of(NOTHING, ONE, "T", [-1]),
        payload_of(NOTHING, ONE, "T", [True]),
        payload_of(NOTHING, ONE, "T", ["1"]),
        payload_of(NOTHING, ONE, "T", [bytes(31) + b"\1"]),
        payload_of(NOTHING, ONE, "T", [b"\1" + bytes(31)]),
        payload_of(NOTHING, {"T": [["x", "int128"]]}, "T", [b"\xff" * 32]),
        payload_of(NOTHING, {"T": [["x", "string"]]}, "T", [b"text"]),
        payload_of(NOTHING, {"T": [["x", "bytes"]]}, "T", ["text"]),
        payload_of(NOTHING, {"T": [["x", "uint8[2]"]]}, "T", [[1]]),
        payload_of(NOTHING, {"T": [["x", "uint8[]"]]}, "T", [[256]]),
    ],
    ids=lambda payload: payload.hex(),
)
def test_a_payload_that_is_not_what_a_device_expects_is_refused(payload):
    asked = platform.cbor_encode([TYPED_DATA, payload, []])
    for function in (request.decode, request.digest, request.describe):
        assert refusal(function, asked) == "request"


def test_a_message_beyond_what_a_person_looks_through_is_refused():
    def numbers(count):
        return payload_of(NOTHING, {"T": [["x", "uint8[]"]]}, "T", [[7] * count])

    assert typed_data.decode(numbers(limits.TYPED_DATA_VALUES)).count == limits.TYPED_DATA_VALUES
    assert refusal(typed_data.decode, numbers(limits.TYPED_DATA_VALUES + 1)) == "request"
    assert refusal(typed_data.decode, numbers(limits.TYPED_DATA_ITEMS)) == "request"


def test_more_types_or_longer_names_than_a_device_takes_are_refused():
    def chain(length):
        types = {f"T{at}": [["x", f"T{at + 1}[]"]] for at in range(length - 1)}
        return payload_of(NOTHING, {**types, f"T{length - 1}": [["x", "bool"]]}, "T0", [[]])

    def named(length):
        return payload_of(NOTHING, {"T": [["x" * length, "bool"]]}, "T", [True])

    typed_data.decode(chain(limits.TYPED_DATA_TYPES))
    typed_data.decode(named(limits.TYPED_DATA_NAME))
    assert refusal(typed_data.decode, chain(limits.TYPED_DATA_TYPES + 1)) == "request"
    assert refusal(typed_data.decode, named(limits.TYPED_DATA_NAME + 1)) == "request"


def test_values_nested_too_deeply_are_refused():
    deep = {"types": {"T": [{"name": "x", "type": "uint8" + "[]" * 9}]}, "primaryType": "T", "domain": {}}
    assert refusal(forms.typed_data_payload, {**deep, "message": {"x": [[[[[[[[[1]]]]]]]]]}}) == "request"


def test_a_device_shows_and_signs_what_the_host_does(tmp_path):
    largest = payload_of(NOTHING, {"T": [["x", "uint256[]"]]}, "T", [[b"\xfe" * 32] * limits.TYPED_DATA_VALUES])
    payloads = [forms.typed_data_payload(MAIL), largest]
    asked = [Request(TYPED_DATA, payload).encode() for payload in payloads]
    script = tmp_path / "script.py"
    script.write_text(
        "from daric_protocol.evm import request\n"
        f"for encoded in {asked!r}:\n"
        "    print('\\n'.join(request.describe(encoded)), request.digest(encoded).hex())\n"
    )
    expected = ""
    for one in asked:
        expected += "\n".join(request.describe(one)) + f" {request.digest(one).hex()}\n"
    assert run_micropython(script, heapsize="240k") == expected


def test_a_device_refuses_what_the_host_does(tmp_path):
    wrong = [
        payload_of(NOTHING, {"T": [["x", "T[]"]]}, "T", [[]]),
        payload_of(NOTHING, ONE, "T", [2**64 - 1])[:-1],
        payload_of(NOTHING, ONE, "T", [b"\1" + bytes(31)]),
        payload_of(NOTHING, {"T": [["x", "uint8" + "[]" * 6]]}, "T", [[[[[[[256]]]]]]]),
    ]
    script = tmp_path / "script.py"
    script.write_text(
        "from daric_protocol.errors import DaricError\nfrom daric_protocol.evm import typed_data\n"
        f"for payload in {wrong!r}:\n"
        "    try:\n        typed_data.decode(payload)\n    except DaricError as error:\n        print(error.name)\n"
    )
    assert run_micropython(script, heapsize="240k") == "request\n" * len(wrong)


def test_the_json_of_an_app_is_read_as_it_comes():
    assert forms.typed_data_payload(json.loads(json.dumps(MAIL))) == forms.typed_data_payload(MAIL)


@pytest.mark.parametrize(
    ("kind", "number", "without_limit"),
    [
        ("uint256", 2**256 - 1, True),
        ("uint160", 2**160 - 1, True),
        ("uint96", 2**96 - 1, True),
        ("uint256", 2**256 - 2, False),
        ("uint160", 2**96 - 1, False),
        ("uint64", 2**64 - 1, False),
        ("int256", 2**255 - 1, False),
    ],
)
def test_an_amount_without_limit_is_said_in_words(kind, number, without_limit):
    data = typed_data.TypedData(
        [None] * 5, {"Permit": [["value", kind]]}, "Permit", [words.item(number, 256, kind.startswith("int"))]
    )
    text = dict(request.fields(Request(TYPED_DATA, data.encode())))["Field 1/1"]
    assert text == "value =\n" + str(number) + (" (the largest: NO LIMIT)" if without_limit else "")
