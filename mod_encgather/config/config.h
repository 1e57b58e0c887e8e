/* SPDX-License-Identifier: Apache-2.0
 * What is configured for a location or a server: members, merge, defaults. */
#ifndef EG_CONFIG_H
#define EG_CONFIG_H

#include "base/module.h"
#include "core/flow.h"
#include "core/lockoutspec.h"
#include "core/mask.h"
#include "core/provider.h"
#include "core/revealspec.h"
#include "core/say.h"
#include "core/signature.h"
#include "core/format.h"
#include "core/shieldspec.h"
#include "core/token.h"

typedef enum { EG_CHECK_ON, EG_CHECK_OBSERVE, EG_CHECK_OFF } eg_check;

typedef enum {
    EG_KEY_FILE,
    EG_TOKEN_FILE,
    EG_RECIPIENT_FILE,
    EG_PRIVATE_KEY_FILE,
    EG_STATE_KEY_FILE,     /* of EncGatherStateCache, as is the next */
    EG_STATE_PASSWORD_FILE /* without the end of its line */
} eg_store_kind;

#define EG_STORE_KINDS (EG_STATE_PASSWORD_FILE + 1)

/* A file of keys or tokens that some directive names; the same file is one entry. What it holds is
 * there from check_config on (an envelope key: in children alone); NULL while it could never be read. */
typedef struct {
    eg_store_kind kind;
    const char *path;
    const char *kid; /* under which a recipient's or private key is known; "" for other kinds */
    const eg_keyring *keys;
    struct eg_key_use *const *uses; /* a counter (or NULL) for each key */
    const eg_auth_tokens *tokens;
    const eg_envelope_key *key;
    eg_span text;   /* of the two files of a state: 32 bytes, or the password; p NULL: not there */
    bool has_facts; /* of an envelope key: it could be read, and this is what it is */
    eg_key_facts facts;
} eg_store_entry;

/* Recipients or private keys of a section, in the order they were written. */
#define EG_ENVELOPES_MAX 16
typedef struct {
    unsigned n;
    const eg_store_entry *at[EG_ENVELOPES_MAX];
} eg_envelope_list;

/* Of EncGatherTokenFormat. */
typedef struct {
    unsigned made;  /* EG_HEX or EG_JWE */
    unsigned reads; /* EG_READS() of each, or'ed */
} eg_token_formats;

typedef struct {
    const char *text; /* https://host[:port][/prefix], without a slash at its end */
    eg_origin origin;
} eg_public_url;

/* Either a path of this server or an absolute URL. */
typedef struct {
    const char *path;
    const char *url;
} eg_backend;

/* What one %s of a query is bound to: a field's plaintext, or the blind index of several. */
typedef struct {
    bool is_index;
    const apr_array_header_t *fields; /* of unsigned: places in eg_lookup.fields */
} eg_lookup_arg;

typedef struct {
    const char *query;
    const char *label;                /* of the statement, one for each query */
    const apr_array_header_t *fields; /* of const char *: each demanded field once */
    const apr_array_header_t *args;   /* of eg_lookup_arg */
    bool has_index;
} eg_lookup;

typedef enum {
    EG_SAY_FOUND,
    EG_SAY_NOT_FOUND,
    EG_SAY_UNAVAILABLE,
    EG_SAY_INVALID,
    EG_SAY_LOCKED,
    EG_SAY_AGAIN, /* before a question that is asked again; nothing follows it */
    EG_SAY_EVENTS
} eg_event;

extern const char *const eg_event_words[EG_SAY_EVENTS];

typedef enum { EG_THEN_HANGUP, EG_THEN_REDIRECT, EG_THEN_DIAL } eg_then_kind;

/* What follows the sentence of an event. */
typedef struct {
    eg_then_kind kind;
    eg_say target; /* of redirect= and dial= */
} eg_then;

/* The fields of one section, in the order they were written. */
typedef struct {
    eg_field at[EG_FIELDS_MAX];
    eg_fields fields;
} eg_field_list;

/* One list makes the members, their unset values and the merge: no member can be forgotten.
 * X(type, name, unset value) */
#define EG_CONFIG_MEMBERS(X)                                                                       \
    X(const eg_store_entry *, keys, NULL)                                                          \
    X(const eg_store_entry *, tokens, NULL)                                                        \
    X(const eg_envelope_list *, recipients, NULL)                                                  \
    X(const eg_envelope_list *, privates, NULL)                                                    \
    X(const eg_token_formats *, formats, NULL)                                                     \
    X(int, token_ttl, -1)                                                                          \
    X(const eg_provider *, provider, NULL)                                                         \
    X(int, signature, -1)                                                                          \
    X(const eg_public_url *, public_url, NULL)                                                     \
    X(const eg_backend *, backend, NULL)                                                           \
    X(const eg_lookup *, lookup, NULL)                                                             \
    X(int, has_require, -1) /* EG_REQUIRES_... of what stands in it */                             \
    X(int, expose, -1)                                                                             \
    X(const eg_shield_list *, shield, NULL)                                                        \
    X(const eg_reveal_list *, reveal, NULL)                                                        \
    X(int, resign, -1)                                                                             \
    X(int, single_use, -1)                                                                         \
    X(int, max_body, -1)                                                                           \
    X(const eg_field_list *, fields, NULL)                                                         \
    X(int, attempts, -1)                                                                           \
    X(const eg_lockout *, lockout, NULL)                                                           \
    X(int, timeout, -1)                                                                            \
    X(const eg_voice *, voice, NULL)                                                               \
    X(const apr_array_header_t *, forward, NULL)                                                   \
    X(const eg_say *, say_found, NULL)                                                             \
    X(const eg_say *, say_not_found, NULL)                                                         \
    X(const eg_say *, say_unavailable, NULL)                                                       \
    X(const eg_say *, say_invalid, NULL)                                                           \
    X(const eg_say *, say_locked, NULL)                                                            \
    X(const eg_say *, say_again, NULL)                                                             \
    X(const eg_then *, then_found, NULL)                                                           \
    X(const eg_then *, then_not_found, NULL)                                                       \
    X(const eg_then *, then_unavailable, NULL)                                                     \
    X(const eg_then *, then_invalid, NULL)                                                         \
    X(const eg_then *, then_locked, NULL)

typedef struct {
#define EG_MEMBER(type, name, unset) type name;
    EG_CONFIG_MEMBERS(EG_MEMBER)
#undef EG_MEMBER
} eg_config;

void *eg_config_create(apr_pool_t *pool, char *where);
void *eg_config_merge(apr_pool_t *pool, void *outer, void *inner);
static inline const eg_config *eg_config_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &encgather_module);
}
/* The parameters that become tokens there, or NULL: none do. */
static inline const eg_shield_list *eg_config_shield(const eg_config *config)
{
    return config->shield && config->shield->n ? config->shield : NULL;
}
/* The members and parameters that become plaintext there, or NULL: none do. */
static inline const eg_reveal_list *eg_config_reveal(const eg_config *config)
{
    return config->reveal && config->reveal->n ? config->reveal : NULL;
}
/* Whether the location of r enables a handler of ours, or has our Require, a shield or a reveal. */
static inline bool eg_config_is_ours(const request_rec *r)
{
    const eg_config *config = eg_config_of(r);

    return config->backend || config->lookup || config->has_require > 0 ||
           eg_config_shield(config) || eg_config_reveal(config);
}
/* Whether httpd would take the word for one of our handlers, which does not look at the case of letters. */
bool eg_is_own_handler(const char *word);
/* "Require twilio-signature" or "webhook-signature" stands in the section that is read. */
#define EG_REQUIRES_TWILIO 1
#define EG_REQUIRES_WEBHOOK 2
void eg_config_note_require(cmd_parms *cmd, int which);

/* What cannot be set per location. */
#define EG_SERVER_MEMBERS(X)                                                                       \
    X(int, redact, -1)                                                                             \
    X(const eg_secret_names *, secrets, NULL)  /* these are not replaced, they add up */           \
    X(const eg_secret_names *, shielded, NULL) /* of EncGatherShield: so do these */               \
    X(const eg_secret_names *, masked, NULL)   /* what follows from all three */                   \
    X(int, is_used, -1)             /* one of the handlers is enabled here, or our Require */      \
    X(struct eg_host *, host, NULL) /* its counters, once the configuration is read */

typedef struct {
#define EG_MEMBER(type, name, unset) type name;
    EG_SERVER_MEMBERS(EG_MEMBER)
#undef EG_MEMBER
} eg_server;

void *eg_server_create(apr_pool_t *pool, server_rec *s);
void *eg_server_merge(apr_pool_t *pool, void *outer, void *inner);
/* What is masked in that server; NULL: nothing. */
static inline const eg_secret_names *eg_secrets_of(const server_rec *s)
{
    const eg_server *config = ap_get_module_config(s->module_config, &encgather_module);

    if (config->redact == 0 && !config->shielded)
        return NULL;
    return config->masked ? config->masked : &eg_known_secrets;
}
/* Whether there is an EncGatherShield in that server. */
bool eg_has_shields(const server_rec *s);
/* EncGatherRedact off does not hold for these. */
bool eg_masks_shields_alone(const server_rec *s);
/* Further names to mask in the server that is read; text lives as long as the configuration. */
void eg_server_mask(cmd_parms *cmd, eg_span name, bool is_shielded);
void eg_server_redact(cmd_parms *cmd, bool on);
/* Something of ours is enabled in a location of this server, while its configuration is read. */
void eg_server_note_use(cmd_parms *cmd);
bool eg_server_is_used(const server_rec *s);

/* With the defaults of the manual where nothing is set. */
const eg_provider *eg_config_provider(const eg_config *config);
eg_check eg_config_signature(const eg_config *config);
apr_size_t eg_config_max_body(const eg_config *config);
/* The largest limit of this location and of all that are configured: any may be asked for by a part
 * of its page. */
apr_size_t eg_config_largest_body(const eg_config *config);
const eg_fields *eg_config_fields(const eg_config *config);
unsigned eg_config_attempts(const eg_config *config);
apr_interval_time_t eg_config_timeout(const eg_config *config);
eg_voice eg_config_voice(const eg_config *config);
eg_token_formats eg_config_formats(const eg_config *config);
apr_int64_t eg_config_token_ttl(const eg_config *config); /* seconds */

/* To whom the field is sealed; NULL: under the key file. *known: false where the field names one that is
 * not there. */
const eg_store_entry *eg_config_recipient(const eg_config *config, const eg_field *field,
                                          bool *known);
/* Whether some field is sealed under the key file. */
bool eg_config_seals_by_file(const eg_config *config);
/* Whether both could be read, and are two halves of one pair. */
bool eg_config_is_pair(const eg_store_entry *recipient, const eg_store_entry *private_key);
/* The kid that two keys have which hold together, in words, and what to do; NULL: none. */
const char *eg_config_clash(apr_pool_t *pool, const eg_config *config);
/* Whether tokens are to be made in a format that cannot be sealed to the recipient there is: in words, or
 * NULL. */
const char *eg_config_format_fault(const eg_config *config);
/* Of what failures are counted there, or NULL: of nothing. */
const eg_lockout *eg_config_lockout(const eg_config *config);
/* Why nothing could be counted by that, as far as sections show it, in words, and what to do; NULL: it can be. */
const char *eg_config_lockout_fault(apr_pool_t *pool, const eg_config *config);
/* The place of the field of that name; the number of fields: there is none. */
unsigned eg_config_field_place(const eg_config *config, const char *name);
/* Where tokens are opened: why they cannot be good once, in words, and what to do; NULL: they can, or need not. */
const char *eg_config_single_use_fault(const eg_config *config);
/* What only the merge of sections shows to be wrong with tokens and their keys, in words, and what to do;
 * NULL: nothing. */
const char *eg_config_fault(apr_pool_t *pool, const eg_config *config);
const eg_say *eg_config_say(const eg_config *config, eg_event event); /* NULL: the default */
const eg_say **eg_config_say_member(eg_config *config, eg_event event);
const eg_then **eg_config_then_member(eg_config *config, eg_event event);
const eg_then *eg_config_then(const eg_config *config, eg_event event);

/* Starts to collect what the directives of one reading of the configuration name. */
void eg_config_reset(apr_pool_t *pconf);
bool eg_config_has_handlers(void); /* a handler is enabled somewhere */
/* Whether every URL of EncGatherBackend has the modules that it needs; one error line for each that
 * has not. Once all of the configuration is read. */
bool eg_config_check_urls(server_rec *s);

#endif
