// What MicroPython's core asks of a board.

#include "py/mpconfig.h"
#include "host.h"

static inline void mp_hal_set_interrupt_char(int character) {
    (void)character; // no byte of the console interrupts
}

static inline mp_uint_t mp_hal_ticks_us(void) {
    return HOST->microseconds;
}
