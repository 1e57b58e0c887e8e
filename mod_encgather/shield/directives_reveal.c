/* SPDX-License-Identifier: Apache-2.0
 * EncGatherReveal. */
#include "shield/directives_reveal.h"

#include "base/purposes.h"
#include "config/directives.h"

/* The first one in a section makes a list of its own, which replaces the inherited one. */
static eg_reveal_list *own_reveal(cmd_parms *cmd, eg_config *config)
{
    eg_reveal_list *list = (eg_reveal_list *)(apr_uintptr_t)config->reveal;

    if (!list)
        config->reveal = list = apr_pcalloc(cmd->pool, sizeof *list);
    return list;
}

static const char *add_revealed(cmd_parms *cmd, eg_reveal_list *list, const char *word)
{
    eg_revealed one;
    const char *wrong = eg_revealed_parse(cmd->pool, word, &one);

    return wrong ? wrong : eg_reveal_list_add(cmd->pool, list, &one);
}

const char *eg_add_reveal(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    eg_reveal_list *list = own_reveal(cmd, config);
    const char *wrong = NULL;

    if (argc == 1 && ap_cstr_casecmp(argv[0], "off") == 0) {
        list->n = 0;
        return NULL;
    }
    if (argc < 1)
        return eg_complain(cmd, "needs names of members or parameters, or JSON pointers, or off");
    for (int i = 0; i < argc && !wrong; i++)
        wrong = add_revealed(cmd, list, argv[i]);
    eg_config_note_handler(cmd);
    eg_purpose_is_there(EG_FOR_REVEALS);
    return wrong ? eg_complain(cmd, wrong) : NULL;
}
