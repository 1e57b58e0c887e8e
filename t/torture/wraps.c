/* SPDX-License-Identifier: Apache-2.0
 * What stands in the place of each call, put there by the linker (ld --wrap) or, in a server, by
 * server/mod_torture.c: it fails when its turn has come. */
#include "faults.h"

#include <stdarg.h>

#ifdef TORTURE_SERVER
#define REAL(name) name
#define WRAP(name) torture_##name
#define DECLARE(type, name, parameters) type WRAP(name) parameters;
#else
#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name
#define VISIBLE __attribute__((visibility("default")))
/* ld takes a library's own reference to free() for one to its stand-in, which may then not be hidden */
#define DECLARE(type, name, parameters)                                                            \
    type REAL(name) parameters;                                                                    \
    VISIBLE type WRAP(name) parameters;
#endif

#define SAYS(type, name, parameters, arguments, failure, cause, ways)                              \
    DECLARE(type, name, parameters)                                                                \
    type WRAP(name) parameters                                                                     \
    {                                                                                              \
        const int way = fault_due(F_##name);                                                       \
                                                                                                   \
        if (!way)                                                                                  \
            return REAL(name) arguments;                                                           \
        if (way == AFTER) {                                                                        \
            type done = REAL(name) arguments;                                                      \
            (void)done;                                                                            \
        }                                                                                          \
        return way == MINUS ? (type)(intptr_t)-1 : failure;                                        \
    }

#define SETS(name, parameters, arguments, error, cause, ways)                                      \
    DECLARE(int, name, parameters)                                                                 \
    int WRAP(name) parameters                                                                      \
    {                                                                                              \
        if (!fault_due(F_##name))                                                                  \
            return REAL(name) arguments;                                                           \
        errno = error;                                                                             \
        return -1;                                                                                 \
    }

#define MAKES(type, name, parameters, arguments, cause, thing)                                     \
    DECLARE(type, name, parameters)                                                                \
    type WRAP(name) parameters                                                                     \
    {                                                                                              \
        const bool fails = fault_due(F_##name);                                                    \
        type made = fails ? NULL : REAL(name) arguments;                                           \
                                                                                                   \
        if (fails)                                                                                 \
            errno = ENOMEM;                                                                        \
        fault_took(thing, made);                                                                   \
        return made;                                                                               \
    }

#define FIRST(arguments) FIRST_OF arguments
#define FIRST_OF(...) FIRST_OF_LIST(__VA_ARGS__, 0)
#define FIRST_OF_LIST(first, ...) first

#define TAKES(name, parameters, arguments, thing)                                                  \
    DECLARE(void, name, parameters)                                                                \
    void WRAP(name) parameters                                                                     \
    {                                                                                              \
        fault_gave(thing, FIRST(arguments));                                                       \
        REAL(name) arguments;                                                                      \
    }

#define OWN(name, cause, ways)

#include "calls.def"

void fault_free(void *block)
{
    REAL(free)(block);
}

DECLARE(void *, mmap, (void *at, size_t n, int protection, int flags, int fd, off_t offset))
void *WRAP(mmap)(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    void *made = MAP_FAILED;

    if (fault_due(F_mmap))
        errno = ENOMEM;
    else
        made = REAL(mmap)(at, n, protection, flags, fd, offset);
    fault_took(A_MAP, made == MAP_FAILED ? NULL : made);
    return made;
}

/* What they make comes by a pointer; what is there after a failure has to be given back as well. */
static int end_making(int way, int done, EVP_PKEY **key)
{
    fault_took(A_KEY, *key);
    return way == AFTER ? 0 : way == MINUS ? -1 : done;
}

DECLARE(int, EVP_PKEY_generate, (EVP_PKEY_CTX * c, EVP_PKEY **key))
int WRAP(EVP_PKEY_generate)(EVP_PKEY_CTX *c, EVP_PKEY **key)
{
    const int way = fault_due(F_EVP_PKEY_generate);

    return end_making(way, way == 0 || way == AFTER ? REAL(EVP_PKEY_generate)(c, key) : 0, key);
}

DECLARE(int, EVP_PKEY_fromdata,
        (EVP_PKEY_CTX * c, EVP_PKEY **key, int selection, OSSL_PARAM *params))
int WRAP(EVP_PKEY_fromdata)(EVP_PKEY_CTX *c, EVP_PKEY **key, int selection, OSSL_PARAM *params)
{
    const int way = fault_due(F_EVP_PKEY_fromdata);

    return end_making(
        way, way == 0 || way == AFTER ? REAL(EVP_PKEY_fromdata)(c, key, selection, params) : 0,
        key);
}

DECLARE(int, munmap, (void *at, size_t n))
int WRAP(munmap)(void *at, size_t n)
{
    const int done = REAL(munmap)(at, n);

    fault_gave(A_MAP, at);
    if (!fault_due(F_munmap))
        return done;
    errno = EINVAL;
    return -1;
}

DECLARE(int, open, (const char *path, int flags, ...))
int WRAP(open)(const char *path, int flags, ...)
{
    va_list more;
    int fd = -1, mode = 0;

    va_start(more, flags);
    if (flags & O_CREAT)
        mode = va_arg(more, int);
    va_end(more);
    if (fault_due(F_open))
        errno = EMFILE;
    else
        fd = REAL(open)(path, flags, mode);
    fault_took(A_FILE, fd < 0 ? NULL : path);
    return fd;
}

DECLARE(int, close, (int fd))
int WRAP(close)(int fd)
{
    const int done = REAL(close)(fd);

    fault_gave(A_FILE, "");
    if (!fault_due(F_close))
        return done;
    errno = EIO;
    return -1;
}

/* What read(2) and getrandom(2) do besides what they are asked for. */
static ssize_t stop_short(int way, int error)
{
    if (way == AT_END)
        return 0;
    errno = way == INTERRUPTED ? EINTR : error;
    return -1;
}

DECLARE(ssize_t, read, (int fd, void *to, size_t n))
ssize_t WRAP(read)(int fd, void *to, size_t n)
{
    const int way = fault_due(F_read);

    if (!way)
        return REAL(read)(fd, to, n);
    return way == SHORT ? REAL(read)(fd, to, n > 1 ? n / 2 : n) : stop_short(way, EIO);
}

DECLARE(ssize_t, getrandom, (void *to, size_t n, unsigned flags))
ssize_t WRAP(getrandom)(void *to, size_t n, unsigned flags)
{
    const int way = fault_due(F_getrandom);

    if (!way)
        return REAL(getrandom)(to, n, flags);
    if (way == SHORT)
        return REAL(getrandom)(to, n > 1 ? n / 2 : n, flags);
    if (way == AFTER)
        (void)!REAL(getrandom)(to, n, flags);
    return stop_short(way, ENOSYS);
}

#ifdef TORTURE_SERVER
DECLARE(int, poll, (struct pollfd * fds, nfds_t n, int timeout))
int WRAP(poll)(struct pollfd *fds, nfds_t n, int timeout)
{
    const int way = fault_due(F_poll);

    return way ? (int)stop_short(way, ENOMEM) : REAL(poll)(fds, n, timeout);
}

DECLARE(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at))
ssize_t WRAP(pwrite)(int fd, const void *from, size_t n, off_t at)
{
    const int way = fault_due(F_pwrite);

    if (!way)
        return REAL(pwrite)(fd, from, n, at);
    return way == SHORT ? REAL(pwrite)(fd, from, n > 1 ? n / 2 : n, at) : stop_short(way, ENOSPC);
}

/* The module's commands take a number, or nothing. */
DECLARE(int, fcntl, (int fd, int command, ...))
int WRAP(fcntl)(int fd, int command, ...)
{
    va_list more;
    int number;

    if (fault_due(F_fcntl)) {
        errno = EPERM;
        return -1;
    }
    va_start(more, command);
    number = va_arg(more, int);
    va_end(more);
    return REAL(fcntl)(fd, command, number);
}

DECLARE(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))
ssize_t WRAP(sendmsg)(int fd, const struct msghdr *message, int flags)
{
    const int way = fault_due(F_sendmsg);

    return way ? stop_short(way, ENOBUFS) : REAL(sendmsg)(fd, message, flags);
}

DECLARE(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags))
ssize_t WRAP(recvmsg)(int fd, struct msghdr *message, int flags)
{
    const int way = fault_due(F_recvmsg);

    return way ? stop_short(way, ENOMEM) : REAL(recvmsg)(fd, message, flags);
}
#endif

#undef SAYS
#undef SETS
#undef MAKES
#undef TAKES
#undef OWN
#define SAYS(type, name, ...) [F_##name] = (fault_wrapper)WRAP(name),
#define SETS(name, ...) [F_##name] = (fault_wrapper)WRAP(name),
#define MAKES(type, name, ...) [F_##name] = (fault_wrapper)WRAP(name),
#define TAKES(name, ...) [F_##name] = (fault_wrapper)WRAP(name),
#define OWN(name, ...) [F_##name] = (fault_wrapper)WRAP(name),

const fault_wrapper fault_wrappers[FUNCTIONS] = {
#include "calls.def"
};
