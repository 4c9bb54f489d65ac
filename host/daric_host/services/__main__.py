"""`python -m daric_host.services --state DIR --port N`: the services as one process, also `daric serve`.

Writes a ready file once it listens: JSON with port, url, pid and the service's public key, which clients pin.
SIGTERM drains (WebSockets close with 1012, long-polls return), flushes the store and ends the process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from daric_protocol.errors import DaricError

from daric_host.keys import read_key

from .app import build
from .desk import Services
from .settings import Keys, Settings

GRACE = 8  # seconds for open requests after SIGTERM
PING = 20.0  # seconds between WebSocket pings
SOCKET_BYTES = 2 * 1024 * 1024  # one WebSocket message; the frame limit itself is checked by the stream


class Server(uvicorn.Server):
    """A server with a ready file, which is there while it answers.

    drain: called in the event loop as soon as a signal arrives, so that no long-poll holds the exit.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Path,
        document: dict[str, object],
        drain: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._document = document
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            announce(self._ready, self._document)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ready.unlink(missing_ok=True)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._drain)
        super().handle_exit(sig, frame)


def set_up_logs(level: str) -> None:
    """JSON lines on standard error, from our code and from the libraries alike."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # uvicorn calls every refused WebSocket handshake an error of the application.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing handshake" not in str(record.msg))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises DaricError("service") if the address cannot be had."""
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        raise DaricError("service", f"cannot listen on {host}, port {port}: {error}") from error


def refused(log: structlog.typing.FilteringBoundLogger, error: Exception) -> int:
    """Log why a process cannot start; its exit code, the number of the error table."""
    known = error if isinstance(error, DaricError) else DaricError("storage", str(error))
    log.error("cannot start", code=known.name, error=known.detail)
    return known.number


def announce(path: Path, document: dict[str, object]) -> None:
    """Write the ready file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document) + "\n")
    part.rename(path)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="daric serve", description="auth, sessions and relay in one process")
    parser.add_argument("--state", type=Path, required=True, help="directory of the database and the keys")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0: any free port, see the ready file")
    parser.add_argument("--ready", type=Path, help="ready file, by default STATE/ready.json")
    parser.add_argument("--cloud", action="append", default=[], metavar="HEX", help="identity of a cloud party")
    parser.add_argument("--tls-cert", type=Path, help="certificate chain (PEM)")
    parser.add_argument("--tls-key", type=Path, help="its key (PEM)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--public-key", action="store_true", help="print the key that clients pin and exit")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; 0 after an orderly stop, else the number of the error that keeps it from starting."""
    options = parse(arguments)
    set_up_logs(options.log_level)
    log = structlog.get_logger("daric.services")
    try:
        if options.public_key:
            sys.stdout.write(Keys.load(options.state).hop.public.hex() + "\n")
            return 0
        clouds = frozenset(read_key(text, "the cloud party's identity") for text in options.cloud)
        app = build(Settings(options.state, clouds))
        listener = listen(options.host, options.port)
    except (DaricError, OSError) as error:
        return refused(log, error)
    services: Services = app.state.services
    port = listener.getsockname()[1]
    scheme = "https" if options.tls_cert else "http"
    ready = options.ready or options.state / "ready.json"
    document: dict[str, object] = {
        "url": f"{scheme}://{options.host}:{port}",
        "port": port,
        "pid": os.getpid(),
        "service": services.keys.hop.public.hex(),
    }
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=SOCKET_BYTES,
        ws_ping_interval=PING,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
    )
    log.info("listening", **document)
    server = Server(config, ready, document, services.drain)
    try:
        server.run(sockets=[listener])
    finally:
        services.store.close()
    return 0 if server.started else DaricError("internal").number


if __name__ == "__main__":
    sys.exit(main())
