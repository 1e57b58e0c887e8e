/* SPDX-License-Identifier: Apache-2.0
 * What EncGatherStateCache and --state say: which store, where, and with what. */
#include "statespec.h"

#include <string.h>
#include <apr_cstr.h>
#include <apr_strings.h>
#include <sys/un.h>

#define DB_MOST 1024
#define USER_MOST 128
#define PATH_MOST (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

static eg_status say_wrong(eg_problem *why, const char *what)
{
    eg_problem_set(why, "%s", what);
    return EG_EMALFORMED;
}

/* Digits alone; *out is from 0 to most. */
static bool read_whole(const char *text, unsigned most, unsigned *out)
{
    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    return eg_is_digit(*text) && eg_read_number(&text, most, out) && !*text;
}

/* --- shm ---------------------------------------------------------------------------------------- */

static eg_status parse_shm(const char *rest, apr_pool_t *pool, eg_state_spec *spec, eg_problem *why)
{
    apr_size_t n = strlen(rest);
    unsigned bytes;

    spec->bytes = EG_STATE_BYTES_DEFAULT;
    if (!n)
        return EG_OK;
    if (n < 3 || rest[0] != '(' || rest[n - 1] != ')' ||
        !read_whole(apr_pstrmemdup(pool, rest + 1, n - 2), EG_STATE_BYTES_MOST, &bytes) ||
        bytes < EG_STATE_BYTES_LEAST)
        return say_wrong(why, "takes shm, or shm(BYTES) with a number from 65536 (64 KiB) to "
                              "1073741824 (1 GiB)");
    spec->bytes = bytes;
    return EG_OK;
}

/* --- redis -------------------------------------------------------------------------------------- */

static eg_status parse_socket(const char *path, eg_state_spec *spec, eg_problem *why)
{
    if (strlen(path) < 2 || strlen(path) > PATH_MOST)
        return say_wrong(why, "has a path of a socket that is too short or too long");
    spec->socket = path;
    return EG_OK;
}

static bool is_host_name(const char *host, bool is_bracketed)
{
    apr_size_t n = strlen(host);

    for (apr_size_t i = 0; i < n; i++)
        if (!eg_is_alnum(host[i]) && !strchr(is_bracketed ? ":.%" : "-._", host[i]))
            return false;
    return n > 0 && n < 256;
}

static eg_status parse_address(const char *text, apr_pool_t *pool, eg_state_spec *spec,
                               eg_problem *why)
{
    bool is_bracketed = *text == '[';
    apr_size_t n = strcspn(text, is_bracketed ? "]" : ":");
    const char *rest = text + n + (is_bracketed && text[n]);

    spec->host = apr_pstrmemdup(pool, text + is_bracketed, n - is_bracketed);
    spec->port = EG_REDIS_PORT;
    if (strchr(text, ',') || strncmp(text, "//", 2) == 0)
        return say_wrong(why, "takes one address, redis:HOST:PORT, no list and no URL: whatever "
                              "fails over stands behind that address");
    if ((is_bracketed && !text[n]) || !is_host_name(spec->host, is_bracketed) ||
        (*rest && *rest != ':'))
        return say_wrong(why, "takes redis:HOST, redis:HOST:PORT, redis:[ADDRESS]:PORT or "
                              "redis:/PATH/OF/SOCKET");
    if (*rest && (!read_whole(rest + 1, 65535, &spec->port) || !spec->port))
        return say_wrong(why, "has a port that is no number from 1 to 65535");
    return EG_OK;
}

/* --- options ------------------------------------------------------------------------------------ */

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

static eg_status take_db(const char *value, eg_state_spec *spec, eg_problem *why)
{
    if (!read_whole(value, DB_MOST, &spec->db))
        return say_wrong(why, "has a db= that is no number from 0 to 1024");
    return EG_OK;
}

static eg_status take_user(const char *value, eg_state_spec *spec, eg_problem *why)
{
    if (!is_visible(value) || strlen(value) > USER_MOST)
        return say_wrong(why, "has a user= with a blank or another character in it that cannot be "
                              "seen, or one that is too long");
    spec->user = value;
    return EG_OK;
}

static eg_status take_password_file(const char *value, eg_state_spec *spec, eg_problem *why)
{
    (void)why;
    spec->password_file = value;
    return EG_OK;
}

static eg_status take_key_file(const char *value, eg_state_spec *spec, eg_problem *why)
{
    (void)why;
    spec->key_file = value;
    return EG_OK;
}

static const struct {
    const char *name;
    eg_status (*take)(const char *value, eg_state_spec *spec, eg_problem *why);
} options[] = {{"user=", take_user},
               {"password-file=", take_password_file},
               {"key-file=", take_key_file},
               {"db=", take_db}};

#define OPTIONS (sizeof options / sizeof options[0])

static eg_status parse_option(const char *word, unsigned *seen, eg_state_spec *spec,
                              eg_problem *why)
{
    for (unsigned i = 0; i < OPTIONS; i++) {
        apr_size_t n = strlen(options[i].name);

        if (strncmp(word, options[i].name, n) != 0)
            continue;
        if (*seen & (1U << i))
            return say_wrong(why, "has an option twice");
        if (!word[n])
            return say_wrong(why, "has an option without a value");
        *seen |= 1U << i;
        return options[i].take(word + n, spec, why);
    }
    return say_wrong(why, "knows the options user=, password-file=, key-file= and db=");
}

static eg_status parse_options(const char *const *words, unsigned n, eg_state_spec *spec,
                               eg_problem *why)
{
    unsigned seen = 0;
    eg_status status = EG_OK;

    for (unsigned i = 0; i < n && status == EG_OK; i++)
        status = parse_option(words[i], &seen, spec, why);
    if (status == EG_OK && n && !spec->is_redis)
        return say_wrong(why, "takes options for redis: alone");
    if (status == EG_OK && spec->user && !spec->password_file)
        return say_wrong(why, "has a user= that needs a password-file=");
    return status;
}

eg_status eg_state_spec_parse(apr_pool_t *pool, const char *const *words, unsigned n,
                              eg_state_spec *spec, eg_problem *why)
{
    const char *word = n ? words[0] : "";
    eg_status status;

    *spec = (eg_state_spec){.is_redis = apr_cstr_casecmpn(word, "redis:", 6) == 0};
    if (spec->is_redis && word[6] == '/' && word[7] != '/')
        status = parse_socket(word + 6, spec, why);
    else if (spec->is_redis)
        status = parse_address(word + 6, pool, spec, why);
    else if (apr_cstr_casecmpn(word, "shm", 3) == 0 && (!word[3] || word[3] == '('))
        status = parse_shm(word + 3, pool, spec, why);
    else
        status = say_wrong(why, "takes shm, shm(BYTES), redis:HOST:PORT or redis:/PATH/OF/SOCKET; "
                                "TLS is for a local stunnel");
    return status == EG_OK ? parse_options(words + 1, n - 1, spec, why) : status;
}
