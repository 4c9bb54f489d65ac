"""What a phone and the cloud party have in common: an identity and custody over a store in a directory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from daric_protocol import flows
from daric_protocol.custody import Custody, load_identity
from daric_protocol.platform.entropy import Entropy
from daric_protocol.session import Session
from daric_protocol.terms import Terms

from daric_host.hop_client import LocalSigner
from daric_host.keyprovider import FileKeyProvider
from daric_host.store import SqliteStore

if TYPE_CHECKING:
    from daric_protocol.flows.backing import Backing
    from daric_protocol.flows.proposals import Secret


class Party:
    """One party of this machine. Its directory may be open in one process at a time."""

    def __init__(self, home: Path, purpose: str) -> None:
        """home: directory, made if missing. purpose: "phone" or "cloud". Raises DaricError("storage" or "entropy")."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.entropy = Entropy()
        self.store = SqliteStore(home / "store.db", FileKeyProvider(home / "store.key"), purpose)
        self.identity = load_identity(self.store, self.entropy.draw)
        self.custody = Custody(self.store, self.identity, self.entropy.draw)
        self.signer = LocalSigner(self.identity, self.entropy.draw)

    def close(self) -> None:
        """Release the directory."""
        self.store.close()

    def open_session(
        self,
        terms: Terms,
        attended: bool = True,
        describe: Callable[[bytes], tuple[str, str]] | None = None,
        confirmed: bool = False,
        secret: Secret | None = None,
        backing: Backing | None = None,
        allow_raw: bool = False,
    ) -> Session:
        """A session of this party (flows.open_session, with its errors)."""
        now = int(time.time())
        return flows.open_session(
            terms, self.custody, self.entropy.draw, attended, describe, confirmed, allow_raw, now, secret, backing
        )
