/* SPDX-License-Identifier: Apache-2.0
 * Tests of the lines and words of text files. */
#include "tap.h"

#include <stdlib.h>
#include "core/lines.h"

static void lines(void)
{
    static const char text[] = "first\n\n  # comment\n \t second line \r\n#\n\v\nthird#\nlast";
    static const struct {
        unsigned number;
        const char *text;
    } want[] = {{1, "first"}, {4, "second line"}, {7, "third#"}, {8, "last"}};
    char *copy = exact_copy(text, sizeof text - 1);
    eg_lines all = {{copy, sizeof text - 1}, 0};
    eg_span line = {NULL, 0};

    for (size_t i = 0; i < COUNT(want); i++) {
        ok(eg_lines_next(&all, &line), "line %u is found", want[i].number);
        is_int(all.number, want[i].number, "line %u has its number", want[i].number);
        is_bytes(line.p, line.n, want[i].text, strlen(want[i].text), "line %u", want[i].number);
    }
    ok(!eg_lines_next(&all, &line), "and no other line");
    free(copy);

    all = (eg_lines){{"", 0}, 0};
    ok(!eg_lines_next(&all, &line), "an empty file has no lines");
    all = (eg_lines){EG_LIT("\n#\n \r\n"), 0};
    ok(!eg_lines_next(&all, &line), "blanks and comments are no lines");
}

static void words(void)
{
    eg_span line = EG_LIT("one \t two  three"), word = eg_word_next(&line);

    is_bytes(word.p, word.n, "one", 3, "the first word");
    word = eg_word_next(&line);
    is_bytes(word.p, word.n, "two", 3, "the second word");
    is_bytes(line.p, line.n, "three", 5, "the blanks behind a word are gone");
    word = eg_word_next(&line);
    is_bytes(word.p, word.n, "three", 5, "the last word");
    word = eg_word_next(&line);
    ok(word.n == 0 && line.n == 0, "then nothing is left");
}

static void text(void)
{
    int wrong = 0;

    for (int i = 0; i < 256; i++) {
        char all[3] = {'a', (char)i, 'b'};

        wrong += eg_is_text((eg_span){all, 3}) != ((i >= ' ' && i <= '~') || (i >= 9 && i <= 13));
    }
    is_int(wrong, 0, "printable ASCII and white space are text, all else is not");
    ok(eg_is_text((eg_span){"", 0}), "nothing is text");
}

int main(void)
{
    lines();
    words();
    text();
    return done_testing();
}
