/* Chooses the cache folder and makes sure that the unpacked runtime is in it. */
#ifndef LLAMAPACK_CACHE_H
#define LLAMAPACK_CACHE_H

#include "archive.h"

struct cache {
    char root[PATH_BYTES];
    char tree[PATH_BYTES];
};

/* Fails, with everything that was tried, when no folder can be used. */
void cache_find(const struct archive *archive, const struct entry *runtime, struct cache *cache);

#endif
