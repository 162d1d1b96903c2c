/* What only Linux can answer: where the program is, where its cache may live, which C library the
 * computer has, and how to show a window. */
#define _GNU_SOURCE
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
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

static void start_window(const char *program, char *const arguments[])
{
    if (fork() != 0)
        return;
    setsid();
    freopen("/dev/null", "r", stdin);
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "w", stderr);
    execv(program, arguments);
    _exit(127);
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
            start_window(path, windows[i]);
            return;
        }
}

/* -- places for the cache -- */

static void set_place(struct cache_place *place, const char *given, const char *rest)
{
    int length = snprintf(place->path, PATH_BYTES, "%s%s", given, rest);
    place->given_bytes = strlen(given);
    if (length >= PATH_BYTES)
        place->path[0] = 0;
}

/* `<value of the variable><rest>`, when it is set to an absolute path. */
static void set_from_variable(struct cache_place *place, const char *variable, const char *rest)
{
    const char *value = getenv(variable);
    if (value && value[0] == '/')
        set_place(place, value, rest);
}

static void set_chosen(struct cache_place *place)
{
    char current[PATH_BYTES], inside[PATH_BYTES + 1];
    const char *value = getenv("LLAMAPACK_CACHE");
    if (!value || !value[0])
        return;
    snprintf(inside, sizeof inside, "/%s", value);
    if (value[0] == '/')
        set_place(place, "", value);
    else if (getcwd(current, sizeof current))
        set_place(place, current, inside);
    place->given_bytes = 0;
    place->is_chosen = true;
}

static void set_in_home(struct cache_place *place)
{
    set_from_variable(place, "HOME", "/.cache/llamapack");
    struct passwd *user = place->path[0] ? NULL : getpwuid(geteuid());
    if (user && user->pw_dir && user->pw_dir[0] == '/')
        set_place(place, user->pw_dir, "/.cache/llamapack");
}

static void set_shared(struct cache_place *place, const char *folder)
{
    char own[32];
    snprintf(own, sizeof own, "/llamapack-%lu", (unsigned long)geteuid());
    set_place(place, folder, own);
    place->is_shared = true;
}

bool os_cache_place(int index, struct cache_place *place)
{
    memset(place, 0, sizeof *place);
    switch (index) {
    case 0:
        set_chosen(place);
        return true;
    case 1:
        set_from_variable(place, "XDG_CACHE_HOME", "/llamapack");
        place->given_bytes = 0;
        return true;
    case 2:
        set_in_home(place);
        return true;
    case 3:
        set_shared(place, "/var/tmp");
        return true;
    case 4:
        set_shared(place, "/tmp");
        return true;
    case 5:
        set_from_variable(place, "XDG_RUNTIME_DIR", "/llamapack");
        return true;
    case 6:
        set_shared(place, "/dev/shm");
        return true;
    default:
        return false;
    }
}

static bool say(char reason[REASON_BYTES], const char *text)
{
    snprintf(reason, REASON_BYTES, "%s", text);
    return false;
}

static bool say_error(char reason[REASON_BYTES])
{
    return say(reason, posix_error_text(errno));
}

/* Creates what is missing behind the given part of the path, for this user alone. Nothing is
 * created in somebody else's home: with sudo, that would lock its owner out of the cache. */
static bool create_missing(const struct cache_place *place, char reason[REASON_BYTES])
{
    char path[PATH_BYTES];
    struct stat given;
    strcpy(path, place->path);
    if (place->given_bytes > 0) {
        path[place->given_bytes] = 0;
        if (stat(path, &given) != 0)
            return say(reason, "there is no such folder");
        if (!place->is_shared && given.st_uid != geteuid())
            return say(reason, "it would lie in another user's folder");
        path[place->given_bytes] = place->path[place->given_bytes];
    }
    for (char *slash = path + place->given_bytes; slash; slash = strchr(slash + 1, '/')) {
        char *end = strchr(slash + 1, '/');
        if (end)
            *end = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return say_error(reason);
        if (end)
            *end = '/';
    }
    return true;
}

/* Another user must not be able to change what we run. */
static bool is_private(const struct cache_place *place, char reason[REASON_BYTES])
{
    struct stat about;
    if ((place->is_shared ? lstat : stat)(place->path, &about) != 0)
        return say_error(reason);
    if (!S_ISDIR(about.st_mode))
        return say(reason, "it is not a folder");
    if (about.st_uid != geteuid())
        return say(reason, "it belongs to another user");
    if (!(about.st_mode & (S_IWGRP | S_IWOTH)) || (about.st_mode & S_ISVTX))
        return true;
    if (place->is_chosen || chmod(place->path, about.st_mode & 0755) != 0)
        return say(reason, "other users may write to it");
    return true;
}

bool os_prepare_place(const struct cache_place *place, uint64_t room_bytes,
                      char reason[REASON_BYTES])
{
    struct stat about;
    struct statvfs system;
    if (stat(place->path, &about) != 0 && !create_missing(place, reason))
        return false;
    if (!is_private(place, reason))
        return false;
    if (statvfs(place->path, &system) != 0)
        return say_error(reason);
    if (system.f_flag & ST_RDONLY)
        return say(reason, "it is read-only");
    if (access(place->path, R_OK | W_OK | X_OK) != 0)
        return say(reason, "this user may not write there");
    if (system.f_flag & ST_NOEXEC)
        return say(reason, "programs may not be run from there");
    bool is_known = system.f_blocks > 0; /* some network folders do not tell */
    if (is_known && system.f_bavail < room_bytes / system.f_frsize)
        return say(reason, "the disk is full");
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
        say(reason, "has another C library (musl, as in Alpine Linux) or keeps it elsewhere");
        return true;
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths && highest < needed; i++) {
        int version = highest_version(paths[i], needed);
        highest = version > highest ? version : highest;
    }
    snprintf(reason, REASON_BYTES, "has version 2.%d", highest);
    return highest >= 0 && highest < needed;
}
