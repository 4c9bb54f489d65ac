"""Whole flows over a party's custody: make a group, sign, change its members, export; the same for every party.

    terms = flows.sign_terms(uuid, group_id, roster, [1, 3], request_bytes)
    session = flows.open_session(terms, custody, entropy)
    session.join(), session.start(joins), session.confirm(), then send() and receive() until state is done

proposals: terms of each operation. opening: this party's side of a session. running, changing: its rounds and what
follows them. backing: those of backups and recoveries.
questions: what the person is asked. Specification: docs/protocol.md, sections 2, 6, 7, 8, 9, 11 and 12.
"""

import sys

from daric_protocol.flows.opening import open_session
from daric_protocol.flows.running import request_digest

if sys.implementation.name != "micropython":  # a device proposes nothing, and loads what it asks when it asks
    from daric_protocol.flows.proposals import (
        Secret,
        backup_terms,
        create_terms,
        enrol_terms,
        export_terms,
        import_terms,
        master_terms,
        pair_terms,
        recover_terms,
        refresh_terms,
        reshare_terms,
        sign_terms,
        verify_terms,
    )
    from daric_protocol.flows.questions import NAME_LINE, question, shown_name

__all__ = (
    "NAME_LINE",
    "Secret",
    "backup_terms",
    "create_terms",
    "enrol_terms",
    "export_terms",
    "import_terms",
    "master_terms",
    "open_session",
    "pair_terms",
    "question",
    "recover_terms",
    "refresh_terms",
    "request_digest",
    "reshare_terms",
    "shown_name",
    "sign_terms",
    "verify_terms",
)
