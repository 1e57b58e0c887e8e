/* SPDX-License-Identifier: Apache-2.0
 * At start: a line for every interpreter that runs scripts in our processes. */
#ifndef EG_INTERPRETERS_H
#define EG_INTERPRETERS_H

#include "config/neighbourhood.h"

void eg_interpreters_check(const eg_neighbourhood *all);

#endif
