/* SPDX-License-Identifier: Apache-2.0
 * What the log says at start of files of keys and tokens: a line each, or, of many, one for all. */
#include "config/announced.h"

#include <apr_strings.h>
#include <http_log.h>
#include "base/log.h"
#include "config/contents.h"

APLOG_USE_MODULE(encgather);

#define MANY 9 /* files of a kind: whoever has so many reads no line of each */

void eg_announced_count(eg_announced *all, const eg_store_entry *entry)
{
    apr_size_t n = entry->keys     ? entry->keys->n
                   : entry->tokens ? entry->tokens->n
                                   : entry->has_facts;

    if (n == 0)
        return;
    all->files[entry->kind]++;
    all->contents[entry->kind] += n;
}

static const char *s_of_many(apr_size_t n)
{
    return n == 1 ? "" : "s";
}

static void tell_keys(server_rec *s, int level, const eg_store_entry *entry, eg_crypto *crypto)
{
    const eg_key *first = &entry->keys->keys[0];
    char id[EG_KEY_ID_MAX + 3], fingerprint[9];

    (void)apr_snprintf(id, sizeof id, "'%s'", first->id);
    if (eg_key_fingerprint(crypto, first, fingerprint) != EG_OK)
        return;
    ap_log_error(APLOG_MARK, level, 0, s,
                 EG_TAG("0105") "EncGatherKeyFile '%s': %d key%s, encrypting with %s "
                                "(fingerprint %s)",
                 entry->path, (int)entry->keys->n, s_of_many(entry->keys->n),
                 first->id[0] ? id : "the one it has", fingerprint);
}

static void tell_tokens(server_rec *s, int level, const eg_store_entry *entry)
{
    ap_log_error(APLOG_MARK, level, 0, s, EG_TAG("0106") "EncGatherAuthTokenFile '%s': %d token%s",
                 entry->path, (int)entry->tokens->n, s_of_many(entry->tokens->n));
}

static void tell_envelope_key(server_rec *s, int level, const eg_store_entry *entry)
{
    ap_log_error(APLOG_MARK, level, 0, s, EG_TAG("0119") "%s %s '%s': a key of %s (fingerprint %s)",
                 eg_contents_directive(entry->kind), entry->kid, entry->path,
                 eg_key_kind_name(entry->facts.kind), entry->facts.fingerprint);
}

void eg_announced_tell(const eg_announced *all, server_rec *s, const eg_store_entry *entry,
                       eg_crypto *crypto)
{
    int level = all->files[entry->kind] < MANY ? APLOG_NOTICE : APLOG_INFO;

    if (entry->keys)
        tell_keys(s, level, entry, crypto);
    if (entry->tokens)
        tell_tokens(s, level, entry);
    if (entry->has_facts)
        tell_envelope_key(s, level, entry);
}

void eg_announced_sum_up(const eg_announced *all, server_rec *s)
{
    for (int kind = 0; kind < EG_STORE_KINDS; kind++)
        if (all->files[kind] >= MANY)
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                         EG_TAG("0166") "%s: %u files with %" APR_SIZE_T_FMT
                                        " %s; LogLevel encgather:info has a line for each, and so "
                                        "has: encgather doctor",
                         eg_contents_directive((eg_store_kind)kind), all->files[kind],
                         all->contents[kind], kind == EG_TOKEN_FILE ? "tokens" : "keys");
}
