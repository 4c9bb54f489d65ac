// cryptolib: aes, which encrypts in mode 1 (ECB) and 2 (CBC). The firmware decrypts with neither.

#include <string.h>

#include "py/runtime.h"
#include "aes.h"

enum { ECB = 1, CBC = 2 };
#define BLOCK 16

typedef struct {
    mp_obj_base_t base;
    aes_t cipher;
    int mode;
    uint8_t last[BLOCK]; // of CBC, the initial vector first
} object_t;

static void encrypt_block(object_t *object, const uint8_t *in, uint8_t *out) {
    if (object->mode == ECB) {
        aes_encrypt(&object->cipher, in, out);
        return;
    }
    for (size_t i = 0; i < BLOCK; i++) {
        object->last[i] ^= in[i];
    }
    aes_encrypt(&object->cipher, object->last, object->last);
    memcpy(out, object->last, BLOCK);
}

static mp_obj_t encrypt(size_t count, const mp_obj_t *arguments) {
    mp_buffer_info_t in, out;
    mp_get_buffer_raise(arguments[1], &in, MP_BUFFER_READ);
    if (in.len % BLOCK) {
        mp_raise_ValueError(MP_ERROR_TEXT("blksize % 16"));
    }
    vstr_t made = { 0 };
    bool into = count > 2;
    if (into) {
        mp_get_buffer_raise(arguments[2], &out, MP_BUFFER_WRITE);
        if (out.len < in.len) {
            mp_raise_ValueError(MP_ERROR_TEXT("output too small"));
        }
    } else {
        vstr_init_len(&made, in.len);
        out.buf = made.buf;
    }
    for (size_t at = 0; at < in.len; at += BLOCK) {
        encrypt_block(MP_OBJ_TO_PTR(arguments[0]), (const uint8_t *)in.buf + at, (uint8_t *)out.buf + at);
    }
    return into ? arguments[2] : mp_obj_new_bytes_from_vstr(&made);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(encrypt_obj, 2, 3, encrypt);

static mp_obj_t make_new(const mp_obj_type_t *type, size_t count, size_t keywords, const mp_obj_t *arguments) {
    mp_arg_check_num(count, keywords, 2, 3, false);
    object_t *object = mp_obj_malloc(object_t, type);
    mp_buffer_info_t key, initial;
    mp_get_buffer_raise(arguments[0], &key, MP_BUFFER_READ);
    if (key.len != 16 && key.len != 32) {
        mp_raise_ValueError(MP_ERROR_TEXT("key"));
    }
    aes_expand(&object->cipher, key.buf, key.len);
    object->mode = mp_obj_get_int(arguments[1]);
    if (object->mode != ECB && object->mode != CBC) {
        mp_raise_ValueError(MP_ERROR_TEXT("mode"));
    }
    memset(object->last, 0, BLOCK);
    if (count > 2 && arguments[2] != mp_const_none) {
        mp_get_buffer_raise(arguments[2], &initial, MP_BUFFER_READ);
        if (initial.len != BLOCK) {
            mp_raise_ValueError(MP_ERROR_TEXT("IV"));
        }
        memcpy(object->last, initial.buf, BLOCK);
    }
    return MP_OBJ_FROM_PTR(object);
}

static const mp_rom_map_elem_t aes_names[] = {
    { MP_ROM_QSTR(MP_QSTR_encrypt), MP_ROM_PTR(&encrypt_obj) },
};
static MP_DEFINE_CONST_DICT(aes_dict, aes_names);

static MP_DEFINE_CONST_OBJ_TYPE(
    aes_type, MP_QSTR_aes, MP_TYPE_FLAG_NONE, make_new, make_new, locals_dict, &aes_dict
    );

static const mp_rom_map_elem_t cryptolib_names[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_cryptolib) },
    { MP_ROM_QSTR(MP_QSTR_aes), MP_ROM_PTR(&aes_type) },
};
static MP_DEFINE_CONST_DICT(cryptolib_dict, cryptolib_names);

const mp_obj_module_t cryptolib_module = {
    .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&cryptolib_dict,
};
MP_REGISTER_MODULE(MP_QSTR_cryptolib, cryptolib_module);
