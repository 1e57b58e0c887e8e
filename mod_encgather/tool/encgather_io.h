/* SPDX-License-Identifier: Apache-2.0
 * Descriptors: lines in, lines out, whole bodies, in memory that is wiped. */
#ifndef EG_TOOL_IO_H
#define EG_TOOL_IO_H

#include <sys/stat.h>
#include "encgather_tool.h"

#define EG_LINE_MAX 131072 /* bytes, without the line end */

/* Writes all n bytes, by one write(2) as long as the system takes them; false: see errno. */
bool eg_write(int fd, const char *bytes, apr_size_t n) EG_MUST_CHECK;

/* Puts the name of a new file on the disk, as far as the file system knows how. */
void eg_sync_directory(const eg_tool *tool, const char *path);

typedef struct {
    const char *path;
    mode_t mode;
    eg_span text;
} eg_new_file;

/* Makes files that are not there yet, all or none, safe on the disk; a signal waits. EG_EXIT_SYSTEM
 * after a complaint. */
eg_exit eg_write_new(const eg_tool *tool, const eg_new_file *files, unsigned n) EG_MUST_CHECK;

/* Lines of a descriptor, one at a time: never waits for more than the line that is asked for, so
 * that another program can talk with this one line by line. */
typedef struct {
    const eg_tool *tool;
    const char *name; /* of the file, for messages */
    int fd;
    char *bytes; /* from..to are read but not returned, from..scanned hold no line end */
    apr_size_t from, scanned, to;
    apr_size_t taken; /* what the last line took: wiped when the next one is asked for */
    bool at_end;
    bool ended;          /* the last line had its line end */
    apr_uint64_t number; /* of the last line, from 1 */
    apr_off_t offset;    /* behind the last line */
    eg_exit failure;     /* why there is no next line; EG_EXIT_GOOD: the file is at its end */
} eg_reader;

/* false after a complaint: no memory. fd stays the caller's. */
bool eg_reader_open(eg_reader *reader, const eg_tool *tool, int fd, const char *name) EG_MUST_CHECK;

/* The next line, without its line end, until the next call. false at the end, and after a
 * complaint where failure says so: a read error, or a line of more than EG_LINE_MAX bytes. */
bool eg_reader_next(eg_reader *reader, eg_span *line);

/* The next call returns the last line once more. */
void eg_reader_back(eg_reader *reader);

/* Wipes what is left. */
void eg_reader_close(eg_reader *reader);

/* All of a descriptor, in memory of its own (eg_secret_map). */
typedef struct {
    char *bytes;
    apr_size_t n;
    apr_size_t size;
} eg_content;

/* EG_EXIT_DATA, with a complaint, for more than max bytes; EG_EXIT_SYSTEM when it cannot be read.
 * Give it back in any case. */
eg_exit eg_content_read(const eg_tool *tool, int fd, const char *name, apr_size_t max,
                        eg_content *content) EG_MUST_CHECK;
void eg_content_free(eg_content *content);

#endif
