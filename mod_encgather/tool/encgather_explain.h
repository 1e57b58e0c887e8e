/* SPDX-License-Identifier: Apache-2.0
 * Why a signature does not fit at a location. */
#ifndef EG_TOOL_EXPLAIN_H
#define EG_TOOL_EXPLAIN_H

#include "encgather_dump.h"
#include "encgather_webhook.h"

typedef struct {
    const char *location;  /* --location: a path, or NULL: that of the URL */
    const char *url;       /* --url: as the provider called it, or the path as a log has it */
    const char *signature; /* --signature */
    eg_webhook_options request;
} eg_explain_options;

/* The body is read from standard input. */
eg_exit eg_explain(const eg_dump *dump, eg_explain_options *options) EG_MUST_CHECK;

#endif
