/* Makes an image as large as asked for: to try firmware that is. */
#include <stdint.h>

#if PADDING > 0
#define A 1, 2, 3, 5, 8, 13, 21, 34
__attribute__((used, section(".padding"))) const uint8_t padding[PADDING] = {A};
#else
extern const uint8_t padding[];
#endif
