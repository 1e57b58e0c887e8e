/* SPDX-License-Identifier: Apache-2.0
 * EncGatherLookup: a query and what its arguments are. */
#include "lookup/directives_lookup.h"

#include <string.h>
#include <apr_strings.h>
#include "core/blindindex.h"
#include "config/directives.h"
#include "core/fieldspec.h"
#include "lookup/query.h"

static apr_array_header_t *lookups; /* of const eg_lookup *, of this reading */

void eg_lookups_reset(apr_pool_t *pconf)
{
    lookups = apr_array_make(pconf, 2, sizeof(const eg_lookup *));
}

/* Counts %s as apr_dbd_prepare() does; -1 for a format that is not text. "%%" is a percent sign. */
static int count_arguments(const char *query)
{
    int n = 0;

    for (const char *p = query; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (*p == 's')
            n++;
        else if (eg_is_alnum(*p) && !eg_is_digit(*p))
            return -1;
        if (!*p)
            break;
    }
    return n;
}

/* The place of a field among those that the query demands; it joins them where it is new. */
static unsigned demand_field(apr_array_header_t *fields, const char *name)
{
    for (int i = 0; i < fields->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(fields, i, const char *), name) == 0)
            return (unsigned)i;
    APR_ARRAY_PUSH(fields, const char *) = name;
    return (unsigned)fields->nelts - 1;
}

/* "field", or "hmac:field,field". */
static bool parse_argument(apr_pool_t *pool, const char *text, apr_array_header_t *fields,
                           eg_lookup_arg *arg)
{
    apr_array_header_t *places = apr_array_make(pool, 2, sizeof(unsigned));
    const char *name;

    arg->is_index = strncmp(text, "hmac:", 5) == 0;
    text += arg->is_index ? 5 : 0;
    do {
        const char *comma = arg->is_index ? strchr(text, ',') : NULL;

        name = comma ? apr_pstrmemdup(pool, text, (apr_size_t)(comma - text)) : text;
        if (!eg_is_plain_name(eg_span_of(name)))
            return false;
        APR_ARRAY_PUSH(places, unsigned) = demand_field(fields, name);
        text = comma ? comma + 1 : NULL;
    } while (text);
    arg->fields = places;
    return places->nelts <= EG_INDEX_VALUES_MAX;
}

static const char *parse_arguments(cmd_parms *cmd, eg_lookup *lookup, int argc, char *const argv[])
{
    apr_array_header_t *fields = apr_array_make(cmd->pool, 2, sizeof(const char *));
    apr_array_header_t *args = apr_array_make(cmd->pool, 2, sizeof(eg_lookup_arg));

    lookup->fields = fields;
    lookup->args = args;
    for (int i = 0; i < argc; i++) {
        eg_lookup_arg *arg = apr_array_push(args);

        if (!parse_argument(cmd->pool, argv[i], fields, arg))
            return eg_complain(cmd, apr_psprintf(cmd->pool,
                                                 "'%s' is neither the name of a field nor "
                                                 "hmac:field[,field] (up to 16)",
                                                 argv[i]));
        lookup->has_index |= arg->is_index;
    }
    return NULL;
}

static const char *check_lookup(cmd_parms *cmd, const eg_lookup *lookup)
{
    int wanted = count_arguments(lookup->query);

    if (!*lookup->query)
        return eg_complain(cmd, "needs an SQL query");
    if (wanted < 0)
        return eg_complain(cmd,
                           "knows %s in the query (and %% for a percent sign), no other format");
    if (lookup->args->nelts == 0)
        return eg_complain(cmd, "needs the name of a field for each %s of the query");
    if (wanted != lookup->args->nelts)
        return eg_complain(cmd, apr_psprintf(cmd->pool,
                                             "has %d times %%s in the query, but %d "
                                             "argument%s behind it",
                                             wanted, lookup->args->nelts,
                                             lookup->args->nelts == 1 ? "" : "s"));
    return NULL;
}

/* One for each query; an SQL identifier, because PostgreSQL prepares under this name. */
static const char *label_of(apr_pool_t *pool, const char *query)
{
    for (int i = 0; i < lookups->nelts; i++) {
        const eg_lookup *other = APR_ARRAY_IDX(lookups, i, const eg_lookup *);

        if (strcmp(other->query, query) == 0)
            return other->label;
    }
    return apr_psprintf(pool, "encgather_%d", lookups->nelts + 1);
}

static const char *note_lookup(cmd_parms *cmd, const eg_lookup *lookup)
{
    const char *wrong = eg_query_find_database();

    APR_ARRAY_PUSH(lookups, const eg_lookup *) = lookup;
    return wrong ? eg_complain(cmd, wrong) : NULL;
}

const char *eg_set_lookup(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    eg_lookup *lookup = apr_pcalloc(cmd->pool, sizeof *lookup);
    const char *wrong;

    if (argc < 1)
        return eg_complain(cmd, "needs an SQL query and the fields whose plaintext it takes");
    lookup->query = argv[0];
    lookup->label = label_of(cmd->pool, lookup->query);
    wrong = parse_arguments(cmd, lookup, argc - 1, argv + 1);
    if (!wrong)
        wrong = check_lookup(cmd, lookup);
    if (!wrong)
        wrong = note_lookup(cmd, lookup);
    ((eg_config *)config)->lookup = lookup;
    eg_config_note_handler(cmd);
    return wrong;
}
