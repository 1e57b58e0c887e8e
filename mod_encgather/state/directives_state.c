/* SPDX-License-Identifier: Apache-2.0
 * EncGatherStateCache, and what needs it. */
#include "state/directives_state.h"

#include "config/directives.h"
#include "core/redis.h"
#include "state/state.h"
#include "state/wanted.h"

static eg_state_wanted wanted; /* of this reading */

void eg_state_reset_wanted(void)
{
    wanted = (eg_state_wanted){.spec = {.bytes = EG_STATE_BYTES_DEFAULT}, .word = "shm"};
}

const eg_state_wanted *eg_state_wanted_now(void)
{
    return &wanted;
}

void eg_state_need(unsigned what)
{
    wanted.needed |= what;
}

bool eg_state_lacks_key(void)
{
    return wanted.spec.is_redis && !wanted.key;
}

static const char *add_files(cmd_parms *cmd, eg_state_wanted *fresh)
{
    const char *wrong = NULL;

    if (fresh->spec.key_file)
        wrong = eg_add_file(cmd, EG_STATE_KEY_FILE, fresh->spec.key_file, "", &fresh->key);
    if (!wrong && fresh->spec.password_file)
        wrong = eg_add_file(cmd, EG_STATE_PASSWORD_FILE, fresh->spec.password_file, "",
                            &fresh->password);
    return wrong;
}

const char *eg_set_state_cache(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    eg_state_wanted fresh = {.word = argc ? argv[0] : "", .needed = wanted.needed};
    eg_problem why;

    (void)config;
    if (wrong)
        return wrong;
    if (eg_state_spec_parse(cmd->pool, (const char *const *)argv, (unsigned)argc, &fresh.spec,
                            &why) != EG_OK)
        return eg_complain(cmd, why.text);
    if (fresh.spec.is_redis && !eg_redis_is_built())
        return eg_complain(cmd, "redis: needs hiredis, and this mod_encgather was built without "
                                "it: install its header, and build it anew");
    wrong = add_files(cmd, &fresh);
    if (!wrong)
        wanted = fresh;
    return wrong;
}

const char *eg_set_single_use(cmd_parms *cmd, void *config, int on)
{
    (void)cmd;
    ((eg_config *)config)->single_use = on;
    if (on)
        eg_state_need(EG_STATE_FOR_SINGLE_USE);
    return NULL;
}
