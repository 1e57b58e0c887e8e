/* SPDX-License-Identifier: Apache-2.0
 * Formats of logs that show where a proxied request was handed on to. */
#include "config/formats.h"

#include <string.h>

static bool has_percent_f(const char *format)
{
    for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
        p += 1 + strspn(p + 1, "0123456789,!<>");
        if (*p == 'f')
            return true;
        p += *p == '%';
    }
    return false;
}

static const char *second_word(apr_pool_t *pool, const eg_finding *at)
{
    const char *args = at->node->args;

    (void)ap_getword_conf(pool, &args);
    return ap_getword_conf(pool, &args);
}

/* Some log has that format, by its name or (without one) as TransferLog. */
static bool is_format_used(const eg_neighbourhood *all, const char *name)
{
    static const char *const directives[] = {"CustomLog", "GlobalLog"};

    for (int each = 0; *name && each < 2; each++) {
        const apr_array_header_t *logs = eg_all_of(all, directives[each]);

        for (int i = 0; i < logs->nelts; i++)
            if (strcmp(second_word(all->pool, eg_written_item(logs, i)), name) == 0)
                return true;
    }
    return !*name && eg_all_of(all, "TransferLog")->nelts > 0;
}

/* LogFormat has the format in front and a name behind it, the others a file and the format. */
static bool shows_file(const eg_neighbourhood *all, const eg_finding *at, bool is_format)
{
    const char *second = second_word(all->pool, at);

    return has_percent_f(is_format ? at->word : second) &&
           (!is_format || is_format_used(all, second));
}

static const eg_finding *format_with_file(const eg_neighbourhood *all, const eg_finding *ours)
{
    static const char *const directives[] = {"LogFormat", "CustomLog", "GlobalLog"};

    for (int each = 0; each < 3; each++) {
        const apr_array_header_t *formats = eg_all_of(all, directives[each]);

        for (int i = 0; i < formats->nelts; i++) {
            const eg_finding *at = eg_written_item(formats, i);

            if (eg_written_may_meet(at, ours) && shows_file(all, at, each == 0))
                return at;
        }
    }
    return NULL;
}

/* By a flag of a RewriteRule. */
static bool leads_to_proxy(apr_pool_t *pool, const eg_finding *rule)
{
    const char *args = rule->node->args;

    for (int word = 0; word < 2; word++)
        (void)ap_getword_conf(pool, &args);
    args = ap_getword_conf(pool, &args);
    return ap_strcasestr(args, "[P]") || ap_strcasestr(args, "[P,") || ap_strcasestr(args, ",P,") ||
           ap_strcasestr(args, ",P]") || ap_strcasestr(args, "proxy");
}

static bool is_proxied(const eg_neighbourhood *all, const eg_finding *ours)
{
    static const char *const directives[] = {"ProxyPass", "ProxyPassMatch", "RewriteRule"};

    for (int each = 0; each < 3; each++) {
        const apr_array_header_t *rules = eg_all_of(all, directives[each]);

        for (int i = 0; i < rules->nelts; i++) {
            eg_finding rule = *eg_written_item(rules, i);

            if (!rule.place && each == 0)
                rule.path = rule.word;
            if (eg_written_may_meet(&rule, ours) && (each < 2 || leads_to_proxy(all->pool, &rule)))
                return true;
        }
    }
    return false;
}

const eg_finding *eg_format_with_file(const eg_neighbourhood *all, const eg_finding *ours)
{
    return is_proxied(all, ours) ? format_with_file(all, ours) : NULL;
}
