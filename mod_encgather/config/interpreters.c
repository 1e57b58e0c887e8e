/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every interpreter that runs scripts in our processes. */
#include "config/interpreters.h"

#include <string.h>
#include <http_log.h>
#include "base/log.h"
#include "base/module.h"

APLOG_USE_MODULE(encgather);

/* "process-group=%{GLOBAL}", like none at all, is the server's own process. */
static bool names_group(const char *group)
{
    return *group && !ap_strcasestr(group, "%{GLOBAL}");
}

static bool has_group(const eg_neighbourhood *all, const eg_finding *script)
{
    const apr_array_header_t *groups = eg_all_of(all, "WSGIProcessGroup");
    const char *own = ap_strcasestr(script->node->args, "process-group=");
    bool has = false;

    if (own)
        return names_group(own);
    for (int i = 0; i < groups->nelts; i++) {
        const eg_finding *group = eg_written_item(groups, i);

        if (eg_written_may_meet(group, script))
            has = names_group(group->node->args);
    }
    return has;
}

/* Without a script of the configuration, an .htaccess may still name one. */
static bool is_wsgi_embedded(const eg_neighbourhood *all)
{
    static const char *const directives[] = {"WSGIScriptAlias", "WSGIScriptAliasMatch",
                                             "WSGIHandlerScript"};
    const apr_array_header_t *groups = eg_all_of(all, "WSGIProcessGroup");
    const apr_array_header_t *restricted = eg_all_of(all, "WSGIRestrictEmbedded");
    int scripts = 0;

    for (int i = 0; i < restricted->nelts; i++)
        if (ap_cstr_casecmp(eg_written_item(restricted, i)->word, "on") == 0)
            return false;
    for (int each = 0; each < 3; each++) {
        const apr_array_header_t *list = eg_all_of(all, directives[each]);

        scripts += list->nelts;
        for (int i = 0; i < list->nelts; i++) {
            eg_finding script = *eg_written_item(list, i);

            if (!script.place && each == 0)
                script.path = script.word;
            if (!has_group(all, &script))
                return true;
        }
    }
    return !scripts && !groups->nelts;
}

void eg_interpreters_check(const eg_neighbourhood *all)
{
    static const char *const files[] = {"mod_perl.c", "mod_php.c",     "mod_php7.c",
                                        "mod_php5.c", "mod_lua.c",     "mod_python.c",
                                        "mod_wsgi.c", "mod_parser3.c", "mod_rivet.c"};

    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        bool is_wsgi = strcmp(files[i], "mod_wsgi.c") == 0;

        if (ap_find_linked_module(files[i]) && (!is_wsgi || is_wsgi_embedded(all)))
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, all->s,
                         EG_TAG("0124") "%s runs scripts in the processes that hold the keys and "
                                        "could read them: %s" EG_SEE,
                         files[i],
                         is_wsgi ? "set WSGIDaemonProcess and WSGIProcessGroup for all of them, "
                                   "and \"WSGIRestrictEmbedded On\""
                                 : "give this module a server of its own");
    }
}
