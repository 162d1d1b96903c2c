/* A pack in two files: this program, and its archive beside it. Such a program says at its end what
 * the archive was called, so that it is found by a program with another name, too:
 *
 *     [launcher][name of the archive][its bytes, 16 bits little-endian]["llamapack-beside"] */
#ifndef LLAMAPACK_BESIDE_H
#define LLAMAPACK_BESIDE_H

#include "os.h"

/* The last part of a path. */
const char *path_name(const char *path);
/* <folder>/<name of the program without ".exe">.llamapack; false when that is too long. */
bool beside_own_name(const char *executable, char path[PATH_BYTES]);
/* <app>/Contents/Resources/<name of the program>.llamapack, for a program in <app>/Contents/MacOS: an
 * app of macOS, whose program must end where its signature does. False for any other place. */
bool beside_in_app(const char *executable, char path[PATH_BYTES]);
/* <folder>/<the name that the program says>; false when it says none. */
bool beside_given_name(const char *executable, char path[PATH_BYTES]);

#endif
