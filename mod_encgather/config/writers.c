/* SPDX-License-Identifier: Apache-2.0
 * What is written down of requests when they have ended.
 *
 * Most servers log the request line, the Referer and the browser, and of all else that a request has nothing. */
#include "config/writers.h"

#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include "config/written.h"

bool eg_writers_shown = true; /* as long as nobody has looked */

/* --- formats ----------------------------------------------------------------------------------- */

/* Letters of formats that say nothing but what is known: addresses, times, sizes, the request line. */
#define HARMLESS "aAbBcDEFhHIklLmMOpPqrRsStTuUvVxX%"

/* A header that is masked by its own, or that no query comes into. */
static bool is_usual_header(const char *name, apr_size_t n)
{
    return (n == 7 && ap_cstr_casecmpn(name, "Referer", n) == 0) ||
           (n == 10 && ap_cstr_casecmpn(name, "User-Agent", n) == 0);
}

/* p stands behind a "%"; goes behind its letter. */
static bool says_more(const char **p)
{
    const char *name = NULL, *end = NULL;
    char letter;

    *p += strspn(*p, "0123456789,!<>+-");
    if (**p == '{') {
        name = *p + 1;
        end = name + strcspn(name, "}");
        *p = end + (*end == '}');
    }
    letter = **p;
    *p += letter != '\0';
    if (letter == 'i' && name)
        return !is_usual_header(name, (apr_size_t)(end - name));
    return !letter || !strchr(HARMLESS, letter);
}

static bool format_says_more(const char *format)
{
    for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
        p++;
        if (says_more(&p))
            return true;
    }
    return false;
}

static bool is_condition(const char *word)
{
    return ap_cstr_casecmpn(word, "env=", 4) == 0 || ap_cstr_casecmpn(word, "expr=", 5) == 0;
}

/* skipped: words in front of the format, the file of a log. */
static bool any_format_says_more(apr_pool_t *pool, const char *directive, int skipped)
{
    const apr_array_header_t *list = eg_written_find(pool, directive);

    for (int i = 0; i < list->nelts; i++) {
        const char *args = eg_written_item(list, i)->node->args;

        for (int word = 0; *args; word++) {
            const char *text = ap_getword_conf(pool, &args);

            if (word >= skipped && !is_condition(text) && format_says_more(text))
                return true;
        }
    }
    return false;
}

/* --- hooks ------------------------------------------------------------------------------------- */

/* Who writes by formats, or writes nothing of what a request has. */
static bool is_known_writer(const char *module)
{
    static const char *const known[] = {"mod_log_config.c", "mod_log_debug.c", "mod_log_forensic.c",
                                        "mod_logio.c", "mod_encgather.c"};

    for (unsigned i = 0; module && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(module, known[i]) == 0)
            return true;
    return false;
}

/* What APR_HOOK_LINK() makes of every kind of hook; mod_info reads lists of hooks by it. */
typedef struct {
    void (*function)(void);
    const char *module;
    const char *const *before, *const *after;
    int order;
} named_hook;

static bool any_other_writes(void)
{
    const apr_array_header_t *hooks = ap_hook_get_log_transaction();

    if (!hooks || hooks->elt_size != sizeof(named_hook))
        return true;
    for (int i = 0; i < hooks->nelts; i++)
        if (!is_known_writer(APR_ARRAY_IDX(hooks, i, named_hook).module))
            return true;
    return false;
}

void eg_writers_look(apr_pool_t *ptemp)
{
    eg_writers_shown = any_other_writes() || eg_written_find(ptemp, "LogMessage")->nelts > 0 ||
                       any_format_says_more(ptemp, "LogFormat", 0) ||
                       any_format_says_more(ptemp, "ErrorLogFormat", 0) ||
                       any_format_says_more(ptemp, "CustomLog", 1) ||
                       any_format_says_more(ptemp, "GlobalLog", 1);
}
