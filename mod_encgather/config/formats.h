/* SPDX-License-Identifier: Apache-2.0
 * Formats of logs that show where a proxied request was handed on to. */
#ifndef EG_FORMATS_H
#define EG_FORMATS_H

#include "config/neighbourhood.h"

/* The directive whose format has %f and is used for our place, if requests are proxied from there;
 * else NULL. */
const eg_finding *eg_format_with_file(const eg_neighbourhood *all, const eg_finding *ours);

#endif
