/* SPDX-License-Identifier: Apache-2.0
 * encgather unlock: forgets what EncGatherLockout has counted of values, in the Redis that hosts share. */
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "core/lockoutspec.h"
#include "core/redis.h"
#include "core/sharedlock.h"
#include "core/statekeys.h"
#include "encgather_io.h"
#include "encgather_reach.h"

#define PATIENCE 2000 /* milliseconds for an answer: here nobody waits on the phone */

typedef struct {
    const char *state, *key_file, *password_file, *user, *db, *by, *scope;
} unlock_options;

typedef struct {
    const eg_tool *tool;
    const eg_keyring *ring;
    const char *by, *scope;
    eg_redis *redis;
} unlocking;

/* --- what is said ------------------------------------------------------------------------------- */

static eg_exit refuse_option(const eg_tool *tool, const char *option, const char *wrong)
{
    eg_tool_complain(tool, "%s%s%s; see: encgather unlock --help", option, *option ? " " : "",
                     wrong);
    return EG_EXIT_USAGE;
}

static eg_exit complain_of_redis(const eg_tool *tool, const eg_redis_answer *answer)
{
    eg_tool_complain(tool, "the Redis of --state %s; stopped there", eg_redis_explain(answer));
    return EG_EXIT_SYSTEM;
}

/* --- where it is -------------------------------------------------------------------------------- */

static void add_option(const eg_tool *tool, const char **words, unsigned *n, const char *name,
                       const char *value)
{
    if (value)
        words[(*n)++] = apr_pstrcat(tool->pool, name, "=", value, NULL);
}

static eg_exit read_spec(const eg_tool *tool, const unlock_options *given, eg_state_spec *spec)
{
    const char *words[4] = {given->state};
    unsigned n = 1;
    eg_problem why;

    add_option(tool, words, &n, "user", given->user);
    add_option(tool, words, &n, "password-file", given->password_file);
    add_option(tool, words, &n, "db", given->db);
    if (eg_state_spec_parse(tool->pool, words, n, spec, &why) != EG_OK)
        return refuse_option(tool, "--state", why.text);
    if (!spec->is_redis)
        return refuse_option(tool, "--state",
                             "is for redis: alone: what is in the memory of a server no other "
                             "program can reach; it ends by itself, or with the server");
    return EG_EXIT_GOOD;
}

static bool read_password(const eg_tool *tool, const char *path, eg_secretfile *file,
                          eg_span *password)
{
    eg_problem why;

    if (eg_reach_password(tool->pool, path, file, password, &why))
        return true;
    eg_tool_complain(tool, "password file '%s' %s", path, why.text);
    return false;
}

static eg_exit reach_redis(const eg_tool *tool, const eg_state_spec *spec, eg_span password,
                           eg_redis **redis)
{
    eg_redis_answer why;

    if (!eg_redis_is_built()) {
        eg_tool_complain(tool, "this program was built without hiredis, and knows no redis:");
        return EG_EXIT_SYSTEM;
    }
    *redis = eg_reach_redis(spec, password, PATIENCE, &why);
    return *redis ? EG_EXIT_GOOD : complain_of_redis(tool, &why);
}

/* --- lines -------------------------------------------------------------------------------------- */

static bool name_line(const unlocking *with, eg_span value, unsigned char mac[EG_SHA256_SIZE])
{
    const eg_span key = {(const char *)with->ring->keys[0].key, EG_KEY_SIZE};
    eg_lockout_name name;

    eg_lockout_name_value(with->scope, with->by, value, &name);
    return eg_hmac_sha256(with->tool->crypto, key, name.at, EG_LOCKOUT_PIECES, mac) == EG_OK;
}

/* The count, and notes that somebody has left behind who died. */
static eg_redis_answer forget(const unlocking *with, const unsigned char *who)
{
    char count[EG_STATE_KEY_SIZE], notes[EG_STATE_KEY_SIZE];
    const eg_span words[] = {EG_LIT("DEL"), eg_state_key(count, EG_STATE_OF_COUNT, who, ""),
                             eg_state_key(notes, EG_STATE_OF_COUNT, who, EG_STATE_NOTES)};

    return eg_redis_ask(with->redis, words, 3, eg_steady_clock() + PATIENCE, NULL);
}

static eg_exit unlock_value(const unlocking *with, eg_span value)
{
    unsigned char mac[EG_SHA256_SIZE];
    eg_redis_answer answer;

    if (!name_line(with, value, mac)) {
        eg_tool_complain(with->tool, "OpenSSL failed; stopped there");
        return EG_EXIT_SYSTEM;
    }
    answer = forget(with, mac);
    if (answer.kind != EG_REDIS_NUMBER)
        return complain_of_redis(with->tool, &answer);
    return eg_tool_print(with->tool, answer.number ? "unlocked" : "not counted");
}

static const char *fault_of(eg_span line)
{
    if (!line.n)
        return "is empty, and nothing is counted by that";
    return line.p[line.n - 1] == '\r' || memchr(line.p, '\0', line.n)
               ? "holds a NUL or ends with a carriage return"
               : NULL;
}

static eg_exit unlock_lines(const unlocking *with, eg_reader *reader)
{
    eg_exit result = EG_EXIT_GOOD;
    eg_span line;

    while (eg_reader_next(reader, &line)) {
        const char *fault = fault_of(line);
        eg_exit one = fault ? EG_EXIT_DATA : unlock_value(with, line);

        if (one == EG_EXIT_SYSTEM)
            return one;
        if (fault)
            eg_tool_complain(with->tool, "line %lu: %s", (unsigned long)reader->number, fault);
        if (one != EG_EXIT_GOOD)
            result = one;
    }
    return reader->failure == EG_EXIT_GOOD ? result : reader->failure;
}

/* --- the command -------------------------------------------------------------------------------- */

static eg_exit unlock_all(const eg_tool *tool, unlocking *with, const eg_state_spec *spec,
                          eg_span password)
{
    eg_exit result = reach_redis(tool, spec, password, &with->redis);
    eg_reader reader;

    if (result != EG_EXIT_GOOD)
        return result;
    if (eg_reader_open(&reader, tool, STDIN_FILENO, "standard input")) {
        result = unlock_lines(with, &reader);
        eg_reader_close(&reader);
    } else {
        result = EG_EXIT_SYSTEM;
    }
    eg_redis_close(with->redis);
    return result;
}

static eg_exit check_unlock_names(const eg_tool *tool, const unlock_options *given)
{
    const char *wrong = eg_lockout_check_by(given->by);

    if (!wrong && given->scope)
        wrong = eg_lockout_check_scope(given->scope);
    return wrong ? refuse_option(tool, "", apr_pstrcat(tool->pool, "--", wrong, NULL))
                 : EG_EXIT_GOOD;
}

static bool read_one_key(const eg_tool *tool, const char *path, unlocking *with)
{
    with->ring = eg_tool_keys(tool, path);
    if (!with->ring || with->ring->n == 1)
        return with->ring != NULL;
    eg_tool_complain(tool,
                     "key file '%s' is a ring of keys, and EncGatherStateCache has one key, the "
                     "same on all hosts",
                     path);
    return false;
}

static eg_exit unlock_with(const eg_tool *tool, const unlock_options *given,
                           const eg_state_spec *spec)
{
    unlocking with = {.tool = tool, .by = given->by, .scope = given->scope ? given->scope : ""};
    eg_secretfile file = {NULL, 0};
    eg_span password = {NULL, 0};
    eg_exit result;

    if (!read_one_key(tool, given->key_file, &with))
        return EG_EXIT_SYSTEM;
    if (given->password_file && !read_password(tool, given->password_file, &file, &password))
        return EG_EXIT_SYSTEM;
    result = unlock_all(tool, &with, spec, password);
    eg_secretfile_free(&file);
    return result;
}

static eg_exit run_unlock(eg_tool *tool)
{
    unlock_options given = {.state = NULL};
    const eg_option options[] = {{"--state", &given.state, NULL, EG_OPTION_NEEDED},
                                 {"--key-file", &given.key_file, NULL, EG_OPTION_NEEDED},
                                 {"--by", &given.by, NULL, EG_OPTION_NEEDED},
                                 {"--scope", &given.scope, NULL, EG_OPTION_ONCE},
                                 {"--password-file", &given.password_file, NULL, EG_OPTION_ONCE},
                                 {"--user", &given.user, NULL, EG_OPTION_ONCE},
                                 {"--db", &given.db, NULL, EG_OPTION_ONCE},
                                 {NULL, NULL, NULL, EG_OPTION_ONCE}};
    eg_operands none = {.min = 0, .max = 0};
    eg_state_spec spec;
    eg_exit result;

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    result = check_unlock_names(tool, &given);
    if (result == EG_EXIT_GOOD)
        result = read_spec(tool, &given, &spec);
    return result == EG_EXIT_GOOD ? unlock_with(tool, &given, &spec) : result;
}

const eg_command eg_command_unlock = {
    "unlock",
    "callers, or accounts, that EncGatherLockout has locked",
    "usage: encgather unlock --state redis:HOST[:PORT]|redis:/SOCKET --key-file FILE\n"
    "           --by NAME [--scope NAME] [OPTION ...] < VALUES\n"
    "\n"
    "Forgets what was counted of each line of standard input: a phone number, as the\n"
    "webhook has it, or what is keyed in for a field. For each line it prints\n"
    "\"unlocked\" or \"not counted\", and never the value. For a bad line standard error\n"
    "tells its number, and the exit status is 1 at the end.\n"
    "\n"
    "  --state ADDRESS       the Redis, as EncGatherStateCache has it\n"
    "  --key-file FILE       the key of its key-file=\n"
    "  --by NAME             by= of EncGatherLockout: From, or field:NAME\n"
    "  --scope NAME          scope= of EncGatherLockout, where it has one\n"
    "  --password-file FILE  of its password-file=\n"
    "  --user NAME           of its user=\n"
    "  --db N                of its db=\n",
    run_unlock,
};
