"""The kernels, the processors that they are emulated on, and how many instructions they take."""

from dataclasses import dataclass

from daric_protocol.platform import machine
from kernels.emulated import ARM, RISCV, Emulated, Processor, machine_code
from unicorn import arm_const, riscv_const


@dataclass(frozen=True)
class Kernel:
    """name: of its file. architectures: of mpy-cross. models: of the emulator. The rest are counts of instructions."""

    name: str
    architectures: tuple[str, ...]
    processor: Processor
    models: tuple[int, ...]
    operations: dict[int, int]  # each with its fetching; of SQR_N for one squaring
    fixed_base: int  # a multiplication of the generator
    own_base: int  # of a point whose comb was made before
    variable_base: int  # of another point
    normalising: int  # a batch of eight points
    adding: int  # eight pairs of affine points
    root: int
    rows: dict[str, int]  # of RVOLE: eight rows in both passes of Alice and in Bob's, 32 weights

    def emulated(self, architecture: str = "", model: int = 0) -> Emulated:
        code = machine_code(self.name, architecture or self.architectures[0])
        return Emulated(code, self.processor, model or self.models[0])


V6M = Kernel(
    "kernel_v6m",
    ("armv6m",),
    ARM,
    (arm_const.UC_CPU_ARM_CORTEX_M0, arm_const.UC_CPU_ARM_CORTEX_M3, arm_const.UC_CPU_ARM_CORTEX_M33),
    {
        machine.MUL: 1171, machine.ADD: 71, machine.SUB: 71, machine.SQR_N: 890, machine.MULQ: 2086, machine.ADDQ: 114,
        machine.SUBQ: 114, machine.LOAD: 35, machine.LOAD_BIG: 56, machine.BIG_Q: 125,
    },
    fixed_base=697_947, own_base=820_337, variable_base=1_916_890, normalising=304_958, adding=300_214, root=240_528,
    rows={"add": 46_916, "check": 47_468, "take": 82_740, "select": 9_548},
)  # fmt: skip
V7EM = Kernel(
    "kernel_v7em",
    ("armv7emsp", "armv7emdp"),
    ARM,
    (arm_const.UC_CPU_ARM_CORTEX_M4, arm_const.UC_CPU_ARM_CORTEX_M7, arm_const.UC_CPU_ARM_CORTEX_M33),
    {
        machine.MUL: 189, machine.ADD: 44, machine.SUB: 44, machine.SQR_N: 180, machine.MULQ: 342, machine.ADDQ: 58,
        machine.SUBQ: 60, machine.LOAD: 23, machine.LOAD_BIG: 38, machine.BIG_Q: 61,
    },
    fixed_base=203_803, own_base=204_628, variable_base=429_965, normalising=58_716, adding=60_074, root=47_723,
    rows={"add": 12_762, "check": 12_962, "take": 19_466, "select": 5_010},
)  # fmt: skip
RV32IM = Kernel(
    "kernel_rv32im",
    ("rv32imc",),
    RISCV,
    (riscv_const.UC_CPU_RISCV32_ANY, riscv_const.UC_CPU_RISCV32_SIFIVE_E31, riscv_const.UC_CPU_RISCV32_SIFIVE_U34),
    {
        machine.MUL: 638, machine.ADD: 106, machine.SUB: 112, machine.SQR_N: 422, machine.MULQ: 1050, machine.ADDQ: 151,
        machine.SUBQ: 152, machine.LOAD: 44, machine.LOAD_BIG: 93, machine.BIG_Q: 158,
    },
    fixed_base=468_679, own_base=519_316, variable_base=1_173_229, normalising=150_462, adding=152_547, root=115_454,
    rows={"add": 35_561, "check": 36_081, "take": 55_617, "select": 12_937},
)  # fmt: skip
KERNELS = (V6M, V7EM, RV32IM)
