/* SPDX-License-Identifier: Apache-2.0
 * What the configuration says of the database: only mod_dbd knows, and it does not tell. */
#include "lookup/database.h"

#include <string.h>
#include <apr_strings.h>
#include "base/module.h"
#include "core/bytes.h"

/* Hosts may have databases of their own. Then it is enough to know that. */
typedef struct {
    const char *text; /* of the first one, as it stands in the configuration; NULL: none */
    bool is_one;
} written;

static const char *description = "a database";
static bool is_file;

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static void look_for(const ap_directive_t *node, const char *name, written *found)
{
    for (; node; node = node->next) {
        if (ap_cstr_casecmp(node->directive, name) == 0 && node->args) {
            found->is_one = !found->text || (found->is_one && strcmp(found->text, node->args) == 0);
            found->text = node->args;
        }
        if (node->first_child)
            look_for(node->first_child, name, found);
    }
}

static bool is_plain_word(const char *value)
{
    for (; *value; value++)
        if (!eg_is_alnum(*value) && !strchr("-._:", *value))
            return false;
    return true;
}

/* " host=db dbname=ivr". A text with quotes of its own, or a URL, may hold a password anywhere. */
static const char *places_in(apr_pool_t *pool, const char *name, const char *params)
{
    /* a comma belongs to a value, for PostgreSQL */
    const char *between = strcmp(name, "mysql") == 0 ? " \t,;|\"" : " \t\"";
    static const char *const told[] = {"host=", "hostaddr=", "dbname="};
    const char *result = "";
    char *rest = NULL;

    if (strpbrk(params, "'\\") || strstr(params, "://"))
        return "";
    for (char *word = apr_strtok(apr_pstrdup(pool, params), between, &rest); word;
         word = apr_strtok(NULL, between, &rest))
        for (size_t i = 0; i < sizeof told / sizeof *told; i++)
            if (strncmp(word, told[i], strlen(told[i])) == 0 &&
                is_plain_word(word + strlen(told[i])))
                result = apr_pstrcat(pool, result, " ", word, NULL);
    return result;
}

void eg_database_look(apr_pool_t *pconf)
{
    written driver = {NULL, false}, params = {NULL, false};

    look_for(ap_conftree, "DBDriver", &driver);
    look_for(ap_conftree, "DBDParams", &params);
    is_file = driver.is_one && strcmp(driver.text, "sqlite3") == 0;
    description = driver.text && params.text ? "a database" : "no DBDriver or no DBDParams is set";
    if (driver.is_one)
        description =
            apr_pstrcat(pconf, driver.text,
                        params.is_one ? places_in(pconf, driver.text, params.text) : "", NULL);
}

const char *eg_database_name(void)
{
    return description;
}

bool eg_database_is_file(void)
{
    return is_file;
}
