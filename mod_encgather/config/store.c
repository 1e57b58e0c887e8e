/* SPDX-License-Identifier: Apache-2.0
 * Key and token files across restarts: checked, kept in memory of their own, never in a pool. */
#include "config/store.h"

#include <apr_strings.h>
#include <http_core.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/secret.h"
#include "core/secretfile.h"
#include "watch/counters.h"
#include "base/log.h"

APLOG_USE_MODULE(encgather);

#define RETAINED "mod_encgather:store"
#define KEY_FILE_MAX 4096
#define TOKEN_FILE_MAX 65536

/* What one file held when it was last good. Lives outside of pools, and holds no pointer into the
 * module's code: it survives a restart that unloads and loads the module. */
typedef struct held {
    struct held *next;
    char *path;
    eg_store_kind kind;
    bool wanted;    /* named by the present configuration */
    bool inherited; /* children that are forked now have it */
    eg_keyring *keys;
    eg_key_use *uses[EG_KEYS_MAX];
    eg_secretfile content; /* that tokens point into */
    eg_auth_tokens tokens;
} held;

typedef struct {
    held *first;
} retained;

static apr_array_header_t *entries; /* of eg_store_entry *, of this reading */
static pid_t reader;                /* whose reading it is: the parent of all children */

static retained *get_retained(void)
{
    retained *r = ap_retained_data_get(RETAINED);

    return r ? r : ap_retained_data_create(RETAINED, sizeof *r);
}

const eg_store_entry *eg_store_add(apr_pool_t *pconf, eg_store_kind kind, const char *path)
{
    eg_store_entry *entry;

    for (int i = 0; i < entries->nelts; i++) {
        entry = APR_ARRAY_IDX(entries, i, eg_store_entry *);
        if (entry->kind == kind && strcmp(entry->path, path) == 0)
            return entry;
    }
    entry = apr_pcalloc(pconf, sizeof *entry);
    entry->kind = kind;
    entry->path = path;
    APR_ARRAY_PUSH(entries, eg_store_entry *) = entry;
    return entry;
}

static const char *directive_of(eg_store_kind kind)
{
    return kind == EG_KEY_FILE ? "EncGatherKeyFile" : "EncGatherAuthTokenFile";
}

static held *find_held(const eg_store_entry *entry)
{
    held *h = get_retained()->first;

    while (h && (h->kind != entry->kind || strcmp(h->path, entry->path) != 0))
        h = h->next;
    return h;
}

static held *new_held(const eg_store_entry *entry)
{
    retained *r = get_retained();
    held *h = calloc(1, sizeof *h);
    char *path = strdup(entry->path);

    if (!h || !path) {
        free(h);
        free(path);
        return NULL;
    }
    h->path = path;
    h->kind = entry->kind;
    h->next = r->first;
    r->first = h;
    return h;
}

/* Wipes what the file held. */
static void empty_held(held *h)
{
    eg_secret_unmap(h->keys, sizeof *h->keys);
    h->keys = NULL;
    eg_secretfile_free(&h->content);
    free(h->tokens.at);
    h->tokens = (eg_auth_tokens){0, NULL};
}

static eg_status parse_keys(held *fresh, eg_problem *why)
{
    fresh->keys = eg_secret_map(sizeof *fresh->keys);
    if (!fresh->keys) {
        eg_problem_set(why, "cannot be kept: no memory");
        return EG_ENOMEM;
    }
    return eg_keyring_parse((eg_span){fresh->content.bytes, fresh->content.n}, fresh->keys, why);
}

static eg_status parse_tokens(held *fresh, eg_problem *why)
{
    apr_size_t bound = eg_auth_tokens_bound(fresh->content.n);

    fresh->tokens.at = calloc(bound, sizeof *fresh->tokens.at);
    if (!fresh->tokens.at) {
        eg_problem_set(why, "cannot be kept: no memory");
        return EG_ENOMEM;
    }
    return eg_auth_tokens_parse((eg_span){fresh->content.bytes, fresh->content.n}, &fresh->tokens,
                                why);
}

static eg_file_verdict read_fresh(apr_pool_t *ptemp, const eg_store_entry *entry,
                                  const eg_docroots *docroots, held *fresh, eg_problem *why)
{
    bool keys = entry->kind == EG_KEY_FILE;
    eg_secretfile_rules rules = {keys ? KEY_FILE_MAX : TOKEN_FILE_MAX, docroots};
    eg_file_verdict verdict = eg_secretfile_read(ptemp, entry->path, &rules, &fresh->content, why);

    if (verdict != EG_FILE_OK)
        return verdict;
    if ((keys ? parse_keys(fresh, why) : parse_tokens(fresh, why)) != EG_OK)
        verdict = EG_FILE_BAD;
    if (keys)
        eg_secretfile_free(&fresh->content); /* the ring holds them in binary */
    if (verdict != EG_FILE_OK)
        empty_held(fresh);
    return verdict;
}

/* Puts what was read in the place of what the path held before, which is wiped. */
static bool adopt(const eg_store_entry *entry, held *fresh)
{
    held *h = find_held(entry);

    if (!h)
        h = new_held(entry);
    if (!h) {
        empty_held(fresh);
        return false;
    }
    empty_held(h);
    h->keys = fresh->keys;
    h->content = fresh->content;
    h->tokens = fresh->tokens;
    return true;
}

static void connect_entry(eg_store_entry *entry)
{
    held *h = find_held(entry);

    if (!h)
        return;
    h->wanted = true;
    entry->keys = h->keys;
    entry->uses = h->uses;
    entry->tokens = h->tokens.n ? &h->tokens : NULL;
}

/* "apachectl configtest" by somebody who may not read the file proves nothing about it. */
static bool is_test_by_other_user(eg_file_verdict verdict)
{
    return verdict == EG_FILE_UNREADABLE && geteuid() != 0 &&
           ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
}

/* Whether the server may go on although the file is bad. */
static bool report(server_rec *s, const eg_store_entry *entry, eg_file_verdict verdict,
                   const eg_problem *why)
{
    const char *directive = directive_of(entry->kind);

    if (is_test_by_other_user(verdict)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0103") "%s '%s' was not checked, this user may not read it; run the "
                                    "configuration test as root",
                     directive, entry->path);
        return true;
    }
    if (ap_state_query(AP_SQ_CONFIG_GEN) <= 1) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, EG_TAG("0101") "%s '%s' %s", directive,
                     entry->path, why->text);
        return false;
    }
    ap_log_error(APLOG_MARK, APLOG_ALERT, 0, s,
                 EG_TAG("0102") "%s '%s' %s; %s until a restart with a good file", directive,
                 entry->path, why->text,
                 find_held(entry) ? "what it held before stays in use"
                                  : "its locations answer 500");
    return true;
}

static bool check_entry(apr_pool_t *ptemp, server_rec *s, eg_store_entry *entry,
                        const eg_docroots *docroots)
{
    held fresh = {0};
    eg_problem why;
    eg_file_verdict verdict = read_fresh(ptemp, entry, docroots, &fresh, &why);
    bool ok = verdict == EG_FILE_OK && adopt(entry, &fresh);

    if (!ok && verdict == EG_FILE_OK)
        eg_problem_set(&why, "cannot be kept: no memory");
    if (!ok)
        ok = report(s, entry, verdict, &why);
    connect_entry(entry);
    return ok;
}

static eg_docroots *list_docroots(apr_pool_t *ptemp, server_rec *s)
{
    apr_array_header_t *docroots = apr_array_make(ptemp, 4, sizeof(const char *));

    for (; s; s = s->next) {
        const core_server_config *core = ap_get_core_module_config(s->module_config);

        if (core->ap_document_root)
            APR_ARRAY_PUSH(docroots, const char *) = core->ap_document_root;
    }
    return eg_docroots_create(ptemp, docroots);
}

/* Keys of files that no directive names any more go at once. */
static void drop_unwanted(void)
{
    held **link = &get_retained()->first;

    while (*link) {
        held *h = *link;

        if (h->wanted) {
            link = &h->next;
            continue;
        }
        *link = h->next;
        empty_held(h);
        free(h->path);
        free(h);
    }
}

static void unwant_all(void)
{
    for (held *h = get_retained()->first; h; h = h->next)
        h->wanted = false;
}

/* Restarts find the keys where they were; the end of the server wipes them. Children have no
 * business here: what they did not inherit is not even mapped. */
static apr_status_t configuration_ends(void *unused)
{
    (void)unused;
    if (getpid() != reader || ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_EXITING)
        return APR_SUCCESS;
    unwant_all();
    drop_unwanted();
    return APR_SUCCESS;
}

void eg_store_reset(apr_pool_t *pconf)
{
    entries = apr_array_make(pconf, 4, sizeof(eg_store_entry *));
    apr_pool_cleanup_register(pconf, NULL, configuration_ends, apr_pool_cleanup_null);
}

/* Of keys and content a file has one. Where the kernel refuses, all stays as it was. */
static bool inherit_held(held *h, bool inherit)
{
    bool ok = eg_secret_inherit(h->keys, sizeof *h->keys, inherit) &&
              eg_secret_inherit(h->content.bytes, h->content.n, inherit);

    if (ok)
        h->inherited = inherit;
    return ok;
}

static void withhold(void)
{
    for (held *h = get_retained()->first; h; h = h->next)
        if (!inherit_held(h, false))
            h->inherited = true; /* to be forgotten by whoever has no use for it */
}

/* A child would find nothing where its key should be: better it knows. */
static void give_up(server_rec *s, eg_store_entry *entry, held *h)
{
    ap_log_error(APLOG_MARK, APLOG_ALERT, 0, s,
                 EG_TAG("0115") "%s '%s' cannot be made ready for the children: its locations "
                                "answer 500 until a restart",
                 directive_of(entry->kind), entry->path);
    if (h)
        empty_held(h);
    connect_entry(entry);
}

void eg_store_hand_over(server_rec *s)
{
    for (int i = 0; i < entries->nelts; i++) {
        eg_store_entry *entry = APR_ARRAY_IDX(entries, i, eg_store_entry *);
        held *h = find_held(entry);

        if (h && !inherit_held(h, true))
            give_up(s, entry, h);
    }
}

void eg_store_forget(void)
{
    /* what was not inherited is not even mapped here */
    for (held *h = get_retained()->first; h; h = h->next)
        if (h->inherited)
            empty_held(h);
}

int eg_store_check(apr_pool_t *ptemp, server_rec *s)
{
    eg_docroots *docroots = list_docroots(ptemp, s);
    bool ok = true;

    reader = getpid();
    unwant_all();
    for (int i = 0; i < entries->nelts; i++)
        ok = check_entry(ptemp, s, APR_ARRAY_IDX(entries, i, eg_store_entry *), docroots) && ok;
    drop_unwanted();
    withhold();
    return ok ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static bool derive_keys(const eg_store_entry *entry, eg_crypto *crypto)
{
    held *h = find_held(entry);

    return crypto && h && eg_keyring_derive(crypto, h->keys) == EG_OK;
}

/* The counters go with the key, not with its file or its place in it. */
static void count_keys(const eg_store_entry *entry, eg_crypto *crypto)
{
    held *h = find_held(entry);
    char fingerprint[9];

    for (apr_size_t i = 0; h && i < entry->keys->n; i++) {
        h->uses[i] = NULL;
        if (eg_key_fingerprint(crypto, &entry->keys->keys[i], fingerprint) == EG_OK)
            h->uses[i] = eg_counters_key(fingerprint);
    }
}

static void announce_keys(apr_pool_t *ptemp, server_rec *s, const eg_store_entry *entry,
                          eg_crypto *crypto)
{
    const eg_key *first = &entry->keys->keys[0];
    char fingerprint[9];

    if (entry->keys->weak)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0104") "EncGatherKeyFile '%s' holds a key that does not look random; "
                                    "make one with: openssl rand -hex 32",
                     entry->path);
    if (eg_key_fingerprint(crypto, first, fingerprint) != EG_OK)
        return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 EG_TAG("0105") "EncGatherKeyFile '%s': %d key%s, encrypting with %s "
                                "(fingerprint %s)",
                 entry->path, (int)entry->keys->n, entry->keys->n == 1 ? "" : "s",
                 first->id[0] ? apr_psprintf(ptemp, "'%s'", first->id) : "the one it has",
                 fingerprint);
}

static void announce_tokens(server_rec *s, const eg_store_entry *entry)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 EG_TAG("0106") "EncGatherAuthTokenFile '%s': %d token%s", entry->path,
                 (int)entry->tokens->n, entry->tokens->n == 1 ? "" : "s");
}

void eg_store_announce(apr_pool_t *ptemp, server_rec *s)
{
    eg_crypto *crypto = eg_crypto_create(ptemp);

    for (int i = 0; i < entries->nelts; i++) {
        eg_store_entry *entry = APR_ARRAY_IDX(entries, i, eg_store_entry *);

        if (entry->keys && !derive_keys(entry, crypto))
            give_up(s, entry, find_held(entry));
        if (entry->keys)
            count_keys(entry, crypto);
        if (entry->keys)
            announce_keys(ptemp, s, entry, crypto);
        if (entry->tokens)
            announce_tokens(s, entry);
    }
}

void eg_store_lock(server_rec *s)
{
    bool ok = true;

    for (held *h = get_retained()->first; h; h = h->next) {
        if (h->keys)
            ok = eg_secret_lock(h->keys, sizeof *h->keys) && ok;
        if (h->content.bytes)
            ok = eg_secret_lock(h->content.bytes, h->content.n) && ok;
    }
    if (!ok)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                     EG_TAG("0107") "keys are not locked in memory and could reach the swap "
                                    "space; raise LimitMEMLOCK");
}
