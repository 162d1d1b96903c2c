/* Where the cache may live on Windows: the user's own folders, which nobody else may write to. */
#include "os_windows.h"

#include <shlobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* The variable's value; empty when it is not set or too long. */
static void get_variable(const wchar_t *name, wchar_t out[WIDE_CHARS])
{
    DWORD chars = GetEnvironmentVariableW(name, out, WIDE_CHARS);
    if (chars == 0 || chars >= WIDE_CHARS)
        out[0] = 0;
}

static bool is_absolute(const wchar_t *path)
{
    bool is_share = path[0] == L'\\' && path[1] == L'\\';
    return is_share || (path[0] && path[1] == L':' && (path[2] == L'\\' || path[2] == L'/'));
}

/* `<given><rest>`, unless `given` is not absolute. */
static void set_place(struct cache_place *place, const wchar_t *given, const char *rest)
{
    if (!is_absolute(given) || !narrow_path(given, place->path)) {
        place->path[0] = 0;
        return;
    }
    size_t bytes = strlen(place->path);
    while (bytes > 3 && place->path[bytes - 1] == '/')
        place->path[--bytes] = 0;
    place->given_bytes = bytes;
    if (bytes + strlen(rest) < PATH_BYTES)
        strcat(place->path, rest);
    else
        place->path[0] = 0;
}

static void set_chosen(struct cache_place *place, wchar_t *value)
{
    get_variable(L"LLAMAPACK_CACHE", value);
    if (!value[0])
        return;
    wchar_t *full = allocate(NULL, WIDE_CHARS * sizeof *full);
    DWORD chars = GetFullPathNameW(value, WIDE_CHARS, full, NULL);
    if (chars > 0 && chars < WIDE_CHARS)
        set_place(place, full, "");
    place->given_bytes = 0;
    place->is_chosen = true;
    free(full);
}

static void set_known(struct cache_place *place)
{
    wchar_t *folder = NULL;
    if (SHGetKnownFolderPath(&FOLDERID_LocalAppData, KF_FLAG_CREATE, NULL, &folder) == S_OK)
        set_place(place, folder, "/llamapack");
    CoTaskMemFree(folder);
}

static void set_temporary(struct cache_place *place, wchar_t *value)
{
    DWORD chars = GetTempPathW(WIDE_CHARS, value);
    if (chars > 0 && chars < WIDE_CHARS)
        set_place(place, value, "/llamapack");
}

bool os_cache_place(int index, struct cache_place *place)
{
    static wchar_t value[WIDE_CHARS];
    memset(place, 0, sizeof *place);
    switch (index) {
    case 0:
        set_chosen(place, value);
        return true;
    case 1:
        get_variable(L"LOCALAPPDATA", value);
        set_place(place, value, "/llamapack");
        return true;
    case 2:
        set_known(place);
        return true;
    case 3:
        set_temporary(place, value);
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

/* Every folder behind the given part of the path, whether it is missing or not. */
static bool create_missing(const struct cache_place *place, char reason[REASON_BYTES])
{
    char path[PATH_BYTES];
    strcpy(path, place->path);
    if (place->given_bytes > 0) {
        path[place->given_bytes] = 0;
        if (!os_exists(path))
            return say(reason, "there is no such folder");
        path[place->given_bytes] = place->path[place->given_bytes];
    }
    /* Behind "C:/" or "//server/share/". */
    size_t root = strncmp(path, "//", 2) == 0 ? 2 + strcspn(path + 2, "/") + 1 : 0;
    root += strcspn(path + root, "/") + 1;
    size_t start = place->given_bytes > root ? place->given_bytes + 1 : root;
    for (char *part = path + start; *part;) {
        size_t bytes = strcspn(part, "/");
        char end = part[bytes];
        part[bytes] = 0;
        if (!os_make_folder(path) && !os_exists(path))
            return say(reason, os_error());
        part[bytes] = end;
        part += bytes + (end != 0);
    }
    return true;
}

/* Access lists, quotas and read-only disks all show themselves when a file is made. */
static bool can_write(const wchar_t *folder, char reason[REASON_BYTES])
{
    wchar_t *path = allocate(NULL, WIDE_CHARS * sizeof *path);
    _snwprintf(path, WIDE_CHARS, L"%ls\\%lu.try", folder, (unsigned long)GetCurrentProcessId());
    path[WIDE_CHARS - 1] = 0;
    HANDLE file = CreateFileW(path, GENERIC_WRITE | DELETE, 0, NULL, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    free(path);
    if (file == INVALID_HANDLE_VALUE)
        return say(reason, windows_error_text(GetLastError()));
    CloseHandle(file);
    return true;
}

bool os_prepare_place(const struct cache_place *place, uint64_t room_bytes,
                      char reason[REASON_BYTES])
{
    if (!os_exists(place->path) && !create_missing(place, reason))
        return false;
    wchar_t *folder = wide_path(place->path);
    if (!folder)
        return say(reason, "its name is not valid");
    DWORD found = GetFileAttributesW(folder);
    ULARGE_INTEGER room;
    bool is_usable = true;
    if (found == INVALID_FILE_ATTRIBUTES || !(found & FILE_ATTRIBUTE_DIRECTORY))
        is_usable = say(reason, "it is not a folder");
    else if (GetDiskFreeSpaceExW(folder, &room, NULL, NULL) && room.QuadPart < room_bytes)
        is_usable = say(reason, "the disk is full");
    else if (room_bytes > 0 && !can_write(folder, reason))
        is_usable = false;
    free(folder);
    return is_usable;
}

bool os_is_too_old(const char *libc_floor, char reason[REASON_BYTES])
{
    (void)libc_floor, (void)reason; /* Windows does not start this file where it is too old */
    return false;
}
