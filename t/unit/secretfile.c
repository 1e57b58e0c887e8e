/* SPDX-License-Identifier: Apache-2.0
 * Tests of the checks on files that hold secrets, with real files in a directory of their own. */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "core/secretfile.h"

#define NOBODY 65534
#define MAX 100
#define CONTENT "key\0material\n"
#define CONTENT_N (sizeof CONTENT - 1)

static apr_pool_t *pool;
static char top[256]; /* the directory that all of this happens in */

static const char *at(const char *name)
{
    return apr_pstrcat(pool, top, "/", name, NULL);
}

static const char *make_file(const char *name, size_t n, mode_t mode)
{
    const char *path = at(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    for (size_t i = 0; i < n; i++)
        if (write(fd, &CONTENT[i % CONTENT_N], 1) != 1)
            abort();
    if (fd < 0 || close(fd) != 0 || chmod(path, mode) != 0)
        abort();
    return path;
}

static const char *make_directory(const char *name, mode_t mode)
{
    const char *path = at(name);

    if (mkdir(path, 0700) != 0 || chmod(path, mode) != 0)
        abort();
    return path;
}

static const char *make_link(const char *name, const char *target)
{
    const char *path = at(name);

    if (symlink(target, path) != 0)
        abort();
    return path;
}

static eg_file_verdict read_below(const char *path, const char *docroot, eg_problem *why)
{
    apr_array_header_t *docroots = apr_array_make(pool, 1, sizeof(const char *));
    eg_secretfile_rules rules = {.max = MAX, .docroots = NULL};
    eg_secretfile file = {top, 1};
    eg_file_verdict verdict;

    APR_ARRAY_PUSH(docroots, const char *) = "/nonexistent";
    if (docroot) {
        APR_ARRAY_PUSH(docroots, const char *) = docroot;
        APR_ARRAY_PUSH(docroots, const char *) = "/nonexistent";
        rules.docroots = eg_docroots_create(pool, docroots);
    }
    memset(why, 0, sizeof *why);
    verdict = eg_secretfile_read(pool, path, &rules, &file, why);
    if (verdict != EG_FILE_OK && (file.bytes || file.n))
        return (eg_file_verdict)-1; /* it must be empty then */
    eg_secretfile_free(&file);
    return verdict;
}

static void good(const char *path, const char *name)
{
    eg_problem why;

    if (!is_int(read_below(path, NULL, &why), EG_FILE_OK, "read: %s", name))
        fprintf(stderr, "# %s\n", why.text);
}

/* Refused, with these words in the message and none of the content. */
static void bad(const char *path, const char *says, const char *name)
{
    eg_problem why;

    is_int(read_below(path, NULL, &why), EG_FILE_BAD, "refused: %s", name);
    if (!ok(strstr(why.text, says) && !strchr(why.text, '\n') && !strstr(why.text, "material"),
            "the message says '%s': %s", says, name))
        fprintf(stderr, "# %s\n", why.text);
}

/* Of a directory that is in order it is remembered, as long as whoever asks keeps that; of another one it is not. */
static void remembered(void)
{
    const char *path = make_file("remembered", 1, 0600),
               *below = apr_pstrcat(pool, top, "/ajar", NULL);
    eg_secretfile_rules rules = {.max = MAX, .good = apr_hash_make(pool)};
    eg_secretfile file;
    eg_problem why;

    is_int(eg_secretfile_read(pool, path, &rules, &file, &why), EG_FILE_OK,
           "directories are looked at");
    eg_secretfile_free(&file);
    ok(apr_hash_get(rules.good, top, APR_HASH_KEY_STRING) && apr_hash_get(rules.good, "/", 1),
       "and remembered, up to the root");
    ok(!apr_hash_get(rules.good, path, APR_HASH_KEY_STRING), "not the file");
    if (mkdir(below, 0700) != 0 || chmod(below, 0777) != 0)
        abort();
    path = make_file("ajar/key", 1, 0600);
    for (int i = 0; i < 2; i++)
        is_int(eg_secretfile_read(pool, path, &rules, &file, &why), EG_FILE_BAD,
               "one that everybody can write is refused each time");
    ok(!apr_hash_get(rules.good, below, APR_HASH_KEY_STRING), "and not remembered");
    (void)chmod(below, 0700);
    is_int(eg_secretfile_read(pool, path, &rules, &file, &why), EG_FILE_OK, "until it is in order");
    eg_secretfile_free(&file);
}

static void content(void)
{
    const char *path = make_file("key", CONTENT_N, 0600);
    eg_secretfile_rules rules = {.max = MAX, .docroots = NULL};
    eg_secretfile file;
    eg_problem why;

    is_int(eg_secretfile_read(pool, path, &rules, &file, &why), EG_FILE_OK, "a file is read");
    is_bytes(file.bytes, file.n, CONTENT, CONTENT_N, "all of it, NULs included");
    eg_secretfile_free(&file);
    ok(!file.bytes && !file.n, "it is given back");
    eg_secretfile_free(&file);
    ok(true, "once more does no harm");
}

static void sizes(void)
{
    good(make_file("one", 1, 0600), "one byte");
    good(make_file("max", MAX, 0600), "as many bytes as are allowed");
    bad(make_file("more", MAX + 1, 0600), "more than 100", "one byte more");
    bad(make_file("huge", 100 * MAX, 0600), "10000 bytes", "many more");
    bad(make_file("empty", 0, 0600), "is empty", "an empty file");
}

/* What anybody may read nobody else may write. */
static void public_files(void)
{
    static const struct {
        mode_t mode;
        bool good;
    } cases[] = {{0600, true},  {0644, true},  {0444, true},  {0755, true},
                 {0664, false}, {0646, false}, {0666, false}, {0602, false}};
    eg_secretfile_rules rules = {.max = MAX, .is_public = true};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = make_file("public", 10, cases[i].mode);
        eg_secretfile file;
        eg_problem why = {""};
        eg_file_verdict verdict = eg_secretfile_read(pool, path, &rules, &file, &why);

        is_int(verdict, cases[i].good ? EG_FILE_OK : EG_FILE_BAD, "public, mode %04o",
               (unsigned)cases[i].mode);
        ok(cases[i].good || strstr(why.text, "run: chmod go-w"), "and how to put it right");
        eg_secretfile_free(&file);
        unlink(path); /* only root may write into one of mode 0444 again */
    }
}

static void modes(void)
{
    static const struct {
        mode_t mode;
        bool good;
    } cases[] = {
        {0600, true},  {0400, true},  {0700, true},  {0640, false}, {0620, false},
        {0610, false}, {0604, false}, {0602, false}, {0601, false}, {0644, false},
        {0660, false}, {0777, false}, {0440, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = make_file("mode", 10, cases[i].mode);
        const char *name = apr_psprintf(pool, "mode %04o", (unsigned)cases[i].mode);

        if (cases[i].good)
            good(path, name);
        else
            bad(path, "chmod 0600", name);
        unlink(path);
    }
}

static void kinds(void)
{
    const char *fifo = at("fifo");

    bad(at("missing"), "No such file", "a missing file");
    bad(at("key/below"), "Not a directory", "something below a file");
    bad(make_directory("directory", 0700), "not a regular file", "a directory");
    bad("/dev/null", "not a regular file", "a device");
    ok(mkfifo(fifo, 0600) == 0, "a FIFO that nobody writes to");
    alarm(10); /* it would wait for ever */
    bad(fifo, "not a regular file", "a FIFO");
    alarm(0);
}

static void links(void)
{
    good(make_link("link", at("key")), "a link to a good file");
    good(make_link("linklink", at("link")), "a link to a link");
    good(make_link("relative", "key"), "a relative link");
    bad(make_link("dangling", at("missing")), "No such file", "a link to nothing");
    bad(make_link("loop", at("loop")), "cannot be opened", "a link to itself");
    bad(make_link("loose", make_file("open", 10, 0644)), "chmod 0600", "a link to a loose file");
}

static void directories(void)
{
    const char *path;

    make_directory("deep", 0700);
    make_directory("deep/er", 0700);
    path = make_file("deep/er/key", 10, 0600);
    good(path, "two directories down");
    make_link("in", path);
    make_link("er", at("deep/er"));

    chmod(at("deep/er"), 0777);
    bad(path, "chmod o-w", "a directory that everybody can write");
    bad(at("in"), "chmod o-w", "a link into it");
    bad(at("er/key"), "chmod o-w", "through a link to it");
    chmod(at("deep/er"), 01777);
    good(path, "with the sticky bit");
    good(at("in"), "a link into it");
    chmod(at("deep/er"), 0772);
    bad(path, "chmod o-w", "writing alone");
    chmod(at("deep/er"), 0775);
    good(path, "group may write there");

    chmod(at("deep"), 0777);
    chmod(at("deep/er"), 0700);
    bad(path, at("deep"), "the directory above that");
    bad(at("in"), at("deep"), "a link below it");
    chmod(at("deep"), 01777);
    good(path, "that one with the sticky bit");

    make_directory("loosedir", 0777);
    bad(make_link("loosedir/link", at("key")), "chmod o-w", "a link that can be replaced");
    bad(apr_pstrcat(pool, top, "/loosedir/../key", NULL), "chmod o-w", "a way through it");
}

static void docroots(void)
{
    static const struct {
        const char *path, *docroot;
        bool good;
    } cases[] = {
        {"www/key", "www", false},
        {"www/key", "www/", false},
        {"www/key", "www//", false},
        {"www/sub/key", "www", false},
        {"www/sub/key", "www/sub", false},
        {"www/key", "www/sub", true},
        {"www2/key", "www", true},
        {"key", "www", true},
        {"out", "www", false},
        {"www/in", "www", false},
        {"www/key", "wwwlink", false},
        {"wwwlink/key", "www", false},
        {"wwwlink/key", "wwwlink", false},
        {"www2/../www/key", "www", false},
        {"key", "", false},
    };

    make_directory("www", 0755);
    make_directory("www/sub", 0755);
    make_directory("www2", 0755);
    make_file("www/key", 10, 0600);
    make_file("www/sub/key", 10, 0600);
    make_file("www2/key", 10, 0600);
    make_link("wwwlink", at("www"));
    make_link("out", at("www/key"));
    make_link("www/in", at("key"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_problem why;
        eg_file_verdict verdict = read_below(at(cases[i].path), at(cases[i].docroot), &why);

        is_int(verdict, cases[i].good ? EG_FILE_OK : EG_FILE_BAD, "%s, docroot %s", cases[i].path,
               cases[i].docroot);
        if (!cases[i].good)
            ok(strstr(why.text, "DocumentRoot") != NULL, "the message says so");
    }
    ok(read_below(at("key"), "/", &(eg_problem){""}) == EG_FILE_BAD, "all is below /");
}

/* Nobody knows what lies below: it could be the key. */
static void docroot_that_leads_nowhere(void)
{
    eg_problem why;

    make_link("round", at("round"));
    is_int(read_below(at("key"), at("round"), &why), EG_FILE_BAD,
           "a docroot that is a link to itself");
    ok(strstr(why.text, "cannot be compared with DocumentRoot") != NULL, "the message says so");
}

/* What another user is told, in a child that has become that user. */
static int as_nobody(const char *path)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        eg_problem why;

        if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
            _exit(99);
        _exit((int)read_below(path, NULL, &why));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static void owners(void)
{
    const char *path = make_file("owned", 10, 0600);

    if (geteuid() != 0) {
        skip("only root can give files away");
        return;
    }
    chmod(top, 0711);
    is_int(as_nobody(path), EG_FILE_UNREADABLE, "another user may not read root's file");
    ok(chown(path, NOBODY, 0) == 0, "a file of another user");
    bad(path, "owned by uid 65534", "it is not root's");
    is_int(as_nobody(path), EG_FILE_OK, "but good for that user");
    ok(chown(path, NOBODY - 1, 0) == 0 && chmod(path, 0600) == 0, "a file of a third one");
    is_int(as_nobody(path), EG_FILE_UNREADABLE, "is neither read");
    chmod(path, 0604);
    is_int(as_nobody(path), EG_FILE_BAD, "nor good where it can be read");
    chmod(top, 0700);
}

/* 0, or what differs from the verdict and the words; in a child that has become nobody, with one
 * group of its own and one besides. */
static int as_member(const char *path, gid_t own, gid_t other, eg_file_verdict want,
                     const char *says)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        eg_problem why;

        if (setgroups(1, &other) != 0 || setgid(own) != 0 || setuid(NOBODY) != 0)
            _exit(99);
        if (read_below(path, NULL, &why) != want)
            _exit(1);
        _exit(strstr(why.text, says) ? 0 : 2);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

#define SERVERS 61234 /* a group that is nobody else's */

static void group_of_the_server(void)
{
    static const struct {
        mode_t mode;
        uid_t owner;
        eg_file_verdict verdict;
        const char *says;
    } cases[] = {
        {0440, 0, EG_FILE_OK, ""},
        {0040, 0, EG_FILE_OK, ""},
        {0640, 0, EG_FILE_BAD, "chmod 0440"},
        {0460, 0, EG_FILE_BAD, "chmod 0440"},
        {0450, 0, EG_FILE_BAD, "chmod 0440"},
        {0444, 0, EG_FILE_BAD, "chmod 0440"},
        {0441, 0, EG_FILE_BAD, "chmod 0440"},
        {0540, 0, EG_FILE_BAD, "chmod 0440"},
        {04440, 0, EG_FILE_BAD, "chmod 0440"},
        {02440, 0, EG_FILE_BAD, "chmod 0440"},
        {0400, 0, EG_FILE_UNREADABLE, "Permission denied"},
        {0440, NOBODY, EG_FILE_BAD, "chmod 0600"},
        {0440, NOBODY - 1, EG_FILE_BAD, "is owned by"},
    };

    if (geteuid() != 0) {
        skip("only root can give files to a group");
        return;
    }
    chmod(top, 0711);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = make_file("lent", 10, 0600);

        if (chown(path, cases[i].owner, SERVERS) != 0 || chmod(path, cases[i].mode) != 0)
            abort();
        is_int(as_member(path, SERVERS, NOBODY, cases[i].verdict, cases[i].says), 0,
               "mode %04o, owner %u, of the server's own group", (unsigned)cases[i].mode,
               (unsigned)cases[i].owner);
        is_int(as_member(path, NOBODY, SERVERS, cases[i].verdict, cases[i].says), 0,
               "the same, of a group that it has besides");
        unlink(path);
    }
}

static void group_of_others(void)
{
    const char *path;

    if (geteuid() != 0)
        return;
    path = make_file("lent", 10, 0440);
    is_int(as_member(path, SERVERS, NOBODY, EG_FILE_UNREADABLE, ""), 0, "a group it has not");
    bad(path, "chmod 0600", "a server of root's has no need of that");
    if (chown(path, 0, SERVERS) != 0 || chmod(path, 0444) != 0)
        abort();
    is_int(as_member(path, NOBODY, NOBODY, EG_FILE_BAD, "chmod 0600"), 0,
           "a group it has not, and everybody may read");
    chmod(path, 0440);
    chmod(make_directory("lent-in", 0700), 0777);
    make_link("lent-in/link", path);
    is_int(as_member(at("lent-in/link"), SERVERS, NOBODY, EG_FILE_BAD, "chmod o-w"), 0,
           "by a link that everybody can replace");
    chmod(at("lent-in"), 01777);
    is_int(as_member(at("lent-in/link"), SERVERS, NOBODY, EG_FILE_OK, ""), 0,
           "with the sticky bit, as volumes of containers have it");
    chmod(top, 0700);
}

static int open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int n = 0;

    while (directory && readdir(directory))
        n++;
    if (directory)
        closedir(directory);
    return n;
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    int before, status;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    umask(022);
    snprintf(top, sizeof top, "%s/encgather-unit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!ok(mkdtemp(top) != NULL, "a directory for the files"))
        return done_testing();
    before = open_files();
    content();
    remembered();
    sizes();
    modes();
    public_files();
    kinds();
    links();
    directories();
    docroots();
    docroot_that_leads_nowhere();
    owners();
    group_of_the_server();
    group_of_others();
    is_int(open_files(), before, "no file is left open");
    status = system(apr_psprintf(pool, "rm -rf '%s'", top));
    ok(status == 0, "the files are removed");
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
