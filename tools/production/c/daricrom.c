// The module daricrom: the firmware's image (a ROMFS) inside this MicroPython, executed where it lies.
#include "py/objarray.h"
#include "py/runtime.h"

extern const unsigned char daric_image[];
extern const size_t daric_image_length;

static mp_obj_t daricrom_image(void) {
    return mp_obj_new_memoryview('B', daric_image_length, (void *)daric_image);
}
static MP_DEFINE_CONST_FUN_OBJ_0(daricrom_image_obj, daricrom_image);

static const mp_rom_map_elem_t daricrom_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_daricrom) },
    { MP_ROM_QSTR(MP_QSTR_image), MP_ROM_PTR(&daricrom_image_obj) },
};
static MP_DEFINE_CONST_DICT(daricrom_globals, daricrom_table);

const mp_obj_module_t daricrom_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&daricrom_globals,
};
MP_REGISTER_MODULE(MP_QSTR_daricrom, daricrom_module);
