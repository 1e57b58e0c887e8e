/* SPDX-License-Identifier: Apache-2.0
 * encgather-status: the counters, for people and for scrapers; and their part of server-status. */
#ifndef EG_STATUS_PAGE_H
#define EG_STATUS_PAGE_H

#include <httpd.h>

int eg_status_handler(request_rec *r);
void eg_status_register_hooks(void);

#endif
