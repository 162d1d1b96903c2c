/* What only Linux can answer: where the program is, where its cache may live, which C library the
 * computer has, and how to show a window. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os.h"
#include "os_posix.h"

#if defined(__x86_64__)
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#define TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define LOADER "/lib/ld-linux-aarch64.so.1"
#define TRIPLET "aarch64-linux-gnu"
#else
#error "name this processor's loader and library folder"
#endif

/* The kernel puts this string in the last bytes of the stack, where a string function that reads
   ahead meets the end of the mapping: copy it byte by byte before any of them sees it. */
static bool copy_started_path(char path[PATH_BYTES])
{
    const volatile char *given = (const volatile char *)getauxval(AT_EXECFN);
    size_t length = 0;
    while (given && given[length] && length < PATH_BYTES - 1) {
        path[length] = given[length];
        length++;
    }
    path[length] = 0;
    return length > 0;
}

bool os_executable(char path[PATH_BYTES])
{
    ssize_t bytes = readlink("/proc/self/exe", path, PATH_BYTES - 1);
    if (bytes > 0) {
        path[bytes] = 0;
        return true;
    }
    /* Without /proc: the path that the kernel was given, seen from the folder we started in. */
    char given[PATH_BYTES];
    char *real = copy_started_path(given) ? realpath(given, NULL) : NULL;
    bool fits = real && strlen(real) < PATH_BYTES;
    if (fits)
        strcpy(path, real);
    free(real);
    return fits;
}

/* -- a window -- */

static bool find_program(const char *name, char path[PATH_BYTES])
{
    const char *folders = getenv("PATH");
    for (const char *at = folders ? folders : "/usr/bin:/bin"; at; at = strchr(at, ':')) {
        at += *at == ':';
        int length = snprintf(path, PATH_BYTES, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (*at == '/' && length < PATH_BYTES && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

void os_show_window(const char *sentence)
{
    char path[PATH_BYTES], text[PATH_BYTES * 2 + 16];
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY"))
        return;
    snprintf(text, sizeof text, "--text=%s", sentence);
    char *said = text + strlen("--text=");
    char *zenity[] = {"zenity", "--error", "--title=llamapack", "--no-markup", text, NULL};
    char *kdialog[] = {"kdialog", "--title", "llamapack", "--error", said, NULL};
    char *xmessage[] = {"xmessage", "-center", said, NULL};
    char **const windows[] = {zenity, kdialog, xmessage};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (find_program(windows[i][0], path)) {
            posix_start_detached(path, windows[i]);
            return;
        }
}

void posix_before_start(void)
{
}

/* -- places for the cache -- */

bool os_cache_place(int index, struct cache_place *place)
{
    memset(place, 0, sizeof *place);
    switch (index) {
    case 0:
        posix_set_chosen(place);
        return true;
    case 1:
        posix_set_from_variable(place, "XDG_CACHE_HOME", "/llamapack");
        place->given_bytes = 0;
        return true;
    case 2:
        posix_set_in_home(place, "/.cache/llamapack");
        return true;
    case 3:
        posix_set_shared(place, "/var/tmp");
        return true;
    case 4:
        posix_set_shared(place, "/tmp");
        return true;
    case 5:
        posix_set_from_variable(place, "XDG_RUNTIME_DIR", "/llamapack");
        return true;
    case 6:
        posix_set_shared(place, "/dev/shm");
        return true;
    default:
        return false;
    }
}

bool posix_disk_of(const char *path, struct posix_disk *disk)
{
    struct statvfs system;
    if (statvfs(path, &system) != 0)
        return false;
    disk->is_read_only = system.f_flag & ST_RDONLY;
    disk->runs_nothing = system.f_flag & ST_NOEXEC;
    disk->is_size_known = system.f_blocks > 0; /* some network folders do not tell */
    disk->free_bytes = (uint64_t)system.f_bavail * system.f_frsize;
    return true;
}

/* -- the C library -- */

/* The highest N of all "GLIBC_2.N" in the file, or -1; stops once `enough` is reached. */
static int highest_version(const char *path, int enough)
{
    enum { CHUNK = 64 * 1024, OVERLAP = 16 };
    static char chunk[CHUNK + 1];
    static const char word[] = "GLIBC_2.";
    int highest = -1;
    os_file file = os_open(path);
    int64_t size = file == OS_NO_FILE ? -1 : os_size(file);
    for (int64_t offset = 0; offset < size && highest < enough; offset += CHUNK - OVERLAP) {
        size_t bytes = size - offset < CHUNK ? (size_t)(size - offset) : CHUNK;
        if (!os_read(file, (uint64_t)offset, chunk, bytes))
            break;
        chunk[bytes] = 0;
        const char *end = chunk + bytes;
        for (char *at = chunk; (at = memmem(at, (size_t)(end - at), word, strlen(word)));) {
            at += strlen(word);
            int version = atoi(at);
            if (version > highest && version < 1000)
                highest = version;
        }
    }
    if (file != OS_NO_FILE)
        os_close(file);
    return highest;
}

bool os_is_too_old(const char *libc_floor, char reason[REASON_BYTES])
{
    static const char *const paths[] = {
        "/lib/" TRIPLET "/libc.so.6",
        "/usr/lib/" TRIPLET "/libc.so.6",
        "/lib64/libc.so.6",
        "/usr/lib64/libc.so.6",
        "/lib/libc.so.6",
        "/usr/lib/libc.so.6",
    };
    int needed, highest = -1;
    if (sscanf(libc_floor, "2.%d", &needed) != 1)
        return false;
    if (access(LOADER, F_OK) != 0) {
        snprintf(reason, REASON_BYTES,
                 "has another C library (musl, as in Alpine Linux) or keeps it elsewhere");
        return true;
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths && highest < needed; i++) {
        int version = highest_version(paths[i], needed);
        highest = version > highest ? version : highest;
    }
    snprintf(reason, REASON_BYTES, "has version 2.%d", highest);
    return highest >= 0 && highest < needed;
}
