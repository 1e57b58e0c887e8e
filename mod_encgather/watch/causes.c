/* SPDX-License-Identifier: Apache-2.0
 * Why requests fail: one table of causes, each with a word for scrapers and sentences for people. */
#include "watch/causes.h"

#include <httpd.h>

static const eg_cause_info causes[] = {
    [EG_CAUSE_NONE] = {NULL, EG_LANE_OURS, EG_CURED_BY_CALL, "", ""},
    [EG_CAUSE_CONFIG] =
        {"misconfigured", EG_LANE_OURS, EG_CURED_BY_CALL, "A location is not configured to its end",
         "A key or token file is missing or could not be read, or directives do not "
         "go together. Run encgather doctor, or apachectl configtest; then "
         "apachectl graceful."},
    [EG_CAUSE_CRYPTO] =
        {"crypto", EG_LANE_OURS, EG_CURED_BY_CALL, "OpenSSL or the system fails",
         "No random bytes, no memory, or an OpenSSL that lacks an algorithm. Look at "
         "the system and at OpenSSL's configuration."},
    [EG_CAUSE_STATE] = {"state", EG_LANE_OURS, EG_CURED_BY_CALL,
                        "The Redis that hosts share (EncGatherStateCache) does not answer",
                        "EG0701 in the error log says why. Is the Redis started, does this host "
                        "reach it, are user and password right? Lockouts with fail=open go on "
                        "without counting; single use refuses "
                        "every token until it is back."},
    [EG_CAUSE_DATABASE] =
        {"database", EG_LANE_OURS, EG_CURED_BY_CALL,
         "The database of decrypt-gather does not answer",
         "Is it started and reached (DBDParams)? Where it is locked or slow, look "
         "which other program holds it: a backup, a migration, a long "
         "transaction."},
    [EG_CAUSE_KEY] =
        {"key", EG_LANE_OURS, EG_CURED_BY_CALL,
         "Tokens are sealed under a key that the location which opens them does not have",
         "A key was not rotated everywhere. Compare the keys below with those of the "
         "host that asks callers: a new key goes to every decrypt-gather first, and "
         "an old one leaves it last. The kid of a token: encgather inspect."},
    [EG_CAUSE_TAG] =
        {"tag", EG_LANE_OURS, EG_CURED_BY_CALL,
         "Tokens do not open: they are not authentic under any key that is here",
         "Two hosts have different keys (compare the fingerprints below with those of "
         "the other host; a hex token does not name its key), or tokens are changed on "
         "their way."},
    [EG_CAUSE_CLOCK] = {"clock", EG_LANE_OURS, EG_CURED_BY_CALL,
                        "A clock is wrong: what arrives is too old, or from the future",
                        "Compare the clocks of this host and of the one that sealed the tokens "
                        "(date -u on both), and look at the clock below. If both are right, "
                        "somebody sends old requests again, or calls take longer than "
                        "EncGatherTokenTTL."},
    [EG_CAUSE_TOKEN] =
        {"token", EG_LANE_OURS, EG_CURED_BY_CALL,
         "Tokens are refused: of another field or call, used, or none at all",
         "Names of fields and EncGatherTokenFormat have to be the same at both ends. "
         "If they are, tokens are being swapped or sent again."},
    [EG_CAUSE_BACKEND_AWAY] = {"backend-away", EG_LANE_OURS, EG_CURED_BY_CALL,
                               "The backend is dead: nobody answers where EncGatherBackend leads",
                               "Is that application started, and does it listen at the address of "
                               "its ProxyPass? httpd's own proxy line in the error log names the "
                               "address."},
    [EG_CAUSE_BACKEND_SLOW] = {"backend-slow", EG_LANE_OURS, EG_CURED_BY_CALL,
                               "The backend is too slow: its answers do not come in time",
                               "It is reached, and takes longer than EncGatherTimeout (or "
                               "ProxyTimeout). Look at the backend and at what it waits for."},
    [EG_CAUSE_BACKEND_REFUSES] = {"backend-refuses", EG_LANE_OURS, EG_CURED_BY_CALL,
                                  "The backend answers with an error",
                                  "It is reached and says no. Its own log says why; the status is "
                                  "in the reason below."},
    [EG_CAUSE_BACKEND_ANSWER] = {"backend-answer", EG_LANE_OURS, EG_CURED_BY_CALL,
                                 "The backend answers what cannot be said to a caller",
                                 "Its answer is cut off, too large, no JSON object, or lacks a "
                                 "member that EncGatherSay names."},
    [EG_CAUSE_URL] = {"public-url", EG_LANE_OURS, EG_CURED_BY_SIGNATURE,
                      "Signatures are right, but for another URL: the public URL is wrong here",
                      "The token fits, so this is no forgery. Compare the URL that stands in the "
                      "Twilio Console for this number with EncGatherPublicURL: scheme, host, port, "
                      "path, slash at the end. The reason below says what would have fitted."},
    [EG_CAUSE_SIGNATURE] = {"signature", EG_LANE_STRANGERS, EG_CURED_BY_SIGNATURE,
                            "Requests are signed by nobody who is known here",
                            "If they are your provider's: compare the auth token of the Twilio "
                            "Console with EncGatherAuthTokenFile. It was changed at one end "
                            "only."},
    [EG_CAUSE_UNSIGNED] = {"unsigned", EG_LANE_STRANGERS, EG_CURED_BY_SIGNATURE,
                           "Requests come without a signature",
                           "Your provider signs all of its requests: somebody else calls, or "
                           "something in front takes the header away."},
    [EG_CAUSE_REQUEST] = {"request", EG_LANE_OURS, EG_CURED_BY_CALL,
                          "Webhooks of the provider are not what they should be",
                          "They are signed, and malformed, too large, or incomplete. Look at the "
                          "settings of the number: method, URL, and what stands in front of this "
                          "server."},
    [EG_CAUSE_STRANGER] =
        {"stranger", EG_LANE_STRANGERS, EG_CURED_BY_SIGNATURE, "Strangers send what no webhook is",
         "They are turned away, and nothing is to be done. Where they are many, a "
         "firewall can let the provider's addresses alone in."},
    [EG_CAUSE_ATTEMPTS] = {"attempts", EG_LANE_CALLERS, EG_CURED_BY_CALL,
                           "Callers give up: they keyed in wrong too often",
                           "One now and then is a person. Where they are many, the question is not "
                           "understood: say how many digits, and give more time."},
    [EG_CAUSE_NO_ACCOUNT] = {"no-account", EG_LANE_CALLERS, EG_CURED_BY_CALL,
                             "Callers key in what no account has",
                             "One now and then is a person. Where they are many, somebody tries "
                             "numbers (EncGatherLockout), or the database lost its accounts."},
};

_Static_assert(sizeof causes / sizeof causes[0] == EG_CAUSES, "a row for each cause");

const eg_cause_info *eg_cause_of(eg_cause cause)
{
    return &causes[cause < EG_CAUSES ? cause : EG_CAUSE_NONE];
}

/* Callers who are told something that is no error were served. */
static bool is_success(eg_outcome outcome)
{
    return outcome == EG_DISABLED ||
           (eg_outcome_of(outcome)->status == HTTP_OK && outcome != EG_INVALID);
}

eg_cause eg_cause_of_outcome(eg_outcome outcome, eg_verdict verdict)
{
    if (is_success(outcome))
        return EG_CAUSE_NONE;
    switch (outcome) {
    case EG_INVALID:
        return EG_CAUSE_ATTEMPTS;
    case EG_NOT_FOUND:
        return EG_CAUSE_NO_ACCOUNT;
    case EG_MISCONFIGURED:
        return EG_CAUSE_CONFIG;
    case EG_UNAVAILABLE:
        return EG_CAUSE_BACKEND_ANSWER;
    case EG_BAD_TOKEN:
        return EG_CAUSE_TOKEN;
    default:
        return verdict == EG_SIGNATURE_VALID ? EG_CAUSE_REQUEST : EG_CAUSE_STRANGER;
    }
}

eg_cause eg_cause_of_rule(eg_token_rule rule)
{
    switch (rule) {
    case EG_RULE_KEY:
        return EG_CAUSE_KEY;
    case EG_RULE_TAG:
        return EG_CAUSE_TAG;
    case EG_RULE_AGE:
        return EG_CAUSE_CLOCK;
    default:
        return EG_CAUSE_TOKEN;
    }
}
