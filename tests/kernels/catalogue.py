"""The kernels, the processors that they are emulated on, and how many instructions they take."""

from dataclasses import dataclass

from daric_protocol.platform import machine
from kernels.emulated import Emulated, machine_code
from unicorn import arm_const


@dataclass(frozen=True)
class Kernel:
    """name: of its file. architectures: of mpy-cross. models: of the emulator. The rest are counts of instructions."""

    name: str
    architectures: tuple[str, ...]
    models: tuple[int, ...]
    operations: dict[int, int]  # each with its fetching; of SQR_N for one squaring
    fixed_base: int  # a multiplication of the generator in the fixed pattern
    variable_base: int  # of another point, its odd multiples included
    variable_base_secret: int  # in the fixed pattern

    def emulated(self, architecture: str = "", model: int = 0) -> Emulated:
        return Emulated(machine_code(self.name, architecture or self.architectures[0]), model or self.models[0])


V7EM = Kernel(
    "kernel_v7em",
    ("armv7emsp", "armv7emdp"),
    (arm_const.UC_CPU_ARM_CORTEX_M4, arm_const.UC_CPU_ARM_CORTEX_M7, arm_const.UC_CPU_ARM_CORTEX_M33),
    {
        machine.MUL: 189, machine.ADD: 44, machine.SUB: 44, machine.SQR_N: 180, machine.MULQ: 342, machine.ADDQ: 58,
        machine.SUBQ: 60, machine.LOAD: 23, machine.LOAD_BIG: 38, machine.BIG_Q: 61,
    },
    fixed_base=274_381, variable_base=357_610, variable_base_secret=409_181,
)  # fmt: skip
KERNELS = (V7EM,)
