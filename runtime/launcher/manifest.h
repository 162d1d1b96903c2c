/* The two facts that the launcher needs from manifest.json. */
#ifndef LLAMAPACK_MANIFEST_H
#define LLAMAPACK_MANIFEST_H

#include <stdbool.h>

struct manifest {
    char runtime_entry[256];
    char libc_floor[32]; /* "2.28", or empty when the runtime needs no C library */
};

/* False when the text, which ends in a zero, does not name a runtime entry; in a pack for several
 * systems, one for this. */
bool manifest_parse(const char *text, struct manifest *manifest);

#endif
