/* SPDX-License-Identifier: Apache-2.0
 * The sections that have something of ours, where they are written, and what holds in them. */
#ifndef EG_SECTIONS_H
#define EG_SECTIONS_H

#include "config/config.h"

/* A section in one virtual host. One of the main server that another host changes is there for each. */
typedef struct {
    const ap_directive_t *node; /* <Location ...>, <Directory ...>, ... */
    const ap_directive_t *host; /* <VirtualHost ...>; NULL: the main server */
    server_rec *server;
    const char *title;       /* as written, on one line */
    const char *path;        /* of a plain <Location>; NULL: a pattern, or files */
    const char *handler;     /* the word behind SetHandler, or NULL */
    bool is_conditional;     /* has an <If>: what it adds is not looked at */
    const eg_config *config; /* as for a request of that path */
} eg_place;

/* In the order they are written; once the configuration is read and hosts have what they inherit.
 * Returns an array of eg_place. */
apr_array_header_t *eg_sections_find(apr_pool_t *pool, server_rec *main_server);

/* Says what is wrong with a section, behind tag (EG_TAG): an error, for which the server does not start, or, where one runs
 * already, an alert, and it goes on. Returns whether it does; wrong NULL: nothing is wrong. */
bool eg_section_may_go_on(server_rec *main_server, const eg_place *place, const char *tag,
                          const char *wrong);

/* The same for all sections but those of which only a request tells what holds. fault returns NULL or what is wrong. */
bool eg_sections_may_go_on(apr_pool_t *ptemp, server_rec *main_server, const char *tag,
                           const char *(*fault)(apr_pool_t *pool, const eg_place *place));

/* Whether children of an earlier configuration serve: what is wrong now must not end that. */
bool eg_server_is_running(void);

/* Whether a request of that path (a query aside) comes to the place. */
bool eg_place_covers(apr_pool_t *pool, const eg_place *place, const char *path);

/* The last line of a section, as far as directives in it tell. */
int eg_section_end(const ap_directive_t *section);

/* The server of a <VirtualHost>, or NULL. */
server_rec *eg_host_server(server_rec *main_server, const ap_directive_t *host);

/* The last directive of that name in the host (in no section of it), or else in the main server. */
const ap_directive_t *eg_host_directive(const ap_directive_t *host, const char *name);

#endif
