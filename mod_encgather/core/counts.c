/* SPDX-License-Identifier: Apache-2.0
 * A table of failures in memory that processes share.
 *
 * A count has what failed and how many notes there are that nobody has decided yet. Notes are entries of their own, found by
 * value and step together. Whoever dies leaves his note behind, which counts until its time is over. */
#include "counts.h"

#include <stdatomic.h>
#include <string.h>
#include "sharedlock.h"

#define NONE 0xffffffffU
#define LOOK 1024 /* entries that are looked at for a free one, in one go */
#define NOTES 2   /* for each count */

typedef struct {
    unsigned char who[EG_STATE_ID];
    apr_int64_t until; /* of what failed; steady, milliseconds, as all times here */
    apr_int64_t lapse; /* before then no note's time is over */
    apr_uint32_t failed, noted;
    apr_uint32_t next;    /* of the same bucket, or of what is free */
    atomic_uint is_alive; /* set when all the rest is there */
} counter;

typedef enum { FREE, NOTED, FAILED } note_state;

typedef struct {
    unsigned char id[EG_STATE_ID];
    apr_int64_t until;
    apr_uint32_t owner; /* while it is noted */
    apr_uint32_t next;
    atomic_uint state;
} note;

struct eg_counts {
    eg_shared_lock lock;
    apr_uint32_t room, held, free, at;
    apr_uint32_t notes_room, notes_free, notes_at;
    counter *counters;
    note *notes;
    apr_uint32_t *buckets, *note_buckets;
};

/* What is asked, and of whom. */
typedef struct {
    eg_counts *t;
    const eg_state_count *count;
    unsigned char both[EG_STATE_ID]; /* of value and step */
    apr_int64_t now;
    counter *c; /* NULL: not counted */
    note *n;    /* NULL: not noted, nor known to have failed */
} asking;

static apr_uint32_t *bucket_for(apr_uint32_t *buckets, apr_uint32_t n, const unsigned char *id)
{
    apr_uint32_t number;

    memcpy(&number, id, sizeof number);
    return &buckets[number % n];
}

/* --- notes -------------------------------------------------------------------------------------- */

static apr_uint32_t *note_bucket(eg_counts *t, const unsigned char *key)
{
    return bucket_for(t->note_buckets, t->notes_room, key);
}

static void link_note(eg_counts *t, note *n)
{
    apr_uint32_t *bucket = note_bucket(t, n->id);

    n->next = *bucket;
    *bucket = (apr_uint32_t)(n - t->notes);
}

static void drop_note(eg_counts *t, note *n)
{
    apr_uint32_t which = (apr_uint32_t)(n - t->notes), *link = note_bucket(t, n->id);

    if (atomic_load(&n->state) == NOTED && t->counters[n->owner].noted > 0)
        t->counters[n->owner].noted--;
    atomic_store(&n->state, FREE);
    while (*link != which)
        link = &t->notes[*link].next;
    *link = n->next;
    n->next = t->notes_free;
    t->notes_free = which;
}

static bool is_over(const note *n, apr_int64_t now)
{
    return now > n->until;
}

static note *find_note(const asking *a)
{
    eg_counts *t = a->t;

    for (apr_uint32_t i = *note_bucket(t, a->both); i != NONE; i = t->notes[i].next)
        if (memcmp(t->notes[i].id, a->both, EG_STATE_ID) == 0)
            return &t->notes[i];
    return NULL;
}

/* Where all are taken, one whose time is over; else the one that will be known to have failed for the shortest time. */
static note *clear_note(eg_counts *t, apr_int64_t now)
{
    note *oldest = NULL;

    for (unsigned i = 0; i < LOOK && i < t->notes_room; i++) {
        note *n = &t->notes[t->notes_at++ % t->notes_room];

        if (is_over(n, now))
            return n;
        if (atomic_load(&n->state) == FAILED && (!oldest || n->until < oldest->until))
            oldest = n;
    }
    return oldest;
}

static note *new_note(const asking *a)
{
    eg_counts *t = a->t;
    note *n;

    if (t->notes_free == NONE && (n = clear_note(t, a->now)) != NULL)
        drop_note(t, n);
    if (t->notes_free == NONE)
        return NULL;
    n = &t->notes[t->notes_free];
    t->notes_free = n->next;
    memcpy(n->id, a->both, EG_STATE_ID);
    n->owner = (apr_uint32_t)(a->c - t->counters);
    link_note(t, n);
    return n;
}

/* --- counts ------------------------------------------------------------------------------------- */

static apr_uint32_t *counter_bucket(eg_counts *t, const unsigned char *who)
{
    return bucket_for(t->buckets, t->room, who);
}

static void link_counter(eg_counts *t, counter *c)
{
    apr_uint32_t *bucket = counter_bucket(t, c->who);

    c->next = *bucket;
    *bucket = (apr_uint32_t)(c - t->counters);
    t->held++;
}

static void drop_counter(eg_counts *t, counter *c)
{
    apr_uint32_t which = (apr_uint32_t)(c - t->counters), *link = counter_bucket(t, c->who);

    atomic_store(&c->is_alive, 0);
    while (*link != which)
        link = &t->counters[*link].next;
    *link = c->next;
    t->held--;
    c->next = t->free;
    t->free = which;
}

/* Notes of those who died. */
static void drop_lapsed(eg_counts *t, counter *c, apr_int64_t now)
{
    apr_uint32_t owner = (apr_uint32_t)(c - t->counters);

    c->lapse = APR_INT64_MAX;
    for (apr_uint32_t i = 0; i < t->notes_room; i++) {
        note *n = &t->notes[i];

        if (atomic_load(&n->state) != NOTED || n->owner != owner)
            continue;
        if (is_over(n, now))
            drop_note(t, n);
        else if (n->until < c->lapse)
            c->lapse = n->until;
    }
}

/* True: nothing is left of it. */
static bool settle_counter(eg_counts *t, counter *c, apr_int64_t now)
{
    if (c->failed && now > c->until)
        c->failed = 0;
    if (c->noted && now > c->lapse)
        drop_lapsed(t, c, now);
    return !c->failed && !c->noted;
}

static void forget_empty(const asking *a)
{
    if (a->c && settle_counter(a->t, a->c, a->now))
        drop_counter(a->t, a->c);
}

static counter *find_counter(eg_counts *t, const unsigned char *who)
{
    for (apr_uint32_t i = *counter_bucket(t, who); i != NONE; i = t->counters[i].next)
        if (memcmp(t->counters[i].who, who, EG_STATE_ID) == 0)
            return &t->counters[i];
    return NULL;
}

static void look_for_free(eg_counts *t, apr_int64_t now)
{
    for (unsigned i = 0; i < LOOK && i < t->room && t->free == NONE; i++) {
        counter *c = &t->counters[t->at++ % t->room];

        if (settle_counter(t, c, now))
            drop_counter(t, c);
    }
}

static counter *new_counter(const asking *a)
{
    eg_counts *t = a->t;
    counter *c;

    if (t->free == NONE)
        look_for_free(t, a->now);
    if (t->free == NONE)
        return NULL;
    c = &t->counters[t->free];
    t->free = c->next;
    memcpy(c->who, a->count->who, EG_STATE_ID);
    c->failed = c->noted = 0;
    c->lapse = APR_INT64_MAX;
    atomic_store(&c->is_alive, 1);
    link_counter(t, c);
    return c;
}

/* --- the lock ----------------------------------------------------------------------------------- */

static void repair_counters(eg_counts *t)
{
    t->held = 0;
    t->free = NONE;
    for (apr_uint32_t i = 0; i < t->room; i++)
        t->buckets[i] = NONE;
    for (apr_uint32_t i = t->room; i-- > 0;) {
        t->counters[i].noted = 0;
        t->counters[i].lapse = 0;
        if (atomic_load(&t->counters[i].is_alive))
            link_counter(t, &t->counters[i]);
        else {
            t->counters[i].next = t->free;
            t->free = i;
        }
    }
}

static void repair_notes(eg_counts *t)
{
    t->notes_free = NONE;
    for (apr_uint32_t i = 0; i < t->notes_room; i++)
        t->note_buckets[i] = NONE;
    for (apr_uint32_t i = t->notes_room; i-- > 0;) {
        note *n = &t->notes[i];

        if (atomic_load(&n->state) == NOTED && !atomic_load(&t->counters[n->owner].is_alive))
            atomic_store(&n->state, FREE);
        if (atomic_load(&n->state) == FREE) {
            n->next = t->notes_free;
            t->notes_free = i;
            continue;
        }
        link_note(t, n);
        if (atomic_load(&n->state) == NOTED)
            t->counters[n->owner].noted++;
    }
}

static void repair_counts(eg_counts *t)
{
    repair_counters(t);
    repair_notes(t);
}

static bool lock_counts(eg_counts *t)
{
    eg_lock_verdict verdict = eg_shared_lock_take(&t->lock);

    if (verdict == EG_LOCKED_TORN)
        repair_counts(t);
    return verdict != EG_NOT_LOCKED;
}

static bool begin_asking(asking *a, const unsigned char *step)
{
    if (!lock_counts(a->t))
        return false;
    a->c = find_counter(a->t, a->count->who);
    if (a->c)
        (void)settle_counter(a->t, a->c, a->now);
    for (unsigned i = 0; step && i < EG_STATE_ID; i++)
        a->both[i] = step[i] ^ a->count->who[i];
    a->n = step ? find_note(a) : NULL;
    if (a->n && is_over(a->n, a->now)) {
        drop_note(a->t, a->n);
        a->n = NULL;
    }
    return true;
}

static void end_asking(const asking *a)
{
    forget_empty(a);
    eg_shared_lock_leave(&a->t->lock);
}

/* --- what is asked ------------------------------------------------------------------------------ */

static bool is_at_limit(const asking *a)
{
    return a->c && a->c->failed + a->c->noted >= (apr_uint32_t)a->count->failures;
}

static apr_int64_t hold_of(const eg_state_count *count)
{
    return 1000 * (count->seconds > EG_NOTE_LEAST ? count->seconds : EG_NOTE_LEAST);
}

static bool make_note(asking *a)
{
    if (!a->c)
        a->c = new_counter(a);
    a->n = a->c ? new_note(a) : NULL;
    if (!a->n)
        return false;
    a->n->until = a->now + hold_of(a->count);
    if (a->n->until < a->c->lapse)
        a->c->lapse = a->n->until;
    atomic_store(&a->n->state, NOTED);
    a->c->noted++;
    return true;
}

static eg_state_answer note_new_step(asking *a)
{
    if (a->n)
        return EG_STATE_YES;
    if (is_at_limit(a))
        return EG_STATE_NO;
    return make_note(a) ? EG_STATE_YES : EG_STATE_AWAY;
}

/* The count first: who dies between the two has counted twice rather than not at all. */
static eg_state_answer count_failure(asking *a)
{
    if (a->n && atomic_load(&a->n->state) == FAILED)
        return EG_STATE_YES;
    if (!a->n && !make_note(a))
        return EG_STATE_AWAY;
    a->c->failed++;
    a->c->until = a->now + 1000 * a->count->seconds;
    a->n->until = a->now + 1000 * EG_STEP_KNOWN;
    atomic_store(&a->n->state, FAILED);
    if (a->c->noted > 0)
        a->c->noted--;
    return EG_STATE_YES;
}

static eg_state_answer take_note_back(asking *a)
{
    if (a->n && atomic_load(&a->n->state) == NOTED)
        drop_note(a->t, a->n);
    return EG_STATE_YES;
}

static eg_state_answer reset_count(asking *a)
{
    if (a->c)
        a->c->failed = 0;
    return take_note_back(a);
}

static eg_state_answer look_at_count(asking *a)
{
    return is_at_limit(a) ? EG_STATE_NO : EG_STATE_YES;
}

static eg_state_answer ask_table(asking *a, const unsigned char *step,
                                 eg_state_answer (*what)(asking *))
{
    eg_state_answer answer;

    if (!begin_asking(a, step))
        return EG_STATE_AWAY;
    answer = what(a);
    end_asking(a);
    return answer;
}

eg_state_answer eg_counts_open(eg_counts *t, const eg_state_count *count, apr_int64_t now)
{
    return ask_table(&(asking){.t = t, .count = count, .now = now}, NULL, look_at_count);
}

eg_state_answer eg_counts_note(eg_counts *t, const eg_state_count *count,
                               const unsigned char step[EG_STATE_ID], apr_int64_t now)
{
    return ask_table(&(asking){.t = t, .count = count, .now = now}, step, note_new_step);
}

eg_state_answer eg_counts_failed(eg_counts *t, const eg_state_count *count,
                                 const unsigned char step[EG_STATE_ID], apr_int64_t now)
{
    return ask_table(&(asking){.t = t, .count = count, .now = now}, step, count_failure);
}

eg_state_answer eg_counts_take_back(eg_counts *t, const eg_state_count *count,
                                    const unsigned char step[EG_STATE_ID], apr_int64_t now)
{
    return ask_table(&(asking){.t = t, .count = count, .now = now}, step, take_note_back);
}

eg_state_answer eg_counts_reset(eg_counts *t, const eg_state_count *count,
                                const unsigned char step[EG_STATE_ID], apr_int64_t now)
{
    return ask_table(&(asking){.t = t, .count = count, .now = now}, step, reset_count);
}

/* --- the table ---------------------------------------------------------------------------------- */

#define BYTES_OF_VALUE                                                                             \
    (sizeof(counter) + sizeof(apr_uint32_t) + NOTES * (sizeof(note) + sizeof(apr_uint32_t)))

apr_size_t eg_counts_room(apr_size_t bytes)
{
    apr_size_t n = bytes > sizeof(eg_counts) ? (bytes - sizeof(eg_counts)) / BYTES_OF_VALUE : 0;

    return n < NONE / NOTES ? n : NONE / NOTES - 1;
}

eg_counts *eg_counts_make(void *memory, apr_size_t bytes)
{
    eg_counts *t = memory;

    if (!eg_counts_room(bytes) || !eg_shared_lock_make(&t->lock))
        return NULL;
    t->room = (apr_uint32_t)eg_counts_room(bytes);
    t->notes_room = NOTES * t->room;
    t->counters = (counter *)(t + 1);
    t->notes = (note *)(t->counters + t->room);
    t->buckets = (apr_uint32_t *)(t->notes + t->notes_room);
    t->note_buckets = t->buckets + t->room;
    repair_counts(t);
    return t;
}

eg_counts_numbers eg_counts_count(eg_counts *t)
{
    eg_counts_numbers numbers = {.room = t->room};

    if (!lock_counts(t))
        return numbers;
    numbers.held = t->held;
    eg_shared_lock_leave(&t->lock);
    return numbers;
}

unsigned eg_counts_of(eg_counts *t, const eg_state_count *count, apr_int64_t now)
{
    asking a = {.t = t, .count = count, .now = now};
    unsigned n;

    if (!begin_asking(&a, NULL))
        return 0;
    n = a.c ? a.c->failed + a.c->noted : 0;
    end_asking(&a);
    return n;
}
