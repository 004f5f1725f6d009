/* Named values that survive a reset. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

typedef ssize_t (*settings_read_cb)(void *from, void *bytes, size_t size);
typedef int (*settings_load_direct_cb)(const char *key, size_t size, settings_read_cb read, void *from, void *param);

int settings_subsys_init(void);
int settings_load_subtree_direct(const char *subtree, settings_load_direct_cb take, void *param);
int settings_save_one(const char *name, const void *value, size_t size);
