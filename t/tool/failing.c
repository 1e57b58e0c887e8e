/* SPDX-License-Identifier: Apache-2.0
 * Loaded before the C library (LD_PRELOAD): the n-th call of one function fails. ENCGATHER_FAIL is "name n errno"
 * or, to have a signal come in front of that call, "name n -signal". ENCGATHER_FAILED a directory that is made when it did. t/tool-failures.t tells what has to become of that. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>

/* The program has one thread, and so this has one count. */
static bool is_due(const char *name)
{
    static int calls;
    const char *wish = getenv("ENCGATHER_FAIL"), *told = getenv("ENCGATHER_FAILED");
    char wanted[32];
    int n, error;

    if (!wish || sscanf(wish, "%31s %d %d", wanted, &n, &error) != 3 || strcmp(name, wanted) != 0 ||
        ++calls != n)
        return false;
    if (told)
        (void)mkdir(told, 0700);
    if (error < 0) {
        (void)raise(-error);
        return false;
    }
    errno = error;
    return true;
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        abort();
    return function;
}

/* A function of the same type that fails, and calls the real one when it is not its turn. */
#define FAILS(type, name, parameters, arguments, failure)                                          \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
                                                                                                   \
        if (is_due(#name))                                                                         \
            return failure;                                                                        \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        return real arguments;                                                                     \
    }

/* clang-format off */
FAILS(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), -1)
FAILS(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n), -1)
FAILS(int, close, (int fd), (fd), -1)
FAILS(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
FAILS(int, fsync, (int fd), (fd), -1)
FAILS(int, ftruncate, (int fd, off_t n), (fd, n), -1)
FAILS(int, stat, (const char *path, struct stat *st), (path, st), -1)
FAILS(int, flock, (int fd, int how), (fd, how), -1)
FAILS(int, fstat, (int fd, struct stat *st), (fd, st), -1)
FAILS(ssize_t, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags), -1)
FAILS(void *, mmap, (void *at, size_t n, int rights, int flags, int fd, off_t from), (at, n, rights, flags, fd, from), MAP_FAILED)
FAILS(EVP_CIPHER *, EVP_CIPHER_fetch, (OSSL_LIB_CTX *library, const char *name, const char *properties), (library, name, properties), NULL)
FAILS(int, EVP_EncryptFinal_ex, (EVP_CIPHER_CTX *c, unsigned char *out, int *n), (c, out, n), 0)
FAILS(int, EVP_DecryptInit_ex2, (EVP_CIPHER_CTX *c, const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *iv, const OSSL_PARAM *params), (c, cipher, key, iv, params), 0)
FAILS(int, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *out, unsigned *n), (c, out, n), 0)
FAILS(int, SHA1_Update, (void *c, const void *data, size_t n), (c, data, n), 0)
FAILS(int, SHA256_Update, (void *c, const void *data, size_t n), (c, data, n), 0)
/* clang-format on */

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (is_due("open"))
        return -1;
    if (!real)
        *(void **)&real = next("open");
    return real(path, flags, mode);
}
