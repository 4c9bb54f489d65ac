"""Phrases of BIP39 against public vectors and against the package mnemonic, which is not ours."""

import hashlib

import pytest
from daric_host import phrase
from daric_protocol.errors import DaricError
from host.vectors import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from mnemonic import Mnemonic

ORACLE = Mnemonic("english")
TWELVE = "abandon " * 11 + "about"


def refused(text):
    with pytest.raises(DaricError) as caught:
        phrase.entropy(text)
    assert caught.value.name == "parameter"
    return caught.value.detail


def test_the_word_list_is_the_one_of_the_package():
    assert list(phrase.words()) == ORACLE.wordlist and len(set(phrase.words())) == 2048


@pytest.mark.parametrize("case", cases("bip39"), ids=lambda case: case["id"])
def test_a_published_phrase_has_its_seed_and_its_entropy(case):
    assert phrase.seed(case["mnemonic"], case["passphrase"]).hex() == case["seed"]
    if case["lang"] == "english":
        assert phrase.entropy(case["mnemonic"]).hex() == case["entropy"]
        assert phrase.phrase(bytes.fromhex(case["entropy"])) == case["mnemonic"]


@pytest.mark.parametrize("case", cases("bip39_reject"), ids=lambda case: case["id"])
def test_a_phrase_with_a_fault_is_refused_by_its_fault(case):
    said = {"unknown word": "not in the English list", "word count": "not ", "checksum": "checksum"}
    detail = refused(case["mnemonic"])
    assert said[case["note"]] in detail
    assert not set(case["mnemonic"].split()) & (set(detail.split()) - {"word", "list", "place"})


@pytest.mark.parametrize("case", cases("pbkdf2_hmac_sha512"), ids=lambda case: case["id"])
def test_the_runtime_stretches_as_published(case):
    given = [bytes.fromhex(case[name]) for name in ("password", "salt")]
    assert hashlib.pbkdf2_hmac("sha512", *given, case["iterations"], case["dklen"]).hex() == case["dk"]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_every_entropy_makes_the_phrase_that_the_package_makes(entropy):
    made = phrase.phrase(entropy)
    assert made == ORACLE.to_mnemonic(entropy) and phrase.entropy(made) == entropy


@pytest.mark.parametrize("passphrase", ["", "TREZOR", "pässword", "パス"])
def test_a_passphrase_of_any_letters_gives_the_seed_of_the_package(passphrase):
    assert phrase.seed(TWELVE, passphrase) == Mnemonic.to_seed(TWELVE, passphrase)


def test_case_and_blanks_do_not_matter_and_one_changed_word_does():
    assert phrase.entropy("  " + TWELVE.upper().replace(" ", "\n \t")) == bytes(16)
    assert "checksum" in refused(TWELVE.replace("about", "abandon"))
    assert "checksum" in refused("about " + "abandon " * 11)


@pytest.mark.parametrize("count", [0, 1, 11, 13, 14, 16, 23, 25, 48])
def test_another_number_of_words_is_refused(count):
    assert str(count) in refused("abandon " * count)


@pytest.mark.parametrize("size", [0, 1, 12, 15, 17, 31, 33, 36])
def test_an_entropy_of_another_length_has_no_phrase(size):
    with pytest.raises(DaricError) as caught:
        phrase.phrase(bytes(size))
    assert caught.value.name == "parameter"
