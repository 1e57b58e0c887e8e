/* SPDX-License-Identifier: Apache-2.0
 * Key and token files across restarts: checked, kept in memory of their own, never in a pool. */
#include "config/store.h"

#include <apr_strings.h>
#include <errno.h>
#include <http_core.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/secret.h"
#include "core/secretfile.h"
#include "config/announced.h"
#include "config/contents.h"
#include "config/handover.h"
#include "config/vault.h"

APLOG_USE_MODULE(encgather);

#define AT_ONCE 64

/* An entry, and where the parent has what the file held. */
typedef struct slot {
    eg_store_entry entry;
    eg_held *held;
    const char *told;  /* what is wrong with the file, once the log says it */
    struct slot *same; /* the same path for something else */
} slot;

static apr_array_header_t *slots; /* of slot *, of this reading; NULL while there is none */
static apr_hash_t *by_path;       /* the first slot of each path */
static slot *reserve;             /* memory for further ones */
static pid_t reader;              /* whose reading it is: the parent of all children */

/* Each child writes into them: side by side they take few pages, and only those are copied. */
static slot *new_slot(apr_pool_t *pconf)
{
    int next = slots->nelts % AT_ONCE;

    if (next == 0)
        reserve = apr_pcalloc(pconf, AT_ONCE * sizeof *reserve);
    APR_ARRAY_PUSH(slots, slot *) = &reserve[next];
    return &reserve[next];
}

static slot *slot_at(int i)
{
    return APR_ARRAY_IDX(slots, i, slot *);
}

const eg_store_entry *eg_store_add(apr_pool_t *pconf, eg_store_kind kind, const char *path,
                                   const char *kid)
{
    slot *first = apr_hash_get(by_path, path, APR_HASH_KEY_STRING), *fresh;

    for (const slot *each = first; each; each = each->same)
        if (each->entry.kind == kind && strcmp(each->entry.kid, kid) == 0)
            return &each->entry;
    fresh = new_slot(pconf);
    fresh->entry.kind = kind;
    fresh->entry.path = first ? first->entry.path : path;
    fresh->entry.kid = kid;
    fresh->same = first;
    apr_hash_set(by_path, fresh->entry.path, APR_HASH_KEY_STRING, fresh);
    return &fresh->entry;
}

/* --- in the parent ------------------------------------------------------------------------------ */

static bool holds_envelope_key(const eg_store_entry *entry)
{
    return entry->kind == EG_RECIPIENT_FILE || entry->kind == EG_PRIVATE_KEY_FILE;
}

static bool holds_text(const eg_store_entry *entry)
{
    return entry->kind == EG_STATE_KEY_FILE || entry->kind == EG_STATE_PASSWORD_FILE;
}

/* To what the parent has. */
static void connect_slot(slot *each)
{
    const eg_held *h = each->held;
    bool has_keys = h && h->secret && h->kind == EG_KEY_FILE;

    each->entry.keys = has_keys ? (const eg_keyring *)(const void *)h->secret : NULL;
    each->entry.uses = h ? h->uses : NULL;
    each->entry.tokens = h && h->tokens.n ? &h->tokens : NULL;
    each->entry.text = (eg_span){NULL, 0};
    if (h && h->secret && holds_text(&each->entry))
        each->entry.text = (eg_span){h->secret, h->n};
    each->entry.has_facts = h && h->secret && holds_envelope_key(&each->entry);
    if (each->entry.has_facts)
        each->entry.facts = h->facts;
}

/* "apachectl configtest" by somebody who may not read the file proves nothing about it. */
static bool is_test_by_other_user(eg_file_verdict verdict)
{
    return verdict == EG_FILE_UNREADABLE && geteuid() != 0 &&
           ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
}

/* Whether the server may go on although the file is bad. */
static bool may_go_on(eg_file_verdict verdict)
{
    return is_test_by_other_user(verdict) || ap_state_query(AP_SQ_CONFIG_GEN) > 1;
}

static void report(server_rec *s, const eg_store_entry *entry, eg_file_verdict verdict,
                   const eg_problem *why)
{
    const char *directive = eg_contents_directive(entry->kind);

    if (is_test_by_other_user(verdict)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0103") "%s '%s' was not checked, this user may not read it; run the "
                                    "configuration test as root",
                     directive, entry->path);
        return;
    }
    if (ap_state_query(AP_SQ_CONFIG_GEN) <= 1) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, EG_TAG("0101") "%s '%s' %s", directive,
                     entry->path, why->text);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ALERT, 0, s,
                 EG_TAG("0102") "%s '%s' %s; %s until a restart with a good file", directive,
                 entry->path, why->text,
                 eg_vault_find(entry->kind, entry->path) ? "what it held before stays in use"
                                                         : "its locations answer 500");
}

/* The same file under another kid is the same file. */
static bool is_told(int before, const slot *bad)
{
    for (int i = 0; i < before; i++) {
        const slot *each = slot_at(i);

        if (each->told && each->entry.kind == bad->entry.kind &&
            strcmp(each->entry.path, bad->entry.path) == 0 && strcmp(each->told, bad->told) == 0)
            return true;
    }
    return false;
}

static bool check_slot(apr_pool_t *ptemp, server_rec *s, int place,
                       const eg_secretfile_rules *rules)
{
    slot *each = slot_at(place);
    const eg_store_entry *entry = &each->entry;
    eg_held fresh = {0};
    eg_problem why;
    eg_file_verdict verdict = eg_contents_read(ptemp, entry, rules, &fresh, &why);
    bool ok = verdict == EG_FILE_OK;

    each->held = ok ? eg_vault_adopt(&fresh, entry->kind, entry->path)
                    : eg_vault_find(entry->kind, entry->path);
    if (each->held)
        each->held->is_wanted = true;
    else if (ok)
        eg_problem_set(&why, "cannot be kept: no memory");
    if (ok && each->held)
        return true;
    each->told = apr_pstrdup(ptemp, why.text);
    if (!is_told(place, each))
        report(s, entry, verdict, &why);
    return may_go_on(verdict);
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

/* Restarts find the keys where they were; the end of the server wipes them. Children have no
 * business here: the parent's memory is not even mapped there. */
static apr_status_t configuration_ends(void *unused)
{
    (void)unused;
    slots = NULL;
    if (getpid() != reader)
        return APR_SUCCESS;
    eg_handover_close();
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_EXITING)
        return APR_SUCCESS;
    eg_vault_unwant_all();
    eg_vault_drop_unwanted();
    return APR_SUCCESS;
}

void eg_store_reset(apr_pool_t *pconf)
{
    slots = apr_array_make(pconf, AT_ONCE, sizeof(slot *));
    by_path = apr_hash_make(pconf);
    apr_pool_cleanup_register(pconf, NULL, configuration_ends, apr_pool_cleanup_null);
}

/* In every process that the parent forks: what is gone is NULL, and answers 500. */
static void forget_all(void)
{
    for (int i = 0; slots && i < slots->nelts; i++) {
        eg_store_entry *entry = &slot_at(i)->entry;

        entry->keys = NULL;
        entry->tokens = NULL;
        entry->key = NULL;
        entry->text = (eg_span){NULL, 0};
    }
}

int eg_store_check(apr_pool_t *ptemp, server_rec *s)
{
    const eg_secretfile_rules rules = {.docroots = list_docroots(ptemp, s),
                                       .good = apr_hash_make(ptemp)};
    bool ok = true;

    reader = getpid();
    if (slots->nelts)
        eg_handover_watch(forget_all);
    eg_vault_open();
    for (int i = 0; i < slots->nelts; i++)
        ok = check_slot(ptemp, s, i, &rules) && ok;
    for (int i = 0; i < slots->nelts; i++)
        slot_at(i)->told = NULL;
    eg_vault_drop_unwanted();
    eg_vault_pack();
    for (int i = 0; i < slots->nelts; i++)
        connect_slot(slot_at(i));
    return ok ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

void eg_store_each(server_rec *s, void (*look)(server_rec *s, const eg_store_entry *entry))
{
    for (int i = 0; i < slots->nelts; i++)
        look(s, &slot_at(i)->entry);
}

/* --- once it is in force ----------------------------------------------------------------------- */

/* A child would find nothing where its key should be: better it knows. */
static void give_up(server_rec *s, slot *each)
{
    ap_log_error(APLOG_MARK, APLOG_ALERT, 0, s,
                 EG_TAG("0115") "%s '%s' cannot be made ready for the children: its locations "
                                "answer 500 until a restart",
                 eg_contents_directive(each->entry.kind), each->entry.path);
    eg_held_empty(each->held);
    connect_slot(each);
}

static bool derive_keys(const slot *each, eg_crypto *crypto)
{
    return crypto && eg_keyring_derive(crypto, (eg_keyring *)(void *)each->held->secret) == EG_OK;
}

/* The counters go with the key, not with its file or its place in it. */
static void count_keys(const slot *each, eg_crypto *crypto, eg_key_counter counter)
{
    const eg_keyring *ring = each->entry.keys;
    struct eg_key_use **uses = each->held->uses;
    char fingerprint[9];

    for (apr_size_t i = 0; i < ring->n; i++) {
        uses[i] = NULL;
        if (eg_key_fingerprint(crypto, &ring->keys[i], fingerprint) == EG_OK)
            uses[i] = counter(fingerprint);
    }
}

void eg_store_doubt(server_rec *s, const eg_store_entry *entry)
{
    if (entry->keys && entry->keys->weak)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0104") "EncGatherKeyFile '%s' holds a key that does not look random; "
                                    "make one with: openssl rand -hex 32",
                     entry->path);
    if (entry->has_facts && entry->facts.is_expired)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0118") "%s %s '%s' is a certificate whose time is over; tokens are "
                                    "sealed to its key all the same: ask for a new one",
                     eg_contents_directive(entry->kind), entry->kid, entry->path);
}

/* What requests need beside what was read. */
static void make_ready(server_rec *s, slot *each, eg_crypto *crypto, eg_key_counter counter)
{
    if (each->entry.keys && !derive_keys(each, crypto))
        give_up(s, each);
    if (each->entry.keys)
        count_keys(each, crypto, counter);
    if (each->entry.tokens && crypto)
        eg_held_prepare(each->held, crypto);
}

void eg_store_announce(apr_pool_t *ptemp, server_rec *s, eg_key_counter counter)
{
    eg_crypto *crypto = eg_crypto_create(ptemp);
    eg_announced all = {{0}, {0}};

    for (int i = 0; i < slots->nelts; i++) {
        make_ready(s, slot_at(i), crypto, counter);
        eg_announced_count(&all, &slot_at(i)->entry);
    }
    for (int i = 0; i < slots->nelts; i++) {
        eg_store_doubt(s, &slot_at(i)->entry);
        eg_announced_tell(&all, s, &slot_at(i)->entry, crypto);
    }
    eg_announced_sum_up(&all, s);
}

static bool has_any(void)
{
    for (int i = 0; i < slots->nelts; i++)
        if (slot_at(i)->held && slot_at(i)->held->secret)
            return true;
    return false;
}

void eg_store_hand_over(server_rec *s)
{
    if (!has_any() ||
        (eg_handover_open() && eg_vault_write(eg_handover_write) && eg_handover_seal()))
        return;
    eg_handover_close();
    for (int i = 0; i < slots->nelts; i++)
        if (slot_at(i)->held)
            give_up(s, slot_at(i));
}

/* --- in a child -------------------------------------------------------------------------------- */

static const eg_envelope_key *key_of_text(apr_pool_t *pchild, const eg_store_entry *entry,
                                          eg_span text)
{
    eg_envelope_key *key = apr_pcalloc(pchild, sizeof *key);
    eg_problem why;
    bool expired;

    if (!text.p || !eg_the_crypto() ||
        eg_contents_envelope(eg_the_crypto(), pchild, entry, text, key, &expired, &why) != EG_OK)
        return NULL;
    return key;
}

static void connect_to_copy(slot *each, const char *place, apr_pool_t *pchild)
{
    each->entry.keys = eg_held_keys_at(each->held, place);
    each->entry.tokens = eg_held_tokens_at(each->held, place, pchild);
    if (holds_envelope_key(&each->entry))
        each->entry.key = key_of_text(pchild, &each->entry, eg_held_text_at(each->held, place));
    if (holds_text(&each->entry))
        each->entry.text = eg_held_text_at(each->held, place);
}

/* Where the process that reads also serves. */
static void connect_to_own(slot *each, apr_pool_t *pchild)
{
    if (each->held && each->held->secret && holds_envelope_key(&each->entry))
        each->entry.key =
            key_of_text(pchild, &each->entry, (eg_span){each->held->secret, each->held->n});
}

/* False: not locked. */
static bool take_copy(apr_pool_t *pchild, server_rec *s)
{
    bool is_locked = true;
    const char *place = eg_handover_take(&is_locked);

    if (!place)
        ap_log_error(APLOG_MARK, APLOG_ALERT, 0, s,
                     EG_TAG("0116") "keys and tokens did not arrive from the parent process: this "
                                    "child answers 500 where they are needed");
    for (int i = 0; place && i < slots->nelts; i++)
        if (slot_at(i)->held)
            connect_to_copy(slot_at(i), place, pchild);
    return is_locked;
}

void eg_store_take(apr_pool_t *pchild, server_rec *s)
{
    bool is_locked = true;

    if (getpid() == reader) { /* httpd -X: who reads also serves */
        is_locked = eg_vault_lock();
        for (int i = 0; i < slots->nelts; i++)
            connect_to_own(slot_at(i), pchild);
    } else if (eg_handover_is_due())
        is_locked = take_copy(pchild, s);
    if (!is_locked)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                     EG_TAG("0107") "keys are not locked in memory and could reach the swap "
                                    "space; raise LimitMEMLOCK");
}
