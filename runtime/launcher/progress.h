/* One line on a terminal for work that takes longer than half a second. */
#ifndef LLAMAPACK_PROGRESS_H
#define LLAMAPACK_PROGRESS_H

#include <stdint.h>

void progress_start(void);
void progress_show(uint64_t done, uint64_t total);
/* Clears the line. */
void progress_end(void);

#endif
