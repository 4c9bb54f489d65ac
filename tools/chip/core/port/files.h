// The files of a chip: an archive in flash that is only read, and files that the host keeps.
//
// The archive, as archive.py makes it, in little-endian words at ARCHIVE: ARCHIVE_MAGIC, its size in bytes, 1 if modules
// are executed where they lie (as from ROMFS) else 0, the count of files, then of each file: offset and length of its
// name, offset and length of its contents, which begin at a whole word.
#pragma once

#include <stdbool.h>

#define ARCHIVE 0x10100000
#define ARCHIVE_BYTES 0x100000
#define ARCHIVE_MAGIC 0x65726f63 // "core"

// Whether an archive is there whose files all lie inside it.
bool archive_is_whole(void);
