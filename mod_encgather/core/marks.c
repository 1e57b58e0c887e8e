/* SPDX-License-Identifier: Apache-2.0
 * A table of used tokens in memory that processes share.
 *
 * Marks are found by their id; two heaps have the one on top that was made first, and the one whose time is over first. Whoever
 * dies in the middle leaves entries that are whole or not alive, and the next one makes all the rest anew of them. */
#include "marks.h"

#include <stdatomic.h>
#include <string.h>
#include "sharedlock.h"

#define NONE 0xffffffffU
#define TIDY 2 /* marks whose time is over that go with each request */

enum { BY_MADE, BY_UNTIL, ORDERS };

/* Seconds are those since the table was made. */
typedef struct {
    unsigned char id[EG_STATE_ID];
    unsigned char idem[EG_STATE_ID];
    apr_int64_t used; /* steady, milliseconds */
    apr_uint32_t at[ORDERS];
    apr_uint32_t when[ORDERS]; /* made, until */
    apr_uint32_t next;         /* of the same bucket, or of what is free */
    atomic_uint is_alive; /* set when all the rest is there, taken back before any of it goes */
} entry;

struct eg_marks {
    eg_shared_lock lock;
    apr_uint32_t room, held, free;
    apr_int64_t born;   /* seconds since 1970 */
    apr_int64_t latest; /* the same: nobody has seen a later time */
    apr_int64_t floor;  /* what was made then, or before, may have been here */
    apr_uint64_t pushed_out;
    entry *entries;
    apr_uint32_t *buckets;
    apr_uint32_t *heaps[ORDERS];
};

/* --- heaps -------------------------------------------------------------------------------------- */

static apr_uint32_t when_of(const eg_marks *t, int order, apr_uint32_t at)
{
    return t->entries[t->heaps[order][at]].when[order];
}

static void put_into(eg_marks *t, int order, apr_uint32_t at, apr_uint32_t which)
{
    t->heaps[order][at] = which;
    t->entries[which].at[order] = at;
}

static void rise(eg_marks *t, int order, apr_uint32_t at)
{
    apr_uint32_t which = t->heaps[order][at];

    while (at > 0 && when_of(t, order, (at - 1) / 2) > t->entries[which].when[order]) {
        put_into(t, order, at, t->heaps[order][(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put_into(t, order, at, which);
}

/* n: how many there are in it. */
static void sink(eg_marks *t, int order, apr_uint32_t at, apr_uint32_t n)
{
    apr_uint32_t which = t->heaps[order][at], child;

    while ((child = 2 * at + 1) < n) {
        child += child + 1 < n && when_of(t, order, child + 1) < when_of(t, order, child);
        if (t->entries[which].when[order] <= when_of(t, order, child))
            break;
        put_into(t, order, at, t->heaps[order][child]);
        at = child;
    }
    put_into(t, order, at, which);
}

static void take_from(eg_marks *t, int order, apr_uint32_t which)
{
    apr_uint32_t at = t->entries[which].at[order], last = t->held - 1;

    if (at == last)
        return;
    put_into(t, order, at, t->heaps[order][last]);
    sink(t, order, at, last);
    rise(t, order, at);
}

/* --- entries ------------------------------------------------------------------------------------ */

static apr_uint32_t *bucket_of(eg_marks *t, const unsigned char *id)
{
    apr_uint32_t number;

    memcpy(&number, id, sizeof number);
    return &t->buckets[number % t->room];
}

static entry *find_mark(eg_marks *t, const unsigned char *id)
{
    for (apr_uint32_t i = *bucket_of(t, id); i != NONE; i = t->entries[i].next)
        if (memcmp(t->entries[i].id, id, EG_STATE_ID) == 0)
            return &t->entries[i];
    return NULL;
}

static void link_mark(eg_marks *t, apr_uint32_t which)
{
    entry *e = &t->entries[which];
    apr_uint32_t *bucket = bucket_of(t, e->id);

    e->next = *bucket;
    *bucket = which;
    for (int order = 0; order < ORDERS; order++) {
        put_into(t, order, t->held, which);
        rise(t, order, t->held);
    }
    t->held++;
}

static void remove_mark(eg_marks *t, apr_uint32_t which)
{
    entry *e = &t->entries[which];
    apr_uint32_t *link = bucket_of(t, e->id);

    atomic_store(&e->is_alive, 0);
    while (*link != which)
        link = &t->entries[*link].next;
    *link = e->next;
    for (int order = 0; order < ORDERS; order++)
        take_from(t, order, which);
    t->held--;
    e->next = t->free;
    t->free = which;
}

static apr_uint32_t since_born(const eg_marks *t, apr_int64_t second)
{
    apr_int64_t n = second - t->born;

    return n < 0 ? 0 : n >= NONE ? NONE : (apr_uint32_t)n;
}

static void add_mark(eg_marks *t, const eg_state_mark *mark, const eg_spending *wanted)
{
    apr_uint32_t which = t->free;
    entry *e = &t->entries[which];

    t->free = e->next;
    memcpy(e->id, mark->id, EG_STATE_ID);
    memset(e->idem, 0, EG_STATE_ID);
    if (wanted->idem)
        memcpy(e->idem, wanted->idem, EG_STATE_ID);
    e->used = wanted->steady;
    e->when[BY_MADE] = since_born(t, mark->made);
    e->when[BY_UNTIL] = since_born(t, mark->until);
    atomic_store(&e->is_alive, 1);
    link_mark(t, which);
}

/* --- room --------------------------------------------------------------------------------------- */

static bool drop_one_over(eg_marks *t)
{
    if (!t->held || when_of(t, BY_UNTIL, 0) >= since_born(t, t->latest))
        return false;
    remove_mark(t, t->heaps[BY_UNTIL][0]);
    return true;
}

static void push_out_oldest(eg_marks *t)
{
    apr_uint32_t which = t->heaps[BY_MADE][0];
    apr_int64_t made = t->born + t->entries[which].when[BY_MADE];

    if (made > t->floor)
        t->floor = made;
    t->pushed_out++;
    remove_mark(t, which);
}

static void make_room_for(eg_marks *t, unsigned n)
{
    for (unsigned i = 0; i < TIDY + n && drop_one_over(t); i++)
        continue;
    while (t->room - t->held < n)
        push_out_oldest(t);
}

/* Anew, of entries that are alive. */
static void repair_marks(eg_marks *t)
{
    t->held = 0;
    t->free = NONE;
    for (apr_uint32_t i = 0; i < t->room; i++)
        t->buckets[i] = NONE;
    for (apr_uint32_t i = t->room; i-- > 0;)
        if (atomic_load(&t->entries[i].is_alive))
            link_mark(t, i);
        else {
            t->entries[i].next = t->free;
            t->free = i;
        }
}

/* --- a request ---------------------------------------------------------------------------------- */

/* Whether the table would know, had it been used. A clock that was set back makes no token young again. */
static bool is_known_age(const eg_marks *t, const eg_state_mark *mark)
{
    return mark->made >= t->born && mark->made > t->floor && mark->until >= t->latest &&
           mark->made - t->born < NONE;
}

static bool is_second_delivery(const entry *e, const eg_spending *wanted)
{
    return wanted->idem && memcmp(e->idem, wanted->idem, EG_STATE_ID) == 0 &&
           wanted->steady - e->used <= EG_SECOND_DELIVERY * 1000;
}

/* Making room may push out one that is marked already: there is to be room for all. */
static eg_state_answer spend_locked(eg_marks *t, const eg_spending *wanted)
{
    bool has_new = false;

    if (wanted->now > t->latest)
        t->latest = wanted->now;
    for (unsigned i = 0; i < wanted->n; i++) {
        const entry *e = find_mark(t, wanted->marks[i].id);

        if (!is_known_age(t, &wanted->marks[i]) || (e && !is_second_delivery(e, wanted)))
            return EG_STATE_NO;
        has_new = has_new || !e;
    }
    if (has_new)
        make_room_for(t, wanted->n);
    for (unsigned i = 0; i < wanted->n; i++)
        if (!find_mark(t, wanted->marks[i].id))
            add_mark(t, &wanted->marks[i], wanted);
    return EG_STATE_YES;
}

static bool lock_marks(eg_marks *t)
{
    eg_lock_verdict verdict = eg_shared_lock_take(&t->lock);

    if (verdict == EG_LOCKED_TORN)
        repair_marks(t);
    return verdict != EG_NOT_LOCKED;
}

eg_state_answer eg_marks_spend(eg_marks *t, const eg_spending *wanted)
{
    eg_state_answer answer;

    if (wanted->n > t->room || !lock_marks(t))
        return EG_STATE_AWAY;
    answer = spend_locked(t, wanted);
    eg_shared_lock_leave(&t->lock);
    return answer;
}

/* --- the table ---------------------------------------------------------------------------------- */

#define BYTES_OF_ONE (sizeof(entry) + (1 + ORDERS) * sizeof(apr_uint32_t))

apr_size_t eg_marks_room(apr_size_t bytes)
{
    apr_size_t n = bytes > sizeof(eg_marks) ? (bytes - sizeof(eg_marks)) / BYTES_OF_ONE : 0;

    return n < NONE ? n : NONE - 1;
}

eg_marks *eg_marks_make(void *memory, apr_size_t bytes, apr_int64_t now)
{
    eg_marks *t = memory;

    if (!eg_marks_room(bytes) || !eg_shared_lock_make(&t->lock))
        return NULL;
    t->room = (apr_uint32_t)eg_marks_room(bytes);
    t->born = t->latest = now;
    t->floor = -1;
    t->entries = (entry *)(t + 1);
    t->buckets = (apr_uint32_t *)(t->entries + t->room);
    t->heaps[BY_MADE] = t->buckets + t->room;
    t->heaps[BY_UNTIL] = t->heaps[BY_MADE] + t->room;
    repair_marks(t);
    return t;
}

eg_marks_numbers eg_marks_count(eg_marks *t)
{
    eg_marks_numbers numbers = {.room = t->room};

    if (!lock_marks(t))
        return numbers;
    numbers.held = t->held;
    numbers.pushed_out = t->pushed_out;
    eg_shared_lock_leave(&t->lock);
    return numbers;
}
