#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "os.h"

enum { SENTENCE_BYTES = 8 * 1024 };

void fail(enum exit_code code, const char *format, ...)
{
    static char sentence[SENTENCE_BYTES];
    va_list values;
    va_start(values, format);
    vsnprintf(sentence, sizeof sentence, format, values);
    va_end(values);
    os_say(sentence);
    os_say("\n");
    if (!os_has_terminal())
        os_show_window(sentence);
    exit(code);
}

void note(const char *format, ...)
{
    char line[SENTENCE_BYTES];
    va_list values;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    os_say(line);
    os_say("\n");
}

void fail_for_memory(void)
{
    fail(EXIT_CANNOT_START,
         "There is not enough free memory to start. Close other programs and try again.");
}

void *allocate(void *before, size_t bytes)
{
    void *memory = realloc(before, bytes);
    if (!memory)
        fail_for_memory();
    return memory;
}
