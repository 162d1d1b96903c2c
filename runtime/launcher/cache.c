#include "cache.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "tree.h"

enum {
    KEY_BYTES = 16,       /* of the entry's SHA-256, the name of its tree */
    LEAST_EXPANSION = 2,  /* a runtime image needs more room than twice its packed size */
    TRIED_BYTES = 6 * 1024,
};

static bool place_paths(const struct cache_place *place, const struct entry *runtime,
                        struct cache *cache, char folder[PATH_BYTES])
{
    char key[2 * KEY_BYTES + 1];
    hex_text(runtime->sha256, KEY_BYTES, key);
    snprintf(cache->root, PATH_BYTES, "%s", place->path);
    int folder_bytes = snprintf(folder, PATH_BYTES, "%s/runtime", place->path);
    int tree_bytes = snprintf(cache->tree, PATH_BYTES, "%s/runtime/%s", place->path, key);
    return folder_bytes < PATH_BYTES && tree_bytes < PATH_BYTES;
}

/* The folder for trees is private even where the cache's root is not. */
static bool prepare_folder(const struct cache_place *place, const char *folder, uint64_t room_bytes,
                           char *reason)
{
    struct cache_place inner = {.given_bytes = strlen(place->path), .is_shared = true};
    snprintf(inner.path, sizeof inner.path, "%s", folder);
    return os_prepare_place(place, 0, reason) && os_prepare_place(&inner, room_bytes, reason);
}

static bool use_place(const struct archive *archive, const struct entry *runtime,
                      const struct cache_place *place, struct cache *cache, char *reason)
{
    char folder[PATH_BYTES];
    if (!place->path[0] || !place_paths(place, runtime, cache, folder)) {
        snprintf(reason, REASON_BYTES, "its path is too long");
        return false;
    }
    if (!prepare_folder(place, folder, 0, reason))
        return false;
    if (tree_is_complete(cache->tree))
        return true;
    uint64_t room_bytes = runtime->size > UINT64_MAX / LEAST_EXPANSION
                              ? UINT64_MAX
                              : LEAST_EXPANSION * runtime->size;
    if (!prepare_folder(place, folder, room_bytes, reason))
        return false;
    enum tree_result result = tree_make(archive, runtime, folder, cache->tree, reason);
    if (result == TREE_ALTERED)
        archive_damaged(archive, "its runtime");
    return result == TREE_READY;
}

void cache_find(const struct archive *archive, const struct entry *runtime, struct cache *cache)
{
    struct cache_place place;
    char reason[REASON_BYTES], tried[TRIED_BYTES] = "";
    const char *chosen_reason = NULL;
    for (int i = 0; os_cache_place(i, &place); i++) {
        if (!place.path[0] && !place.is_chosen)
            continue;
        if (use_place(archive, runtime, &place, cache, reason)) {
            if (chosen_reason)
                note("LLAMAPACK_CACHE cannot be used: %s. Using %s instead.", chosen_reason,
                     cache->root);
            return;
        }
        size_t used = strlen(tried);
        snprintf(tried + used, sizeof tried - used, "%s%s (%s)", used > 0 ? ", " : "", place.path,
                 reason);
        if (place.is_chosen) {
            static char kept[TRIED_BYTES];
            snprintf(kept, sizeof kept, "%s", tried);
            chosen_reason = kept;
        }
    }
    fail(EXIT_NO_CACHE,
         "%s found no folder to unpack its programs to. Tried %s. Make room, or set "
         "LLAMAPACK_CACHE to a folder of yours where programs may run.",
         archive->name, tried);
}
