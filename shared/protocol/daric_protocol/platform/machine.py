"""The field machine, in plain Python: what its programs mean, on both runtimes. The reference for words16.py,
words32.py and the kernels (kernel_*.py); a board never loads it.

`run(memory, code, table, steps) -> int` is the same for all of them. Four buffers:

- memory: slots of 32 bytes, little-endian, each a number below 2^256 that stands for its rest modulo P (or Q), not
  reduced in full. Before each call the caller writes two words of 32 bits into slot 0: bytes 0..3 where to start in
  `code`, in bytes; bytes 4..7 how many bytes of `steps` there are. Otherwise slots 0 and 1 are the machine's, and what
  lies in them after a call means nothing. Slots ENTRY and ENTRY + 1 get the entry that a step adds.
- code: instructions of four bytes (operation, to, left, right). The operands are slots unless said otherwise, and `to`
  may be one of the others. Its first instruction is an END whose operands tell where three programs begin, in
  instructions: doubling, adding, adding first. Each program ends with an END.
- table: entries of 64 bytes, x || y, little-endian.
- steps: three bytes each, as in steps.py: doublings first, the index of an entry, flags.

`memory`, `code` and `table` begin at a multiple of four bytes; a kernel reads them by words and checks neither that nor
their length. `steps` may lie anywhere.

Execution begins with the program at `start`. An END goes on with what is left of the step: the doublings, each by the
doubling program; then, if it has ADD, the entry is copied and the adding program runs (the other one when the step is
the first of `steps`). Then comes the next step. After the last step run returns 0.

Instructions:

  0 END
  1 MUL              to = left * right modulo P
  2 ADD              to = left + right modulo P
  3 SUB              to = left - right modulo P
  4 MUL_IF_LAMBDA    MUL if the step has the flag LAMBDA, else nothing
  5 SUB_IF_NEGATIVE  SUB if the step has the flag NEGATIVE, else nothing
  6 UNEQUAL          end here if slot `left` is 0 modulo P; run returns how many bytes of `steps` it has taken
  7 SQR_N            to = left ^ (2 ^ right) modulo P; `right` is a number, 1..255
  8 MULQ             to = left * right modulo Q
  9 ADDQ             to = left + right modulo Q
 10 SUBQ             to = left - right modulo Q
 11 LOAD             to = the 32 bytes of the table at 32 * (entry * left + right); left and right are numbers, entry is
                     that of the step (0 without steps)
 12 LOAD_BIG         LOAD with the order of the bytes reversed: big-endian numbers, as they are hashed and sent
 13 BIG_Q            to = left modulo Q, reduced in full, big-endian

Secrets: values in slots, the flag NEGATIVE and the low bits of an entry's index can be secret; everything else is
public. A step with the flag SECRET (8) has in bits 4..6 of its flags the width w of its window: the 2^w entries whose
index differs from that of the entry in the last w bits only. A kernel reads all of them, in order, and keeps one by
masks; it obeys NEGATIVE by masks in every step. So which instructions it executes and which addresses it reads does
not depend on secrets, but for UNEQUAL when it ends the run, which for a secret scalar has negligible probability. The
viper machines and this one promise nothing of the kind and read just the entry.
"""

from daric_protocol.field import P, Q

END = 0
MUL = 1
ADD = 2
SUB = 3
MUL_IF_LAMBDA = 4
SUB_IF_NEGATIVE = 5
UNEQUAL = 6
SQR_N = 7
MULQ = 8
ADDQ = 9
SUBQ = 10
LOAD = 11
LOAD_BIG = 12
BIG_Q = 13

ENTRY = 5  # the slot of an entry's x

_ADDS = 1  # steps.ADD, NEGATIVE and LAMBDA
_NEGATIVE = 2
_LAMBDA = 4


def run(memory: bytearray, code: "bytes | bytearray", table: "bytes | bytearray", steps: "bytes | bytearray") -> int:
    """Run the program at the start written in `memory`, then the steps. Returns 0, or where UNEQUAL ended it."""
    pc = int.from_bytes(memory[0:4], "little")
    count = int.from_bytes(memory[4:8], "little")
    at = doublings = entry = flags = 0
    adding = False
    while True:
        operation = code[pc]
        if operation == END:
            if doublings:
                doublings -= 1
                pc = 4 * code[1]
            elif adding:
                adding = False
                memory[32 * ENTRY : 32 * ENTRY + 64] = table[64 * entry : 64 * entry + 64]
                pc = 4 * code[3 if at == 3 else 2]
            elif at >= count:
                return 0
            else:
                doublings = steps[at]
                entry = steps[at + 1]
                flags = steps[at + 2]
                adding = flags & _ADDS != 0
                at += 3
            continue
        to, left, right = code[pc + 1], code[pc + 2], code[pc + 3]
        pc += 4
        if operation == MUL_IF_LAMBDA:
            if not flags & _LAMBDA:
                continue
            operation = MUL
        elif operation == SUB_IF_NEGATIVE:
            if not flags & _NEGATIVE:
                continue
            operation = SUB
        if operation == UNEQUAL:
            if _number(memory, left) % P == 0:
                return at
        elif operation in (LOAD, LOAD_BIG):
            offset = 32 * (entry * left + right)
            data = table[offset : offset + 32]
            _put(memory, to, int.from_bytes(data, "little") if operation == LOAD else int.from_bytes(data, "big"))
        elif operation == BIG_Q:
            memory[32 * to : 32 * to + 32] = (_number(memory, left) % Q).to_bytes(32, "big")
        elif operation == SQR_N:
            a = _number(memory, left)
            for _ in range(right):
                a = a * a % P
            _put(memory, to, a)
        else:
            _put(memory, to, _result(operation, _number(memory, left), _number(memory, right)))


def _result(operation: int, a: int, b: int) -> int:
    if operation in (MUL, MULQ):
        value = a * b
    elif operation in (ADD, ADDQ):
        value = a + b
    elif operation in (SUB, SUBQ):
        value = a - b
    else:
        raise ValueError("The field machine has no such instruction.")
    return value % (Q if operation in (MULQ, ADDQ, SUBQ) else P)


def _number(memory: bytearray, slot: int) -> int:
    return int.from_bytes(memory[32 * slot : 32 * slot + 32], "little")


def _put(memory: bytearray, slot: int, value: int) -> None:
    memory[32 * slot : 32 * slot + 32] = value.to_bytes(32, "little")
