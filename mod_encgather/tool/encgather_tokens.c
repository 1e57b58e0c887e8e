/* SPDX-License-Identifier: Apache-2.0
 * What commands about tokens share: the options that say under what, for whom and when. */
#include "encgather_tokens.h"

#include <apr_strings.h>
#include <apr_time.h>
#include "core/privatekey.h"
#include "core/recipient.h"

#define TTL_MAX 31536000

static bool complain_of_usage(const eg_tool *tool, const char *what)
{
    eg_tool_complain(tool, "%s; see: encgather %s --help", what, tool->command);
    return false;
}

/* --- numbers and names ----------------------------------------------------------------------------- */

/* A plain number up to most. */
static bool read_seconds(const char *text, apr_int64_t most, apr_int64_t *number)
{
    *number = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!eg_is_digit(*text))
            return false;
        *number = *number * 10 + (*text - '0');
        if (*number > most)
            return false;
    }
    return true;
}

/* What no token can say, or none that a server takes. */
static bool check_name(const eg_tool *tool, const char *option, const char *value)
{
    if (value && !*value)
        return complain_of_usage(tool, apr_pstrcat(tool->pool, option, " is empty", NULL));
    if (value && !eg_is_utf8(eg_span_of(value)))
        return complain_of_usage(tool, apr_pstrcat(tool->pool, option, " is not UTF-8", NULL));
    return true;
}

static bool set_demands(const eg_tool *tool, const eg_token_options *options, eg_token_setup *setup)
{
    if (!check_name(tool, "--sid", options->sid) || !check_name(tool, "--fld", options->fld))
        return false;
    setup->demands.sid = eg_span_of(options->sid);
    setup->demands.fld = eg_span_of(options->fld);
    setup->has_clock = options->at != NULL;
    if (options->at && !read_seconds(options->at, APR_INT64_C(99999999999), &setup->demands.now))
        return complain_of_usage(tool, "--at is a number of seconds since 1970");
    if (options->ttl &&
        (!read_seconds(options->ttl, TTL_MAX, &setup->demands.ttl) || setup->demands.ttl == 0))
        return complain_of_usage(tool, "--ttl is a number of seconds from 1 to 31536000");
    return true;
}

static bool set_format(const eg_tool *tool, const eg_token_options *options, eg_token_setup *setup)
{
    setup->format = options->format ? eg_format_named(eg_span_of(options->format)) : EG_FORMATS;
    if (options->format && setup->format == EG_FORMATS)
        return complain_of_usage(tool, "--format is hex or jwe");
    if (!options->recipient_file != !options->kid)
        return complain_of_usage(tool, "--recipient and --kid belong together");
    if (options->kid && !eg_is_kid(eg_span_of(options->kid)))
        return complain_of_usage(tool, "a kid is 1 to 64 of A-Z a-z 0-9 _ -");
    if (options->recipient_file && setup->format == EG_HEX)
        return complain_of_usage(tool, "only a jwe token has a recipient");
    return true;
}

apr_int64_t eg_tool_now(const eg_token_setup *setup)
{
    return setup->has_clock ? setup->demands.now : apr_time_sec(apr_time_now());
}

/* --- files ----------------------------------------------------------------------------------------- */

static const eg_envelope_key *read_recipient_file(const eg_tool *tool, const char *path,
                                                  const char *kid)
{
    static const eg_secretfile_rules rules = {.max = EG_RECIPIENT_FILE_MAX, .is_public = true};
    eg_envelope_key *key = apr_palloc(tool->pool, sizeof *key);
    bool good, expired = false;
    eg_secretfile file;
    eg_problem why;

    good = eg_secretfile_read(tool->pool, path, &rules, &file, &why) == EG_FILE_OK &&
           eg_recipient_parse(tool->crypto, tool->pool, (eg_span){file.bytes, file.n},
                              eg_span_of(kid), key, &expired, &why) == EG_OK;
    eg_secretfile_free(&file);
    if (!good)
        eg_tool_complain(tool, "recipient file '%s' %s", path, why.text);
    if (expired)
        eg_tool_complain(tool, "recipient file '%s' holds a certificate that has expired", path);
    return good ? key : NULL;
}

/* It answers to every kid: which one it has is written where it is used. */
static const eg_envelope_keys *read_private_file(const eg_tool *tool, const char *path)
{
    static const eg_secretfile_rules rules = {.max = EG_PRIVATE_KEY_FILE_MAX};
    eg_envelope_key *key = apr_palloc(tool->pool, sizeof *key);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    const eg_envelope_key **list = apr_palloc(tool->pool, sizeof *list);
    eg_envelope_keys *keys = apr_palloc(tool->pool, sizeof *keys);
    eg_secretfile file;
    eg_problem why;
    bool good = eg_secretfile_read(tool->pool, path, &rules, &file, &why) == EG_FILE_OK &&
                eg_private_key_parse(tool->crypto, tool->pool, (eg_span){file.bytes, file.n}, key,
                                     &why) == EG_OK;

    eg_secretfile_free(&file);
    if (!good)
        eg_tool_complain(tool, "private key file '%s' %s", path, why.text);
    *list = key;
    *keys = (eg_envelope_keys){1, list};
    return good ? keys : NULL;
}

static bool read_files(const eg_tool *tool, const eg_token_options *options, eg_token_setup *setup)
{
    if (options->key_file && !(setup->opening.ring = eg_tool_keys(tool, options->key_file)))
        return false;
    if (options->private_file &&
        !(setup->opening.privates = read_private_file(tool, options->private_file)))
        return false;
    if (options->recipient_file && !(setup->sealing.recipient = read_recipient_file(
                                         tool, options->recipient_file, options->kid)))
        return false;
    return true;
}

eg_exit eg_tool_set_up(const eg_tool *tool, const eg_token_options *options, eg_token_setup *setup)
{
    *setup = (eg_token_setup){.opening = {.formats = EG_READS_ALL}};
    if (!set_format(tool, options, setup) || !set_demands(tool, options, setup))
        return EG_EXIT_USAGE;
    if (!read_files(tool, options, setup))
        return EG_EXIT_SYSTEM;
    setup->sealing.ring = setup->opening.ring;
    setup->sealing.sid = setup->demands.sid;
    setup->sealing.fld = setup->demands.fld;
    return EG_EXIT_GOOD;
}

bool eg_tool_can_seal(const eg_tool *tool, const eg_token_setup *setup)
{
    if (!setup->sealing.recipient && !setup->sealing.ring)
        return complain_of_usage(tool, setup->format == EG_JWE
                                           ? "--key-file or --recipient is missing"
                                           : "--key-file is missing");
    return true;
}
