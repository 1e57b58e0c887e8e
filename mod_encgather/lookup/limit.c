/* SPDX-License-Identifier: Apache-2.0
 * How long a database may think: told to it in its own way, driver by driver. */
#include "lookup/limit.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <apr_dbd.h>
#include <apr_hash.h>
#include <apr_strings.h>

/* A limit that was told stays while it is wrong by less, or each query would be two. */
#define TOLERANCE apr_time_from_msec(100)
#define STATEMENT_MAX 300
/* SQLite looks at the clock after so many instructions of its virtual machine. */
#define INSTRUCTIONS 1000
#define KEY "encgather connection"

/* Functions of the libraries behind the drivers, which APR has no names for. */
typedef int (*number_of_fn)(const void *native);
typedef unsigned long (*id_of_fn)(void *native);
typedef void (*watch_fn)(void *native, int every, int (*look)(void *), void *data);

typedef enum { OTHER, POSTGRESQL, MYSQL, SQLITE } kind;

struct eg_connection {
    kind what;
    number_of_fn backend_pid; /* of libpq; these are NULL where they cannot be found */
    id_of_fn thread_id;       /* of libmariadb or libmysqlclient */
    watch_fn watch;           /* of libsqlite3 */
    long identity;
    apr_interval_time_t told; /* 0: nothing */
};

/* --- what APR has no names for ------------------------------------------------------------------ */

/* The library is the one that the driver is linked to, which is loaded already: nothing is loaded or
 * linked for our sake. Another one of the same name in this process would not know the driver's
 * connections. */
static void *symbol_of(const apr_dbd_driver_t *driver, const char *name)
{
    Dl_info where;
    void *library, *global = dlsym(RTLD_DEFAULT, name), *found;

    if (dladdr((const void *)driver, &where) == 0 || !where.dli_fname)
        return NULL;
    library = dlopen(where.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        return NULL;
    found = dlsym(library, name);
    (void)dlclose(library);
    return global && global != found ? NULL : found;
}

static kind kind_of(const apr_dbd_driver_t *driver)
{
    const char *name = apr_dbd_name(driver);

    if (strcmp(name, "pgsql") == 0)
        return POSTGRESQL;
    if (strcmp(name, "mysql") == 0)
        return MYSQL;
    return strcmp(name, "sqlite3") == 0 ? SQLITE : OTHER;
}

/* An object pointer that is a function's: POSIX has it so. */
#define FIND(function, driver, name) (*(void **)&(function) = symbol_of(driver, name))

static eg_connection *get_to_know(const ap_dbd_t *dbd)
{
    eg_connection *fresh = apr_pcalloc(dbd->pool, sizeof *fresh);

    fresh->what = kind_of(dbd->driver);
    if (fresh->what == POSTGRESQL)
        FIND(fresh->backend_pid, dbd->driver, "PQbackendPID");
    if (fresh->what == MYSQL)
        FIND(fresh->thread_id, dbd->driver, "mysql_thread_id");
    if (fresh->what == SQLITE)
        FIND(fresh->watch, dbd->driver, "sqlite3_progress_handler");
    return fresh;
}

static void *native_of(const ap_dbd_t *dbd)
{
    return apr_dbd_native_handle(dbd->driver, dbd->handle);
}

static long ask_identity(const eg_connection *connection, const ap_dbd_t *dbd)
{
    if (connection->backend_pid)
        return connection->backend_pid(native_of(dbd));
    return connection->thread_id ? (long)connection->thread_id(native_of(dbd)) : 0;
}

eg_connection *eg_connection_of(const ap_dbd_t *dbd)
{
    eg_connection *connection = apr_hash_get(dbd->prepared, KEY, APR_HASH_KEY_STRING);

    if (!connection) {
        connection = get_to_know(dbd);
        apr_hash_set(dbd->prepared, KEY, APR_HASH_KEY_STRING, connection);
    }
    return connection;
}

long eg_connection_identity(eg_connection *connection, const ap_dbd_t *dbd)
{
    long identity = ask_identity(connection, dbd);

    if (identity != connection->identity)
        connection->told = 0;
    connection->identity = identity;
    return identity;
}

/* --- in SQL ------------------------------------------------------------------------------------- */

static bool say(const ap_dbd_t *dbd, const char *statement)
{
    int rows = 0;

    return apr_dbd_query(dbd->driver, dbd->handle, &rows, statement) == 0;
}

/* A limit that the administrator of the database has set, and that is shorter, stays. */
static void tell_postgresql(const ap_dbd_t *dbd, int milliseconds)
{
    char statement[STATEMENT_MAX];

    (void)apr_snprintf(statement, sizeof statement,
                       "SELECT set_config('statement_timeout', CASE WHEN reset_val::int BETWEEN 1 "
                       "AND %d THEN reset_val ELSE '%d' END, false) FROM pg_settings "
                       "WHERE name = 'statement_timeout'",
                       milliseconds, milliseconds);
    (void)say(dbd, statement);
}

/* Preparing waits for a lock, too, and only lock_wait_timeout ends that. MySQL has another name for
 * the other one. */
static void tell_mysql(const ap_dbd_t *dbd, int milliseconds, bool is_new)
{
    char statement[STATEMENT_MAX];
    int seconds = (milliseconds + 999) / 1000;

    (void)apr_snprintf(statement, sizeof statement,
                       "SET SESSION max_statement_time = IF(@encgather_time BETWEEN 0.001 AND "
                       "%d.%03d, @encgather_time, %d.%03d), "
                       "SESSION lock_wait_timeout = LEAST(@encgather_wait, %d)",
                       milliseconds / 1000, milliseconds % 1000, milliseconds / 1000,
                       milliseconds % 1000, seconds);
    if ((!is_new || say(dbd, "SET @encgather_time = @@SESSION.max_statement_time, "
                             "@encgather_wait = @@SESSION.lock_wait_timeout")) &&
        say(dbd, statement))
        return;
    (void)apr_snprintf(statement, sizeof statement,
                       "SET SESSION max_execution_time = %d, SESSION lock_wait_timeout = %d",
                       milliseconds, seconds);
    (void)say(dbd, statement);
}

/* --- around a query ----------------------------------------------------------------------------- */

/* Something else than 0 ends the query. */
static int is_too_late(void *deadline)
{
    return apr_time_now() >= *(const apr_time_t *)deadline;
}

static void tell(eg_connection *connection, const ap_dbd_t *dbd, apr_interval_time_t left)
{
    int milliseconds = (int)apr_time_as_msec(left) + 1;

    if (connection->told && llabs(connection->told - left) <= TOLERANCE)
        return;
    if (connection->what == POSTGRESQL)
        tell_postgresql(dbd, milliseconds);
    if (connection->what == MYSQL)
        tell_mysql(dbd, milliseconds, !connection->told);
    connection->told = left;
}

void eg_limit_set(eg_connection *connection, const ap_dbd_t *dbd, const apr_time_t *deadline)
{
    apr_interval_time_t left = *deadline - apr_time_now();

    (void)eg_connection_identity(connection, dbd); /* a new one has been told nothing */
    if (connection->watch)
        connection->watch(native_of(dbd), INSTRUCTIONS, is_too_late,
                          (void *)(apr_uintptr_t)deadline);
    if (left > 0)
        tell(connection, dbd, left);
}

void eg_limit_lift(const eg_connection *connection, const ap_dbd_t *dbd)
{
    if (connection->watch)
        connection->watch(native_of(dbd), 0, NULL, NULL);
}
