/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory: exact over all children, kept over graceful restarts. */
#include "counters.h"

#include <string.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include "core/token.h"
#include "log.h"

APLOG_USE_MODULE(encgather);

#define RETAINED "mod_encgather:counters"
#define KEYS_MAX 512

typedef struct {
    eg_key_use keys[KEYS_MAX];
} shared_counters;

typedef struct {
    shared_counters *at;
} retained;

/* The segment is inherited by every child, at one address; it lives as long as the parent. */
static shared_counters *counters;

static shared_counters *make_segment(server_rec *s)
{
    apr_shm_t *segment;
    apr_status_t rv = apr_shm_create(&segment, sizeof *counters, NULL, s->process->pool);
    shared_counters *at;

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     EG_TAG("0113") "no shared memory for counters: nothing is counted");
        return NULL;
    }
    at = apr_shm_baseaddr_get(segment);
    memset(at, 0, sizeof *at);
    return at;
}

void eg_counters_open(server_rec *s)
{
    retained *r = ap_retained_data_get(RETAINED);

    if (!r)
        r = ap_retained_data_create(RETAINED, sizeof *r);
    if (!r->at)
        r->at = make_segment(s);
    counters = r->at;
}

eg_key_use *eg_counters_key(const char *fingerprint)
{
    for (int i = 0; counters && i < KEYS_MAX; i++) {
        eg_key_use *use = &counters->keys[i];

        if (!use->fingerprint[0])
            apr_cpystrn(use->fingerprint, fingerprint, sizeof use->fingerprint);
        if (strcmp(use->fingerprint, fingerprint) == 0)
            return use;
    }
    return NULL;
}

bool eg_count_seal(eg_key_use *use)
{
    return use && eg_key_use_alarms(atomic_fetch_add(&use->seals, 1) + 1);
}

void eg_count_open(eg_key_use *use)
{
    if (use)
        atomic_fetch_add(&use->opens, 1);
}
