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

/* An object's two facts, `indent` spaces deeper than its closing brace; the line behind it. */
static const char *take_runtime(const char *line, const char *indent, struct manifest *manifest)
{
    size_t spaces = strlen(indent);
    memset(manifest, 0, sizeof *manifest);
    for (; *line && !(starts_with(line, indent + 2) && line[spaces - 2] == '}');
         line = next_line(line)) {
        if (!starts_with(line, indent))
            continue;
        take_string(line + spaces, "\"entry\": \"", manifest->runtime_entry,
                    sizeof manifest->runtime_entry);
        take_string(line + spaces, "\"glibc_floor\": \"", manifest->libc_floor,
                    sizeof manifest->libc_floor);
    }
    return next_line(line);
}

static const char *find_line(const char *text, const char *wanted)
{
    while (*text && !starts_with(text, wanted))
        text = next_line(text);
    return text;
}

bool manifest_parse(const char *text, struct manifest *manifest)
{
    static const char own[] = "runtime/" LLAMAPACK_TARGET ".tar.zst";
    const char *further = find_line(text, "  \"runtimes\": [\n");
    take_runtime(next_line(find_line(text, "  \"runtime\": {\n")), "    ", manifest);
    if (!*further) /* it is for one system */
        return manifest->runtime_entry[0] != 0;
    for (const char *line = next_line(further); strcmp(manifest->runtime_entry, own) != 0;) {
        if (!starts_with(line, "    {\n"))
            return false;
        line = take_runtime(next_line(line), "      ", manifest);
    }
    return true;
}
