/* SPDX-License-Identifier: Apache-2.0
 * Tests of the table of used tokens: exact over processes that die in the middle, and never wrong in what it forgot. */
#include "tap.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/marks.h"
#include "core/sharedlock.h"

#define NOW 1780000000
#define PROCESSES 8
#define TOKENS 4000

static void *shared(size_t n)
{
    void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

static eg_state_mark mark_of(unsigned number, apr_int64_t made)
{
    eg_state_mark mark = {.made = made, .until = made + 960};
    unsigned mixed = number * 2654435761U;

    memcpy(mark.id, &mixed, sizeof mixed);
    memcpy(mark.id + 8, &number, sizeof number);
    return mark;
}

static eg_state_answer spend_two(eg_marks *table, const eg_state_mark *two, unsigned n,
                                 const char *idem, apr_int64_t seconds)
{
    unsigned char key[EG_STATE_ID] = {0};
    const eg_spending wanted = {.marks = two,
                                .n = n,
                                .idem = idem ? key : NULL,
                                .now = NOW + seconds,
                                .steady = 1000000 + seconds * 1000};

    memcpy(key, idem ? idem : "", strlen(idem ? idem : ""));
    return eg_marks_spend(table, &wanted);
}

static eg_state_answer spend_one(eg_marks *table, unsigned number, apr_int64_t made,
                                 const char *idem, apr_int64_t seconds)
{
    eg_state_mark one = mark_of(number, made);

    return spend_two(table, &one, 1, idem, seconds);
}

static void what_counts_as_used(void)
{
    eg_marks *t = eg_marks_make(shared(65536), 65536, NOW);
    eg_state_mark pair[3] = {mark_of(1, NOW + 1), mark_of(2, NOW + 2), mark_of(2, NOW + 2)};

    is_int(spend_two(t, pair, 3, "a", 10), EG_STATE_YES, "two tokens, one of them twice");
    is_int((long long)eg_marks_count(t).held, 2, "are two marks");
    is_int(spend_two(t, pair, 2, NULL, 11), EG_STATE_NO, "again without a key");
    is_int(spend_two(t, pair, 2, "b", 11), EG_STATE_NO, "again with another key");
    is_int(spend_two(t, pair, 2, "a", 70), EG_STATE_YES, "again with the same key, after 60 s");
    is_int(spend_two(t, pair, 2, "a", 71), EG_STATE_NO, "after 61 s");
    pair[0] = mark_of(3, NOW + 3);
    is_int(spend_two(t, pair, 2, "c", 12), EG_STATE_NO, "a new one beside a used one");
    is_int(spend_one(t, 3, NOW + 3, NULL, 12), EG_STATE_YES, "leaves the new one unused");
    is_int(spend_one(t, 4, NOW - 1, NULL, 12), EG_STATE_NO, "one from before the table");
    is_int(spend_one(t, 5, NOW, NULL, 12), EG_STATE_YES, "one from its first second");
    is_int(spend_one(t, 6, NOW + 20, NULL, 5000), EG_STATE_NO, "one whose time is over");
    is_int(spend_one(t, 7, NOW + 20, NULL, 12), EG_STATE_NO,
           "and still, when the clock has been set back");
}

static void when_it_is_full(void)
{
    eg_marks *t = eg_marks_make(shared(65536), 65536, NOW);
    unsigned room = (unsigned)eg_marks_count(t).room, used = 0, again = 0;

    is_int(room, (long long)eg_marks_room(65536), "the room is what was said");
    for (unsigned i = 0; i < 3 * room; i++)
        used += spend_one(t, i, NOW + (i * 7919U) % 600, NULL, 600) == EG_STATE_YES;
    ok(used >= room, "%u of %u are taken", used, 3 * room);
    for (unsigned i = 0; i < 3 * room; i++)
        again += spend_one(t, i, NOW + (i * 7919U) % 600, NULL, 601) == EG_STATE_YES;
    ok(used + again <= 3 * room, "no token is taken twice, with room for a third of them");
    is_int((long long)eg_marks_count(t).held, room, "the table is full");
    ok(eg_marks_count(t).pushed_out > 0, "and has pushed marks out");
    is_int(spend_one(t, 9 * room, NOW + 2000, NULL, 2000), EG_STATE_YES, "when they are over");
    ok(eg_marks_count(t).held < room, "marks make room by themselves");
}

/* --- processes ---------------------------------------------------------------------------------- */

typedef struct {
    atomic_uint taken[TOKENS];
    atomic_uint go;
} book;

static void offer_all(eg_marks *t, book *b)
{
    while (!atomic_load(&b->go))
        continue;
    for (unsigned i = 0; i < TOKENS; i++)
        if (spend_one(t, i, NOW + 1, NULL, 1) == EG_STATE_YES)
            atomic_fetch_add(&b->taken[i], 1);
    _exit(0);
}

/* Which goes on for ever, and is killed. */
static void offer_others(eg_marks *t, unsigned from)
{
    for (unsigned i = from;; i++)
        (void)spend_one(t, i % 100000 + TOKENS, NOW + 1 + i % 500, NULL, 500);
}

static void many_at_once(void)
{
    eg_marks *t = eg_marks_make(shared(1 << 20), 1 << 20, NOW);
    book *b = shared(sizeof *b);
    unsigned once = 0;

    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            offer_all(t, b);
    atomic_store(&b->go, 1);
    while (wait(NULL) > 0)
        continue;
    for (unsigned i = 0; i < TOKENS; i++)
        once += atomic_load(&b->taken[i]) == 1;
    is_int(once, TOKENS, "of 8 processes one has each token");
}

static void some_are_killed(void)
{
    eg_marks *t = eg_marks_make(shared(65536), 65536, NOW);
    unsigned wrong = 0;

    for (unsigned i = 0; i < 100; i++) {
        eg_state_answer first, second;
        pid_t child = fork();

        if (child == 0)
            offer_others(t, i * 1000);
        usleep(300 + i * 13 % 500);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        first = spend_one(t, i, NOW + 900, NULL, 500);
        second = spend_one(t, i, NOW + 900, NULL, 500);
        wrong += first != EG_STATE_YES || second != EG_STATE_NO;
    }
    is_int(wrong, 0, "100 processes killed in the middle: a token is taken once after each");
}

static void one_is_stopped(void)
{
    eg_shared_lock *lock = shared(sizeof *lock);
    apr_int64_t began;
    int ready[2] = {-1, -1};
    char byte;
    pid_t child;

    ok(eg_shared_lock_make(lock) && pipe(ready) == 0, "a lock");
    child = fork();
    if (child == 0) {
        (void)eg_shared_lock_take(lock);
        (void)!write(ready[1], "x", 1);
        (void)pause();
        _exit(0);
    }
    (void)!read(ready[0], &byte, 1);
    began = eg_steady_clock();
    is_int(eg_shared_lock_take(lock), EG_NOT_LOCKED,
           "whoever stops with the lock is not waited for");
    ok(eg_steady_clock() - began < 900, "for long");
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    is_int(eg_shared_lock_take(lock), EG_LOCKED_TORN, "when he has died, it is told");
    eg_shared_lock_leave(lock);
    is_int(eg_shared_lock_take(lock), EG_LOCKED, "once");
}

int main(void)
{
    what_counts_as_used();
    when_it_is_full();
    many_at_once();
    some_are_killed();
    one_is_stopped();
    ok(!eg_marks_make(shared(4096), 16, NOW), "no table without room");
    return done_testing();
}
