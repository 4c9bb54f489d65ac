#include "aes.h"

static uint8_t substitute[256];
static uint32_t mixed[256]; // a substituted byte's part in a column: 2, 1, 1, 3 times it

static uint8_t doubled(uint8_t x) {
    return x << 1 ^ (x >> 7) * 0x1b;
}

static uint8_t turned(uint8_t x, int bits) {
    return x << bits | x >> (8 - bits);
}

// The tables, in RAM as mbedtls makes its own. p runs through all powers of 3, q through their inverses.
static void make_tables(void) {
    uint8_t p = 1, q = 1;
    do {
        p ^= doubled(p);
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        q ^= (q >> 7) * 9;
        substitute[p] = q ^ turned(q, 1) ^ turned(q, 2) ^ turned(q, 3) ^ turned(q, 4) ^ 0x63;
    } while (p != 1);
    substitute[0] = 0x63;
    for (int i = 0; i < 256; i++) {
        uint8_t once = substitute[i], twice = doubled(once);
        mixed[i] = (uint32_t)twice << 24 | once << 16 | once << 8 | (uint8_t)(once ^ twice);
    }
}

static inline uint32_t word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

static inline uint32_t right(uint32_t x, int bits) {
    return x >> bits | x << (32 - bits);
}

static uint32_t substituted(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    uint32_t high = (uint32_t)substitute[a >> 24] << 24 | substitute[b >> 16 & 255] << 16;
    return high | substitute[c >> 8 & 255] << 8 | substitute[d & 255];
}

void aes_expand(aes_t *cipher, const uint8_t *key, size_t bytes) {
    if (substitute[0] == 0) {
        make_tables();
    }
    int words = bytes / 4;
    cipher->rounds = words + 6;
    uint32_t *keys = cipher->keys;
    for (int i = 0; i < words; i++) {
        keys[i] = word(key + 4 * i);
    }
    uint8_t constant = 1;
    for (int i = words; i < 4 * (cipher->rounds + 1); i++) {
        uint32_t last = keys[i - 1];
        if (i % words == 0) {
            last = right(last, 24);
            last = substituted(last, last, last, last) ^ (uint32_t)constant << 24;
            constant = doubled(constant);
        } else if (words > 6 && i % words == 4) {
            last = substituted(last, last, last, last);
        }
        keys[i] = keys[i - words] ^ last;
    }
}

static inline uint32_t column(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    uint32_t high = mixed[a >> 24] ^ right(mixed[b >> 16 & 255], 8);
    return high ^ right(mixed[c >> 8 & 255], 16) ^ right(mixed[d & 255], 24);
}

void aes_encrypt(const aes_t *cipher, const uint8_t in[16], uint8_t out[16]) {
    const uint32_t *key = cipher->keys;
    uint32_t a = word(in) ^ key[0], b = word(in + 4) ^ key[1], c = word(in + 8) ^ key[2], d = word(in + 12) ^ key[3];
    for (int round = 1; round < cipher->rounds; round++) {
        key += 4;
        uint32_t w = column(a, b, c, d) ^ key[0], x = column(b, c, d, a) ^ key[1];
        uint32_t y = column(c, d, a, b) ^ key[2], z = column(d, a, b, c) ^ key[3];
        a = w, b = x, c = y, d = z;
    }
    key += 4;
    const uint32_t last[4] = {
        substituted(a, b, c, d) ^ key[0], substituted(b, c, d, a) ^ key[1],
        substituted(c, d, a, b) ^ key[2], substituted(d, a, b, c) ^ key[3],
    };
    for (int i = 0; i < 16; i++) {
        out[i] = last[i / 4] >> (24 - 8 * (i % 4));
    }
}
