/* SPDX-License-Identifier: Apache-2.0
 * What is counted, as tables that every page is made from, and as text for scrapers. */
#ifndef EG_METRICS_H
#define EG_METRICS_H

#include "watch/counters.h"

#define EG_METRICS_LABELS 2

/* In formats of APR, which does not know "ll". */
#define U64 APR_UINT64_T_FMT

/* Counters of a host in rows and columns, a label for each; without a label there is one. A word
 * that is NULL: that row or column does not occur. */
typedef struct {
    const char *name; /* without encgather_ and _total */
    const char *title;
    const char *help;
    const char *labels[EG_METRICS_LABELS];
    unsigned counts[EG_METRICS_LABELS];
    const char *(*words[EG_METRICS_LABELS])(unsigned i);
    apr_size_t offset; /* in eg_host, of an array of rows of columns */
    bool of_idle;      /* shown of hosts too that nothing was asked of yet */
} eg_family;

typedef struct {
    const char *name;
    const char *title;
    const char *help;
    const char *handler; /* value of the label of that name; NULL: none */
    apr_size_t offset;
} eg_duration;

typedef struct {
    const char *name;
    const char *title;
    const char *help;
    apr_size_t offset; /* in eg_key_use */
    bool of_idle;      /* shown of keys too that nobody has used yet */
} eg_key_family;

extern const eg_family eg_families[];    /* each list ends with a name that is NULL */
extern const eg_duration eg_durations[]; /* those of one name stand together */
extern const eg_key_family eg_key_families[];

/* "" where the family has no such label, NULL where the word does not occur. */
const char *eg_family_word(const eg_family *family, unsigned label, unsigned i);
apr_uint64_t eg_family_value(const eg_family *family, const eg_host *host, unsigned row,
                             unsigned column);
const eg_histogram *eg_duration_of(const eg_duration *duration, const eg_host *host);
apr_uint64_t eg_histogram_count(const eg_histogram *histogram);
apr_uint64_t eg_key_value(const eg_key_family *family, const eg_key_use *use);

/* The text formats differ in how a counter's type is announced, and in how they end. */
typedef enum { EG_PROMETHEUS, EG_OPENMETRICS } eg_exposition;

void eg_metrics_write(apr_bucket_brigade *out, apr_pool_t *pool, eg_exposition format);

#endif
