/* The first bytes of every pack: finds the archive, unpacks the runtime once, becomes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "beside.h"
#include "cache.h"
#include "fail.h"
#include "manifest.h"
#include "os.h"
#include "tree.h"

enum { MAX_MANIFEST_BYTES = 4 * 1024 * 1024 };

/* Variables with these beginnings would change what the runtime loads. */
static const char *const dropped[] = {
    "PYTHON",
    "_MEIPASS",
    "_PYI",
    "LD_LIBRARY_PATH=",
    "DYLD_",
};

static void find_archive(const char *executable, struct archive *archive)
{
    char path[PATH_BYTES];
    if (archive_open(archive, executable))
        return;
    if (beside_in_app(executable, path)) {
        if (!os_exists(path))
            fail(EXIT_DAMAGED,
                 "The app is not complete: %s is not in its folder Contents/Resources. Copy the "
                 "whole app again from where it came from.",
                 path_name(path));
        if (archive_open(archive, path))
            return;
    }
    if (beside_own_name(executable, path) && os_exists(path) && archive_open(archive, path))
        return;
    if (beside_given_name(executable, path)) {
        if (os_exists(path) && archive_open(archive, path))
            return;
        if (!os_exists(path))
            fail(EXIT_DAMAGED,
                 "%s needs the file %s beside it, which is not there. Copy both into the same "
                 "folder, with the names that they came with.",
                 path_name(executable), path_name(path));
    }
    fail(EXIT_DAMAGED,
         "%s is not a complete llamapack file: its end is missing. It may have been cut off "
         "while it was copied or downloaded; copy it again.",
         archive->name);
}

static void read_manifest(const struct archive *archive, struct manifest *manifest)
{
    struct entry entry = archive_find(archive, "manifest.json");
    char *text = archive_load(archive, &entry, MAX_MANIFEST_BYTES, "manifest.json");
    bool is_ours = manifest_parse(text, manifest);
    free(text);
    if (!is_ours)
        fail(EXIT_DAMAGED,
             "%s was not made properly: its manifest names no runtime for %s. Ask for a new one "
             "where it came from.",
             archive->name, LLAMAPACK_TARGET);
}

static void check_system(const struct archive *archive, const struct manifest *manifest)
{
    char reason[REASON_BYTES];
    if (os_is_too_old(manifest->libc_floor, reason))
        fail(EXIT_SYSTEM_TOO_OLD,
             "%s needs a system with the GNU C library %s or newer, but this computer %s. Run it "
             "on a newer system.",
             archive->name, manifest->libc_floor, reason);
}

static void set_environment(const struct archive *archive, const struct cache *cache,
                            const char *executable)
{
    const char *library_path = getenv("LD_LIBRARY_PATH");
    os_remove_variables("LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH=");
    if (library_path) /* for the programs that the runtime starts, such as the browser */
        os_set_variable("LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH", library_path);
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        os_remove_variables(dropped[i]);
    os_set_variable("LLAMAPACK_PACK", archive->path);
    os_set_variable("LLAMAPACK_EXECUTABLE", executable);
    os_set_variable("LLAMAPACK_CACHE_DIR", cache->root);
}

int main(int count, char **arguments)
{
    static char executable[PATH_BYTES], program[PATH_BYTES + 32];
    static struct archive archive;
    static struct cache cache;
    struct manifest manifest;
    os_begin();
    if (count < 1 || !os_executable(executable))
        fail(EXIT_UNREADABLE, "This program cannot find its own file.");
    find_archive(executable, &archive);
    read_manifest(&archive, &manifest);
    check_system(&archive, &manifest);
    struct entry runtime = archive_find(&archive, manifest.runtime_entry);
    cache_find(&archive, &runtime, &cache);
    set_environment(&archive, &cache, executable);
    snprintf(program, sizeof program, "%s/" TREE_PROGRAM, cache.tree);
    arguments[0] = executable;
    os_start(program, arguments);
    fail(EXIT_CANNOT_START, "%s cannot start the program it unpacked to %s: %s.", archive.name,
         program, os_error());
}
