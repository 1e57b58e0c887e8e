/* SPDX-License-Identifier: Apache-2.0
 * Directives for applications that exist already. */
#include "shield/directives_shield.h"

#include <apr_strings.h>
#include "base/purposes.h"
#include "config/directives.h"

#define WORDS_MOST 64 /* of a line: httpd drops what is behind them without a word */

/* The first one in a section makes a list of its own, which replaces the inherited one. */
static eg_shield_list *own_shield(cmd_parms *cmd, eg_config *config)
{
    eg_shield_list *list = (eg_shield_list *)(apr_uintptr_t)config->shield;

    if (!list)
        config->shield = list = apr_pcalloc(cmd->pool, sizeof *list);
    return list;
}

static const char *add_shielded(cmd_parms *cmd, eg_shield_list *list, const char *word)
{
    eg_shielded one;
    const char *wrong = eg_shielded_parse(cmd->pool, word, &one);

    if (!wrong)
        wrong = eg_shield_list_add(cmd->pool, list, &one);
    if (!wrong)
        eg_server_mask(cmd, one.name, true);
    return wrong;
}

const char *eg_add_shield(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    eg_shield_list *list = own_shield(cmd, config);
    bool observes = argc > 0 && ap_cstr_casecmp(argv[0], "observe") == 0;
    const char *wrong = NULL;

    if (argc == 1 && ap_cstr_casecmp(argv[0], "off") == 0) {
        list->n = 0;
        return NULL;
    }
    if (argc >= WORDS_MOST)
        return eg_complain(
            cmd, apr_psprintf(cmd->pool, "takes %d words in a line at most: go on in another one",
                              WORDS_MOST - 1));
    if (argc - observes < 1)
        return eg_complain(cmd, "needs the names of webhook parameters, or off");
    if (list->n && list->observes != observes)
        return eg_complain(cmd, "has observe in one line of this section and not in another: "
                                "write it in all of them or in none");
    list->observes = observes;
    for (int i = observes; i < argc && !wrong; i++)
        wrong = add_shielded(cmd, list, argv[i]);
    eg_config_note_handler(cmd);
    eg_purpose_is_there(EG_FOR_SHIELDS);
    return wrong ? eg_complain(cmd, wrong) : NULL;
}

const char *eg_set_resign(cmd_parms *cmd, void *config, int on)
{
    (void)cmd;
    ((eg_config *)config)->resign = on;
    return NULL;
}
