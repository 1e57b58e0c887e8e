/* SPDX-License-Identifier: Apache-2.0
 * Log tags: EG numbers are our own (AH numbers belong to httpd), each is used in one place. */
#ifndef EG_LOG_H
#define EG_LOG_H

/* No argument of a log call may hold digits, keys, tokens of Twilio or the string that was signed.
 * The first two digits: 01 configuration and start, 02 requests, 03 signatures, 04 tokens,
 * 05 backend, 06 lookup. */
#define EG_TAG(number) "EG" number ": "

#endif
