#include "archive.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

enum {
    MAX_DIRECTORY_BYTES = 16 * 1024 * 1024,
    MAX_NAME_BYTES = 4096,
    LOCAL_BYTES = 30,
    LOCAL_EXTRA_BYTES = 20,
    CENTRAL_BYTES = 46,
    ZIP64_EXTRA_BYTES = 28,
    SHA256_EXTRA_BYTES = 36,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    END_BYTES = 22,
    COMMENT_BYTES = 79,
    EDIT_MARK_BYTES = 16,
    MAX_EDIT_BYTES = 8 * 1024 * 1024,
    COMMENT_OFFSET = END64_BYTES + LOCATOR64_BYTES + END_BYTES,
    TAIL_BYTES = COMMENT_OFFSET + COMMENT_BYTES,
    VERSION_NEEDED = 45,
    VERSION_MADE_BY = 3 << 8 | VERSION_NEEDED,
    FLAG_UTF8 = 1 << 11,
    DOS_DATE = 1 << 5 | 1,
    EXTRA_ZIP64 = 0x0001,
    EXTRA_SHA256 = 0x504c,
};
#define COMMENT_PREFIX "llamapack1:"
#define COMMENT_SUFFIX ":001"
#define EDIT_MARK "llamapack-edit1\n"
#define LOCAL_SIGNATURE 0x04034b50u
#define CENTRAL_SIGNATURE 0x02014b50u
#define END64_SIGNATURE 0x06064b50u
#define LOCATOR64_SIGNATURE 0x07064b50u
#define END_SIGNATURE 0x06054b50u
#define IN_ZIP64 0xffffffffu

/* One record of the central directory, its name still inside the directory. */
struct record {
    const char *name;
    uint16_t name_bytes;
    uint32_t crc32;
    uint64_t header_offset;
    struct entry entry;
};

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static void put(uint8_t **at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8)
        *(*at)++ = (uint8_t)value;
}

void archive_damaged(const struct archive *archive, const char *format, ...)
{
    char part[512];
    va_list values;
    va_start(values, format);
    vsnprintf(part, sizeof part, format, values);
    va_end(values);
    fail(EXIT_DAMAGED,
         "%s was damaged or altered: %s does not match its check sum. Get the file again from "
         "where it came from.",
         archive->name, part);
}

void archive_read(const struct archive *archive, uint64_t offset, void *out, size_t bytes)
{
    if (!os_read(archive->file, offset, out, bytes))
        fail(EXIT_UNREADABLE,
             "%s cannot be read: the disk or the network folder it lies on gave an error.",
             archive->name);
}

/* The end records as the writer makes them, up to the seal. */
static void write_end_records(uint8_t out[COMMENT_OFFSET], const struct archive *archive)
{
    uint64_t tail_offset = archive->directory_offset + archive->directory_bytes;
    uint8_t *at = out;
    put(&at, END64_SIGNATURE, 4);
    put(&at, END64_BYTES - 12, 8);
    put(&at, VERSION_MADE_BY, 2);
    put(&at, VERSION_NEEDED, 2);
    put(&at, 0, 8); /* this disk, disk of the directory */
    put(&at, archive->count, 8);
    put(&at, archive->count, 8);
    put(&at, archive->directory_bytes, 8);
    put(&at, archive->directory_offset, 8);
    put(&at, LOCATOR64_SIGNATURE, 4);
    put(&at, 0, 4);
    put(&at, tail_offset, 8);
    put(&at, 1, 4);
    put(&at, END_SIGNATURE, 4);
    put(&at, 0, 4);
    put(&at, IN_ZIP64, 4); /* both 16-bit counts */
    put(&at, IN_ZIP64, 4);
    put(&at, IN_ZIP64, 4);
    put(&at, COMMENT_BYTES, 2);
}

/* What is wrong with the end of an archive, as a part of a sentence; "" when it has none. */
typedef const char *trouble;
#define NO_END ""

/* NULL when the bytes before `end` are a pack's end; then the directory is loaded. */
static trouble read_end(struct archive *archive, uint64_t end)
{
    uint8_t tail[TAIL_BYTES], expected[COMMENT_OFFSET];
    if (end < TAIL_BYTES)
        return NO_END;
    uint64_t tail_offset = end - TAIL_BYTES;
    archive_read(archive, tail_offset, tail, TAIL_BYTES);
    bool is_pack = get(tail + END64_BYTES + LOCATOR64_BYTES, 4) == END_SIGNATURE &&
                   memcmp(tail + COMMENT_OFFSET, COMMENT_PREFIX, strlen(COMMENT_PREFIX)) == 0;
    if (!is_pack)
        return NO_END;
    archive->count = get(tail + 24, 8);
    archive->directory_bytes = get(tail + 40, 8);
    archive->directory_offset = get(tail + 48, 8);
    write_end_records(expected, archive);
    if (archive->directory_bytes > MAX_DIRECTORY_BYTES || archive->directory_bytes > tail_offset ||
        archive->directory_offset != tail_offset - archive->directory_bytes ||
        memcmp(tail, expected, sizeof expected) != 0)
        return "its end record";
    archive->directory = allocate(archive->directory, archive->directory_bytes + 1);
    archive_read(archive, archive->directory_offset, archive->directory, archive->directory_bytes);
    uint8_t digest[SHA256_BYTES];
    char seal[COMMENT_BYTES + 1] = COMMENT_PREFIX;
    sha256_of(archive->directory, archive->directory_bytes, digest);
    hex_text(digest, SHA256_BYTES, seal + strlen(COMMENT_PREFIX));
    strcat(seal, COMMENT_SUFFIX);
    return memcmp(tail + COMMENT_OFFSET, seal, COMMENT_BYTES) == 0 ? NULL : "its directory";
}

/* Where the archive ended before an edit that was interrupted; 0 when there was none. */
static uint64_t earlier_end(const struct archive *archive, uint64_t file_bytes)
{
    uint64_t bytes = file_bytes < MAX_EDIT_BYTES + COMMENT_BYTES ? file_bytes
                                                                 : MAX_EDIT_BYTES + COMMENT_BYTES;
    uint64_t start = file_bytes - bytes, found = 0;
    uint8_t *data = allocate(NULL, bytes + 1);
    archive_read(archive, start, data, bytes);
    for (uint64_t at = bytes; at-- > COMMENT_BYTES && !found;) {
        bool is_mark = at + EDIT_MARK_BYTES <= bytes &&
                       memcmp(data + at, EDIT_MARK, EDIT_MARK_BYTES) == 0 &&
                       memcmp(data + at - COMMENT_BYTES, COMMENT_PREFIX, strlen(COMMENT_PREFIX)) == 0;
        if (is_mark)
            found = start + at;
    }
    free(data);
    return found;
}

/* The record at `*at`, which moves behind it; false when it is not one of ours. */
static bool next_record(const struct archive *archive, uint64_t *at, struct record *record)
{
    enum { EXTRAS = ZIP64_EXTRA_BYTES + SHA256_EXTRA_BYTES };
    uint64_t left = archive->directory_bytes - *at;
    const uint8_t *fixed = archive->directory + *at;
    if (left < CENTRAL_BYTES || get(fixed, 4) != CENTRAL_SIGNATURE)
        return false;
    uint64_t name_bytes = get(fixed + 28, 2);
    bool is_ours = get(fixed + 10, 2) == 0 && get(fixed + 30, 2) == EXTRAS &&
                   get(fixed + 32, 2) == 0 && name_bytes > 0 && name_bytes <= MAX_NAME_BYTES;
    if (!is_ours || left < CENTRAL_BYTES + name_bytes + EXTRAS)
        return false;
    const uint8_t *zip64 = fixed + CENTRAL_BYTES + name_bytes;
    const uint8_t *sum = zip64 + ZIP64_EXTRA_BYTES;
    record->name = (const char *)fixed + CENTRAL_BYTES;
    record->name_bytes = (uint16_t)name_bytes;
    record->crc32 = (uint32_t)get(fixed + 16, 4);
    record->header_offset = get(zip64 + 20, 8);
    record->entry.size = get(zip64 + 4, 8);
    memcpy(record->entry.sha256, sum + 4, SHA256_BYTES);
    *at += CENTRAL_BYTES + name_bytes + EXTRAS;
    return get(zip64, 2) == EXTRA_ZIP64 && get(zip64 + 2, 2) == ZIP64_EXTRA_BYTES - 4 &&
           get(zip64 + 12, 8) == record->entry.size && get(sum, 2) == EXTRA_SHA256 &&
           get(sum + 2, 2) == SHA256_BYTES;
}

/* The whole entry, header and data, lies before the directory; also sets where its data starts. */
static bool is_inside(const struct archive *archive, struct record *record)
{
    uint64_t header_bytes = LOCAL_BYTES + (uint64_t)record->name_bytes + LOCAL_EXTRA_BYTES;
    uint64_t end = archive->directory_offset;
    if (header_bytes > end || record->header_offset > end - header_bytes)
        return false;
    record->entry.offset = record->header_offset + header_bytes;
    return record->entry.size <= end - record->entry.offset;
}

/* The local header in the file is the one that the writer makes for this record. */
static bool has_local_header(const struct archive *archive, const struct record *record)
{
    uint8_t expected[LOCAL_BYTES + MAX_NAME_BYTES + LOCAL_EXTRA_BYTES], found[sizeof expected];
    uint8_t *at = expected;
    put(&at, LOCAL_SIGNATURE, 4);
    put(&at, VERSION_NEEDED, 2);
    put(&at, FLAG_UTF8, 2);
    put(&at, 0, 4); /* stored; time */
    put(&at, DOS_DATE, 2);
    put(&at, record->crc32, 4);
    put(&at, IN_ZIP64, 4);
    put(&at, IN_ZIP64, 4);
    put(&at, record->name_bytes, 2);
    put(&at, LOCAL_EXTRA_BYTES, 2);
    memcpy(at, record->name, record->name_bytes);
    at += record->name_bytes;
    put(&at, EXTRA_ZIP64, 2);
    put(&at, LOCAL_EXTRA_BYTES - 4, 2);
    put(&at, record->entry.size, 8);
    put(&at, record->entry.size, 8);
    size_t bytes = (size_t)(at - expected);
    archive_read(archive, record->header_offset, found, bytes);
    return memcmp(found, expected, bytes) == 0;
}

static void check_records(const struct archive *archive)
{
    uint64_t at = 0;
    struct record record;
    for (uint64_t i = 0; i < archive->count; i++) {
        if (!next_record(archive, &at, &record))
            archive_damaged(archive, "its directory");
        if (!is_inside(archive, &record) || !has_local_header(archive, &record))
            archive_damaged(archive, "the header of '%.*s'", record.name_bytes, record.name);
    }
    if (at != archive->directory_bytes)
        archive_damaged(archive, "its directory");
}

bool archive_open(struct archive *archive, const char *path)
{
    archive->directory = NULL;
    snprintf(archive->path, sizeof archive->path, "%s", path);
    const char *slash = strrchr(archive->path, '/');
    archive->name = slash ? slash + 1 : archive->path;
    archive->file = os_open(path);
    if (archive->file == OS_NO_FILE)
        fail(EXIT_UNREADABLE, "%s cannot be opened for reading: %s.", archive->name, os_error());
    int64_t file_bytes = os_size(archive->file);
    uint64_t end = file_bytes < 0 ? 0 : (uint64_t)file_bytes;
    trouble problem = read_end(archive, end);
    if (problem) {
        uint64_t earlier = earlier_end(archive, end);
        if (earlier)
            problem = read_end(archive, earlier);
    }
    if (problem && *problem)
        archive_damaged(archive, "%s", problem);
    if (problem) {
        os_close(archive->file);
        return false;
    }
    check_records(archive);
    return true;
}

struct entry archive_find(const struct archive *archive, const char *name)
{
    uint64_t at = 0, found = 0;
    struct record record;
    struct entry result = {0};
    while (at < archive->directory_bytes && next_record(archive, &at, &record)) {
        if (record.name_bytes != strlen(name) || memcmp(record.name, name, strlen(name)) != 0)
            continue;
        is_inside(archive, &record);
        result = record.entry;
        found++;
    }
    if (found != 1)
        fail(EXIT_DAMAGED,
             "%s was not made properly: it holds the entry '%s' %llu times instead of once. Ask "
             "for a new one where it came from.",
             archive->name, name, (unsigned long long)found);
    return result;
}

char *archive_load(const struct archive *archive, const struct entry *entry, uint64_t limit_bytes,
                   const char *name)
{
    if (entry->size > limit_bytes)
        archive_damaged(archive, "the size of its entry '%s'", name);
    char *data = allocate(NULL, entry->size + 1);
    archive_read(archive, entry->offset, data, entry->size);
    uint8_t digest[SHA256_BYTES];
    sha256_of(data, entry->size, digest);
    if (memcmp(digest, entry->sha256, SHA256_BYTES) != 0)
        archive_damaged(archive, "its entry '%s'", name);
    data[entry->size] = 0;
    return data;
}
