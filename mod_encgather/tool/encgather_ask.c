/* SPDX-License-Identifier: Apache-2.0
 * What the doctor asks of backends: where they are, and whether somebody takes connections there. */
#include "encgather_ask.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <apr_uri.h>

#define PATIENCE 3 /* seconds */

static apr_pool_t *pool_for(const eg_dump *dump)
{
    return dump->report->tool->pool;
}

/* --- connections ------------------------------------------------------------------------------- */

/* NULL, or why not. */
static const char *connect_to_host(apr_pool_t *pool, const char *host, apr_port_t port)
{
    apr_sockaddr_t *address;
    apr_socket_t *s;
    apr_status_t rv = apr_sockaddr_info_get(&address, host, APR_UNSPEC, port, 0, pool);
    char *words = apr_pcalloc(pool, 256);

    if (rv != APR_SUCCESS)
        return "its name is not known";
    for (; address; address = address->next) {
        rv = apr_socket_create(&s, address->family, SOCK_STREAM, APR_PROTO_TCP, pool);
        if (rv != APR_SUCCESS)
            continue;
        (void)apr_socket_timeout_set(s, apr_time_from_sec(PATIENCE));
        rv = apr_socket_connect(s, address);
        (void)apr_socket_close(s);
        if (rv == APR_SUCCESS)
            return NULL;
    }
    return apr_strerror(rv, words, 256);
}

static const char *connect_to_path(apr_pool_t *pool, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *words = apr_pcalloc(pool, 256);
    int fd, rc;

    if (strlen(path) >= sizeof address.sun_path)
        return "its path is too long";
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&address, sizeof address);
    if (rc != 0)
        (void)apr_strerror(apr_get_os_error(), words, 256);
    if (fd >= 0)
        (void)close(fd);
    return rc == 0 ? NULL : words;
}

static apr_port_t port_of(const apr_uri_t *uri)
{
    static const struct {
        const char *scheme;
        apr_port_t port;
    } known[] = {{"fcgi", 8000}, {"ajp", 8009}, {"scgi", 4000}, {"h2", 443},
                 {"h2c", 80},    {"ws", 80},    {"wss", 443}};

    for (unsigned i = 0; !uri->port && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(uri->scheme, known[i].scheme) == 0)
            return known[i].port;
    return uri->port ? uri->port : apr_uri_port_of_scheme(uri->scheme);
}

/* Why nobody takes a connection there; NULL: somebody does. shown: what it may be called. */
static const char *connect_to(apr_pool_t *pool, const char *url, const char **shown)
{
    apr_uri_t uri;

    if (strncmp(url, "unix:", 5) == 0) {
        *shown = apr_pstrmemdup(pool, url, strcspn(url, "|"));
        return connect_to_path(pool, *shown + 5);
    }
    *shown = "its address";
    if (apr_uri_parse(pool, url, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname ||
        !port_of(&uri))
        return "it is no URL with a host";
    *shown = apr_psprintf(pool, "%s://%s:%u", uri.scheme, uri.hostname, (unsigned)port_of(&uri));
    return connect_to_host(pool, uri.hostname, port_of(&uri));
}

/* --- where it is ------------------------------------------------------------------------------- */

typedef struct {
    const eg_dump *dump;
    const eg_record *place;
    const char *backend;
} question;

/* Whether somebody takes connections there. *finding: to be reported. */
static bool try_url(const question *q, const char *url, eg_finding *finding)
{
    apr_pool_t *pool = pool_for(q->dump);
    const char *shown, *why = connect_to(pool, url, &shown);

    *finding = (eg_finding){.state = why ? EG_STATE_BROKEN : EG_STATE_OK};
    if (why)
        finding->text = apr_psprintf(
            pool, "the backend %s takes no connection from this machine: %s", shown, why);
    else
        finding->text =
            apr_psprintf(pool, "the backend %s takes connections; nothing was sent", shown);
    return !why;
}

#define START_IT "start it, or correct its address; "

static void report_one(const question *q, const eg_finding *finding, const char *advice)
{
    eg_report_add(q->place->subject, finding->state, finding->text,
                  finding->state == EG_STATE_OK ? NULL : advice);
}

static void ask_url(const question *q, const char *url)
{
    eg_finding finding;

    (void)try_url(q, url, &finding);
    report_one(q, &finding, START_IT "callers hear that the service is unavailable");
}

/* One that is away is none that callers hear of, while others are there. */
static void report_members(const question *q, const apr_array_header_t *members, bool any_is_there)
{
    for (int i = 0; i < members->nelts; i++) {
        eg_finding *each = &APR_ARRAY_IDX(members, i, eg_finding);

        if (any_is_there && each->state == EG_STATE_BROKEN)
            each->state = EG_STATE_ODD;
        report_one(q, each,
                   any_is_there ? START_IT "the others of its balancer have its calls"
                                : START_IT "callers hear that the service is unavailable");
    }
}

static void ask_balancer(const question *q, const char *balancer)
{
    apr_array_header_t *members = apr_array_make(pool_for(q->dump), 4, sizeof(eg_finding));
    const eg_record *record;
    bool any_is_there = false;

    for (int i = 0; (record = eg_dump_next(q->dump, "proxy", &i)) != NULL; i++) {
        const char *section = eg_record_get(q->dump, record, "path");
        const char *to = eg_record_get(q->dump, record, "to");

        if (section && to && eg_path_is_below(balancer, section))
            any_is_there |= try_url(q, to, apr_array_push(members));
    }
    report_members(q, members, any_is_there);
    if (members->nelts == 0)
        eg_report_add(q->place->subject, EG_STATE_ODD,
                      apr_psprintf(pool_for(q->dump),
                                   "%s has no BalancerMember that is written down", balancer),
                      "add one, or look at balancer-manager");
}

static const eg_record *find_lookup(const question *q)
{
    const eg_record *record;

    for (int i = 0; (record = eg_dump_next(q->dump, "place", &i)) != NULL; i++) {
        const char *path = eg_record_get(q->dump, record, "path");

        if (path && eg_record_get(q->dump, record, "lookup") &&
            eg_record_meets(q->dump, record, q->place) && eg_path_is_below(q->backend, path))
            return record;
    }
    return NULL;
}

static const char *find_proxy(const question *q)
{
    const eg_record *record;

    for (int i = 0; (record = eg_dump_next(q->dump, "proxy", &i)) != NULL; i++) {
        const char *path = eg_record_get(q->dump, record, "path");

        if (path && *path == '/' && eg_record_meets(q->dump, record, q->place) &&
            eg_path_is_below(q->backend, path))
            return eg_record_get(q->dump, record, "to");
    }
    return NULL;
}

void eg_ask_backend(const eg_dump *dump, const eg_record *place)
{
    question q = {dump, place, eg_record_get(dump, place, "backend")};
    const char *to = q.backend && *q.backend != '/' ? q.backend : NULL;

    if (!q.backend || (!to && find_lookup(&q)))
        return;
    if (!to)
        to = find_proxy(&q);
    if (!to || strcmp(to, "!") == 0)
        eg_report_add(
            place->subject, EG_STATE_ODD,
            apr_psprintf(pool_for(dump),
                         "the backend %s is neither a decrypt-gather nor a ProxyPass that "
                         "is written down; whether a script or a file answers there was "
                         "not looked at",
                         q.backend),
            "place a call without a phone: encgather-call");
    else if (strncmp(to, "balancer://", 11) == 0)
        ask_balancer(&q, to);
    else
        ask_url(&q, to);
}
