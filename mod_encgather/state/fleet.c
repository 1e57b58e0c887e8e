/* SPDX-License-Identifier: Apache-2.0
 * What hosts share, in one Redis. A script is one change for everybody else, and nobody needs more rights than its few
 * commands; EVAL sends it each time, for a Redis that has been restarted knows none. Everything that is written expires. */
#include "state/fleet.h"

#include <apr_strings.h>
#include "core/counts.h"
#include "core/marks.h"
#include "core/statekeys.h"
#include "state/lines.h"

/* --- tokens ------------------------------------------------------------------------------------- */

/* KEYS: a mark for each token, then, where the request has a name, a key for each that ends with the time of a second delivery.
 * ARGV: what is ours alone, so that what was sent again after a connection was lost finds its own marks; the number of tokens;
 * the time of a second delivery; how long each mark is kept. */
static const char spend_script[] =
    "local n=tonumber(ARGV[2]) local new={} "
    "for i=1,n do local was=redis.call('GET',KEYS[i]) "
    "if not was then new[#new+1]=i "
    "elseif was~=ARGV[1] and not(KEYS[n+i] and redis.call('GET',KEYS[n+i])) then return 0 end end "
    "for _,i in ipairs(new) do redis.call('SET',KEYS[i],ARGV[1],'EX',ARGV[3+i]) "
    "if KEYS[n+i] then redis.call('SET',KEYS[n+i],'1','EX',ARGV[3]) end end "
    "return 1";

typedef struct {
    request_rec *r;
    eg_span *words;
    unsigned n;
} command;

static void add_word(command *c, eg_span word)
{
    c->words[c->n++] = word;
}

static void add_whole(command *c, apr_int64_t number)
{
    add_word(c, eg_span_of(apr_psprintf(c->r->pool, "%" APR_INT64_T_FMT, number)));
}

static void add_key(command *c, const char *front, const unsigned char *id, const char *behind)
{
    add_word(c, eg_state_key(apr_palloc(c->r->pool, EG_STATE_KEY_SIZE), front, id, behind));
}

static void add_bytes(command *c, const unsigned char *bytes)
{
    char *hex = apr_palloc(c->r->pool, 2 * EG_STATE_ID + 1);

    eg_hex_encode(hex, bytes, EG_STATE_ID);
    add_word(c, eg_span_of(hex));
}

/* Of two ids the key of both together. */
static void add_joint_key(command *c, const char *front, const unsigned char *a,
                          const unsigned char *b)
{
    unsigned char both[EG_STATE_ID];

    for (unsigned i = 0; i < EG_STATE_ID; i++)
        both[i] = a[i] ^ b[i];
    add_key(c, front, both, "");
}

static command begin_script(request_rec *r, const char *script, unsigned words)
{
    command c = {.r = r, .words = apr_palloc(r->pool, (words + 3) * sizeof(eg_span))};

    add_word(&c, EG_LIT("EVAL"));
    add_word(&c, eg_span_of(script));
    return c;
}

/* 1 and 0 are answers; anything else is none. */
static eg_state_answer read_said(const eg_redis_answer *said)
{
    if (said->kind != EG_REDIS_NUMBER || said->number < 0 || said->number > 1)
        return EG_STATE_AWAY;
    return said->number ? EG_STATE_YES : EG_STATE_NO;
}

/* Never shorter than a token is good at all: a host whose clock is ahead would else take a mark away while the token is still
 * good at the others. */
static apr_int64_t life_of(const eg_state_mark *mark, apr_int64_t now)
{
    apr_int64_t left = mark->until - now, whole = mark->until - mark->made;
    apr_int64_t life = left > whole ? left : whole;

    return life > 0 ? life + 1 : 1;
}

eg_state_answer eg_fleet_spend(request_rec *r, const eg_state_mark *marks, unsigned n,
                               const unsigned char *idem, const unsigned char mine[EG_STATE_ID],
                               eg_redis_answer *said)
{
    command c = begin_script(r, spend_script, 3 * n + 3);
    apr_int64_t now = apr_time_sec(apr_time_now());

    add_whole(&c, idem ? 2 * n : n);
    for (unsigned i = 0; i < n; i++)
        add_key(&c, EG_STATE_OF_TOKEN, marks[i].id, "");
    for (unsigned i = 0; idem && i < n; i++)
        add_joint_key(&c, EG_STATE_OF_TOKEN, marks[i].id, idem);
    add_bytes(&c, mine);
    add_whole(&c, n);
    add_whole(&c, EG_SECOND_DELIVERY);
    for (unsigned i = 0; i < n; i++)
        add_whole(&c, life_of(&marks[i], now));
    *said = eg_lines_ask(c.words, c.n);
    return read_said(said);
}

/* --- counts ------------------------------------------------------------------------------------- */

/* KEYS: the count of what failed; what is noted and not decided, as text: "step deadline;" for each; what says that this step has
 * failed. ARGV: at how many it is locked; for how long the count is kept; the step; the time; for how long a note is kept, and
 * what says that a step has failed. Deadlines are for notes of those who died, so the clocks of hosts need not be the same. */
#define READ_NOTES                                                                                 \
    "local n,mine=0,false local p=string.gsub(redis.call('GET',KEYS[2]) or '','(%x+) (%d+);',"     \
    "function(s,t) if s==ARGV[3] then mine=true return '' end "                                    \
    "if tonumber(t)<tonumber(ARGV[4]) then return '' end n=n+1 end) "
#define FAILED_BEFORE "tonumber(redis.call('GET',KEYS[1]) or '0')"
#define KEEP_OTHERS                                                                                \
    "if mine then if n==0 then redis.call('DEL',KEYS[2]) "                                         \
    "else redis.call('SET',KEYS[2],p,'EX',ARGV[5]) end end "

static const char *const count_scripts[] = {
    [EG_COUNT_OPEN] = READ_NOTES "if n+" FAILED_BEFORE ">=tonumber(ARGV[1]) then return 0 end "
                                 "return 1",
    [EG_COUNT_NOTE] =
        "if redis.call('GET',KEYS[3]) then return 1 end " READ_NOTES "if mine then return 1 end "
        "if n+" FAILED_BEFORE ">=tonumber(ARGV[1]) then return 0 end "
        "redis.call('SET',KEYS[2],p..ARGV[3]..' '..ARGV[7]..';','EX',ARGV[5]) "
        "return 1",
    [EG_COUNT_FAILED] = "if redis.call('GET',KEYS[3]) then return 1 end " READ_NOTES
                        "redis.call('INCR',KEYS[1]) redis.call('EXPIRE',KEYS[1],ARGV[2]) "
                        "redis.call('SET',KEYS[3],'1','EX',ARGV[6]) " KEEP_OTHERS "return 1",
    [EG_COUNT_TAKE_BACK] = READ_NOTES KEEP_OTHERS "return 1",
    [EG_COUNT_RESET] = READ_NOTES KEEP_OTHERS "redis.call('DEL',KEYS[1]) return 1",
};

eg_state_answer eg_fleet_count(request_rec *r, eg_count_act act, const eg_state_count *count,
                               const unsigned char *step, eg_redis_answer *said)
{
    static const unsigned char none[EG_STATE_ID] = {0};
    command c = begin_script(r, count_scripts[act], 11);
    apr_int64_t now = apr_time_sec(apr_time_now());
    apr_int64_t hold = count->seconds > EG_NOTE_LEAST ? count->seconds : EG_NOTE_LEAST;

    add_whole(&c, 3);
    add_key(&c, EG_STATE_OF_COUNT, count->who, "");
    add_key(&c, EG_STATE_OF_COUNT, count->who, EG_STATE_NOTES);
    add_joint_key(&c, EG_STATE_OF_COUNT, count->who, step ? step : none);
    add_whole(&c, count->failures);
    add_whole(&c, count->seconds);
    add_bytes(&c, step ? step : none);
    add_whole(&c, now);
    add_whole(&c, hold);
    add_whole(&c, EG_STEP_KNOWN);
    add_whole(&c, now + hold);
    *said = eg_lines_ask(c.words, c.n);
    return read_said(said);
}
