/* SPDX-License-Identifier: Apache-2.0
 * The sentence on top of the status page, and what is behind it. */
#include "watch/page.h"

#include <apr_strings.h>

static const char *mark_of(eg_level level)
{
    static const char *const marks[EG_LEVELS] = {"\xe2\x9c\x93", "\xe2\x9c\x93", "\xe2\x9c\x93",
                                                 "!", "\xe2\x9c\x97"};

    return marks[level];
}

static void put_sample(const eg_page *p, const eg_failure *sample)
{
    const eg_html *h = &p->h;

    eg_put(h, "<p class=\"sample\"><b>The last one:</b> ");
    if (sample->tag)
        eg_putf(h, "<code>EG%04u</code> ", sample->tag);
    eg_put_text(h, sample->reason);
    if (sample->call[0]) {
        eg_put_in(h, " (call <a href=\"?call=", sample->call, "\">");
        eg_put_in(h, "", sample->call, "</a>)");
    }
    eg_put(h, "</p>");
}

static bool is_of_caller(const eg_finding *finding)
{
    return eg_cause_of(finding->cause)->lane == EG_LANE_CALLERS;
}

static void put_finding(const eg_page *p, const eg_finding *finding, bool has_title)
{
    static const char *const words[EG_LEVELS] = {"",
                                                 "Over: ", "Good to know: ", "Also: ", "Also: "};
    const eg_html *h = &p->h;

    eg_putf(h, "<li class=\"%s\">", eg_level_word(finding->level));
    if (has_title)
        eg_put_in(h, apr_pstrcat(h->pool, "<h2>", words[finding->level], NULL), finding->title,
                  "</h2>");
    eg_put_in(h, "<p class=\"counts\">", finding->counts, "</p>");
    if (finding->level != EG_LEVEL_OVER)
        eg_put_in(h, "<p><b>What to look at:</b> ", finding->advice, "</p>");
    if (finding->sample && (finding->level != EG_LEVEL_NOTE || is_of_caller(finding)))
        put_sample(p, finding->sample);
    eg_put(h, "</li>\n");
}

static void put_findings(const eg_page *p, bool first_is_told, eg_level from, eg_level to)
{
    const apr_array_header_t *findings = p->verdict->findings;

    for (int i = 0; i < findings->nelts; i++) {
        const eg_finding *finding = &APR_ARRAY_IDX(findings, i, eg_finding);

        if (finding->level >= from && finding->level <= to)
            put_finding(p, finding, !first_is_told || i > 0);
    }
}

static bool has_finding(const eg_page *p, eg_level from, eg_level to)
{
    const apr_array_header_t *findings = p->verdict->findings;

    for (int i = 0; i < findings->nelts; i++) {
        eg_level level = APR_ARRAY_IDX(findings, i, eg_finding).level;

        if (level >= from && level <= to)
            return true;
    }
    return false;
}

void eg_page_verdict(const eg_page *p)
{
    const eg_html *h = &p->h;
    eg_level level = p->verdict->level;
    bool is_told = level >= EG_LEVEL_LOOK;

    eg_putf(h, "<div class=\"verdict %s\"><p class=\"sentence\">", eg_level_word(level));
    eg_put_in(h, "<span class=\"mark\" aria-hidden=\"true\">", mark_of(level), "</span>");
    eg_put_in(h, "<strong>", p->verdict->sentence, "</strong></p>\n");
    if (is_told) {
        eg_put(h, "<ol class=\"findings\">\n");
        put_findings(p, true, EG_LEVEL_LOOK, EG_LEVEL_FAILING);
        eg_put(h, "</ol>\n");
        eg_put_in(h, "<p class=\"summary\">", p->verdict->summary, ".</p>\n");
    }
    if (has_finding(p, EG_LEVEL_OVER, EG_LEVEL_NOTE)) {
        eg_put(h, "<ul class=\"findings minor\">\n");
        put_findings(p, false, EG_LEVEL_OVER, EG_LEVEL_NOTE);
        eg_put(h, "</ul>\n");
    }
    eg_put_in(h, "<p class=\"asof\">As of <time id=\"asof\" datetime=\"",
              eg_utc_words(h->pool, p->snapshot->now), "\">");
    eg_put_in(h, "", eg_time_words(p->snapshot, p->snapshot->now), "</time> (");
    eg_put_in(h, "UTC", eg_zone_words(h->pool, p->snapshot->now), ")</p></div>\n");
}
