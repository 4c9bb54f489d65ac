// hashlib: sha256 with update and digest.

#include "py/runtime.h"
#include "sha256.h"

typedef struct {
    mp_obj_base_t base;
    sha256_t hash;
} object_t;

static mp_obj_t update(mp_obj_t self, mp_obj_t data) {
    object_t *object = MP_OBJ_TO_PTR(self);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(data, &buffer, MP_BUFFER_READ);
    sha256_update(&object->hash, buffer.buf, buffer.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(update_obj, update);

static mp_obj_t digest(mp_obj_t self) {
    object_t *object = MP_OBJ_TO_PTR(self);
    vstr_t bytes;
    vstr_init_len(&bytes, 32);
    sha256_finish(&object->hash, (uint8_t *)bytes.buf);
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(digest_obj, digest);

static mp_obj_t make_new(const mp_obj_type_t *type, size_t count, size_t keywords, const mp_obj_t *arguments) {
    mp_arg_check_num(count, keywords, 0, 1, false);
    object_t *object = mp_obj_malloc(object_t, type);
    sha256_start(&object->hash);
    if (count > 0) {
        update(MP_OBJ_FROM_PTR(object), arguments[0]);
    }
    return MP_OBJ_FROM_PTR(object);
}

static const mp_rom_map_elem_t sha256_names[] = {
    { MP_ROM_QSTR(MP_QSTR_update), MP_ROM_PTR(&update_obj) },
    { MP_ROM_QSTR(MP_QSTR_digest), MP_ROM_PTR(&digest_obj) },
};
static MP_DEFINE_CONST_DICT(sha256_dict, sha256_names);

static MP_DEFINE_CONST_OBJ_TYPE(
    sha256_type, MP_QSTR_sha256, MP_TYPE_FLAG_NONE, make_new, make_new, locals_dict, &sha256_dict
    );

static const mp_rom_map_elem_t hashlib_names[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_hashlib) },
    { MP_ROM_QSTR(MP_QSTR_sha256), MP_ROM_PTR(&sha256_type) },
};
static MP_DEFINE_CONST_DICT(hashlib_dict, hashlib_names);

const mp_obj_module_t hashlib_module = {
    .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&hashlib_dict,
};
MP_REGISTER_MODULE(MP_QSTR_hashlib, hashlib_module);
