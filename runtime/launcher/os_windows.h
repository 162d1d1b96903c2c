/* What the files of Windows share. Paths inside the launcher are UTF-8 with '/', as everywhere;
 * Windows gets them as UTF-16 in the form that has no limit of 260 characters. */
#ifndef LLAMAPACK_OS_WINDOWS_H
#define LLAMAPACK_OS_WINDOWS_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <stdbool.h>
#include <windows.h>

#include "os.h"

enum { WIDE_CHARS = 32 * 1024 };

/* \\?\C:\folder\file of C:/folder/file, \\?\UNC\server\share of //server/share; the caller's to
 * free. NULL when the text is not UTF-8. */
wchar_t *wide_path(const char *path);
/* The caller's to free; NULL when it is not UTF-8. */
wchar_t *wide_text(const char *text);
/* False when it does not fit or is not UTF-16. */
bool narrow_text(const wchar_t *wide, char *out, size_t out_bytes);
/* The reverse of wide_path. */
bool narrow_path(const wchar_t *wide, char out[PATH_BYTES]);
/* Keeps GetLastError() for os_error(), and returns false. */
bool windows_failed(void);
/* A system's error number, said for people; until the next call. */
const char *windows_error_text(DWORD number);

#endif
