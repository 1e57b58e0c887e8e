/* SPDX-License-Identifier: Apache-2.0
 * Requests for locations of ours have no file: nothing is looked up for them in the file system. */
#ifndef EG_WALK_H
#define EG_WALK_H

/* Where a <Location> both sets a handler of ours and enables it, the walk through the directories
 * of the URL's path is left out, as mod_proxy does: <Directory>, <Files> and .htaccess do not apply
 * to such a URL, <Location> does. */
void eg_walk_register_hooks(void);

#endif
