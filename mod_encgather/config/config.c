/* SPDX-License-Identifier: Apache-2.0
 * What is configured for a location: members, merge, and defaults where nothing is set. */
#include "config/config.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>

#define MAX_BODY_DEFAULT 65536
#define ATTEMPTS_DEFAULT 3
#define TOKEN_TTL_DEFAULT 900

const char *const eg_event_words[EG_SAY_EVENTS] = {
    [EG_SAY_FOUND] = "found",
    [EG_SAY_NOT_FOUND] = "notfound",
    [EG_SAY_UNAVAILABLE] = "unavailable",
    [EG_SAY_INVALID] = "invalid",
    [EG_SAY_LOCKED] = "locked",
    [EG_SAY_AGAIN] = "again",
};

#define EG_UNSET(type, name, unset) config->name = unset;
#define EG_MERGE(type, name, unset) config->name = over->name != (unset) ? over->name : from->name;

/* NOLINTNEXTLINE(readability-non-const-parameter): httpd's type of such functions */
void *eg_config_create(apr_pool_t *pool, char *where)
{
    eg_config *config = apr_palloc(pool, sizeof *config);

    (void)where;
    EG_CONFIG_MEMBERS(EG_UNSET)
    return config;
}

void *eg_config_merge(apr_pool_t *pool, void *outer, void *inner)
{
    const eg_config *from = outer, *over = inner;
    eg_config *config = apr_palloc(pool, sizeof *config);

    EG_CONFIG_MEMBERS(EG_MERGE)
    return config;
}

void *eg_server_create(apr_pool_t *pool, server_rec *s)
{
    eg_server *config = apr_palloc(pool, sizeof *config);

    (void)s;
    EG_SERVER_MEMBERS(EG_UNSET)
    return config;
}

/* Both lists begin with the names that are always known; off leaves those of shields alone. */
static void settle_masked(apr_pool_t *pool, eg_server *config)
{
    bool is_off = config->redact == 0;

    if (!config->shielded)
        config->masked = is_off ? NULL : config->secrets;
    else if (is_off)
        config->masked = eg_secret_names_without_known(pool, config->shielded);
    else
        config->masked = config->secrets
                             ? eg_secret_names_join(pool, config->secrets, config->shielded)
                             : config->shielded;
}

void *eg_server_merge(apr_pool_t *pool, void *outer, void *inner)
{
    const eg_server *from = outer, *over = inner;
    eg_server *config = apr_palloc(pool, sizeof *config);

    EG_SERVER_MEMBERS(EG_MERGE)
    if (from->secrets && over->secrets)
        config->secrets = eg_secret_names_join(pool, from->secrets, over->secrets);
    if (from->shielded && over->shielded)
        config->shielded = eg_secret_names_join(pool, from->shielded, over->shielded);
    settle_masked(pool, config);
    return config;
}

static eg_server *server_config(const cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &encgather_module);
}

void eg_server_redact(cmd_parms *cmd, bool on)
{
    server_config(cmd)->redact = on;
    settle_masked(cmd->pool, server_config(cmd));
}

void eg_server_mask(cmd_parms *cmd, eg_span name, bool is_shielded)
{
    eg_server *config = server_config(cmd);
    const eg_secret_names **names = is_shielded ? &config->shielded : &config->secrets;

    *names = eg_secret_names_add(cmd->pool, *names ? *names : &eg_known_secrets, name);
    settle_masked(cmd->pool, config);
}

/* The directive may be one of another module, and the first of all in its virtual host. */
void eg_server_note_use(cmd_parms *cmd)
{
    eg_server *config = ap_get_module_config(cmd->server->module_config, &encgather_module);

    if (!config) {
        config = eg_server_create(cmd->pool, cmd->server);
        ap_set_module_config(cmd->server->module_config, &encgather_module, config);
    }
    config->is_used = 1;
}

bool eg_server_is_used(const server_rec *s)
{
    const eg_server *config = ap_get_module_config(s->module_config, &encgather_module);

    return config->is_used > 0;
}

/* The directive is httpd's: the section may have nothing of ours. */
void eg_config_note_require(cmd_parms *cmd, int which)
{
    eg_config *config = ap_get_module_config(cmd->context, &encgather_module);

    if (!config) {
        config = eg_config_create(cmd->pool, cmd->path);
        ap_set_module_config(cmd->context, &encgather_module, config);
    }
    config->has_require = (config->has_require > 0 ? config->has_require : 0) | which;
}

bool eg_has_shields(const server_rec *s)
{
    const eg_server *config = ap_get_module_config(s->module_config, &encgather_module);

    return config->shielded != NULL;
}

bool eg_masks_shields_alone(const server_rec *s)
{
    const eg_server *config = ap_get_module_config(s->module_config, &encgather_module);

    return config->redact == 0 && config->shielded;
}

bool eg_is_own_handler(const char *word)
{
    static const char *const names[] = {EG_GATHER_HANDLER, EG_DECRYPT_HANDLER, EG_STATUS_HANDLER};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ap_cstr_casecmp(word, names[i]) == 0)
            return true;
    return false;
}

const eg_provider *eg_config_provider(const eg_config *config)
{
    return config->provider ? config->provider : &eg_provider_twilio;
}

eg_check eg_config_signature(const eg_config *config)
{
    return config->signature < 0 ? EG_CHECK_ON : (eg_check)config->signature;
}

apr_size_t eg_config_max_body(const eg_config *config)
{
    return config->max_body < 0 ? MAX_BODY_DEFAULT : (apr_size_t)config->max_body;
}

const eg_fields *eg_config_fields(const eg_config *config)
{
    return config->fields && config->fields->fields.n ? &config->fields->fields
                                                      : &eg_default_fields;
}

unsigned eg_config_attempts(const eg_config *config)
{
    return config->attempts < 0 ? ATTEMPTS_DEFAULT : (unsigned)config->attempts;
}

apr_interval_time_t eg_config_timeout(const eg_config *config)
{
    return apr_time_from_sec(config->timeout < 0 ? (int)eg_config_provider(config)->timeout
                                                 : config->timeout);
}

eg_voice eg_config_voice(const eg_config *config)
{
    return config->voice ? *config->voice : (eg_voice){NULL, NULL};
}

apr_int64_t eg_config_token_ttl(const eg_config *config)
{
    return config->token_ttl < 0 ? TOKEN_TTL_DEFAULT : config->token_ttl;
}

/* --- tokens and their keys --------------------------------------------------------------------- */

static bool has_envelopes(const eg_envelope_list *list)
{
    return list && list->n > 0;
}

eg_token_formats eg_config_formats(const eg_config *config)
{
    unsigned made =
        has_envelopes(config->recipients) || has_envelopes(config->privates) ? EG_JWE : EG_HEX;

    return config->formats ? *config->formats : (eg_token_formats){made, EG_READS(made)};
}

const eg_store_entry *eg_config_recipient(const eg_config *config, const eg_field *field,
                                          bool *known)
{
    const eg_envelope_list *list = config->recipients;

    *known = true;
    if (!field->recipient)
        return has_envelopes(list) ? list->at[0] : NULL;
    if (strcmp(field->recipient, EG_NO_RECIPIENT) == 0)
        return NULL;
    for (unsigned i = 0; list && i < list->n; i++)
        if (strcmp(list->at[i]->kid, field->recipient) == 0)
            return list->at[i];
    *known = false;
    return NULL;
}

bool eg_config_seals_by_file(const eg_config *config)
{
    const eg_fields *fields = eg_config_fields(config);
    bool known;

    for (unsigned i = 0; i < fields->n; i++)
        if (!eg_config_recipient(config, &fields->at[i], &known))
            return true;
    return false;
}

const char *eg_config_format_fault(const eg_config *config)
{
    if (eg_config_formats(config).made == EG_HEX && has_envelopes(config->recipients))
        return "EncGatherTokenFormat makes hex, and hex cannot be sealed to an EncGatherRecipient; "
               "make jwe (jwe hex while hex tokens are under way), or have no recipient here "
               "(EncGatherRecipient off)";
    return NULL;
}

const char *eg_config_single_use_fault(const eg_config *config)
{
    if (config->single_use <= 0 || eg_config_formats(config).reads == EG_READS(EG_JWE))
        return NULL;
    return "EncGatherSingleUse is on, and hex tokens are read here, of which it is not known how "
           "long they are good: set EncGatherTokenFormat jwe, and make jwe at the gather first";
}

const char *eg_config_fault(apr_pool_t *pool, const eg_config *config)
{
    const eg_fields *fields = eg_config_fields(config);
    const char *wrong = eg_config_format_fault(config);
    bool known = true;

    if (wrong)
        return wrong;
    for (unsigned i = 0; i < fields->n; i++) {
        (void)eg_config_recipient(config, &fields->at[i], &known);
        if (!known)
            return apr_psprintf(pool,
                                "EncGatherField %s has recipient=%s, and no EncGatherRecipient has "
                                "that kid here; add it, or name another one, or off",
                                fields->at[i].name, fields->at[i].recipient);
    }
    return NULL;
}

/* --- lockouts ---------------------------------------------------------------------------------- */

const eg_lockout *eg_config_lockout(const eg_config *config)
{
    return config->lockout && config->lockout->failures ? config->lockout : NULL;
}

unsigned eg_config_field_place(const eg_config *config, const char *name)
{
    const eg_fields *fields = eg_config_fields(config);
    unsigned i = 0;

    while (i < fields->n && strcmp(fields->at[i].name, name) != 0)
        i++;
    return i;
}

static const char *fault_of_counted_field(const eg_config *config, const char *name)
{
    const eg_fields *fields = eg_config_fields(config);
    unsigned place = eg_config_field_place(config, name);
    bool known;

    if (place == fields->n)
        return "there is no EncGatherField of that name here";
    if (eg_config_recipient(config, &fields->at[place], &known))
        return "that field is sealed to an EncGatherRecipient, so this host cannot know what was "
               "keyed in: give the field recipient=off, or count by another one";
    if (!config->keys)
        return "without an EncGatherKeyFile this host cannot know what was keyed in for a field";
    return NULL;
}

const char *eg_config_lockout_fault(apr_pool_t *pool, const eg_config *config)
{
    const eg_lockout *lockout = eg_config_lockout(config);
    const char *fault = NULL;

    if (!lockout)
        return NULL;
    if (lockout->field)
        fault = fault_of_counted_field(config, lockout->field);
    else if (eg_config_field_place(config, lockout->by) < eg_config_fields(config)->n)
        fault = "the parameter of that name is the token of a field, which is another one each "
                "time: write by=field:NAME";
    return fault ? apr_pstrcat(pool, "EncGatherLockout has by=", lockout->by, ", and ", fault, NULL)
                 : NULL;
}

/* --- one kid, one key -------------------------------------------------------------------------- */

#define NEW_NAME "give one of them another"

static const eg_store_entry *entry_of_kid(const eg_envelope_list *list, const char *kid)
{
    for (unsigned i = 0; list && i < list->n; i++)
        if (strcmp(list->at[i]->kid, kid) == 0)
            return list->at[i];
    return NULL;
}

static const char *kid_in_both(const eg_keyring *ring, const eg_envelope_list *list)
{
    for (apr_size_t i = 0; ring && i < ring->n; i++)
        if (entry_of_kid(list, ring->keys[i].id))
            return ring->keys[i].id;
    return NULL;
}

bool eg_config_is_pair(const eg_store_entry *recipient, const eg_store_entry *private_key)
{
    return recipient->has_facts && private_key->has_facts &&
           eg_key_facts_fit(&recipient->facts, &private_key->facts);
}

/* Of one that could not be read nothing is known. */
static const char *kid_of_two_pairs(const eg_config *config)
{
    const eg_envelope_list *list = config->recipients;

    for (unsigned i = 0; list && i < list->n; i++) {
        const eg_store_entry *one = list->at[i], *other = entry_of_kid(config->privates, one->kid);

        if (other && one->has_facts && other->has_facts && !eg_config_is_pair(one, other))
            return one->kid;
    }
    return NULL;
}

const char *eg_config_clash(apr_pool_t *pool, const eg_config *config)
{
    const eg_keyring *ring = config->keys ? config->keys->keys : NULL;
    const char *kid;

    if ((kid = kid_in_both(ring, config->recipients)) != NULL)
        return apr_psprintf(pool,
                            "the kid '%s' is that of a key in EncGatherKeyFile and of an "
                            "EncGatherRecipient; " NEW_NAME,
                            kid);
    if ((kid = kid_in_both(ring, config->privates)) != NULL)
        return apr_psprintf(pool,
                            "the kid '%s' is that of a key in EncGatherKeyFile and of an "
                            "EncGatherPrivateKeyFile; " NEW_NAME,
                            kid);
    if ((kid = kid_of_two_pairs(config)) != NULL)
        return apr_psprintf(
            pool,
            "the kid '%s' is that of an EncGatherRecipient and of an "
            "EncGatherPrivateKeyFile that are not two halves of one pair; " NEW_NAME,
            kid);
    return NULL;
}

/* --- what is said ------------------------------------------------------------------------------- */

/* The members of one event, by its number. */
const eg_say **eg_config_say_member(eg_config *config, eg_event event)
{
    const eg_say **const members[] = {&config->say_found,       &config->say_not_found,
                                      &config->say_unavailable, &config->say_invalid,
                                      &config->say_locked,      &config->say_again};

    return members[event];
}

const eg_then **eg_config_then_member(eg_config *config, eg_event event)
{
    const eg_then **const members[] = {&config->then_found, &config->then_not_found,
                                       &config->then_unavailable, &config->then_invalid,
                                       &config->then_locked};

    return members[event];
}

const eg_say *eg_config_say(const eg_config *config, eg_event event)
{
    return *eg_config_say_member((eg_config *)(apr_uintptr_t)config, event);
}

const eg_then *eg_config_then(const eg_config *config, eg_event event)
{
    return *eg_config_then_member((eg_config *)(apr_uintptr_t)config, event);
}
