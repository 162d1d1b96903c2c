/* Not a JSON parser: the manifest is canonical (two-space indent, one key a line, see
 * llamapack_runtime/pack/manifest.py) and a JSON string never holds a raw line break, so an
 * object's fields are exactly the lines between its own two. */
#include "manifest.h"

#include <stddef.h>
#include <string.h>

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

/* Copies the string that follows `key` on this line; one with escapes or too long is left out. */
static void take_string(const char *line, const char *key, char *out, size_t out_bytes)
{
    if (!starts_with(line, key))
        return;
    const char *value = line + strlen(key);
    size_t bytes = strcspn(value, "\"\\\n");
    if (value[bytes] != '"' || bytes >= out_bytes)
        return;
    memcpy(out, value, bytes);
    out[bytes] = 0;
}

bool manifest_parse(const char *text, struct manifest *manifest)
{
    memset(manifest, 0, sizeof *manifest);
    const char *line = text;
    while (*line && !starts_with(line, "  \"runtime\": {\n"))
        line = next_line(line);
    for (; *line && !starts_with(line, "  }"); line = next_line(line)) {
        take_string(line, "    \"entry\": \"", manifest->runtime_entry,
                    sizeof manifest->runtime_entry);
        take_string(line, "    \"glibc_floor\": \"", manifest->libc_floor,
                    sizeof manifest->libc_floor);
    }
    return manifest->runtime_entry[0] != 0;
}
