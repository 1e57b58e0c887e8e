/* SPDX-License-Identifier: Apache-2.0
 * What the hooks of this module are for, and which of them the configuration that was read has no use for. */
#ifndef EG_PURPOSES_H
#define EG_PURPOSES_H

#include <httpd.h>

/* Every request of the server pays for a hook, also where nothing ever comes of it. */
typedef enum {
    EG_FOR_OURS = 1, /* anything of this module is configured: a directive, a handler, a Require */
    EG_FOR_SHIELDS = 2,  /* EncGatherShield */
    EG_FOR_REVEALS = 4,  /* EncGatherReveal */
    EG_FOR_CALLS = 8,    /* EncGatherBackend */
    EG_FOR_PROXIES = 16, /* mod_proxy is there */
    EG_FOR_TRACES =
        32 /* core logs so much that it writes down a request line before any hook has it */
} eg_purpose;

typedef void (*eg_any_hook)(void);

/* ap_hook_NAME(function, before, after, order) for that purpose. */
#define EG_HOOK(purpose, name, function, before, after, order)                                     \
    do {                                                                                           \
        ap_hook_##name(function, before, after, order);                                            \
        eg_purpose_of_hook(purpose, ap_hook_get_##name, (eg_any_hook)(function));                  \
    } while (0)

void eg_purpose_of_hook(eg_purpose purpose, apr_array_header_t *(*hooks)(void),
                        eg_any_hook function);

/* Before hooks are registered: nothing is known. */
void eg_purposes_forget(void);

/* Something of that kind is configured. */
void eg_purpose_is_there(eg_purpose purpose);

/* Once the configuration is read: takes hooks that are for nothing of it out of httpd's lists. */
void eg_purposes_settle(void);

#endif
