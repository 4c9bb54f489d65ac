"""The services as real processes on loopback: auth with sessions and relay, and the cloud party; started, killed,
started again on the same state and the same ports.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_SECONDS = 30
STOP_SECONDS = 15
SERVICE, CLOUD = "service", "cloud"


class HouseError(Exception):
    """A process did not start, with the end of its log."""


class House:
    """Both processes over one directory. url, key: of the services. cloud_url, cloud_identity: of the cloud party."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = ""
        self.key = b""
        self.cloud_url = ""
        self.cloud_identity = bytes.fromhex(_output("cloud", "--state", str(home / CLOUD), "--identity"))
        self._ports = {SERVICE: 0, CLOUD: 0}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start what does not run; returns when both answer."""
        self.start_service()
        self.start_cloud()

    def start_service(self) -> None:
        """Auth, sessions and relay."""
        if SERVICE not in self._processes:
            ready = self._spawn(SERVICE, "serve", "--cloud", self.cloud_identity.hex())
            self.url, self.key = ready["url"], bytes.fromhex(ready["service"])

    def start_cloud(self) -> None:
        """The cloud party; needs the services."""
        if CLOUD not in self._processes:
            arguments = ["--service", self.url, "--service-key", self.key.hex()]
            self.cloud_url = self._spawn(CLOUD, "cloud", *arguments)["url"]

    def stop(self) -> None:
        """End both in good order."""
        for name in (CLOUD, SERVICE):
            self._end(name, signal.SIGTERM)

    def kill(self, name: str) -> None:
        """SIGKILL: nothing of what the process was doing finishes."""
        self._end(name, signal.SIGKILL)

    def log(self, name: str) -> str:
        """What a process has logged so far."""
        path = self.home / name / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _spawn(self, name: str, command: str, *arguments: str) -> dict[str, Any]:
        """Start a process and read its ready file, which it writes once it listens."""
        state = self.home / name
        state.mkdir(parents=True, exist_ok=True)
        ready = state / "ready.json"
        ready.unlink(missing_ok=True)
        line = daric(command, "--state", str(state), "--port", str(self._ports[name]), *arguments)
        with (state / "log").open("ab") as log:
            # In a session of its own: Ctrl-C reaches whoever holds the house, who stops it in order.
            process = subprocess.Popen(
                line, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._processes[name] = process
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                self._end(name, signal.SIGKILL)
                raise HouseError(f"daric {command} did not start: {self.log(name)[-2000:]}")
            time.sleep(0.02)
        document = dict(json.loads(ready.read_text()))
        self._ports[name] = int(document["url"].rsplit(":", 1)[1])
        return document

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def daric(*arguments: str) -> list[str]:
    """The command line that runs `daric` with these arguments in a process of its own."""
    return [sys.executable, "-m", "daric_host.cli", *arguments]


def _output(*arguments: str) -> str:
    done = subprocess.run(daric(*arguments), capture_output=True, text=True, timeout=START_SECONDS, check=False)
    if done.returncode:
        raise HouseError(f"daric {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout.strip()
