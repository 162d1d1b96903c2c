#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"
#include "fail.h"

#define FIRST_LINE "llamapack tree 1\n"
#define LAST_LINE "end\n"
#define WORK_ENDING ".work"
#define OLD_ENDING ".old"
enum { MAX_MARKER_BYTES = 64 * 1024 * 1024 };

/* The marker's text, or NULL when there is none; the caller's to free. */
static char *read_marker(const char *tree)
{
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/" TREE_MARKER, tree);
    os_file file = os_open(path);
    if (file == OS_NO_FILE)
        return NULL;
    int64_t bytes = os_size(file);
    char *text = bytes >= 0 && bytes <= MAX_MARKER_BYTES ? allocate(NULL, (size_t)bytes + 1) : NULL;
    if (text && os_read(file, 0, text, (size_t)bytes)) {
        text[bytes] = 0;
    } else {
        free(text);
        text = NULL;
    }
    os_close(file);
    return text;
}

/* One line "<size> <path>", its line break replaced by a zero. */
static bool is_as_listed(const char *tree, const char *line)
{
    char path[PATH_BYTES + 512];
    char *name;
    long long bytes = strtoll(line, &name, 10);
    if (*name != ' ')
        return false;
    int length = snprintf(path, sizeof path, "%s/%s", tree, name + 1);
    return length > 0 && (size_t)length < sizeof path && os_entry_bytes(path) == bytes;
}

static bool all_as_listed(const char *tree, char *text)
{
    if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
        return false;
    char *line = text + strlen(FIRST_LINE);
    while (strcmp(line, LAST_LINE) != 0) {
        char *end = strchr(line, '\n');
        if (!end)
            return false;
        *end = 0;
        if (!is_as_listed(tree, line))
            return false;
        line = end + 1;
    }
    return true;
}

bool tree_is_complete(const char *tree)
{
    char program[PATH_BYTES + 64];
    char *text = read_marker(tree);
    snprintf(program, sizeof program, "%s/" TREE_PROGRAM, tree);
    bool is_complete = text && all_as_listed(tree, text) && os_can_run(program);
    free(text);
    return is_complete;
}

static bool write_marker(const char *work, const struct tar *tar)
{
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/" TREE_MARKER, work);
    os_file file = os_create(path, false);
    if (file == OS_NO_FILE)
        return false;
    bool is_written = os_write(file, FIRST_LINE, strlen(FIRST_LINE)) &&
                      os_write(file, tar->list, tar->list_bytes) &&
                      os_write(file, LAST_LINE, strlen(LAST_LINE));
    return os_close(file) && is_written;
}

static enum tree_result fill(const struct archive *archive, const struct entry *runtime,
                             const char *work)
{
    if (!os_make_folder(work))
        return TREE_NO_FOLDER;
    struct tar tar;
    tar_start(&tar, work);
    enum tree_result result = extract(archive, runtime, &tar);
    if (result == TREE_READY && !write_marker(work, &tar))
        result = TREE_NO_FOLDER;
    if (result == TREE_READY && !tree_is_complete(work))
        result = TREE_ALTERED; /* it has no program to start */
    tar_close(&tar);
    return result;
}

/* Moves what is at `tree` out of the way, a damaged tree that somebody may still be running. */
static bool put_in_place(const char *work, const char *tree)
{
    char old[PATH_BYTES + 64];
    snprintf(old, sizeof old, "%s" OLD_ENDING, tree);
    if (os_exists(tree) && !os_rename(tree, old))
        return false;
    if (!os_rename(work, tree))
        return false;
    os_remove(old);
    return true;
}

/* Holding the lock. */
static enum tree_result make_locked(const struct archive *archive, const struct entry *runtime,
                                    const char *folder, const char *tree)
{
    char work[PATH_BYTES + 64];
    if (tree_is_complete(tree))
        return TREE_READY;
    os_remove_ending(folder, WORK_ENDING);
    os_remove_ending(folder, OLD_ENDING);
    snprintf(work, sizeof work, "%s" WORK_ENDING, tree);
    enum tree_result result = fill(archive, runtime, work);
    if (result == TREE_READY && !put_in_place(work, tree))
        result = TREE_NO_FOLDER;
    if (result != TREE_READY)
        os_remove(work);
    return result;
}

/* Two first starts at once: process A holds the lock and unpacks to <tree>.work; B waits, looks
 * again when A lets go, and finds the tree. If A is killed, the system drops its lock; B finds no
 * tree, removes A's <tree>.work (nobody else can own one while B holds the lock) and unpacks. */
enum tree_result tree_make(const struct archive *archive, const struct entry *runtime,
                           const char *folder, const char *tree, char reason[REASON_BYTES])
{
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/lock", folder);
    os_file lock = os_lock(path);
    if (lock == OS_NO_FILE) {
        snprintf(reason, REASON_BYTES, "%s", os_error());
        return TREE_NO_FOLDER;
    }
    enum tree_result result = make_locked(archive, runtime, folder, tree);
    if (result == TREE_NO_FOLDER)
        snprintf(reason, REASON_BYTES, "%s", os_error());
    os_close(lock);
    return result;
}
