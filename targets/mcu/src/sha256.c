/* SHA-256 of whole 64-byte blocks (FIPS 180-4 §6.2). The constants lie in flash, on AVR too. */
#include "errand.h"

#ifdef __AVR__
#include <avr/pgmspace.h>
#define CONSTANT_OF(table, i) pgm_read_dword(&(table)[i])
#else
#define PROGMEM
#define CONSTANT_OF(table, i) (table)[i]
#endif

static const uint32_t constants[64] PROGMEM = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Small parts that are called stay small: inlined, they are the largest code of the library. */
#ifdef __GNUC__
#define CALLED __attribute__((noinline))
#else
#define CALLED
#endif

static CALLED uint32_t rotated(uint32_t value, uint8_t by)
{
#ifdef __AVR__
    while (by-- > 0) /* it shifts by one bit only: two loops for one rotation otherwise */
        value = value >> 1 | value << 31;
    return value;
#else
    return value >> by | value << (32u - by);
#endif
}

/* The four sums of the standard: two rotations, and a third or a shift. */
static CALLED uint32_t sum(uint32_t value, uint8_t first, uint8_t second, uint8_t third, bool shift)
{
    uint32_t result = shift ? value >> third : rotated(value, third);
    return result ^ rotated(value, first) ^ rotated(value, second);
}

static CALLED uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word = 0;
    for (uint8_t i = 0; i < 4; i++)
        word = word << 8 | bytes[i];
    return word;
}

bool errand_sha256_is(const struct errand_sha256 *sha, const uint8_t hash[ERRAND_HASH_BYTES])
{
    for (uint8_t i = 0; i < 8; i++)
        if (sha->state[i] != word_at(hash + 4u * i))
            return false;
    return true;
}

void errand_sha256_init(struct errand_sha256 *sha)
{
    static const uint32_t begin[8] PROGMEM = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (uint8_t i = 0; i < 8; i++)
        sha->state[i] = CONSTANT_OF(begin, i);
}

void errand_sha256_block(struct errand_sha256 *sha, uint32_t block[ERRAND_HASH_BLOCK / 4])
{
    uint32_t v[8];
    uint8_t i;
    for (i = 0; i < 16; i++)
        block[i] = word_at((const uint8_t *)&block[i]);
    for (i = 0; i < 8; i++)
        v[i] = sha->state[i];
    for (i = 0; i < 64; i++) {
        uint32_t *word = &block[i & 15u];
        if (i >= 16) {
            *word += block[(i + 9u) & 15u];
            *word += sum(block[(i + 1u) & 15u], 7, 18, 3, true);
            *word += sum(block[(i + 14u) & 15u], 17, 19, 10, true);
        }
        uint32_t first = v[7] + CONSTANT_OF(constants, i) + *word;
        first += v[6] ^ (v[4] & (v[5] ^ v[6]));
        first += sum(v[4], 6, 11, 25, false);
        uint32_t second = (v[0] & v[1]) | (v[2] & (v[0] | v[1]));
        second += sum(v[0], 2, 13, 22, false);
        for (uint8_t k = 7; k > 0; k--)
            v[k] = v[k - 1u];
        v[4] += first;
        v[0] = first + second;
    }
    for (i = 0; i < 8; i++)
        sha->state[i] += v[i];
}
