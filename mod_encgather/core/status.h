/* SPDX-License-Identifier: Apache-2.0
 * The outcomes that core functions report. */
#ifndef EG_STATUS_H
#define EG_STATUS_H

/* A result that nobody looks at is a hole: the compiler insists. */
#define EG_MUST_CHECK __attribute__((warn_unused_result))

typedef enum {
    EG_OK = 0,
    EG_EMALFORMED, /* the bytes do not have the form that is asked for */
    EG_ETOOMANY,   /* more parts than the caller allows */
    EG_ETOKEN,     /* no key opens this token; the cause is deliberately not told */
    EG_EMISSING,   /* something that must be there is not */
    EG_ECRYPTO,    /* OpenSSL or the random source failed: nothing may be sent */
    EG_ENOMEM
} eg_status;

#endif
