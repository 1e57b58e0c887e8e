/* SPDX-License-Identifier: Apache-2.0
 * How keys and tokens get from the parent to children that serve, and to nobody else. */
#include "config/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "core/secret.h"

#define NAME "mod_encgather"
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* httpd's parent has one thread that forks, so this needs no lock; its children fork from many, but
 * only look at "parent". */
static struct {
    pid_t parent;
    void (*forget)(void);
    bool is_registered;
    bool is_forking; /* from before a fork of the parent until after it */
    bool is_due;
    int file;         /* in memory; -1: none. Sealed when size is set */
    int ours, theirs; /* ends of the socket of the last fork; -1: none */
    apr_size_t size;
} hand = {.file = -1, .ours = -1, .theirs = -1};

/* What comes with the descriptor. */
typedef struct {
    pid_t pid;
    apr_size_t size;
} note;

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* --- at a fork --------------------------------------------------------------------------------- */

/* A socket of its own for each fork: who was not announced has one at which nothing ever comes. */
static void before_fork(void)
{
    int ends[2];

    hand.is_forking = getpid() == hand.parent;
    if (!hand.is_forking)
        return;
    close_one(&hand.ours);
    if (!hand.size || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    hand.ours = ends[0];
    hand.theirs = ends[1];
}

static void after_fork_in_parent(void)
{
    if (hand.is_forking)
        close_one(&hand.theirs);
    hand.is_forking = false;
}

/* Nothing but what is async-signal-safe. */
static void after_fork_in_child(void)
{
    if (!hand.is_forking)
        return;
    hand.is_forking = false;
    hand.is_due = hand.size > 0;
    close_one(&hand.file);
    close_one(&hand.ours);
    hand.forget();
}

/* The C library takes the handlers away when the module is unloaded. */
void eg_handover_watch(void (*forget)(void))
{
    hand.parent = getpid();
    hand.forget = forget;
    if (!hand.is_registered)
        hand.is_registered =
            pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
}

/* --- the file ---------------------------------------------------------------------------------- */

void eg_handover_close(void)
{
    hand.size = 0;
    close_one(&hand.file);
    close_one(&hand.ours);
}

bool eg_handover_open(void)
{
    eg_handover_close();
    if (!hand.is_registered)
        return false; /* a descriptor that new processes do not close would be one to the keys */
    hand.file = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (hand.file < 0 && errno == EINVAL) /* a kernel that does not know the last one */
        hand.file = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return hand.file >= 0;
}

bool eg_handover_write(const void *bytes, apr_size_t n, apr_size_t offset)
{
    const char *from = bytes;

    while (n > 0) {
        ssize_t done = pwrite(hand.file, from, n, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        from += done;
        offset += (apr_size_t)done;
        n -= (apr_size_t)done;
    }
    return true;
}

bool eg_handover_seal(void)
{
    off_t size = lseek(hand.file, 0, SEEK_END);

    if (size <= 0 || fcntl(hand.file, F_ADD_SEALS, SEALS) != 0) {
        eg_handover_close();
        return false;
    }
    hand.size = (apr_size_t)size;
    return true;
}

/* --- the message ------------------------------------------------------------------------------- */

typedef union {
    struct cmsghdr head; /* for the alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
} envelope;

/* A process that has ended by then is told by its socket, not by a signal. */
static void send_file(pid_t pid)
{
    note what = {0};
    envelope control = {.bytes = {0}};
    struct iovec part = {&what, sizeof what};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    what.pid = pid;
    what.size = hand.size;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof hand.file);
    memcpy(CMSG_DATA(head), &hand.file, sizeof hand.file);
    while (sendmsg(hand.ours, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
        continue;
}

/* The MPM calls it right after its fork. Whether the message arrived is for the child to say. */
void eg_handover_announced(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                           mpm_child_status status)
{
    (void)s;
    (void)generation;
    (void)slot;
    if (status != MPM_CHILD_STARTED || hand.ours < 0)
        return;
    send_file(pid);
    close_one(&hand.ours);
}

static int descriptor_in(struct msghdr *message)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    int fd = -1;

    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

/* The end of the stream is the parent's end, or a message that it could not send. */
static int receive_file(void)
{
    note what = {0};
    envelope control = {.bytes = {0}};
    struct iovec part = {&what, sizeof what};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t n;
    int fd;

    do
        n = recvmsg(hand.theirs, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    fd = n > 0 ? descriptor_in(&message) : -1;
    if (n != sizeof what || what.pid != getpid() || what.size != hand.size)
        close_one(&fd);
    return fd;
}

bool eg_handover_is_due(void)
{
    return hand.is_due;
}

/* Private: older kernels do not map a sealed file otherwise. Pages are shared all the same. */
const char *eg_handover_take(bool *is_locked)
{
    int fd = hand.theirs >= 0 ? receive_file() : -1;
    void *place = MAP_FAILED;

    close_one(&hand.theirs);
    if (fd >= 0)
        place = mmap(NULL, hand.size, PROT_READ, MAP_PRIVATE, fd, 0);
    close_one(&fd);
    if (place == MAP_FAILED)
        return NULL;
#ifdef MADV_DONTDUMP
    (void)madvise(place, hand.size, MADV_DONTDUMP);
#endif
    *is_locked = eg_secret_lock(place, hand.size);
    return place;
}
