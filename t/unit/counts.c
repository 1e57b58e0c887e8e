/* SPDX-License-Identifier: Apache-2.0
 * Tests of the table of failures: each counted once, over processes too. */
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/counts.h"

#define BYTES (512 * 1024)
#define S 1000 /* milliseconds */

static eg_counts *new_table(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : eg_counts_make(at, bytes);
}

static eg_state_count count_of(unsigned who, int failures, apr_int64_t seconds)
{
    eg_state_count count = {.failures = failures, .seconds = seconds};
    unsigned mixed = who * 2654435761U;

    memcpy(count.who, &mixed, sizeof mixed);
    memcpy(count.who + 4, &who, sizeof who);
    return count;
}

static const unsigned char *step(unsigned number)
{
    static unsigned char bytes[EG_STATE_ID];
    unsigned mixed = number * 2246822519U;

    memcpy(bytes, &mixed, sizeof mixed);
    memcpy(bytes + 8, &number, sizeof number);
    return bytes;
}

static void locking(void)
{
    eg_counts *t = new_table(65536);
    eg_state_count c = count_of(1, 2, 10);

    is_int(eg_counts_open(t, &c, 0), EG_STATE_YES, "nobody has failed");
    is_int(eg_counts_note(t, &c, step(1), 0), EG_STATE_YES, "a first step");
    is_int(eg_counts_note(t, &c, step(1), 0), EG_STATE_YES, "delivered twice");
    is_int(eg_counts_of(t, &c, 0), 1, "is noted once");
    is_int(eg_counts_note(t, &c, step(2), 0), EG_STATE_YES, "a second one");
    is_int(eg_counts_note(t, &c, step(3), 0), EG_STATE_NO, "a third one is not let in");
    is_int(eg_counts_take_back(t, &c, step(2), 0), EG_STATE_YES, "one is taken back");
    (void)eg_counts_take_back(t, &c, step(2), 0);
    is_int(eg_counts_of(t, &c, 0), 1, "once, though twice said");
    is_int(eg_counts_failed(t, &c, step(1), 1 * S), EG_STATE_YES, "the first fails");
    (void)eg_counts_failed(t, &c, step(1), 1 * S);
    (void)eg_counts_take_back(t, &c, step(1), 1 * S);
    is_int(eg_counts_of(t, &c, 1 * S), 1, "once, and is not taken back");
    (void)eg_counts_note(t, &c, step(3), 9 * S);
    (void)eg_counts_take_back(t, &c, step(3), 9 * S);
    is_int(eg_counts_of(t, &c, 11 * S), 1, "it counts for 10 seconds");
    is_int(eg_counts_of(t, &c, 11 * S + 1), 0, "and no more, whatever was taken back meanwhile");
}

static void resetting(void)
{
    eg_counts *t = new_table(65536);
    eg_state_count c = count_of(1, 3, 10), other = count_of(2, 3, 10);

    (void)eg_counts_failed(t, &c, step(1), 0);
    (void)eg_counts_failed(t, &c, step(2), 0);
    (void)eg_counts_failed(t, &other, step(1), 0);
    (void)eg_counts_note(t, &c, step(3), 0);
    (void)eg_counts_reset(t, &c, step(3), 0);
    is_int(eg_counts_of(t, &c, 0), 0, "who succeeds begins anew");
    is_int(eg_counts_of(t, &other, 0), 1, "nobody else does");
    (void)eg_counts_note(t, &c, step(4), 0);
    (void)eg_counts_note(t, &c, step(5), 0);
    (void)eg_counts_reset(t, &c, step(4), 0);
    is_int(eg_counts_of(t, &c, 0), 1, "what another step has noted stays");
    (void)eg_counts_failed(t, &c, step(5), 1 * S);
    is_int(eg_counts_note(t, &c, step(5), 9 * S), EG_STATE_YES, "a step that failed is known");
    is_int(eg_counts_of(t, &c, 9 * S), 1, "and does not count again");
}

static void dying(void)
{
    eg_counts *t = new_table(65536);
    eg_state_count c = count_of(1, 1, 10);

    (void)eg_counts_note(t, &c, step(1), 0);
    is_int(eg_counts_open(t, &c, 60 * S), EG_STATE_NO, "a note that nobody takes back locks");
    is_int(eg_counts_open(t, &c, 60 * S + 1), EG_STATE_YES, "for a minute");
    c = count_of(2, 1, 1000);
    (void)eg_counts_note(t, &c, step(1), 0);
    is_int(eg_counts_open(t, &c, 1000 * S), EG_STATE_NO, "or for as long as a failure");
    is_int(eg_counts_open(t, &c, 1000 * S + 1), EG_STATE_YES, "and no longer");
}

static void when_it_is_full(void)
{
    eg_counts *t = new_table(8192);
    unsigned room = (unsigned)eg_counts_count(t).room, n = 0;
    eg_state_count c = count_of(0, 1, 10);

    for (unsigned i = 0; i < 3 * room; i++) {
        eg_state_count each = count_of(i, 1, 10);

        n += eg_counts_failed(t, &each, step(i), 0) == EG_STATE_YES;
    }
    is_int(n, room, "what does not fit is told");
    is_int(eg_counts_open(t, &c, 0), EG_STATE_NO, "and pushes nothing out");
    c = count_of(3 * room, 1, 10);
    is_int(eg_counts_note(t, &c, step(1), 0), EG_STATE_AWAY, "nor can a new one be noted");
    is_int(eg_counts_note(t, &c, step(1), 11 * S), EG_STATE_YES, "before others are over");
}

/* --- processes ---------------------------------------------------------------------------------- */

static void fail_often(eg_counts *t, unsigned process)
{
    eg_state_count c = count_of(7, 100000, 100);

    for (unsigned i = 0; i < 375; i++) {
        (void)eg_counts_note(t, &c, step(process * 1000 + i), 0);
        (void)eg_counts_failed(t, &c, step(process * 1000 + i), 0);
    }
    _exit(0);
}

static void note_for_ever(eg_counts *t, unsigned from)
{
    eg_state_count c = count_of(from, 100000, 10);

    for (unsigned i = from;; i++) {
        (void)eg_counts_note(t, &c, step(i), 0);
        (void)(i % 2 ? eg_counts_failed : eg_counts_take_back)(t, &c, step(i), 0);
    }
}

static void many_at_once(void)
{
    eg_counts *t = new_table(BYTES);
    eg_state_count c = count_of(7, 100000, 100);

    for (unsigned i = 0; i < 8; i++)
        if (fork() == 0)
            fail_often(t, i);
    while (wait(NULL) > 0)
        continue;
    is_int(eg_counts_of(t, &c, 0), 3000, "3,000 failures of 8 processes are 3,000");
}

static void some_are_killed(void)
{
    eg_counts *t = new_table(65536);
    unsigned wrong = 0;

    for (unsigned i = 0; i < 100; i++) {
        eg_state_count c = count_of(1000 + i, 2, 1000);
        pid_t child = fork();

        if (child == 0)
            note_for_ever(t, i);
        usleep(300 + i * 13 % 500);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        (void)eg_counts_failed(t, &c, step(1), 0);
        (void)eg_counts_failed(t, &c, step(2), 0);
        wrong += eg_counts_of(t, &c, 0) != 2 || eg_counts_open(t, &c, 0) != EG_STATE_NO;
    }
    is_int(wrong, 0, "100 processes killed in the middle: two failures are two after each");
}

int main(void)
{
    locking();
    resetting();
    dying();
    when_it_is_full();
    many_at_once();
    some_are_killed();
    ok(!new_table(16), "no table without room");
    return done_testing();
}
