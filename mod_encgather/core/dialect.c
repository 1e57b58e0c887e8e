/* SPDX-License-Identifier: Apache-2.0
 * The words in which a provider wants to be answered: the same call in another XML. */
#include "dialect.h"

#include <string.h>

#define POLLY "Polly."

const eg_dialect eg_dialect_twiml = {
    .gather = "Gather",
    .say = "Say",
    .input = "input",
    .wait = "timeout",
    .speech = "SpeechResult",
    .has_method = true,
    .has_empty_result = true,
    .takes_all = true,
    .wait_least = 1,
    .wait_most = 600,
};

const eg_dialect eg_dialect_texml = {
    .gather = "Gather",
    .say = "Say",
    .input = "input",
    .wait = "timeout",
    .speech = "SpeechResult",
    .wait_least = 1,
    .wait_most = 120,
};

/* Names of voices have a case there. */
static bool is_voice_of_plivo(const char *voice)
{
    const char *polly = strncmp(voice, POLLY, strlen(POLLY)) == 0 ? voice + strlen(POLLY) : "";

    return strcmp(voice, "MAN") == 0 || strcmp(voice, "WOMAN") == 0 ||
           (*polly && !strchr(polly, '.'));
}

const eg_dialect eg_dialect_plivo = {
    .gather = "GetInput",
    .say = "Speak",
    .input = "inputType",
    .wait = "executionTimeout",
    .speech = "Speech",
    .has_method = true,
    .keeps_a_log = true,
    .dials_nouns = true,
    .wait_least = 5,
    .wait_most = 60,
    .voices = "MAN, WOMAN or Polly.Name",
    .takes_voice = is_voice_of_plivo,
};
