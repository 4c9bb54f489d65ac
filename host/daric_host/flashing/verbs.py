"""The verbs of `tools/flash.py` that drive boards: list, plan, flash, provision, verify, selftest, update, wipe, log.

Each works on one port or on many at once, real or simulated, by the same code. Specification: docs/hardware.md,
tools/flash.py.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from daric_protocol.errors import DaricError
from daric_sim import boards

from daric_host.device import DeviceLink
from daric_host.flashing import basefirmware, build, factory, installing, selftesting, signedimage, updating
from daric_host.flashing.bench import Host, known, new_device, opened, pair
from daric_host.flashing.installing import KEEP
from daric_host.flashing.operator import Operator, Terminal
from daric_host.flashing.ports import Port, check_known, port_at, serial_ports
from daric_host.flashing.probing import CLOSED, DARIC, MICROPYTHON, Finding, probe
from daric_host.flashing.provisioning import Ledger, issue, one_at_a_time
from daric_host.flashing.rawboard import RawBoard
from daric_host.flashing.report import Bar, Report, each
from daric_host.flashing.signedimage import SignedImage
from daric_host.keys import read_key

START_SECONDS = 30.0


class Bench:
    """One run of the tool: its ports, its person, what it says."""

    def __init__(self, given: argparse.Namespace, report: Report, ports: list[Port], operator: Operator) -> None:
        self.given = given
        self.report = report
        self.ports = ports
        self.operator = operator
        self.host = Host(getattr(given, "home", None))

    def chosen(self) -> list[Port]:
        """The ports to work on: those named, else every known one. Raises DaricError("port")."""
        if self.given.port:
            ports = [port_at(path, self.ports) for path in self.given.port]
        else:
            ports = [port for port in self.ports if port.known]
            if len(ports) > 1 and not self.given.all:
                names = ", ".join(port.path for port in ports)
                raise DaricError("port", f"several boards are here, name one by --port or take --all: {names}")
        if not ports:
            raise DaricError("port", "no port is known to be a board; `list` tells what is there")
        for port in ports:
            check_known(port, self.given.force_port)
        return ports

    def step(self, port: Port, name: str) -> Bar:
        return self.report.step(port, name)

    def image(self) -> SignedImage:
        """The image named on the command line, signed by --public if that was given."""
        image = signedimage.load(self.given.image)
        if self.given.public:
            image.check_signature(read_key(self.given.public, "the key"))
        boards.supported(image.manifest.board)
        return image

    def pairing(self) -> Operator | None:
        """Who compares codes where the device is not paired yet, None where --pair was not given."""
        return self.operator if self.given.pair else None


Work = Callable[[Bench, Port], dict[str, Any]]


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command lines."""
    listing = _verb(verbs, "list", "every serial port, and what is at it")
    listing.set_defaults(run=_list)
    for name, what in (("plan", "what flash or update would change"), ("flash", "put an image onto a bare board")):
        one = _verb(verbs, name, what)
        _image(one)
        one.set_defaults(run=partial(_each, _plan if name == "plan" else _flash))
    one.add_argument("--base", type=Path, help="first put this MicroPython there: .bin, .uf2 or .dfu")
    one.add_argument("--drive", type=Path, help="of the board's UF2 boot loader, where it is not found")
    giving = _verb(verbs, "provision", "give devices their certificates and write them down")
    giving.add_argument("--key", type=Path, help="the factory's secp256k1 key, PEM")
    giving.add_argument("--pkcs11", type=Path, help="the factory's key is in this PKCS#11 module")
    giving.add_argument("--token", default="", help="label of its token")
    giving.add_argument("--key-label", default="", help="label of the key on it")
    giving.add_argument("--pin-file", type=Path, help="file with the token's PIN")
    giving.add_argument("--record", type=Path, required=True, help="file of JSON lines that gets one per device")
    giving.add_argument("--batch", required=True)
    giving.add_argument("--operator", required=True, help="who does this")
    giving.add_argument("--serial", default="{}", help="serial number; {} becomes a number that no device has")
    giving.add_argument("--first", type=int, default=1, help="the first such number")
    giving.set_defaults(run=_provision_all)
    verifying = _verb(verbs, "verify", "let devices prove identity, certificate and image", home=True)
    verifying.add_argument("--factory-key", default="", help="hex; whose certificate they must have")
    verifying.add_argument("--image", type=Path, help="the image that they must run")
    verifying.add_argument("--public", default="", help="hex; who must have signed that image")
    verifying.add_argument("--record", type=Path, help="the factory's record, in which they must be")
    verifying.set_defaults(run=_verify_all)
    testing = _verb(verbs, "selftest", "measure entropy, flash, vectors, arithmetic, link")
    testing.add_argument("--panel", action="store_true", help="also display and buttons, which a person answers")
    testing.add_argument("--full", action="store_true", help="also a key generation and a signature; wipes the device")
    testing.set_defaults(run=partial(_each, _selftest))
    updating_ = _verb(verbs, "update", "give paired devices a newer image over the encrypted link", home=True)
    _image(updating_)
    updating_.set_defaults(run=partial(_each, _update))
    wiping = _verb(verbs, "wipe", "let devices erase everything, confirmed on each", home=True)
    wiping.set_defaults(run=partial(_each, _wipe))
    logging = _verb(verbs, "log", "the record of a paired device's sessions, verified", home=True)
    logging.set_defaults(run=partial(_each, _log))


def run(given: argparse.Namespace) -> int:
    """Do a verb; the exit code."""
    with ExitStack() as stack:
        report = stack.enter_context(Report(given.json))
        try:
            ports, operator = serial_ports() if not given.sim else [], Terminal(given.yes)  # type: Any, Operator
            if given.sim:
                from daric_sim.farm import Farm

                farm = stack.enter_context(Farm(given.sim, given.sim_state))
                ports, operator = farm.ports, farm
            given.run(Bench(given, report, ports, operator))
        except DaricError as error:
            report.error(None, error)
        return report.code


# The verbs


def _list(bench: Bench) -> None:
    ports = [port_at(path, bench.ports) for path in bench.given.port] or bench.ports
    force = bench.given.force_port
    if not ports:
        bench.report.result(None, {"ports": 0})
    each(ports, lambda port: probe(port, bench.host, force).as_json(), bench.given.jobs, bench.report)


def _each(work: Work, bench: Bench) -> None:
    if getattr(bench.given, "image", None) is not None:
        bench.image()  # a file that is none is told once, before any port is opened
    each(bench.chosen(), partial(work, bench), bench.given.jobs, bench.report)


def _plan(bench: Bench, port: Port) -> dict[str, Any]:
    image = bench.image()
    found = probe(port, bench.host, True)
    manifest = image.manifest
    told: dict[str, Any] = {"image": manifest.digest.hex(), "version": manifest.version, "board": manifest.board}
    if found.what == DARIC:
        now = found.facts
        if now is None:
            return {**told, "plan": "update", "why": found.why}
        if now.board != manifest.board:
            raise DaricError("parameter", f"the image is for {manifest.board}, the device is a {now.board}")
        same = now.image == manifest.digest
        return {**told, "plan": "nothing" if same else "update", "from": now.version, "runs": now.image.hex()}
    if found.what == CLOSED:
        raise DaricError("port", found.why)
    if found.what != MICROPYTHON:
        return {**told, "plan": "base", "why": f"{found.why}; flash it with --base"}
    with RawBoard(port) as board:
        installing.check_fits(image, board.facts(), boards.supported(manifest.board).architecture)
        changes = installing.plan(board, image)
    sizes = sum(change.size for change in changes if change.what != KEEP)
    return {**told, "plan": "flash", "bytes": sizes, "changes": {one.name: one.what for one in changes}}


def _flash(bench: Bench, port: Port) -> dict[str, Any]:
    image = bench.image()
    manifest = image.manifest
    if bench.given.base is not None:
        bar = bench.step(port, f"write MicroPython, {bench.given.base.name}")
        basefirmware.write(port, manifest.board, bench.given.base, bench.given.drive)
        found = _started(port, bench.host)
        bar(1, 1)
    else:
        found = probe(port, bench.host, True)
    if found.what == DARIC:
        now = found.facts
        if now is not None and now.image == manifest.digest:
            return {"flashed": manifest.digest.hex(), "sent": 0, **now.as_json()}
        raise DaricError("factory", "this is a Daric device already: update it, or leave it by its maintenance exit")
    with RawBoard(port) as board:
        installing.check_fits(image, board.facts(), boards.supported(manifest.board).architecture)
        sent = installing.install(board, image, partial(bench.step, port))
        board.restart()
    bar = bench.step(port, "start the device")
    facts = asyncio.run(new_device(port, bench.host))
    bar(1, 1)
    if facts.image != manifest.digest:
        raise DaricError("storage", "the board started another image than the one that was written")
    return {"flashed": manifest.digest.hex(), "sent": sent, **facts.as_json()}


def _provision_all(bench: Bench) -> None:
    sign = build.signer(bench.given)
    if sign is None:
        raise DaricError("parameter", "provisioning takes the factory's key: --key or --pkcs11")
    ledger = Ledger(bench.given.record)
    each(bench.chosen(), partial(_provision, bench, ledger, one_at_a_time(sign)), bench.given.jobs, bench.report)


def _provision(bench: Bench, ledger: Ledger, sign: signedimage.Signer, port: Port) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        given = bench.given
        bar = bench.step(port, "start the device again")
        async with opened(port, bench.host) as link:
            first = await factory.info(link)
            await factory.restart(link)  # a source of entropy with a fixed seed fails at the second start
        facts = await new_device(port, bench.host)
        bar(1, 1)
        if facts.identity != first.identity:
            raise DaricError("factory", "the device has another identity after a restart: it does not keep its key")
        async with opened(port, bench.host) as link:
            certificate = ledger.certificate(facts.identity)
            if facts.certificate and (certificate is None or facts.certificate != certificate.encode()):
                raise DaricError("factory", f"the device is provisioned already, as {facts.serial}")
            if not facts.fresh:
                raise DaricError("factory", "the device has a wallet already: wipe it first")
            bar = bench.step(port, "give the certificate")
            answer, _ = await factory.attest(link)
            if answer.identity != facts.identity:
                raise DaricError("genuine", "the device proves another identity than it names")
            if certificate is None:
                serial = ledger.take(given.serial, given.first)
                certificate = issue(answer.identity, serial, given.batch, given.operator, sign)
                ledger.add(facts, certificate)  # before the device has it: whoever is provisioned is in the record
            await factory.provision(link, certificate)
            _, kept = await factory.attest(link)
            bar(1, 1)
            if kept is None or kept.encode() != certificate.encode():
                raise DaricError("genuine", "the device keeps another certificate than it was given")
            found = {"provisioned": certificate.serial, "identity": facts.identity.hex()}
            return {**found, "unique_id": facts.unique_id.hex(), "batch": certificate.batch, "date": certificate.date}

    return asyncio.run(work())


def _verify_all(bench: Bench) -> None:
    given = bench.given
    key = read_key(given.factory_key, "the factory key") if given.factory_key else b""
    ledger = None if given.record is None else Ledger(given.record)
    image = None if given.image is None else bench.image()
    each(bench.chosen(), partial(_verify, bench, key, ledger, image), given.jobs, bench.report)


def _verify(bench: Bench, key: bytes, ledger: Ledger | None, image: SignedImage | None, port: Port) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        async with known(port, bench.host, bench.pairing()) as link:
            answer, certificate = await factory.attest(link, key)
        if ledger is not None and ledger.find(answer.identity) is None:
            raise DaricError("genuine", "the device is not in the factory's record")
        if image is not None and answer.image != image.manifest.digest:
            raise DaricError("genuine", f"the device runs the image {answer.image.hex() or 'of no code slot'}")
        serial = "" if certificate is None else certificate.serial
        found: dict[str, Any] = {"identity": answer.identity.hex(), "serial": serial, "board": answer.board}
        found |= {"kind": answer.kind, "version": answer.version, "image": answer.image.hex()}
        if certificate is not None:
            found |= {"batch": certificate.batch, "operator": certificate.operator, "date": certificate.date}
        return {**found, "certificate": "verified" if key else "not checked: no --factory-key"}

    return asyncio.run(work())


def _selftest(bench: Bench, port: Port) -> dict[str, Any]:
    step = partial(bench.step, port)

    async def work() -> dict[str, Any]:
        async with opened(port, bench.host) as link:
            facts = await factory.info(link)
            if bench.given.full and not facts.fresh:
                raise DaricError("factory", "the full test ends with a wipe, and this device is in use")
            if bench.given.full and facts.certificate:
                raise DaricError("factory", "the full test ends with a wipe: do it before the device is provisioned")
            found = {"free": facts.free, "arithmetic": facts.arithmetic, **await selftesting.board(link, step)}
            if bench.given.panel:
                found |= await selftesting.person(link, partial(bench.operator.look, port))
            if bench.given.full:
                host = Host()
                await pair(link, port, host, bench.operator)
                try:
                    found |= await selftesting.processes(link, step)
                finally:
                    step("wipe")
                    await _wipe_device(link)
        if bench.given.full:
            found["wiped"] = (await new_device(port, bench.host)).fresh
        return found

    return asyncio.run(work())


def _update(bench: Bench, port: Port) -> dict[str, Any]:
    image = bench.image()

    async def work() -> dict[str, Any]:
        async with known(port, bench.host, bench.pairing()) as link:
            if not link.sealed:
                raise DaricError("unpaired", "an update needs a paired device: --home with its pairing, or --pair")
            bench.operator.look(port, "confirm the update once it is there")
            await updating.update(link, image, bench.step(port, f"update to {image.manifest.version}"))
            facts = await factory.info(link)
        return {"updated": image.manifest.digest.hex(), **facts.as_json()}

    return asyncio.run(work())


def _wipe(bench: Bench, port: Port) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        bench.operator.look(port, "confirm that everything is erased")
        try:
            async with known(port, bench.host, bench.pairing()) as link:
                await _wipe_device(link)
        except DaricError as error:
            if error.name != "locked":
                raise
            async with opened(port, bench.host) as link:
                await link.wipe_locked()
        facts = await new_device(port, bench.host)
        if not facts.fresh or facts.certificate:
            raise DaricError("internal", "the device was not wiped")
        return {"wiped": True, "identity": facts.identity.hex()}

    return asyncio.run(work())


async def _wipe_device(link: DeviceLink) -> None:
    try:
        await factory.wipe(link)
    except DaricError as error:
        if error.name != "link":  # it restarted before its answer was out; whether it is wiped is asked next
            raise


def _log(bench: Bench, port: Port) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        async with known(port, bench.host, bench.pairing()) as link:
            if not link.sealed:
                raise DaricError("unpaired", "only a paired host reads the record: --home with the pairing, or --pair")
            log = await link.log()
            facts = await factory.info(link)
        sessions = [
            {"number": one.number, "process": one.op, "session": one.session.hex(), "outcome": one.outcome}
            for one in log.entries
        ]
        found = {"arithmetic": facts.arithmetic, "count": log.count, "gone": log.gone}
        return {**found, "head": log.head.hex(), "sessions": sessions}

    return asyncio.run(work())


# What they share


def _started(port: Port, host: Host) -> Finding:
    """What is at the port once the board that has just got its MicroPython shows itself; ours may hold the firmware."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        found = probe(port, host, True)
        if found.what in (DARIC, MICROPYTHON) or time.monotonic() > deadline:
            return found
        time.sleep(1)


def _image(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("image", type=Path, help="of tools/flash.py build")
    verb.add_argument("--public", default="", help="refuse an image that this key, hex, did not sign")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, home: bool = False
) -> argparse.ArgumentParser:
    one = verbs.add_parser(name, help=what, description=what)
    one.add_argument("--port", action="append", default=[], help="serial port; may be given several times")
    one.add_argument("--all", action="store_true", help="every port that is known to be a board")
    one.add_argument("--force-port", action="store_true", help="open ports of unknown identity as well")
    one.add_argument("--jobs", type=_positive, default=1, help="boards at a time")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    one.add_argument("--yes", action="store_true", help="take codes as compared: only where a person does it elsewhere")
    one.add_argument("--sim", type=_positive, default=0, metavar="N", help="N simulated boards instead of real ones")
    one.add_argument("--sim-state", type=Path, help="directory of their flash; else they are new and gone afterwards")
    if home:
        one.add_argument("--home", type=Path, help="directory of a paired host, as `daric` has it")
        one.add_argument("--pair", action="store_true", help="pair first if the device is not paired with this host")
    return one


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
