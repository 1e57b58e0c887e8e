/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every loaded module that would write down what this one keeps secret. */
#include "config/neighbours.h"

#include <string.h>
#include <http_config.h>
#include <http_log.h>
#include "config/config.h"
#include "base/log.h"

APLOG_USE_MODULE(encgather);

/* Whether the configuration has the directive, with a text in its arguments unless that is NULL.
 * Modules do not tell each other what they are set to, but the configuration as read is there.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static bool is_written(const ap_directive_t *node, const char *name, const char *text)
{
    for (; node; node = node->next) {
        if (ap_cstr_casecmp(node->directive, name) == 0 &&
            (!text || (node->args && ap_strcasestr(node->args, text))))
            return true;
        if (node->first_child && is_written(node->first_child, name, text))
            return true;
    }
    return false;
}

static bool is_set(const char *name, const char *text)
{
    return is_written(ap_conftree, name, text);
}

static bool logs_at(server_rec *s, const char *file, int level)
{
    const module *m = ap_find_linked_module(file);

    for (; m && s; s = s->next)
        if (ap_get_server_module_loglevel(s, m->module_index) >= level)
            return true;
    return false;
}

static void check_dumpio(server_rec *s)
{
    if (logs_at(s, "mod_dumpio.c", APLOG_TRACE7) && is_set("DumpIOInput", "on"))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0120") "mod_dumpio writes every request body, digits in clear, into "
                                    "the error log: take DumpIOInput out, or LogLevel dumpio "
                                    "below trace7");
}

static void check_http2(server_rec *s)
{
    if (logs_at(s, "mod_http2.c", APLOG_TRACE3))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0121") "mod_http2 writes request bodies, digits in clear, into the "
                                    "error log at trace3 and more: set LogLevel http2:trace2 or "
                                    "less");
}

static void check_forensic(server_rec *s)
{
    if (ap_find_linked_module("mod_log_forensic.c") && is_set("ForensicLog", NULL))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0122") "mod_log_forensic writes raw request lines and headers, "
                                    "digits of a GET and signatures in clear: take ForensicLog "
                                    "out of this server");
}

static bool has_sanitizer(void)
{
    return is_set("SecAction", "sanitiseArg:Digits") || is_set("SecRule", "sanitiseArg:Digits");
}

static void check_security(server_rec *s)
{
    if (ap_find_linked_module("mod_security2.c") && is_set("SecAuditEngine", NULL) &&
        !is_set("SecAuditEngine", "off") && !has_sanitizer())
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0123") "mod_security's audit log holds request bodies, digits in "
                                    "clear: add SecAction \"id:900,phase:5,nolog,pass,"
                                    "sanitiseArg:Digits,sanitiseArg:SpeechResult\"");
}

static void check_interpreters(server_rec *s)
{
    static const char *const files[] = {"mod_perl.c", "mod_php.c", "mod_lua.c", "mod_python.c"};

    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
        if (ap_find_linked_module(files[i]))
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         EG_TAG("0124") "%s runs scripts in the processes that hold the keys and "
                                        "could read them: give this module a server of its own",
                         files[i]);
}

void eg_neighbours_check(server_rec *s)
{
    check_dumpio(s);
    check_http2(s);
    check_forensic(s);
    check_security(s);
    check_interpreters(s);
}

static bool may_show_status = true;

void eg_neighbours_look(void)
{
    may_show_status = is_set("SetHandler", EG_STATUS_HANDLER) || is_set("SetHandler", "%");
}

bool eg_may_show_status(void)
{
    return may_show_status;
}
