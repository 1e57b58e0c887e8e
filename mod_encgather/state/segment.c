/* SPDX-License-Identifier: Apache-2.0
 * The memory that all children share, of this generation and of those before and behind it. */
#include "state/segment.h"

#include <apr_shm.h>

APLOG_USE_MODULE(encgather);

#define RETAINED "mod_encgather:state"
#define LAYOUT 2 /* another number for another layout of anything that lies in it */
#define HEAD ((sizeof(eg_state_shared) + 63) / 64 * 64)
#define COUNTS_PART 8 /* one in so many bytes is for counts, so that no token pushes one out */

typedef struct {
    apr_shm_t *memory;
    eg_state_shared *at;
    apr_size_t layout; /* a restart may load another version of this module */
} retained_state;

/* Inherited by every child, at one address. */
static eg_state_shared *segment;

eg_state_shared *eg_segment(void)
{
    return segment;
}

static apr_size_t bytes_of_counts(apr_size_t bytes)
{
    return bytes / COUNTS_PART / 64 * 64;
}

apr_size_t eg_segment_tokens(apr_size_t bytes)
{
    return eg_marks_room(bytes - bytes_of_counts(bytes));
}

/* --- a new one ---------------------------------------------------------------------------------- */

static bool make_tables(apr_pool_t *ptemp, eg_state_shared *at)
{
    eg_crypto *crypto = eg_crypto_create(ptemp);
    char *counts = (char *)at + HEAD, *marks = counts + bytes_of_counts(at->bytes);

    if (!crypto || eg_random(crypto, at->key, sizeof at->key) != EG_OK)
        return false;
    at->counts = eg_counts_make(counts, bytes_of_counts(at->bytes));
    at->marks =
        eg_marks_make(marks, at->bytes - bytes_of_counts(at->bytes), apr_time_sec(apr_time_now()));
    return at->counts && at->marks;
}

/* Pages that nobody touches cost nothing, and are zeros. */
static bool make_memory(apr_pool_t *ptemp, server_rec *s, const eg_state_spec *spec,
                        retained_state *fresh)
{
    apr_size_t bytes = spec->is_redis ? 0 : spec->bytes;

    if (apr_shm_create(&fresh->memory, HEAD + bytes, NULL, s->process->pool) != APR_SUCCESS)
        return false;
    fresh->at = apr_shm_baseaddr_get(fresh->memory);
    fresh->layout = HEAD + LAYOUT;
    fresh->at->is_redis = spec->is_redis;
    fresh->at->bytes = bytes;
    return spec->is_redis || make_tables(ptemp, fresh->at);
}

/* --- over restarts ------------------------------------------------------------------------------ */

static bool is_the_same(const retained_state *r, const eg_state_spec *spec)
{
    return r->at && r->layout == HEAD + LAYOUT && r->at->is_redis == spec->is_redis &&
           r->at->bytes == (spec->is_redis ? 0 : spec->bytes);
}

/* Children of before have it mapped, and are told. */
static void close_memory(retained_state *r)
{
    if (!r->at)
        return;
    atomic_store(&r->at->is_closed, 1);
    (void)apr_shm_destroy(r->memory);
    *r = (retained_state){.at = NULL};
}

void eg_segment_open(apr_pool_t *ptemp, server_rec *s)
{
    const eg_state_wanted *wanted = eg_state_wanted_now();
    retained_state *r = ap_retained_data_get(RETAINED);

    if (!r)
        r = ap_retained_data_create(RETAINED, sizeof *r);
    if (!wanted->needed || !is_the_same(r, &wanted->spec))
        close_memory(r);
    if (wanted->needed && !r->at && !make_memory(ptemp, s, &wanted->spec, r)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     EG_TAG("0158") "no shared memory for EncGatherStateCache: what needs it "
                                    "is answered with \"unavailable\"");
        close_memory(r);
    }
    segment = r->at;
}
