/* SPDX-License-Identifier: Apache-2.0
 * What the doctor asks of the machine: the clock, the server that runs, the age of files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_time.h>
#include "encgather_ask.h"

static apr_pool_t *pool_here(const eg_dump *dump)
{
    return dump->report->tool->pool;
}

/* --- the clock --------------------------------------------------------------------------------- */

void eg_ask_clock(const eg_dump *dump)
{
    struct timex state = {.modes = 0};
    int rc = adjtimex(&state);

    if (rc < 0)
        eg_report_add(dump->server, EG_STATE_ODD,
                      "whether the clock is right is not known: the kernel does not tell",
                      "compare it: date -u");
    else if (rc == TIME_ERROR || (state.status & STA_UNSYNC))
        eg_report_add(dump->server, EG_STATE_ODD,
                      "nothing keeps the clock right: the kernel says that it is not synchronized",
                      "run chrony, systemd-timesyncd or ntpd (in a container: on its host)");
    else
        eg_report_add(dump->server, EG_STATE_OK,
                      apr_psprintf(pool_here(dump), "the clock is kept right, within %ld ms",
                                   state.maxerror / 1000),
                      NULL);
}

/* --- the server that runs ---------------------------------------------------------------------- */

/* The first bytes of a small file; an empty text where it cannot be read. */
static const char *read_small(apr_pool_t *pool, const char *path)
{
    char *text = apr_pcalloc(pool, 4096);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? 0 : read(fd, text, 4095);

    if (fd >= 0)
        (void)close(fd);
    return got > 0 ? text : "";
}

static pid_t running_pid(const eg_dump *dump, const char *pid_file)
{
    long pid = strtol(read_small(pool_here(dump), pid_file), NULL, 10);

    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno != EPERM))
        return 0;
    return (pid_t)pid;
}

static apr_int64_t changed(const char *path)
{
    struct stat about;

    return path && stat(path, &about) == 0 ? (apr_int64_t)about.st_mtime : 0;
}

/* httpd writes its PidFile anew with each configuration that it has read: since is when it did. */
static void compare_with(const eg_dump *dump, const eg_record *record, apr_int64_t since)
{
    const char *path = eg_record_get(dump, record, "path");
    apr_int64_t when = changed(path);

    if (since && when > since + 1)
        eg_report_add(record->subject ? record->subject : dump->server, EG_STATE_ODD,
                      apr_psprintf(pool_here(dump),
                                   "%s was changed %" APR_INT64_T_FMT
                                   " seconds after the server that runs has read it",
                                   path, when - since),
                      "apachectl graceful, if that is meant to be in force");
}

static void compare_files(const eg_dump *dump, apr_int64_t since)
{
    const eg_record *record;

    for (int i = 0; (record = eg_dump_next(dump, "config", &i)) != NULL; i++)
        compare_with(dump, record, since);
    for (int i = 0; (record = eg_dump_next(dump, "file", &i)) != NULL; i++)
        compare_with(dump, record, since);
}

void eg_ask_process(const eg_dump *dump, bool is_expected)
{
    int i = 0;
    const eg_record *server = eg_dump_next(dump, "server", &i);
    const char *pid_file = server ? eg_record_get(dump, server, "pid_file") : NULL;
    pid_t pid = pid_file ? running_pid(dump, pid_file) : 0;

    if (!pid_file)
        return;
    if (pid) {
        eg_report_add(dump->server, EG_STATE_OK,
                      apr_psprintf(pool_here(dump), "a server runs, process %ld", (long)pid), NULL);
        compare_files(dump, changed(pid_file));
    } else
        eg_report_add(dump->server, is_expected ? EG_STATE_BROKEN : EG_STATE_OK,
                      apr_psprintf(pool_here(dump), "no server runs with the PidFile %s", pid_file),
                      is_expected ? "apachectl start, and look into the error log" : NULL);
}
