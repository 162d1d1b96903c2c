/* What only macOS can answer: where the program is, where its cache may live, how to show a window,
 * and how to be started again. */
#include <mach-o/dyld.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <unistd.h>

#include "os.h"
#include "os_posix.h"

bool os_executable(char path[PATH_BYTES])
{
    char given[PATH_BYTES];
    uint32_t bytes = sizeof given;
    char *real = _NSGetExecutablePath(given, &bytes) == 0 ? realpath(given, NULL) : NULL;
    bool fits = real && strlen(real) < PATH_BYTES;
    if (fits)
        strcpy(path, real);
    free(real);
    return fits;
}

void os_show_window(const char *sentence)
{
    /* The sentence is an argument, so that nothing in it is taken for AppleScript. */
    char *arguments[] = {
        "osascript", "-e", "on run argv",
        "-e",        "display alert \"llamapack\" message (item 1 of argv) as critical",
        "-e",        "end run",
        (char *)sentence, NULL,
    };
    posix_start_detached("/usr/bin/osascript", arguments);
}

/* After a double-click macOS takes us for an app that is running, and a second double-click does not
 * start us again: it sends an event, which only programs with windows receive. So whoever was
 * started like that ends at once, and a child in a session of its own goes on: the next double-click
 * starts a new launcher, whose runtime opens the page that is there. Services keep their number. */
void posix_before_start(void)
{
    static const char app[] = "application.";
    const char *service = getenv("XPC_SERVICE_NAME");
    if (getppid() != 1 || !service || strncmp(service, app, strlen(app)) != 0)
        return;
    pid_t child = fork();
    if (child > 0)
        _exit(0);
    if (child == 0)
        setsid();
}

bool os_cache_place(int index, struct cache_place *place)
{
    memset(place, 0, sizeof *place);
    switch (index) {
    case 0:
        posix_set_chosen(place);
        return true;
    case 1:
        posix_set_in_home(place, "/Library/Caches/llamapack");
        return true;
    case 2:
        posix_set_shared(place, "/private/var/tmp");
        return true;
    case 3:
        posix_set_shared(place, "/private/tmp");
        return true;
    default:
        return false;
    }
}

bool posix_disk_of(const char *path, struct posix_disk *disk)
{
    struct statfs system;
    if (statfs(path, &system) != 0)
        return false;
    disk->is_read_only = system.f_flags & MNT_RDONLY;
    disk->runs_nothing = system.f_flags & MNT_NOEXEC;
    disk->is_size_known = system.f_blocks > 0;
    disk->free_bytes = (uint64_t)system.f_bavail * system.f_bsize;
    return true;
}

bool os_is_too_old(const char *libc_floor, char reason[REASON_BYTES])
{
    (void)libc_floor; /* a matter of Linux */
    (void)reason;
    return false;
}
