/* SPDX-License-Identifier: Apache-2.0
 * Requests for locations of ours stay with the handler that the location names. */
#ifndef EG_HANDLER_H
#define EG_HANDLER_H

/* Whatever may refuse such a request is asked as for any other: <Directory>, <Files>, .htaccess,
 * Require, a RewriteRule that answers by itself. What would only lead it elsewhere does not apply:
 * rewriting to another resource in a directory, an index, MultiViews, corrected spelling, the
 * SetHandler of a directory. */
void eg_handler_register_hooks(void);

#endif
