/* SPDX-License-Identifier: Apache-2.0
 * Text files by lines and words, as key and token files need them. */
#ifndef EG_LINES_H
#define EG_LINES_H

#include "bytes.h"

typedef struct {
    eg_span rest;
    unsigned number; /* of the line last returned, from 1 */
} eg_lines;

/* Without the blanks at both ends. */
eg_span eg_trim(eg_span s);

/* The next line that is neither empty nor a "#" comment, blanks at both ends taken off (a CR of
 * CRLF is one of them). false at the end. */
bool eg_lines_next(eg_lines *lines, eg_span *line);

/* Takes the first word off a line, and the blanks behind it. Empty when there is none. */
eg_span eg_word_next(eg_span *line);

/* Whether all bytes are printable ASCII or white space; in comments other bytes than NUL may be. */
bool eg_is_text(eg_span content);

#endif
