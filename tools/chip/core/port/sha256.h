// SHA-256 (FIPS 180-4), in place of a stock image's mbedtls.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t state[8];
    uint64_t bytes; // taken so far
    uint8_t block[64];
} sha256_t;

void sha256_start(sha256_t *hash);
void sha256_update(sha256_t *hash, const uint8_t *data, size_t bytes);
void sha256_finish(sha256_t *hash, uint8_t digest[32]);
