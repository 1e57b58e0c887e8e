/* SPDX-License-Identifier: Apache-2.0
 * Lines of the dump. */
#include "dump/output.h"

#include <string.h>
#include <unistd.h>

void eg_dump_line(const eg_jsonline *line)
{
    const char *text = eg_jsonline_end(line);
    apr_size_t n = strlen(text);

    while (n) {
        ssize_t done = write(STDOUT_FILENO, text, n);

        if (done <= 0)
            return;
        text += done;
        n -= (apr_size_t)done;
    }
}

eg_jsonline eg_dump_begin_of(apr_pool_t *pool, const char *kind, const eg_place *place)
{
    eg_jsonline line = eg_jsonline_begin(pool, kind);

    if (place->host)
        eg_jsonline_text(&line, "host", place->server->server_hostname);
    eg_jsonline_text(&line, "section", place->title);
    eg_jsonline_text(&line, "file", place->node->filename);
    eg_jsonline_number(&line, "line", place->node->line_num);
    eg_jsonline_number(&line, "last_line", eg_section_end(place->node));
    return line;
}
