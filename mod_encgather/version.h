/* SPDX-License-Identifier: Apache-2.0
 * The one place where the version stands. */
#ifndef EG_VERSION_H
#define EG_VERSION_H

#define EG_VERSION "0.1.0"

#endif
