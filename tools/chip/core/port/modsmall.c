// Of os, time and uctypes what the party uses. os has no urandom: the party's numbers come from a seed.

#include "py/mphal.h"
#include "py/runtime.h"
#include "py/smallint.h"

// time: microseconds that wrap round at 2^30, as on any 32-bit port

#define TICKS (MP_SMALL_INT_POSITIVE_MASK)

static mp_obj_t ticks_us(void) {
    return MP_OBJ_NEW_SMALL_INT(mp_hal_ticks_us() & TICKS);
}
static MP_DEFINE_CONST_FUN_OBJ_0(ticks_us_obj, ticks_us);

static mp_obj_t ticks_diff(mp_obj_t end, mp_obj_t begin) {
    mp_uint_t passed = MP_OBJ_SMALL_INT_VALUE(end) - MP_OBJ_SMALL_INT_VALUE(begin);
    mp_int_t half = (TICKS + 1) / 2;
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)((passed + half) & TICKS) - half);
}
static MP_DEFINE_CONST_FUN_OBJ_2(ticks_diff_obj, ticks_diff);

static const mp_rom_map_elem_t time_names[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_time) },
    { MP_ROM_QSTR(MP_QSTR_ticks_us), MP_ROM_PTR(&ticks_us_obj) },
    { MP_ROM_QSTR(MP_QSTR_ticks_diff), MP_ROM_PTR(&ticks_diff_obj) },
};
static MP_DEFINE_CONST_DICT(time_dict, time_names);
const mp_obj_module_t time_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&time_dict };
MP_REGISTER_MODULE(MP_QSTR_time, time_module);

// uctypes

static mp_obj_t addressof(mp_obj_t object) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(object, &buffer, MP_BUFFER_READ);
    return mp_obj_new_int_from_uint((uintptr_t)buffer.buf);
}
static MP_DEFINE_CONST_FUN_OBJ_1(addressof_obj, addressof);

static const mp_rom_map_elem_t uctypes_names[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_uctypes) },
    { MP_ROM_QSTR(MP_QSTR_addressof), MP_ROM_PTR(&addressof_obj) },
};
static MP_DEFINE_CONST_DICT(uctypes_dict, uctypes_names);
const mp_obj_module_t uctypes_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&uctypes_dict };
MP_REGISTER_MODULE(MP_QSTR_uctypes, uctypes_module);

// os

MP_DECLARE_CONST_FUN_OBJ_1(os_stat_obj); // files.c

static const mp_rom_map_elem_t os_names[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_os) },
    { MP_ROM_QSTR(MP_QSTR_stat), MP_ROM_PTR(&os_stat_obj) },
};
static MP_DEFINE_CONST_DICT(os_dict, os_names);
const mp_obj_module_t os_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&os_dict };
MP_REGISTER_MODULE(MP_QSTR_os, os_module);
