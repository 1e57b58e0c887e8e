/* SPDX-License-Identifier: Apache-2.0
 * The keys that the configuration names, for the status page: which file, since when, how often used. */
#include "watch/keys.h"

#include <string.h>
#include <apr_file_info.h>
#include <apr_strings.h>
#include "config/contents.h"
#include "config/store.h"

static apr_array_header_t *notes; /* of eg_key_note, of this configuration; children inherit it */

/* 0: nobody can say, and then the page does not. */
static apr_time_t changed_at(const char *path)
{
    apr_finfo_t about;

    return apr_stat(&about, path, APR_FINFO_MTIME, notes->pool) == APR_SUCCESS ? about.mtime : 0;
}

static eg_key_note note_of(const eg_store_entry *entry)
{
    return (eg_key_note){.directive = eg_contents_directive(entry->kind),
                         .kid = entry->kid,
                         .fingerprint = "",
                         .changed = changed_at(entry->path)};
}

/* One key may be in several files: the latest of them counts, and whether one encrypts with it. */
static bool is_noted(const eg_key_note *again)
{
    for (int i = 0; i < notes->nelts; i++) {
        eg_key_note *note = &APR_ARRAY_IDX(notes, i, eg_key_note);

        if (note->use != again->use || strcmp(note->kid, again->kid) != 0)
            continue;
        note->seals = note->seals || again->seals;
        note->changed = note->changed > again->changed ? note->changed : again->changed;
        return true;
    }
    return false;
}

static void note_ring(const eg_store_entry *entry)
{
    for (apr_size_t i = 0; i < entry->keys->n; i++) {
        eg_key_note note = note_of(entry);

        if (!entry->uses || !entry->uses[i])
            continue;
        note.kid = apr_pstrdup(notes->pool, entry->keys->keys[i].id);
        note.use = entry->uses[i];
        note.fingerprint = note.use->fingerprint;
        note.seals = i == 0;
        if (!is_noted(&note))
            APR_ARRAY_PUSH(notes, eg_key_note) = note;
    }
}

static void note_entry(server_rec *s, const eg_store_entry *entry)
{
    (void)s;
    if (entry->keys)
        note_ring(entry);
    if (entry->has_facts) {
        eg_key_note note = note_of(entry);

        note.fingerprint = apr_pstrdup(notes->pool, entry->facts.fingerprint);
        note.is_expired = entry->facts.is_expired;
        note.seals = entry->kind == EG_RECIPIENT_FILE;
        APR_ARRAY_PUSH(notes, eg_key_note) = note;
    }
}

void eg_keys_look(apr_pool_t *pconf, server_rec *s)
{
    notes = apr_array_make(pconf, 8, sizeof(eg_key_note));
    eg_store_each(s, note_entry);
}

const eg_key_note *eg_keys_at(unsigned i)
{
    return notes && i < (unsigned)notes->nelts ? &APR_ARRAY_IDX(notes, i, eg_key_note) : NULL;
}

bool eg_keys_has(const eg_key_use *use)
{
    const eg_key_note *note;

    for (unsigned i = 0; (note = eg_keys_at(i)) != NULL; i++)
        if (note->use == use)
            return true;
    return false;
}
