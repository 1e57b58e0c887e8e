/* SPDX-License-Identifier: Apache-2.0
 * Directives about the call: fields, sentences, what goes to the backend. */
#include "call/directives_call.h"

#include <string.h>
#include <apr_strings.h>
#include "config/directives.h"
#include "core/fieldspec.h"
#include "core/parameters.h"
#include "state/state.h"

/* The first one in a section makes a list of its own, which replaces the inherited one. */
static eg_field_list *own_fields(cmd_parms *cmd, eg_config *config)
{
    eg_field_list *list = (eg_field_list *)(apr_uintptr_t)config->fields;

    if (!list) {
        list = apr_pcalloc(cmd->pool, sizeof *list);
        list->fields.at = list->at;
        config->fields = list;
    }
    return list;
}

const char *eg_add_field(cmd_parms *cmd, void *config, const char *args)
{
    eg_field_list *list = own_fields(cmd, config);
    eg_field field;
    const char *wrong;

    if (ap_cstr_casecmp(args, "off") == 0) {
        list->fields.n = 0;
        return NULL;
    }
    wrong = eg_field_parse(cmd->pool, args, &field);
    if (!wrong)
        wrong = eg_field_clash(cmd->pool, list->at, list->fields.n, &field);
    if (wrong)
        return eg_complain(cmd, wrong);
    list->at[list->fields.n++] = field;
    return NULL;
}

static bool parse_event(const char *word, eg_event *event)
{
    for (int i = 0; i < EG_SAY_EVENTS; i++)
        if (ap_cstr_casecmp(word, eg_event_words[i]) == 0) {
            *event = (eg_event)i;
            return true;
        }
    return false;
}

#define EVENTS "found, notfound, unavailable, invalid, locked"

static bool has_members(const eg_say *say)
{
    for (int i = 0; i < say->parts->nelts; i++)
        if (APR_ARRAY_IDX(say->parts, i, eg_say_part).kind != EG_SAY_TEXT)
            return true;
    return false;
}

const char *eg_set_say(cmd_parms *cmd, void *config, const char *word, const char *text)
{
    eg_say *say = apr_palloc(cmd->pool, sizeof *say);
    eg_event event;

    if (!parse_event(word, &event))
        return eg_complain(cmd, "is for one of " EVENTS ", again");
    if (!*text)
        return eg_complain(cmd, "needs a text");
    if (eg_say_parse(cmd->pool, text, say) != EG_OK)
        return eg_complain(cmd, "has a placeholder that is not %{name} or %{spell:name}");
    if (event != EG_SAY_FOUND && event != EG_SAY_NOT_FOUND && has_members(say))
        return eg_complain(cmd, "has a placeholder, but only found and notfound have an answer of "
                                "the backend to take it from");
    *eg_config_say_member(config, event) = say;
    return NULL;
}

/* %{outcome} is one of our own words, and always there; a member of the backend's answer is there
 * only with an answer, and has no say in where the call goes: host and path stand in front of it.
 * Spelled it would be no URL. */
static const char *check_placeholder(cmd_parms *cmd, const eg_say_part *part, bool has_answer,
                                     bool in_query)
{
    if (part->kind == EG_SAY_SPELL)
        return eg_complain(cmd, "cannot spell in a URL: use %{name}");
    if (part->kind != EG_SAY_MEMBER || strcmp(part->text, "outcome") == 0)
        return NULL;
    if (!has_answer)
        return eg_complain(cmd, "has a placeholder other than %{outcome}, but only found and "
                                "notfound have an answer of the backend to take it from");
    if (!in_query)
        return eg_complain(cmd, "has a placeholder other than %{outcome} in front of the ?: "
                                "members of the answer go into the query, as in "
                                "https://host/path?name=%{name}");
    return NULL;
}

static const char *check_placeholders(cmd_parms *cmd, const eg_then *then, bool has_answer)
{
    const char *wrong = NULL;
    bool in_query = false;

    for (int i = 0; then->target.parts && i < then->target.parts->nelts && !wrong; i++) {
        const eg_say_part *part = &APR_ARRAY_IDX(then->target.parts, i, eg_say_part);

        wrong = check_placeholder(cmd, part, has_answer, in_query);
        in_query |= part->kind == EG_SAY_TEXT && strchr(part->text, '?');
    }
    return wrong;
}

static bool is_number_to_dial(const char *text)
{
    text += *text == '+';
    return *text && strspn(text, "0123456789") == strlen(text);
}

static const char *parse_then(cmd_parms *cmd, const char *action, eg_then *then)
{
    const char *target;

    if (strcmp(action, "hangup") == 0)
        return NULL;
    if (strncmp(action, "redirect=", 9) == 0) {
        then->kind = EG_THEN_REDIRECT;
        target = action + 9;
    } else if (strncmp(action, "dial=", 5) == 0) {
        then->kind = EG_THEN_DIAL;
        target = action + 5;
    } else
        return eg_complain(cmd, "knows redirect=URL, dial=NUMBER and hangup");
    if (!*target || strpbrk(target, " \t"))
        return eg_complain(cmd, "needs a URL or a number, without blanks, behind the =");
    if (then->kind == EG_THEN_DIAL && !is_number_to_dial(target))
        return eg_complain(cmd, "dials a number like +15551234567");
    return eg_say_parse(cmd->pool, target, &then->target) == EG_OK
               ? NULL
               : eg_complain(cmd, "has a placeholder that is not %{name}");
}

const char *eg_set_then(cmd_parms *cmd, void *config, const char *word, const char *action)
{
    eg_then *then = apr_pcalloc(cmd->pool, sizeof *then);
    const char *wrong;
    eg_event event;

    if (!parse_event(word, &event) || event == EG_SAY_AGAIN)
        return eg_complain(cmd, "is for one of " EVENTS);
    wrong = parse_then(cmd, action, then);
    if (!wrong)
        wrong = check_placeholders(cmd, then, event == EG_SAY_FOUND || event == EG_SAY_NOT_FOUND);
    if (!wrong)
        *eg_config_then_member(config, event) = then;
    return wrong;
}

const char *eg_set_voice(cmd_parms *cmd, void *config, const char *voice, const char *language)
{
    eg_voice *set = apr_palloc(cmd->pool, sizeof *set);

    if (!*voice || (language && !*language))
        return eg_complain(cmd, "is a voice, and then a language if one is wanted");
    *set = (eg_voice){voice, language};
    ((eg_config *)config)->voice = set;
    return NULL;
}

/* Like own_fields(). */
static apr_array_header_t *own_forward(cmd_parms *cmd, eg_config *config)
{
    apr_array_header_t *names = (apr_array_header_t *)(apr_uintptr_t)config->forward;

    if (!names)
        config->forward = names = apr_array_make(cmd->pool, 4, sizeof(const char *));
    return names;
}

static const char *check_forward(cmd_parms *cmd, const char *name)
{
    if (!*name || !eg_is_clean_word(name))
        return eg_complain(cmd, "has an empty name or one with a control character");
    if (eg_is_answer_name(eg_span_of(name)))
        return eg_complain(cmd, "never hands Digits, SpeechResult or Speech on: they are what "
                                "is encrypted");
    if (ap_cstr_casecmp(name, "off") == 0)
        return eg_complain(cmd, "has off beside names: off, which empties the list, stands alone");
    return NULL;
}

const char *eg_add_forward(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    apr_array_header_t *names = own_forward(cmd, config);
    const char *wrong = NULL;

    if (argc < 1)
        return eg_complain(cmd, "needs the names of webhook parameters");
    if (argc == 1 && ap_cstr_casecmp(argv[0], "off") == 0) {
        apr_array_clear(names);
        return NULL;
    }
    for (int i = 0; i < argc && !wrong; i++) {
        wrong = check_forward(cmd, argv[i]);
        APR_ARRAY_PUSH(names, const char *) = argv[i];
    }
    return wrong;
}

const char *eg_set_lockout(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    eg_lockout *lockout = apr_palloc(cmd->pool, sizeof *lockout);
    const char *wrong = eg_lockout_parse(cmd->pool, argc, (const char *const *)argv, lockout);

    if (wrong)
        return eg_complain(cmd, wrong);
    if (lockout->failures)
        eg_state_need(EG_STATE_FOR_LOCKOUT);
    ((eg_config *)config)->lockout = lockout;
    return NULL;
}
