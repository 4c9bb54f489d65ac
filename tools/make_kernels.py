"""Write the field machine in machine code: shared/protocol/daric_protocol/platform/kernel_*.py.

The kernels' source is tools/kernels/. Run it after a change there and commit what it wrote; a test compares.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.kernels import rv32im, v6m, v7em  # noqa: E402

PLATFORM = ROOT / "shared" / "protocol" / "daric_protocol" / "platform"
BYTES_PER_LINE = 24

V6M = '''"""The field machine (machine.py) in machine code for ARMv6-M.

Made by tools/make_kernels.py from tools/kernels/v6m.py, where it can be read.
"""

import micropython


@micropython.asm_thumb
def run(r0, r1, r2, r3):
'''
V7EM = '''"""The field machine (machine.py) in machine code for ARMv7E-M and for ARMv8-M with the DSP extension.

Made by tools/make_kernels.py from tools/kernels/v7em.py, where it can be read.
"""

import micropython


@micropython.asm_thumb
def run(r0, r1, r2, r3):
'''
RV32IM = '''"""The field machine (machine.py) in machine code for RV32IM.

Made by tools/make_kernels.py from tools/kernels/rv32im.py, where it can be read.
"""

import micropython


@micropython.asm_rv32
def run(a0, a1, a2, a3):
'''


def text(head: str, size: int, words: list[int]) -> str:
    """A file: its beginning, then the code as data. size: of a word, in bytes."""
    lines = []
    count = BYTES_PER_LINE // size
    for at in range(0, len(words), count):
        data = ", ".join(f"0x{word:0{2 * size}X}" for word in words[at : at + count])
        lines.append(f"    data({size}, {data})  # noqa: F821\n")
    return head + "".join(lines)


def texts() -> dict[str, str]:
    """File name -> text of each kernel."""
    return {
        "kernel_v6m.py": text(V6M, 2, v6m.kernel()),
        "kernel_v7em.py": text(V7EM, 2, v7em.kernel()),
        "kernel_rv32im.py": text(RV32IM, 4, rv32im.kernel()),
    }


def main() -> None:
    for name, text in texts().items():
        (PLATFORM / name).write_text(text)
        print(f"written      {name}")


if __name__ == "__main__":
    main()
