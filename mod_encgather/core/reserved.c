/* SPDX-License-Identifier: Apache-2.0
 * Names of parameters that no field can have: the module's own, and those that webhooks come with. */
#include "reserved.h"

/* What the module reads or writes itself, in a body or in the URL of "action". */
static const char *const own_names[] = {"step",         "attempt",    "Digits",
                                        "SpeechResult", "bodySHA256", "sig"};

/* What comes with every webhook of some provider. */
static const char *const sent_names[] = {
    "CallSid",       "AccountSid", "ApiVersion",   "CallStatus",    "Direction",   "msg",
    "FinishedOnKey", "Confidence", "CalledVia",    "ParentCallSid", "CallToken",   "StirVerstat",
    "ErrorCode",     "ErrorUrl",   "CallUUID",     "CallSidLegacy", "RequestUUID", "InputType",
    "Speech",        "Event",      "SessionStart", "BillRate",      "RouteType",
};

/* Who talks to whom, each also with a place behind it: FromCity, CalledZip. */
static const char *const parties[] = {"From",          "To",        "Caller", "Called",
                                      "ForwardedFrom", "CallerName"};
static const char *const places[] = {"", "City", "State", "Zip", "Country"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_one_of(const char *const *names, apr_size_t n, eg_span name)
{
    for (apr_size_t i = 0; i < n; i++)
        if (eg_span_eq(name, eg_span_of(names[i])))
            return true;
    return false;
}

/* The party's name, and behind it nothing or a place. */
static bool is_party(eg_span party, eg_span name)
{
    if (name.n < party.n || !eg_span_eq((eg_span){name.p, party.n}, party))
        return false;
    return is_one_of(places, COUNT(places), (eg_span){name.p + party.n, name.n - party.n});
}

bool eg_is_reserved(eg_span name)
{
    for (apr_size_t i = 0; i < COUNT(parties); i++)
        if (is_party(eg_span_of(parties[i]), name))
            return true;
    return is_one_of(own_names, COUNT(own_names), name) ||
           is_one_of(sent_names, COUNT(sent_names), name);
}
