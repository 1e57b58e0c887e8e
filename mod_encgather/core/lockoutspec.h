/* SPDX-License-Identifier: Apache-2.0
 * What EncGatherLockout says, and under which name a value is counted. */
#ifndef EG_LOCKOUTSPEC_H
#define EG_LOCKOUTSPEC_H

#include <apr_pools.h>
#include "bytes.h"

#define EG_LOCKOUT_FAILURES_MAX 100
#define EG_LOCKOUT_SECONDS_MAX 31536000 /* a year */
#define EG_LOCKOUT_BY "From"
#define EG_LOCKOUT_BY_FIELD "field:"

/* Strings live as long as the configuration. */
typedef struct {
    int failures;      /* 0: off */
    int seconds;       /* for which a count lasts after its last failure */
    const char *by;    /* as written: a parameter's name, or field:NAME */
    const char *field; /* NAME of field:NAME, else NULL */
    const char *scope; /* "": none is named */
    bool fails_closed; /* who cannot be counted is not asked */
} eg_lockout;

/* The words behind the directive. NULL, or what is wrong, in pool. */
const char *eg_lockout_parse(apr_pool_t *pool, int argc, const char *const *argv,
                             eg_lockout *lockout);

/* What by= and scope= may be, for whoever else takes them. NULL, or what is wrong. */
const char *eg_lockout_check_by(const char *by);
const char *eg_lockout_check_scope(const char *scope);

/* The pieces whose keyed hash is the name of a value in a store: hosts and programs have to agree on it. What they point
 * to stays there as long as the pieces are used. */
#define EG_LOCKOUT_PIECES 7
typedef struct {
    eg_span at[EG_LOCKOUT_PIECES];
    unsigned char lengths[3][4];
} eg_lockout_name;

void eg_lockout_name_value(const char *scope, const char *by, eg_span value, eg_lockout_name *name);

#endif
