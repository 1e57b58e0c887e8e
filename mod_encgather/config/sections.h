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

/* Whether a request of that path (a query aside) comes to the place. */
bool eg_place_covers(apr_pool_t *pool, const eg_place *place, const char *path);

/* The last line of a section, as far as directives in it tell. */
int eg_section_end(const ap_directive_t *section);

/* The server of a <VirtualHost>, or NULL. */
server_rec *eg_host_server(server_rec *main_server, const ap_directive_t *host);

/* The last directive of that name in the host (in no section of it), or else in the main server. */
const ap_directive_t *eg_host_directive(const ap_directive_t *host, const char *name);

#endif
