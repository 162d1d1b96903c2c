#include "beside.h"

#include <stdio.h>
#include <string.h>

#define MARK "llamapack-beside"
#define ARCHIVE_ENDING ".llamapack"
#define PROGRAM_ENDING ".exe"
enum { MARK_BYTES = sizeof MARK - 1, MAX_NAME_BYTES = 255 };

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Also as people write it: ".EXE". */
static bool ends_in(const char *text, size_t bytes, const char *ending)
{
    size_t ending_bytes = strlen(ending);
    if (bytes <= ending_bytes)
        return false;
    for (size_t i = 0; i < ending_bytes; i++) {
        char letter = text[bytes - ending_bytes + i];
        if ((letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter) != ending[i])
            return false;
    }
    return true;
}

bool beside_own_name(const char *executable, char path[PATH_BYTES])
{
    size_t bytes = strlen(executable);
    if (ends_in(executable, bytes, PROGRAM_ENDING))
        bytes -= strlen(PROGRAM_ENDING);
    int length = snprintf(path, PATH_BYTES, "%.*s" ARCHIVE_ENDING, (int)bytes, executable);
    return length < PATH_BYTES;
}

bool beside_in_app(const char *executable, char path[PATH_BYTES])
{
    static const char inside[] = "/Contents/MacOS/";
    const char *name = path_name(executable);
    size_t folder_bytes = (size_t)(name - executable), inside_bytes = strlen(inside);
    if (folder_bytes < inside_bytes || memcmp(name - inside_bytes, inside, inside_bytes) != 0)
        return false;
    int app_bytes = (int)(folder_bytes - inside_bytes);
    return snprintf(path, PATH_BYTES, "%.*s/Contents/Resources/%s" ARCHIVE_ENDING, app_bytes,
                    executable, name) < PATH_BYTES;
}

/* A name in our own folder, and nothing else. */
static bool is_plain_name(const char *name, size_t bytes)
{
    return strlen(name) == bytes && !strpbrk(name, "/\\:") && ends_in(name, bytes, ARCHIVE_ENDING);
}

static bool read_name(os_file file, char name[MAX_NAME_BYTES + 1])
{
    unsigned char end[2 + MARK_BYTES];
    int64_t size = os_size(file), at = size - (int64_t)sizeof end;
    if (at < 0 || !os_read(file, (uint64_t)at, end, sizeof end) ||
        memcmp(end + 2, MARK, MARK_BYTES) != 0)
        return false;
    size_t bytes = end[0] | (size_t)end[1] << 8;
    if (bytes > MAX_NAME_BYTES || at < (int64_t)bytes ||
        !os_read(file, (uint64_t)at - bytes, name, bytes))
        return false;
    name[bytes] = 0;
    return is_plain_name(name, bytes);
}

bool beside_given_name(const char *executable, char path[PATH_BYTES])
{
    char name[MAX_NAME_BYTES + 1];
    os_file file = os_open(executable);
    bool is_given = file != OS_NO_FILE && read_name(file, name);
    if (file != OS_NO_FILE)
        os_close(file);
    int folder_bytes = (int)(path_name(executable) - executable);
    return is_given && snprintf(path, PATH_BYTES, "%.*s%s", folder_bytes, executable, name) < PATH_BYTES;
}
