/* SPDX-License-Identifier: Apache-2.0
 * encgather doctor: reads a configuration as httpd does, and says of each part how it is. */
#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>
#include <apr_time.h>
#include "encgather_ask.h"
#include "encgather_explain.h"

#define DAY 86400

typedef struct {
    eg_httpd_options httpd;
    eg_explain_options request;
    bool json;
    bool quiet;
    bool offline;  /* nobody is asked: no database, no backend */
    bool no_clock; /* where something else watches it */
} doctor_options;

static const char *get(const eg_dump *dump, const eg_record *record, const char *name)
{
    return eg_record_get(dump, record, name);
}

/* --- files ------------------------------------------------------------------------------------- */

static const char *age_of(const eg_dump *dump, const char *path)
{
    struct stat about;
    apr_int64_t days;

    if (!path || stat(path, &about) != 0)
        return "";
    days = (apr_time_sec(apr_time_now()) - (apr_int64_t)about.st_mtime) / DAY;
    if (days <= 0)
        return "; written today";
    return apr_psprintf(dump->report->tool->pool, "; written %" APR_INT64_T_FMT " day%s ago", days,
                        days == 1 ? "" : "s");
}

static const char *plural_s(const char *number)
{
    return strcmp(number, "1") == 0 ? "" : "s";
}

static void describe_file(const eg_dump *dump, const eg_record *file)
{
    apr_pool_t *pool = dump->report->tool->pool;
    const char *age = age_of(dump, get(dump, file, "path"));
    const char *keys = get(dump, file, "keys"), *ids = get(dump, file, "ids");
    const char *tokens = get(dump, file, "auth_tokens");
    const char *shared = get(dump, file, "shared_keys");

    if (keys)
        eg_report_add(file->subject, EG_STATE_OK,
                      apr_pstrcat(pool, keys, " key", plural_s(keys), ids ? ": " : "",
                                  ids ? ids : "", age, NULL),
                      NULL);
    if (get(dump, file, "fingerprint"))
        eg_report_add(file->subject, EG_STATE_OK,
                      apr_pstrcat(pool, "the ",
                                  strcmp(get(dump, file, "holds"), "recipient") == 0
                                      ? "public key"
                                      : "private key",
                                  " of ", get(dump, file, "kid"), ": ", get(dump, file, "key"),
                                  ", fingerprint ", get(dump, file, "fingerprint"), age, NULL),
                      NULL);
    if (tokens && shared)
        eg_report_add(file->subject, EG_STATE_OK,
                      apr_pstrcat(pool, tokens, " auth token", plural_s(tokens), ", ",
                                  get(dump, file, "of_accounts"), " with an account; ", shared,
                                  " SharedKey", plural_s(shared), age, NULL),
                      NULL);
}

/* --- places ------------------------------------------------------------------------------------ */

static bool is_handled_by(const eg_dump *dump, const eg_record *place, const char *name)
{
    const char *handler = get(dump, place, "handler");

    return handler && strcasecmp(handler, name) == 0;
}

static const char *or_none(const char *text)
{
    return text ? text : "none";
}

static void describe_gather(const eg_dump *dump, const eg_record *place)
{
    const char *forward = get(dump, place, "forward");

    eg_report_add(place->subject, EG_STATE_OK,
                  apr_pstrcat(dump->report->tool->pool, "asks for ", get(dump, place, "fields"),
                              "; sends them to ", get(dump, place, "backend"),
                              forward ? ", with " : "", forward ? forward : "", ", waits ",
                              get(dump, place, "timeout"), " seconds", NULL),
                  NULL);
}

static void describe_lookup(const eg_dump *dump, const eg_record *place)
{
    eg_report_add(place->subject, EG_STATE_OK,
                  apr_pstrcat(dump->report->tool->pool, "demands ", get(dump, place, "demands"),
                              "; answers ",
                              eg_record_is(dump, place, "exposed") ? "whoever Require lets in"
                                                                   : "this server's own call alone",
                              NULL),
                  NULL);
}

static void describe_sealing(const eg_dump *dump, const eg_record *place)
{
    const char *to = get(dump, place, "recipients");

    eg_report_add(place->subject, EG_STATE_OK,
                  apr_pstrcat(dump->report->tool->pool, "tokens: makes ", get(dump, place, "makes"),
                              ", reads ", get(dump, place, "reads"),
                              to ? "; sealed to " : "; sealed under ",
                              to ? to : or_none(get(dump, place, "key_file")), NULL),
                  NULL);
}

static void describe_opening(const eg_dump *dump, const eg_record *place)
{
    apr_pool_t *pool = dump->report->tool->pool;
    const char *by = get(dump, place, "private_keys"), *ring = get(dump, place, "key_file");
    const char *reads = get(dump, place, "reads"), *ttl = get(dump, place, "token_ttl");
    const char *keys = ring ? apr_pstrcat(pool, "by the keys of ", ring, NULL) : "";

    if (by)
        keys = apr_pstrcat(pool, "by ", by, ring ? ", and " : "", keys, NULL);
    if (ttl)
        keys = apr_pstrcat(pool, keys, "; of jwe at most ", ttl, " seconds old", NULL);
    eg_report_add(place->subject, EG_STATE_OK,
                  apr_pstrcat(pool, "tokens: reads ", reads, "; opened ", keys, NULL), NULL);
}

static void describe_signature(const eg_dump *dump, const eg_record *place)
{
    const char *url = get(dump, place, "public_url"), *provider = get(dump, place, "provider");
    bool is_twilio = !provider || strcmp(provider, "twilio") == 0;

    eg_report_add(place->subject, EG_STATE_OK,
                  apr_pstrcat(dump->report->tool->pool, "signatures", is_twilio ? "" : " of ",
                              is_twilio ? "" : provider, ": ", get(dump, place, "signature"),
                              ", by the tokens of ", or_none(get(dump, place, "token_file")),
                              ", for ", url ? url : "the address of the request", NULL),
                  NULL);
}

static bool is_broken(const eg_subject *subject)
{
    for (int i = 0; i < subject->findings->nelts; i++)
        if (APR_ARRAY_IDX(subject->findings, i, eg_finding).state == EG_STATE_BROKEN)
            return true;
    return false;
}

/* The file's own finding says what is wrong with it. One that this user may not read may be good. */
static void describe_unread(const eg_dump *dump, const eg_record *place, const char *name)
{
    const char *path = get(dump, place, name);
    const eg_record *file;

    for (int i = 0; path && (file = eg_dump_next(dump, "file", &i)) != NULL; i++)
        if (strcmp(or_none(get(dump, file, "path")), path) == 0 && is_broken(file->subject) &&
            !eg_record_is(dump, file, "read"))
            eg_report_add(
                place->subject, EG_STATE_BROKEN,
                apr_psprintf(dump->report->tool->pool, "is without %s, which was not read", path),
                "see what is said of that file");
}

static void take_database(const eg_dump *dump, const eg_record *place)
{
    static const char *const words[] = {"ok", "odd", "broken"};
    const eg_record *found;

    for (int i = 0; (found = eg_dump_next(dump, "database", &i)) != NULL; i++) {
        const char *state = get(dump, found, "state");
        eg_state is = EG_STATE_OK;

        if (strcmp(or_none(get(dump, found, "host")), or_none(get(dump, place, "host"))) != 0 ||
            strcmp(get(dump, found, "line"), get(dump, place, "line")) != 0 ||
            strcmp(get(dump, found, "file"), get(dump, place, "file")) != 0)
            continue;
        while (is < EG_STATE_BROKEN && strcmp(state, words[is]) != 0)
            is++;
        eg_report_add(place->subject, is, get(dump, found, "text"), get(dump, found, "do"));
    }
}

static void describe_place(const eg_dump *dump, const eg_record *place, bool offline)
{
    bool gathers = is_handled_by(dump, place, "encrypted-gather") && get(dump, place, "backend");
    bool looks_up = is_handled_by(dump, place, "decrypt-gather") && get(dump, place, "lookup");
    bool shields = eg_record_is(dump, place, "shields");
    bool reveals = eg_record_is(dump, place, "reveals");
    bool asks = gathers || shields || eg_record_is(dump, place, "requires");

    if (gathers)
        describe_gather(dump, place);
    if (looks_up)
        describe_lookup(dump, place);
    if (gathers && get(dump, place, "reads") &&
        (get(dump, place, "recipients") || get(dump, place, "key_file")))
        describe_sealing(dump, place);
    if (looks_up && get(dump, place, "reads") &&
        (get(dump, place, "private_keys") || get(dump, place, "key_file")))
        describe_opening(dump, place);
    if (shields)
        eg_report_add(place->subject, EG_STATE_OK, "is an application behind a shield", NULL);
    if (reveals)
        eg_report_add(place->subject, EG_STATE_OK, "is an application that gets tokens opened",
                      NULL);
    if (asks)
        describe_signature(dump, place);
    if (is_handled_by(dump, place, "encgather-status"))
        eg_report_add(place->subject, EG_STATE_OK, "shows counters", NULL);
    if (gathers || looks_up || shields || reveals)
        describe_unread(dump, place, "key_file");
    if (asks)
        describe_unread(dump, place, "token_file");
    take_database(dump, place);
    if (gathers && !offline)
        eg_ask_backend(dump, place);
}

/* --- the server -------------------------------------------------------------------------------- */

static void describe_reading(const eg_dump *dump, const eg_httpd_said *said)
{
    apr_pool_t *pool = dump->report->tool->pool;
    int i = 0;

    if (said->status < 0)
        eg_report_add(dump->server, EG_STATE_BROKEN,
                      apr_pstrcat(pool, said->program, " -t came to no end", NULL),
                      "run it by hand: apachectl configtest");
    else if (!eg_dump_next(dump, "server", &i) && said->status == 0)
        eg_report_add(dump->server, EG_STATE_BROKEN,
                      "mod_encgather is not loaded by this configuration",
                      EG_LOAD_MODULE "; if it is loaded, the module is older than this program");
    else if (dump->is_whole && said->status == 0)
        eg_report_add(
            dump->server, EG_STATE_OK,
            apr_pstrcat(pool, said->program, " takes ", dump->report->configuration, NULL), NULL);
    else
        eg_report_add(dump->server, EG_STATE_BROKEN,
                      "httpd does not take this configuration: a start or a reload is refused",
                      dump->is_whole ? "put right what is broken below" : NULL);
}

static void describe_all(const eg_dump *dump, bool offline)
{
    const eg_record *record;
    int places = 0;

    for (int i = 0; (record = eg_dump_next(dump, "file", &i)) != NULL; i++)
        describe_file(dump, record);
    for (int i = 0; (record = eg_dump_next(dump, "place", &i)) != NULL; i++, places++)
        describe_place(dump, record, offline);
    if (dump->is_whole && places == 0)
        eg_report_add(dump->server, EG_STATE_ODD, "no section has anything of mod_encgather",
                      "see the manual's first page: SetHandler encrypted-gather");
}

/* --- the command ------------------------------------------------------------------------------- */

static bool check_request(const eg_tool *tool, const eg_explain_options *request)
{
    if (!request->url == !request->signature && (request->url || !request->location))
        return true;
    eg_tool_complain(tool, "--url and --signature go together, --location with both");
    return false;
}

static bool take_doctor_options(const eg_tool *tool, doctor_options *given)
{
    const eg_option options[] = {{"-f", &given->httpd.config, NULL, false},
                                 {"-d", &given->httpd.root, NULL, false},
                                 {"-D", &given->httpd.define, NULL, false},
                                 {"--httpd", &given->httpd.program, NULL, false},
                                 {"--json", NULL, &given->json, false},
                                 {"--quiet", NULL, &given->quiet, false},
                                 {"-q", NULL, &given->quiet, false},
                                 {"--offline", NULL, &given->offline, false},
                                 {"--no-clock", NULL, &given->no_clock, false},
                                 {"--url", &given->request.url, NULL, false},
                                 {"--signature", &given->request.signature, NULL, false},
                                 {"--location", &given->request.location, NULL, false},
                                 {"--account", &given->request.request.account, NULL, false},
                                 {"--settings", &given->request.request.settings, NULL, false},
                                 {"--get", NULL, &given->request.request.get, false},
                                 {NULL, NULL, NULL, false}};
    eg_operands none = {.min = 0, .max = 0};

    return eg_tool_options(tool, options, &none) && check_request(tool, &given->request);
}

static eg_exit run_doctor(eg_tool *tool)
{
    doctor_options given = {.json = false};
    eg_report report = eg_report_begin(tool);
    eg_exit result = EG_EXIT_GOOD;
    eg_httpd_said said;
    eg_dump dump;

    if (!take_doctor_options(tool, &given))
        return EG_EXIT_USAGE;
    report.is_quiet = given.quiet;
    given.httpd.databases = !given.offline;
    if (!eg_httpd_ask(tool, &given.httpd, &said))
        return EG_EXIT_SYSTEM;
    eg_dump_take(&dump, &report, &said);
    if (given.httpd.config && *given.httpd.config == '/')
        report.configuration = given.httpd.config; /* httpd tells the file of its first directive */
    describe_reading(&dump, &said);
    eg_ask_process(&dump, !given.httpd.config);
    if (!given.no_clock)
        eg_ask_clock(&dump);
    eg_ask_store(&dump, given.offline);
    describe_all(&dump, given.offline);
    if (given.request.url)
        result = eg_explain(&dump, &given.request);
    return result == EG_EXIT_GOOD ? eg_report_print(&report, given.json) : result;
}

const eg_command eg_command_doctor = {
    "doctor",
    "what is wrong with a configuration, and what to do",
    "usage: encgather doctor [-f FILE] [OPTION ...]\n"
    "       encgather doctor [-f FILE] --url URL --signature SIGNATURE < BODY\n"
    "\n"
    "Has httpd read its configuration, asks databases and backends whether they are\n"
    "there, and says of each section what is ok, odd or broken, and what to do. Needs\n"
    "root for what only root may read. Nothing that callers keyed in is asked for or\n"
    "shown, and no key, token or password.\n"
    "\n"
    "  -f FILE       the configuration (default: that of httpd)\n"
    "  -d DIRECTORY  ServerRoot, as httpd takes it\n"
    "  -D NAME       a name for <IfDefine>\n"
    "  --httpd NAME  the program, by its path or name (default: apache2 or httpd)\n"
    "  -q, --quiet   say only what is not ok, and a line at the end\n"
    "  --json        one JSON object, for programs\n"
    "  --offline     do not ask databases, backends and the Redis\n"
    "  --no-clock    do not look at the clock\n"
    "\n"
    "Why a signature does not fit, with the body of the request on standard input:\n"
    "\n"
    "  --url URL              what was called; of a log, the path and query alone\n"
    "  --signature SIGNATURE  the value of X-Twilio-Signature\n"
    "  --location PATH        where it came to (default: the path of URL)\n"
    "  --account SID          take tokens of this account\n"
    "  --settings VALUE       of X-Twilio-Webhooks-Signature-Settings\n"
    "  --get                  there is no body\n"
    "\n"
    "Exit status: 0 all is well, 1 something is broken, 2 wrong usage, 3 nothing could\n"
    "be looked at, 4 nothing is broken, but something is odd.\n",
    run_doctor,
};
