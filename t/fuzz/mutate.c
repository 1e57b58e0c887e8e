/* SPDX-License-Identifier: Apache-2.0
 * For libFuzzer: mutations that keep an input's form. A target tells what parts its inputs have;
 * the parts are taken out, doubled, exchanged, escaped, and replaced by words that mean something
 * there. Half of the time libFuzzer's own mutations are at work. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH 16384
#define REPEATS_MAX 300

_Noreturn void fuzz_broken(const char *property, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken: %s\n", file, line, property);
    abort();
}

typedef struct {
    char *p;
    size_t n, max;
    unsigned seed;
} draft;

typedef struct {
    size_t at, n;
} part;

static size_t below(draft *d, size_t bound)
{
    return bound ? (size_t)rand_r(&d->seed) % bound : 0;
}

static bool separates(char c)
{
    return c && strchr(fuzz_target.separators, c);
}

/* Between two separators, sometimes with the second one. */
static part pick(draft *d)
{
    size_t at = below(d, d->n), end = at;

    while (at > 0 && !separates(d->p[at - 1]))
        at--;
    while (end < d->n && !separates(d->p[end]))
        end++;
    if (end < d->n && below(d, 2))
        end++;
    return (part){at, end - at};
}

static void replace(draft *d, part old, eg_span with)
{
    if (d->n - old.n + with.n > d->max)
        return;
    memmove(d->p + old.at + with.n, d->p + old.at + old.n, d->n - old.at - old.n);
    if (with.n)
        memcpy(d->p + old.at, with.p, with.n);
    d->n = d->n - old.n + with.n;
}

/* Replaces by bytes that may be the draft's own. */
static void replace_copied(draft *d, part old, eg_span with)
{
    char copy[SCRATCH];

    if (with.n > sizeof copy)
        return;
    if (with.n)
        memcpy(copy, with.p, with.n);
    replace(d, old, (eg_span){copy, with.n});
}

static eg_span bytes_of(const draft *d, part p)
{
    return (eg_span){d->p + p.at, p.n};
}

static void drop(draft *d)
{
    replace(d, pick(d), (eg_span){"", 0});
}

static void copy_over(draft *d)
{
    part from = pick(d), to = pick(d);

    replace_copied(d, to, bytes_of(d, from));
}

static void copy_in(draft *d)
{
    part from = pick(d), to = pick(d);

    replace_copied(d, (part){to.at, 0}, bytes_of(d, from));
}

static void repeat(draft *d)
{
    part p = pick(d);

    for (size_t left = below(d, below(d, 4) ? 8 : REPEATS_MAX); left > 0; left--)
        replace_copied(d, (part){p.at, 0}, bytes_of(d, p));
}

static eg_span atom(draft *d)
{
    size_t n = 0;

    while (fuzz_target.atoms[n])
        n++;
    return n ? eg_span_of(fuzz_target.atoms[below(d, n)]) : (eg_span){"", 0};
}

static void put_atom_over(draft *d)
{
    part p = pick(d);

    replace(d, p, atom(d));
}

static void put_atom_in(draft *d)
{
    replace(d, (part){below(d, d->n + 1), 0}, atom(d));
}

static void escape(draft *d)
{
    part one = {below(d, d->n), 1};
    char text[4];

    if (d->n == 0)
        return;
    (void)snprintf(text, sizeof text, below(d, 2) ? "%%%02x" : "%%%02X",
                   (unsigned)(unsigned char)d->p[one.at]);
    replace(d, one, (eg_span){text, 3});
}

static void change_part(draft *d)
{
    part p = pick(d);
    char copy[SCRATCH];
    size_t n, room = 2 * p.n + 16;

    if (room > sizeof copy)
        return;
    memcpy(copy, d->p + p.at, p.n);
    n = LLVMFuzzerMutate((uint8_t *)copy, p.n, room);
    replace(d, p, (eg_span){copy, n});
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static void (*const kinds[])(draft *) = {drop,          copy_over,   copy_in, repeat,
                                             put_atom_over, put_atom_in, escape,  change_part};
    draft d = {(char *)data, size, max, seed};

    if (below(&d, 2))
        return LLVMFuzzerMutate(data, size, max);
    for (size_t left = 1 + below(&d, 3); left > 0; left--)
        kinds[below(&d, sizeof kinds / sizeof *kinds)](&d);
    return d.n;
}

/* A part of the second input in the place of a part of the first. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t max, unsigned seed)
{
    char other[SCRATCH];
    draft from = {other, b_size < sizeof other ? b_size : sizeof other, sizeof other, seed};
    draft to = {(char *)out, a_size < max ? a_size : max, max, seed ^ 0x5eedu};
    part p;

    memcpy(other, b, from.n);
    memcpy(out, a, to.n);
    p = pick(&from);
    replace(&to, pick(&to), bytes_of(&from, p));
    return to.n;
}
