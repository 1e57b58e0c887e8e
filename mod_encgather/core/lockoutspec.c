/* SPDX-License-Identifier: Apache-2.0
 * What EncGatherLockout says, and under which name a value is counted. */
#include "lockoutspec.h"

#include <apr_cstr.h>
#include <apr_strings.h>
#include "fieldspec.h"
#include "mask.h"

#define BY "by="
#define SCOPE "scope="
#define FAIL "fail="

static const char *starts(const char *word, const char *with)
{
    apr_size_t n = strlen(with);

    return strncmp(word, with, n) == 0 ? word + n : NULL;
}

/* --- options ----------------------------------------------------------------------------------- */

/* Nobody can be counted by what changes with every request, or by what this module itself reads and makes. */
static bool is_of_module(const char *name)
{
    static const char *const names[] = {"step", "attempt", "sig", "bodySHA256"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_parameter_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '&' || *c == '=')
            return false;
    return *name;
}

const char *eg_lockout_check_by(const char *by)
{
    const char *field = starts(by, EG_LOCKOUT_BY_FIELD);

    if (field)
        return eg_is_plain_name(eg_span_of(field)) ? NULL
                                                   : BY EG_LOCKOUT_BY_FIELD
                   " needs the name of a field: 1 to 64 letters, digits, "
                   "- or _";
    if (!is_parameter_name(by))
        return BY " is the name of a webhook parameter, without blanks, & and =, or field:NAME";
    if (eg_is_secret_name(&eg_known_secrets, eg_span_of(by)))
        return BY " cannot be what callers key in or say: to count by what was keyed in for a "
                  "field, write by=field:NAME";
    return is_of_module(by) ? BY " cannot be a parameter that this module makes itself" : NULL;
}

const char *eg_lockout_check_scope(const char *scope)
{
    return eg_is_plain_name(eg_span_of(scope)) ? NULL : SCOPE " is 1 to 64 letters, digits, - or _";
}

static const char *set_by(eg_lockout *lockout, const char *value)
{
    if (lockout->by)
        return BY " is there twice";
    lockout->by = value;
    lockout->field = starts(value, EG_LOCKOUT_BY_FIELD);
    return eg_lockout_check_by(value);
}

static const char *set_scope(eg_lockout *lockout, const char *value)
{
    if (lockout->scope)
        return SCOPE " is there twice";
    lockout->scope = value;
    return eg_lockout_check_scope(value);
}

static const char *set_fail(eg_lockout *lockout, const char *value, bool *seen)
{
    if (*seen)
        return FAIL " is there twice";
    *seen = true;
    lockout->fails_closed = strcmp(value, "closed") == 0;
    return lockout->fails_closed || strcmp(value, "open") == 0 ? NULL : FAIL " is open or closed";
}

static const char *set_option(apr_pool_t *pool, eg_lockout *lockout, const char *word, bool *fails)
{
    const char *value;

    if ((value = starts(word, BY)) != NULL)
        return set_by(lockout, value);
    if ((value = starts(word, SCOPE)) != NULL)
        return set_scope(lockout, value);
    if ((value = starts(word, FAIL)) != NULL)
        return set_fail(lockout, value, fails);
    return apr_psprintf(pool, "'%s' is no option; there are " BY " " SCOPE " " FAIL, word);
}

/* --- the whole --------------------------------------------------------------------------------- */

static bool read_limit(const char *text, unsigned most, int *number)
{
    unsigned read;

    if (!eg_read_number(&text, most, &read) || *text)
        return false;
    *number = (int)read;
    return true;
}

static const char *parse_rule(apr_pool_t *pool, int argc, const char *const *argv,
                              eg_lockout *lockout)
{
    const char *wrong = NULL;
    bool fails = false;

    if (argc < 2 || !read_limit(argv[0], EG_LOCKOUT_FAILURES_MAX, &lockout->failures))
        return "begins with a number of failures, 1 to 100, and then seconds; or is off";
    if (!read_limit(argv[1], EG_LOCKOUT_SECONDS_MAX, &lockout->seconds))
        return "has a second word that is no number of seconds from 1 to 31536000";
    for (int i = 2; i < argc && !wrong; i++)
        wrong = set_option(pool, lockout, argv[i], &fails);
    return wrong;
}

const char *eg_lockout_parse(apr_pool_t *pool, int argc, const char *const *argv,
                             eg_lockout *lockout)
{
    const char *wrong = NULL;

    *lockout = (eg_lockout){.failures = 0};
    if (argc != 1 || apr_cstr_casecmp(argv[0], "off") != 0)
        wrong = parse_rule(pool, argc, argv, lockout);
    if (!lockout->by)
        lockout->by = EG_LOCKOUT_BY;
    if (!lockout->scope)
        lockout->scope = "";
    return wrong;
}

/* --- names in a store -------------------------------------------------------------------------- */

static void put_size_of_part(unsigned char out[4], apr_size_t n)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (unsigned char)(n >> (8 * (3 - i)));
}

/* With the length in front of each part no two names are the same string. */
void eg_lockout_name_value(const char *scope, const char *by, eg_span value, eg_lockout_name *name)
{
    const eg_span parts[3] = {eg_span_of(scope), eg_span_of(by), value};

    name->at[0] = EG_LIT("encgather-lockout");
    for (unsigned i = 0; i < 3; i++) {
        put_size_of_part(name->lengths[i], parts[i].n);
        name->at[2 * i + 1] = (eg_span){(const char *)name->lengths[i], 4};
        name->at[2 * i + 2] = parts[i];
    }
}
