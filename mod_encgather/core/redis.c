/* SPDX-License-Identifier: Apache-2.0
 * A connection to a Redis that never waits for longer than it is told.
 *
 * The socket is ours: hiredis writes commands and reads answers. Its own connections wait for each byte anew, leave the
 * descriptor open for programs that httpd starts, and keep the password in memory that nobody wipes. */
#include "redis.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <apr_strings.h>
#include "secret.h"
#include "sharedlock.h"

/* --- where -------------------------------------------------------------------------------------- */

static void add_address(eg_addresses *found, const void *at, socklen_t length)
{
    if (found->n >= EG_ADDRESSES_MAX || length > sizeof found->one[0].at)
        return;
    memcpy(&found->one[found->n].at, at, length);
    found->one[found->n].length = length;
    found->n++;
}

static bool resolve_host(const char *host, unsigned port, int flags, eg_addresses *found)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *all = NULL;
    char number[8];

    found->n = 0;
    apr_snprintf(number, sizeof number, "%u", port);
    if (getaddrinfo(host, number, &wanted, &all) != 0)
        return false;
    for (const struct addrinfo *each = all; each; each = each->ai_next)
        add_address(found, each->ai_addr, each->ai_addrlen);
    freeaddrinfo(all);
    return found->n > 0;
}

bool eg_addresses_literal(const eg_state_spec *spec, eg_addresses *found)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    if (spec->host)
        return resolve_host(spec->host, spec->port, AI_NUMERICHOST, found);
    found->n = 0;
    memcpy(at.sun_path, spec->socket, strnlen(spec->socket, sizeof at.sun_path - 1));
    add_address(found, &at, sizeof at);
    return true;
}

bool eg_addresses_look_up(const char *host, unsigned port, eg_addresses *found)
{
    return resolve_host(host, port, AI_ADDRCONFIG, found) || resolve_host(host, port, 0, found);
}

#ifndef EG_HIREDIS

bool eg_redis_is_built(void)
{
    return false;
}

eg_redis *eg_redis_connect(const eg_addresses *at, const eg_redis_login *login, apr_int64_t until,
                           eg_redis_answer *why)
{
    (void)at;
    (void)login;
    (void)until;
    *why = (eg_redis_answer){.kind = EG_REDIS_REFUSED};
    return NULL;
}

void eg_redis_close(eg_redis *redis)
{
    (void)redis;
}

eg_redis_answer eg_redis_ask(eg_redis *redis, const eg_span *words, unsigned n, apr_int64_t until,
                             apr_pool_t *pool)
{
    (void)redis;
    (void)words;
    (void)n;
    (void)until;
    (void)pool;
    return (eg_redis_answer){.kind = EG_REDIS_REFUSED};
}

bool eg_redis_is_usable(const eg_redis *redis)
{
    (void)redis;
    return false;
}

#else

#include <hiredis/hiredis.h>

#define WORDS_MAX 256
#define PIECE 4096             /* bytes that are read at a time */
#define ANSWER_MAX (64 * 1024) /* bytes; what a start asks for has some thousand */
#define ELEMENTS_MAX 16        /* of a list; a setting has two */
#define SILENT_MOST 30000      /* milliseconds between two questions to one connection */

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

struct eg_redis {
    int fd;
    redisReader *reader;
    const redisReplyObjectFunctions *plain; /* of hiredis */
    redisReplyObjectFunctions functions;    /* the same, but for long lists */
    apr_size_t taken; /* bytes of this answer, and of those before it to the login */
    char *out;        /* to be sent; wiped then */
    apr_size_t n;
    unsigned login;    /* answers to the login that have not come yet */
    apr_int64_t asked; /* when it was asked last; 0: never */
    bool is_usable;
};

bool eg_redis_is_built(void)
{
    return true;
}

/* --- the socket --------------------------------------------------------------------------------- */

static bool wait_for_socket(int fd, short events, apr_int64_t until)
{
    struct pollfd one = {.fd = fd, .events = events};
    apr_int64_t left;
    int n = -1;

    while (n < 0 && (left = until - eg_steady_clock()) > 0) {
        n = poll(&one, 1, left > 1000 ? 1000 : (int)left);
        if (n < 0 && errno != EINTR)
            return false;
    }
    return n > 0;
}

static eg_redis_kind kind_of_refusal(int error)
{
    if (error == EACCES || error == EPERM)
        return EG_REDIS_BARRED;
    return error == ETIMEDOUT ? EG_REDIS_SILENT : EG_REDIS_REFUSED;
}

static eg_redis_kind finish_connecting(int fd, apr_int64_t until)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (!wait_for_socket(fd, POLLOUT, until))
        return EG_REDIS_SILENT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error)
        return kind_of_refusal(error);
    return EG_REDIS_NUMBER;
}

/* A socket of a path whose queue is full says EAGAIN, and is not connected later. */
static eg_redis_kind connect_socket(int fd, const struct sockaddr_storage *at, socklen_t length,
                                    apr_int64_t until)
{
    if (connect(fd, (const struct sockaddr *)at, length) == 0)
        return EG_REDIS_NUMBER;
    if (errno == EINPROGRESS)
        return finish_connecting(fd, until);
    return errno == EAGAIN ? EG_REDIS_SILENT : kind_of_refusal(errno);
}

/* -1: none of the addresses takes it, and why. */
static int open_socket(const eg_addresses *at, apr_int64_t until, eg_redis_kind *why)
{
    *why = EG_REDIS_REFUSED;
    for (unsigned i = 0; i < at->n; i++) {
        int one = 1, family = at->one[i].at.ss_family;
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
            continue;
        *why = connect_socket(fd, &at->one[i].at, at->one[i].length, until);
        if (*why == EG_REDIS_NUMBER) {
            if (family != AF_UNIX)
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            return fd;
        }
        (void)close(fd);
    }
    return -1;
}

static eg_redis_kind send_all(eg_redis *redis, apr_int64_t until)
{
    apr_size_t done = 0;

    while (done < redis->n) {
        ssize_t n = send(redis->fd, redis->out + done, redis->n - done, MSG_NOSIGNAL);

        if (n >= 0)
            done += (apr_size_t)n;
        else if (errno == EAGAIN) {
            if (!wait_for_socket(redis->fd, POLLOUT, until))
                return EG_REDIS_SILENT;
        } else if (errno != EINTR)
            return EG_REDIS_CLOSED;
    }
    return EG_REDIS_NUMBER;
}

static void forget_sent(eg_redis *redis)
{
    eg_wipe(redis->out, redis->n);
    free(redis->out);
    redis->out = NULL;
    redis->n = 0;
}

/* --- commands ----------------------------------------------------------------------------------- */

static bool append_command(eg_redis *redis, const eg_span *words, unsigned n)
{
    const char *at[WORDS_MAX];
    size_t length[WORDS_MAX];
    char *command = NULL, *longer = NULL;
    long long size; /* newer versions return one, older ones an int */

    if (n > WORDS_MAX)
        return false;
    for (unsigned i = 0; i < n; i++) {
        at[i] = words[i].p;
        length[i] = words[i].n;
    }
    size = redisFormatCommandArgv(&command, (int)n, at, length);
    if (size > 0)
        longer = calloc(1, redis->n + (apr_size_t)size);
    if (longer) {
        if (redis->n)
            memcpy(longer, redis->out, redis->n);
        memcpy(longer + redis->n, command, (apr_size_t)size);
        size += (long long)redis->n;
        forget_sent(redis);
        redis->out = longer;
        redis->n = (apr_size_t)size;
    }
    if (command)
        eg_wipe(command, strlen(command));
    redisFreeCommand(command);
    return longer != NULL;
}

static bool append_login(eg_redis *redis, const eg_redis_login *login)
{
    char number[12];
    eg_span words[3] = {EG_LIT("AUTH"), eg_span_of(login->user), login->password};
    bool good = true;

    if (login->password.p) {
        if (!login->user)
            words[1] = login->password;
        good = append_command(redis, words, login->user ? 3 : 2);
        redis->login++;
    }
    if (login->db && good) {
        apr_snprintf(number, sizeof number, "%u", login->db);
        good = append_command(redis, (eg_span[]){EG_LIT("SELECT"), eg_span_of(number)}, 2);
        redis->login++;
    }
    return good;
}

/* The length of a list is said before what is in it, and memory is taken for all of it. NULL: the answer is broken. */
static void *create_short_list(const redisReadTask *task, element_count n)
{
    const eg_redis *redis = task->privdata;

    return n > ELEMENTS_MAX ? NULL : redis->plain->createArray(task, n);
}

static bool make_reader(eg_redis *redis)
{
    redis->reader = redisReaderCreate();
    if (!redis->reader)
        return false;
    redis->plain = redis->reader->fn;
    redis->functions = *redis->plain;
    redis->functions.createArray = create_short_list;
    redis->reader->fn = &redis->functions;
    redis->reader->privdata = redis;
    return true;
}

eg_redis *eg_redis_connect(const eg_addresses *at, const eg_redis_login *login, apr_int64_t until,
                           eg_redis_answer *why)
{
    int fd = open_socket(at, until, &why->kind);
    eg_redis *redis;

    if (fd < 0)
        return NULL;
    why->kind = EG_REDIS_ODD;
    redis = calloc(1, sizeof *redis);
    if (!redis) {
        (void)close(fd);
        return NULL;
    }
    *redis = (eg_redis){.fd = fd, .is_usable = true};
    if (make_reader(redis) && append_login(redis, login))
        return redis;
    eg_redis_close(redis);
    return NULL;
}

void eg_redis_close(eg_redis *redis)
{
    if (redis->reader)
        redisReaderFree(redis->reader);
    (void)close(redis->fd);
    forget_sent(redis);
    free(redis);
}

bool eg_redis_is_usable(const eg_redis *redis)
{
    return redis->is_usable;
}

/* --- answers ------------------------------------------------------------------------------------ */

static eg_redis_kind feed_reader(eg_redis *redis, apr_int64_t until)
{
    char piece[PIECE];
    ssize_t n;

    if (!wait_for_socket(redis->fd, POLLIN, until))
        return EG_REDIS_SILENT;
    n = recv(redis->fd, piece, sizeof piece, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return EG_REDIS_NUMBER;
    if (n <= 0)
        return EG_REDIS_CLOSED;
    redis->taken += (apr_size_t)n;
    if (redis->taken > ANSWER_MAX)
        return EG_REDIS_ODD;
    return redisReaderFeed(redis->reader, piece, (size_t)n) == REDIS_OK ? EG_REDIS_NUMBER
                                                                        : EG_REDIS_ODD;
}

static eg_redis_kind read_reply(eg_redis *redis, apr_int64_t until, redisReply **reply)
{
    void *found = NULL;
    eg_redis_kind kind = EG_REDIS_NUMBER;

    for (;;) {
        if (redisReaderGetReply(redis->reader, &found) != REDIS_OK)
            return EG_REDIS_ODD;
        if (found)
            break;
        kind = feed_reader(redis, until);
        if (kind != EG_REDIS_NUMBER)
            return kind;
    }
    *reply = found;
    return kind;
}

/* Capital letters at the front of an error, and nothing else of it. */
static void keep_word(const redisReply *reply, eg_redis_answer *answer)
{
    apr_size_t n = 0;

    answer->kind = EG_REDIS_ERROR;
    while (n < reply->len && n + 1 < sizeof answer->word && reply->str[n] >= 'A' &&
           reply->str[n] <= 'Z')
        n++;
    memcpy(answer->word, reply->str, n);
    answer->word[n] = '\0';
}

static void keep_text(const redisReply *reply, apr_pool_t *pool, eg_redis_answer *answer)
{
    answer->kind = EG_REDIS_TEXT;
    if (pool)
        answer->text = (eg_span){apr_pstrmemdup(pool, reply->str, reply->len), reply->len};
}

/* Of a list the last element, where that is a text: a setting. What is none of these nobody has asked for. */
static void take_reply(const redisReply *reply, apr_pool_t *pool, eg_redis_answer *answer)
{
    bool is_list = reply->type == REDIS_REPLY_ARRAY;

    answer->kind = EG_REDIS_ODD;
    if (reply->type == REDIS_REPLY_NIL || (is_list && !reply->elements))
        answer->kind = EG_REDIS_NOTHING;
    else if (is_list && reply->element[reply->elements - 1]->type == REDIS_REPLY_STRING)
        keep_text(reply->element[reply->elements - 1], pool, answer);
    else if (reply->type == REDIS_REPLY_INTEGER) {
        answer->kind = EG_REDIS_NUMBER;
        answer->number = reply->integer;
    } else if (reply->type == REDIS_REPLY_ERROR)
        keep_word(reply, answer);
    else if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
        keep_text(reply, pool, answer);
}

static eg_redis_answer read_answer(eg_redis *redis, apr_int64_t until, apr_pool_t *pool)
{
    eg_redis_answer answer = {.number = 0};
    redisReply *reply = NULL;

    answer.kind = read_reply(redis, until, &reply);
    if (!reply)
        return answer;
    take_reply(reply, pool, &answer);
    freeReplyObject(reply);
    return answer;
}

/* True: the login was taken; else what was said to it, which answers no question. */
static bool read_login(eg_redis *redis, apr_int64_t until, eg_redis_answer *answer)
{
    for (; redis->login; redis->login--) {
        *answer = read_answer(redis, until, NULL);
        if (answer->kind == EG_REDIS_TEXT)
            continue;
        if (answer->kind < EG_REDIS_ERROR)
            answer->kind = EG_REDIS_ODD;
        return false;
    }
    return true;
}

/* Between two questions nothing is to be read, not even the end: what there is would be taken for an answer. Before the first
 * one there may be why nobody is let in. And what lies between the two forgets who is silent for minutes, and tells neither. */
static bool is_spoilt(const eg_redis *redis)
{
    struct pollfd one = {.fd = redis->fd, .events = POLLIN};

    return redis->asked &&
           (eg_steady_clock() - redis->asked > SILENT_MOST || poll(&one, 1, 0) != 0);
}

static bool is_all_read(const eg_redis *redis)
{
    return redis->reader->pos >= redis->reader->len;
}

eg_redis_answer eg_redis_ask(eg_redis *redis, const eg_span *words, unsigned n, apr_int64_t until,
                             apr_pool_t *pool)
{
    eg_redis_answer answer = {.kind = EG_REDIS_ODD};

    redis->is_usable = false;
    redis->taken = 0;
    if (is_spoilt(redis))
        answer.kind = EG_REDIS_CLOSED;
    else if (append_command(redis, words, n))
        answer.kind = send_all(redis, until);
    forget_sent(redis);
    redis->asked = eg_steady_clock();
    if (answer.kind != EG_REDIS_NUMBER || !read_login(redis, until, &answer))
        return answer;
    answer = read_answer(redis, until, pool);
    if (answer.kind < EG_REDIS_NAMELESS && !is_all_read(redis))
        answer.kind = EG_REDIS_ODD;
    redis->is_usable = answer.kind < EG_REDIS_NAMELESS;
    return answer;
}

#endif
