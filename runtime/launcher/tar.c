#include "tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "tree.h"

static const uint64_t MAX_TOTAL_BYTES = (uint64_t)2 << 30;
static const uint64_t MAX_ENTRIES = 100 * 1000;

/* The fields of a ustar header (POSIX.1-1988, IEEE Std 1003.1 "pax", ustar interchange format). */
enum {
    NAME = 0,
    NAME_BYTES = 100,
    MODE = 100,
    SIZE = 124,
    SUM = 148,
    TYPE = 156,
    LINK_TARGET = 157,
    MAGIC = 257,
    PREFIX = 345,
    PREFIX_BYTES = 155,
    TAR_PATH_BYTES = PREFIX_BYTES + 1 + NAME_BYTES + 1,
};

struct tar_link {
    struct tar_link *next;
    char path[TAR_PATH_BYTES];
    char target[NAME_BYTES + 1];
};

void tar_start(struct tar *tar, const char *folder)
{
    memset(tar, 0, sizeof *tar);
    tar->folder = folder;
    tar->file = OS_NO_FILE;
}

/* -- checks -- */

/* An octal number that fills its field up to a space or a zero; UINT64_MAX when it is none. */
static uint64_t octal(const uint8_t *field, int bytes)
{
    uint64_t value = 0;
    int i = 0;
    for (; i < bytes && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(field[i] - '0');
    bool ends = i == bytes || field[i] == 0 || field[i] == ' ';
    return i > 0 && ends ? value : UINT64_MAX;
}

static bool has_right_sum(const uint8_t *header)
{
    uint64_t sum = 0;
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += i >= SUM && i < SUM + 8 ? ' ' : header[i];
    return octal(header + SUM, 8) == sum;
}

static bool is_safe_name(const char *name, size_t bytes)
{
    if (bytes == 0 || (bytes == 1 && name[0] == '.') || (bytes == 2 && memcmp(name, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == '\\' || name[i] == ':')
            return false; /* these mean something else on other systems */
    return true;
}

/* Relative, and each part a plain name. */
static bool is_safe_path(const char *path)
{
    for (;;) {
        size_t bytes = strcspn(path, "/");
        if (!is_safe_name(path, bytes))
            return false;
        if (!path[bytes])
            return true;
        path += bytes + 1;
    }
}

/* As many leading ".." as the link lies deep, then a safe path. With links made last, the link's
 * own folder is a real one at that depth, so each link leads inside, also through other links. */
static bool is_safe_link(const char *path, const char *target)
{
    for (; (path = strchr(path, '/')) && strncmp(target, "../", 3) == 0; path++)
        target += 3;
    return is_safe_path(target);
}

/* The entry's path without a final slash; false when it is not a safe one. */
static bool entry_path(const uint8_t *header, char path[TAR_PATH_BYTES])
{
    const char *prefix = (const char *)header + PREFIX, *name = (const char *)header + NAME;
    snprintf(path, TAR_PATH_BYTES, "%.*s%s%.*s", PREFIX_BYTES, prefix, *prefix ? "/" : "",
             NAME_BYTES, name);
    size_t bytes = strlen(path);
    if (bytes > 0 && path[bytes - 1] == '/')
        path[bytes - 1] = 0;
    return is_safe_path(path) && strcmp(path, TREE_MARKER) != 0;
}

/* -- the entries -- */

static bool full_path(const struct tar *tar, const char *path, char out[PATH_BYTES])
{
    int bytes = snprintf(out, PATH_BYTES, "%s/%s", tar->folder, path);
    return bytes > 0 && bytes < PATH_BYTES;
}

static void add_to_list(struct tar *tar, uint64_t bytes, const char *path)
{
    size_t most = strlen(path) + 32;
    if (tar->list_room - tar->list_bytes < most) {
        size_t room = 2 * tar->list_room + 16 * 1024;
        tar->list = allocate(tar->list, room);
        tar->list_room = room;
    }
    tar->list_bytes += (size_t)snprintf(tar->list + tar->list_bytes, most, "%llu %s\n",
                                        (unsigned long long)bytes, path);
}

/* What the OS refused is hostile when it is about a path that is taken already. */
static enum tar_result refused(const char *full)
{
    return os_exists(full) ? TAR_HOSTILE : TAR_OS;
}

/* The folders on the way to `path`, and `path` itself when it `is_folder`. */
static enum tar_result make_folders(struct tar *tar, const char *path, bool is_folder)
{
    char full[PATH_BYTES];
    if (!full_path(tar, path, full))
        return TAR_HOSTILE;
    char *part = full + strlen(tar->folder) + 1;
    for (char *slash; (slash = strchr(part, '/')); part = slash + 1) {
        *slash = 0;
        if (!os_make_folder(full))
            return refused(full);
        *slash = '/';
    }
    return !is_folder || os_make_folder(full) ? TAR_OK : refused(full);
}

static enum tar_result start_file(struct tar *tar, const char *path, uint64_t bytes, bool is_program)
{
    char full[PATH_BYTES];
    enum tar_result result = make_folders(tar, path, false);
    if (result != TAR_OK)
        return result;
    full_path(tar, path, full);
    tar->file = os_create(full, is_program);
    if (tar->file == OS_NO_FILE)
        return refused(full);
    tar->left = bytes;
    tar->padding = (unsigned)(-bytes % TAR_BLOCK);
    add_to_list(tar, bytes, path);
    return TAR_OK;
}

static enum tar_result keep_link(struct tar *tar, const char *path, const uint8_t *header)
{
    struct tar_link *link = allocate(NULL, sizeof *link);
    memset(link, 0, sizeof *link);
    link->next = tar->links;
    tar->links = link;
    memcpy(link->path, path, strlen(path) + 1);
    memcpy(link->target, header + LINK_TARGET, NAME_BYTES);
    return is_safe_link(link->path, link->target) ? TAR_OK : TAR_HOSTILE;
}

static enum tar_result end_file(struct tar *tar)
{
    os_file file = tar->file;
    tar->file = OS_NO_FILE;
    return os_close(file) ? TAR_OK : TAR_OS;
}

static enum tar_result start_entry(struct tar *tar)
{
    static const uint8_t zeros[TAR_BLOCK];
    const uint8_t *header = tar->header;
    if (memcmp(header, zeros, TAR_BLOCK) == 0) {
        tar->zero_blocks++;
        return TAR_OK;
    }
    char path[TAR_PATH_BYTES];
    uint64_t bytes = octal(header + SIZE, 12), mode = octal(header + MODE, 8);
    bool is_file = header[TYPE] == '0' || header[TYPE] == 0;
    bool is_ours = tar->zero_blocks == 0 && has_right_sum(header) &&
                   memcmp(header + MAGIC, "ustar", 5) == 0 && mode != UINT64_MAX &&
                   bytes <= MAX_TOTAL_BYTES - tar->total_bytes &&
                   ++tar->total_entries <= MAX_ENTRIES && (is_file || bytes == 0);
    if (!is_ours || !entry_path(header, path))
        return TAR_HOSTILE;
    tar->total_bytes += bytes;
    if (is_file)
        return start_file(tar, path, bytes, mode & 0100);
    if (header[TYPE] == '5')
        return make_folders(tar, path, true);
    return header[TYPE] == '2' ? keep_link(tar, path, header) : TAR_HOSTILE;
}

/* -- the stream -- */

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* Takes what it can of `*bytes` bytes at `*data`: file data, padding, or a header. */
static enum tar_result take(struct tar *tar, const uint8_t **data, size_t *bytes)
{
    enum tar_result result = TAR_OK;
    size_t part;
    if (tar->left > 0) {
        part = smaller(tar->left, *bytes);
        if (!os_write(tar->file, *data, part))
            return TAR_OS;
        tar->left -= part;
    } else if (tar->padding > 0) {
        part = smaller(tar->padding, *bytes);
        tar->padding -= (unsigned)part;
    } else {
        part = smaller(TAR_BLOCK - tar->header_bytes, *bytes);
        memcpy(tar->header + tar->header_bytes, *data, part);
        tar->header_bytes = (tar->header_bytes + (unsigned)part) % TAR_BLOCK;
        if (tar->header_bytes == 0)
            result = start_entry(tar);
    }
    *data += part;
    *bytes -= part;
    if (result == TAR_OK && tar->file != OS_NO_FILE && tar->left == 0)
        return end_file(tar);
    return result;
}

enum tar_result tar_add(struct tar *tar, const uint8_t *data, size_t bytes)
{
    enum tar_result result = TAR_OK;
    while (bytes > 0 && result == TAR_OK)
        result = take(tar, &data, &bytes);
    return result;
}

static enum tar_result make_link(struct tar *tar, const struct tar_link *link)
{
    char full[PATH_BYTES];
    if (!full_path(tar, link->path, full))
        return TAR_HOSTILE;
    if (!os_make_link(link->target, full))
        return refused(full);
    add_to_list(tar, strlen(link->target), link->path);
    return TAR_OK;
}

enum tar_result tar_finish(struct tar *tar)
{
    enum tar_result result = TAR_OK;
    if (tar->zero_blocks < 2 || tar->header_bytes > 0)
        return TAR_HOSTILE; /* cut off */
    for (struct tar_link *link = tar->links; link && result == TAR_OK; link = link->next)
        result = make_folders(tar, link->path, false); /* real ones, before the first link */
    for (struct tar_link *link = tar->links; link && result == TAR_OK; link = link->next)
        result = make_link(tar, link);
    return result;
}

void tar_close(struct tar *tar)
{
    if (tar->file != OS_NO_FILE)
        end_file(tar);
    while (tar->links) {
        struct tar_link *next = tar->links->next;
        free(tar->links);
        tar->links = next;
    }
    free(tar->list);
    tar->list = NULL;
}
