#define MICROPY_HW_BOARD_NAME "Daric"
// Files of a development image 64 KB, vault 384 KB, two code slots: daric/board/rp2.py and code_rp2.py count the same.
#define MICROPY_HW_FLASH_STORAGE_BYTES (@STORAGE@ * 1024)
#define MICROPY_HW_ROMFS_BYTES (4096) // the port has VfsRom only where it has such an area; it stays blank
#define MICROPY_HW_USB_MSC (0)
