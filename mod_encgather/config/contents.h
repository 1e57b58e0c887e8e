/* SPDX-License-Identifier: Apache-2.0
 * What is in files of keys and tokens: read, checked, and made into what is kept. */
#ifndef EG_CONTENTS_H
#define EG_CONTENTS_H

#include "config/vault.h"
#include "core/secretfile.h"

/* "EncGatherKeyFile", ... */
const char *eg_contents_directive(eg_store_kind kind);

/* Reads the file of an entry. fresh is empty unless the verdict is EG_FILE_OK; then it holds memory of its
 * own, outside of pools. */
eg_file_verdict eg_contents_read(apr_pool_t *ptemp, const eg_store_entry *entry,
                                 const eg_secretfile_rules *of_all, eg_held *fresh,
                                 eg_problem *why);

/* An envelope key out of the text of its file; it lives as long as the pool. expired: it came in a
 * certificate whose time is over. */
eg_status eg_contents_envelope(eg_crypto *crypto, apr_pool_t *pool, const eg_store_entry *entry,
                               eg_span text, eg_envelope_key *key, bool *expired,
                               eg_problem *why) EG_MUST_CHECK;

#endif
