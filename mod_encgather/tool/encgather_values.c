/* SPDX-License-Identifier: Apache-2.0
 * encgather encrypt, decrypt, index: a line of output for each line of input. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "core/blindindex.h"
#include "core/secret.h"
#include "core/token.h"
#include "encgather_io.h"
#include "encgather_tokens.h"

/* Its token is as long as a line may be. */
#define VALUE_MAX (EG_LINE_MAX / 2 - EG_SEAL_OVERHEAD)

static const eg_span nothing = {"\n", 1};

/* What is at work for one line; pool is cleared, and so wiped, behind it. */
typedef struct {
    const eg_tool *tool;
    const eg_token_setup *setup;
    apr_pool_t *pool;
    eg_token_rule *broken; /* what EG_ETOKEN was for */
} worker;

/* What a command does with a line. out gets a line with its line end, in the worker's pool. */
typedef struct {
    eg_status (*convert)(const worker *with, eg_span line, eg_span *out);
    const char *malformed; /* the message for EG_EMALFORMED */
    const char *too_many;  /* and for EG_ETOOMANY */
} conversion;

/* --- encrypt ----------------------------------------------------------------------------------- */

/* Nobody would notice before the first call: the CR of a file from elsewhere would be part of the
 * value, and at a NUL decrypt-gather refuses. */
static bool is_odd(eg_span line)
{
    return line.n && (line.p[line.n - 1] == '\r' || memchr(line.p, '\0', line.n));
}

static eg_status encrypt(const worker *with, eg_span line, eg_span *out)
{
    const eg_format *format = eg_formats[with->setup->format];
    eg_sealing sealing = with->setup->sealing;
    eg_status status;

    if (is_odd(line))
        return EG_EMALFORMED;
    if (line.n > VALUE_MAX)
        return EG_ETOOMANY;
    sealing.iat = eg_tool_now(with->setup);
    status = format->seal(with->tool->crypto, &sealing, line, with->pool, out);
    if (status == EG_OK)
        *out = eg_span_of(apr_pstrcat(with->pool, out->p, "\n", NULL));
    return status;
}

/* --- decrypt ----------------------------------------------------------------------------------- */

static eg_span without_cr(eg_span line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* A value with a line end in it would shift all that follow. */
static eg_status decrypt(const worker *with, eg_span line, eg_span *out)
{
    eg_demands demands = with->setup->demands;
    eg_opened_token opened;
    eg_span plain;
    char *text;
    eg_status status;

    demands.now = eg_tool_now(with->setup);
    status = eg_token_open_bound(with->tool->crypto, &with->setup->opening, without_cr(line),
                                 &demands, with->pool, &opened);
    *with->broken = opened.rule;
    plain = opened.plain;
    if (status != EG_OK)
        return status;
    if (memchr(plain.p, '\n', plain.n))
        return EG_EMALFORMED;
    text = eg_wiped_alloc(with->pool, plain.n + 1);
    memcpy(text, plain.p, plain.n);
    text[plain.n] = '\n';
    *out = (eg_span){text, plain.n + 1};
    return EG_OK;
}

/* --- index ------------------------------------------------------------------------------------- */

static eg_status split(eg_span line, eg_span values[EG_INDEX_VALUES_MAX], apr_size_t *count)
{
    for (*count = 0; *count < EG_INDEX_VALUES_MAX;) {
        const char *tab = line.n ? memchr(line.p, '\t', line.n) : NULL;
        apr_size_t n = tab ? (apr_size_t)(tab - line.p) : line.n;

        values[(*count)++] = (eg_span){line.p, n};
        if (!tab)
            return EG_OK;
        line = (eg_span){tab + 1, line.n - n - 1};
    }
    return EG_ETOOMANY;
}

static eg_status index_record(const worker *with, eg_span line, eg_span *out)
{
    eg_span values[EG_INDEX_VALUES_MAX];
    apr_size_t count;
    char *digits = apr_palloc(with->pool, EG_INDEX_LENGTH + 1);
    eg_status status = is_odd(line) ? EG_EMALFORMED : split(line, values, &count);

    if (status == EG_OK)
        status = eg_blind_index(with->tool->crypto, with->setup->opening.ring->keys[0].key, values,
                                count, digits);
    if (status != EG_OK)
        return status;
    digits[EG_INDEX_LENGTH] = '\n';
    *out = (eg_span){digits, EG_INDEX_LENGTH + 1};
    return EG_OK;
}

/* --- all of them ------------------------------------------------------------------------------- */

static const char *rule_in_words(eg_token_rule rule)
{
    switch (rule) {
    case EG_RULE_FIELD:
        return "sealed for another field";
    case EG_RULE_CALL:
        return "sealed in another call";
    case EG_RULE_AGE:
        return "too old, or sealed in the future";
    case EG_RULE_NONE:
    case EG_RULE_FORM:
    case EG_RULE_FORMAT:
    case EG_RULE_KEY:
    case EG_RULE_TAG:
    case EG_RULE_USED:
        break;
    }
    return "not a token of these keys";
}

static const char *reason(const worker *with, const conversion *by, eg_status status)
{
    switch (status) {
    case EG_EMALFORMED:
        return by->malformed;
    case EG_ETOOMANY:
        return by->too_many;
    case EG_ETOKEN:
        return rule_in_words(*with->broken);
    case EG_OK:
    case EG_EMISSING:
    case EG_ECRYPTO:
    case EG_ENOMEM:
        break;
    }
    return "OpenSSL or the random source failed; stopped there";
}

static eg_exit convert_line(const worker *with, const conversion *by, eg_span line,
                            apr_uint64_t number)
{
    eg_span out = nothing;
    eg_status status = by->convert(with, line, &out);

    if (status != EG_OK)
        eg_tool_complain(with->tool, "line %lu: %s", (unsigned long)number,
                         reason(with, by, status));
    if (status == EG_ECRYPTO)
        return EG_EXIT_SYSTEM;
    if (!eg_write(STDOUT_FILENO, out.p, out.n)) {
        eg_tool_complain(with->tool, "standard output: %s", strerror(errno));
        return EG_EXIT_SYSTEM;
    }
    return status == EG_OK ? EG_EXIT_GOOD : EG_EXIT_DATA;
}

static eg_exit convert_lines(worker *with, const conversion *by, eg_reader *reader)
{
    eg_exit result = EG_EXIT_GOOD;
    eg_span line;

    while (eg_reader_next(reader, &line)) {
        eg_exit one = convert_line(with, by, line, reader->number);

        apr_pool_clear(with->pool);
        if (one == EG_EXIT_SYSTEM)
            return one;
        if (one != EG_EXIT_GOOD)
            result = one;
    }
    return reader->failure == EG_EXIT_GOOD ? result : reader->failure;
}

static eg_exit run_conversion(const eg_tool *tool, const eg_token_setup *setup,
                              const conversion *by)
{
    eg_token_rule broken = EG_RULE_NONE;
    worker with = {tool, setup, NULL, &broken};
    eg_reader reader;
    eg_exit result;

    if (!eg_reader_open(&reader, tool, STDIN_FILENO, "standard input"))
        return EG_EXIT_SYSTEM;
    apr_pool_create(&with.pool, tool->pool);
    result = convert_lines(&with, by, &reader);
    eg_reader_close(&reader);
    return result;
}

#define ODD_VALUE "holds a NUL or ends with a carriage return"

static eg_exit refuse_usage(const eg_tool *tool, const char *what)
{
    eg_tool_complain(tool, "%s; see: encgather %s --help", what, tool->command);
    return EG_EXIT_USAGE;
}

/* What is bound has to be told what to. */
static eg_exit check_encryption(const eg_tool *tool, const eg_token_options *options)
{
    bool is_jwe =
        options->recipient_file || (options->format && strcmp(options->format, "jwe") == 0);

    if (is_jwe && (!options->sid || !options->fld))
        return refuse_usage(tool, "a jwe token needs --sid and --fld");
    if (!is_jwe && (options->sid || options->fld))
        return refuse_usage(tool, "--sid and --fld are for --format jwe");
    if (!options->key_file == !options->recipient_file)
        return refuse_usage(tool, options->key_file ? "--key-file or --recipient, not both"
                                                    : "--key-file is missing");
    return EG_EXIT_GOOD;
}

static eg_exit run_encrypt(eg_tool *tool)
{
    static const conversion by = {encrypt, ODD_VALUE, "too long for a token"};
    eg_token_options given = {.format = NULL};
    const eg_option options[] = {{"--key-file", &given.key_file, NULL, false},
                                 {"--format", &given.format, NULL, false},
                                 {"--recipient", &given.recipient_file, NULL, false},
                                 {"--kid", &given.kid, NULL, false},
                                 {"--sid", &given.sid, NULL, false},
                                 {"--fld", &given.fld, NULL, false},
                                 {"--at", &given.at, NULL, false},
                                 {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};
    eg_token_setup setup;
    eg_exit result;

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    result = check_encryption(tool, &given);
    if (result == EG_EXIT_GOOD)
        result = eg_tool_set_up(tool, &given, &setup);
    if (result != EG_EXIT_GOOD)
        return result;
    if (setup.format == EG_FORMATS)
        setup.format = given.recipient_file ? EG_JWE : EG_HEX;
    return run_conversion(tool, &setup, &by);
}

static eg_exit run_decrypt(eg_tool *tool)
{
    static const conversion by = {decrypt, "its value holds a line end", ""};
    eg_token_options given = {.format = NULL};
    const eg_option options[] = {{"--key-file", &given.key_file, NULL, false},
                                 {"--private-key", &given.private_file, NULL, false},
                                 {"--sid", &given.sid, NULL, false},
                                 {"--fld", &given.fld, NULL, false},
                                 {"--ttl", &given.ttl, NULL, false},
                                 {"--at", &given.at, NULL, false},
                                 {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};
    eg_token_setup setup;
    eg_exit result;

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    if (!given.key_file && !given.private_file)
        return refuse_usage(tool, "--key-file is missing");
    result = eg_tool_set_up(tool, &given, &setup);
    return result == EG_EXIT_GOOD ? run_conversion(tool, &setup, &by) : result;
}

static eg_exit run_index(eg_tool *tool)
{
    static const conversion by = {index_record, ODD_VALUE, "more than 16 values"};
    eg_token_options given = {.format = NULL};
    const eg_option options[] = {{"--key-file", &given.key_file, NULL, true},
                                 {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};
    eg_token_setup setup;
    eg_exit result;

    if (!eg_tool_options(tool, options, &none))
        return EG_EXIT_USAGE;
    result = eg_tool_set_up(tool, &given, &setup);
    return result == EG_EXIT_GOOD ? run_conversion(tool, &setup, &by) : result;
}

#define LINE_FOR_LINE                                                                              \
    "There is a line of output for each line of input, at once. For a bad line it is\n"            \
    "empty, standard error tells its number, and the exit status is 1 at the end.\n"

const eg_command eg_command_encrypt = {
    "encrypt",
    "values, a line each, to tokens",
    "usage: encgather encrypt --key-file FILE [OPTION ...] < VALUES > TOKENS\n"
    "       encgather encrypt --recipient FILE --kid ID --sid S --fld NAME < VALUES\n"
    "\n"
    "Encrypts each line of standard input with the first key of FILE, or to the public\n"
    "key of a recipient. Values are never arguments: those are open to every user of\n"
    "the machine.\n"
    "\n"
    "  --format hex|jwe   what tokens are made; jwe where there is a recipient, else hex\n"
    "  --sid S            the call that a jwe token belongs to\n"
    "  --fld NAME         the field that it is for\n"
    "  --recipient FILE   a public key, a certificate or a JWK\n"
    "  --kid ID           the id of that key\n"
    "  --at SECONDS       the clock, for tests\n"
    "\n" LINE_FOR_LINE,
    run_encrypt,
};

const eg_command eg_command_decrypt = {
    "decrypt",
    "tokens, a line each, to values",
    "usage: encgather decrypt --key-file FILE [OPTION ...] < TOKENS > VALUES\n"
    "       encgather decrypt --private-key FILE [OPTION ...] < TOKENS > VALUES\n"
    "\n"
    "Decrypts each line of standard input, tokens of either format, with whichever key\n"
    "of FILE opens it, or with a private key. Of a jwe token is demanded what is named:\n"
    "\n"
    "  --sid S        the call that it belongs to\n"
    "  --fld NAME     the field that it is for\n"
    "  --ttl SECONDS  how old it may be\n"
    "  --at SECONDS   the clock, for tests\n"
    "\n" LINE_FOR_LINE,
    run_decrypt,
};

const eg_command eg_command_index = {
    "index",
    "values, a record a line, to blind indexes",
    "usage: encgather index --key-file FILE < RECORDS > INDEXES\n"
    "\n"
    "Makes of each line of standard input, values separated by TAB, the blind index\n"
    "that EncGatherLookup's \"hmac:field,field\" looks for, with the first key of FILE.\n"
    "\n" LINE_FOR_LINE,
    run_index,
};
