/* SPDX-License-Identifier: Apache-2.0
 * The load: replays webhooks that were signed before, over connections that are kept, from one thread.
 *
 *   load --port N --requests FILE [--connections N] [--count N | --seconds S] [--rate R]
 *        [--skip N] [--expect TEXT] [--status N] [--tls]
 *
 * FILE: for each request its length in decimal, a line feed, its bytes. Without --rate each connection
 * sends the next request as soon as it has its answer. With --rate the requests are due at even
 * distances whatever the server does, and a latency counts from when its request was due: a server
 * that stalls makes all of them late, as it would for callers. The first N latencies (--skip) are not
 * counted. Ends by printing one JSON object. An answer is wrong unless its status is N (200) and
 * TEXT is in it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 128 * 1024,
    EVENTS = 256,
    LOST_MAX = 1000, /* connections in a row that ended without an answer: the server is gone */
    GRACE = 20       /* seconds that the last answers may take */
};

typedef struct {
    char *bytes;
    size_t length;
} request;

typedef struct {
    int fd;
    SSL *tls;
    bool busy;
    double due;
    const request *sent;
    size_t got, expected; /* expected: 0 until the head of the answer is there */
    bool closes;
    char answer[ANSWER_MAX];
} connection;

static struct {
    const char *requests, *expect, *status;
    uint16_t port;
    int connections;
    size_t count, skip;
    double seconds, rate;
    bool tls;
} option = {.connections = 16, .status = "200"};

static request *requests;
static size_t request_count;
static connection **connections;
static int *idle, idle_count; /* a stack of connections without a request */
static int epoll;
static SSL_CTX *tls_context;

static uint32_t *latencies; /* microseconds */
static size_t latency_room, latency_count;
static size_t sent, answered, wrong, reconnected, lost_in_a_row, longest_queue;
static double started, finish;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static void *allocate(void *old, size_t number, size_t size)
{
    void *memory = reallocarray(old, number, size);

    if (!memory)
        fail("memory");
    return memory;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- What is sent ------------------------------------------------------------------------------- */

static void read_requests(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t length;

    if (!file)
        fail(path);
    while (fscanf(file, "%zu", &length) == 1 && getc(file) == '\n') {
        request *next;

        requests = allocate(requests, request_count + 1, sizeof *requests);
        next = &requests[request_count++];
        next->length = length;
        next->bytes = allocate(NULL, length + 1, 1);
        if (fread(next->bytes, 1, length, file) != length)
            fail(path);
    }
    fclose(file);
    errno = 0;
    if (!request_count)
        fail(path);
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(option.port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        fail("TCP_NODELAY");
    return fd;
}

static SSL *shake_hands(int fd)
{
    SSL *tls = SSL_new(tls_context);

    errno = 0;
    if (!tls || SSL_set_fd(tls, fd) != 1 || SSL_connect(tls) != 1)
        fail("TLS");
    return tls;
}

/* The handshake waits, what follows does not. */
static void open_connection(int number)
{
    connection *c = connections[number];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)number};

    c->fd = dial();
    c->tls = option.tls ? shake_hands(c->fd) : NULL;
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        fail("epoll");
}

static void close_connection(connection *c)
{
    SSL_free(c->tls);
    close(c->fd);
}

/* Sockets take a whole webhook at once; what they do not take is seen as an answer that is missing. */
static void transmit(connection *c)
{
    const request *r = c->sent;

    c->got = c->expected = 0;
    c->closes = false;
    if (c->tls)
        (void)SSL_write(c->tls, r->bytes, (int)r->length);
    else if (send(c->fd, r->bytes, r->length, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
             errno != ECONNRESET)
        fail("send");
}

static void send_next(connection *c, double due)
{
    c->sent = &requests[sent++ % request_count];
    c->due = due;
    c->busy = true;
    transmit(c);
}

/* --- What comes back ---------------------------------------------------------------------------- */

static ssize_t receive(connection *c)
{
    char *to = c->answer + c->got;
    size_t room = sizeof c->answer - 1 - c->got;
    int got, why;

    if (!c->tls)
        return recv(c->fd, to, room, 0);
    got = SSL_read(c->tls, to, (int)room);
    why = got > 0 ? 0 : SSL_get_error(c->tls, got);
    errno = why == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
    return got > 0 ? got : -1;
}

static const char *header(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);

    return at ? at + strlen(name) : NULL;
}

/* Answers of unknown length are not for this program: none of the servers needs them. */
static void read_head(connection *c)
{
    char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
    const char *length;

    if (!end)
        return;
    *end = '\0';
    length = header(c->answer, "\r\ncontent-length:");
    c->closes = header(c->answer, "\r\nconnection: close") != NULL;
    *end = '\r';
    errno = 0;
    if (!length)
        fail("an answer has no Content-Length");
    c->expected = (size_t)(end - c->answer) + 4 + strtoul(length, NULL, 10);
    if (c->expected >= sizeof c->answer)
        fail("an answer is too large");
}

static bool is_right(const connection *c)
{
    return c->got > 12 && memcmp(c->answer + 9, option.status, 3) == 0 &&
           (!option.expect || memmem(c->answer, c->got, option.expect, strlen(option.expect)));
}

static void note_latency(double seconds)
{
    if (latency_count == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 16;
        latencies = allocate(latencies, latency_room, sizeof *latencies);
    }
    latencies[latency_count++] = seconds < 4000 ? (uint32_t)(seconds * 1e6) : UINT32_MAX;
}

static bool may_send(double t)
{
    return option.count ? sent < option.count : t < started + option.seconds;
}

static void reconnect(int number)
{
    close_connection(connections[number]);
    open_connection(number);
    reconnected++;
}

static void finish_request(int number)
{
    connection *c = connections[number];
    double t = now();

    if (answered++ >= option.skip)
        note_latency(t - c->due);
    if (!is_right(c)) {
        if (wrong++ == 0)
            fprintf(stderr, "load: a wrong answer: %.*s\n", (int)(c->got < 600 ? c->got : 600),
                    c->answer);
    }
    lost_in_a_row = 0;
    c->busy = false;
    if (c->closes)
        reconnect(number);
    if (option.rate == 0 && may_send(t))
        send_next(c, t);
    else
        idle[idle_count++] = number;
}

/* A server may close a kept connection while the next request is on its way: that one is sent again. */
static void lose(int number)
{
    connection *c = connections[number];

    errno = 0;
    if (lost_in_a_row++ > LOST_MAX)
        fail("the server closes every connection");
    reconnect(number);
    if (c->busy && c->got == 0) {
        transmit(c);
    } else if (c->busy) {
        c->got = 0;
        finish_request(number);
    }
}

static void hear(int number)
{
    connection *c = connections[number];
    ssize_t got;

    do {
        got = receive(c);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            lose(number);
            return;
        }
        c->got += (size_t)got;
        if (!c->expected)
            read_head(c);
    } while (c->tls && SSL_pending(c->tls));
    if (c->busy && c->expected && c->got >= c->expected)
        finish_request(number);
}

/* --- When --------------------------------------------------------------------------------------- */

static double due_time(size_t n)
{
    return started + (double)n / option.rate;
}

static void send_what_is_due(void)
{
    double t = now();

    while (idle_count && may_send(due_time(sent)) && due_time(sent) <= t)
        send_next(connections[idle[--idle_count]], due_time(sent));
    if (may_send(due_time(sent)) && due_time(sent) < t) {
        size_t queue = (size_t)((t - due_time(sent)) * option.rate);
        longest_queue = queue > longest_queue ? queue : longest_queue;
    }
}

static void wait_and_hear(void)
{
    struct epoll_event events[EVENTS];
    double wait = 0.2;
    struct timespec timeout;
    int i, n;

    if (option.rate > 0 && idle_count && may_send(due_time(sent)))
        wait = due_time(sent) - now();
    wait = wait < 0 ? 0 : wait > 0.2 ? 0.2 : wait;
    timeout = (struct timespec){.tv_nsec = (long)(wait * 1e9)};
    n = epoll_pwait2(epoll, events, EVENTS, &timeout, NULL);
    for (i = 0; i < n; i++)
        hear((int)events[i].data.u32);
}

static bool is_over(void)
{
    double t = now();

    errno = ETIMEDOUT;
    if (option.seconds > 0 && t > started + option.seconds + GRACE)
        fail("answers are missing");
    return answered == sent && !may_send(option.rate > 0 ? due_time(sent) : t);
}

static void run(void)
{
    started = now();
    if (option.rate == 0) {
        while (idle_count && may_send(now()))
            send_next(connections[idle[--idle_count]], now());
    }
    while (!is_over()) {
        if (option.rate > 0)
            send_what_is_due();
        wait_and_hear();
    }
    finish = now();
}

/* --- Reporting ---------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t percentile(double part)
{
    return latency_count ? latencies[(size_t)(part * (double)(latency_count - 1))] : 0;
}

static double cpu_seconds(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void report(void)
{
    if (latency_count)
        qsort(latencies, latency_count, sizeof *latencies, ascending);
    printf("{\"requests\":%zu,\"seconds\":%.6f,\"wrong\":%zu,\"reconnected\":%zu,\"longest_queue\":"
           "%zu,"
           "\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u,\"load_cpu\":%.6f}\n",
           answered, finish - started, wrong, reconnected, longest_queue, percentile(0.5),
           percentile(0.9), percentile(0.99), percentile(0.999), percentile(1), cpu_seconds());
}

/* --- Beginning ---------------------------------------------------------------------------------- */

static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                      {"requests", required_argument, NULL, 'f'},
                                      {"connections", required_argument, NULL, 'c'},
                                      {"count", required_argument, NULL, 'n'},
                                      {"seconds", required_argument, NULL, 's'},
                                      {"rate", required_argument, NULL, 'r'},
                                      {"skip", required_argument, NULL, 'k'},
                                      {"expect", required_argument, NULL, 'e'},
                                      {"status", required_argument, NULL, 'S'},
                                      {"tls", no_argument, NULL, 't'},
                                      {NULL, 0, NULL, 0}};

static bool set_option(int letter)
{
    switch (letter) {
    case 'p':
        option.port = (uint16_t)strtoul(optarg, NULL, 10);
        break;
    case 'f':
        option.requests = optarg;
        break;
    case 'c':
        option.connections = (int)strtol(optarg, NULL, 10);
        break;
    case 'n':
        option.count = strtoul(optarg, NULL, 10);
        break;
    case 's':
        option.seconds = strtod(optarg, NULL);
        break;
    case 'r':
        option.rate = strtod(optarg, NULL);
        break;
    case 'k':
        option.skip = strtoul(optarg, NULL, 10);
        break;
    case 'e':
        option.expect = optarg;
        break;
    case 'S':
        option.status = optarg;
        break;
    case 't':
        option.tls = true;
        break;
    default:
        return false;
    }
    return true;
}

static void parse_options(int argc, char **argv)
{
    int letter;
    bool good = true;

    while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1)
        good = set_option(letter) && good;
    if (good && strlen(option.status) == 3 && option.port && option.requests &&
        option.connections > 0 && (option.count > 0) != (option.seconds > 0))
        return;
    fputs("usage: load --port N --requests FILE [--connections N] (--count N | --seconds S)\n"
          "            [--rate R] [--skip N] [--expect TEXT] [--status N] [--tls]\n",
          stderr);
    exit(2);
}

static void open_all(void)
{
    int i;

    prctl(PR_SET_TIMERSLACK, 1UL); /* a request that is due is not put off to save power */
    tls_context = option.tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    connections = allocate(NULL, (size_t)option.connections, sizeof *connections);
    idle = allocate(NULL, (size_t)option.connections, sizeof *idle);
    for (i = 0; i < option.connections; i++) {
        connections[i] = allocate(NULL, 1, sizeof **connections);
        memset(connections[i], 0, sizeof **connections);
        open_connection(i);
        idle[idle_count++] = i;
    }
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    read_requests(option.requests);
    open_all();
    run();
    report();
    return wrong ? 3 : 0;
}
