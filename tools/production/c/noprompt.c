// No prompt: with the compiler left out (MICROPY_ENABLE_COMPILER 0) py/pyexec.c defines neither of these, and the ports
// still call them when main.py has ended. Both say "start again", which is a soft reset.
#include "py/mpconfig.h"
#include "shared/runtime/pyexec.h"

#if !MICROPY_ENABLE_COMPILER
int pyexec_raw_repl(void) {
    return PYEXEC_FORCED_EXIT;
}

int pyexec_friendly_repl(void) {
    return PYEXEC_FORCED_EXIT;
}
#endif
