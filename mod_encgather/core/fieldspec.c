/* SPDX-License-Identifier: Apache-2.0
 * The arguments of EncGatherField: a name and option=value words, with quotes anywhere. */
#include "fieldspec.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "envelope.h"
#include "reserved.h"

#define DIGITS_DEFAULT 4
#define TIMEOUT_DEFAULT 10
#define TIMEOUT_MAX 600

static bool is_name_byte(char c)
{
    return eg_is_alnum(c) || c == '_' || c == '-';
}

bool eg_is_plain_name(eg_span name)
{
    for (apr_size_t i = 0; i < name.n; i++)
        if (!is_name_byte(name.p[i]))
            return false;
    return name.n >= 1 && name.n <= 64;
}

/* --- words ------------------------------------------------------------------------------------- */

typedef struct {
    apr_pool_t *pool;
    const char *rest;
    const char *wrong; /* set once */
} words;

static void skip_blanks(words *w)
{
    while (eg_is_blank(*w->rest))
        w->rest++;
}

/* Copies up to the closing quote; a backslash protects a quote or a backslash. */
static char *copy_quoted(words *w, char *to)
{
    char quote = *w->rest++;

    while (*w->rest && *w->rest != quote) {
        if (*w->rest == '\\' && (w->rest[1] == quote || w->rest[1] == '\\'))
            w->rest++;
        *to++ = *w->rest++;
    }
    if (!*w->rest)
        w->wrong = "has a quote that is not closed";
    else
        w->rest++;
    return to;
}

/* The next word without its quotes, or NULL at the end or when it is broken. */
static const char *next_word(words *w)
{
    char *word, *to;

    skip_blanks(w);
    if (!*w->rest || w->wrong)
        return NULL;
    to = word = apr_palloc(w->pool, strlen(w->rest) + 1);
    while (*w->rest && !eg_is_blank(*w->rest) && !w->wrong) {
        if (*w->rest == '"' || *w->rest == '\'')
            to = copy_quoted(w, to);
        else
            *to++ = *w->rest++;
    }
    *to = '\0';
    return w->wrong ? NULL : word;
}

/* --- options ----------------------------------------------------------------------------------- */

static const char *set_step(eg_field *field, const char *value)
{
    if (!eg_is_plain_name(eg_span_of(value)))
        return "step= is 1 to 64 letters, digits, - or _";
    if (strcmp(value, EG_LAST_STEP) == 0)
        return "step=" EG_LAST_STEP " is reserved for the last step";
    field->step = value;
    return NULL;
}

static const char *set_digits(eg_field *field, const char *value)
{
    bool ok = eg_read_number(&value, EG_DIGITS_MAX, &field->min);

    field->max = field->min;
    if (ok && *value == '-') {
        value++;
        ok = eg_read_number(&value, EG_DIGITS_MAX, &field->max);
    }
    return ok && !*value && field->min <= field->max
               ? NULL
               : "digits= is a number or a range like 13-19, from 1 to 32";
}

static const char *set_timeout(eg_field *field, const char *value)
{
    return eg_read_number(&value, TIMEOUT_MAX, &field->timeout) && !*value
               ? NULL
               : "timeout= is a number of seconds from 1 to 600";
}

static const char *set_finish(eg_field *field, const char *value)
{
    field->finish = *value;
    return strchr("0123456789#*", *value) && !value[1] ? NULL
                                                       : "finish= is one key: 0 to 9, # or *";
}

static const char *set_say(eg_field *field, const char *value)
{
    field->say = value;
    return NULL;
}

static const char *set_play(eg_field *field, const char *value)
{
    field->play = value;
    return strpbrk(value, " \t\r\n") ? "play= is a URL, without blanks" : NULL;
}

static const char *set_voice(eg_field *field, const char *value)
{
    field->voice = value;
    return NULL;
}

static const char *set_language(eg_field *field, const char *value)
{
    field->language = value;
    return NULL;
}

static const char *set_check(eg_field *field, const char *value)
{
    field->luhn = true;
    return strcmp(value, "luhn") == 0 ? NULL : "check= knows luhn";
}

static const char *set_input(eg_field *field, const char *value)
{
    static const char *const spelled[] = {"dtmf", "speech", "dtmf+speech"};

    for (int i = 0; i < 3; i++)
        if (strcmp(value, spelled[i]) == 0) {
            field->input = (eg_input)i;
            return NULL;
        }
    return "input= is dtmf, speech or dtmf+speech";
}

static const char *set_secret(eg_field *field, const char *value)
{
    bool on = strcmp(value, "on") == 0;

    field->secret = on ? EG_SECRET_ON : EG_SECRET_OFF;
    return on || strcmp(value, "off") == 0 ? NULL : "secret= is on or off";
}

static const char *set_recipient(eg_field *field, const char *value)
{
    field->recipient = value;
    return eg_is_kid(eg_span_of(value)) ? NULL
                                        : "recipient= is the kid of an EncGatherRecipient, or off";
}

typedef struct {
    const char *name;
    const char *(*set)(eg_field *field, const char *value);
} option;

static const option options[] = {
    {"step", set_step},     {"digits", set_digits},     {"timeout", set_timeout},
    {"finish", set_finish}, {"say", set_say},           {"play", set_play},
    {"voice", set_voice},   {"language", set_language}, {"check", set_check},
    {"input", set_input},   {"secret", set_secret},     {"recipient", set_recipient},
};
#define OPTIONS (sizeof options / sizeof options[0])

static const char *quote_option(apr_pool_t *pool, const char *word, const char *wrong)
{
    return apr_psprintf(pool, "%.*s= %s", (int)strcspn(word, "="), word, wrong);
}

static const char *apply(apr_pool_t *pool, eg_field *field, const char *word, unsigned *seen)
{
    apr_size_t n = strcspn(word, "=");
    const char *value = word[n] ? word + n + 1 : "";

    for (unsigned i = 0; i < OPTIONS; i++) {
        if (strlen(options[i].name) != n || memcmp(options[i].name, word, n) != 0)
            continue;
        if (*seen & (1u << i))
            return quote_option(pool, word, "is there twice");
        *seen |= 1u << i;
        return *value ? options[i].set(field, value) : quote_option(pool, word, "has no value");
    }
    return apr_psprintf(pool,
                        "'%s' is no option; there are step= digits= timeout= finish= say= play= "
                        "voice= language= check= input= secret= recipient=%s",
                        word, strchr(word, '=') ? "" : "; a value with blanks needs quotes");
}

static const char *check_whole(apr_pool_t *pool, eg_field *field)
{
    if (field->say && field->play)
        return "takes say= or play=, not both";
    if (field->input == EG_INPUT_SPEECH && field->luhn)
        return "check=luhn needs keys: input=dtmf";
    if (!field->say && !field->play && field->input == EG_INPUT_SPEECH)
        field->say = "Please say your answer.";
    if (!field->say && !field->play)
        field->say = field->min == field->max
                         ? apr_psprintf(pool, "Please key in %u digits.", field->max)
                         : "Please key in your answer, and then the hash key.";
    return NULL;
}

static const char *set_name(apr_pool_t *pool, eg_field *field, const char *name)
{
    if (!name || !eg_is_plain_name(eg_span_of(name)))
        return "begins with the name of the field: 1 to 64 letters, digits, - or _";
    if (eg_is_reserved(eg_span_of(name)))
        return apr_psprintf(pool,
                            "cannot be named %s: the module or a provider's webhook has a "
                            "parameter of that name",
                            name);
    field->name = name;
    field->step = name;
    return NULL;
}

const char *eg_field_parse(apr_pool_t *pool, const char *args, eg_field *field)
{
    words w = {pool, args, NULL};
    unsigned seen = 0;
    const char *word = next_word(&w);
    const char *wrong = w.wrong ? w.wrong : NULL;

    *field = (eg_field){.min = DIGITS_DEFAULT, .max = DIGITS_DEFAULT, .timeout = TIMEOUT_DEFAULT};
    if (!wrong)
        wrong = set_name(pool, field, word);
    while (!wrong && (word = next_word(&w)) != NULL)
        wrong = apply(pool, field, word, &seen);
    if (!wrong)
        wrong = w.wrong;
    return wrong ? wrong : check_whole(pool, field);
}

const char *eg_field_clash(apr_pool_t *pool, const eg_field *fields, unsigned n,
                           const eg_field *field)
{
    if (n == EG_FIELDS_MAX)
        return "is there more than 16 times in one section";
    if (strcmp(field->step, EG_LAST_STEP) == 0)
        return "cannot have the step " EG_LAST_STEP ": it is reserved for the last one";
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(fields[i].name, field->name) == 0)
            return apr_psprintf(pool, "has the name '%s' twice in one section", field->name);
        if (strcmp(fields[i].step, field->step) == 0)
            return apr_psprintf(pool, "has the step '%s' twice in one section", field->step);
    }
    return NULL;
}
