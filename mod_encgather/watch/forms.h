/* SPDX-License-Identifier: Apache-2.0
 * What the status page says, for programs (JSON) and for terminals (text). */
#ifndef EG_FORMS_H
#define EG_FORMS_H

#include <apr_buckets.h>
#include "watch/snapshot.h"

void eg_status_write_json(apr_bucket_brigade *out, const eg_snapshot *snapshot);
void eg_status_write_text(apr_bucket_brigade *out, const eg_snapshot *of);

#endif
