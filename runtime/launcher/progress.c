#include "progress.h"

#include <stdio.h>

#include "os.h"

enum { DELAY_MS = 500 };

static int64_t started_ms;
static int percent_shown;

void progress_start(void)
{
    started_ms = os_milliseconds();
    percent_shown = -1;
}

void progress_show(uint64_t done, uint64_t total)
{
    int percent = (int)(done * 100 / total);
    if (percent == percent_shown || os_milliseconds() - started_ms < DELAY_MS || !os_has_terminal())
        return;
    percent_shown = percent;
    char line[64];
    snprintf(line, sizeof line, "\rPreparing the first start: %d%%", percent);
    os_say(line);
}

void progress_end(void)
{
    if (percent_shown >= 0)
        os_say("\r                                  \r");
}
