/* SPDX-License-Identifier: Apache-2.0
 * Tests of what EncGatherStateCache and --state may say, and of what an operator is told that a Redis said. */
#include "tap.h"

#include <stdio.h>
#include <apr_general.h>
#include "core/redis.h"
#include "core/statekeys.h"

static apr_pool_t *pool;
static eg_state_spec spec;
static eg_problem why;

/* Words between blanks. */
static bool parses(const char *text)
{
    static char copy[512];
    const char *words[8];
    unsigned n = 0;

    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok(copy, " "); word && n < 8; word = strtok(NULL, " "))
        words[n++] = word;
    return eg_state_spec_parse(pool, words, n, &spec, &why) == EG_OK;
}

static void is_good(const char *text)
{
    ok(parses(text), "%s is good", text);
}

static void is_bad(const char *text, const char *reason)
{
    ok(!parses(text) && strstr(why.text, reason), "%s is not", text);
}

static void memory(void)
{
    is_good("shm");
    is_int((long long)spec.bytes, 524288, "and has its default");
    is_good("shm(65536)");
    is_int((long long)spec.bytes, 65536, "the least");
    is_good("SHM(1073741824)");
    is_int((long long)spec.bytes, 1073741824, "the most");
    is_bad("shm(65535)", "takes shm");
    is_bad("shm(1073741825)", "takes shm");
    is_bad("shm(18446744073709617152)", "takes shm");
    is_bad("shm()", "takes shm");
    is_bad("shm(", "takes shm");
    is_bad("shm(1k)", "takes shm");
    is_bad("shmcb", "takes shm");
    is_bad("", "takes shm");
    is_bad("memcached:localhost", "takes shm");
    is_bad("rediss:localhost", "takes shm");
    is_bad("shm db=1", "redis: alone");
}

static void address(void)
{
    is_good("redis:redis.example");
    is_str(spec.host, "redis.example", "a host");
    is_int(spec.port, 6379, "at the port of Redis");
    is_good("redis:127.0.0.1:65535");
    is_int(spec.port, 65535, "or at another");
    is_good("redis:[::1]:6380");
    is_str(spec.host, "::1", "an address in brackets");
    is_good("redis:/run/redis.sock");
    is_str(spec.socket, "/run/redis.sock", "a socket");
    ok(!spec.host, "has no host");
    is_bad("redis:", "takes redis:");
    is_bad("redis://localhost", "one address");
    is_bad("redis:a,b", "one address");
    is_bad("redis:a:1,b:2", "one address");
    is_bad("redis:[::1", "takes redis:");
    is_bad("redis:[]", "takes redis:");
    is_bad("redis:a/b", "takes redis:");
    is_bad("redis::6379", "takes redis:");
    is_bad("redis:host:", "port");
    is_bad("redis:host:0", "port");
    is_bad("redis:host:65536", "port");
    is_bad("redis:host:6379x", "port");
    is_bad("redis:/", "socket");
    is_bad("redis:/"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaa",
           "socket");
}

static void options(void)
{
    is_good("redis:host user=ivr password-file=/p key-file=/k db=1024");
    is_str(spec.user, "ivr", "a user");
    is_str(spec.password_file, "/p", "the file of his password");
    is_str(spec.key_file, "/k", "the file of the key");
    is_int(spec.db, 1024, "a database");
    is_good("redis:host db=0");
    is_bad("redis:host db=1025", "db=");
    is_bad("redis:host db=-1", "db=");
    is_bad("redis:host db=1 db=1", "twice");
    is_bad("redis:host user=", "without a value");
    is_bad("redis:host user=ivr", "needs a password-file=");
    is_bad("redis:host timeout=1", "knows the options");
    is_bad("redis:host user", "knows the options");
}

static void says(eg_redis_kind kind, const char *word, const char *text)
{
    eg_redis_answer answer = {.kind = kind};

    (void)snprintf(answer.word, sizeof answer.word, "%s", word);
    ok(strstr(eg_redis_explain(&answer), text), "%s%s is explained", text, word);
}

static void answers(void)
{
    static const char *const words[] = {"LOADING", "READONLY", "NOAUTH",  "WRONGPASS", "NOPERM",
                                        "OOM",     "MOVED",    "MISCONF", "BUSY",      "ERR"};

    for (unsigned i = 0; i < COUNT(words); i++)
        says(EG_REDIS_ERROR, words[i], words[i]);
    says(EG_REDIS_ERROR, "SECRET", "answers with an error");
    says(EG_REDIS_SILENT, "", "in time");
    says(EG_REDIS_CLOSED, "", "closed");
    says(EG_REDIS_REFUSED, "", "nobody");
    says(EG_REDIS_BARRED, "", "does not let this user connect");
    says(EG_REDIS_NAMELESS, "", "name");
    says(EG_REDIS_ODD, "", "not asked");
}

static void keys(void)
{
    static const unsigned char id[EG_STATE_ID] = {0x01, 0xab};
    char key[EG_STATE_KEY_SIZE];

    is_str(eg_state_key(key, EG_STATE_OF_COUNT, id, EG_STATE_NOTES).p,
           "eg:l:01ab0000000000000000000000000000:n", "the key of notes");
    is_int((long long)eg_state_key(key, EG_STATE_OF_TOKEN, id, "").n, 37, "and of a token");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    memory();
    address();
    options();
    answers();
    keys();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
