/* Opens a pack and checks its structure; the format is declared in
 * runtime/llamapack_runtime/pack/format.py. Every number in the file is taken as hostile until
 * the seal and the bounds have been checked. */
#ifndef LLAMAPACK_ARCHIVE_H
#define LLAMAPACK_ARCHIVE_H

#include "os.h"
#include "sha256.h"

/* One stored entry: `size` bytes at `offset` from the start of the file. */
struct entry {
    uint64_t offset, size;
    uint8_t sha256[SHA256_BYTES];
};

struct archive {
    os_file file;
    char path[PATH_BYTES];
    const char *name; /* the last part of the path, for messages */
    uint8_t *directory;
    uint64_t directory_bytes, directory_offset, count;
};

/* False when the file has no pack's end. Fails, with a sentence, when it has one but is damaged
 * or cannot be read. The headers of all entries are checked, their data is not. */
bool archive_open(struct archive *archive, const char *path);
/* Fails when there is not exactly one entry of that name. */
struct entry archive_find(const struct archive *archive, const char *name);
/* The whole entry, checked and followed by a zero byte; the caller's to free. */
char *archive_load(const struct archive *archive, const struct entry *entry, uint64_t limit_bytes,
                   const char *name);
/* Fills `out`, or fails. */
void archive_read(const struct archive *archive, uint64_t offset, void *out, size_t bytes);
/* Says which part is damaged, and ends. */
_Noreturn void archive_damaged(const struct archive *archive, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
