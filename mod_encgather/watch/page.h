/* SPDX-License-Identifier: Apache-2.0
 * The status page for people: its sections, and the parts that each is made of. */
#ifndef EG_PAGE_H
#define EG_PAGE_H

#include "watch/html.h"
#include "watch/snapshot.h"
#include "watch/verdict.h"

/* What every section may ask for. */
typedef struct {
    eg_html h;
    const eg_snapshot *snapshot;
    const eg_verdict_words *verdict;
} eg_page;

/* The whole page, or its live parts alone where it is a fragment. */
void eg_page_write(apr_bucket_brigade *out, const eg_snapshot *snapshot, bool is_fragment);

/* Where nothing is counted. */
void eg_page_write_none(apr_bucket_brigade *out);

/* --- sections, each in the file of its name ------------------------------------------------------ */

void eg_page_verdict(const eg_page *p);
void eg_page_figures(const eg_page *p);
void eg_page_graphs(const eg_page *p);
void eg_page_failures(const eg_page *p);
void eg_page_numbers(const eg_page *p);
void eg_page_hosts(const eg_page *p);
void eg_page_keys(const eg_page *p);
void eg_page_server(const eg_page *p);

/* The form that asks for one call; it is no part of what is loaded anew. */
void eg_page_search(const eg_page *p);

/* Style and script are files of their own: a site's Content-Security-Policy seldom allows what is written into a page. */
extern const char eg_page_style[], eg_page_script[];

#endif
