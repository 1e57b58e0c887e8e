/* SPDX-License-Identifier: Apache-2.0
 * The module itself: its record, and the names of its handlers. */
#ifndef EG_MODULE_H
#define EG_MODULE_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

/* conn_rec.outgoing came with that one */
#if AP_SERVER_MAJORVERSION_NUMBER < 2 ||                                                           \
    (AP_SERVER_MAJORVERSION_NUMBER == 2 &&                                                         \
     (AP_SERVER_MINORVERSION_NUMBER < 4 ||                                                         \
      (AP_SERVER_MINORVERSION_NUMBER == 4 && AP_SERVER_PATCHLEVEL_NUMBER < 49)))
#error "mod_encgather needs httpd 2.4.49 or later"
#endif

#include "base/log.h"
#include "core/crypto.h"

extern module AP_MODULE_DECLARE_DATA encgather_module;

#define EG_GATHER_HANDLER "encrypted-gather"
#define EG_DECRYPT_HANDLER "decrypt-gather"
#define EG_STATUS_HANDLER "encgather-status"

/* What OpenSSL offers, fetched once in each child: made by eg_child_begin() while the child starts.
 * NULL: it lacks something, and every request is answered 500. */
void eg_child_begin(apr_pool_t *pchild, server_rec *s);
eg_crypto *eg_the_crypto(void);

#endif
