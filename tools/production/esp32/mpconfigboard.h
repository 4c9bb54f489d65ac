#define MICROPY_HW_BOARD_NAME "Daric"
#define MICROPY_HW_MCU_NAME "@MCU@"
#define MICROPY_VFS_ROM (1)
#define MICROPY_VFS_ROM_IOCTL (1)
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_NETWORK_WLAN (0)
#define MICROPY_PY_ESPNOW (0)
// The converter's noise feeds the chip's random generator from the first moment (c/esp32_random.c).
extern void daric_board_startup(void);
#define MICROPY_BOARD_STARTUP daric_board_startup
