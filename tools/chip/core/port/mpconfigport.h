// The core as the port rp2 configures it for a stock Pico: what decides on speed and memory of pure Python. Modules that
// need the rest of MicroPython's tree (extmod, lib) are off; those that the firmware needs are beside this file.

#include <stdint.h>
#include <alloca.h>

#define MICROPY_CONFIG_ROM_LEVEL        (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#define MICROPY_QSTR_BYTES_IN_HASH      (1)
#define MICROPY_ALLOC_PATH_MAX          (128)
#define MICROPY_GC_STACK_ENTRY_TYPE     uint16_t
#define MICROPY_STACK_CHECK_MARGIN      (256)
#define MICROPY_ENABLE_GC               (1)
#define MICROPY_LONGINT_IMPL            (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL              (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_OPT_COMPUTED_GOTO       (1)
#define MP_STATE_PORT                   MP_STATE_VM
#define MP_SSIZE_MAX                    (0x7fffffff)
typedef intptr_t mp_off_t;

// Modules come compiled, machine code among them.
#define MICROPY_ENABLE_COMPILER         (0)
#define MICROPY_PERSISTENT_CODE_LOAD    (1)
#define MICROPY_EMIT_THUMB              (1)
#define MICROPY_EMIT_THUMB_ARMV7M       (0)
#define MICROPY_EMIT_INLINE_THUMB       (1)
#define MICROPY_EMIT_INLINE_THUMB_FLOAT (0)
#define MICROPY_MAKE_POINTER_CALLABLE(p) ((void *)((mp_uint_t)(p) | 1))

// Files and their import are files.c.
#define MICROPY_VFS                     (0)
#define MICROPY_READER_VFS              (1)
#define MICROPY_VFS_ROM                 (1) // modules may be executed where they lie
#define MICROPY_VFS_ROM_IOCTL           (0)

#define MICROPY_PY_SYS_PLATFORM         "rp2"
#define MICROPY_PY_SYS_PS1_PS2          (0)
#define MICROPY_PY_BUILTINS_HELP        (0)
#define MICROPY_PY_BUILTINS_INPUT       (0)
#define MICROPY_HELPER_REPL             (0)
#define MICROPY_HW_BOARD_NAME           "core"
#define MICROPY_HW_MCU_NAME             "Cortex-M0+"

// In extmod, which the sdist does not hold.
#define MICROPY_PY_ASYNCIO              (0)
#define MICROPY_PY_BINASCII             (0)
#define MICROPY_PY_CRYPTOLIB            (0)
#define MICROPY_PY_DEFLATE              (0)
#define MICROPY_PY_FRAMEBUF             (0)
#define MICROPY_PY_HASHLIB              (0)
#define MICROPY_PY_HEAPQ                (0)
#define MICROPY_PY_JSON                 (0)
#define MICROPY_PY_MACHINE              (0)
#define MICROPY_PY_ONEWIRE              (0)
#define MICROPY_PY_OS                   (0)
#define MICROPY_PY_PLATFORM             (0)
#define MICROPY_PY_RANDOM               (0)
#define MICROPY_PY_RE                   (0)
#define MICROPY_PY_SELECT               (0)
#define MICROPY_PY_TIME                 (0)
#define MICROPY_PY_UCTYPES              (0)
#define MICROPY_PY_WEBSOCKET            (0)
