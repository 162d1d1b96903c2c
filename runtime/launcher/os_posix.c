/* Files, folders and processes on every POSIX system. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os.h"
#include "os_posix.h"

extern char **environ;

static mode_t mask_before;
static int failure; /* the errno of the last failure, see os_error() */

void os_begin(void)
{
    for (int stream = 0; stream <= 2; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", O_RDWR); /* the lowest free number, which is `stream` */
    mask_before = umask(022);
}

bool os_has_terminal(void)
{
    return isatty(STDERR_FILENO);
}

void os_say(const char *text)
{
    fputs(text, stderr);
}

int64_t os_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool failed(void)
{
    failure = errno;
    return false;
}

static bool done(int result)
{
    return result == 0 || failed();
}

static os_file opened(int file)
{
    if (file < 0)
        failed();
    return file;
}

const char *posix_error_text(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return "the disk is full";
    case EROFS:
        return "it is read-only";
    case EACCES:
    case EPERM:
        return "this user may not write there";
    default:
        return strerror(number);
    }
}

const char *os_error(void)
{
    return posix_error_text(failure);
}

void os_set_variable(const char *name, const char *value)
{
    setenv(name, value, 1);
}

void os_remove_variables(const char *prefix)
{
    size_t kept = 0;
    for (size_t i = 0; environ[i]; i++)
        if (strncmp(environ[i], prefix, strlen(prefix)) != 0)
            environ[kept++] = environ[i];
    environ[kept] = NULL;
}

void os_start(const char *program, char **arguments)
{
    umask(mask_before);
    /* Process lists should show what was started. But where there is no /proc, the frozen program
     * looks for its own files at arguments[0], and would start us again and again. */
    if (access("/proc/self/exe", F_OK) != 0)
        arguments[0] = (char *)program;
    posix_before_start();
    execv(program, arguments);
    failed();
}

os_file os_open(const char *path)
{
    return opened(open(path, O_RDONLY | O_CLOEXEC));
}

int64_t os_size(os_file file)
{
    struct stat about;
    return fstat((int)file, &about) == 0 && S_ISREG(about.st_mode) ? (int64_t)about.st_size : -1;
}

bool os_read(os_file file, uint64_t offset, void *out, size_t bytes)
{
    char *at = out;
    while (bytes > 0) {
        ssize_t got = pread((int)file, at, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return true;
}

os_file os_create(const char *path, bool executable)
{
    return opened(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, executable ? 0755 : 0644));
}

bool os_write(os_file file, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t put = write((int)file, at, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return failed();
        at += put;
        bytes -= (size_t)put;
    }
    return true;
}

bool os_close(os_file file)
{
    return done(close((int)file));
}

bool os_make_folder(const char *path)
{
    struct stat about;
    if (mkdir(path, 0755) == 0)
        return true;
    if (errno != EEXIST)
        return failed();
    if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return true;
    errno = ENOTDIR;
    return failed();
}

bool os_make_link(const char *target, const char *path)
{
    return done(symlink(target, path));
}

bool os_exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

int64_t os_entry_bytes(const char *path)
{
    struct stat about;
    if (lstat(path, &about) != 0 || !(S_ISREG(about.st_mode) || S_ISLNK(about.st_mode)))
        return -1;
    return (int64_t)about.st_size;
}

bool os_can_run(const char *path)
{
    return access(path, R_OK | X_OK) == 0;
}

bool os_rename(const char *from, const char *to)
{
    return done(rename(from, to));
}

static void remove_at(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
        return;
    int inside = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *listing = inside < 0 ? NULL : fdopendir(inside);
    if (!listing)
        return;
    for (struct dirent *entry; (entry = readdir(listing));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_at(inside, entry->d_name);
    closedir(listing);
    unlinkat(folder, name, AT_REMOVEDIR);
}

void os_remove(const char *path)
{
    remove_at(AT_FDCWD, path);
}

void os_remove_ending(const char *folder, const char *ending)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return;
    for (struct dirent *entry; (entry = readdir(listing));) {
        size_t bytes = strlen(entry->d_name), ending_bytes = strlen(ending);
        if (bytes > ending_bytes && strcmp(entry->d_name + bytes - ending_bytes, ending) == 0)
            remove_at(dirfd(listing), entry->d_name);
    }
    closedir(listing);
}

os_file os_lock(const char *path)
{
    int result, file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return opened(file);
    do
        result = flock(file, LOCK_EX);
    while (result != 0 && errno == EINTR);
    if (!done(result)) {
        close(file);
        return OS_NO_FILE;
    }
    futimens(file, NULL); /* looks used to programs that clear old files away */
    return file;
}

void posix_start_detached(const char *program, char *const arguments[])
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
