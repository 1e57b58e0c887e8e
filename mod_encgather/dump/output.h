/* SPDX-License-Identifier: Apache-2.0
 * Lines of the dump. */
#ifndef EG_DUMP_OUTPUT_H
#define EG_DUMP_OUTPUT_H

#include "core/jsonline.h"
#include "config/sections.h"

/* In one piece, so that lines of the error log stand before or behind it. */
void eg_dump_line(const eg_jsonline *line);

/* Members that say which place it is. */
eg_jsonline eg_dump_begin_of(apr_pool_t *pool, const char *kind, const eg_place *place);

#endif
