/* SPDX-License-Identifier: Apache-2.0
 * What the hooks of this module are for, and which of them the configuration that was read has no use for. */
#include "base/purposes.h"

#include <string.h>

#define HOOKS_MAX 32

typedef struct {
    eg_purpose purpose;
    apr_array_header_t *(*hooks)(void);
    eg_any_hook function;
} known_hook;

/* What APR_HOOK_LINK() makes of every kind of hook; mod_info reads lists of hooks by it. */
typedef struct {
    eg_any_hook function;
    const char *module;
    const char *const *before, *const *after;
    int order;
} registered_hook;

static known_hook known[HOOKS_MAX];
static unsigned known_n, wanted;

void eg_purposes_forget(void)
{
    known_n = 0;
    wanted = 0;
}

/* One too many is never taken out. */
void eg_purpose_of_hook(eg_purpose purpose, apr_array_header_t *(*hooks)(void),
                        eg_any_hook function)
{
    if (known_n < HOOKS_MAX)
        known[known_n++] = (known_hook){purpose, hooks, function};
}

void eg_purpose_is_there(eg_purpose purpose)
{
    wanted |= purpose;
}

static void take_out(apr_array_header_t *hooks, eg_any_hook function)
{
    registered_hook *at = (registered_hook *)(void *)hooks->elts;

    for (int i = 0; i < hooks->nelts; i++)
        if (at[i].function == function) {
            hooks->nelts--;
            memmove(at + i, at + i + 1, (apr_size_t)(hooks->nelts - i) * sizeof *at);
            return;
        }
}

/* httpd makes the lists anew with every configuration that it reads. */
void eg_purposes_settle(void)
{
    for (unsigned i = 0; i < known_n; i++) {
        apr_array_header_t *hooks = known[i].hooks();

        if (!(known[i].purpose & wanted) && hooks && hooks->elt_size == sizeof(registered_hook))
            take_out(hooks, known[i].function);
    }
}
