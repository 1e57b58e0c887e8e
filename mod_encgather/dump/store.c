/* SPDX-License-Identifier: Apache-2.0
 * The store that requests share, in the dump. */
#include "dump/store.h"

#include "dump/output.h"
#include "state/segment.h"
#include "state/state.h"
#include "state/wanted.h"

void eg_dump_store(apr_pool_t *pool)
{
    const eg_state_wanted *wanted = eg_state_wanted_now();
    const eg_state_spec *spec = &wanted->spec;
    eg_jsonline line = eg_jsonline_begin(pool, "state");

    if (!wanted->needed)
        return;
    eg_jsonline_text(&line, "store", wanted->word);
    eg_jsonline_flag(&line, "redis", spec->is_redis);
    eg_jsonline_flag(&line, "single_use", (wanted->needed & EG_STATE_FOR_SINGLE_USE) != 0);
    eg_jsonline_flag(&line, "lockout", (wanted->needed & EG_STATE_FOR_LOCKOUT) != 0);
    if (spec->is_redis) {
        eg_jsonline_text(&line, "user", spec->user);
        eg_jsonline_text(&line, "password_file", wanted->password ? wanted->password->path : NULL);
        eg_jsonline_number(&line, "db", (long)spec->db);
    } else
        eg_jsonline_number(&line, "tokens", (long)eg_segment_tokens(spec->bytes));
    eg_dump_line(&line);
}
