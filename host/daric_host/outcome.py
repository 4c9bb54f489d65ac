"""How a session ended for its person: of several seats the one result, or the one reason.

Specification: docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from daric_protocol.errors import Abort, DaricError
from daric_protocol.session import DONE

from daric_host.seats import Status


def first_result(ends: Sequence[Status | BaseException]) -> object:
    """The first seat's result; raises the reason why there is none.

    A seat that reached the end has a signature that verifies or a certificate of all members: that another seat of this
    host was lost after it does not undo it.
    """
    failures: list[DaricError] = []
    for end in ends:
        if isinstance(end, Status) and end.state == DONE:
            return end.result
        failure = end if isinstance(end, BaseException) else end.error
        if isinstance(failure, DaricError):
            failures.append(failure)
        elif failure is not None:
            raise failure
    raise most_telling(failures)


def most_telling(failures: Sequence[DaricError]) -> DaricError:
    """Of several seats' errors the one that says why: a refusal or an accusation, not the others' being told of it."""
    for error in failures:
        if not isinstance(error, Abort) or error.name != "soft":
            return error
    return failures[0]
