/* SPDX-License-Identifier: Apache-2.0
 * Warnings about what is written without an error and still cannot work, or should not stay.
 *
 * A directive counts for a location wherever it may: what is certain to be missing remains. */
#include "config/hopeless.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "config/store.h"
#include "config/written.h"
#include "core/secret.h"

APLOG_USE_MODULE(encgather);

#define TWILIO_WAITS 15 /* seconds */
#define NAME_MOST 24

typedef enum { HANDLER, BACKEND, KEYS, TOKENS, SIGNATURE, LOOKUP, TIMEOUT, KINDS } kind;

static const char *const directives[KINDS] = {
    "SetHandler",         "EncGatherBackend", "EncGatherKeyFile", "EncGatherAuthTokenFile",
    "EncGatherSignature", "EncGatherLookup",  "EncGatherTimeout"};

typedef struct {
    apr_pool_t *pool;
    const apr_array_header_t *found[KINDS]; /* of eg_written */
} survey;

static survey look_around(apr_pool_t *pool)
{
    survey all = {.pool = pool};

    for (int i = 0; i < KINDS; i++)
        all.found[i] = eg_written_find(pool, directives[i]);
    return all;
}

static const eg_written *finding_at(const survey *all, kind what, int i)
{
    return eg_written_item(all->found[what], i);
}

/* --- a gather that lacks something ------------------------------------------------------------- */

static bool is_there(const survey *all, kind what, const eg_written *at)
{
    for (int i = 0; i < all->found[what]->nelts; i++)
        if (eg_written_may_meet(finding_at(all, what, i), at))
            return true;
    return false;
}

/* "observe" and "off" go on without tokens. */
static bool needs_tokens(const survey *all, const eg_written *at)
{
    for (int i = 0; i < all->found[SIGNATURE]->nelts; i++) {
        const eg_written *said = finding_at(all, SIGNATURE, i);

        if (ap_cstr_casecmp(said->word, "on") != 0 && eg_written_may_meet(said, at))
            return false;
    }
    return true;
}

static const char *lacks(const survey *all, const eg_written *at)
{
    const char *list = "";

    for (kind each = BACKEND; each <= TOKENS; each++)
        if ((each != TOKENS || needs_tokens(all, at)) && !is_there(all, each, at))
            list = apr_pstrcat(all->pool, list, *list ? ", no " : "no ", directives[each], NULL);
    return *list ? list : NULL;
}

static void check_gather(const survey *all, server_rec *s, const eg_written *at)
{
    const char *missing = lacks(all, at);

    if (missing)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0130") "SetHandler " EG_GATHER_HANDLER " in " EG_AT
                                    " can only fail: there is %s for it; set it there or around it",
                     eg_written_section(all->pool, at), at->node->line_num, at->node->filename,
                     missing);
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

static void check_handler_name(const survey *all, server_rec *s, const eg_written *at)
{
    const char *meant = meant_by(all->pool, at->word);

    if (meant)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0131") "SetHandler %s in " EG_AT
                                    " is no handler of this module; if %s "
                                    "is meant, write that",
                     at->word, eg_written_section(all->pool, at), at->node->line_num,
                     at->node->filename, meant);
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

static void check_query(const survey *all, server_rec *s, const eg_written *at)
{
    if (has_quoted_argument(at->word))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0132") "EncGatherLookup in " EG_AT " has a %%s in quotes, where no "
                                    "value is put in: write %%s without them",
                     eg_written_section(all->pool, at), at->node->line_num, at->node->filename);
}

/* --- a token file that holds something else ---------------------------------------------------- */

#define KEY_DIGITS 64
#define TOKEN_DIGITS 32 /* of Twilio's */

/* A SharedKey may be any text; a token never has that form. */
static bool looks_like_key(const eg_auth_token *each)
{
    static const char shared[] = "webhooks_sharedkey_";
    apr_size_t n = sizeof shared - 1;

    if (each->token.n != KEY_DIGITS ||
        (each->account.n > n && memcmp(each->account.p, shared, n) == 0))
        return false;
    for (apr_size_t i = 0; i < KEY_DIGITS; i++)
        if (eg_hex_value(each->token.p[i]) < 0)
            return false;
    return true;
}

/* The letters of text, in lower case; cut to size. */
static void take_letters(eg_span text, char *to, apr_size_t size)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < text.n && n + 1 < size; i++)
        if (eg_is_alnum(text.p[i]))
            to[n++] = text.p[i];
    to[n] = '\0';
    ap_str_tolower(to);
}

static bool is_placeholder(const eg_auth_token *each)
{
    static const char *const words[] = {
        "authtoken", "yourauthtoken", "twilioauthtoken", "yourtwilioauthtoken", "myauthtoken",
        "yourtoken", "token",         "changeme",        "placeholder"};
    char letters[TOKEN_DIGITS + 2];
    bool is_one;

    take_letters(each->token, letters, sizeof letters);
    is_one = strspn(letters, "x") == TOKEN_DIGITS && each->token.n == TOKEN_DIGITS;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        is_one |= strcmp(letters, words[i]) == 0;
    eg_wipe(letters, sizeof letters);
    return is_one;
}

static void check_token_file(server_rec *s, const eg_store_entry *entry)
{
    const char *wrong = NULL;

    for (apr_size_t i = 0; entry->tokens && i < entry->tokens->n && !wrong; i++)
        if (looks_like_key(&entry->tokens->at[i]))
            wrong = "a line that looks like a key (64 hexadecimal digits), which belongs into "
                    "EncGatherKeyFile";
        else if (is_placeholder(&entry->tokens->at[i]))
            wrong = "a placeholder";
    if (wrong)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0133") "EncGatherAuthTokenFile '%s' has %s in the place of an auth "
                                    "token: take the token from the Twilio Console",
                     entry->path, wrong);
}

void eg_hopeless_warn(apr_pool_t *ptemp, server_rec *s)
{
    survey all = look_around(ptemp);

    for (int i = 0; i < all.found[HANDLER]->nelts; i++) {
        const eg_written *at = finding_at(&all, HANDLER, i);

        if (ap_cstr_casecmp(at->word, EG_GATHER_HANDLER) == 0)
            check_gather(&all, s, at);
        else
            check_handler_name(&all, s, at);
    }
    for (int i = 0; i < all.found[LOOKUP]->nelts; i++)
        check_query(&all, s, finding_at(&all, LOOKUP, i));
    eg_store_each(s, check_token_file);
}

/* --- what works, but should not stay ----------------------------------------------------------- */

static void check_signature_off(const survey *all, server_rec *s, const eg_written *at)
{
    if (ap_cstr_casecmp(at->word, "off") == 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0110") "EncGatherSignature is off in " EG_AT ": anybody can pose as "
                                    "Twilio there; not for production",
                     eg_written_section(all->pool, at), at->node->line_num, at->node->filename);
}

static void check_long_timeout(const survey *all, server_rec *s, const eg_written *at)
{
    if (strtol(at->word, NULL, 10) >= TWILIO_WAITS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0134") "EncGatherTimeout %s in " EG_AT " is longer than Twilio waits, "
                                    "which gives a call up after 15 seconds: set 14 or less",
                     at->word, eg_written_section(all->pool, at), at->node->line_num,
                     at->node->filename);
}

void eg_doubtful_warn(apr_pool_t *ptemp, server_rec *s)
{
    survey all = look_around(ptemp);

    for (int i = 0; i < all.found[SIGNATURE]->nelts; i++)
        check_signature_off(&all, s, finding_at(&all, SIGNATURE, i));
    for (int i = 0; i < all.found[TIMEOUT]->nelts; i++)
        check_long_timeout(&all, s, finding_at(&all, TIMEOUT, i));
}
