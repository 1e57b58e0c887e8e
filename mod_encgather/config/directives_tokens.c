/* SPDX-License-Identifier: Apache-2.0
 * Directives of tokens: their format, to whom they are sealed, how long they are good. */
#include "config/directives_tokens.h"

#include <string.h>
#include <apr_strings.h>
#include "config/directives.h"

#define TTL_MOST 31536000 /* a year, in seconds */

static const char *add_format(cmd_parms *cmd, eg_token_formats *formats, const char *word)
{
    unsigned place = eg_format_named(eg_span_of(word));

    if (place == EG_FORMATS)
        return eg_complain(cmd, "knows the formats hex and jwe: the first one is made, all that "
                                "are named are read");
    if (formats->reads & EG_READS(place))
        return eg_complain(cmd, apr_psprintf(cmd->pool, "names %s twice", word));
    formats->reads |= EG_READS(place);
    return NULL;
}

const char *eg_set_token_format(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    eg_token_formats *formats = apr_pcalloc(cmd->pool, sizeof *formats);
    const char *wrong = NULL;

    if (argc < 1)
        return eg_complain(cmd, "needs a format: hex or jwe");
    for (int i = 0; i < argc && !wrong; i++)
        wrong = add_format(cmd, formats, argv[i]);
    if (!wrong)
        formats->made = eg_format_named(eg_span_of(argv[0]));
    ((eg_config *)config)->formats = formats;
    return wrong;
}

/* The first one in a section makes a list of its own, which replaces the inherited one. */
static eg_envelope_list *own_list(cmd_parms *cmd, const eg_envelope_list **member)
{
    eg_envelope_list *list = (eg_envelope_list *)(apr_uintptr_t)*member;

    if (!list)
        *member = list = apr_pcalloc(cmd->pool, sizeof *list);
    return list;
}

static const char *check_kid(cmd_parms *cmd, const eg_envelope_list *list, const char *kid)
{
    if (!eg_is_kid(eg_span_of(kid)) || ap_cstr_casecmp(kid, EG_NO_RECIPIENT) == 0)
        return eg_complain(cmd, "begins with the kid of the key: 1 to 64 letters, digits, - or _, "
                                "and not the word off");
    if (list->n == EG_ENVELOPES_MAX)
        return eg_complain(cmd,
                           apr_psprintf(cmd->pool, "is there more than %d times in one section",
                                        EG_ENVELOPES_MAX));
    for (unsigned i = 0; i < list->n; i++)
        if (strcmp(list->at[i]->kid, kid) == 0)
            return eg_complain(cmd, apr_psprintf(cmd->pool, "has the kid '%s' twice", kid));
    return NULL;
}

static const char *add_envelope(cmd_parms *cmd, const eg_envelope_list **member, eg_store_kind kind,
                                int argc, char *const argv[])
{
    eg_envelope_list *list = own_list(cmd, member);
    const char *wrong;

    if (argc == 1 && ap_cstr_casecmp(argv[0], EG_NO_RECIPIENT) == 0) {
        list->n = 0;
        return NULL;
    }
    if (argc != 2)
        return eg_complain(cmd, "takes a kid and a file; or off, which empties the list");
    wrong = check_kid(cmd, list, argv[0]);
    if (!wrong)
        wrong = eg_add_file(cmd, kind, argv[1], argv[0], &list->at[list->n]);
    if (!wrong)
        list->n++;
    return wrong;
}

const char *eg_add_recipient(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    return add_envelope(cmd, &((eg_config *)config)->recipients, EG_RECIPIENT_FILE, argc, argv);
}

const char *eg_add_private_key(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    return add_envelope(cmd, &((eg_config *)config)->privates, EG_PRIVATE_KEY_FILE, argc, argv);
}

const char *eg_set_token_ttl(cmd_parms *cmd, void *config, const char *text)
{
    return eg_set_number(cmd, text, TTL_MOST, &((eg_config *)config)->token_ttl);
}
