// The chip's generator is a physical one only while noise is fed to it: by a radio, which this build leaves out, or by
// the converter, which nothing else may use from here on.
#include "bootloader_random.h"

extern void boardctrl_startup(void);

void daric_board_startup(void) {
    boardctrl_startup();
    bootloader_random_enable();
}
