/* SPDX-License-Identifier: Apache-2.0
 * Warnings about what is written without an error and still cannot work, or should not stay.
 * A directive counts for a location wherever it may: what is certain to be missing remains. */
#include "config/hopeless.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "config/destinations.h"
#include "config/store.h"
#include "config/written.h"
#include "core/provider.h"
#include "core/secret.h"

APLOG_USE_MODULE(encgather);

#define TWILIO_WAITS 15 /* seconds */
#define NAME_MOST 24

/* --- a handler that lacks something ------------------------------------------------------------ */

/* "observe" and "off" go on without tokens. */
static bool needs_tokens(const eg_survey *all, const eg_finding *at)
{
    eg_scan scan = eg_written_scan(all, EG_WRITTEN_SIGNATURE, at->host);
    const eg_finding *said;

    while ((said = eg_written_next(&scan)) != NULL)
        if (ap_cstr_casecmp(said->word, "on") != 0 && eg_written_may_meet(said, at))
            return false;
    return true;
}

/* "off" only empties a list. */
static bool has_envelope_key(const eg_survey *all, const eg_finding *at, eg_written_kind what)
{
    eg_scan scan = eg_written_scan(all, what, at->host);
    const eg_finding *each;

    while ((each = eg_written_next(&scan)) != NULL)
        if (ap_cstr_casecmp(each->word, EG_NO_RECIPIENT) != 0 && eg_written_may_meet(each, at))
            return true;
    return false;
}

/* Beside pairs: a field that is sealed under the key file, a blind index. */
static bool asks_for_key_file(const eg_survey *all, const eg_finding *at, bool is_gather)
{
    eg_written_kind what = is_gather ? EG_WRITTEN_FIELD : EG_WRITTEN_LOOKUP;
    const eg_finding *last = at->path ? eg_written_last(all, what, at->host, at->path) : at;
    eg_scan scan = eg_written_scan(all, what, at->host);
    const eg_finding *each;

    while (last && (each = eg_written_next(&scan)) != NULL)
        if (each->place == last->place && each->host == last->host &&
            ap_strcasestr(each->node->args, is_gather ? "recipient=off" : "hmac:"))
            return true;
    return false;
}

/* A key of a pair may stand in for the key file. */
static bool is_lacking(const eg_survey *all, const eg_finding *at, eg_written_kind what,
                       bool is_gather)
{
    if (eg_written_is_there(all, what, at))
        return false;
    return what != EG_WRITTEN_KEYS || asks_for_key_file(all, at, is_gather) ||
           !has_envelope_key(all, at, is_gather ? EG_WRITTEN_RECIPIENT : EG_WRITTEN_PRIVATE_KEY);
}

/* "no A, no B"; NULL where all are there. */
static const char *lacks(const eg_survey *all, const eg_finding *at, bool is_gather)
{
    static const eg_written_kind of_gather[] = {EG_WRITTEN_BACKEND, EG_WRITTEN_KEYS,
                                                EG_WRITTEN_TOKENS};
    static const eg_written_kind of_decrypt[] = {EG_WRITTEN_LOOKUP, EG_WRITTEN_KEYS};
    const eg_written_kind *kinds = is_gather ? of_gather : of_decrypt;
    unsigned n = is_gather && needs_tokens(all, at) ? 3 : 2;
    const char *list = "";

    for (unsigned i = 0; i < n; i++)
        if (is_lacking(all, at, kinds[i], is_gather))
            list = apr_pstrcat(all->pool, list, *list ? ", no " : "no ", eg_written_name(kinds[i]),
                               NULL);
    return *list ? list : NULL;
}

static void check_handler(const eg_survey *all, server_rec *s, const eg_finding *at,
                          const char *name)
{
    const char *missing = lacks(all, at, strcmp(name, EG_GATHER_HANDLER) == 0);

    if (missing)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0130") "SetHandler %s in " EG_AT
                                    " can only fail: there is %s for it; set it there or around it",
                     name, EG_PLACE(all->pool, at), missing);
}

/* --- a shield that lacks something ------------------------------------------------------------- */

static bool is_shielding(const eg_finding *at)
{
    return ap_cstr_casecmp(at->word, "off") != 0 && ap_cstr_casecmp(at->word, "observe") != 0;
}

static void check_shield(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    bool no_keys = is_shielding(at) && !eg_written_is_there(all, EG_WRITTEN_KEYS, at) &&
                   !has_envelope_key(all, at, EG_WRITTEN_RECIPIENT);
    bool no_tokens = ap_cstr_casecmp(at->word, "off") != 0 && needs_tokens(all, at) &&
                     !eg_written_is_there(all, EG_WRITTEN_TOKENS, at);

    if (no_keys || no_tokens)
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            EG_TAG("0152") "EncGatherShield in " EG_AT " can only fail: there is no %s%s%s "
                           "for it; set it there or around it",
            EG_PLACE(all->pool, at), no_keys ? "EncGatherKeyFile" : "",
            no_keys && no_tokens ? ", no " : "", no_tokens ? "EncGatherAuthTokenFile" : "");
}

/* --- a handler that is almost ours ------------------------------------------------------------- */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* How many letters have to be put in, taken out or changed. */
static unsigned letters_apart(const char *a, const char *b)
{
    unsigned row[NAME_MOST + 1], n = (unsigned)strlen(b);

    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            unsigned changed = diagonal + (*a != b[j - 1]);

            diagonal = row[j];
            row[j] = least(changed, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[n];
}

/* The handler that somebody meant, or NULL. httpd does not mind capitals. */
static const char *meant_by(apr_pool_t *pool, const char *word)
{
    static const char *const ours[] = {EG_GATHER_HANDLER, EG_DECRYPT_HANDLER, EG_STATUS_HANDLER};
    char *name = apr_pstrdup(pool, word);

    ap_str_tolower(name);
    for (int i = 0; i < 3; i++)
        if (strcmp(name, ours[i]) == 0)
            return NULL;
    for (int i = 0; i < 3 && strlen(name) <= NAME_MOST; i++)
        if (letters_apart(name, ours[i]) <= 2)
            return ours[i];
    return NULL;
}

static void check_handler_name(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    const char *meant = meant_by(all->pool, at->word);

    if (meant)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0131") "SetHandler %s in " EG_AT
                                    " is no handler of this module; if %s "
                                    "is meant, write that",
                     at->word, EG_PLACE(all->pool, at), meant);
}

/* --- a %s in quotes ---------------------------------------------------------------------------- */

/* In quotes it is two characters for the database, and no place for a value. */
static bool has_quoted_argument(const char *query)
{
    char quote = '\0';

    for (const char *p = query; *p; p++)
        if (*p == '%' && p[1] == '%')
            p++;
        else if (*p == '%' && p[1] == 's' && quote)
            return true;
        else if (*p == quote)
            quote = '\0';
        else if (!quote && (*p == '\'' || *p == '"' || *p == '`'))
            quote = *p;
    return false;
}

static void check_query(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    if (has_quoted_argument(at->word))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0132") "EncGatherLookup in " EG_AT " has a %%s in quotes, where no "
                                    "value is put in: write %%s without them",
                     EG_PLACE(all->pool, at));
}

/* --- a token file that holds something else ---------------------------------------------------- */

static void check_token_file(server_rec *s, const eg_store_entry *entry)
{
    const char *wrong = entry->tokens ? eg_auth_tokens_odd(entry->tokens) : NULL;

    if (wrong)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0133") "EncGatherAuthTokenFile '%s' has %s where an auth token should "
                                    "be: take the auth token from the Twilio Console",
                     entry->path, wrong);
}

/* --- what works, but should not stay ----------------------------------------------------------- */

static void check_signature_off(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    if (ap_cstr_casecmp(at->word, "off") == 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0110") "EncGatherSignature is off in " EG_AT ": anybody can pose as "
                                    "Twilio there; not for production",
                     EG_PLACE(all->pool, at));
}

/* They do not wait as long as Twilio, or longer. */
static bool is_of_other_provider(const eg_survey *all, const eg_finding *at)
{
    eg_scan scan = eg_written_scan(all, EG_WRITTEN_PROVIDER, at->host);
    const eg_finding *said;

    while (at->place && (said = eg_written_next(&scan)) != NULL)
        if (said->place == at->place && ap_cstr_casecmp(said->word, eg_provider_twilio.name) != 0)
            return true;
    return false;
}

static void check_long_timeout(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    if (!is_of_other_provider(all, at) && strtol(at->word, NULL, 10) >= TWILIO_WAITS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0134") "EncGatherTimeout %s in " EG_AT " is longer than Twilio waits, "
                                    "which gives a call up after 15 seconds: set 14 or less",
                     at->word, EG_PLACE(all->pool, at));
}

/* --- all of it ---------------------------------------------------------------------------------- */

static void check_handlers(const eg_survey *all, server_rec *s)
{
    for (int i = 0; i < all->found[EG_WRITTEN_HANDLER]->nelts; i++) {
        const eg_finding *at = eg_written_at(all, EG_WRITTEN_HANDLER, i);

        if (ap_cstr_casecmp(at->word, EG_GATHER_HANDLER) == 0)
            check_handler(all, s, at, EG_GATHER_HANDLER);
        else if (ap_cstr_casecmp(at->word, EG_DECRYPT_HANDLER) == 0)
            check_handler(all, s, at, EG_DECRYPT_HANDLER);
        else
            check_handler_name(all, s, at);
    }
}

void eg_hopeless_warn(apr_pool_t *ptemp, server_rec *s)
{
    const eg_survey *all = eg_written_look(ptemp);

    check_handlers(all, s);
    for (int i = 0; i < all->found[EG_WRITTEN_LOOKUP]->nelts; i++)
        check_query(all, s, eg_written_at(all, EG_WRITTEN_LOOKUP, i));
    for (int i = 0; i < all->found[EG_WRITTEN_SHIELD]->nelts; i++)
        check_shield(all, s, eg_written_at(all, EG_WRITTEN_SHIELD, i));
    eg_destinations_check(all, s);
    eg_store_each(s, check_token_file);
}

void eg_doubtful_warn(apr_pool_t *ptemp, server_rec *s)
{
    const eg_survey *all = eg_written_look(ptemp);

    for (int i = 0; i < all->found[EG_WRITTEN_SIGNATURE]->nelts; i++)
        check_signature_off(all, s, eg_written_at(all, EG_WRITTEN_SIGNATURE, i));
    for (int i = 0; i < all->found[EG_WRITTEN_TIMEOUT]->nelts; i++)
        check_long_timeout(all, s, eg_written_at(all, EG_WRITTEN_TIMEOUT, i));
}
