/* SPDX-License-Identifier: Apache-2.0
 * "httpd -t -D DUMP_ENCGATHER_DATABASES": whether each lookup's database answers and knows the query. */
#include "dump/database.h"

#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_dbd.h>
#include <apr_strings.h>
#include <unixd.h>
#include "dump/output.h"

#define PATIENCE 10        /* seconds, for one lookup, where EncGatherTimeout is not less */
#define PATIENCE_IN_ALL 60 /* with those that do not answer */
#define SHORTEST_SECRET 3

/* One lookup, and how its database is reached. */
typedef struct {
    apr_pool_t *pool;
    const eg_place *place;
    const apr_array_header_t *columns;
    const char *name, *params; /* of DBDriver and DBDParams */
    const char *query;         /* as it is sent to the database, without a semicolon at its end */
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
} examination;

static void tell_about(const examination *e, const char *state, const char *text,
                       const char *advice)
{
    eg_jsonline line = eg_dump_begin_of(e->pool, "database", e->place);

    eg_jsonline_text(&line, "state", state);
    eg_jsonline_text(&line, "text", text);
    eg_jsonline_text(&line, "do", advice);
    eg_dump_line(&line);
}

/* --- what may be shown ------------------------------------------------------------------------- */

static bool is_harmless(const char *key)
{
    static const char *const keys[] = {"host", "hostaddr", "port",    "dbname",         "user",
                                       "sock", "group",    "sslmode", "connect_timeout"};

    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (ap_cstr_casecmp(key, keys[i]) == 0)
            return true;
    return false;
}

static bool is_quoted(const examination *e, const char *said, const char *value)
{
    if (strlen(value) >= SHORTEST_SECRET)
        return strstr(said, value) != NULL;
    return *value && strstr(said, apr_pstrcat(e->pool, "\"", value, "\"", NULL));
}

/* Every word of DBDParams that is not known to be harmless is taken for a secret. */
static bool quotes_words(const examination *e, const char *params, const char *said)
{
    static const char between[] = " \t,;'\"&?";
    char *state = NULL;

    for (char *word = apr_strtok(apr_pstrdup(e->pool, params), between, &state); word;
         word = apr_strtok(NULL, between, &state)) {
        char *equals = strchr(word, '=');

        if (equals)
            *equals = '\0';
        if ((!equals || !is_harmless(word)) && is_quoted(e, said, equals ? equals + 1 : word))
            return true;
    }
    return false;
}

/* Of "scheme://user:password@host/name?key=value". A password with one of those signs, unescaped, is
 * taken for something else by the database, a part of it for the host or the port: so it is not
 * known what it says then. */
static bool quotes_url(const examination *e, const char *url, const char *said)
{
    const char *at = strrchr(url, '@');
    const char *query = strchr(at ? at : url, '?');
    const char *colon = at ? memchr(url, ':', (apr_size_t)(at - url)) : NULL;
    const char *password =
        colon ? apr_pstrmemdup(e->pool, colon + 1, (apr_size_t)(at - colon - 1)) : "";

    if (strpbrk(password, ":/?#[]@") || is_quoted(e, said, password))
        return true;
    return query && quotes_words(e, query, said);
}

/* Some databases quote what they were given. */
static bool quotes_params(const examination *e, const char *said)
{
    const char *bars = strstr(e->params, "://");

    if (strcmp(e->name, "sqlite3") == 0)
        return false;
    if (bars && (apr_size_t)(bars - e->params) == strcspn(e->params, ":= \t"))
        return quotes_url(e, bars + 3, said);
    return quotes_words(e, e->params, said);
}

static const char *in_its_words(const examination *e, const char *said)
{
    if (!said || !*said)
        return "it does not say why";
    return quotes_params(e, said) ? "what it says quotes DBDParams and is not shown" : said;
}

static const char *last_error(const examination *e)
{
    return in_its_words(e, apr_dbd_error(e->driver, e->handle, 1));
}

/* --- the query --------------------------------------------------------------------------------- */

static bool is_prepared(const examination *e, const char *query, const char *label)
{
    apr_dbd_prepared_t *statement = NULL;

    return apr_dbd_prepare(e->driver, e->pool, e->handle, query, label, &statement) == 0;
}

/* With the types that the database finds in it: what PostgreSQL's driver, which says that all is text,
 * cannot ask. */
static bool is_prepared_untyped(const examination *e)
{
    const char *query = "PREPARE encgather_untyped AS ";
    int rows, n = 0;

    if (strcmp(e->name, "pgsql") != 0)
        return false;
    for (const char *p = e->query; *p; p++)
        if (*p == '%' && p[1] == 's') {
            query = apr_psprintf(e->pool, "%s$%d", query, ++n);
            p++;
        } else if (*p != '%' || p[1] != '%')
            query = apr_psprintf(e->pool, "%s%c", query, *p);
    return apr_dbd_query(e->driver, e->handle, &rows, query) == 0;
}

/* Exactly as it is written, as the member of the answer is: behind a table's name the quotation marks
 * are never those of a text. */
static const char *quoted_column(const examination *e, const char *column)
{
    char mark = strcmp(e->name, "mysql") == 0 ? '`' : '"';

    return apr_psprintf(e->pool, "SELECT encgather_row.%c%s%c FROM (%s) encgather_row", mark,
                        column, mark, e->query);
}

static bool is_plain_column(const char *column)
{
    for (const char *p = column; *p; p++)
        if (!eg_is_alnum(*p) && *p != '_')
            return false;
    return *column != '\0';
}

static void examine_columns(const examination *e)
{
    for (int i = 0; i < e->columns->nelts; i++) {
        const char *column = APR_ARRAY_IDX(e->columns, i, const char *);
        const char *label = apr_psprintf(e->pool, "encgather_column_%d", i);

        if (is_plain_column(column) && !is_prepared(e, quoted_column(e, column), label))
            tell_about(e, "broken",
                       apr_psprintf(e->pool,
                                    "a sentence says %%{%s}, and the query gives no column '%s'",
                                    column, column),
                       "name the column in EncGatherLookup, or take it out of EncGatherSay");
    }
}

static void examine_query(const examination *e)
{
    if (is_prepared(e, e->query, "encgather_query")) {
        tell_about(e, "ok", "the database answers and knows the query", NULL);
        examine_columns(e);
        return;
    }
    if (is_prepared_untyped(e))
        tell_about(
            e, "odd",
            "the database does not take text for each %s, and finds the types anew with each "
            "request",
            "compare text with text: CAST(column AS text) = %s");
    else
        tell_about(
            e, "broken",
            apr_pstrcat(e->pool, "the database does not know the query: ", last_error(e), NULL),
            "correct EncGatherLookup, or the database (a table, a column, a right to read)");
}

/* --- the connection ---------------------------------------------------------------------------- */

/* The driver would make a file that is not there. */
static bool examine_file(const examination *e)
{
    char words[128];

    if (strcmp(e->name, "sqlite3") != 0 || *e->params != '/' || access(e->params, R_OK) == 0)
        return true;
    tell_about(e, "broken",
               apr_psprintf(e->pool, "the database %s cannot be read by %s: %s", e->params,
                            ap_unixd_config.user_name ? ap_unixd_config.user_name : "this user",
                            apr_strerror(apr_get_os_error(), words, sizeof words)),
               "look at the path in DBDParams, and let the server's user read the file and enter "
               "its directories");
    return false;
}

static void examine_connection(examination *e)
{
    const char *error = NULL;

    if (apr_dbd_open_ex(e->driver, e->pool, e->params, &e->handle, &error) == APR_SUCCESS) {
        examine_query(e);
        return;
    }
    tell_about(e, "broken",
               apr_pstrcat(e->pool, "the database does not answer: ", in_its_words(e, error), NULL),
               "is it up, and do DBDParams name its host, user, password and database?");
}

static void examine_lookup(examination *e)
{
    if (apr_dbd_init(e->pool) != APR_SUCCESS ||
        apr_dbd_get_driver(e->pool, e->name, &e->driver) != APR_SUCCESS) {
        tell_about(
            e, "broken", apr_psprintf(e->pool, "no driver '%s' can be loaded", e->name),
            "install the driver of APR-util for this database (Debian: libaprutil1-dbd-...)");
        return;
    }
    if (examine_file(e))
        examine_connection(e);
}

/* --- a process of its own ---------------------------------------------------------------------- */

/* Of the server's children. Who is not root is nobody else. */
static bool become_child(void)
{
    const unixd_config_rec *as = &ap_unixd_config;

    if (geteuid() != 0 || !as->user_name || as->user_id == 0)
        return true;
    return (*as->user_name == '#' || initgroups(as->user_name, as->group_id) == 0) &&
           setgid(as->group_id) == 0 && setuid(as->user_id) == 0;
}

/* In seconds: a call waits no longer, either. */
static unsigned patience_for(const examination *e)
{
    apr_int64_t seconds = apr_time_sec(eg_config_timeout(e->place->config));

    return seconds < PATIENCE ? (unsigned)seconds : PATIENCE;
}

static void examine_and_end(examination *e)
{
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(patience_for(e));
    if (become_child())
        examine_lookup(e);
    else
        tell_about(e, "odd", "the database was not asked: this user cannot become the server's",
                   NULL);
    _exit(0);
}

/* DBDParams of those that did not answer in time: none is waited for once more. */
static apr_array_header_t *silent;
static unsigned waited; /* seconds, for all of them */

static bool is_silent(const examination *e)
{
    for (int i = 0; silent && i < silent->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(silent, i, const char *), e->params) == 0)
            return true;
    return false;
}

static void tell_of_silence(const examination *e)
{
    unsigned seconds = patience_for(e);

    tell_about(e, "broken",
               apr_psprintf(e->pool, "the database does not answer within %u second%s", seconds,
                            seconds == 1 ? "" : "s"),
               "is it up, does a firewall drop what is sent to it, does somebody hold a lock?");
}

static void note_silence(const examination *e)
{
    if (!silent)
        silent = apr_array_make(e->pool, 4, sizeof(const char *));
    APR_ARRAY_PUSH(silent, const char *) = e->params;
    waited += patience_for(e);
}

static void tell_end(const examination *e, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        tell_of_silence(e);
        note_silence(e);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        tell_about(e, "broken", "the driver of the database ends its process",
                   "is it built for another version of its client library?");
}

static const char *without_semicolon(apr_pool_t *pool, const char *query)
{
    apr_size_t n = strlen(query);

    while (n && (eg_is_blank(query[n - 1]) || query[n - 1] == ';'))
        n--;
    return apr_pstrmemdup(pool, query, n);
}

static const char *argument_of(apr_pool_t *pool, const ap_directive_t *host, const char *name)
{
    const ap_directive_t *node = eg_host_directive(host, name);
    const char *args = node ? node->args : NULL;

    return args ? ap_getword_conf(pool, &args) : NULL;
}

void eg_dump_database(apr_pool_t *pool, const eg_place *place, const apr_array_header_t *columns)
{
    examination e = {.pool = pool,
                     .place = place,
                     .columns = columns,
                     .name = argument_of(pool, place->host, "DBDriver"),
                     .params = argument_of(pool, place->host, "DBDParams"),
                     .query = without_semicolon(pool, place->config->lookup->query)};
    int status = 0;
    pid_t pid;

    if (!e.name || !e.params) {
        tell_about(&e, "broken", "there is no DBDriver or no DBDParams for this host",
                   "set both, in the virtual host or in the server");
        return;
    }
    if (is_silent(&e)) {
        tell_of_silence(&e);
        return;
    }
    if (waited >= PATIENCE_IN_ALL) {
        tell_about(&e, "odd", "the database was not asked: too many others do not answer",
                   "see to those, and run this again");
        return;
    }
    pid = fork();
    if (pid == 0)
        examine_and_end(&e);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        tell_about(&e, "odd", "the database was not asked: the system gives no process", NULL);
    else
        tell_end(&e, status);
}
