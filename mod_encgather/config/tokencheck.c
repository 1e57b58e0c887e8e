/* SPDX-License-Identifier: Apache-2.0
 * Whether formats, keys and fields of a section go together, as far as it is known before a request. */
#include "config/tokencheck.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include "config/sections.h"
#include "config/store.h"
#include "config/written.h"

APLOG_USE_MODULE(encgather);

#define UNKNOWN_ORIGIN 64
#define SPEECH_LENGTH 200
#define SIG_LENGTH 48 /* "&sig=" and 43 characters */
#define ACTION_GOOD 4000
#define ACTION_MOST 8000
#define REQUEST_LINE_REST 14 /* "POST " and " HTTP/1.1" */

#define AT "%s (line %d of %s)"
#define WHERE(place) (place)->title, (place)->node->line_num, (place)->node->filename

typedef struct {
    apr_pool_t *pool;
    server_rec *main_server;
    const eg_place *place;
} subject;

static bool answers_by(const eg_place *place, const char *handler)
{
    return !place->is_conditional && place->handler &&
           ap_cstr_casecmp(place->handler, handler) == 0;
}

static bool is_gather(const eg_place *place)
{
    return answers_by(place, EG_GATHER_HANDLER) && place->config->backend;
}

static unsigned count_of(const eg_envelope_list *list)
{
    return list ? list->n : 0;
}

/* --- how long the action becomes --------------------------------------------------------------- */

static apr_size_t answer_length(const eg_field *field)
{
    if (field->input == EG_INPUT_DTMF)
        return field->max;
    return field->max > SPEECH_LENGTH ? field->max : SPEECH_LENGTH;
}

/* The key itself is not asked, only what it is. */
static apr_size_t token_length(const eg_config *config, const eg_field *field)
{
    static const char call[] = "0123456789012345678901234567890123456789012345678901234567890123";
    const eg_format *format = eg_formats[eg_config_formats(config).made];
    eg_sealing with = {.sid = {call, sizeof call - 1},
                       .fld = eg_span_of(field->name),
                       .iat = apr_time_sec(apr_time_now())};
    eg_envelope_key key = {.wrapped = 0};
    bool known;
    const eg_store_entry *to = eg_config_recipient(config, field, &known);

    if (to && to->has_facts) {
        apr_cpystrn(key.kid, to->kid, sizeof key.kid);
        key.kind = to->facts.kind;
        key.wrapped = to->facts.wrapped;
        with.recipient = &key;
    }
    with.ring = config->keys ? config->keys->keys : NULL;
    if (!with.recipient && !with.ring)
        return 0; /* a line of its own says that it is not there */
    return format->length(&with, answer_length(field));
}

static apr_size_t origin_length(const eg_config *config)
{
    return config->public_url ? strlen(config->public_url->text) : UNKNOWN_ORIGIN;
}

static apr_size_t path_length(const subject *of)
{
    const char *args =
        apr_pstrmemdup(of->pool, of->place->node->args, strcspn(of->place->node->args, ">"));

    return of->place->path ? strlen(of->place->path) : strlen(ap_getword_conf(of->pool, &args));
}

/* Of the question for the last of n fields: it carries all the others. */
static apr_size_t action_length(const subject *of, unsigned n)
{
    const eg_config *config = of->place->config;
    const eg_fields *fields = eg_config_fields(config);
    apr_size_t length = origin_length(config) + path_length(of) + strlen("?step=" EG_LAST_STEP) +
                        strlen("&attempt=10") + SIG_LENGTH;

    for (unsigned i = 0; i + 1 < n; i++)
        length += strlen("&=") + strlen(fields->at[i].name) + token_length(config, &fields->at[i]);
    return length;
}

static apr_size_t most_of(const subject *of)
{
    apr_size_t line = (apr_size_t)of->place->server->limit_req_line;
    apr_size_t origin = origin_length(of->place->config);

    if (line < REQUEST_LINE_REST)
        return 0;
    line += origin - REQUEST_LINE_REST;
    return line < ACTION_MOST ? line : ACTION_MOST;
}

static const char *find_too_long(const subject *of)
{
    const eg_fields *fields = eg_config_fields(of->place->config);
    apr_size_t most = most_of(of), length = action_length(of, fields->n);
    unsigned fit = fields->n;

    if (length <= most)
        return NULL;
    while (fit > 0 && action_length(of, fit) > most)
        fit--;
    return apr_psprintf(of->pool,
                        "the URL of action can become %lu characters long, and a provider or "
                        "LimitRequestLine takes %lu: of its %u fields %u fit; take fewer, or a "
                        "key whose tokens are shorter (RSA has the longest)",
                        (unsigned long)length, (unsigned long)most, fields->n, fit);
}

/* --- errors ------------------------------------------------------------------------------------ */

static bool complain(const subject *of, const char *wrong)
{
    return eg_section_may_go_on(of->main_server, of->place, EG_TAG("0141"), wrong);
}

static bool check_place_of(const subject *of)
{
    bool good;

    if (of->place->is_conditional)
        return true;
    good = complain(of, eg_config_clash(of->pool, of->place->config));
    if (!is_gather(of->place))
        return good;
    good = complain(of, eg_config_fault(of->pool, of->place->config)) && good;
    return complain(of, find_too_long(of)) && good;
}

bool eg_tokencheck(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);
    bool good = true;

    for (int i = 0; i < places->nelts; i++) {
        subject of = {ptemp, s, &APR_ARRAY_IDX(places, i, eg_place)};

        good = check_place_of(&of) && good;
    }
    return good;
}

/* --- warnings ---------------------------------------------------------------------------------- */

static void warn_of_length(const subject *of)
{
    apr_size_t length = action_length(of, eg_config_fields(of->place->config)->n);

    if (length > ACTION_GOOD && length <= most_of(of))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                     EG_TAG("0142") AT ": the URL of action can become %lu characters long; "
                                       "what is in front of this server may cut URLs of more than "
                                       "4000: try it, or take fewer fields, or shorter tokens",
                     WHERE(of->place), (unsigned long)length);
}

static void warn_of_age(const subject *of)
{
    const eg_config *config = of->place->config;
    const eg_fields *fields = eg_config_fields(config);
    apr_int64_t longest = 0;

    for (unsigned i = 0; i < fields->n; i++)
        longest += (apr_int64_t)fields->at[i].timeout * eg_config_attempts(config);
    if (longest > eg_config_token_ttl(config))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                     EG_TAG("0143") AT ": a call may take %ld seconds with all its fields, "
                                       "attempts and time-outs, and EncGatherTokenTTL lets a token "
                                       "live for %ld: set it higher, where tokens are opened too",
                     WHERE(of->place), (long)longest, (long)eg_config_token_ttl(config));
}

static void warn_of_no_kid(const subject *of)
{
    const eg_config *config = of->place->config;
    const eg_keyring *ring = config->keys ? config->keys->keys : NULL;

    if (ring && ring->keys[0].id[0] == '\0' && eg_config_seals_by_file(config))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                     EG_TAG("0144") AT ": the key in EncGatherKeyFile '%s' has no id, so tokens "
                                       "do not say by which key they were sealed, and the first "
                                       "change of the key will lose calls under way: put an id and "
                                       "a blank in front of it",
                     WHERE(of->place), config->keys->path);
}

/* Where one host has both, what it seals it can open: sealing protects from nobody. */
static void warn_of_own_half(const subject *of)
{
    const eg_config *config = of->place->config;

    for (unsigned i = 0; i < count_of(config->recipients); i++)
        for (unsigned k = 0; k < count_of(config->privates); k++)
            if (eg_config_is_pair(config->recipients->at[i], config->privates->at[k]))
                ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                             EG_TAG("0145") AT
                             ": this section has the private half of its own "
                             "EncGatherRecipient %s, so whoever reads this host's "
                             "keys opens what it seals; the private key belongs "
                             "to the backend alone",
                             WHERE(of->place), config->recipients->at[i]->kid);
}

static void warn_of_gather(const subject *of)
{
    warn_of_length(of);
    if (!eg_formats[eg_config_formats(of->place->config).made]->binds)
        return;
    warn_of_age(of);
    warn_of_no_kid(of);
    warn_of_own_half(of);
}

/* "Require all granted" names nobody. */
static bool has_guard(const subject *of)
{
    const apr_array_header_t *all = eg_written_find(of->pool, "Require");

    for (int i = 0; i < all->nelts; i++) {
        const eg_finding *at = eg_written_item(all, i);
        bool is_here = at->place == of->place->node ||
                       (at->path && of->place->path && (!at->host || at->host == of->place->host) &&
                        eg_written_is_below(of->place->path, at->path));

        if (is_here && ap_cstr_casecmp(at->node->args, "all granted") != 0)
            return true;
    }
    return false;
}

static void warn_of_strangers(const subject *of)
{
    const eg_config *config = of->place->config;

    if (config->expose == 1 && count_of(config->privates) && !has_guard(of))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, of->main_server,
                     EG_TAG("0146") AT ": EncGatherExpose is on, and tokens are opened by an "
                                       "EncGatherPrivateKeyFile: whoever has the public key can "
                                       "make tokens, so Require has to name who may come",
                     WHERE(of->place));
}

void eg_tokencheck_warn(apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *places = eg_sections_find(ptemp, s);

    for (int i = 0; i < places->nelts; i++) {
        subject of = {ptemp, s, &APR_ARRAY_IDX(places, i, eg_place)};

        if (is_gather(of.place))
            warn_of_gather(&of);
        if (answers_by(of.place, EG_DECRYPT_HANDLER) || eg_config_reveal(of.place->config))
            warn_of_strangers(&of);
    }
}
