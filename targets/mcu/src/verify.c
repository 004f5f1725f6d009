/*
 * SHA-256 of an image in flash (FIPS 180-4), 64 bytes a call. Written for size.
 *
 * The 8 working variables and the 16 words of the message are one row, which moves on by one word each round: so each has
 * a fixed place in it, and nothing is counted modulo 16. The variables stand in it from h to a, and so does the state: on
 * a little-endian processor its bytes are those of the hash, last one first.
 */
#include "errand.h"
#include "inlining.h"

/* The constants lie in flash, on AVR too. */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define CONSTANT(table, i) pgm_read_dword(&(table)[i])
#else
#define PROGMEM
#define CONSTANT(table, i) (table)[i]
#endif

/* From here on the compiler does not know where a pointer leads. */
#ifdef __GNUC__
#define UNKNOWN(pointer) __asm__("" : "+r"(pointer))
#else
#define UNKNOWN(pointer) (void)0
#endif

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(ERRAND_ANY_BYTE_ORDER)
#define FROM_BYTES(word) __builtin_bswap32(word)
#define HASH_BYTE(state, i) ((const uint8_t *)(state))[31u - (i)]
#else
#define FROM_BYTES(word) from_bytes((const uint8_t *)&(word))
#define HASH_BYTE(state, i) (uint8_t)((state)[7u - (i) / 4u] >> (24u - 8u * ((i) & 3u)))
static uint32_t from_bytes(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}
#endif

enum { ROUNDS = 64, H = 0, G, F, E, D, C, B, A, W, ROW = W + ERRAND_HASH_BLOCK / 4 };

static const uint32_t constants[ROUNDS] PROGMEM = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t begin[8] PROGMEM = {0x5be0cd19, 0x1f83d9ab, 0x9b05688c, 0x510e527f,
                                          0xa54ff53a, 0x3c6ef372, 0xbb67ae85, 0x6a09e667};

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

/*
 * The four sums of the standard: three rotations of a value, or two and a shift. Done within one another, an AVR turns by
 * 84 bits a round and not by 140; a shift is the rotation of a value whose last bits are `cleared`. `by`: what BY makes.
 */
#define BY(first, second, third) ((first) | (second) << 4 | (third) << 8)
static CALLED uint32_t sum(const uint32_t *of, uint16_t by, uint16_t cleared)
{
    uint32_t value = *of;
    uint32_t result = rotated(value, (uint8_t)(by & 15u)) ^ value;
    result = rotated(result, (uint8_t)((uint8_t)by >> 4)) ^ (value & ~(uint32_t)cleared);
    return rotated(result, (uint8_t)(by >> 8));
}

/* Bits of the second word where `which` has ones, of the first where it has zeros. */
static CALLED_ON_AVR uint32_t choose(const uint32_t *words, uint32_t which)
{
    return words[0] ^ (which & (words[1] ^ words[0]));
}

/* Takes the 64 bytes in row[W] and on into the state. */
static void hash_block(uint32_t *state, uint32_t *row)
{
    uint8_t i;
    for (i = 0; i < 8; i++)
        row[i] = state[i];
    for (i = 0; i < ROUNDS; i++) {
        uint32_t first = row[H] + row[W] + CONSTANT(constants, i);
        first += choose(&row[G], row[E]);
        first += sum(&row[E], BY(14, 5, 6), 0);
        row[D] += first;
        first += choose(&row[C], ~(row[A] ^ row[B]));
        first += sum(&row[A], BY(9, 11, 2), 0);
        uint32_t word = row[W] + row[W + 9];
        word += sum(&row[W + 1], BY(11, 4, 3), 7);
        word += sum(&row[W + 14], BY(2, 7, 10), 1023);
        for (uint8_t k = 0; k < ROW - 1; k++)
            row[k] = row[k + 1u];
        row[A] = first;
        row[ROW - 1] = word;
    }
    for (i = 0; i < 8; i++)
        state[i] += row[i];
}

int errand_pull_verify(struct errand_pull *pull)
{
    union {
        uint32_t words[ROW];
        uint8_t bytes[4 * ROW];
    } row;
    int32_t left = (int32_t)(pull->size - pull->hashed); /* below 0 in a block that has only the length */
    uint8_t used = 0;
    uint8_t byte = 0;
    uint8_t i;
    if (pull->offset < pull->size)
        return 1;
    if (left >= 0) {
        used = left < ERRAND_HASH_BLOCK ? (uint8_t)left : ERRAND_HASH_BLOCK;
        byte = 0x80;
    }
    if (pull->flash_read(pull->context, pull->hashed, row.bytes + 4 * W, used) < 0)
        return ERRAND_ERR_FLASH;
    if (pull->hashed == 0) {
        const uint32_t *from = begin;
        UNKNOWN(from); /* else each word becomes an instruction and a literal */
        for (i = 0; i < 8; i++)
            pull->state[i] = CONSTANT(from, i);
    }
    pull->hashed += ERRAND_HASH_BLOCK;

    /* Behind the last byte 0x80, zeros, and the length in bits: in this block, or in one more. */
    bool last = used < ERRAND_HASH_BLOCK - 8;
    for (; used < ERRAND_HASH_BLOCK; used++) {
        row.bytes[4 * W + used] = byte;
        byte = 0;
    }
    for (i = W; i < ROW; i++)
        row.words[i] = FROM_BYTES(row.words[i]);
    if (last)
        row.words[ROW - 1] = pull->size << 3;
    hash_block(pull->state, row.words);
    if (!last)
        return 1;

    pull->hashed = 0;
    for (i = 0; i < ERRAND_HASH_BYTES; i++)
        if (HASH_BYTE(pull->state, i) != pull->hash[i]) {
            pull->offset = 0;
            return ERRAND_ERR_HASH;
        }
    return 0;
}
