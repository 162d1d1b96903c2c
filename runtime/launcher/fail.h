/* How the launcher gives up: one plain sentence and one exit code (numbers of BSD's sysexits.h).
 *
 *   65  the pack is truncated, damaged or altered
 *   66  the launcher cannot find or read its own file
 *   69  this computer's system libraries are too old or of another kind
 *   71  the runtime program cannot be started, or there is no memory
 *   73  no folder can hold the unpacked runtime
 */
#ifndef LLAMAPACK_FAIL_H
#define LLAMAPACK_FAIL_H

#include <stddef.h>

enum exit_code {
    EXIT_DAMAGED = 65,
    EXIT_UNREADABLE = 66,
    EXIT_SYSTEM_TOO_OLD = 69,
    EXIT_CANNOT_START = 71,
    EXIT_NO_CACHE = 73,
};

/* Ends the process. The sentence goes to standard error, and into a window when nobody could
 * read standard error. */
_Noreturn void fail(enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line on standard error; the launcher goes on. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* malloc and realloc in one; never NULL: fails when there is no memory. */
void *allocate(void *before, size_t bytes);
_Noreturn void fail_for_memory(void);

#endif
