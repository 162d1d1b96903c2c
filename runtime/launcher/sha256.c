#include "sha256.h"

#include <string.h>

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, int bits)
{
    return (value >> bits) | (value << (32 - bits));
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void expand(uint32_t w[64], const uint8_t *block)
{
    for (int i = 0; i < 16; i++)
        w[i] = big_endian(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

/* One round. The names rotate from call to call, so no word is moved. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                                           \
    do {                                                                                           \
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);                                \
        uint32_t t1 = h + s1 + (g ^ (e & (f ^ g))) + round_constants[i] + w[i];                    \
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);                                \
        d += t1;                                                                                   \
        h = t1 + s0 + ((a & b) | (c & (a | b)));                                                   \
    } while (0)

static void add_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    expand(w, block);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i += 8) {
        ROUND(a, b, c, d, e, f, g, h, i);
        ROUND(h, a, b, c, d, e, f, g, i + 1);
        ROUND(g, h, a, b, c, d, e, f, i + 2);
        ROUND(f, g, h, a, b, c, d, e, i + 3);
        ROUND(e, f, g, h, a, b, c, d, i + 4);
        ROUND(d, e, f, g, h, a, b, c, i + 5);
        ROUND(c, d, e, f, g, h, a, b, i + 6);
        ROUND(b, c, d, e, f, g, h, a, i + 7);
    }
    const uint32_t added[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += added[i];
}

void sha256_start(struct sha256 *sum)
{
    static const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memcpy(sum->state, initial, sizeof initial);
    sum->total_bytes = 0;
}

void sha256_add(struct sha256 *sum, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    size_t filled = sum->total_bytes % SHA256_BLOCK;
    sum->total_bytes += bytes;
    if (filled > 0) {
        size_t part = bytes < SHA256_BLOCK - filled ? bytes : SHA256_BLOCK - filled;
        memcpy(sum->block + filled, at, part);
        at += part;
        bytes -= part;
        if (filled + part < SHA256_BLOCK)
            return;
        add_block(sum->state, sum->block);
    }
    for (; bytes >= SHA256_BLOCK; at += SHA256_BLOCK, bytes -= SHA256_BLOCK)
        add_block(sum->state, at);
    if (bytes > 0)
        memcpy(sum->block, at, bytes);
}

void sha256_finish(struct sha256 *sum, uint8_t digest[SHA256_BYTES])
{
    uint64_t total_bits = sum->total_bytes * 8;
    size_t filled = sum->total_bytes % SHA256_BLOCK;
    uint8_t padding[2 * SHA256_BLOCK] = {0x80};
    size_t bytes = (filled < 56 ? 56 : 120) - filled;
    for (int i = 0; i < 8; i++)
        padding[bytes + (size_t)i] = (uint8_t)(total_bits >> (56 - 8 * i));
    sha256_add(sum, padding, bytes + 8);
    for (int i = 0; i < SHA256_BYTES; i++)
        digest[i] = (uint8_t)(sum->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_of(const void *data, size_t bytes, uint8_t digest[SHA256_BYTES])
{
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, data, bytes);
    sha256_finish(&sum, digest);
}

void hex_text(const uint8_t *data, size_t bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * bytes] = 0;
}
