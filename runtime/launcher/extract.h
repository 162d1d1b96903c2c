/* Streams a zstd-compressed ustar entry of a pack into a tar reader, checking its sums. */
#ifndef LLAMAPACK_EXTRACT_H
#define LLAMAPACK_EXTRACT_H

#include "archive.h"
#include "tar.h"
#include "tree.h"

/* TREE_ALTERED when a check sum or the format is wrong, TREE_NO_FOLDER when the operating system
 * refused to write (os_error() says why). Reading errors end the process. */
enum tree_result extract(const struct archive *archive, const struct entry *runtime,
                         struct tar *tar);

#endif
