/* What runs and what is pulled: MCUboot's two slots, and what survives a reset. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "errand.h"

/* False when a slot or the settings cannot be used. */
bool firmware_open(void);
/* Counts the resets: another number after each. */
uint32_t firmware_boot_id(void);

/* The signed image that runs, as its file was: header, program, and what imgtool put behind it. 0 bytes: it is none. */
uint32_t firmware_bytes(void);
int firmware_read_running(void *context, uint32_t offset, uint8_t *bytes, uint16_t size);
/* Its version as "1.2.3+4". */
void firmware_version(char *text, size_t size);
/* True when MCUboot will not put the image before it back; firmware_confirm makes it so. */
bool firmware_stays(void);
void firmware_confirm(void);

/* The image that is pulled: errand_pull's functions. */
bool firmware_fits(uint32_t bytes);
int firmware_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size);
int firmware_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size);
/* Where to go on with an image; 0 when it is another one than the last, which it then takes the place of. */
uint32_t firmware_resume(const struct errand_pull *pull);
/* Remembers that all before `offset` is in flash, where a reset can go on. */
void firmware_remember(uint32_t offset);
/* From where on flash can be written again, when writing at `offset` has failed. */
uint32_t firmware_again(uint32_t offset);
/* MCUboot will try the image at the next reset; another reset brings the old one back, unless it was confirmed. */
void firmware_request(void);

#endif
