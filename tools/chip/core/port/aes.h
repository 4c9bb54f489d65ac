// AES encryption (FIPS 197) with tables, in place of a stock image's mbedtls. To be measured, not to keep secrets.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t keys[60]; // of the rounds
    int rounds;
} aes_t;

// bytes: 16 or 32.
void aes_expand(aes_t *cipher, const uint8_t *key, size_t bytes);
void aes_encrypt(const aes_t *cipher, const uint8_t in[16], uint8_t out[16]);
