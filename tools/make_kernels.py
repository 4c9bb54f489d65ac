"""Write the field machine in machine code: shared/protocol/daric_protocol/platform/kernel_*.py.

The kernels' source is tools/kernels/. Run it after a change there and commit what it wrote; a test compares.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.kernels import v7em  # noqa: E402

PLATFORM = ROOT / "shared" / "protocol" / "daric_protocol" / "platform"
PER_LINE = 12

V7EM = '''"""The field machine (machine.py) in machine code for ARMv7E-M and for ARMv8-M with the DSP extension.

Made by tools/make_kernels.py from tools/kernels/v7em.py, where it can be read.
"""

import micropython


@micropython.asm_thumb
def run(r0, r1, r2, r3):
'''


def thumb(head: str, halves: list[int]) -> str:
    """The text of a file: its beginning, then the code as data."""
    lines = []
    for at in range(0, len(halves), PER_LINE):
        words = ", ".join(f"0x{half:04X}" for half in halves[at : at + PER_LINE])
        lines.append(f"    data(2, {words})  # noqa: F821\n")
    return head + "".join(lines)


def texts() -> dict[str, str]:
    """File name -> text of each kernel."""
    return {"kernel_v7em.py": thumb(V7EM, v7em.kernel())}


def main() -> None:
    for name, text in texts().items():
        (PLATFORM / name).write_text(text)
        print(f"written      {name}")


if __name__ == "__main__":
    main()
