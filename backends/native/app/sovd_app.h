#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libsovd-app - an app of this machine as an entity of a SOVD gateway
 *
 * The app says what it has: values, operations, modes, configurations, and a catalogue of faults. The library keeps the
 * connection to the gateway, answers it by calling back, and delivers what the app reports. It never blocks its caller:
 * what cannot be sent yet waits in a buffer of fixed size, and a report that was accepted is sent again until the
 * gateway has it on its disk, also when the gateway restarts in between.
 *
 * Threads: every function may be called from any thread at any time, from callbacks too, but for sovd_app_free(), which
 * no callback may call. Callbacks come on one thread of the library, one at a time: while one runs, nothing is sent or
 * received, so it should return within milliseconds. Do not fork() without exec() while an app exists.
 *
 * Results are 0, or a negative errno: -EINVAL an argument cannot be (NULL, empty, too long, no JSON), -ENOMEM, and those
 * that stand with a function. Strings that are passed in are copied. JSON is a text of one value in UTF-8.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sovd_app;

/* Connections and time. Zero in a member means its default. */
struct sovd_app_options {
        const char *socket; /* of the gateway; NULL = /run/sovd-gateway/apps.sock */
        const char *
                entity; /* who the app is, as the gateway's configuration has it: "apps/navigation"; required */
        const char *name;       /* for a person; NULL = as in the configuration */
        const char *version;    /* of the app, or NULL */
        const char *located_on; /* id of the component that it runs on, or NULL */
        size_t reports_max;     /* reports that may wait: 1 to 65536; default 256 */
        size_t logs_max;        /* log lines that may wait: 1 to 65536; default 256 */
        unsigned retry_max_ms;  /* longest wait between two tries to connect: 10 to 600000; default 5000 */
};

/* Starts the library's thread; the app is unknown to the gateway until sovd_app_ready(). *ret is the caller's, to be
 * given to sovd_app_free(). -EINVAL: no entity, a text over 255 bytes, a number out of its range; -EAGAIN: no thread. */
int sovd_app_new(struct sovd_app **ret, const struct sovd_app_options *options);

/* Says goodbye and ends the thread, at most after wait_ms (0 to 60000) spent on delivering what waits. Returns NULL. The
 * number of reports that were not delivered is in *ret_lost, which may be NULL. app may be NULL. */
struct sovd_app *sovd_app_free(struct sovd_app *app, unsigned wait_ms, size_t *ret_lost);

/* --- what the app has; before sovd_app_ready() only, else -EBUSY ------------------------------------------ */

/* What a callback answers with. Made by the library, valid during the callback only. */
struct sovd_app_answer;

/* The value of a read or the result of an operation, as JSON; the last one counts. -EINVAL. */
int sovd_app_answer_json(struct sovd_app_answer *answer, const char *json);

/* Why it is refused. code: "bad-value", "not-found", "forbidden", "conflict", "busy", "not-offered", or a word of the
 * app's own; message: for a person, at most 4096 bytes. */
int sovd_app_answer_error(struct sovd_app_answer *answer, const char *code, const char *message);

/* Reads a value: calls sovd_app_answer_json() or sovd_app_answer_error(). data is that of the registration. */
typedef void (*sovd_app_read_fn)(const char *id, struct sovd_app_answer *answer, void *data);

/* Writes a value (JSON); accepted unless sovd_app_answer_error() was called. */
typedef void (*sovd_app_write_fn)(const char *id, const char *json, struct sovd_app_answer *answer,
                                  void *data);

/* Starts an operation. parameters: a JSON object, or NULL; timeout_secs: 0 = none. An operation that is not
 * asynchronous answers with its result. An asynchronous one returns at once, and its end is told with
 * sovd_app_exec_end() under this exec, from any thread. */
typedef void (*sovd_app_start_fn)(const char *operation, const char *exec, const char *parameters,
                                  unsigned timeout_secs, struct sovd_app_answer *answer, void *data);

/* Stops an execution: the app ends it soon, with sovd_app_exec_end(). */
typedef void (*sovd_app_stop_fn)(const char *exec, struct sovd_app_answer *answer, void *data);

struct sovd_app_data {
        const char *id, *name; /* required; at most 128 and 255 bytes */
        const char *category;  /* "currentData" when NULL; "identData", "storedData", "sysInfo", or "x-…" */
        const char *unit, *data_type, *description; /* or NULL */
        const char *const *groups, *const *tags;    /* end with NULL; or NULL */
        sovd_app_read_fn read;                      /* NULL: the app publishes it with sovd_app_publish() */
        sovd_app_write_fn write;                    /* NULL: it cannot be written */
        const char *schema;                         /* JSON schema of the value; or NULL */
        void *data;                                 /* for the callbacks; the caller's */
};
int sovd_app_add_data(struct sovd_app *app, const struct sovd_app_data *data);

struct sovd_app_operation {
        const char *id, *name, *description; /* description may be NULL */
        bool asynchronous;
        sovd_app_start_fn start;         /* required */
        sovd_app_stop_fn stop;           /* NULL: it cannot be stopped */
        const char *parameters, *result; /* their JSON schemas; or NULL */
        void *data;
};
int sovd_app_add_operation(struct sovd_app *app, const struct sovd_app_operation *operation);

struct sovd_app_setting {
        const char *id, *name;
        const char *const *values; /* of a mode: what it can be, ends with NULL; or NULL */
        sovd_app_read_fn read;     /* required */
        sovd_app_write_fn write;   /* required; JSON, of a mode a string */
        const char *schema;        /* of a configuration: JSON schema of the value; or NULL */
        void *data;
};
int sovd_app_add_mode(struct sovd_app *app, const struct sovd_app_setting *mode);
int sovd_app_add_configuration(struct sovd_app *app, const struct sovd_app_setting *configuration);

enum sovd_app_log_type { SOVD_APP_RFC5424, SOVD_APP_AUTOSAR_DLT };

/* A context of the app's log. With one or more of them the gateway keeps the last lines of the app for its clients. */
struct sovd_app_log_context {
        const char *id; /* required; at most 128 bytes; of AUTOSAR_DLT the context id */
        enum sovd_app_log_type type;
        const char *process;        /* RFC5424; NULL = the id */
        const char *application_id; /* AUTOSAR_DLT; NULL = the id of the app's entity */
        const char *severity; /* "fatal" … "debug": what is kept unless a client wants else; NULL = "info" */
};
int sovd_app_add_log(struct sovd_app *app, const struct sovd_app_log_context *context);

/* The faults that the app can report: a JSON object {"id", "version", "faults": [{"code", "name", "severity", …}]}, see
 * docs/native-apps.md. Called again, it replaces the former. */
int sovd_app_set_faults(struct sovd_app *app, const char *catalog_json);

/* A rule of the app's own, applied before anything is sent: the fault is reported as failed after failed_count failures
 * in a row (1 to 32767), and as passed after passed_count passes in a row. -EEXIST: it has a rule; -ENOSPC: 10000 faults are
 * known. */
int sovd_app_debounce(struct sovd_app *app, const char *code, unsigned failed_count, unsigned passed_count);

/* All is told: connects, and keeps connected. -EALREADY; -ENOSPC: the catalogue has more than 10000 faults. */
int sovd_app_ready(struct sovd_app *app);

/* --- what happens; at any time ----------------------------------------------------------------------------- */

enum sovd_app_report { SOVD_APP_FAILED, SOVD_APP_PASSED, SOVD_APP_PREFAILED, SOVD_APP_PREPASSED };

/* Reports what a monitor found. environment: a JSON object of at most 16384 bytes that is kept with the occurrence, or
 * NULL. A failure (or a pass) that follows a waiting one of the same fault is one with it, and its environment replaces
 * that one's; what must be counted one by one is a PREFAILED or PREPASSED. When the gateway clears a fault whose last
 * report was a failure, the library reports the failure anew. -ENOSPC: the buffer is full, and the report is not taken;
 * report it again later. */
int sovd_app_fault(struct sovd_app *app, const char *code, enum sovd_app_report report,
                   const char *environment);

/* An operation cycle of a kind ("power"; at most 64 bytes) begins, for the faults of all apps, if the gateway's
 * configuration lets this app begin one; else it is counted as refused. It waits like a report, behind those that were taken before it, and those after it wait for it.
 * -ENOSPC as above. */
int sovd_app_cycle(struct sovd_app *app, const char *kind);

/* Switches an enabling condition, for what is reported after it; the last state is told again after each connection. -ENOSPC: more
 * than 64, or the buffer is full of reports behind which it would wait. */
int sovd_app_condition(struct sovd_app *app, const char *name, bool on);

/* A new value (JSON) of data without a read callback; the last one is told again after each connection.
 * -ENOENT: there is no such data. */
int sovd_app_publish(struct sovd_app *app, const char *id, const char *json);

enum sovd_app_severity { SOVD_APP_FATAL, SOVD_APP_ERROR, SOVD_APP_WARN, SOVD_APP_INFO, SOVD_APP_DEBUG };

/* A line of the app's log, cut at 4096 bytes: of its first context, or of the one that is named. Without any context it
 * goes to the gateway's own log. What the gateway does not want now is not sent (0, and counted as not wanted). Lines are
 * not acknowledged: those that are on their way when the gateway goes are lost. -ENOSPC: the buffer is full; the line is
 * lost and counted. -ENOENT: there is no such context. */
int sovd_app_log(struct sovd_app *app, enum sovd_app_severity severity, const char *text);
int sovd_app_log_to(struct sovd_app *app, const char *context, enum sovd_app_severity severity,
                    const char *text);

/* How far an execution is, in percent (0 to 100). -ENOENT: it is not running here, perhaps since the connection was
 * lost: the gateway has told its client that it failed, and the app should stop it. */
int sovd_app_exec_progress(struct sovd_app *app, const char *exec, unsigned percent);

/* The end: error NULL = completed, with a result (JSON object or NULL); else failed, for this reason. -ENOENT as above. */
int sovd_app_exec_end(struct sovd_app *app, const char *exec, const char *result, const char *error);

/* Does this execution still count? false after its end, and after the connection was lost. */
bool sovd_app_exec_is_wanted(struct sovd_app *app, const char *exec);

struct sovd_app_status {
        bool connected;                       /* and registered */
        size_t reports_waiting, logs_waiting; /* not acknowledged, not sent */
        uint64_t reports_taken, reports_acknowledged, reports_refused,
                reports_full; /* full: not taken for want of room */
        uint64_t logs_lost, logs_not_wanted, connections;
        char last_error[160]; /* why it is not connected or what was refused last; "" = nothing */
};
void sovd_app_status(struct sovd_app *app, struct sovd_app_status *ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
