/* SPDX-License-Identifier: Apache-2.0
 * The two content handlers. */
#ifndef EG_GATHER_H
#define EG_GATHER_H

#include <httpd.h>

int eg_gather_handler(request_rec *r);
int eg_decrypt_handler(request_rec *r);

#endif
