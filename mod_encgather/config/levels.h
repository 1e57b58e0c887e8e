/* SPDX-License-Identifier: Apache-2.0
 * What a LogLevel line says about one module. */
#ifndef EG_LEVELS_H
#define EG_LEVELS_H

#include "config/written.h"

typedef struct {
    apr_pool_t *pool;
    const char *module; /* as in "LogLevel http2:trace1" */
    int loud;           /* from this level on it says too much: APLOG_DEBUG and above */
} eg_loudness;

/* An eg_written_judge; about is an eg_loudness. */
eg_saying eg_level_judge(const eg_finding *at, const void *about);

#endif
