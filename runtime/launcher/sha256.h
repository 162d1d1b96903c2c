/* SHA-256 (FIPS 180-4). */
#ifndef LLAMAPACK_SHA256_H
#define LLAMAPACK_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK = 64 };

struct sha256 {
    uint32_t state[8];
    uint64_t total_bytes;
    uint8_t block[SHA256_BLOCK];
};

void sha256_start(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *data, size_t bytes);
void sha256_finish(struct sha256 *sum, uint8_t digest[SHA256_BYTES]);

/* The digest of one buffer. */
void sha256_of(const void *data, size_t bytes, uint8_t digest[SHA256_BYTES]);

/* `bytes` bytes as 2 * bytes lower-case hex digits and a final zero. */
void hex_text(const uint8_t *data, size_t bytes, char *out);

#endif
