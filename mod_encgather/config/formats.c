/* SPDX-License-Identifier: Apache-2.0
 * Formats of logs that show where a proxied request was handed on to. */
#include "config/formats.h"

#include <string.h>

/* Behind conditions and "{...}", which every directive of a format may have. */
static const char *letter_of(const char *p)
{
    for (;;) {
        p += strspn(p, "0123456789,!<>");
        if (*p != '{')
            return p;
        p += strcspn(p, "}");
        p += *p == '}';
    }
}

static bool has_percent_f(const char *format)
{
    for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
        p = letter_of(p + 1);
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

/* By its name, or without one (TransferLog's): where such a log finds it. */
static const eg_finding *named_format(const eg_neighbourhood *all, const char *name,
                                      const eg_finding *log)
{
    const apr_array_header_t *formats = eg_all_of(all, "LogFormat");
    const eg_finding *last = NULL;

    for (int i = 0; i < formats->nelts; i++) {
        const eg_finding *at = eg_written_item(formats, i);

        if (eg_written_may_meet(at, log) && strcmp(second_word(all->pool, at), name) == 0)
            last = at;
    }
    return last && has_percent_f(last->word) ? last : NULL;
}

static const eg_finding *format_of(const eg_neighbourhood *all, const eg_finding *log)
{
    const char *second = second_word(all->pool, log);

    if (strchr(second, '%'))
        return has_percent_f(second) ? log : NULL;
    return named_format(all, second, log);
}

static const char *const logs[] = {"GlobalLog", "CustomLog", "TransferLog"};

static bool has_log_of_its_own(const eg_neighbourhood *all, const ap_directive_t *host)
{
    for (int each = 1; each < 3; each++)
        for (int i = 0; i < eg_all_of(all, logs[each])->nelts; i++)
            if (eg_written_item(eg_all_of(all, logs[each]), i)->host == host)
                return true;
    return false;
}

/* A host with a log of its own leaves those of the server, but for GlobalLog. */
static bool is_written_for(const eg_neighbourhood *all, const eg_finding *log,
                           const eg_finding *ours, bool is_global)
{
    if (is_global || !ours->host || log->host)
        return eg_written_may_meet(log, ours);
    return !has_log_of_its_own(all, ours->host);
}

static const eg_finding *format_with_file(const eg_neighbourhood *all, const eg_finding *ours)
{
    for (int each = 0; each < 3; each++) {
        const apr_array_header_t *list = eg_all_of(all, logs[each]);

        for (int i = 0; i < list->nelts; i++) {
            const eg_finding *log = eg_written_item(list, i);
            const eg_finding *at = format_of(all, log);

            if (at && is_written_for(all, log, ours, each == 0))
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
