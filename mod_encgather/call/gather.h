/* SPDX-License-Identifier: Apache-2.0
 * encrypted-gather: asks for each field, seals what the caller keys in, speaks the result. */
#ifndef EG_GATHER_H
#define EG_GATHER_H

#include <httpd.h>

int eg_gather_handler(request_rec *r);

#endif
