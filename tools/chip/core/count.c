// Counts what a program on the emulated Cortex-M0+ does: cycles, collections of garbage, allocations.
//
// Unicorn calls `count` at the beginning of each block of instructions, which it executes to its end. The cycles of an
// instruction are those of the Cortex-M0+ technical reference manual (r0p1, table 3-1), with the multiplier of one cycle
// and memory without wait states. counter.py has the same structure.

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#define FLASH_AT 0x10000000u
#define FLASH_BYTES (2u << 20)
#define RAM_AT 0x20000000u
#define SIZES 1024    // kinds of allocations: by units of 16 bytes, the last one for all larger ones
#define UNIT 16
#define CACHED 0x10000 // blocks

typedef struct {
    const uint8_t *flash, *ram;
    uint64_t cycles, limit; // from the limit on the program does not go on
    uint64_t collections, allocations, allocated; // the last in bytes
    uint64_t cycles_in_ram, cycles_in_flash[FLASH_BYTES / 2]; // by where a block begins
    uint64_t sizes[SIZES];
    uint32_t collect_at, allocate_at; // the functions that collect and allocate
    uint32_t fall_through; // where the last block goes on if its conditional branch is not taken, else 0
    struct { uint32_t address, bytes, cycles; bool conditional; } cache[CACHED];
} counts_t;

static uint32_t ones(uint32_t bits) {
    return __builtin_popcount(bits);
}

// Of an instruction of 16 bits; a conditional branch as if it were not taken.
static uint32_t cost(uint16_t code) {
    switch (code >> 12) {
        case 0x4:
            if (code & 0x0800) {
                return 2; // LDR of a literal
            }
            // BX, BLX; ADD and MOV to PC
            return (code & 0xff00) == 0x4700 || (code & 0xfd87) == 0x4487 ? 2 : 1;
        case 0x5: case 0x6: case 0x7: case 0x8: case 0x9:
            return 2; // loads and stores
        case 0xb:
            if ((code & 0xfe00) == 0xb400) {
                return 1 + ones(code & 0x1ff); // PUSH
            }
            if ((code & 0xfe00) == 0xbc00) {
                return (code & 0x100 ? 3 : 1) + ones(code & 0xff); // POP, with PC and without
            }
            return 1;
        case 0xc:
            return 1 + ones(code & 0xff); // STM, LDM
        case 0xe:
            return 2; // B
        default:
            return 1;
    }
}

static uint32_t cost_of_block(const uint8_t *code, uint32_t bytes, bool *conditional) {
    uint32_t cycles = 0;
    *conditional = false;
    for (uint32_t i = 0; i < bytes; i += 2) {
        uint16_t half = code[i] | code[i + 1] << 8;
        if (half >> 11 == 0x1e) {
            cycles += 3; // BL, MRS, MSR and barriers, of 32 bits
            i += 2;
        } else {
            cycles += cost(half);
            *conditional = half >> 12 == 0xd;
        }
    }
    return cycles;
}

static void note_allocation(uc_engine *engine, counts_t *counts) {
    uint32_t bytes;
    uc_reg_read(engine, UC_ARM_REG_R0, &bytes);
    uint32_t units = (bytes + UNIT - 1) / UNIT;
    counts->allocations++;
    counts->allocated += UNIT * units;
    counts->sizes[units < SIZES ? units : SIZES - 1]++;
}

void count(uc_engine *engine, uint64_t at, uint32_t bytes, void *user) {
    counts_t *counts = user;
    uint32_t address = at;
    if (counts->cycles >= counts->limit) {
        uc_emu_stop(engine); // before this block, which is counted when the program goes on with it
        return;
    }
    if (counts->fall_through && address != counts->fall_through) {
        counts->cycles++; // the branch was taken
    }
    uint32_t cycles;
    bool conditional;
    if (address >= RAM_AT) { // machine code of modules, others of which may come to lie there
        cycles = cost_of_block(counts->ram + (address - RAM_AT), bytes, &conditional);
        counts->cycles_in_ram += cycles;
    } else {
        uint32_t offset = address - FLASH_AT;
        typeof(counts->cache[0]) *known = &counts->cache[offset / 2 % CACHED];
        if (known->address != address || known->bytes != bytes) {
            known->address = address;
            known->bytes = bytes;
            known->cycles = cost_of_block(counts->flash + offset, bytes, &known->conditional);
        }
        cycles = known->cycles;
        conditional = known->conditional;
        counts->cycles_in_flash[offset / 2] += cycles;
        if (address == counts->collect_at) {
            counts->collections++;
        } else if (address == counts->allocate_at) {
            note_allocation(engine, counts);
        }
    }
    counts->cycles += cycles;
    counts->fall_through = conditional ? address + bytes : 0;
}
