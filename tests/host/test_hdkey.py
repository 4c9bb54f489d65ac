"""Keys below a seed against public vectors and against the packages bip32 and eth-account, which are not ours."""

import pytest
from bip32 import BIP32
from daric_host import hdkey, phrase
from daric_host.hdkey import ACCOUNT, HdKey, read_extended, read_hd_path
from daric_host.ownkey import ExportedKey, forget, secret_of_key, secret_of_phrase
from daric_protocol.errors import DaricError
from daric_protocol.evm import address
from daric_protocol.tagged import Q, scalar
from eth_account import Account
from host.vectors import cases

TWELVE = "abandon " * 11 + "about"
LEVELS = [case for case in cases("bip32") if "priv" in case]


def refused(function, *arguments):
    with pytest.raises(DaricError) as caught:
        function(*arguments)
    assert caught.value.name == "parameter"
    return caught.value.detail


@pytest.mark.parametrize("case", LEVELS, ids=lambda case: case["id"])
def test_a_published_path_leads_to_its_key(case):
    node = HdKey.master(bytes.fromhex(case["seed"])).derive(read_hd_path(case["path"]))
    assert scalar(node.secret).hex() == case["priv"]
    if "chaincode" in case:
        assert node.chain_code.hex() == case["chaincode"]
    if "xprv" in case:
        read = read_extended(case["xprv"])
        assert read.node() == node and read.depth == len(read_hd_path(case["path"]))
        assert read_extended(case["xpub"]).key == node.public


@pytest.mark.parametrize("case", cases("bip32_reject"), ids=lambda case: case["id"])
def test_an_extended_key_that_must_be_refused_is(case):
    refused(read_extended, case["xkey"])


@pytest.mark.parametrize("path", ["m", "m/0", "m/44'/60'/0'", "m/44h/60H/7'", "m/2147483647'/0/5"])
def test_a_path_leads_where_the_package_leads(path):
    seed = phrase.seed(TWELVE, "x")
    oracle = BIP32.from_seed(seed)
    node = HdKey.master(seed).derive(read_hd_path(path))
    theirs = path.replace("h", "'").replace("H", "'")
    assert (scalar(node.secret), node.chain_code) == (
        oracle.get_privkey_from_path(theirs), oracle.get_extended_privkey_from_path(theirs)[0],
    )  # fmt: skip
    assert read_extended(oracle.get_xpriv_from_path(theirs)).node() == node


@pytest.mark.parametrize(
    "path",
    ["", "44'/60'", "m/", "m//0", "m/0''", "m/-1", "m/x", "m/2147483648", "m/\u0661", "n/0", "m/0'h", "m" + "/0" * 17],
)
def test_a_path_that_is_none_is_refused(path):
    refused(read_hd_path, path)


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_seed_of_another_length_is_refused(size):
    refused(HdKey.master, bytes(size))


def test_the_usual_address_is_the_one_that_every_ordinary_wallet_derives():
    Account.enable_unaudited_hdwallet_features()
    for passphrase in ("", "secret"):
        secret = secret_of_phrase(TWELVE, passphrase)
        theirs = Account.from_mnemonic(TWELVE, passphrase=passphrase, account_path="m/44'/60'/0'/0/0")
        exported = ExportedKey(secret.public(), scalar(secret.scalar), secret.chain_code, secret.entropy)
        assert exported.child(hdkey.USUAL) == bytes(theirs.key)
        public = HdKey(int.from_bytes(theirs.key, "big"), bytes(32)).public
        assert address.to_text(address.from_public_key(public)) == theirs.address


# What is brought to an import


@pytest.mark.parametrize("text", [f"{value:064x}" for value in (0, Q, Q + 1, 2**256 - 1)])
def test_a_secret_key_out_of_range_is_refused(text):
    assert "from 1 to the order" in refused(secret_of_key, text)


@pytest.mark.parametrize("text", ["", "0x", "1", "0x" + "1" * 63, "1" * 65, "g" * 64, "1" * 62 + " 1", "xprv", "xpub1"])
def test_what_is_no_secret_key_is_refused(text):
    refused(secret_of_key, text)


def test_an_xpub_is_no_secret_key():
    assert "holds no secret" in refused(secret_of_key, BIP32.from_seed(bytes(16)).get_xpub())


def test_a_bare_key_has_neither_chain_code_nor_phrase_and_an_xprv_has_the_first():
    for text in ("0x" + "ab" * 32, "AB" * 32, "  " + "ab" * 32 + "\n"):
        secret = secret_of_key(text)
        assert (secret.scalar, secret.chain_code, secret.entropy) == (int("ab" * 32, 16), b"", b"")
    oracle = BIP32.from_seed(phrase.seed(TWELVE))
    account = secret_of_key(oracle.get_xpriv_from_path(ACCOUNT))
    same = secret_of_phrase(TWELVE)
    assert (account.scalar, account.chain_code, account.entropy) == (same.scalar, same.chain_code, b"")


@pytest.mark.parametrize("text", [TWELVE.replace("about", "abandon"), "abandon", ""])
def test_a_phrase_with_a_fault_brings_no_key(text):
    refused(secret_of_phrase, text)


def test_a_forgotten_secret_is_empty():
    secret = secret_of_phrase(TWELVE)
    forget(secret)
    assert (secret.scalar, secret.chain_code, secret.entropy) == (0, b"", b"")


# What an export gives


def exported(secret, entropy=None):
    return ExportedKey(secret.public(), scalar(secret.scalar), secret.chain_code, secret.entropy or entropy or b"")


def test_the_phrase_comes_back_with_its_passphrase_and_path_and_with_no_other():
    key = exported(secret_of_phrase(TWELVE, "word", "m/44'/60'/3'"))
    assert key.phrase("word", "m/44'/60'/3'") == TWELVE
    assert [key.phrase(), key.phrase("word"), key.phrase("", "m/44'/60'/3'")] == ["", "", ""]
    refused(key.phrase, "", "44'/60'")


def test_a_key_beside_which_another_phrase_was_shared_is_a_key_only():
    assert exported(secret_of_key("ab" * 32), bytes(16)).phrase() == ""
    assert exported(secret_of_key("ab" * 32)).phrase() == ""


def test_an_exported_key_does_not_show_itself():
    key = exported(secret_of_phrase(TWELVE))
    assert key.key.hex() not in repr(key) and key.chain_code.hex() not in repr(key) and str(key.key) not in repr(key)


@pytest.mark.parametrize("path", [[2**31], [0] * 17, [-1]])
def test_no_level_below_a_wallets_key_is_hardened(path):
    refused(exported(secret_of_phrase(TWELVE)).child, path)
