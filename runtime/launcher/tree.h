/* The unpacked runtime in a cache folder: <cache>/runtime/<32 hex digits>/.
 *
 * A tree is filled under another name and renamed, and its last file is a marker that lists the
 * size of every file. A start compares them (about 2 us a file), which also notices files that a
 * cleaner of temporary folders took, or that a power cut emptied: the launcher does not flush the
 * files to disk before the rename, because that could mean waiting for gigabytes that other
 * programs wrote, and a journalling file system never shows a file's new size before its data. */
#ifndef LLAMAPACK_TREE_H
#define LLAMAPACK_TREE_H

#include "archive.h"

#define TREE_MARKER ".complete"
#define TREE_PROGRAM "llamapack-runtime" OS_PROGRAM_ENDING

enum tree_result {
    TREE_READY,
    TREE_ALTERED,   /* the packed runtime is damaged; no folder will help */
    TREE_NO_FOLDER, /* this folder cannot be used; see the reason */
};

/* Whether a whole tree is there. */
bool tree_is_complete(const char *tree);
/* Unpacks `runtime` to `tree`, a path inside `folder`, unless another process has done so. */
enum tree_result tree_make(const struct archive *archive, const struct entry *runtime,
                           const char *folder, const char *tree, char reason[REASON_BYTES]);

#endif
