"""What the kernels keep on the stack: bytes from the beginning of the frame."""

MEMORY, CODE, TABLE, STEPS = 0, 4, 8, 12  # the arguments
AT, LAST, NEXT = 16, 20, 24  # the next step, the end of the steps, the next instruction
DOUBLINGS, ADDING, FLAGS, ENTRIES = 28, 32, 36, 40  # of this step; ENTRIES: its entry's index
TO, TIMES = 44, 48  # where the product goes; how often it is squared, 0 for one modulo Q
MORE = 52  # what one kind of processor keeps besides; those for Thumb:
CONSTANTS = MORE  # C
SCRATCH = MORE + 16  # the rest, of which each kernel tells the size
