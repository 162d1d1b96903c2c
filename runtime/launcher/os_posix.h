/* What the POSIX systems' own files share with os_posix.c and os_posix_places.c. */
#ifndef LLAMAPACK_OS_POSIX_H
#define LLAMAPACK_OS_POSIX_H

#include "os.h"

/* An errno, said for people. */
const char *posix_error_text(int number);
/* Starts a program that goes on without us and says nothing. */
void posix_start_detached(const char *program, char *const arguments[]);

/* Called before this process becomes another program. */
void posix_before_start(void);

void posix_set_place(struct cache_place *place, const char *given, const char *rest);
/* `<value of the variable><rest>`, when it is set to an absolute path. */
void posix_set_from_variable(struct cache_place *place, const char *variable, const char *rest);
/* What LLAMAPACK_CACHE names. */
void posix_set_chosen(struct cache_place *place);
/* `rest` in the user's home, also where HOME is not set. */
void posix_set_in_home(struct cache_place *place, const char *rest);
/* The user's own folder in one where everybody may write. */
void posix_set_shared(struct cache_place *place, const char *folder);

struct posix_disk {
    bool is_read_only, runs_nothing, is_size_known;
    uint64_t free_bytes;
};

/* About the disk that a path lies on; false, with errno, when it does not tell. */
bool posix_disk_of(const char *path, struct posix_disk *disk);

#endif
