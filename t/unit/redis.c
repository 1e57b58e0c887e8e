/* SPDX-License-Identifier: Apache-2.0
 * Tests of a connection to a Redis: what it says is taken for what it is, and whatever it does not say, nobody waits for long. */
#include "tap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "core/redis.h"
#include "core/sharedlock.h"

static long minutes_later; /* that the clock is told */

/* In the place of the system's: a test cannot wait for so long. */
int clock_gettime(clockid_t which, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, which, now);

    now->tv_sec += 60 * minutes_later;
    return result;
}

#define SOON 150 /* milliseconds that the client waits */
#define LATE 120 /* further ones that a loaded machine may take */

static apr_pool_t *pool;
static char path[100];
static int listener;

static int listen_there(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(path, sizeof path, "%s/encgather-redis-%d",
                   getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    (void)unlink(path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    ok(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0,
       "somebody listens");
    return fd;
}

/* Answers whoever comes with these bytes, one after the other where trickles is set, and closes then, unless it is to be silent. */
static pid_t play(const char *bytes, bool trickles, bool closes)
{
    pid_t child = fork();
    char command[4096];
    int fd;

    if (child)
        return child;
    fd = accept(listener, NULL, NULL);
    (void)!read(fd, command, sizeof command);
    for (size_t n = strlen(bytes), i = 0; i < n; i += trickles ? 1 : n) {
        (void)!write(fd, bytes + i, trickles ? 1 : n);
        if (trickles)
            usleep(40000);
    }
    if (!closes)
        (void)pause();
    _exit(0);
}

static eg_redis_answer ask_once(const eg_redis_login *login, eg_redis **redis)
{
    const eg_span words[] = {EG_LIT("GET"), EG_LIT("k")};
    const char *const spec_words[] = {apr_pstrcat(pool, "redis:", path, NULL)};
    eg_redis_answer answer = {.kind = EG_REDIS_ODD};
    eg_state_spec spec;
    eg_addresses at;
    eg_problem why;

    ok(eg_state_spec_parse(pool, spec_words, 1, &spec, &why) == EG_OK &&
           eg_addresses_literal(&spec, &at),
       "an address");
    *redis = eg_redis_connect(&at, login, eg_steady_clock() + SOON, &answer);
    return *redis ? eg_redis_ask(*redis, words, 2, eg_steady_clock() + SOON, pool) : answer;
}

/* What such a Redis is taken for, and whether it may be asked again. */
static eg_redis_answer says(const char *bytes, bool trickles, bool closes, const char *password)
{
    const eg_redis_login login = {.password = eg_span_of(password), .db = password ? 3 : 0};
    pid_t child = play(bytes, trickles, closes);
    apr_int64_t began = eg_steady_clock();
    eg_redis *redis;
    eg_redis_answer answer = ask_once(&login, &redis);

    ok(eg_steady_clock() - began < 2 * SOON + LATE, "in time");
    if (redis) {
        is_int(eg_redis_is_usable(redis),
               answer.kind < EG_REDIS_NAMELESS && (!password || answer.kind == EG_REDIS_NUMBER),
               "usable afterwards, or not");
        eg_redis_close(redis);
    }
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return answer;
}

static eg_redis_kind kind_of(const char *bytes, bool trickles, bool closes)
{
    return says(bytes, trickles, closes, NULL).kind;
}

static void answers(void)
{
    eg_redis_answer answer;

    is_int(says(":1\r\n", false, false, NULL).number, 1, "a number");
    answer = says("$5\r\nhello\r\n", false, false, NULL);
    is_bytes(answer.text.p, answer.text.n, "hello", 5, "a text");
    answer = says("*2\r\n$1\r\na\r\n$2\r\nbc\r\n", false, false, NULL);
    is_bytes(answer.text.p, answer.text.n, "bc", 2, "the last of a list");
    is_int(kind_of("*0\r\n", false, false), EG_REDIS_NOTHING, "an empty list");
    is_int(kind_of("$-1\r\n", false, false), EG_REDIS_NOTHING, "nil");
    answer = says("-LOADING Redis is loading\r\n", false, false, NULL);
    is_int(answer.kind, EG_REDIS_ERROR, "an error");
    is_str(answer.word, "LOADING", "by its word");
    is_str(says("-err said secret\r\n", false, false, NULL).word, "", "and no other");
    is_str(says("-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n", false, false, NULL).word,
           "AAAAAAAAAAAAAAAAAAAAAAA", "which has an end");
}

static void none(void)
{
    is_int(kind_of("", false, false), EG_REDIS_SILENT, "silence");
    is_int(kind_of("$5\r\nhel", false, false), EG_REDIS_SILENT, "silence in the middle");
    is_int(kind_of("$50\r\nhello hello hello hello hello hello", true, false), EG_REDIS_SILENT,
           "a byte now and then");
    is_int(kind_of("", false, true), EG_REDIS_CLOSED, "the end");
    is_int(kind_of("$5\r\nhel", false, true), EG_REDIS_CLOSED, "the end in the middle");
    is_int(kind_of("HTTP/1.1 400 Bad Request\r\n\r\n", false, false), EG_REDIS_ODD,
           "another protocol");
    is_int(kind_of("$99999999999999999999\r\n", false, false), EG_REDIS_ODD,
           "a length that is none");
}

/* What a Redis does not say to what is asked; and nobody takes for an answer what comes behind the first. */
static void not_asked(void)
{
    is_int(kind_of(":1\r\n:1\r\n", false, false), EG_REDIS_ODD, "two answers to one question");
    is_int(kind_of("*1\r\n:1\r\n", false, false), EG_REDIS_ODD, "a number in a list");
    is_int(kind_of("*1\r\n*1\r\n:1\r\n", false, false), EG_REDIS_ODD, "a list in a list");
    is_int(kind_of(">2\r\n+message\r\n:1\r\n", false, false), EG_REDIS_ODD, "news");
    is_int(kind_of("#t\r\n", false, false), EG_REDIS_ODD, "a truth");
    is_int(kind_of("*50000000\r\n", false, false), EG_REDIS_ODD, "a list that is too long");
    is_int(kind_of("*4\r\n*50000000\r\n", false, false), EG_REDIS_ODD, "... in another");
    is_int(
        kind_of(apr_pstrcat(pool, "$99999\r\n", memset(apr_pcalloc(pool, 80001), 'x', 80000), NULL),
                false, false),
        EG_REDIS_ODD, "a text that is too long");
}

/* Asks the same connection twice: the answer to the first question comes late, or something comes between the two. */
static void between(void)
{
    const eg_span words[] = {EG_LIT("GET"), EG_LIT("k")};
    const eg_redis_login none_needed = {.user = NULL};
    pid_t child = fork();
    eg_redis *redis;
    char command[4096];

    if (child == 0) {
        int fd = accept(listener, NULL, NULL);

        (void)!read(fd, command, sizeof command);
        (void)!write(fd, ":0\r\n", 4);
        usleep(20000);
        (void)!write(fd, ":1\r\n", 4);
        (void)pause();
    }
    is_int(ask_once(&none_needed, &redis).number, 0, "an answer");
    usleep(100000);
    is_int(eg_redis_ask(redis, words, 2, eg_steady_clock() + SOON, pool).kind, EG_REDIS_CLOSED,
           "one that nobody asked for is none to the next question");
    ok(!eg_redis_is_usable(redis), "nor to any behind it");
    eg_redis_close(redis);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

/* A firewall forgets a connection that is silent for minutes, and tells nobody: the next question would wait in vain. */
static void rested(void)
{
    const eg_span words[] = {EG_LIT("GET"), EG_LIT("k")};
    const eg_redis_login none_needed = {.user = NULL};
    pid_t child = play(":0\r\n", false, false);
    eg_redis *redis;

    is_int(ask_once(&none_needed, &redis).kind, EG_REDIS_NUMBER, "an answer");
    minutes_later = 1;
    is_int(eg_redis_ask(redis, words, 2, eg_steady_clock() + SOON, pool).kind, EG_REDIS_CLOSED,
           "a connection that nobody used for a minute is not used again");
    minutes_later = 0;
    eg_redis_close(redis);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

/* Two answers come before that of the question. */
static void login(void)
{
    eg_redis_answer answer = says("+OK\r\n+OK\r\n:1\r\n", false, false, "secret");

    is_int(answer.kind, EG_REDIS_NUMBER, "behind a login");
    answer = says("-WRONGPASS invalid secret\r\n-NOAUTH\r\n-NOAUTH\r\n", false, false, "secret");
    is_str(answer.word, "WRONGPASS", "a login that is refused");
    answer = says("+OK\r\n-ERR DB index is out of range\r\n:1\r\n", false, false, "secret");
    is_str(answer.word, "ERR", "a database that there is not");
    is_int(says(":1\r\n+OK\r\n:1\r\n", false, false, "secret").kind, EG_REDIS_ODD,
           "what answers a login is no answer to the question");
    is_int(says("+OK\r\n$-1\r\n:1\r\n", false, false, "secret").kind, EG_REDIS_ODD,
           "nor is a database that is nothing");
}

/* By somebody who is not root, whom a mode stops. */
static void barred(void)
{
    eg_redis *redis;
    eg_redis_login none_needed = {.user = NULL};
    int status = -1;
    pid_t child;

    (void)chmod(path, 0);
    child = fork();
    if (child == 0 && !freopen("/dev/null", "w", stdout))
        _exit(98);
    if (child == 0)
        _exit(geteuid() == 0 && setuid(65534) != 0 ? 99 : (int)ask_once(&none_needed, &redis).kind);
    (void)waitpid(child, &status, 0);
    is_int(WEXITSTATUS(status), EG_REDIS_BARRED, "a socket of somebody else's");
}

static void nobody(void)
{
    eg_redis *redis;
    eg_redis_login none_needed = {.user = NULL};

    (void)unlink(path);
    is_int(ask_once(&none_needed, &redis).kind, EG_REDIS_REFUSED, "nobody there");
    ok(!redis, "and no connection");
}

int main(void)
{
    if (!eg_redis_is_built()) {
        skip("a build without hiredis");
        return done_testing();
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    listener = listen_there();
    answers();
    none();
    not_asked();
    between();
    rested();
    login();
    barred();
    nobody();
    (void)close(listener);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
