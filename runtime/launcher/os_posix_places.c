/* Where the cache may live, as far as the POSIX systems agree. */
#define _GNU_SOURCE
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"
#include "os_posix.h"

void posix_set_place(struct cache_place *place, const char *given, const char *rest)
{
    int length = snprintf(place->path, PATH_BYTES, "%s%s", given, rest);
    place->given_bytes = strlen(given);
    if (length >= PATH_BYTES)
        place->path[0] = 0;
}

void posix_set_from_variable(struct cache_place *place, const char *variable, const char *rest)
{
    const char *value = getenv(variable);
    if (value && value[0] == '/')
        posix_set_place(place, value, rest);
}

void posix_set_chosen(struct cache_place *place)
{
    char current[PATH_BYTES], inside[PATH_BYTES + 1];
    const char *value = getenv("LLAMAPACK_CACHE");
    if (!value || !value[0])
        return;
    snprintf(inside, sizeof inside, "/%s", value);
    if (value[0] == '/')
        posix_set_place(place, "", value);
    else if (getcwd(current, sizeof current))
        posix_set_place(place, current, inside);
    place->given_bytes = 0;
    place->is_chosen = true;
}

void posix_set_in_home(struct cache_place *place, const char *rest)
{
    posix_set_from_variable(place, "HOME", rest);
    struct passwd *user = place->path[0] ? NULL : getpwuid(geteuid());
    if (user && user->pw_dir && user->pw_dir[0] == '/')
        posix_set_place(place, user->pw_dir, rest);
}

void posix_set_shared(struct cache_place *place, const char *folder)
{
    char own[32];
    snprintf(own, sizeof own, "/llamapack-%lu", (unsigned long)geteuid());
    posix_set_place(place, folder, own);
    place->is_shared = true;
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
    struct posix_disk disk;
    if (stat(place->path, &about) != 0 && !create_missing(place, reason))
        return false;
    if (!is_private(place, reason))
        return false;
    if (!posix_disk_of(place->path, &disk))
        return say_error(reason);
    if (disk.is_read_only)
        return say(reason, "it is read-only");
    if (access(place->path, R_OK | W_OK | X_OK) != 0)
        return say(reason, "this user may not write there");
    if (disk.runs_nothing)
        return say(reason, "programs may not be run from there");
    if (disk.is_size_known && disk.free_bytes < room_bytes)
        return say(reason, "the disk is full");
    return true;
}
