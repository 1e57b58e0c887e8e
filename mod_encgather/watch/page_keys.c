/* SPDX-License-Identifier: Apache-2.0
 * Keys, clock and the server itself, on the status page. */
#include "watch/page.h"

#include <apr_strings.h>
#include "version.h"
#include "watch/digestwords.h"
#include "watch/hostclock.h"
#include "watch/keys.h"
#include "watch/storewords.h"

#define DAY_SEC (24 * 60 * 60)

/* --- keys -------------------------------------------------------------------------------------- */

static const char *age_words(const eg_page *p, apr_time_t changed)
{
    apr_int64_t seconds = apr_time_sec(p->snapshot->now - changed);

    if (!changed || seconds < 0)
        return "-";
    if (seconds < DAY_SEC)
        return "today";
    return eg_count_words(p->h.pool, (apr_uint64_t)seconds / DAY_SEC, "day", "days");
}

static const char *duty_of(const eg_key_note *note)
{
    if (note->is_expired)
        return "encrypts; its certificate has expired";
    return note->seals ? "encrypts" : "opens";
}

static void put_uses(const eg_page *p, const eg_key_use *use)
{
    for (const eg_key_family *each = eg_key_families; each->name; each++)
        if (use)
            eg_put_number(&p->h, eg_key_value(each, use));
        else
            eg_put_cell(&p->h, "-");
}

static void put_key(const eg_page *p, const eg_key_note *note)
{
    eg_begin_row(&p->h, note->fingerprint);
    eg_put_cell(&p->h, *note->kid ? note->kid : "-");
    eg_put_cell(&p->h, note->directive);
    eg_put_cell(&p->h, duty_of(note));
    eg_put_cell(&p->h, age_words(p, note->changed));
    put_uses(p, note->use);
    eg_end_row(&p->h);
}

static void put_old_key(const eg_page *p, const eg_key_use *use)
{
    eg_begin_row(&p->h, use->fingerprint);
    eg_put(&p->h, "<td>-</td><td>in no file any more</td><td>-</td><td>-</td>");
    put_uses(p, use);
    eg_end_row(&p->h);
}

void eg_page_keys(const eg_page *p)
{
    static const char *const columns[] = {"fingerprint", "kid",         "named by",    "does",
                                          "age of file", "encryptions", "decryptions", NULL};
    const eg_key_note *note;
    const eg_key_use *use;

    eg_begin_table(&p->h, "key-table", "Use of each key", columns);
    for (unsigned i = 0; (note = eg_keys_at(i)) != NULL; i++)
        put_key(p, note);
    for (unsigned i = 0; (use = eg_counters_key_at(i)) != NULL; i++)
        if (!eg_keys_has(use))
            put_old_key(p, use);
    eg_end_table(&p->h);
}

/* --- the server -------------------------------------------------------------------------------- */

static const char *clock_words(const eg_page *p)
{
    eg_hostclock clock = eg_hostclock_ask();

    if (!clock.is_known)
        return "the kernel does not tell whether it is right";
    if (!clock.is_kept)
        return "nothing keeps it right: the kernel says that it is not synchronized (chrony, "
               "systemd-timesyncd and ntpd do that; in a container: on its host)";
    return apr_psprintf(p->h.pool, "kept right, within %ld ms", clock.within_ms);
}

void eg_page_server(const eg_page *p)
{
    const eg_html *h = &p->h;
    eg_state_numbers store;

    eg_put(h, "<dl class=\"facts\"><dt>Version</dt><dd>" EG_VERSION "</dd>");
    eg_put_in(h, "<dt>Clock</dt><dd>", clock_words(p), "</dd>");
    eg_put_in(h, "<dt>Digests</dt><dd>made by ", eg_digest_words(h->pool), "</dd>");
    if (eg_state_numbers_now(&store))
        eg_put_in(h, "<dt>State that requests share</dt><dd>", eg_store_words(p->snapshot, &store),
                  "</dd>");
    eg_put_in(h, "<dt>Counted since</dt><dd>", eg_time_words(p->snapshot, eg_counters_since()),
              "</dd>");
    eg_put(h, "<dt>The same for programs</dt><dd><a href=\"?format=openmetrics\">OpenMetrics</a>, "
              "<a href=\"?format=prometheus\">Prometheus</a>, "
              "<a href=\"?format=json\">JSON</a>, <a href=\"?format=text\">text</a></dd></dl>\n");
}
