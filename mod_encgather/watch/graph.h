/* SPDX-License-Identifier: Apache-2.0
 * Graphs of the last hour and the last day, as SVG that needs no script and no style of its own. */
#ifndef EG_GRAPH_H
#define EG_GRAPH_H

#include "watch/html.h"
#include "watch/snapshot.h"

#define EG_SLICES_MAX 96

/* A stretch of time in slices of equal length; the last one is not over yet. */
typedef struct {
    const char *title;  /* "last hour" */
    unsigned n;         /* slices */
    unsigned minutes;   /* of each */
    apr_uint32_t first; /* the first minute of all */
    apr_uint64_t requests[EG_SLICES_MAX];
    apr_uint64_t failed[EG_SLICES_MAX];
    apr_uint64_t refused[EG_SLICES_MAX];
    apr_uint64_t p95[EG_SLICES_MAX]; /* microseconds */
} eg_series;

/* minutes * n is what is looked at; n is at most EG_SLICES_MAX. */
void eg_series_take(const eg_snapshot *snapshot, const char *title, unsigned n, unsigned minutes,
                    eg_series *series);

void eg_put_graphs(const eg_html *h, const eg_series *series);

#endif
