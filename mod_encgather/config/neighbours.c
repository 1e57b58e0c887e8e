/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every neighbour that is set to write down what this module keeps secret, to
 * read its memory, or to stand in the way of its callers.
 *
 * What counts is what is set where webhooks arrive: elsewhere, and where it was taken back for
 * them, a neighbour may do as it likes. */
#include "config/neighbours.h"

#include <stdlib.h>
#include <string.h>
#include <http_log.h>
#include "config/config.h"
#include "config/formats.h"
#include "config/interpreters.h"
#include "config/neighbourhood.h"
#include "base/log.h"

APLOG_USE_MODULE(encgather);

/* The directive that is to blame, or NULL where nothing is. */
typedef const eg_finding *(*blame)(const eg_neighbourhood *all, const eg_finding *ours);
typedef void (*tell)(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours);

static bool is_loaded(const char *file)
{
    return ap_find_linked_module(file) != NULL;
}

/* --- one line for each server and cause --------------------------------------------------------- */

static bool is_new_host(apr_array_header_t *told, const eg_finding *at)
{
    for (int i = 0; i < told->nelts; i++)
        if (APR_ARRAY_IDX(told, i, const ap_directive_t *) == at->host)
            return false;
    APR_ARRAY_PUSH(told, const ap_directive_t *) = at->host;
    return true;
}

static void tell_each(const eg_neighbourhood *all, const apr_array_header_t *places, blame blames,
                      tell tells)
{
    apr_array_header_t *told = apr_array_make(all->pool, 4, sizeof(const ap_directive_t *));

    for (int i = 0; i < places->nelts; i++) {
        const eg_finding *ours = eg_written_item(places, i), *at = blames(all, ours);

        if (at && is_new_host(told, at))
            tells(all, at, ours);
    }
}

/* --- what is bad ------------------------------------------------------------------------------- */

static eg_saying judge_not_off(const eg_finding *at, const void *about)
{
    (void)about;
    return ap_cstr_casecmp(at->word, "off") == 0 ? EG_IS_GOOD : EG_IS_BAD;
}

static eg_saying judge_presence(const eg_finding *at, const void *about)
{
    (void)at;
    (void)about;
    return EG_IS_BAD;
}

static eg_saying judge_number(const eg_finding *at, const void *about)
{
    return strtol(at->word, NULL, 10) >= *(const int *)about ? EG_IS_BAD : EG_IS_GOOD;
}

/* Somebody has to log in, as far as the word of a Require tells. */
static eg_saying judge_login(const eg_finding *at, const void *about)
{
    static const char *const others[] = {"all", "ip",   "host",   "local", "forward-dns",
                                         "env", "expr", "method", "not",   "twilio-signature"};

    (void)about;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (ap_cstr_casecmp(at->word, others[i]) == 0)
            return EG_IS_GOOD;
    return EG_IS_BAD;
}

/* --- who writes bodies and queries down --------------------------------------------------------- */

static const eg_finding *blame_dumpio(const eg_neighbourhood *all, const eg_finding *ours)
{
    const eg_finding connection = eg_before_request_of(all, ours);
    const eg_finding *at;

    if (!eg_loud_level(all, &connection, "dumpio", APLOG_TRACE7))
        return NULL;
    at = eg_bad_setting(all, "DumpIOInput", &connection, eg_judge_word, "on");
    return at ? at : eg_bad_setting(all, "DumpIOOutput", &connection, eg_judge_word, "on");
}

static void tell_dumpio(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    (void)ours;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0120") "mod_dumpio writes every request body, digits in clear, into the "
                                "error log: %s in " EG_AT ": take it out, or set LogLevel dumpio "
                                "below trace7" EG_SEE,
                 at->node->directive, EG_PLACE(all->pool, at));
}

static const eg_finding *blame_http2(const eg_neighbourhood *all, const eg_finding *ours)
{
    const eg_finding connection = eg_before_request_of(all, ours);

    return eg_loud_level(all, &connection, "http2", APLOG_TRACE1);
}

static void tell_http2(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    (void)ours;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0121") "mod_http2 writes queries (at trace3 bodies), digits in clear, "
                                "into the error log: LogLevel in " EG_AT ": set LogLevel "
                                "http2:debug or less" EG_SEE,
                 EG_PLACE(all->pool, at));
}

static bool mentions(const eg_neighbourhood *all, const char *directive, const char *scheme)
{
    const apr_array_header_t *list = eg_all_of(all, directive);

    for (int i = 0; i < list->nelts; i++)
        if (ap_strcasestr(eg_written_item(list, i)->node->args, scheme))
            return true;
    return false;
}

/* Whoever has the module loaded need not hand anything on by it. */
static const eg_finding *blame_ajp(const eg_neighbourhood *all, const eg_finding *ours)
{
    static const char *const directives[] = {"ProxyPass", "ProxyPassMatch", "BalancerMember",
                                             "RewriteRule", "SetHandler"};

    for (unsigned i = 0; i < sizeof directives / sizeof directives[0]; i++)
        if (mentions(all, directives[i], "ajp:"))
            return eg_loud_level(all, ours, "proxy_ajp", APLOG_TRACE7);
    return NULL;
}

static void tell_ajp(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, all->s,
        EG_TAG("0153") "mod_proxy_ajp writes the bodies that it hands on into the error "
                       "log, what is in clear for the application of %s too: LogLevel in " EG_AT
                       ": set LogLevel proxy_ajp:trace6 or less" EG_SEE,
        eg_written_section(all->pool, ours), EG_PLACE(all->pool, at));
}

static const eg_finding *blame_forensic(const eg_neighbourhood *all, const eg_finding *ours)
{
    return eg_bad_setting(all, "ForensicLog", ours, judge_presence, NULL);
}

static void tell_forensic(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    (void)ours;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0122") "mod_log_forensic writes raw request lines and headers, digits of "
                                "a GET and signatures in clear: ForensicLog in " EG_AT
                                ": take it out of this server" EG_SEE,
                 EG_PLACE(all->pool, at));
}

#define BODIES_FROM 5 /* of SecDebugLogLevel */

/* What mod_security reads, and writes down of a request that is denied, before it has looked at
 * the location, is as the server has it. */
static eg_finding before_location(const eg_finding *ours)
{
    return (eg_finding){.node = ours->node, .host = ours->host, .word = "", .is_early = true};
}

/* The application behind it is somebody else's. */
static bool is_guarded(const eg_finding *ours)
{
    return ap_cstr_casecmp(ours->node->directive, "Require") == 0;
}

/* Whether a pattern names the path as a whole: "^/(?:gather|voice)$" does, for each of both. */
static bool has_path(const char *pattern, const char *path)
{
    static const char inside[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    const char *name = path + 1;
    apr_size_t n = strlen(name);

    for (const char *at = strstr(pattern, name); *name && at; at = strstr(at + 1, name)) {
        apr_size_t before = (apr_size_t)(at - pattern);

        before -= before > 0 && at[-1] == '/';
        if ((before == 0 || !strchr(inside, pattern[before - 1])) &&
            (!at[n] || !strchr(inside, at[n])))
            return true;
    }
    return false;
}

static bool begins_with(const char *text, const char *front)
{
    apr_size_t n = strlen(front);

    return strlen(text) >= n && memcmp(text, front, n) == 0;
}

/* Where the path is not known, any rule may be about it. */
static bool names_path(const char *condition, const char *path)
{
    const char *prefix = "@beginsWith ";

    if (*condition == '!')
        return false;
    if (!path)
        return true;
    if (ap_cstr_casecmpn(condition, "@streq ", strlen("@streq ")) == 0)
        return strcmp(condition + strlen("@streq "), path) == 0;
    if (ap_cstr_casecmpn(condition, prefix, strlen(prefix)) == 0)
        return begins_with(path, condition + strlen(prefix));
    return has_path(condition, path);
}

static bool takes_out(apr_pool_t *pool, const eg_finding *rule, const char *path)
{
    const char *rest = rule->node->args;
    const char *variables = ap_getword_conf(pool, &rest), *operator= ap_getword_conf(pool, &rest);

    return (ap_strcasestr(variables, "REQUEST_FILENAME") ||
            ap_strcasestr(variables, "REQUEST_URI")) &&
           names_path(operator, path) && ap_strcasestr(rest, "phase:1") &&
           ap_strcasestr(rest, "ctl:ruleEngine=Off") && ap_strcasestr(rest, "ctl:auditEngine=Off");
}

/* By a rule that names the path: rules of the first phase come before all else. */
static bool is_taken_out(const eg_neighbourhood *all, const eg_finding *ours)
{
    const apr_array_header_t *rules = eg_all_of(all, "SecRule");

    for (int i = 0; i < rules->nelts; i++) {
        const eg_finding *rule = eg_written_item(rules, i);

        if ((!rule->host || rule->host == ours->host) && !rule->place &&
            takes_out(all->pool, rule, ours->path))
            return true;
    }
    return false;
}

/* The audit log is written as the server has it for what is denied, else as the location has it. */
static const eg_finding *blame_security(const eg_neighbourhood *all, const eg_finding *ours)
{
    static const int loud = BODIES_FROM;
    const eg_finding early = before_location(ours);
    const eg_finding *at = eg_bad_setting(all, "SecDebugLogLevel", &early, judge_number, &loud);

    if (at || is_taken_out(all, ours))
        return at;
    at = eg_bad_setting(all, "SecRuleEngine", ours, judge_not_off, NULL);
    if (!at)
        at = eg_bad_setting(all, "SecAuditEngine", &early, judge_not_off, NULL);
    return at ? at : eg_bad_setting(all, "SecAuditEngine", ours, judge_not_off, NULL);
}

static void tell_security(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    const char *path = ours->path ? ours->path : "/path";

    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0123") "mod_security may write request bodies, digits in clear, into "
                                "its logs and the error log, and refuses every webhook at the "
                                "Core Rule Set's paranoia level 4 (for the + of From): %s in " EG_AT
                                ": for %s and the like set, in front of all rules, SecRule "
                                "REQUEST_FILENAME \"@streq %s\" \"id:900,phase:1,nolog,pass,"
                                "ctl:ruleEngine=Off,ctl:auditEngine=Off\", and SecDebugLogLevel "
                                "4 or less" EG_SEE,
                 at->node->directive, EG_PLACE(all->pool, at), eg_written_section(all->pool, ours),
                 path);
}

static const eg_finding *blame_mellon(const eg_neighbourhood *all, const eg_finding *ours)
{
    return eg_bad_setting(all, "MellonEnable", ours, eg_judge_word, "auth")
               ? eg_bad_setting(all, "MellonPostReplay", ours, eg_judge_word, "on")
               : NULL;
}

/* Who has to log in here, by OpenID Connect. */
static bool is_behind_openidc(const eg_neighbourhood *all, const eg_finding *ours)
{
    return eg_bad_setting(all, "Require", ours, judge_login, NULL) &&
           (eg_bad_setting(all, "AuthType", ours, eg_judge_word, "openid-connect") ||
            eg_bad_setting(all, "AuthType", ours, eg_judge_word, "auth-openidc") ||
            eg_bad_setting(all, "AuthType", ours, eg_judge_word, "oauth20"));
}

static const eg_finding *blame_openidc(const eg_neighbourhood *all, const eg_finding *ours)
{
    return is_behind_openidc(all, ours) ? eg_loud_level(all, ours, "auth_openidc", APLOG_DEBUG)
                                        : NULL;
}

static void tell_login(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    bool is_mellon = ap_cstr_casecmp(at->node->directive, "MellonPostReplay") == 0;

    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, all->s,
        EG_TAG("0127") "%s, digits in clear: %s in " EG_AT ": Twilio cannot log in; set "
                       "%s\"Require %s\" in %s, below that" EG_SEE,
        is_mellon ? "mod_auth_mellon keeps request bodies in files"
                  : "mod_auth_openidc writes request bodies and queries into the error log",
        at->node->directive, EG_PLACE(all->pool, at), is_mellon ? "\"MellonEnable off\" and " : "",
        is_guarded(ours) ? "twilio-signature" : "all granted", eg_written_section(all->pool, ours));
}

/* Rules of the server do not hold for a host, unless it inherits them. */
static bool has_rules(const eg_neighbourhood *all, const eg_finding *ours)
{
    const apr_array_header_t *rules = eg_all_of(all, "RewriteRule");
    bool inherits = eg_all_of(all, "RewriteOptions")->nelts > 0;

    for (int i = 0; i < rules->nelts; i++) {
        const eg_finding *rule = eg_written_item(rules, i);

        if (eg_written_may_meet(rule, ours) &&
            (inherits || rule->place || rule->host == ours->host || !ours->host))
            return true;
    }
    return false;
}

static const eg_finding *blame_rewrite(const eg_neighbourhood *all, const eg_finding *ours)
{
    return has_rules(all, ours) && eg_bad_setting(all, "RewriteEngine", ours, eg_judge_word, "on")
               ? eg_loud_level(all, ours, "rewrite", APLOG_TRACE3)
               : NULL;
}

static void tell_rewrite(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    (void)ours;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0129") "mod_rewrite writes queries, digits of a GET in clear, into the "
                                "error log: LogLevel in " EG_AT ": set LogLevel rewrite:trace2 "
                                "or less" EG_SEE,
                 EG_PLACE(all->pool, at));
}

static void tell_format(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0126") "%%f in %s in " EG_AT " is, for %s, the URL that a request is "
                                "handed on to, with its query: what EncGatherRedact names is "
                                "masked, what a rule has made of it is not: log %%U instead" EG_SEE,
                 at->node->directive, EG_PLACE(all->pool, at), eg_written_section(all->pool, ours));
}

/* --- who stands in the way ----------------------------------------------------------------------- */

static bool has_public_url(const eg_neighbourhood *all, const eg_finding *ours)
{
    const apr_array_header_t *urls = eg_all_of(all, "EncGatherPublicURL");

    for (int i = 0; i < urls->nelts; i++)
        if (eg_written_covers(eg_written_item(urls, i), ours))
            return true;
    return false;
}

static const eg_finding *blame_rpaf(const eg_neighbourhood *all, const eg_finding *ours)
{
    return has_public_url(all, ours) ? NULL
                                     : eg_bad_setting(all, "RPAFenable", ours, eg_judge_word, "on");
}

static void tell_rpaf(const eg_neighbourhood *all, const eg_finding *at, const eg_finding *ours)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                 EG_TAG("0125") "mod_rpaf changes the host of a request, but not its scheme and "
                                "port, so that signatures do not fit and calls end after a step: "
                                "%s in " EG_AT ": set EncGatherPublicURL for %s" EG_SEE,
                 at->node->directive, EG_PLACE(all->pool, at), eg_written_section(all->pool, ours));
}

static void check_evasive(const eg_neighbourhood *all)
{
    if (all->webhooks->nelts && is_loaded("mod_evasive20.c") &&
        !eg_all_of(all, "DOSWhitelist")->nelts)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                     EG_TAG("0128") "mod_evasive answers 403, at every URL, to an address from "
                                    "which some calls come at once, as Twilio's do: name those "
                                    "addresses in DOSWhitelist, or take mod_evasive out of this "
                                    "server" EG_SEE);
}

/* --- all of them --------------------------------------------------------------------------------- */

static const struct {
    const char *file;
    blame blames;
    tell tells;
    enum {
        BEFORE_OURS,     /* a shield sees to it by itself */
        BEFORE_WEBHOOKS, /* also before a shield */
        BEFORE_ALL,      /* it writes down what passes: tokens of a PIN, too */
    } where;
} neighbours[] = {
    {"mod_dumpio.c", blame_dumpio, tell_dumpio, BEFORE_ALL},
    {"mod_http2.c", blame_http2, tell_http2, BEFORE_ALL},
    {"mod_proxy_ajp.c", blame_ajp, tell_ajp, BEFORE_ALL},
    {"mod_log_forensic.c", blame_forensic, tell_forensic, BEFORE_ALL},
    {"mod_security2.c", blame_security, tell_security, BEFORE_WEBHOOKS},
    {"mod_rpaf-2.0.c", blame_rpaf, tell_rpaf, BEFORE_WEBHOOKS},
    {"mod_rpaf.c", blame_rpaf, tell_rpaf, BEFORE_WEBHOOKS},
    {"mod_log_config.c", eg_format_with_file, tell_format, BEFORE_OURS},
    {"mod_auth_mellon.c", blame_mellon, tell_login, BEFORE_WEBHOOKS},
    {"mod_auth_openidc.c", blame_openidc, tell_login, BEFORE_WEBHOOKS},
    {"mod_rewrite.c", blame_rewrite, tell_rewrite, BEFORE_OURS},
};

void eg_neighbours_check(apr_pool_t *ptemp, server_rec *s)
{
    const eg_neighbourhood all = eg_look_about(ptemp, s);
    const apr_array_header_t *const lists[] = {all.ours, all.webhooks, all.all};

    for (unsigned i = 0; i < sizeof neighbours / sizeof neighbours[0]; i++)
        if (is_loaded(neighbours[i].file))
            tell_each(&all, lists[neighbours[i].where], neighbours[i].blames, neighbours[i].tells);
    check_evasive(&all);
    if (eg_config_has_handlers())
        eg_interpreters_check(&all);
}

/* --- the status page ----------------------------------------------------------------------------- */

static bool may_show_status = true;

/* Named by some SetHandler, or by an expression that may come to it. */
void eg_neighbours_look(apr_pool_t *ptemp)
{
    const apr_array_header_t *handlers = eg_written_find(ptemp, "SetHandler");

    may_show_status = false;
    for (int i = 0; i < handlers->nelts; i++) {
        const char *args = eg_written_item(handlers, i)->node->args;

        may_show_status |= ap_strcasestr(args, EG_STATUS_HANDLER) || strchr(args, '%');
    }
}

bool eg_may_show_status(void)
{
    return may_show_status;
}
