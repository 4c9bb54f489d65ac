"""What the kernels share: the constants of the two moduli, and the instructions by their numbers in machine.py."""

FOLD = 977  # 2^256 is 2^32 + FOLD modulo P
C = (0x2FC9BEBF, 0x402DA173, 0x50B75FC4, 0x45512319)  # and 2^128 + these words modulo Q

OPERATIONS = (
    "end", "mul", "add", "sub", "mul_if_lambda", "sub_if_negative", "unequal", "sqr_n", "mulq", "addq", "subq", "load",
    "load_big", "big_q",
)  # fmt: skip
