/* SPDX-License-Identifier: Apache-2.0
 * The store that requests share, as text for scrapers. */
#ifndef EG_STATE_METRICS_H
#define EG_STATE_METRICS_H

#include "watch/metrics.h"

/* Nothing where nothing needs EncGatherStateCache. */
void eg_state_metrics_write(apr_bucket_brigade *out, eg_exposition format);

#endif
