/* SPDX-License-Identifier: Apache-2.0
 * The words in which a provider wants to be answered: the same call in another XML. */
#ifndef EG_DIALECT_H
#define EG_DIALECT_H

#include <stdbool.h>

typedef struct {
    const char *gather;             /* the element that asks */
    const char *say;                /* the element that speaks */
    const char *input, *wait;       /* attributes of gather: kind of input, seconds to wait */
    const char *speech;             /* the parameter in which words that were said arrive */
    bool has_method;                /* gather has method="POST" */
    bool has_empty_result;          /* gather calls its action without an answer, too; else a
                                      redirect behind it does */
    bool keeps_a_log;               /* of digits, unless it is told not to: log="false" */
    bool takes_all;                 /* whatever a field may have */
    bool dials_nouns;               /* a number to dial stands in an element of its own */
    unsigned wait_least, wait_most; /* seconds */
    const char *voices;             /* those that it takes, for messages; NULL: any */
    bool (*takes_voice)(const char *voice);
} eg_dialect;

/* https://www.twilio.com/docs/voice/twiml/gather, and what SignalWire calls cXML */
extern const eg_dialect eg_dialect_twiml;
/* https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/gather */
extern const eg_dialect eg_dialect_texml;
/* https://www.plivo.com/docs/voice/xml/input */
extern const eg_dialect eg_dialect_plivo;

#endif
