/* SPDX-License-Identifier: Apache-2.0
 * Has httpd read its configuration, and takes what it says. */
#include "encgather_httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_time.h>
#include "encgather_io.h"

#define PATIENCE 120 /* seconds */
#define MOST_TEXT (16 * 1024 * 1024)
#define NO_PROGRAM 127 /* as the shell says it */

#define OF_DAEMONS "/usr/sbin:/usr/local/apache2/bin:/usr/local/sbin"

/* What Debian's apache2ctl reads first, or the configuration lacks its variables. */
#define ENVVARS "/etc/apache2/envvars"

/* --- which httpd ------------------------------------------------------------------------------- */

/* A directory may have that name, too; a shell passes it by. */
static bool is_program(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

/* The first of these names in the first of these directories that has one; NULL: nowhere. */
static const char *find_program(apr_pool_t *pool, const char *const names[],
                                const char *directories)
{
    char *rest = apr_pstrdup(pool, directories), *state = NULL;

    for (char *each = apr_strtok(rest, ":", &state); each; each = apr_strtok(NULL, ":", &state))
        for (int i = 0; names[i]; i++) {
            const char *program = apr_pstrcat(pool, each, "/", names[i], NULL);

            if (*each == '/' && is_program(program))
                return program;
        }
    return NULL;
}

/* A name without a slash is looked for as a shell does, and where daemons are; none: what httpd is mostly called,
 * where daemons are first. */
static const char *find_httpd(const eg_tool *tool, const char *named)
{
    static const char *const usual[] = {"apache2", "httpd", NULL};
    const char *const names[] = {named, NULL};
    const char *path = getenv("PATH");
    const char *found;

    path = path ? path : "";
    if (named && strchr(named, '/'))
        return named;
    found =
        named
            ? find_program(tool->pool, names, apr_pstrcat(tool->pool, path, ":" OF_DAEMONS, NULL))
            : find_program(tool->pool, usual, apr_pstrcat(tool->pool, OF_DAEMONS ":", path, NULL));
    if (!found && named)
        eg_tool_complain(tool,
                         "no '%s' was found in PATH, /usr/sbin, /usr/local/apache2/bin and "
                         "/usr/local/sbin; name it with its path",
                         named);
    else if (!found)
        eg_tool_complain(tool, "no httpd was found; name it: --httpd PATH");
    return found;
}

static bool is_debians(const char *program)
{
    const char *slash = strrchr(program, '/');

    return strcmp(slash ? slash + 1 : program, "apache2") == 0 && access(ENVVARS, R_OK) == 0;
}

/* --- its arguments ----------------------------------------------------------------------------- */

static void push_pair(apr_array_header_t *argv, const char *option, const char *value)
{
    if (!value)
        return;
    APR_ARRAY_PUSH(argv, const char *) = option;
    APR_ARRAY_PUSH(argv, const char *) = value;
}

static char *const *arguments_of(const eg_tool *tool, const eg_httpd_options *options,
                                 const char *program)
{
    static const char script[] = ". " ENVVARS "\nexec \"$@\" $APACHE_ARGUMENTS";
    apr_array_header_t *argv = apr_array_make(tool->pool, 16, sizeof(const char *));

    if (is_debians(program)) {
        push_pair(argv, "/bin/sh", "-c");
        push_pair(argv, script, "sh");
    }
    push_pair(argv, program, "-t");
    push_pair(argv, "-D", "DUMP_ENCGATHER");
    push_pair(argv, "-D", options->databases ? "DUMP_ENCGATHER_DATABASES" : NULL);
    push_pair(argv, "-D", options->define);
    push_pair(argv, "-d", options->root);
    push_pair(argv, "-f", options->config);
    APR_ARRAY_PUSH(argv, const char *) = NULL;
    return (char *const *)argv->elts;
}

/* --- running it -------------------------------------------------------------------------------- */

static void become_httpd(char *const *argv, int output)
{
    int nothing = open("/dev/null", O_RDONLY);

    if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(output, STDERR_FILENO) >= 0) {
        (void)setpgid(0, 0);
        (void)execv(argv[0], argv);
    }
    _exit(NO_PROGRAM);
}

/* Its exit status; -1 where it came to no end by itself. */
static int wait_for_end(pid_t pid)
{
    apr_time_t until = apr_time_now() + apr_time_from_sec(PATIENCE);
    int status = 0;
    pid_t ended = 0;

    while (ended == 0 && apr_time_now() < until) {
        ended = waitpid(pid, &status, WNOHANG);
        if (ended == 0)
            apr_sleep(apr_time_from_msec(10));
    }
    if (ended == 0) {
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        return -1;
    }
    return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *read_what_it_said(const eg_tool *tool, int fd)
{
    eg_content content;
    const char *text = NULL;

    if (lseek(fd, 0, SEEK_SET) == 0 &&
        eg_content_read(tool, fd, "what httpd says", MOST_TEXT, &content) == EG_EXIT_GOOD)
        text = apr_pstrmemdup(tool->pool, content.n ? content.bytes : "", content.n);
    eg_content_free(&content);
    return text;
}

static bool run_httpd(const eg_tool *tool, char *const *argv, int output, eg_httpd_said *said)
{
    pid_t pid = fork();

    if (pid == 0)
        become_httpd(argv, output);
    if (pid < 0) {
        eg_tool_complain(tool, "the system gives no process: %s", strerror(errno));
        return false;
    }
    said->status = wait_for_end(pid);
    if (said->status == NO_PROGRAM) {
        eg_tool_complain(tool, "%s cannot be run", said->program);
        return false;
    }
    said->text = read_what_it_said(tool, output);
    return said->text != NULL;
}

bool eg_httpd_ask(const eg_tool *tool, const eg_httpd_options *options, eg_httpd_said *said)
{
    int output;
    bool ok;

    said->program = find_httpd(tool, options->program);
    if (!said->program)
        return false;
    output = memfd_create("encgather", MFD_CLOEXEC);
    if (output < 0 || fcntl(output, F_SETFL, O_APPEND) != 0) {
        eg_tool_complain(tool, "no memory for what httpd says: %s", strerror(errno));
        return false;
    }
    ok = run_httpd(tool, arguments_of(tool, options, said->program), output, said);
    (void)close(output);
    return ok;
}
