"""Write shared/protocol/daric_protocol/gadget.bin, the table of RVOLE weights (docs/protocol.md, section 1)."""

from pathlib import Path

from daric_protocol import gadget

if __name__ == "__main__":
    table = b"".join(gadget._computed())
    Path(gadget.__file__).with_name("gadget.bin").write_bytes(table)
    print(f"{len(table)} bytes written")
