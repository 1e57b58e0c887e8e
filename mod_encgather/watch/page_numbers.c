/* SPDX-License-Identifier: Apache-2.0
 * All that is counted, on the status page: what is 0 is folded away. */
#include "watch/page.h"

#include <apr_strings.h>

/* A number of a family. */
typedef struct {
    const eg_family *family;
    unsigned row, column;
} number;

static const char *number_words(const eg_page *p, const number *n)
{
    const char *first = eg_family_word(n->family, 0, n->row);
    const char *second = eg_family_word(n->family, 1, n->column);

    if (!*first && !*second)
        return "all";
    return apr_pstrcat(p->h.pool, first, *first ? ": " : "", second, NULL);
}

static apr_uint64_t number_in(const number *n, const eg_host *window)
{
    return eg_family_value(n->family, window, n->row, n->column);
}

/* Each number of a family that occurs; false from each ends it. */
static void for_numbers(const eg_page *p, const eg_family *family,
                        void (*each)(const eg_page *p, const number *n, void *about), void *about)
{
    for (unsigned row = 0; row < family->counts[0]; row++)
        for (unsigned column = 0; column < family->counts[1]; column++) {
            const number n = {family, row, column};

            if (eg_family_word(family, 0, row) && eg_family_word(family, 1, column))
                each(p, &n, about);
        }
}

/* --- of all hosts ------------------------------------------------------------------------------ */

static void put_number_row(const eg_page *p, const number *n, void *zeros)
{
    if (!number_in(n, p->snapshot->total)) {
        APR_ARRAY_PUSH((apr_array_header_t *)zeros, number) = *n;
        return;
    }
    eg_begin_row(&p->h, number_words(p, n));
    eg_put_number(&p->h, number_in(n, p->snapshot->hour));
    eg_put_number(&p->h, number_in(n, p->snapshot->day));
    eg_put_number(&p->h, number_in(n, p->snapshot->total));
    eg_end_row(&p->h);
}

static void add_value(const eg_page *p, const number *n, void *sum)
{
    (void)p;
    *(apr_uint64_t *)sum += number_in(n, p->snapshot->total);
}

static void put_family(const eg_page *p, const eg_family *family, apr_array_header_t *zeros)
{
    static const char *const columns[] = {"what", "hour", "day", "in all", NULL};
    apr_uint64_t sum = 0;

    for_numbers(p, family, add_value, &sum);
    if (sum)
        eg_begin_table(&p->h, apr_pstrcat(p->h.pool, "family-", family->name, NULL), family->title,
                       columns);
    for_numbers(p, family, put_number_row, zeros);
    if (sum)
        eg_end_table(&p->h);
}

static void put_zeros(const eg_page *p, const apr_array_header_t *zeros)
{
    const eg_family *family = NULL;

    if (!zeros->nelts)
        return;
    eg_putf(&p->h, "<details id=\"zeros\"><summary>%d numbers are 0</summary><dl>", zeros->nelts);
    for (int i = 0; i < zeros->nelts; i++) {
        const number *n = &APR_ARRAY_IDX(zeros, i, number);

        if (n->family != family)
            eg_put_in(&p->h, family ? "</dd><dt>" : "<dt>", n->family->title, "</dt><dd>");
        else
            eg_put(&p->h, ", ");
        family = n->family;
        eg_put_text(&p->h, number_words(p, n));
    }
    eg_put(&p->h, "</dd></dl></details>\n");
}

void eg_page_numbers(const eg_page *p)
{
    apr_array_header_t *zeros = apr_array_make(p->h.pool, 64, sizeof(number));

    eg_put(&p->h, "<details id=\"all-numbers\"><summary>Every number, by its name</summary>\n"
                  "<div class=\"tables\">\n");
    for (const eg_family *each = eg_families; each->name; each++)
        put_family(p, each, zeros);
    eg_put(&p->h, "</div>\n");
    put_zeros(p, zeros);
    eg_put(&p->h, "</details>\n");
}

/* --- of each host ------------------------------------------------------------------------------ */

typedef struct {
    const eg_host *host;
    unsigned n;
} listed;

static void put_host_number(const eg_page *p, const number *n, void *about)
{
    listed *list = about;
    apr_uint64_t value = number_in(n, list->host);

    if (!value)
        return;
    eg_put_in(&p->h, list->n++ ? ", " : "", number_words(p, n), " ");
    eg_putf(&p->h, "<b>%" U64 "</b>", value);
}

static void put_host_family(const eg_page *p, const eg_host *host, const eg_family *family)
{
    listed list = {host, 0};
    apr_uint64_t sum = 0;

    for (unsigned row = 0; row < family->counts[0]; row++)
        for (unsigned column = 0; column < family->counts[1]; column++)
            sum += eg_family_value(family, host, row, column);
    if (!sum)
        return;
    eg_put_in(&p->h, "<dt>", family->title, "</dt><dd>");
    for_numbers(p, family, put_host_number, &list);
    eg_put(&p->h, "</dd>\n");
}

static void put_host(const eg_page *p, unsigned i, const eg_shown_host *shown)
{
    const eg_host *host = shown->numbers;

    eg_putf(&p->h, "<details id=\"host-%u\"><summary>", i);
    eg_put_in(&p->h, "<b>", shown->name, "</b>: ");
    eg_put_text(&p->h, eg_count_words(p->h.pool, eg_calls_in(host), "call", "calls"));
    eg_put_in(&p->h, ", ",
              eg_count_words(p->h.pool, eg_results_in(host, EG_FOUND), "found", "found"), "");
    eg_put_in(&p->h, ", ",
              eg_count_words(p->h.pool, eg_failures_in(host, EG_LANE_OURS), "failure", "failures"),
              "</summary><dl>\n");
    for (const eg_family *each = eg_families; each->name; each++)
        put_host_family(p, host, each);
    eg_put(&p->h, "</dl></details>\n");
}

void eg_page_hosts(const eg_page *p)
{
    eg_shown_host host;
    unsigned idle = 0;

    for (unsigned i = 0; eg_counters_host(i, &host); i++) {
        if (!host.is_idle)
            put_host(p, i, &host);
        idle += host.is_idle;
    }
    if (!idle)
        return;
    eg_putf(&p->h, "<details id=\"idle\"><summary>%s of which nothing was counted yet</summary><p>",
            eg_count_words(p->h.pool, idle, "host", "hosts"));
    for (unsigned i = 0; eg_counters_host(i, &host); i++)
        if (host.is_idle)
            eg_put_in(&p->h, "<span>", host.name, "</span> ");
    eg_put(&p->h, "</p></details>\n");
}
