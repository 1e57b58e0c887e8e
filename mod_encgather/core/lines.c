/* SPDX-License-Identifier: Apache-2.0
 * Text files by lines and words, as key and token files need them. */
#include "lines.h"

#include <string.h>

eg_span eg_trim(eg_span s)
{
    while (s.n && eg_is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && eg_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static eg_span take_line(eg_span *rest)
{
    const char *end = memchr(rest->p, '\n', rest->n);
    eg_span line = {rest->p, end ? (apr_size_t)(end - rest->p) : rest->n};
    apr_size_t taken = line.n + (end != NULL);

    rest->p += taken;
    rest->n -= taken;
    return eg_trim(line);
}

bool eg_lines_next(eg_lines *lines, eg_span *line)
{
    while (lines->rest.n) {
        lines->number++;
        *line = take_line(&lines->rest);
        if (line->n && line->p[0] != '#')
            return true;
    }
    return false;
}

eg_span eg_word_next(eg_span *line)
{
    eg_span word = {line->p, 0};

    while (word.n < line->n && !eg_is_blank(line->p[word.n]))
        word.n++;
    *line = eg_trim((eg_span){line->p + word.n, line->n - word.n});
    return word;
}

static bool is_text_line(eg_span line)
{
    bool comment = line.n && line.p[0] == '#';

    for (apr_size_t i = 0; i < line.n; i++)
        if ((line.p[i] < ' ' || line.p[i] > '~') && !eg_is_blank(line.p[i]) &&
            !(comment && line.p[i] != '\0'))
            return false;
    return true;
}

bool eg_is_text(eg_span content)
{
    while (content.n)
        if (!is_text_line(take_line(&content)))
            return false;
    return true;
}
