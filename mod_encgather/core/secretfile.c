/* SPDX-License-Identifier: Apache-2.0
 * Reads a file that holds secrets, after checking that nobody else can read or replace it. */
#include "secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include "secret.h"

static bool check_owner(const struct stat *st, const char *path, eg_problem *why)
{
    if (st->st_uid == 0 || st->st_uid == geteuid())
        return true;
    eg_problem_set(why, "is owned by uid %lu, it must be owned by root; run: chown root %s",
                   (unsigned long)st->st_uid, path);
    return false;
}

/* Its groups, effective and supplementary. */
static bool is_group_of_ours(apr_pool_t *pool, gid_t group)
{
    int n = getgroups(0, NULL);
    gid_t *groups = apr_palloc(pool, (apr_size_t)(n > 0 ? n : 1) * sizeof *groups);

    n = n > 0 ? getgroups(n, groups) : 0;
    for (int i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return group == getegid();
}

/* How a container gets its secrets: root's file, and a server that is not root's may read it. */
static bool is_lent_to_us(apr_pool_t *pool, const struct stat *st)
{
    return geteuid() != 0 && st->st_uid == 0 && is_group_of_ours(pool, st->st_gid);
}

static bool check_mode(apr_pool_t *pool, const struct stat *st, const char *path, eg_problem *why)
{
    unsigned mode = (unsigned)(st->st_mode & 07777);

    if ((mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    if (!is_lent_to_us(pool, st))
        eg_problem_set(why, "has mode %04o, group or others have access; run: chmod 0600 %s", mode,
                       path);
    else if ((mode & ~0440u) != 0)
        eg_problem_set(why,
                       "has mode %04o, but of root's file a group of this server may have no more "
                       "than reading; run: chmod 0440 %s",
                       mode, path);
    else
        return true;
    return false;
}

static bool check_public_mode(const struct stat *st, const char *path, eg_problem *why)
{
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return true;
    eg_problem_set(why, "has mode %04o, group or others can write it; run: chmod go-w %s",
                   (unsigned)(st->st_mode & 07777), path);
    return false;
}

static bool check_size(const struct stat *st, apr_size_t max, eg_problem *why)
{
    if (st->st_size == 0) {
        eg_problem_set(why, "is empty");
        return false;
    }
    if ((apr_uint64_t)st->st_size > max) {
        eg_problem_set(why, "has %lld bytes, more than %lu", (long long)st->st_size,
                       (unsigned long)max);
        return false;
    }
    return true;
}

/* One directory above the file. Who may write there may put another file in its place. */
static bool check_directory(const char *directory, eg_problem *why)
{
    struct stat st;

    if (stat(directory, &st) != 0) {
        eg_problem_set(why, "lies in '%s', which cannot be looked at: %s", directory,
                       strerror(errno));
        return false;
    }
    if (!(st.st_mode & S_IWOTH) || (st.st_mode & S_ISVTX))
        return true;
    eg_problem_set(why,
                   "the directory '%s' above it can be written by everybody (mode %04o); run: "
                   "chmod o-w %s",
                   directory, (unsigned)(st.st_mode & 07777), directory);
    return false;
}

/* The directory above what walk names, which is cut to it; false: there is none. */
static bool go_up(char *walk)
{
    char *slash = strcmp(walk, "/") != 0 ? strrchr(walk, '/') : NULL;

    if (slash)
        slash[slash == walk ? 1 : 0] = '\0';
    return slash != NULL;
}

static void note_directories(apr_pool_t *pool, const char *path, apr_hash_t *good)
{
    char *walk = apr_pstrdup(pool, path);

    while (good && go_up(walk) && !apr_hash_get(good, walk, APR_HASH_KEY_STRING))
        apr_hash_set(good, apr_pstrdup(pool, walk), APR_HASH_KEY_STRING, "");
}

/* What is known to be good, all that is above it is good, too. */
static bool check_directories(apr_pool_t *pool, const char *path, apr_hash_t *good, eg_problem *why)
{
    char *walk = apr_pstrdup(pool, path);

    while (go_up(walk) && !(good && apr_hash_get(good, walk, APR_HASH_KEY_STRING)))
        if (!check_directory(walk, why))
            return false;
    note_directories(pool, path, good);
    return true;
}

/* A directory that is not there, or is closed to this user, serves nothing. */
static bool serves_nothing(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES;
}

static void add_directory(eg_docroots *roots, apr_pool_t *pool, const char *directory,
                          const char *written)
{
    apr_size_t n = strlen(directory);

    while (n > 1 && directory[n - 1] == '/')
        n--;
    apr_hash_set(roots->written, apr_pstrmemdup(pool, directory, n), (apr_ssize_t)n, written);
}

/* As it is written and as it is resolved. */
static void add_docroot(eg_docroots *roots, apr_pool_t *pool, const char *written)
{
    char *resolved = realpath(written, NULL);

    if (!resolved && !serves_nothing(errno)) {
        roots->incomparable = written;
        roots->error = errno;
    }
    add_directory(roots, pool, written, written);
    if (resolved)
        add_directory(roots, pool, resolved, written);
    free(resolved);
}

eg_docroots *eg_docroots_create(apr_pool_t *pool, const apr_array_header_t *written)
{
    eg_docroots *roots = apr_pcalloc(pool, sizeof *roots);
    const char *last = NULL;

    roots->written = apr_hash_make(pool);
    for (int i = 0; i < written->nelts; i++) {
        const char *one = APR_ARRAY_IDX(written, i, const char *);

        /* most virtual hosts have that of the server */
        if (!last || strcmp(one, last) != 0)
            add_docroot(roots, pool, one);
        last = one;
    }
    return roots;
}

/* The DocumentRoot that is one of the directories above path, or NULL. */
static const char *docroot_above(const char *path, const eg_docroots *roots)
{
    const char *root = path[0] == '/' ? apr_hash_get(roots->written, "/", 1) : NULL;

    for (const char *slash = path; !root && *slash && (slash = strchr(slash + 1, '/'));)
        root = apr_hash_get(roots->written, path, slash - path);
    return root;
}

static bool check_docroots(const char *path, const eg_docroots *roots, eg_problem *why)
{
    const char *root = roots ? docroot_above(path, roots) : NULL;

    if (root)
        eg_problem_set(why, "lies below DocumentRoot '%s', from where it could be fetched", root);
    else if (roots && roots->incomparable)
        eg_problem_set(why, "cannot be compared with DocumentRoot '%s': %s", roots->incomparable,
                       strerror(roots->error));
    return !root && !(roots && roots->incomparable);
}

/* The file may have been written while we looked: never more than what was allowed for. */
static bool read_all(int fd, eg_secretfile *file)
{
    apr_size_t got = 0;

    while (got < file->n) {
        ssize_t n = read(fd, file->bytes + got, file->n - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (apr_size_t)n;
    }
    return got == file->n;
}

static eg_file_verdict load_content(int fd, const struct stat *st, eg_secretfile *file,
                                    eg_problem *why)
{
    file->n = (apr_size_t)st->st_size;
    file->bytes = eg_secret_map_alone(file->n);
    if (!file->bytes) {
        eg_problem_set(why, "cannot be read: no memory");
        return EG_FILE_BAD;
    }
    if (read_all(fd, file))
        return EG_FILE_OK;
    eg_secretfile_free(file);
    eg_problem_set(why, "cannot be read to its end; is it being written?");
    return EG_FILE_BAD;
}

static bool check_file(apr_pool_t *pool, const struct stat *st, const char *path,
                       const eg_secretfile_rules *rules, eg_problem *why)
{
    if (!S_ISREG(st->st_mode)) {
        eg_problem_set(why, "is not a regular file");
        return false;
    }
    return check_owner(st, path, why) &&
           (rules->is_public ? check_public_mode(st, path, why)
                             : check_mode(pool, st, path, why)) &&
           check_size(st, rules->max, why);
}

static bool check_places(apr_pool_t *pool, const char *path, const eg_secretfile_rules *rules,
                         eg_problem *why)
{
    char *resolved = realpath(path, NULL);
    bool ok;

    if (!resolved) {
        eg_problem_set(why, "cannot be traced to its place: %s", strerror(errno));
        return false;
    }
    ok = check_directories(pool, path, rules->good, why) &&
         check_docroots(path, rules->docroots, why) &&
         check_directories(pool, resolved, rules->good, why) &&
         check_docroots(resolved, rules->docroots, why);
    free(resolved);
    return ok;
}

static eg_file_verdict check_and_load(apr_pool_t *pool, int fd, const char *path,
                                      const eg_secretfile_rules *rules, eg_secretfile *file,
                                      eg_problem *why)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        eg_problem_set(why, "cannot be looked at: %s", strerror(errno));
        return EG_FILE_BAD;
    }
    if (!check_file(pool, &st, path, rules, why) || !check_places(pool, path, rules, why))
        return EG_FILE_BAD;
    return load_content(fd, &st, file, why);
}

eg_file_verdict eg_secretfile_read(apr_pool_t *pool, const char *path,
                                   const eg_secretfile_rules *rules, eg_secretfile *file,
                                   eg_problem *why)
{
    /* O_NONBLOCK: a FIFO in its place must not hang the start of the server */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    eg_file_verdict verdict;

    *file = (eg_secretfile){NULL, 0};
    if (fd < 0) {
        verdict = errno == EACCES ? EG_FILE_UNREADABLE : EG_FILE_BAD;
        eg_problem_set(why, "cannot be opened: %s", strerror(errno));
        return verdict;
    }
    verdict = check_and_load(pool, fd, path, rules, file, why);
    (void)close(fd);
    return verdict;
}

void eg_secretfile_free(eg_secretfile *file)
{
    eg_secret_unmap(file->bytes, file->n);
    *file = (eg_secretfile){NULL, 0};
}
