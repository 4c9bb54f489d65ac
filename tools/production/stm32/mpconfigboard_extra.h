// Behind the stock board's own settings: the vault's chip is none of the port's, and the generator is a must.
#undef MICROPY_HW_ENABLE_RNG
#define MICROPY_HW_ENABLE_RNG (1)
#undef MICROPY_HW_ENABLE_SDCARD
#define MICROPY_HW_ENABLE_SDCARD (0)
#undef MICROPY_HW_USB_MSC
#define MICROPY_HW_USB_MSC (0)
#define MICROPY_VFS_ROM (1)
