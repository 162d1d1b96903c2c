/* Everything the launcher asks of an operating system. The rest of the launcher is plain C11.
 *
 * A new system adds one file beside os_linux.c (POSIX systems share os_posix.c). Paths are UTF-8
 * and absolute, with '/' between names. Functions that create, write,
 * rename or lock leave their reason for os_error() when they fail. */
#ifndef LLAMAPACK_OS_H
#define LLAMAPACK_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATH_BYTES = 4096, REASON_BYTES = 256 };

#ifdef _WIN32
#define OS_PROGRAM_ENDING ".exe"
#else
#define OS_PROGRAM_ENDING ""
#endif

typedef intptr_t os_file;
#define OS_NO_FILE ((os_file)-1)

/* -- the process -- */

/* Called first: opens missing standard streams on nothing, sets the file mode mask. */
void os_begin(void);
bool os_executable(char path[PATH_BYTES]);
/* True when a person may be reading standard error. */
bool os_has_terminal(void);
/* Writes UTF-8 text to standard error. */
void os_say(const char *text);
/* Shows a sentence in a window where that is possible. On Windows it returns when it was read. */
void os_show_window(const char *sentence);
int64_t os_milliseconds(void);
/* Why the last call that returned false or OS_NO_FILE did so, for people. */
const char *os_error(void);
void os_set_variable(const char *name, const char *value);
void os_remove_variables(const char *prefix);
/* Becomes `program`; returns only when that is impossible. On Windows, runs it as a child that
 * gets this process's arguments as they were written, and ends as it does. */
void os_start(const char *program, char **arguments);

/* -- files -- */

os_file os_open(const char *path);
/* Size in bytes, or -1. */
int64_t os_size(os_file file);
/* All of `bytes` bytes at `offset`, or false. */
bool os_read(os_file file, uint64_t offset, void *out, size_t bytes);
/* A new file; one that exists already is an error. */
os_file os_create(const char *path, bool executable);
bool os_write(os_file file, const void *data, size_t bytes);
bool os_close(os_file file);

/* -- folders -- */

/* True when the folder exists afterwards and is not a link. */
bool os_make_folder(const char *path);
bool os_make_link(const char *target, const char *path);
/* Leaves os_error() as it is. */
bool os_exists(const char *path);
/* Size of a file, or length of a link's target; -1 when there is neither. */
int64_t os_entry_bytes(const char *path);
bool os_can_run(const char *path);
bool os_rename(const char *from, const char *to);
/* Removes a file, a link, or a folder with all that is in it; leaves os_error() as it is. */
void os_remove(const char *path);
/* os_remove for every entry of `folder` whose name ends so. */
void os_remove_ending(const char *folder, const char *ending);
/* Waits until no other process holds the lock file; held until closed. */
os_file os_lock(const char *path);

/* -- this computer -- */

/* A folder where the cache may live. */
struct cache_place {
    char path[PATH_BYTES];
    size_t given_bytes; /* so much of the path must exist; the rest is created */
    bool is_chosen;     /* named by the user */
    bool is_shared;     /* lies in a folder where everybody may write */
};

/* The places to try, best first; false when `index` is past the last. A place whose path is
 * empty does not apply here, or its path is too long. */
bool os_cache_place(int index, struct cache_place *place);
/* Creates the folder if needed and checks that it is safe to run programs from it and that
 * `room_bytes` are free. */
bool os_prepare_place(const struct cache_place *place, uint64_t room_bytes,
                      char reason[REASON_BYTES]);
/* True, with a reason, when programs that need this C library version cannot start here. An
 * unknown version is no reason. */
bool os_is_too_old(const char *libc_floor, char reason[REASON_BYTES]);

#endif
