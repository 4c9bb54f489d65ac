// open() and import. Contents in the archive are read where they lie; in place, a file is also a buffer of them.

#include <string.h>

#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/reader.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "files.h"
#include "host.h"

#define NAME_BYTES 24 // of a file that the host keeps

typedef struct { uint32_t name, name_bytes, data, bytes; } record_t;
typedef struct { uint32_t magic, size, in_place, count; record_t files[]; } archive_t;

static const archive_t *const archive = (const archive_t *)ARCHIVE;

static const void *at(uint32_t offset) {
    return (const uint8_t *)ARCHIVE + offset;
}

static bool inside(uint32_t offset, uint32_t bytes) {
    return offset <= archive->size && bytes <= archive->size - offset;
}

bool archive_is_whole(void) {
    if (archive->magic != ARCHIVE_MAGIC || archive->size > ARCHIVE_BYTES || archive->in_place > 1) {
        return false;
    }
    if (archive->count > (archive->size - sizeof(archive_t)) / sizeof(record_t)) {
        return false;
    }
    for (uint32_t i = 0; i < archive->count; i++) {
        const record_t *file = &archive->files[i];
        if (!inside(file->name, file->name_bytes) || !inside(file->data, file->bytes) || file->data & 3) {
            return false;
        }
    }
    return true;
}

static const record_t *find(const char *name) {
    while (*name == '/') {
        name++;
    }
    size_t bytes = strlen(name);
    for (uint32_t i = 0; i < archive->count; i++) {
        const record_t *file = &archive->files[i];
        if (file->name_bytes == bytes && memcmp(at(file->name), name, bytes) == 0) {
            return file;
        }
    }
    return NULL;
}

static bool is_directory(const char *name) {
    size_t bytes = strlen(name);
    for (uint32_t i = 0; i < archive->count; i++) {
        const record_t *file = &archive->files[i];
        const char *have = at(file->name);
        if (file->name_bytes > bytes && have[bytes] == '/' && memcmp(have, name, bytes) == 0) {
            return true;
        }
    }
    return false;
}

mp_import_stat_t mp_import_stat(const char *path) {
    if (find(path) != NULL) {
        return MP_IMPORT_STAT_FILE;
    }
    return is_directory(path) ? MP_IMPORT_STAT_DIR : MP_IMPORT_STAT_NO_EXIST;
}

void mp_reader_new_file(mp_reader_t *reader, qstr filename) {
    const record_t *file = find(qstr_str(filename));
    if (file == NULL) {
        mp_raise_OSError(MP_ENOENT);
    }
    mp_reader_new_mem(reader, at(file->data), file->bytes, archive->in_place ? MP_READER_IS_ROM : 0);
}

// An open file: of the archive if data is not NULL, else one of the host's.
typedef struct {
    mp_obj_base_t base;
    const uint8_t *data;
    size_t bytes, position;
    char name[NAME_BYTES];
} file_t;

static mp_uint_t file_read(mp_obj_t self, void *buffer, mp_uint_t bytes, int *error) {
    (void)error;
    file_t *file = MP_OBJ_TO_PTR(self);
    bytes = MIN(bytes, file->bytes - file->position);
    if (file->data != NULL) {
        memcpy(buffer, file->data + file->position, bytes);
    } else {
        HOST->file = (uint32_t)file->name;
        HOST->buffer = (uint32_t)buffer;
        HOST->file_at = file->position;
        HOST->file_read = bytes;
    }
    file->position += bytes;
    return bytes;
}

static mp_uint_t file_write(mp_obj_t self, const void *buffer, mp_uint_t bytes, int *error) {
    file_t *file = MP_OBJ_TO_PTR(self);
    if (file->data != NULL) {
        *error = MP_EROFS;
        return MP_STREAM_ERROR;
    }
    HOST->file = (uint32_t)file->name;
    HOST->buffer = (uint32_t)buffer;
    HOST->file_bytes = bytes;
    return bytes;
}

static mp_uint_t file_control(mp_obj_t self, mp_uint_t request, uintptr_t argument, int *error) {
    (void)self;
    (void)argument;
    if (request == MP_STREAM_CLOSE) {
        return 0; // nothing is held back
    }
    *error = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static mp_int_t file_buffer(mp_obj_t self, mp_buffer_info_t *buffer, mp_uint_t flags) {
    file_t *file = MP_OBJ_TO_PTR(self);
    if (file->data == NULL || !archive->in_place || flags & MP_BUFFER_WRITE) {
        return 1;
    }
    buffer->buf = (void *)file->data;
    buffer->len = file->bytes;
    buffer->typecode = 'B';
    return 0;
}

static const mp_stream_p_t file_protocol = { .read = file_read, .write = file_write, .ioctl = file_control };

static const mp_rom_map_elem_t file_names[] = {
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&mp_stream___exit___obj) },
};
static MP_DEFINE_CONST_DICT(file_dict, file_names);

static MP_DEFINE_CONST_OBJ_TYPE(
    file_type, MP_QSTR_FileIO, MP_TYPE_FLAG_NONE, protocol, &file_protocol, buffer, file_buffer, locals_dict, &file_dict
    );

static mp_obj_t file_open(size_t count, const mp_obj_t *arguments, mp_map_t *keywords) {
    (void)keywords; // the firmware gives none
    const char *name = mp_obj_str_get_str(arguments[0]);
    const char *mode = count > 1 ? mp_obj_str_get_str(arguments[1]) : "r";
    file_t *file = mp_obj_malloc(file_t, &file_type);
    file->data = NULL;
    file->bytes = file->position = 0;
    const record_t *found = mode[0] == 'w' ? NULL : find(name);
    if (found != NULL) {
        file->data = at(found->data);
        file->bytes = found->bytes;
        return MP_OBJ_FROM_PTR(file);
    }
    if (strlen(name) >= NAME_BYTES) {
        mp_raise_OSError(MP_ENOENT);
    }
    strcpy(file->name, name);
    HOST->file = (uint32_t)file->name;
    if (mode[0] == 'w') {
        HOST->file_make = 1;
    } else if ((file->bytes = HOST->file_bytes) == NOTHING) {
        mp_raise_OSError(MP_ENOENT);
    }
    return MP_OBJ_FROM_PTR(file);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_builtin_open_obj, 1, file_open);

// os.stat of a file in the archive: nothing but its size.
static mp_obj_t os_stat(mp_obj_t name) {
    const record_t *file = find(mp_obj_str_get_str(name));
    if (file == NULL) {
        mp_raise_OSError(MP_ENOENT);
    }
    mp_obj_t fields[10];
    for (size_t i = 0; i < MP_ARRAY_SIZE(fields); i++) {
        fields[i] = MP_OBJ_NEW_SMALL_INT(0);
    }
    fields[6] = MP_OBJ_NEW_SMALL_INT(file->bytes);
    return mp_obj_new_tuple(MP_ARRAY_SIZE(fields), fields);
}
MP_DEFINE_CONST_FUN_OBJ_1(os_stat_obj, os_stat);
