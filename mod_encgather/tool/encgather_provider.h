/* SPDX-License-Identifier: Apache-2.0
 * encgather sign and verify for every provider but Twilio, by the rows of core/provider.h. */
#ifndef EG_TOOL_PROVIDER_H
#define EG_TOOL_PROVIDER_H

#include "encgather_webhook.h"

/* The value of a header of --header, in the tool's pool, where several of one name are joined as httpd does;
 * NULL: it is not there. */
const char *eg_tool_header(const eg_tool *tool, const eg_webhook_options *options,
                           const char *name);

/* False after a complaint: one of --header has no name and colon. */
bool eg_tool_headers_are_good(const eg_tool *tool, const eg_webhook_options *options) EG_MUST_CHECK;

/* Another provider than this, whose headers these are; NULL: nobody's. */
const eg_provider *eg_tool_other_signer(const eg_webhook_options *options, const eg_provider *than);

/* One line, "invalid: " and why; EG_EXIT_DATA unless it cannot be written. other, or NULL, is who signed
 * instead. */
eg_exit eg_tool_say_invalid(const eg_tool *tool, const eg_provider *other, const char *why);

/* Print the headers that the provider would send; and whether those of --header fit. */
eg_exit eg_tool_provider_sign(const eg_tool *tool, const eg_webhook_options *options,
                              const eg_tool_webhook *hook, const eg_auth_token *secret);
eg_exit eg_tool_provider_verify(const eg_tool *tool, const eg_webhook_options *options,
                                const eg_tool_webhook *hook);

#endif
