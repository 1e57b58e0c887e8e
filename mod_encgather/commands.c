/* SPDX-License-Identifier: Apache-2.0
 * The directives, and which room sets each. */
#include "commands.h"

#include "base/purposes.h"
#include "call/directives_call.h"
#include "config/directives.h"
#include "config/directives_tokens.h"
#include "dump/dump.h"
#include "lookup/directives_lookup.h"
#include "shield/directives_reveal.h"
#include "shield/directives_shield.h"
#include "state/directives_state.h"

/* --- none in .htaccess ------------------------------------------------------------------------- */

/* One of them. */
typedef union {
    const char *(*one)(cmd_parms *, void *, const char *);
    const char *(*two)(cmd_parms *, void *, const char *, const char *);
    const char *(*words)(cmd_parms *, void *, int, char *const[]);
    const char *(*flag)(cmd_parms *, void *, int);
} setter;

/* Who may write an .htaccess would hand out decryption. That there is no OR_... flag keeps them out
 * under AllowOverride, but AllowOverrideList lets in whatever is allowed in <Directory>. */
static const char *refuse_in_htaccess(cmd_parms *cmd)
{
    const char *wrong = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);

    if (!wrong)
        eg_purpose_is_there(EG_FOR_OURS);
    return wrong;
}

static const char *take_directive_one(cmd_parms *cmd, void *config, const char *word)
{
    const char *wrong = refuse_in_htaccess(cmd);

    return wrong ? wrong
                 : eg_dump_take_error(cmd, ((const setter *)cmd->info)->one(cmd, config, word));
}

static const char *take_directive_two(cmd_parms *cmd, void *config, const char *first,
                                      const char *second)
{
    const char *wrong = refuse_in_htaccess(cmd);

    return wrong ? wrong
                 : eg_dump_take_error(cmd,
                                      ((const setter *)cmd->info)->two(cmd, config, first, second));
}

static const char *take_directive_words(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    const char *wrong = refuse_in_htaccess(cmd);

    return wrong ? wrong
                 : eg_dump_take_error(cmd,
                                      ((const setter *)cmd->info)->words(cmd, config, argc, argv));
}

static const char *take_directive_flag(cmd_parms *cmd, void *config, int on)
{
    const char *wrong = refuse_in_htaccess(cmd);

    return wrong ? wrong
                 : eg_dump_take_error(cmd, ((const setter *)cmd->info)->flag(cmd, config, on));
}

/* --- the table --------------------------------------------------------------------------------- */

#define ANYWHERE (RSRC_CONF | ACCESS_CONF)
#define LOCATIONS ACCESS_CONF

/* Every row goes through one of the functions above. */
#define EG_1(name, set, where, help)                                                               \
    AP_INIT_TAKE1(name, take_directive_one, &(setter){.one = (set)}, where, help)
#define EG_2(name, set, where, help)                                                               \
    AP_INIT_TAKE2(name, take_directive_two, &(setter){.two = (set)}, where, help)
#define EG_1_OR_2(name, set, where, help)                                                          \
    AP_INIT_TAKE12(name, take_directive_two, &(setter){.two = (set)}, where, help)
#define EG_WORDS(name, set, where, help)                                                           \
    AP_INIT_TAKE_ARGV(name, take_directive_words, &(setter){.words = (set)}, where, help)
#define EG_RAW(name, set, where, help)                                                             \
    AP_INIT_RAW_ARGS(name, take_directive_one, &(setter){.one = (set)}, where, help)
#define EG_FLAG(name, set, where, help)                                                            \
    AP_INIT_FLAG(name, take_directive_flag, &(setter){.flag = (set)}, where, help)

const command_rec eg_commands[] = {
    EG_1("EncGatherKeyFile", eg_set_key_file, ANYWHERE,
         "the file with the AES-256 key or key ring"),
    EG_WORDS("EncGatherTokenFormat", eg_set_token_format, ANYWHERE,
             "hex or jwe: the format of tokens that are made, then further ones that are read"),
    EG_WORDS(
        "EncGatherRecipient", eg_add_recipient, ANYWHERE,
        "a kid and the file of a public key that tokens are sealed to; or off: none of before"),
    EG_WORDS("EncGatherPrivateKeyFile", eg_add_private_key, ANYWHERE,
             "a kid and the file of a private key that opens tokens; or off: none of before"),
    EG_1("EncGatherTokenTTL", eg_set_token_ttl, ANYWHERE,
         "for how many seconds a token is good that says when it was made"),
    EG_1("EncGatherAuthTokenFile", eg_set_token_file, ANYWHERE,
         "the file with the Twilio auth tokens, one a line"),
    EG_1("EncGatherProvider", eg_set_provider, ANYWHERE,
         "whose webhooks these are, and in whose XML they are answered: " EG_PROVIDER_NAMES),
    EG_1("EncGatherSignature", eg_set_signature_check, ANYWHERE, "on, observe or off"),
    EG_1("EncGatherPublicURL", eg_set_public_url, ANYWHERE,
         "where Twilio calls this server: https://host[:port][/prefix]"),
    EG_1("EncGatherBackend", eg_set_backend, LOCATIONS,
         "where the encrypted fields go: a path of this server or an absolute URL"),
    EG_WORDS("EncGatherLookup", eg_set_lookup, LOCATIONS,
             "an SQL query and the field for each %s in it"),
    EG_FLAG("EncGatherExpose", eg_set_expose, LOCATIONS,
            "on or off: whether decrypt-gather, or EncGatherReveal, answers requests from outside"),
    EG_WORDS("EncGatherShield", eg_add_shield, LOCATIONS,
             "[observe] name[=MIN-MAX][:fld] ...: webhook parameters that become tokens before the "
             "application reads them; or off: none of before"),
    EG_WORDS("EncGatherReveal", eg_add_reveal, LOCATIONS,
             "name[=fld] ...: members of a JSON object, by name or pointer, or parameters of a "
             "form, whose tokens the application gets opened; or off: none of before"),
    EG_FLAG("EncGatherResign", eg_set_resign, LOCATIONS,
            "on or off: whether what EncGatherShield has changed is signed anew"),
    EG_1("EncGatherMaxBody", eg_set_max_body, ANYWHERE, "the largest body of a webhook in bytes"),
    EG_RAW("EncGatherField", eg_add_field, ANYWHERE,
           "name [option=value ...]: one field of the call, in call order; or off: none of before"),
    EG_1("EncGatherAttempts", eg_set_attempts, ANYWHERE,
         "how often one field is asked before the call is given up"),
    EG_2("EncGatherSay", eg_set_say, ANYWHERE, "an event and what the caller hears then"),
    EG_2("EncGatherThen", eg_set_then, ANYWHERE,
         "an event and what follows its sentence: redirect=URL, dial=NUMBER or hangup"),
    EG_1_OR_2("EncGatherVoice", eg_set_voice, ANYWHERE, "voice and language for every <Say>"),
    EG_WORDS("EncGatherLockout", eg_set_lockout, ANYWHERE,
             "failures seconds [by=From] [scope=NAME] [fail=open|closed]: after so many calls that "
             "were not found, further ones of that value are not asked; or off"),
    EG_1("EncGatherTimeout", eg_set_timeout, ANYWHERE, "seconds for the backend's whole answer"),
    EG_WORDS("EncGatherForward", eg_add_forward, ANYWHERE,
             "webhook parameters that go to the backend beside the fields; or off: none of before"),
    EG_WORDS(
        "EncGatherStateCache", eg_set_state_cache, RSRC_CONF,
        "shm, shm(bytes), redis:host:port or redis:/socket, and options: where used tokens and "
        "failures are kept that all children, or all hosts, share"),
    EG_FLAG("EncGatherSingleUse", eg_set_single_use, ANYWHERE,
            "on or off: whether decrypt-gather and EncGatherReveal take a token once"),
    EG_WORDS("EncGatherRedact", eg_set_redact, RSRC_CONF,
             "on or off, and names: mask these and what callers keyed in or said in every log"),
    {.name = NULL}};
