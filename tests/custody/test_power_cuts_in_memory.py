"""Custody over a store whose single changes are atomic: every flow cut before every change."""

import pytest

from tests.custody.homes import MemoryHome
from tests.custody.sweep import FLOWS, counters_cuts, first_group_cuts, import_cuts, newcomer_cuts, sweep


@pytest.mark.parametrize("flow", FLOWS)
def test_a_cut_leaves_the_old_state_the_new_one_or_a_ban(flow):
    assert sweep(MemoryHome(), flow) > 0


def test_a_cut_while_the_first_group_is_stored_or_activated_leaves_old_or_new():
    assert first_group_cuts(MemoryHome()) > 5


def test_a_cut_while_an_imported_key_is_stored_or_activated_leaves_old_or_new():
    assert import_cuts(MemoryHome()) > 5


@pytest.mark.parametrize("kind", ["enr", "rec"])
def test_a_cut_while_a_new_or_recovered_member_begins_leaves_old_or_new(kind):
    assert newcomer_cuts(MemoryHome(), kind) > 4


def test_no_counter_and_no_used_session_goes_back():
    assert counters_cuts(MemoryHome()) > 2
