/* SPDX-License-Identifier: Apache-2.0
 * Has httpd read its configuration, and takes what it says. */
#ifndef EG_TOOL_HTTPD_H
#define EG_TOOL_HTTPD_H

#include "encgather_tool.h"

typedef struct {
    const char *program; /* --httpd: a path, or a name that is looked for; NULL: found */
    const char *config;  /* -f, or NULL */
    const char *root;    /* -d, or NULL */
    const char *define;  /* -D, or NULL */
    bool databases;      /* they are to be asked, too */
} eg_httpd_options;

typedef struct {
    const char *program;
    int status;       /* exit status; -1: it was ended, or ended by a signal */
    const char *text; /* both outputs, in the order they were written */
} eg_httpd_said;

/* false after a complaint: no httpd was found, or it cannot be run. */
bool eg_httpd_ask(const eg_tool *tool, const eg_httpd_options *options,
                  eg_httpd_said *said) EG_MUST_CHECK;

#endif
