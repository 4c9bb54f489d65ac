"""Serial ports: which there are, which are known to be boards of ours, and why one cannot be opened.

A port whose identity is not known is not opened: opening may reset what is behind it. Specification: docs/hardware.md.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from daric_protocol.errors import DaricError

# USB vendor and product -> what it is. A bridge such as a CP2102 or CH340 says nothing of what is behind it, so none
# of them is here.
KNOWN = {
    (0x2E8A, 0x0005): "MicroPython on RP2",
    (0x2E8A, 0x000F): "MicroPython on RP2350",
    (0xF055, 0x9800): "MicroPython on STM32",
    (0xF055, 0x9801): "MicroPython on STM32",
    (0xF055, 0x9802): "MicroPython on STM32",
    (0x303A, 0x4001): "MicroPython on ESP32-S3",
    (0x303A, 0x1001): "Espressif USB serial/JTAG",
}
OURS = "daric"  # in the maker's or product's name


@dataclass(frozen=True)
class Port:
    """A serial port as the operating system knows it. known: why it may be opened, empty if it may not."""

    path: str
    vid: int = 0
    pid: int = 0
    serial: str = ""
    maker: str = ""
    product: str = ""
    place: str = ""
    known: str = ""

    @property
    def usb(self) -> str:
        """Vendor and product in hex; empty for what is no USB port."""
        return f"{self.vid:04x}:{self.pid:04x}" if self.vid else ""


def serial_ports() -> list[Port]:
    """Every serial port, sorted by path."""
    from serial.tools import list_ports

    found = {}
    for one in list_ports.comports():
        serial, maker, product, place = (
            str(text or "") for text in (one.serial_number, one.manufacturer, one.product, one.location)
        )
        known = KNOWN.get((one.vid or 0, one.pid or 0), "")
        if OURS in (maker + product).lower():
            known = "Daric"
        found[one.device] = Port(one.device, one.vid or 0, one.pid or 0, serial, maker, product, place, known)
    return [found[path] for path in sorted(found)]


def port_at(path: str, ports: list[Port]) -> Port:
    """The port of that path among `ports`; links such as /dev/serial/by-id are followed. Raises DaricError("port")."""
    real = os.path.realpath(path)
    for port in ports:
        if os.path.realpath(port.path) == real:
            return port
    if not os.path.exists(path):
        raise DaricError("port", f"{path} is not there")
    return Port(path)


def found_again(port: Port) -> Port:
    """The same board after a restart, which may give its port another name: known by its place on the USB.

    Raises DaricError("port") where another board has got its name and it is not there yet.
    """
    if not port.place:
        return port
    there = serial_ports()
    same = [one for one in there if _plug(one) == _plug(port)]
    named = [one for one in there if one.path == port.path]
    if not same and named and named[0].place:
        raise DaricError("port", f"{port.path} is another board now, at USB {named[0].place}")
    return ([one for one in same if one in named] + same + [port])[0]


def _plug(port: Port) -> str:
    return port.place.partition(":")[0]


def check_known(port: Port, force: bool) -> None:
    """Raises DaricError("port") unless the port is known to be a board, or the person insists."""
    if port.known or force:
        return
    what = f"USB {port.usb} {port.maker} {port.product}".strip() if port.vid else "no USB device"
    raise DaricError("port", f"{port.path} is not known to be a board ({what}); --force-port opens it all the same")


def explained(error: OSError, port: Port) -> DaricError:
    """What to tell a person whose port could not be opened."""
    text = str(error)
    known = (errno.EACCES, errno.EBUSY, errno.EAGAIN, errno.ENOENT)
    number = error.errno or next((code for code in known if f"[Errno {code}]" in text), 0)
    if number in (errno.EACCES, errno.EPERM):
        return DaricError("port", f"{port.path}: permission denied; {missing_permission(port)}")
    if number in (errno.EAGAIN, errno.EBUSY):
        users = ", ".join(holders(port.path)) or "ModemManager, a terminal or another tool, perhaps"
        return DaricError("port", f"{port.path} is in use by another program: {users}")
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return DaricError("port", f"{port.path} is not there: is the cable a data cable, and the board on?")
    return DaricError("port", f"{port.path} cannot be opened: {error.strerror or text}")


def missing_permission(port: Port) -> str:
    """Which group, or which udev rule, lets this user open the port."""
    try:
        import grp

        status = os.stat(port.path)
        group = grp.getgrgid(status.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "this user may not open serial ports"
    if status.st_mode & 0o060 == 0o060 and group != "root":
        return f"it belongs to the group {group}: sudo usermod -aG {group} $USER, then log in again"
    match = f'KERNEL=="{os.path.basename(port.path)}"'
    if port.vid:
        match = f'ATTRS{{idVendor}}=="{port.vid:04x}", ATTRS{{idProduct}}=="{port.pid:04x}"'
    rule = f'SUBSYSTEM=="tty", {match}, MODE="0660", GROUP="dialout", TAG+="uaccess"'
    return f"no group may open it: put {rule} into /etc/udev/rules.d/60-daric.rules, then sudo udevadm control --reload"


def holders(path: str) -> list[str]:
    """Programs that have the port open, as far as this user may see; Linux only."""
    real = os.path.realpath(path)
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.path.realpath(file) == real for file in (process / "fd").iterdir()):
                found.add(f"{(process / 'comm').read_text().strip()} ({process.name})")
        except OSError:
            continue  # it ended, or belongs to another user
    return sorted(found)
