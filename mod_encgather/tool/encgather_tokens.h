/* SPDX-License-Identifier: Apache-2.0
 * What commands about tokens share: the options that say under what, for whom and when. */
#ifndef EG_TOOL_TOKENS_H
#define EG_TOOL_TOKENS_H

#include "core/format.h"
#include "encgather_tool.h"

/* As they are given; NULL where they are not. */
typedef struct {
    const char *format, *key_file, *private_file, *recipient_file, *kid, *sid, *fld, *ttl, *at;
} eg_token_options;

typedef struct {
    unsigned format; /* that is made; EG_FORMATS: none was named */
    eg_opening opening;
    eg_sealing sealing; /* iat is set anew for each token */
    eg_demands demands;
    bool has_clock; /* --at: now stands still */
} eg_token_setup;

/* Reads the files and numbers that are given. EG_EXIT_USAGE or EG_EXIT_SYSTEM after a complaint. */
eg_exit eg_tool_set_up(const eg_tool *tool, const eg_token_options *options,
                       eg_token_setup *setup) EG_MUST_CHECK;

/* Whether a token can be made of that format: its key is there, and what it is to be bound to. false after a complaint. */
bool eg_tool_can_seal(const eg_tool *tool, const eg_token_setup *setup) EG_MUST_CHECK;

/* Seconds since 1970. */
apr_int64_t eg_tool_now(const eg_token_setup *setup);

#endif
