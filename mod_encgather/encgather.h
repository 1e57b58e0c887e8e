/* SPDX-License-Identifier: Apache-2.0
 * What the server side of the module shares: configuration, request state, outcomes. */
#ifndef ENCGATHER_H
#define ENCGATHER_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_request.h>

/* conn_rec.outgoing came with that one */
#if AP_SERVER_MAJORVERSION_NUMBER < 2 ||                                                           \
    (AP_SERVER_MAJORVERSION_NUMBER == 2 &&                                                         \
     (AP_SERVER_MINORVERSION_NUMBER < 4 ||                                                         \
      (AP_SERVER_MINORVERSION_NUMBER == 4 && AP_SERVER_PATCHLEVEL_NUMBER < 49)))
#error "mod_encgather needs httpd 2.4.49 or later"
#endif

#include "core/flow.h"
#include "core/say.h"
#include "core/signature.h"
#include "core/token.h"

extern module AP_MODULE_DECLARE_DATA encgather_module;

#define EG_GATHER_HANDLER "encrypted-gather"
#define EG_DECRYPT_HANDLER "decrypt-gather"
#define EG_STATUS_HANDLER "encgather-status"

/* --- outcomes: one word in ENCGATHER_RESULT, one status, one fixed text ------------------------ */

typedef enum {
    EG_GOING_ON = 0, /* nothing decided yet */
    EG_DISABLED,     /* the handler is set, its enabling directive is not */
    EG_METHOD,
    EG_MEDIA_TYPE,
    EG_TOO_LARGE,
    EG_MALFORMED,
    EG_MISCONFIGURED,
    EG_FORBIDDEN,
    EG_BAD_TOKEN,
    EG_NOT_FOUND,
    EG_UNAVAILABLE,
    EG_INVALID,
    EG_ASKED,
    EG_ASKED_AGAIN,
    EG_FOUND
} eg_outcome;

#define EG_OUTCOMES (EG_FOUND + 1)
#define EG_VERDICTS (EG_SIGNATURE_VALID + 1)

typedef struct {
    const char *word; /* NULL: no ENCGATHER_RESULT */
    int status;
    const char *text; /* for the caller; never more than the kind of failure */
} eg_outcome_info;

/* Never NULL. */
const eg_outcome_info *eg_outcome_of(eg_outcome outcome);
const char *eg_verdict_word(eg_verdict verdict);

/* --- configuration ----------------------------------------------------------------------------- */

typedef enum { EG_CHECK_ON, EG_CHECK_OBSERVE, EG_CHECK_OFF } eg_check;

typedef enum { EG_KEY_FILE, EG_TOKEN_FILE } eg_store_kind;

/* A key or token file that some directive names; the same file is one entry. What it holds is
 * there from check_config on; both NULL while it could never be read. */
typedef struct {
    eg_store_kind kind;
    const char *path;
    const eg_keyring *keys;
    struct eg_key_use *const *uses; /* a counter (or NULL) for each key */
    const eg_auth_tokens *tokens;
} eg_store_entry;

typedef struct {
    const char *text; /* https://host[:port] */
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
    X(int, signature, -1)                                                                          \
    X(const eg_public_url *, public_url, NULL)                                                     \
    X(const eg_backend *, backend, NULL)                                                           \
    X(const eg_lookup *, lookup, NULL)                                                             \
    X(int, max_body, -1)                                                                           \
    X(const eg_field_list *, fields, NULL)                                                         \
    X(int, attempts, -1)                                                                           \
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

extern const command_rec eg_commands[];
void *eg_config_create(apr_pool_t *pool, char *where);
void *eg_config_merge(apr_pool_t *pool, void *outer, void *inner);
const eg_config *eg_config_of(const request_rec *r);

/* What cannot be set per location. */
#define EG_SERVER_MEMBERS(X)                                                                       \
    X(int, redact, -1)                                                                             \
    X(int, is_used, -1)             /* one of the handlers is enabled here, or our Require */      \
    X(struct eg_host *, host, NULL) /* its counters, once the configuration is read */

typedef struct {
#define EG_MEMBER(type, name, unset) type name;
    EG_SERVER_MEMBERS(EG_MEMBER)
#undef EG_MEMBER
} eg_server;

void *eg_server_create(apr_pool_t *pool, server_rec *s);
void *eg_server_merge(apr_pool_t *pool, void *outer, void *inner);
bool eg_redacts(const server_rec *s);
/* Something of ours is enabled in a location of this server, while its configuration is read. */
void eg_server_note_use(cmd_parms *cmd);

/* With the defaults of the manual where nothing is set. */
eg_check eg_config_signature(const eg_config *config);
apr_size_t eg_config_max_body(const eg_config *config);
const eg_fields *eg_config_fields(const eg_config *config);
unsigned eg_config_attempts(const eg_config *config);
apr_interval_time_t eg_config_timeout(const eg_config *config);
eg_voice eg_config_voice(const eg_config *config);
const eg_say *eg_config_say(const eg_config *config, eg_event event); /* NULL: the default */
const eg_say **eg_config_say_member(eg_config *config, eg_event event);
const eg_then **eg_config_then_member(eg_config *config, eg_event event);
const eg_then *eg_config_then(const eg_config *config, eg_event event);

/* Starts to collect what the directives of one reading of the configuration name. */
void eg_config_reset(apr_pool_t *pconf);
bool eg_config_has_unsigned(void); /* EncGatherSignature off somewhere */
bool eg_config_has_handlers(void); /* a handler is enabled somewhere */
/* Whether every URL of EncGatherBackend has the modules that it needs; one error line for each that
 * has not. Once all of the configuration is read. */
bool eg_config_check_urls(server_rec *s);

/* --- per request ------------------------------------------------------------------------------- */

typedef struct eg_webhook eg_webhook;

typedef enum { EG_AT_NONE = 0, EG_AT_GATHER, EG_AT_DECRYPT } eg_handler_kind;

/* Where in a call a webhook is. */
typedef enum {
    EG_STEP_UNKNOWN = 0,
    EG_STEP_FIRST,  /* the first question is asked for */
    EG_STEP_MIDDLE, /* an answer arrives, and another question follows */
    EG_STEP_LAST    /* the last answer arrives */
} eg_step;

#define EG_STEPS (EG_STEP_LAST + 1)

typedef struct {
    const char *raw_target; /* as received, where the request_rec shows a masked one; else NULL */
    const char *raw_line;   /* the same for the_request, args and Referer, while they are masked */
    const char *raw_args;
    const char *raw_referer;
    const char *located;               /* r->uri for which its location enables a handler of ours */
    bool has_no_file;                  /* and nothing was looked up in the file system for it */
    const struct ap_logconf *loud_log; /* r->log as it was, while core is hushed */
    bool is_hushed;
    eg_webhook *webhook;                  /* what was read of the body, once */
    int read_status;                      /* what httpd found wrong with the body; 0: nothing */
    bool answers_json;                    /* errors too */
    bool calling_backend;                 /* a sub-request is our own */
    bool met_nobody;                      /* and no handler took it, but the one for files */
    struct eg_json *handed, *handed_back; /* to it and by it, where it is decrypt-gather */
    bool has_feed;                        /* the body that was read is handed on to whoever asks */
    eg_outcome refusal; /* what "Require twilio-signature" has against it; counts if denied */

    /* what there is to count */
    eg_handler_kind handler;
    apr_uint64_t started; /* eg_clock() */
    eg_step step;
    eg_outcome result;
    eg_verdict verdict;
    bool has_verdict;
    bool is_counted;
} eg_request;

/* Made on first use. */
eg_request *eg_request_of(request_rec *r);
/* NULL where the module has nothing to say about this request. */
eg_request *eg_request_if_any(const request_rec *r);

/* The request that the client sent, behind redirects and sub-requests; a backend call of our own is
 * a request of its own. */
request_rec *eg_root_of(request_rec *r);

/* Path and query exactly as the first request line of this chain of redirects had them. */
eg_span eg_raw_target(request_rec *r);

/* Whether this request is the module's own call of its backend. */
bool eg_is_backend_call(const request_rec *r);

/* The variables of the access log. */
void eg_set_call(request_rec *r, eg_span call_sid);
void eg_set_step(request_rec *r, const char *name, eg_step step);
void eg_set_signature(request_rec *r, eg_verdict verdict);
void eg_set_result(request_rec *r, eg_outcome outcome);
/* Before logging: to the last request of a chain of internal redirects, whose names httpd prefixes
 * with REDIRECT_. A log_transaction hook. */
int eg_request_carry_over(request_rec *r);
const char *eg_call_of(const request_rec *r); /* for log lines; "-" when unknown */

/* Made in each child. */
eg_crypto *eg_the_crypto(void);

#endif
