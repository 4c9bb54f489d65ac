"""Custody on the device's vault over real littlefs: every flow cut at flash operations, half-done ones included."""

import pytest

from tests.custody.homes import FlashHome
from tests.custody.sweep import FLOWS, counters_cuts, first_group_cuts, import_cuts, newcomer_cuts, sweep


@pytest.mark.parametrize("flow", FLOWS)
def test_a_cut_leaves_the_old_state_the_new_one_or_a_ban(flow):
    assert sweep(FlashHome(), flow) > 0


def test_a_cut_while_the_first_group_is_stored_or_activated_leaves_old_or_new():
    assert first_group_cuts(FlashHome()) > 100


def test_a_cut_while_an_imported_key_is_stored_or_activated_leaves_old_or_new():
    assert import_cuts(FlashHome()) > 100


@pytest.mark.parametrize("kind", ["enr", "rec"])
def test_a_cut_while_a_new_or_recovered_member_begins_leaves_old_or_new(kind):
    assert newcomer_cuts(FlashHome(), kind) > 50


def test_no_counter_and_no_used_session_goes_back():
    assert counters_cuts(FlashHome()) > 10
