/* SPDX-License-Identifier: Apache-2.0
 * What an operator is told of a Redis that gives no answer. */
#include "redis.h"

#include <string.h>

const char *eg_redis_explain(const eg_redis_answer *answer)
{
    static const struct {
        const char *word, *text;
    } words[] = {
        {"LOADING", "answers LOADING: it still reads what it has kept, and will be there soon"},
        {"READONLY", "answers READONLY: it is a replica; the address has to be that of its master"},
        {"NOAUTH", "answers NOAUTH: it wants a password, which password-file= gives it"},
        {"WRONGPASS", "answers WRONGPASS: user= or what is in password-file= is not right"},
        {"NOPERM", "answers NOPERM: the user may not do what is asked; the manual has the line for "
                   "its ACL"},
        {"OOM", "answers OOM: it is full; give it more memory (maxmemory)"},
        {"MOVED", "answers MOVED: it is a part of a cluster; one Redis is needed, or a proxy in "
                  "front of the cluster"},
        {"MISCONF", "answers MISCONF: it cannot write its data to its disk, and takes nothing new"},
        {"BUSY", "answers BUSY: somebody's script keeps it busy"},
        {"MASTERDOWN", "answers MASTERDOWN: it is a replica that has lost its master"},
        {"DENIED", "answers DENIED: it lets in programs of its own host alone, as long as its user "
                   "'default' needs no password: user default off"},
        {"NOREPLICAS", "answers NOREPLICAS: it has fewer replicas than it is told to have"},
        {"WRONGTYPE", "answers WRONGTYPE: somebody else uses keys that begin with eg:"},
        {"ERR", "answers ERR: it does not know what it was asked, or the database db= or a "
                "password that it does not want"},
    };

    switch (answer->kind) {
    case EG_REDIS_NAMELESS:
        return "has a name that this host does not know, or does not find out in time";
    case EG_REDIS_REFUSED:
        return "is not there: nobody takes the connection";
    case EG_REDIS_BARRED:
        return "does not let this user connect: look at its socket's mode (unixsocketperm) and "
               "group, at the directories above it, and at SELinux";
    case EG_REDIS_CLOSED:
        return "has closed the connection";
    case EG_REDIS_SILENT:
        return "does not answer in time";
    case EG_REDIS_ERROR:
        for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strcmp(words[i].word, answer->word) == 0)
                return words[i].text;
        return "answers with an error";
    default:
        return "answers with something that was not asked";
    }
}
