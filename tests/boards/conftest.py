"""A clock, and the fake modules of a board."""

from collections.abc import Iterator

import pytest

from tests.boards.fakes import Clock, installed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board_modules(clock: Clock) -> Iterator[None]:
    with installed(clock):
        yield
