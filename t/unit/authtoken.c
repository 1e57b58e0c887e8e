/* SPDX-License-Identifier: Apache-2.0
 * Tests of auth token files: with and without accounts, rotation, and what is refused. */
#include "tap.h"

#include <stdlib.h>
#include "core/authtoken.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define TOKEN128 HUNDRED TEN TEN "01234567"
#define KEY1 "webhooks_sharedkey_1"
#define ACCOUNT64 "AC" TEN TEN TEN TEN TEN TEN "01"

/* The list has just the room that the bound asks for. */
static eg_status parse(eg_span content, eg_auth_tokens *tokens, eg_problem *why)
{
    memset(why, 0, sizeof *why);
    tokens->n = 99;
    tokens->at = malloc(eg_auth_tokens_bound(content.n) * sizeof *tokens->at);
    return eg_auth_tokens_parse(content, tokens, why);
}

static void good(void)
{
    static const struct {
        const char *name;
        eg_span content;
        unsigned n;
        const char *account, *token, *key; /* of the last one; key NULL: it has none */
    } cases[] = {
        {"a token", EG_LIT(TEN), 1, "", TEN, NULL},
        {"a token and a line end", EG_LIT(TEN "\n"), 1, "", TEN, NULL},
        {"one character", EG_LIT("a"), 1, "", "a", NULL},
        {"CRLF", EG_LIT("a\r\nAC1 b\r\n"), 2, "AC1", "b", NULL},
        {"an account", EG_LIT("AC1 " TEN "\n"), 1, "AC1", TEN, NULL},
        {"tabs and blanks", EG_LIT(" \tAC1 \t " TEN " \n"), 1, "AC1", TEN, NULL},
        {"comments", EG_LIT("# primary\nAC1 a\n\n # secondary\nAC1 b\n#"), 2, "AC1", "b", NULL},
        {"several of one account", EG_LIT("AC1 a\nAC1 b\nAC2 c\n"), 3, "AC2", "c", NULL},
        {"several for all", EG_LIT("a\nb\nc"), 3, "", "c", NULL},
        {"the same one twice", EG_LIT("a\na\n"), 2, "", "a", NULL},
        {"all kinds of characters", EG_LIT("!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~#\n"), 1, "",
         "!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~#", NULL},
        {"128 characters", EG_LIT(TOKEN128 "\n"), 1, "", TOKEN128, NULL},
        {"an account of 64 characters", EG_LIT(ACCOUNT64 " a"), 1, ACCOUNT64, "a", NULL},
        {"a SharedKey", EG_LIT(KEY1 " " TEN "\n"), 1, "", TEN, KEY1},
        {"blanks around it", EG_LIT(" " KEY1 "\t " TEN " \r\n"), 1, "", TEN, KEY1},
        {"one name twice", EG_LIT(KEY1 " a\n" KEY1 " b\n"), 2, "", "b", KEY1},
        {"an ID of 64 characters", EG_LIT("webhooks_sharedkey_" ACCOUNT64 " a"), 1, "", "a",
         "webhooks_sharedkey_" ACCOUNT64},
        {"both kinds", EG_LIT(KEY1 " a\nb\nAC1 c\n"), 3, "AC1", "c", NULL},
        {"another word with such an end", EG_LIT("x" KEY1), 1, "", "x" KEY1, NULL},
        {"capitals, hence a token", EG_LIT("WEBHOOKS_SHAREDKEY_1"), 1, "", "WEBHOOKS_SHAREDKEY_1",
         NULL},
        {"a token that begins less", EG_LIT("webhooks_sharedkey"), 1, "", "webhooks_sharedkey",
         NULL},
        {"128 characters with an account", EG_LIT("AC1 " TOKEN128), 1, "AC1", TOKEN128, NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = cases[i].content.n;
        char *content = exact_copy(cases[i].content.p, n);
        eg_auth_tokens tokens;
        eg_problem why;

        if (is_int(parse((eg_span){content, n}, &tokens, &why), EG_OK, "good: %s", cases[i].name) &&
            is_int((long long)tokens.n, cases[i].n, "so many tokens: %s", cases[i].name)) {
            const eg_auth_token *last = &tokens.at[tokens.n - 1];

            is_bytes(last->account.p, last->account.n, cases[i].account, strlen(cases[i].account),
                     "its account: %s", cases[i].name);
            is_bytes(last->token.p, last->token.n, cases[i].token, strlen(cases[i].token),
                     "its token: %s", cases[i].name);
            is_bytes(last->key.p, last->key.n, cases[i].key ? cases[i].key : "",
                     cases[i].key ? strlen(cases[i].key) : 0, "its name: %s", cases[i].name);
        }
        free(tokens.at);
        free(content);
    }
}

static void bad(void)
{
    static const struct {
        const char *name;
        eg_span content;
        const char *says;
    } cases[] = {
        {"nothing", EG_LIT(""), "no token"},
        {"white space", EG_LIT(" \n\t\r\n"), "no token"},
        {"comments", EG_LIT("# secret\n#secret\n"), "no token"},
        {"three words", EG_LIT("AC1 secret secret\n"), "line 1"},
        {"a comment behind a token", EG_LIT("AC1 secret # old\n"), "line 1"},
        {"an underscore in an account", EG_LIT("AC_1 secret\n"), "line 1"},
        {"a SharedKey's name misspelt", EG_LIT("webhook_sharedkey_1 secret\n"),
         "begins with webhooks_sharedkey_"},
        {"a key in PEM", EG_LIT("-----BEGIN PUBLIC KEY-----\nsecret\n"), "line 1: this is PEM"},
        {"a colon behind an account", EG_LIT("AC1: secret\n"), "line 1"},
        {"an account of 65 characters", EG_LIT(ACCOUNT64 "2 secret\n"), "line 1"},
        {"129 characters", EG_LIT("a\n\n" TOKEN128 "8\n"), "line 3"},
        {"129 characters with an account", EG_LIT("AC1 " TOKEN128 "8\n"), "line 1"},
        {"a SharedKey without a secret", EG_LIT("a\n" KEY1 "\n"),
         "line 2: a SharedKey has nothing"},
        {"a SharedKey without an ID", EG_LIT("webhooks_sharedkey_ secret\n"), "line 1: the ID"},
        {"a SharedKey's ID with a dash", EG_LIT(KEY1 "-2 secret\n"), "line 1: the ID"},
        {"a SharedKey's ID of 65", EG_LIT("webhooks_sharedkey_" ACCOUNT64 "2 secret\n"),
         "line 1: the ID"},
        {"a SharedKey's secret of 129", EG_LIT(KEY1 " " TOKEN128 "8\n"), "line 1: the token"},
        {"a SharedKey in three words", EG_LIT(KEY1 " secret secret\n"), "line 1"},
        {"a SharedKey behind an account", EG_LIT("AC1 " KEY1 " secret\n"), "line 1"},
        {"a byte order mark", EG_LIT("\xef\xbb\xbfsecret\n"), "not text"},
        {"a NUL", EG_LIT("sec\0ret\n"), "not text"},
        {"a NUL at the end", EG_LIT("secret\0"), "not text"},
        {"UTF-8", EG_LIT("secr\xc3\xa9t\n"), "not text"},
        {"DEL", EG_LIT("secret\x7f\n"), "not text"},
        {"a control character", EG_LIT("secret\x01\n"), "not text"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = cases[i].content.n;
        char *content = exact_copy(cases[i].content.p, n);
        eg_auth_tokens tokens;
        eg_problem why;

        is_int(parse((eg_span){content, n}, &tokens, &why), EG_EMALFORMED, "refused: %s",
               cases[i].name);
        ok(strstr(why.text, cases[i].says) != NULL, "'%s' says '%s'", why.text, cases[i].says);
        ok(!strchr(why.text, '\n') && !strstr(why.text, "secret") && !strstr(why.text, TEN),
           "and no token: %s", cases[i].name);
        free(tokens.at);
        free(content);
    }
}

/* Files of the most tokens there can be: a sanitizer sees one too many. */
static void bound(void)
{
    static const char text[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn";
    int wrong = 0;

    for (size_t n = 1; n < sizeof text; n++) {
        eg_auth_tokens tokens;
        eg_problem why;

        wrong += parse((eg_span){text, n}, &tokens, &why) != EG_OK;
        wrong += tokens.n != (n + 1) / 2 || tokens.n > eg_auth_tokens_bound(n);
        free(tokens.at);
    }
    is_int(wrong, 0, "the bound holds for the shortest tokens");
}

int main(void)
{
    good();
    bad();
    bound();
    return done_testing();
}
