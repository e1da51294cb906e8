#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Log - one event, one line
 *
 * Under systemd the journal gets fields; else standard error gets one line of text, or one JSON object with
 * logging.format: json. Control characters are escaped, so an event never breaks into two lines. Library code
 * logs at DEBUG only; who decides logs once. Thread-safe.
 */
#include "sovd-core/base/util.h"

enum sovd_log_level { SOVD_LOG_ERROR, SOVD_LOG_WARN, SOVD_LOG_INFO, SOVD_LOG_DEBUG };
enum sovd_log_format { SOVD_LOG_TEXT, SOVD_LOG_JSON, SOVD_LOG_JOURNAL };

/* A field beside the message; name in lower_case, SOVD_NAME in the journal. value NULL = left out. */
struct sovd_log_field {
        const char *name;
        const char *value;
};

/* Sets level and format for the process. Safe while other threads log. SOVD_LOG_JOURNAL falls back to text
 * when the journal is not there. */
void sovd_log_setup(enum sovd_log_level level, enum sovd_log_format format);

/* Whether standard error is the stream to the journal that JOURNAL_STREAM names: a child whose own goes elsewhere inherits it too. */
bool sovd_log_goes_to_journal(void);

/* Is an event of this level written? */
bool sovd_log_enabled(enum sovd_log_level level);

/* Writes one event. fields: an array that ends with name == NULL, or NULL. errno is kept. */
void sovd_log_event(enum sovd_log_level level, const struct sovd_log_field *fields, const char *format, ...)
        _printf_(3, 4);

/* One of the last events that were written: message and fields on one line, escaped, cut when it is too long. */
struct sovd_log_line {
        uint64_t usec; /* UTC */
        enum sovd_log_level level;
        char text[500];
};

/* Keeps so many of them in memory from now on, 0 = none; while no other thread logs. -ENOMEM: none. */
int sovd_log_keep(size_t n_lines);

/* How many are kept at most, and the level up to which events are written now. */
size_t sovd_log_kept_max(void);
enum sovd_log_level sovd_log_level_now(void);

/* The newest ones, at most max, oldest first; returns how many. */
size_t sovd_log_last(struct sovd_log_line *ret, size_t max);

#define sovd_log(level, ...)                                               \
        do {                                                               \
                if (sovd_log_enabled(level))                               \
                        sovd_log_event((level), NULL, __VA_ARGS__);        \
        } while (0)
