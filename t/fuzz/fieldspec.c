/* SPDX-License-Identifier: Apache-2.0
 * The arguments of EncGatherField: what is accepted is in range, and written out in full it means
 * the same. */
#include "fuzz.h"

#include <string.h>
#include <apr_strings.h>
#include "core/fieldspec.h"

static const char *const atoms[] = {"encryptedCardDigits ",
                                    "step=",
                                    "step=processData",
                                    "digits=",
                                    "13-19",
                                    "timeout=",
                                    "600",
                                    "finish=#",
                                    "say=\"",
                                    "say='",
                                    "play=https://example.com/a.mp3",
                                    "voice=Polly.Joanna",
                                    "language=en-GB",
                                    "check=luhn",
                                    "input=dtmf+speech",
                                    "input=speech",
                                    "secret=off",
                                    "\\\"",
                                    "\\\\",
                                    "'",
                                    "\"",
                                    " ",
                                    "4294967297",
                                    NULL};
const fuzz_grammar fuzz_target = {"fieldspec", " =\"'-\\", atoms};

static bool is_name(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    return n >= 1 && n <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void hold_ranges(const eg_field *field)
{
    HOLDS(is_name(field->name) && is_name(field->step), "name and step need no escaping");
    HOLDS(field->min >= 1 && field->min <= field->max && field->max <= EG_DIGITS_MAX,
          "1 to 32 digits");
    HOLDS(field->timeout >= 1 && field->timeout <= 600, "1 to 600 seconds");
    HOLDS(!field->finish || strchr("0123456789#*", field->finish), "a key that telephones have");
    HOLDS(!field->say != !field->play, "one thing is said or played");
    HOLDS(field->input <= EG_INPUT_BOTH && (field->input != EG_INPUT_SPEECH || !field->luhn),
          "words have no check digit");
    HOLDS(!field->play || !strpbrk(field->play, " \t\r\n"), "a URL has no blanks");
}

/* A field has a clash with itself, and one that accepts nothing is of no use. */
static void hold_use(apr_pool_t *pool, const eg_field *field)
{
    char zeros[EG_DIGITS_MAX + 1];

    memset(zeros, '0', sizeof zeros);
    HOLDS(!eg_field_clash(pool, field, 0, field) == (strcmp(field->step, EG_LAST_STEP) != 0),
          "the last step stays reserved");
    HOLDS(eg_field_clash(pool, field, 1, field), "a name is there once");
    for (apr_size_t n = 0; n <= sizeof zeros; n++)
        HOLDS(eg_field_accepts(field, (eg_span){zeros, n}) ==
                  (field->input != EG_INPUT_SPEECH && n >= field->min && n <= field->max),
              "digits are accepted in their number");
}

static const char *quoted(apr_pool_t *pool, const char *name, const char *value)
{
    char *text, *to;

    if (!value)
        return "";
    to = text = apr_palloc(pool, 2 * strlen(value) + 1);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            *to++ = '\\';
        *to++ = *value;
    }
    *to = '\0';
    return apr_pstrcat(pool, " ", name, "=\"", text, "\"", NULL);
}

static const char *written(apr_pool_t *pool, const eg_field *f)
{
    static const char *const inputs[] = {"dtmf", "speech", "dtmf+speech"};
    const char finish[2] = {f->finish, '\0'};

    return apr_pstrcat(
        pool, f->name, quoted(pool, "step", f->step),
        apr_psprintf(pool, " digits=%u-%u timeout=%u input=%s", f->min, f->max, f->timeout,
                     inputs[f->input]),
        f->finish ? quoted(pool, "finish", finish) : "", f->luhn ? " check=luhn" : "",
        f->secret ? f->secret == EG_SECRET_ON ? " secret=on" : " secret=off" : "",
        quoted(pool, "say", f->say), quoted(pool, "play", f->play), quoted(pool, "voice", f->voice),
        quoted(pool, "language", f->language), NULL);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void hold_written_again(apr_pool_t *pool, const eg_field *a)
{
    eg_field b;

    HOLDS(!eg_field_parse(pool, written(pool, a), &b), "a field that is written out can be read");
    HOLDS(same(a->name, b.name) && same(a->step, b.step) && same(a->say, b.say) &&
              same(a->play, b.play) && same(a->voice, b.voice) && same(a->language, b.language),
          "its texts are the same");
    HOLDS(a->min == b.min && a->max == b.max && a->timeout == b.timeout && a->finish == b.finish &&
              a->input == b.input && a->luhn == b.luhn && a->secret == b.secret,
          "its numbers are the same");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_field field;
    const char *wrong = eg_field_parse(pool, fuzz_string(pool, input), &field);

    if (wrong) {
        HOLDS(*wrong, "a refusal says why");
        return;
    }
    hold_ranges(&field);
    hold_use(pool, &field);
    if (!eg_field_clash(pool, &field, 0, &field))
        hold_written_again(pool, &field);
}
