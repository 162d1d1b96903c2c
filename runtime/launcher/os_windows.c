/* Files and folders on Windows. */
#include "os_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* Virus scanners keep new files open for a moment, and a folder cannot be renamed meanwhile. */
enum { RENAME_TRIES = 50, RENAME_PAUSE_MS = 100 };
enum { MOST_AT_ONCE = 1 << 30 };

static DWORD failure; /* the number of the last failure, see os_error() */

/* -- text -- */

wchar_t *wide_text(const char *text)
{
    int chars = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (chars <= 0)
        return NULL;
    wchar_t *wide = allocate(NULL, (size_t)chars * sizeof *wide);
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, chars);
    return wide;
}

bool narrow_text(const wchar_t *wide, char *out, size_t out_bytes)
{
    int room = out_bytes > INT_MAX ? INT_MAX : (int)out_bytes;
    return WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, -1, out, room, NULL, NULL) > 0;
}

wchar_t *wide_path(const char *path)
{
    bool is_share = strncmp(path, "//", 2) == 0;
    const wchar_t *prefix = is_share ? L"\\\\?\\UNC\\" : L"\\\\?\\";
    wchar_t *plain = wide_text(is_share ? path + 2 : path);
    if (!plain)
        return NULL;
    size_t chars = wcslen(prefix) + wcslen(plain) + 1;
    wchar_t *wide = allocate(NULL, chars * sizeof *wide);
    wcscpy(wide, prefix);
    wcscat(wide, plain);
    free(plain);
    for (wchar_t *at = wide; *at; at++)
        if (*at == L'/')
            *at = L'\\';
    return wide;
}

bool narrow_path(const wchar_t *wide, char out[PATH_BYTES])
{
    const wchar_t *share = L"\\\\?\\UNC\\", *plain = L"\\\\?\\";
    bool is_share = wcsncmp(wide, share, wcslen(share)) == 0;
    if (is_share) {
        wide += wcslen(share);
        strcpy(out, "//");
    } else if (wcsncmp(wide, plain, wcslen(plain)) == 0) {
        wide += wcslen(plain);
    }
    size_t start = is_share ? 2 : 0;
    if (!narrow_text(wide, out + start, PATH_BYTES - start))
        return false;
    for (char *at = out; *at; at++)
        if (*at == '\\')
            *at = '/';
    return true;
}

/* -- errors -- */

const char *windows_error_text(DWORD number)
{
    static char text[REASON_BYTES];
    wchar_t wide[REASON_BYTES / 4];
    switch (number) {
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return "the disk is full";
    case ERROR_WRITE_PROTECT:
        return "it is read-only";
    case ERROR_ACCESS_DENIED:
        return "this user may not do that there, or a virus scanner prevents it";
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
        return "another program has it open";
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return "there is no such file";
    case ERROR_VIRUS_INFECTED:
    case ERROR_VIRUS_DELETED:
        return "the virus scanner refused it";
    }
    DWORD kind = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                 FORMAT_MESSAGE_MAX_WIDTH_MASK;
    DWORD chars = FormatMessageW(kind, NULL, number, 0, wide, sizeof wide / sizeof *wide, NULL);
    while (chars > 0 && (wide[chars - 1] <= L' ' || wide[chars - 1] == L'.'))
        wide[--chars] = 0;
    if (chars == 0 || !narrow_text(wide, text, sizeof text))
        snprintf(text, sizeof text, "error %lu", (unsigned long)number);
    return text;
}

const char *os_error(void)
{
    return windows_error_text(failure);
}

bool windows_failed(void)
{
    failure = GetLastError();
    return false;
}

static bool done(BOOL result)
{
    return result || windows_failed();
}

/* -- files -- */

static os_file open_file(const char *path, DWORD access, DWORD share, DWORD how)
{
    wchar_t *wide = wide_path(path);
    HANDLE file = INVALID_HANDLE_VALUE;
    SetLastError(ERROR_INVALID_NAME);
    if (wide)
        file = CreateFileW(wide, access, share, NULL, how, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        windows_failed();
    free(wide);
    return (os_file)file;
}

os_file os_open(const char *path)
{
    return open_file(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                     OPEN_EXISTING);
}

int64_t os_size(os_file file)
{
    LARGE_INTEGER size;
    return GetFileSizeEx((HANDLE)file, &size) ? size.QuadPart : -1;
}

bool os_read(os_file file, uint64_t offset, void *out, size_t bytes)
{
    char *at = out;
    while (bytes > 0) {
        OVERLAPPED place = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
        DWORD got, wanted = bytes > MOST_AT_ONCE ? MOST_AT_ONCE : (DWORD)bytes;
        if (!ReadFile((HANDLE)file, at, wanted, &got, &place) || got == 0)
            return false;
        at += got;
        offset += got;
        bytes -= got;
    }
    return true;
}

os_file os_create(const char *path, bool executable)
{
    (void)executable; /* a name's ending says so here */
    return open_file(path, GENERIC_WRITE, 0, CREATE_NEW);
}

bool os_write(os_file file, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        DWORD put, wanted = bytes > MOST_AT_ONCE ? MOST_AT_ONCE : (DWORD)bytes;
        if (!WriteFile((HANDLE)file, at, wanted, &put, NULL))
            return windows_failed();
        at += put;
        bytes -= put;
    }
    return true;
}

bool os_close(os_file file)
{
    return done(CloseHandle((HANDLE)file));
}

/* -- folders -- */

static DWORD attributes(const char *path)
{
    wchar_t *wide = wide_path(path);
    DWORD found = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    free(wide);
    return found;
}

static bool is_real_folder(DWORD found)
{
    return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) &&
           !(found & FILE_ATTRIBUTE_REPARSE_POINT);
}

bool os_make_folder(const char *path)
{
    wchar_t *wide = wide_path(path);
    bool is_made = wide && CreateDirectoryW(wide, NULL);
    if (!is_made)
        windows_failed();
    free(wide);
    return is_made || (failure == ERROR_ALREADY_EXISTS && is_real_folder(attributes(path)));
}

bool os_make_link(const char *target, const char *path)
{
    (void)target, (void)path;
    SetLastError(ERROR_NOT_SUPPORTED); /* takes a right that users lack; no image has any */
    return windows_failed();
}

bool os_exists(const char *path)
{
    return attributes(path) != INVALID_FILE_ATTRIBUTES;
}

int64_t os_entry_bytes(const char *path)
{
    WIN32_FILE_ATTRIBUTE_DATA about;
    wchar_t *wide = wide_path(path);
    bool is_file = wide && GetFileAttributesExW(wide, GetFileExInfoStandard, &about) &&
                   !(about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
    free(wide);
    return is_file ? (int64_t)about.nFileSizeHigh << 32 | about.nFileSizeLow : -1;
}

bool os_can_run(const char *path)
{
    return os_entry_bytes(path) >= 0;
}

bool os_rename(const char *from, const char *to)
{
    wchar_t *wide_from = wide_path(from), *wide_to = wide_path(to);
    bool is_done = false;
    SetLastError(ERROR_INVALID_NAME);
    for (int i = 0; wide_from && wide_to && !is_done && i < RENAME_TRIES; i++) {
        is_done = MoveFileExW(wide_from, wide_to, 0);
        DWORD number = GetLastError();
        if (is_done || (number != ERROR_ACCESS_DENIED && number != ERROR_SHARING_VIOLATION))
            break;
        Sleep(RENAME_PAUSE_MS);
        SetLastError(number);
    }
    if (!is_done)
        windows_failed();
    free(wide_from);
    free(wide_to);
    return is_done;
}

static void remove_wide(const wchar_t *path);

/* Every entry of the folder whose name ends so, or every entry for "". */
static void remove_inside(const wchar_t *folder, const wchar_t *ending)
{
    WIN32_FIND_DATAW entry;
    wchar_t *path = allocate(NULL, WIDE_CHARS * sizeof *path);
    _snwprintf(path, WIDE_CHARS, L"%ls\\*", folder);
    path[WIDE_CHARS - 1] = 0;
    HANDLE listing = FindFirstFileW(path, &entry);
    while (listing != INVALID_HANDLE_VALUE) {
        const wchar_t *name = entry.cFileName;
        size_t chars = wcslen(name), ending_chars = wcslen(ending);
        if (wcscmp(name, L".") != 0 && wcscmp(name, L"..") != 0 && chars >= ending_chars &&
            wcscmp(name + chars - ending_chars, ending) == 0) {
            _snwprintf(path, WIDE_CHARS, L"%ls\\%ls", folder, name);
            path[WIDE_CHARS - 1] = 0;
            remove_wide(path);
        }
        if (!FindNextFileW(listing, &entry))
            break;
    }
    if (listing != INVALID_HANDLE_VALUE)
        FindClose(listing);
    free(path);
}

static void remove_wide(const wchar_t *path)
{
    DWORD found = GetFileAttributesW(path);
    if (found == INVALID_FILE_ATTRIBUTES)
        return;
    if (found & FILE_ATTRIBUTE_READONLY)
        SetFileAttributesW(path, found & ~(DWORD)FILE_ATTRIBUTE_READONLY);
    if (!(found & FILE_ATTRIBUTE_DIRECTORY)) {
        DeleteFileW(path);
        return;
    }
    if (is_real_folder(found))
        remove_inside(path, L"");
    RemoveDirectoryW(path);
}

void os_remove(const char *path)
{
    wchar_t *wide = wide_path(path);
    if (wide)
        remove_wide(wide);
    free(wide);
}

void os_remove_ending(const char *folder, const char *ending)
{
    wchar_t *wide = wide_path(folder), *wide_ending = wide_text(ending);
    if (wide && wide_ending)
        remove_inside(wide, wide_ending);
    free(wide);
    free(wide_ending);
}

os_file os_lock(const char *path)
{
    OVERLAPPED start = {0};
    os_file file = open_file(path, GENERIC_READ | GENERIC_WRITE,
                             FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, OPEN_ALWAYS);
    if (file == OS_NO_FILE)
        return file;
    if (!done(LockFileEx((HANDLE)file, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &start))) {
        CloseHandle((HANDLE)file);
        return OS_NO_FILE;
    }
    return file;
}
