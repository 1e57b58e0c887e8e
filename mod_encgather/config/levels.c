/* SPDX-License-Identifier: Apache-2.0
 * What a LogLevel line says about one module. */
#include "config/levels.h"

#include <string.h>
#include <apr_strings.h>
#include <http_log.h>

/* What a word begins with, as a number of APLOG_...; what is below "debug" is all the same here. */
static int level_of(const char *word)
{
    if (ap_cstr_casecmpn(word, "trace", 5) == 0 && word[5] >= '1' && word[5] <= '8')
        return APLOG_TRACE1 + word[5] - '1';
    return ap_cstr_casecmpn(word, "debug", 5) == 0 ? APLOG_DEBUG : APLOG_INFO;
}

/* "http2", "http2_module" and "mod_http2.c" are the same. */
static bool is_name_of(const char *name, apr_size_t n, const char *module)
{
    apr_size_t length = strlen(module);

    if (n > 4 && strncmp(name, "mod_", 4) == 0) {
        name += 4;
        n -= 4;
    }
    return n >= length && strncmp(name, module, length) == 0 &&
           (n == length || (n == length + 2 && strncmp(name + length, ".c", 2) == 0) ||
            (n == length + 7 && strncmp(name + length, "_module", 7) == 0));
}

/* A level alone holds for all modules, and undoes what was said of one before it. */
eg_saying eg_level_judge(const eg_finding *at, const void *about)
{
    const eg_loudness *wanted = about;
    eg_saying verdict = EG_SAYS_NOTHING;
    const char *rest = at->node->args;

    while (rest && *rest) {
        const char *word = ap_getword_conf(wanted->pool, &rest), *colon = strchr(word, ':');
        const char *level = colon ? colon + 1 : word;

        if (*word && (!colon || is_name_of(word, (apr_size_t)(colon - word), wanted->module)))
            verdict = level_of(level) >= wanted->loud ? EG_IS_BAD : EG_IS_GOOD;
    }
    return verdict;
}
