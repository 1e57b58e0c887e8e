/* SPDX-License-Identifier: Apache-2.0
 * A host in trouble, by LD_PRELOAD: calls fail while a file of their name is in the directory that
 * ENCGATHER_TROUBLE names, so that a test can have them fail in a server that runs, and stop. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/evp.h>

#define EXPORT __attribute__((visibility("default")))
#define SILENCE 3 /* seconds */

static bool file_of(const char *name, char *path, size_t size)
{
    const char *directory = getenv("ENCGATHER_TROUBLE");
    int saved = errno;
    bool there = directory && snprintf(path, size, "%s/%s", directory, name) < (int)size &&
                 access(path, F_OK) == 0;

    errno = saved;
    return there;
}

static bool in_trouble(const char *name)
{
    char path[4096];

    return file_of(name, path, sizeof path);
}

/* Only once: the file is taken away. */
static bool in_trouble_once(const char *name)
{
    char path[4096];

    return file_of(name, path, sizeof path) && unlink(path) == 0;
}

/* POSIX guarantees that a pointer to an object can hold one to a function; ISO C does not know. */
#define NEXT(type, name) ((type)(__extension__(void (*)(void)) dlsym(RTLD_NEXT, name)))

/* --- random bytes ------------------------------------------------------------------------------ */

EXPORT ssize_t getrandom(void *buffer, size_t n, unsigned flags)
{
    typedef ssize_t (*fn)(void *, size_t, unsigned);

    if (in_trouble("getrandom-enosys")) {
        errno = ENOSYS;
        return -1;
    }
    if (in_trouble_once("getrandom-eintr")) {
        errno = EINTR;
        return -1;
    }
    if (in_trouble("getrandom-short") && n > 3)
        n = 3;
    return NEXT(fn, "getrandom")(buffer, n, flags);
}

/* --- a configuration that asks for validated cryptography ---------------------------------------- */

EXPORT int EVP_default_properties_is_fips_enabled(OSSL_LIB_CTX *context)
{
    typedef int (*fn)(OSSL_LIB_CTX *);

    return in_trouble("fips-wanted") || NEXT(fn, "EVP_default_properties_is_fips_enabled")(context);
}

/* --- memory ------------------------------------------------------------------------------------ */

EXPORT int madvise(void *p, size_t n, int advice)
{
    typedef int (*fn)(void *, size_t, int);

    if (advice == MADV_DONTFORK && in_trouble("no-dontfork")) {
        errno = EINVAL;
        return -1;
    }
    if (advice == MADV_WIPEONFORK && in_trouble("no-wipeonfork")) {
        errno = EINVAL;
        return -1;
    }
    return NEXT(fn, "madvise")(p, n, advice);
}

EXPORT int mlock(const void *p, size_t n)
{
    typedef int (*fn)(const void *, size_t);

    if (in_trouble("no-mlock")) {
        errno = EPERM;
        return -1;
    }
    return NEXT(fn, "mlock")(p, n);
}

EXPORT int memfd_create(const char *name, unsigned flags)
{
    typedef int (*fn)(const char *, unsigned);

    if (in_trouble("no-memfd")) {
        errno = ENOSYS;
        return -1;
    }
    if ((flags & 0x0008U) && in_trouble("no-noexec-seal")) { /* before Linux 6.3 */
        errno = EINVAL;
        return -1;
    }
    return NEXT(fn, "memfd_create")(name, flags);
}

/* --- between processes ------------------------------------------------------------------------- */

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    typedef ssize_t (*fn)(int, const struct msghdr *, int);

    if (in_trouble("no-sendmsg")) {
        errno = ENOBUFS;
        return -1;
    }
    return NEXT(fn, "sendmsg")(fd, message, flags);
}

EXPORT int socketpair(int domain, int type, int protocol, int ends[2])
{
    typedef int (*fn)(int, int, int, int[2]);

    if (in_trouble("no-socketpair")) {
        errno = EMFILE;
        return -1;
    }
    return NEXT(fn, "socketpair")(domain, type, protocol, ends);
}

/* --- OpenSSL ----------------------------------------------------------------------------------- */

EXPORT int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *n)
{
    typedef int (*fn)(EVP_CIPHER_CTX *, unsigned char *, int *);

    return in_trouble("no-encryption") ? 0 : NEXT(fn, "EVP_EncryptFinal_ex")(context, out, n);
}

EXPORT int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned *n)
{
    typedef int (*fn)(EVP_MD_CTX *, unsigned char *, unsigned *);

    return in_trouble("no-digest") ? 0 : NEXT(fn, "EVP_DigestFinal_ex")(context, out, n);
}

/* The headers discourage them. */
int SHA1_Update(void *context, const void *data, size_t n);
int SHA256_Update(void *context, const void *data, size_t n);

EXPORT int SHA1_Update(void *context, const void *data, size_t n)
{
    typedef int (*fn)(void *, const void *, size_t);

    return in_trouble("no-digest") ? 0 : NEXT(fn, "SHA1_Update")(context, data, n);
}

EXPORT int SHA256_Update(void *context, const void *data, size_t n)
{
    typedef int (*fn)(void *, const void *, size_t);

    return in_trouble("no-digest") ? 0 : NEXT(fn, "SHA256_Update")(context, data, n);
}

EXPORT EVP_CIPHER *EVP_CIPHER_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties)
{
    typedef EVP_CIPHER *(*fn)(OSSL_LIB_CTX *, const char *, const char *);

    return in_trouble("no-cipher") ? NULL : NEXT(fn, "EVP_CIPHER_fetch")(library, name, properties);
}

/* --- names ------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = text ? strlen(text) : 0, m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What the resolver says where its server answers SERVFAIL, and where it says nothing for long. */
EXPORT int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result)
{
    typedef int (*fn)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (ends_with(name, "silent.invalid"))
        (void)sleep(SILENCE);
    if (ends_with(name, "silent.invalid") || ends_with(name, "servfail.invalid"))
        return EAI_AGAIN;
    return NEXT(fn, "getaddrinfo")(name, service, hints, result);
}

/* --- limits ------------------------------------------------------------------------------------ */

static void set_limit(int which, rlim_t value)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)which, &limit) != 0)
        return;
    limit.rlim_cur = value == RLIM_INFINITY ? limit.rlim_max : value;
    (void)setrlimit((__rlimit_resource_t)which, &limit);
}

static rlim_t lowest_free_descriptor(void)
{
    int fd = 0;

    while (fcntl(fd, F_GETFD) != -1)
        fd++;
    return (rlim_t)fd;
}

/* What the process has, and not a page more. */
static rlim_t present_size(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file) {
        if (fscanf(file, "%lu", &pages) != 1)
            pages = 0;
        (void)fclose(file);
    }
    return pages ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) : RLIM_INFINITY;
}

/* A connection is taken as ever; what follows has to do with what there is. The limits are lifted
 * before the next one. */
EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
    typedef int (*fn)(int, struct sockaddr *, socklen_t *, int);
    int taken, error;

    set_limit(RLIMIT_NOFILE, RLIM_INFINITY);
    set_limit(RLIMIT_AS, RLIM_INFINITY);
    taken = NEXT(fn, "accept4")(fd, address, n, flags);
    error = errno;
    if (taken >= 0 && in_trouble("no-descriptors"))
        set_limit(RLIMIT_NOFILE, lowest_free_descriptor());
    if (taken >= 0 && in_trouble("no-memory"))
        set_limit(RLIMIT_AS, present_size());
    errno = error;
    return taken;
}

/* --- processes --------------------------------------------------------------------------------- */

EXPORT pid_t fork(void)
{
    typedef pid_t (*fn)(void);

    if (in_trouble("no-fork")) {
        errno = EAGAIN;
        return -1;
    }
    return NEXT(fn, "fork")();
}

/* --- files that change between a look and the reading ------------------------------------------ */

/* A byte for each call. */
static void count_call(void)
{
    char path[4096];
    int fd = file_of("count-realpath", path, sizeof path) ? open(path, O_WRONLY | O_APPEND) : -1;

    if (fd < 0)
        return;
    (void)!write(fd, ".", 1);
    (void)close(fd);
}

/* The module asks for the real path after it has looked at the file that it opened, and before it
 * reads: another file takes its place, or it loses its end. */
static void change(const char *path)
{
    char other[4096];

    if (file_of("swap", other, sizeof other))
        (void)rename(other, path);
    if (in_trouble_once("truncate"))
        (void)!truncate(path, 10);
}

EXPORT char *realpath(const char *path, char *resolved)
{
    typedef char *(*fn)(const char *, char *);

    count_call();
    if (ends_with(path, "/changing.key"))
        change(path);
    return NEXT(fn, "realpath")(path, resolved);
}
