/* SPDX-License-Identifier: Apache-2.0
 * What a stranger could cause at will, and a child does once a second at most. */
#include "base/seldom.h"

#include <apr_atomic.h>
#include <apr_time.h>

bool eg_once_a_second(eg_seldom *seldom)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    apr_uint32_t before = apr_atomic_read32(&seldom->last);

    return now != before && apr_atomic_cas32(&seldom->last, now, before) == before;
}
