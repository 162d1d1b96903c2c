/* Unpacks a ustar archive that arrives piece by piece into one new folder.
 *
 * Only regular files, folders and links that stay inside; anything else is refused. Links are
 * made last, so nothing is ever written through one. */
#ifndef LLAMAPACK_TAR_H
#define LLAMAPACK_TAR_H

#include "os.h"

enum { TAR_BLOCK = 512 };

enum tar_result {
    TAR_OK,
    TAR_HOSTILE, /* not an archive that our own writer makes */
    TAR_OS,      /* the operating system refused; see os_error() */
};

struct tar_link;

struct tar {
    const char *folder;
    os_file file;          /* the file being written, or OS_NO_FILE */
    uint64_t left;         /* its bytes still to come */
    unsigned padding;      /* bytes up to the next block, to be skipped */
    unsigned header_bytes; /* bytes of the next header that are here already */
    uint8_t header[TAR_BLOCK];
    uint64_t total_bytes, total_entries;
    unsigned zero_blocks; /* two of them end the archive */
    struct tar_link *links;
    char *list; /* "<size> <path>\n" for each file and link, for the tree's marker */
    size_t list_bytes, list_room;
};

void tar_start(struct tar *tar, const char *folder);
enum tar_result tar_add(struct tar *tar, const uint8_t *data, size_t bytes);
/* After the last byte: makes the links. */
enum tar_result tar_finish(struct tar *tar);
/* Closes and frees; may be called at any time after tar_start. */
void tar_close(struct tar *tar);

#endif
