/* What the POSIX systems' own files share with os_posix.c. */
#ifndef LLAMAPACK_OS_POSIX_H
#define LLAMAPACK_OS_POSIX_H

/* An errno, said for people. */
const char *posix_error_text(int number);

#endif
