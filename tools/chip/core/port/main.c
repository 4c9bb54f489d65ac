// Start MicroPython's core on a bare chip and import the module `boot`. Heap and stack are a stock Pico's.

#include "py/builtin.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/runtime/gchelper.h"
#include "files.h"
#include "host.h"

// A stock Pico has more variables than this program: with so many bytes as much is free at boot.
#define HEAP_BYTES 239000
#define STACK_BYTES 8192

extern uint8_t _sidata[], _sdata[], _edata[], _sbss[], _ebss[], _end[], _estack[];

static MP_NORETURN void stop(uint32_t reason) {
    HOST->stop = reason;
    for (;;) {
    }
}

static void import_boot(void) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_builtin___import__(1, (mp_obj_t[]) { MP_OBJ_NEW_QSTR(MP_QSTR_boot) });
        nlr_pop();
    } else {
        mp_obj_print_exception(&mp_plat_print, (mp_obj_t)nlr.ret_val);
        stop(EXCEPTION);
    }
}

int main(void) {
    if (!archive_is_whole()) {
        stop(NO_ARCHIVE);
    }
    mp_cstack_init_with_top(_estack, STACK_BYTES);
    gc_init(_end, _end + HEAP_BYTES);
    mp_init();
    import_boot();
    stop(ENDED);
}

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
}

void nlr_jump_fail(void *value) {
    (void)value;
    stop(NO_HANDLER);
}

void abort(void) {
    stop(ABORTED);
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t bytes) {
    HOST->output = (uint32_t)text;
    HOST->output_bytes = bytes;
    return bytes;
}

int mp_hal_stdin_rx_chr(void) {
    uint32_t byte;
    do {
        byte = HOST->input; // the host lets time stand still until there is one
    } while (byte == NOTHING);
    return byte;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    return flags;
}

static void fault(void) {
    stop(FAULT);
}

static void reset(void) {
    const uint8_t *from = _sidata;
    for (uint8_t *to = _sdata; to < _edata; to++) {
        *to = *from++;
    }
    for (uint8_t *to = _sbss; to < _ebss; to++) {
        *to = 0;
    }
    main();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = { _estack, reset, fault, fault };
