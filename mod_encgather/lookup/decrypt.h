/* SPDX-License-Identifier: Apache-2.0
 * decrypt-gather: opens the fields, looks the caller up, answers JSON. */
#ifndef EG_DECRYPT_H
#define EG_DECRYPT_H

#include <httpd.h>

int eg_decrypt_handler(request_rec *r);

#endif
