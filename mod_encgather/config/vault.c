/* SPDX-License-Identifier: Apache-2.0
 * What key and token files held when they were last good: the parent's memory of it over restarts. */
#include "config/vault.h"

#include <apr_hash.h>
#include <http_core.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/secret.h"

/* Another layout of what is kept has another number: a graceful restart may load another build of the module. */
#define RETAINED "mod_encgather:vault:3"
#define ALIGNMENT 16
#define STATES_MOST 1024 /* tokens of a file; for more it would be megabytes */

/* Not inherited by any process: where it says that something is, it is so in the owner alone. */
typedef struct {
    eg_held *first;
    pid_t owner;
    char *pack; /* where packed secrets are */
    apr_size_t packed;
    int reading; /* of the configuration, the last one in which the module was */
} vault;

/* Which of them may be the one of a path, for as long as this code is loaded: there may be thousands. */
#define CHAINS 1024
static eg_held *chains[CHAINS];

static eg_held **chain_of(const char *path)
{
    apr_ssize_t length = APR_HASH_KEY_STRING;

    return &chains[apr_hashfunc_default(path, &length) % CHAINS];
}

static void join_chain(eg_held *h)
{
    eg_held **chain = chain_of(h->path);

    h->same = *chain;
    *chain = h;
}

static void link_all(const vault *v)
{
    memset(chains, 0, sizeof chains);
    for (eg_held *h = v->first; h; h = h->next)
        join_chain(h);
}

static vault *get_vault(void)
{
    vault *v = ap_retained_data_get(RETAINED);

    return v ? v : ap_retained_data_create(RETAINED, sizeof *v);
}

/* httpd that goes into the background forks after it has read its configuration for the first
 * time. */
static void forget_what_is_not_here(vault *v)
{
    for (eg_held *h = v->first; h; h = h->next) {
        h->secret = NULL;
        free(h->tokens.at);
        h->tokens = (eg_auth_tokens){0, NULL};
    }
    v->pack = NULL;
    v->packed = 0;
    v->owner = getpid();
}

void eg_vault_unwant_all(void)
{
    for (eg_held *h = get_vault()->first; h; h = h->next)
        h->is_wanted = false;
}

void eg_vault_open(void)
{
    vault *v = get_vault();
    int reading = ap_state_query(AP_SQ_CONFIG_GEN);
    bool was_away = reading > v->reading + 1; /* or another build of it was here */

    if (v->owner != getpid())
        forget_what_is_not_here(v);
    link_all(v);
    eg_vault_unwant_all();
    if (was_away)
        eg_vault_drop_unwanted();
    v->reading = reading;
}

eg_held *eg_vault_find(eg_store_kind kind, const char *path)
{
    eg_held *h = *chain_of(path);

    while (h && (h->kind != kind || strcmp(h->path, path) != 0))
        h = h->same;
    return h;
}

static eg_held *new_held(eg_store_kind kind, const char *path)
{
    vault *v = get_vault();
    eg_held *h = calloc(1, sizeof *h);
    char *copy = strdup(path);

    if (!h || !copy) {
        free(h);
        free(copy);
        return NULL;
    }
    h->path = copy;
    h->kind = kind;
    h->next = v->first;
    v->first = h;
    join_chain(h);
    return h;
}

void eg_held_empty(eg_held *held)
{
    if (held->is_packed)
        eg_wipe(held->secret, held->n);
    else
        eg_secret_unmap(held->secret, held->n);
    held->secret = NULL;
    held->states = 0;
    free(held->tokens.at);
    held->tokens = (eg_auth_tokens){0, NULL};
}

eg_held *eg_vault_adopt(eg_held *fresh, eg_store_kind kind, const char *path)
{
    eg_held *h = eg_vault_find(kind, path);

    if (!h)
        h = new_held(kind, path);
    if (!h) {
        eg_held_empty(fresh);
        return NULL;
    }
    eg_held_empty(h);
    h->is_packed = false;
    h->secret = fresh->secret;
    h->n = fresh->n;
    h->states = 0;
    h->tokens = fresh->tokens;
    h->facts = fresh->facts;
    return h;
}

static void drop_pack(vault *v)
{
    eg_secret_unmap(v->pack, v->packed);
    v->pack = NULL;
}

void eg_vault_drop_unwanted(void)
{
    vault *v = get_vault();
    eg_held **link = &v->first;

    while (*link) {
        eg_held *h = *link;

        if (h->is_wanted) {
            link = &h->next;
            continue;
        }
        *link = h->next;
        eg_held_empty(h);
        free(h->path);
        free(h);
    }
    link_all(v);
    if (!v->first)
        drop_pack(v);
}

/* --- together ---------------------------------------------------------------------------------- */

static apr_size_t rounded(apr_size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Behind the text of tokens comes what is computed of them, which is as secret. */
static apr_size_t wanted(const eg_held *h)
{
    apr_size_t n = h->tokens.n;

    return n == 0 || n > STATES_MOST || h->states ? h->n
                                                  : rounded(h->n) + n * sizeof(eg_token_ready);
}

/* Returns how much there is. */
static apr_size_t lay_out(const vault *v)
{
    apr_size_t end = 0;

    for (eg_held *h = v->first; h; h = h->next) {
        if (!h->secret)
            continue;
        h->offset = end;
        end += rounded(wanted(h));
    }
    return end;
}

/* What is empty points nowhere. */
static eg_span moved(eg_span span, const char *from, const char *to)
{
    return span.n ? (eg_span){to + (span.p - from), span.n} : (eg_span){"", 0};
}

static const eg_token_ready *moved_states(const eg_token_ready *states, const char *from,
                                          const char *to)
{
    const void *place = states ? to + ((const char *)states - from) : NULL;

    return place;
}

static void move_tokens(const eg_auth_tokens *tokens, const char *from, const char *to,
                        eg_auth_token *at)
{
    for (apr_size_t i = 0; i < tokens->n; i++)
        at[i] = (eg_auth_token){
            moved(tokens->at[i].account, from, to), moved(tokens->at[i].token, from, to),
            moved(tokens->at[i].key, from, to), moved_states(tokens->at[i].ready, from, to)};
}

static void move_held(eg_held *h, char *to)
{
    apr_size_t all = wanted(h);

    memcpy(to, h->secret, h->n);
    move_tokens(&h->tokens, h->secret, to, h->tokens.at);
    if (!h->is_packed)
        eg_secret_unmap(h->secret, h->n);
    if (all > h->n)
        h->states = rounded(h->n);
    h->secret = to;
    h->n = all;
    h->is_packed = true;
}

void eg_vault_pack(void)
{
    vault *v = get_vault();
    apr_size_t n = lay_out(v);
    char *pack = n ? eg_secret_map_alone(n) : NULL;

    if (n && !pack)
        return;
    for (eg_held *h = v->first; pack && h; h = h->next)
        if (h->secret)
            move_held(h, pack + h->offset);
    drop_pack(v);
    v->pack = pack;
    v->packed = n;
    if (pack) /* the limit may not have been enough for both at a time; eg_vault_lock() tells */
        (void)eg_secret_lock(pack, n);
}

void eg_held_prepare(eg_held *held, eg_crypto *crypto)
{
    void *states = held->secret + held->states;

    if (held->states)
        eg_auth_tokens_prepare(crypto, &held->tokens, states);
}

bool eg_vault_lock(void)
{
    const vault *v = get_vault();
    bool ok = !v->pack || eg_secret_lock(v->pack, v->packed);

    for (const eg_held *h = v->first; h; h = h->next)
        if (h->secret && !h->is_packed)
            ok = eg_secret_lock(h->secret, h->n) && ok;
    return ok;
}

/* As they lie together; false: one does not lie there. */
static bool keep_places(const vault *v)
{
    for (eg_held *h = v->first; h; h = h->next) {
        if (h->secret && !h->is_packed)
            return false;
        if (h->secret)
            h->offset = (apr_size_t)(h->secret - v->pack);
    }
    return v->pack != NULL;
}

bool eg_vault_write(bool (*write)(const void *bytes, apr_size_t n, apr_size_t offset))
{
    const vault *v = get_vault();
    bool ok;

    if (keep_places(v))
        return write(v->pack, v->packed, 0);
    ok = lay_out(v) > 0;
    for (const eg_held *h = v->first; h && ok; h = h->next)
        ok = !h->secret || write(h->secret, h->n, h->offset);
    return ok;
}

/* --- in a child -------------------------------------------------------------------------------- */

const eg_keyring *eg_held_keys_at(const eg_held *held, const char *place)
{
    const void *ring = place + held->offset;

    return held->secret && held->kind == EG_KEY_FILE ? ring : NULL;
}

eg_span eg_held_text_at(const eg_held *held, const char *place)
{
    return held->secret ? (eg_span){place + held->offset, held->n} : (eg_span){NULL, 0};
}

/* The parent's own are left alone: pages that nobody writes to are shared. */
const eg_auth_tokens *eg_held_tokens_at(const eg_held *held, const char *place, apr_pool_t *pool)
{
    eg_auth_tokens *tokens;

    if (!held->secret || held->tokens.n == 0)
        return NULL;
    tokens = apr_palloc(pool, sizeof *tokens);
    tokens->n = held->tokens.n;
    tokens->at = apr_palloc(pool, tokens->n * sizeof *tokens->at);
    move_tokens(&held->tokens, held->secret, place + held->offset, tokens->at);
    return tokens;
}
