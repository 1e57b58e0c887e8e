/* SPDX-License-Identifier: Apache-2.0
 * Times as logs write them. */
#include <time.h>
#include "encgather_logline.h"

#define LOOKED_AT 1024 /* bytes of a line: a time stands near its beginning */

/* A time as it is read; at moves. */
typedef struct {
    eg_span at;
    struct tm fields;
    long microseconds;
    long offset; /* east of Greenwich, in seconds */
    bool has_zone;
} time_reader;

static bool take_char(time_reader *reader, const char *any)
{
    if (!reader->at.n || !reader->at.p[0] || !strchr(any, reader->at.p[0]))
        return false;
    reader->at = (eg_span){reader->at.p + 1, reader->at.n - 1};
    return true;
}

/* Exactly so many digits. */
static bool take_digits(time_reader *reader, apr_size_t n, int *number)
{
    int value = 0;

    if (reader->at.n < n)
        return false;
    for (apr_size_t i = 0; i < n; i++) {
        if (!eg_is_digit(reader->at.p[i]))
            return false;
        value = 10 * value + (reader->at.p[i] - '0');
    }
    reader->at = (eg_span){reader->at.p + n, reader->at.n - n};
    *number = value;
    return true;
}

static bool take_month(time_reader *reader)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    if (reader->at.n < 3)
        return false;
    for (int month = 0; month < 12; month++)
        if (memcmp(names + 3 * (apr_size_t)month, reader->at.p, 3) == 0) {
            reader->at = (eg_span){reader->at.p + 3, reader->at.n - 3};
            reader->fields.tm_mon = month;
            return true;
        }
    return false;
}

static bool take_year(time_reader *reader)
{
    if (!take_digits(reader, 4, &reader->fields.tm_year))
        return false;
    reader->fields.tm_year -= 1900;
    return true;
}

/* Digits behind the sixth are dropped. */
static void take_fraction(time_reader *reader)
{
    long unit = 100000;
    int digit;

    if (!take_char(reader, ".,"))
        return;
    while (take_digits(reader, 1, &digit)) {
        reader->microseconds += unit * digit;
        unit /= 10;
    }
}

static bool take_clock(time_reader *reader)
{
    return take_digits(reader, 2, &reader->fields.tm_hour) && take_char(reader, ":") &&
           take_digits(reader, 2, &reader->fields.tm_min) && take_char(reader, ":") &&
           take_digits(reader, 2, &reader->fields.tm_sec);
}

/* "Z", "+0100" or "+01:00". */
static bool take_zone(time_reader *reader)
{
    bool west = reader->at.n && reader->at.p[0] == '-';
    int hours, minutes;

    if (take_char(reader, "Z"))
        return reader->has_zone = true;
    if (!take_char(reader, "+-") || !take_digits(reader, 2, &hours))
        return false;
    (void)take_char(reader, ":");
    if (!take_digits(reader, 2, &minutes))
        return false;
    reader->offset = (west ? -60L : 60L) * (60L * hours + minutes);
    return reader->has_zone = true;
}

/* 2026-11-29T05:03:57.123+0000, or with a blank, or without a zone */
static bool take_iso(time_reader *reader)
{
    if (!take_year(reader) || !take_char(reader, "-") ||
        !take_digits(reader, 2, &reader->fields.tm_mon) || !take_char(reader, "-") ||
        !take_digits(reader, 2, &reader->fields.tm_mday) || !take_char(reader, "T ") ||
        !take_clock(reader))
        return false;
    reader->fields.tm_mon--;
    take_fraction(reader);
    (void)take_zone(reader);
    return true;
}

/* 29/Nov/2026:05:03:57 +0000 */
static bool take_common(time_reader *reader)
{
    return take_digits(reader, 2, &reader->fields.tm_mday) && take_char(reader, "/") &&
           take_month(reader) && take_char(reader, "/") && take_year(reader) &&
           take_char(reader, ":") && take_clock(reader) && take_char(reader, " ") &&
           take_zone(reader);
}

/* Nov 29 05:04:17.790123 2026; the name of the day stands before it */
static bool take_error_log(time_reader *reader)
{
    if (!take_month(reader) || !take_char(reader, " "))
        return false;
    if (!take_digits(reader, 2, &reader->fields.tm_mday) &&
        (!take_char(reader, " ") || !take_digits(reader, 1, &reader->fields.tm_mday)))
        return false;
    if (!take_char(reader, " ") || !take_clock(reader))
        return false;
    take_fraction(reader);
    return take_char(reader, " ") && take_year(reader);
}

static apr_time_t as_time(time_reader *reader)
{
    time_t seconds;

    reader->fields.tm_isdst = -1;
    seconds = reader->has_zone ? timegm(&reader->fields) - reader->offset : mktime(&reader->fields);
    return apr_time_from_sec((apr_time_t)seconds) + reader->microseconds;
}

bool eg_log_time(eg_span line, apr_time_t *when)
{
    static bool (*const forms[])(time_reader *) = {take_iso, take_common, take_error_log};
    apr_size_t end = line.n < LOOKED_AT ? line.n : LOOKED_AT;

    for (apr_size_t i = 0; i < end; i++) {
        if (!eg_is_alnum(line.p[i]) || (i && eg_is_alnum(line.p[i - 1])))
            continue;
        for (unsigned form = 0; form < sizeof forms / sizeof forms[0]; form++) {
            time_reader reader = {.at = {line.p + i, line.n - i}};

            if (forms[form](&reader)) {
                *when = as_time(&reader);
                return true;
            }
        }
    }
    return false;
}
