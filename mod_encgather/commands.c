/* SPDX-License-Identifier: Apache-2.0
 * The directives, and which room sets each. */
#include "commands.h"

#include "call/directives_call.h"
#include "config/directives.h"
#include "lookup/directives_lookup.h"

/* No OR_... flag in any of them: a .htaccess never has a say (it would hand out decryption). */
#define ANYWHERE (RSRC_CONF | ACCESS_CONF)
#define LOCATIONS ACCESS_CONF

const command_rec eg_commands[] = {
    AP_INIT_TAKE1("EncGatherKeyFile", eg_set_key_file, NULL, ANYWHERE,
                  "the file with the AES-256 key or key ring"),
    AP_INIT_TAKE1("EncGatherAuthTokenFile", eg_set_token_file, NULL, ANYWHERE,
                  "the file with the Twilio auth tokens, one a line"),
    AP_INIT_TAKE1("EncGatherSignature", eg_set_signature_check, NULL, ANYWHERE,
                  "on, observe or off"),
    AP_INIT_TAKE1("EncGatherPublicURL", eg_set_public_url, NULL, ANYWHERE,
                  "the origin that Twilio calls: https://host[:port]"),
    AP_INIT_TAKE1("EncGatherBackend", eg_set_backend, NULL, LOCATIONS,
                  "where the encrypted fields go: a path of this server or an absolute URL"),
    AP_INIT_TAKE_ARGV("EncGatherLookup", eg_set_lookup, NULL, LOCATIONS,
                      "an SQL query and the field for each %s in it"),
    AP_INIT_TAKE1("EncGatherMaxBody", eg_set_max_body, NULL, ANYWHERE,
                  "the largest body of a webhook in bytes"),
    AP_INIT_RAW_ARGS("EncGatherField", eg_add_field, NULL, ANYWHERE,
                     "name [option=value ...]: one field of the call, in call order"),
    AP_INIT_TAKE1("EncGatherAttempts", eg_set_attempts, NULL, ANYWHERE,
                  "how often one field is asked before the call is given up"),
    AP_INIT_TAKE2("EncGatherSay", eg_set_say, NULL, ANYWHERE,
                  "an event and what the caller hears then"),
    AP_INIT_TAKE2("EncGatherThen", eg_set_then, NULL, ANYWHERE,
                  "an event and what follows its sentence: redirect=URL, dial=NUMBER or hangup"),
    AP_INIT_TAKE12("EncGatherVoice", eg_set_voice, NULL, ANYWHERE,
                   "voice and language for every <Say>"),
    AP_INIT_TAKE1("EncGatherTimeout", eg_set_timeout, NULL, ANYWHERE,
                  "seconds for the backend's whole answer"),
    AP_INIT_TAKE_ARGV("EncGatherForward", eg_set_forward, NULL, ANYWHERE,
                      "webhook parameters that go to the backend beside the fields"),
    AP_INIT_FLAG("EncGatherRedact", eg_set_redact, NULL, RSRC_CONF,
                 "on or off: mask Digits and SpeechResult of query strings in every log"),
    {.name = NULL}};
