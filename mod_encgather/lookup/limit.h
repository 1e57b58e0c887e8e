/* SPDX-License-Identifier: Apache-2.0
 * How long a database may think: told to it in its own way, driver by driver. */
#ifndef EG_LIMIT_H
#define EG_LIMIT_H

#include <stdbool.h>
#include <apr_dbd.h>
#include <apr_time.h>
#include <mod_dbd.h>

/* What is known of a connection, among the statements that mod_dbd keeps for it. */
typedef struct eg_connection eg_connection;

/* Made on first use; never NULL. */
eg_connection *eg_connection_of(const ap_dbd_t *dbd);

/* A number for this very connection to the server, as it is now; 0 where the driver's library does not
 * tell. Another one after the driver has opened it anew by itself, which it does without a word: limits
 * and statements are gone then. */
long eg_connection_identity(eg_connection *connection, const ap_dbd_t *dbd);

/* Around a query: from then on the database gives up by itself, or the driver's library does. *deadline
 * must stay where it is in between. */
void eg_limit_set(eg_connection *connection, const ap_dbd_t *dbd, const apr_time_t *deadline);
void eg_limit_lift(const eg_connection *connection, const ap_dbd_t *dbd);

#endif
