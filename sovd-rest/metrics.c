/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/metrics.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/self_check.h"
#include "sovd-core/audit/syslog.h"
#include "sovd-rest/authority.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/data_watches.h"
#include "sovd-core/events.h"
#include "sovd-core/fault_mirror.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/observations.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/data_catalog.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/process.h"
#include "sovd-rest/route.h"
#include "sovd-rest/streamer.h"
#include <errno.h>
#include <sys/resource.h>

#define N_STATUS  32
#define N_BUCKETS 11

/* Upper bounds in microseconds. */
static const uint64_t bounds[N_BUCKETS] = { 250,    500,    1000,   2500,    5000,   10000,
                                            25000,  100000, 500000, 1000000, 5000000 };

struct per_route {
        uint64_t by_status[N_STATUS];
        uint64_t buckets[N_BUCKETS + 1];
        uint64_t sum_usec;
};

struct sovd_metrics {
        unsigned status_of[N_STATUS]; /* atomic: 0 = free; the first answer with a status takes a place */
        struct per_route *routes;     /* counters are atomic */
        struct sovd_transfers transfers;
};

int sovd_metrics_new(struct sovd_metrics **ret) {
        _cleanup_(sovd_metrics_freep) struct sovd_metrics *m = calloc(1, sizeof(*m));
        if (!m)
                return sovd_error_origin(-ENOMEM);

        m->routes = calloc(sovd_route_count() + 1, sizeof(*m->routes));
        if (!m->routes)
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(m);
        return 0;
}

struct sovd_metrics *sovd_metrics_free(struct sovd_metrics *m) {
        if (!m)
                return NULL;
        free(m->routes);
        free(m);
        return NULL;
}

/* The last place takes what does not fit; there are fewer statuses than places. */
static size_t place_of(struct sovd_metrics *m, unsigned status) {
        for (size_t i = 0; i < N_STATUS - 1; i++) {
                unsigned seen = __atomic_load_n(&m->status_of[i], __ATOMIC_RELAXED), none = 0;
                if (seen == status)
                        return i;
                if (seen == 0 && (__atomic_compare_exchange_n(&m->status_of[i], &none, status, false,
                                                              __ATOMIC_RELAXED, __ATOMIC_RELAXED) || none == status))
                        return i;
        }
        return N_STATUS - 1;
}

static void add(uint64_t *counter, uint64_t n) {
        (void)__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *counter) {
        return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void sovd_metrics_count(struct sovd_metrics *m, size_t route, unsigned status, uint64_t duration_usec) {
        struct per_route *r = &m->routes[route];
        size_t bucket = 0;

        while (bucket < N_BUCKETS && duration_usec > bounds[bucket])
                bucket++;
        add(&r->by_status[place_of(m, status)], 1);
        add(&r->buckets[bucket], 1);
        add(&r->sum_usec, duration_usec);
}

static void head(struct sovd_json_writer *w, const char *name, const char *type, const char *help) {
        sovd_json_rawf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value in quotes (text format 0.0.4). */
static void write_label(struct sovd_json_writer *w, const char *value) {
        sovd_json_raw(w, "\"", 1);
        for (; *value; value++) {
                if (*value == '"' || *value == '\\')
                        sovd_json_raw(w, "\\", 1);
                sovd_json_raw(w, value, 1);
        }
        sovd_json_raw(w, "\"", 1);
}

static const char *route_name(size_t i) {
        const struct sovd_route *r = sovd_route_at(i);

        return r ? r->id : "none";
}

static void write_requests(struct sovd_metrics *m, struct sovd_json_writer *w) {
        head(w, "sovd_http_requests_total", "counter", "Answers by route and status.");
        for (size_t i = 0; i <= sovd_route_count(); i++)
                for (size_t k = 0; k < N_STATUS; k++)
                        if (get(&m->routes[i].by_status[k]))
                                sovd_json_rawf(w, "sovd_http_requests_total{route=\"%s\",status=\"%u\"} %llu\n",
                                               route_name(i), __atomic_load_n(&m->status_of[k], __ATOMIC_RELAXED),
                                               (unsigned long long)get(&m->routes[i].by_status[k]));
}

static void write_histogram(const struct per_route *r, const char *name, struct sovd_json_writer *w) {
        uint64_t total = 0;

        for (size_t b = 0; b <= N_BUCKETS; b++)
                total += get(&r->buckets[b]);
        if (!total)
                return;

        uint64_t below = 0;
        for (size_t b = 0; b < N_BUCKETS; b++) {
                below += get(&r->buckets[b]);
                sovd_json_rawf(w, "sovd_http_request_duration_seconds_bucket{route=\"%s\",le=\"%g\"} %llu\n", name,
                               (double)bounds[b] / 1e6, (unsigned long long)below);
        }
        sovd_json_rawf(w, "sovd_http_request_duration_seconds_bucket{route=\"%s\",le=\"+Inf\"} %llu\n", name,
                       (unsigned long long)total);
        sovd_json_rawf(w, "sovd_http_request_duration_seconds_sum{route=\"%s\"} %.6f\n", name,
                       (double)get(&r->sum_usec) / 1e6);
        sovd_json_rawf(w, "sovd_http_request_duration_seconds_count{route=\"%s\"} %llu\n", name,
                       (unsigned long long)total);
}

static void write_durations(struct sovd_metrics *m, struct sovd_json_writer *w) {
        head(w, "sovd_http_request_duration_seconds", "histogram", "From the complete head to the sent answer.");
        for (size_t i = 0; i <= sovd_route_count(); i++)
                write_histogram(&m->routes[i], route_name(i), w);
}

static void write_value(struct sovd_json_writer *w, const char *name, const char *type, const char *help,
                        double value) {
        head(w, name, type, help);
        sovd_json_rawf(w, "%s %.15g\n", name, value);
}

static void write_server(const struct sovd_http_server *server, struct sovd_json_writer *w) {
        struct sovd_http_server_counters c;

        if (!server)
                return;
        sovd_http_server_counters(server, &c);
        write_value(w, "sovd_http_workers", "gauge", "Connections that can be served at once.", c.workers);
        write_value(w, "sovd_http_connections", "gauge", "Open connections.", c.connections);
        write_value(w, "sovd_http_requests_in_flight", "gauge", "Requests between head and answer.", c.requests);
        write_value(w, "sovd_http_connections_total", "counter", "Connections accepted.",
                    (double)c.connections_total);
        write_value(w, "sovd_http_connections_refused_total", "counter",
                    "Connections refused because their address had too many.", (double)c.connections_refused);
}

/* One metric over all backends. */
static void write_per_backend(struct sovd_json_writer *w, const char *name, const char *type, const char *help,
                              struct sovd_backend *const *backends, const struct sovd_backend_status *s, size_t n,
                              double (*value)(const struct sovd_backend_status *s)) {
        head(w, name, type, help);
        for (size_t i = 0; i < n; i++) {
                if (value(&s[i]) < 0)
                        continue; /* it does not tell */
                sovd_json_rawf(w, "%s{backend=", name);
                write_label(w, backends[i]->name);
                sovd_json_rawf(w, "} %.15g\n", value(&s[i]));
        }
}

static double is_up(const struct sovd_backend_status *s) {
        return s->connection == SOVD_CONNECTED;
}

static double n_entities(const struct sovd_backend_status *s) {
        return (double)s->n_entities;
}

static double is_open(const struct sovd_backend_status *s) {
        return s->breaker && strcmp(s->breaker, "closed") != 0;
}

static double in_flight(const struct sovd_backend_status *s) {
        return s->in_flight;
}

static double waiting(const struct sovd_backend_status *s) {
        return s->waiting;
}

static double n_calls(const struct sovd_backend_status *s) {
        return (double)s->n_calls;
}

static double n_failures(const struct sovd_backend_status *s) {
        return (double)s->n_failures;
}

static double n_retries(const struct sovd_backend_status *s) {
        return (double)s->n_retries;
}

static double n_updates(const struct sovd_backend_status *s) {
        return (double)s->n_updates;
}

static double n_rejected(const struct sovd_backend_status *s) {
        return (double)s->n_rejected;
}

static double n_skipped(const struct sovd_backend_status *s) {
        return (double)s->n_skipped;
}

static double n_scripts(const struct sovd_backend_status *s) {
        return s->keeps_scripts ? (double)s->n_scripts : -1;
}

static double n_scripts_running(const struct sovd_backend_status *s) {
        return s->keeps_scripts ? (double)s->n_scripts_running : -1;
}

static double n_peers(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_peers : -1;
}

static double n_peers_refused(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_peers_refused : -1;
}

static double n_peers_lost(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_peers_lost : -1;
}

static double n_frames(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_frames : -1;
}

static double n_frames_refused(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_frames_refused : -1;
}

static double n_cycles(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_cycles : -1;
}

static double n_cycles_refused(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_cycles_refused : -1;
}

static double n_log_entries(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_log_entries : -1;
}

static double n_log_entries_lost(const struct sovd_backend_status *s) {
        return s->has_peers ? (double)s->n_log_entries_lost : -1;
}

static void write_backends(struct sovd_gateway *gateway, struct sovd_json_writer *w) {
        static const struct {
                const char *name, *type, *help;
                double (*value)(const struct sovd_backend_status *s);
        } rows[] = {
                { "sovd_backend_up", "gauge", "1 when the backend is connected.", is_up },
                { "sovd_backend_entities", "gauge", "Entities that the backend offers.", n_entities },
                { "sovd_backend_left_out", "gauge", "Entities and relations left out: reserved or unusable ids, or too many.",
                  n_skipped },
                { "sovd_backend_breaker_open", "gauge", "1 when calls are refused or probed only.", is_open },
                { "sovd_backend_calls_in_flight", "gauge", "Calls under way.", in_flight },
                { "sovd_backend_calls_waiting", "gauge", "Calls that wait for a place.", waiting },
                { "sovd_backend_calls_total", "counter", "Calls made.", n_calls },
                { "sovd_backend_failures_total", "counter", "Calls without a usable answer.", n_failures },
                { "sovd_backend_retries_total", "counter", "Reads that were tried again.", n_retries },
                { "sovd_backend_updates", "gauge", "Update packages that the backend keeps.", n_updates },
                { "sovd_backend_rejected_total", "counter", "Calls refused by breaker or limit.", n_rejected },
                { "sovd_backend_scripts", "gauge", "Scripts of clients that the backend keeps.", n_scripts },
                { "sovd_backend_scripts_running", "gauge", "Executions of scripts that run.", n_scripts_running },
                { "sovd_backend_peers", "gauge", "Apps that are connected.", n_peers },
                { "sovd_backend_peers_refused_total", "counter", "Connections that were refused.", n_peers_refused },
                { "sovd_backend_peers_lost_total", "counter", "Apps that went without a word.", n_peers_lost },
                { "sovd_backend_frames_total", "counter", "Frames that apps sent.", n_frames },
                { "sovd_backend_frames_refused_total", "counter", "Frames that were answered with an error.",
                  n_frames_refused },
                { "sovd_backend_cycles_total", "counter", "Operation cycles that apps began.", n_cycles },
                { "sovd_backend_cycles_refused_total", "counter", "Operation cycles that apps were not allowed to begin.",
                  n_cycles_refused },
                { "sovd_backend_log_entries_total", "counter", "Log entries of apps that were kept.", n_log_entries },
                { "sovd_backend_log_entries_lost_total", "counter",
                  "Log entries of apps that were left out: more than log_entries_per_sec.", n_log_entries_lost },
        };
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        struct sovd_backend_status status[SOVD_BACKENDS_MAX] = { 0 };
        size_t n = sovd_gateway_backends(gateway, backends, SOVD_BACKENDS_MAX);

        for (size_t i = 0; i < n; i++)
                backends[i]->ops->status(backends[i], &status[i]);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                write_per_backend(w, rows[i].name, rows[i].type, rows[i].help, backends, status, n, rows[i].value);
        for (size_t i = 0; i < n; i++)
                sovd_backend_unref(backends[i]);
}

static void write_locks(struct sovd_gateway *gateway, struct sovd_json_writer *w) {
        struct sovd_lock_counts c;

        sovd_locks_count(sovd_gateway_locks(gateway), &c);
        write_value(w, "sovd_locks", "gauge", "Locks that are held.", (double)c.held);
        write_value(w, "sovd_locks_granted_total", "counter", "Locks granted.", (double)c.n_granted);
        write_value(w, "sovd_locks_refused_total", "counter", "Requests for a lock that were refused.",
                    (double)c.n_refused);
        write_value(w, "sovd_locks_released_total", "counter", "Locks released.", (double)c.n_released);
        write_value(w, "sovd_locks_broken_total", "counter", "Locks broken by another client.", (double)c.n_broken);
        write_value(w, "sovd_locks_expired_total", "counter", "Locks that ended by time.", (double)c.n_expired);
}

/* What the fault manager keeps. */
static void write_kept_faults(struct sovd_gateway *gateway, struct sovd_json_writer *w) {
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(gateway);
        struct sovd_kept_faults c;
        struct sovd_db_status db;

        if (!sink)
                return;
        sink->ops->count(sink, &c);
        sovd_db_status(sovd_gateway_db(gateway), &db);
        write_value(w, "sovd_faults_stored", "gauge", "Faults that are stored, when they were last counted.", (double)c.n_faults);
        write_value(w, "sovd_faults_removed_total", "counter", "Stored faults removed because they were too many.",
                    (double)c.n_faults_removed);
        write_value(w, "sovd_fault_history_events", "gauge", "Events in the history, when they were last counted.",
                    (double)c.n_events);
        write_value(w, "sovd_fault_history_removed_total", "counter", "Events removed by age or number.",
                    (double)c.n_events_removed);
        write_value(w, "sovd_fault_history_rounds_total", "counter", "Times that history and faults were held against their bounds.",
                    (double)c.n_rounds);
        write_value(w, "sovd_fault_history_failed_total", "counter", "Of these, those that failed.", (double)c.n_failed_rounds);
        write_value(w, "sovd_fault_history_longest_change_seconds", "gauge", "The longest change that removed something.",
                    (double)c.longest_change_usec / 1e6);
        write_value(w, "sovd_storage_wal_bytes", "gauge", "Size of the journal of the state.", (double)db.wal_bytes);
        write_value(w, "sovd_storage_free_bytes", "gauge", "Free space in the state file, not given back yet.",
                    (double)c.free_bytes);
}

static void write_storage(const struct sovd_gateway *gateway, struct sovd_json_writer *w) {
        struct sovd_db_status s;

        if (!sovd_gateway_db(gateway))
                return;
        sovd_db_status(sovd_gateway_db(gateway), &s);
        write_value(w, "sovd_storage_failing", "gauge", "1 while the state cannot be written.", s.error != 0);
        write_value(w, "sovd_storage_bytes", "gauge", "Size of the state file.", (double)s.bytes);
        write_value(w, "sovd_storage_changes_waiting", "gauge", "Changes that wait for the disk.", (double)s.n_waiting);
        write_value(w, "sovd_storage_changes_total", "counter", "Changes made durable.", (double)s.n_changes);
        write_value(w, "sovd_storage_commits_total", "counter", "Transactions that made them so.", (double)s.n_commits);
        write_value(w, "sovd_storage_failed_total", "counter", "Changes that could not be made durable.",
                    (double)s.n_failed);
}

static void write_process(struct sovd_gateway *gateway, struct sovd_json_writer *w) {
        struct rusage usage = { 0 };
        size_t total, running;

        (void)getrusage(RUSAGE_SELF, &usage);
        double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        uint64_t up = sovd_now_usec() - sovd_gateway_started_usec(gateway);
        sovd_executions_count(sovd_gateway_executions(gateway), &total, &running);

        size_t n_left_out;
        uint64_t left_out_total;
        sovd_left_out_count(&n_left_out, &left_out_total);
        write_value(w, "sovd_resources_left_out", "gauge", "Different resources left out: their ids are reserved.",
                    (double)n_left_out);
        write_value(w, "sovd_resources_left_out_total", "counter", "How often a resource was left out of a list.",
                    (double)left_out_total);
        write_value(w, "sovd_executions", "gauge", "Executions that are kept, with those of scripts that run.", (double)total);
        write_value(w, "sovd_executions_running", "gauge", "Executions that run, of scripts too.", (double)running);
        write_value(w, "sovd_data_lists", "gauge", "Data lists that are kept.",
                    (double)sovd_data_lists_count(sovd_gateway_data_lists(gateway)));
        size_t n_keys;
        uint64_t n_replays;
        sovd_idempotency_count(sovd_gateway_idempotency(gateway), &n_keys, &n_replays);
        write_value(w, "sovd_idempotency_keys", "gauge", "Idempotency keys that are kept.", (double)n_keys);
        write_value(w, "sovd_idempotency_replays_total", "counter", "Answers that were given again.",
                    (double)n_replays);
        write_value(w, "process_cpu_seconds_total", "counter", "User and system time.", cpu);
        write_value(w, "process_resident_memory_bytes", "gauge", "Resident memory.", (double)sovd_process_resident_bytes());
        write_value(w, "process_open_fds", "gauge", "Open file descriptors.", (double)sovd_process_open_files());
        write_value(w, "sovd_uptime_seconds", "gauge", "Time since start.", (double)up / 1e6);
}

struct sovd_transfers *sovd_metrics_transfers(struct sovd_metrics *m) {
        return &m->transfers;
}

static void write_transfers(const struct sovd_transfers *t, struct sovd_json_writer *w) {
        write_value(w, "sovd_bulk_transfers_running", "gauge", "Uploads and downloads of bulk data under way.",
                    __atomic_load_n(&t->running, __ATOMIC_RELAXED));
        write_value(w, "sovd_bulk_received_bytes_total", "counter", "Bytes of bulk data that clients sent.",
                    (double)get(&t->bytes_in));
        write_value(w, "sovd_bulk_sent_bytes_total", "counter", "Bytes of bulk data that clients took.",
                    (double)get(&t->bytes_out));
        write_value(w, "sovd_bulk_refused_total", "counter", "Transfers refused because too many were under way.",
                    (double)get(&t->refused));
        write_value(w, "sovd_bulk_broken_total", "counter", "Transfers that broke before their end.",
                    (double)get(&t->broken));
}

/* Why reports of faults were not judged. */
static void write_faults_refused(const struct sovd_fault_counters *c, struct sovd_json_writer *w) {
        const struct {
                const char *reason;
                uint64_t n;
        } rows[] = { { "unknown", c->n_unknown }, { "limited", c->n_limited }, { "disabled", c->n_disabled } };

        head(w, "sovd_fault_reports_ignored_total", "counter",
             "Reports of faults that were not judged: not in the catalogue, over a limit, or a condition was off.");
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                sovd_json_rawf(w, "sovd_fault_reports_ignored_total{reason=\"%s\"} %llu\n", rows[i].reason,
                               (unsigned long long)rows[i].n);
}

static void write_faults(struct sovd_gateway *gateway, struct sovd_json_writer *w) {
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(gateway);
        struct sovd_fault_counters c;

        if (!sink)
                return;
        sink->ops->counters(sink, &c);
        write_value(w, "sovd_fault_reports_total", "counter", "Reports of faults.", (double)c.n_reports);
        write_value(w, "sovd_fault_reports_judged_total", "counter", "Reports that were judged.", (double)c.n_judged);
        write_faults_refused(&c, w);
        write_value(w, "sovd_fault_changes_total", "counter", "Changes of faults.", (double)c.n_changes);
        write_value(w, "sovd_fault_events_written_total", "counter", "Events of faults that were written, each of one change or more.",
                    (double)c.n_events);
        write_value(w, "sovd_fault_changes_waiting", "gauge", "Faults with changes that are not durable yet.",
                    (double)c.n_waiting);
        write_value(w, "sovd_fault_flushes_total", "counter", "Times that changes were written.", (double)c.n_flushes);
        write_value(w, "sovd_fault_flushes_failed_total", "counter", "Times that changes could not be written.",
                    (double)c.n_failed_flushes);
        write_value(w, "sovd_fault_cycles_total", "counter", "Operation cycles that began.", (double)c.n_cycles);
        write_value(w, "sovd_fault_cycles_behind", "gauge", "Kinds of operation cycles that not all stored faults follow yet.",
                    (double)c.n_cycles_behind);
        write_value(w, "sovd_fault_definitions", "gauge", "Faults of all catalogues.", (double)c.n_definitions);
}

static void write_tls(const struct sovd_http_server *server, struct sovd_json_writer *w) {
        struct sovd_tls *tls = server ? sovd_http_server_tls(server) : NULL;
        struct sovd_tls_status s;

        if (!tls)
                return;
        sovd_tls_status(tls, &s);
        write_value(w, "sovd_tls_certificate_ends_timestamp_seconds", "gauge", "When the server's certificate ends.",
                    (double)(s.ends.certificate_usec / SOVD_USEC_PER_SEC));
        if (s.ends.crl_usec)
                write_value(w, "sovd_tls_revocation_list_ends_timestamp_seconds", "gauge", "When the first revocation list ends.",
                            (double)(s.ends.crl_usec / SOVD_USEC_PER_SEC));
        write_value(w, "sovd_tls_reloads_total", "counter", "Times that changed files of server.tls came into force.",
                    (double)s.n_reloads);
        write_value(w, "sovd_tls_reloads_failed_total", "counter", "Times that they could not be used.", (double)s.n_failed);
        write_value(w, "sovd_tls_stale", "gauge", "1 while the files that are there cannot be used.", s.is_stale);
        write_value(w, "sovd_tls_handshakes_failed_total", "counter", "Connections that ended before they were secure.",
                    (double)s.n_handshakes_failed);
}

void sovd_metrics_write(struct sovd_metrics *m, struct sovd_gateway *gateway, const struct sovd_http_server *server,
                        struct sovd_json_writer *w) {
        head(w, "sovd_build_info", "gauge", "The version that runs.");
        sovd_json_rawf(w, "sovd_build_info{version=\"%s\"} 1\n", SOVD_VERSION);
        write_requests(m, w);
        write_durations(m, w);
        write_server(server, w);
        write_tls(server, w);
        write_backends(gateway, w);
        write_locks(gateway, w);
        write_faults(gateway, w);
        write_storage(gateway, w);
        write_kept_faults(gateway, w);
        write_process(gateway, w);
        write_transfers(&m->transfers, w);
}

void sovd_metrics_write_events(const struct sovd_streamer *streamer, struct sovd_observations *observations,
                               struct sovd_json_writer *w) {
        struct sovd_streamer_counters s;
        struct sovd_observations_counters o;

        sovd_streamer_count(streamer, &s);
        sovd_observations_count(observations, &o);
        write_value(w, "sovd_streams", "gauge", "Open event streams.", (double)s.open);
        write_value(w, "sovd_streams_total", "counter", "Event streams opened.", (double)s.opened);
        write_value(w, "sovd_stream_events_total", "counter", "Events sent, to each reader.", (double)s.events);
        write_value(w, "sovd_stream_gaps_total", "counter", "Times that a reader missed events.", (double)s.gaps);
        write_value(w, "sovd_stream_heartbeats_total", "counter", "Comments sent into silence.", (double)s.heartbeats);
        write_value(w, "sovd_streams_stalled_total", "counter", "Streams closed because nothing was taken.",
                    (double)s.stalled);
        write_value(w, "sovd_streams_ended_total", "counter",
                    "Event streams closed because their client may not read them any more.", (double)s.ended);
        write_value(w, "sovd_subscriptions", "gauge", "Cyclic subscriptions.", (double)o.n[SOVD_CYCLIC]);
        write_value(w, "sovd_triggers", "gauge", "Triggers.", (double)o.n[SOVD_TRIGGER]);
        write_value(w, "sovd_readings_total", "counter", "Readings for subscriptions and triggers.", (double)o.readings);
        write_value(w, "sovd_readings_failed_total", "counter", "Readings that failed.", (double)o.failed);
        write_value(w, "sovd_readings_skipped_total", "counter", "Readings left out because they were late.",
                    (double)o.skipped);
        write_value(w, "sovd_readings_in_flight", "gauge", "Readings under way.", o.in_flight);
        write_value(w, "sovd_events_total", "counter", "Events made.", (double)o.events);
        write_value(w, "sovd_trigger_log_entries_total", "counter", "Log entries written for triggers.",
                    (double)o.logged);
        write_value(w, "sovd_trigger_log_failures_total", "counter", "Log entries for triggers that were not taken.",
                    (double)o.not_logged);
}

void sovd_metrics_write_fault_events(struct sovd_events *events, struct sovd_json_writer *w) {
        struct sovd_events_counters c;

        sovd_events_count(events, &c);
        write_value(w, "sovd_fault_events_total", "counter", "Events of faults since the start.", (double)c.n_published);
        write_value(w, "sovd_fault_events_kept", "gauge", "Events of faults in memory.", (double)c.n_kept);
        write_value(w, "sovd_fault_events_kept_bytes", "gauge", "Bytes that they take.", (double)c.n_bytes);
        write_value(w, "sovd_fault_streams", "gauge", "Open streams of faults.", (double)c.n_readers);
        write_value(w, "sovd_fault_streams_waiting", "gauge", "Streams that wait for older events, or for a snapshot.",
                    (double)c.n_waiting);
        write_value(w, "sovd_fault_events_replayed_total", "counter", "Events read from the state for readers that came back.",
                    (double)c.n_replayed);
        write_value(w, "sovd_fault_events_missed_total", "counter", "Events that readers were told to have missed.",
                    (double)c.n_missed);
        write_value(w, "sovd_fault_events_failed_total", "counter", "Streams ended because the state could not be read.",
                    (double)c.n_failed);
}

void sovd_metrics_write_fault_mirror(struct sovd_fault_mirror *mirror, struct sovd_json_writer *w) {
        struct sovd_fault_mirror_counters c = { 0 };

        if (mirror)
                sovd_fault_mirror_count(mirror, &c);
        write_value(w, "sovd_fault_mirror_entities", "gauge", "Entities whose faults are followed.", (double)c.n_entities);
        write_value(w, "sovd_fault_mirror_readings_total", "counter", "Readings of their faults.", (double)c.n_readings);
        write_value(w, "sovd_fault_mirror_readings_failed_total", "counter", "Readings that failed.", (double)c.n_failed);
        write_value(w, "sovd_fault_mirror_readings_in_flight", "gauge", "Readings under way.", c.in_flight);
        write_value(w, "sovd_fault_mirror_changes_total", "counter", "Changes of faults that were found.",
                    (double)c.n_changes);
        write_value(w, "sovd_fault_mirror_left_out", "gauge", "Faults that are not followed: too many, or too long codes.",
                    (double)c.n_left_out);
}

static void write_verification(struct sovd_audit *audit, struct sovd_json_writer *w) {
        struct sovd_audit_self_status s;
        uint64_t now = sovd_realtime_usec();

        if (!sovd_audit_verification(audit, &s))
                return;
        write_value(w, "sovd_audit_verifications_total", "counter", "Self-checks of the audit log that ended.", (double)s.n_done);
        write_value(w, "sovd_audit_verification_failed", "gauge", "1: the last one found the log changed.", s.result == SOVD_SELF_FAILED);
        write_value(w, "sovd_audit_verification_age_seconds", "gauge", "Time since it ended.",
                    s.ended_usec && now > s.ended_usec ? (double)(now - s.ended_usec) / 1e6 : 0);
}

static void write_syslog(struct sovd_audit *audit, struct sovd_json_writer *w) {
        struct sovd_syslog_status s = { 0 };

        (void)sovd_audit_syslog(audit, &s);
        write_value(w, "sovd_audit_syslog_connected", "gauge", "1: entries are sent to audit.syslog.", s.connected);
        write_value(w, "sovd_audit_syslog_sent_total", "counter", "Entries that were sent there.", (double)s.n_sent);
        write_value(w, "sovd_audit_syslog_waiting", "gauge", "Entries that wait to be sent.", (double)s.n_waiting);
        write_value(w, "sovd_audit_syslog_lag_seconds", "gauge", "How long ago nothing waited; 0: nothing does.",
                    (double)s.lag_usec / SOVD_USEC_PER_SEC);
        write_value(w, "sovd_audit_syslog_dropped_total", "counter", "Entries that were left out, because they waited too long.",
                    (double)s.n_dropped);
}

void sovd_metrics_write_audit(struct sovd_audit *audit, struct sovd_json_writer *w) {
        struct sovd_audit_status s = { 0 };
        uint64_t now = sovd_realtime_usec();

        if (!audit)
                return;
        sovd_audit_status(audit, &s);
        write_value(w, "sovd_audit_entries", "gauge", "Entries of the audit log, removed ones included.", (double)s.size);
        write_value(w, "sovd_audit_removed_entries", "gauge", "Entries that were removed for their age or for space.",
                    (double)(s.first ? s.first - 1 : 0));
        write_value(w, "sovd_audit_clock_ahead_seconds", "gauge", "By how much the clock is ahead of the time that is known to have passed.",
                    (double)s.ahead_usec / SOVD_USEC_PER_SEC);
        write_value(w, "sovd_audit_prune_waits", "gauge", "1: entries that are too old by the clock are kept for that.", s.prune_waits);
        write_value(w, "sovd_audit_bytes", "gauge", "Size of the audit log.", (double)s.bytes);
        write_value(w, "sovd_audit_max_bytes", "gauge", "Its limit, audit.max_bytes.", (double)s.bytes_max);
        write_value(w, "sovd_audit_signed_total", "counter", "Heads of the audit log that were signed.", (double)s.n_signed);
        write_value(w, "sovd_audit_head_age_seconds", "gauge", "Time since the last one.",
                    s.head_usec && now > s.head_usec ? (double)(now - s.head_usec) / 1e6 : 0);
        write_value(w, "sovd_audit_epoch", "gauge", "Which key signs now.", (double)s.epoch);
        write_value(w, "sovd_audit_open_intents", "gauge", "Changes under way, and those whose outcome could not be written.",
                    (double)s.n_open);
        write_value(w, "sovd_audit_refused_total", "counter", "Changes that were not made because they could not be put on record.",
                    (double)s.n_refused);
        write_value(w, "sovd_audit_lost_total", "counter", "Entries that could not be written.", (double)s.n_lost);
        write_value(w, "sovd_audit_summarised_total", "counter", "Refusals and reads that have no entry of their own.", (double)s.n_summarised);
        write_value(w, "sovd_audit_tampered", "gauge", "1: the log was found changed, and nobody has acknowledged it.", s.tampered);
        write_verification(audit, w);
        write_syslog(audit, w);
}

void sovd_metrics_write_watches(struct sovd_data_watches *watches, struct sovd_json_writer *w) {
        struct sovd_data_watches_counters c;

        sovd_data_watches_count(watches, &c);
        write_value(w, "sovd_data_watches", "gauge", "Entities and intervals whose data are watched.", (double)c.watches);
        write_value(w, "sovd_data_watch_values", "gauge", "Values that are watched.", (double)c.values);
        write_value(w, "sovd_data_watch_readers", "gauge", "Readers of their changes.", (double)c.readers);
        write_value(w, "sovd_data_changes_total", "counter", "Changes of watched values.", (double)c.events);
        write_value(w, "sovd_data_errors_total", "counter", "Times that a watched value began to fail.",
                    (double)c.errors);
        write_value(w, "sovd_data_gaps_total", "counter", "Times that changes were not kept for a reader.",
                    (double)c.gaps);
        write_value(w, "sovd_data_pushed_total", "counter", "Readings because a backend told of a change.",
                    (double)c.told);
}

void sovd_metrics_write_catalog(struct sovd_data_catalog *catalog, struct sovd_json_writer *w) {
        struct sovd_data_catalog_counters c;

        sovd_data_catalog_count(catalog, &c);
        write_value(w, "sovd_catalog_items", "gauge", "Values in the data catalogue.", (double)c.items);
        write_value(w, "sovd_catalog_incomplete", "gauge", "Entities that could not be asked for their values.",
                    (double)c.incomplete);
        write_value(w, "sovd_catalog_vss_leaves", "gauge", "Leaves of VSS.", (double)c.leaves);
        write_value(w, "sovd_catalog_builds_total", "counter", "Times that the catalogue was made.", (double)c.builds);
        write_value(w, "sovd_catalog_build_seconds_total", "counter", "Time that this took.",
                    (double)c.build_usec / 1e6);
}

void sovd_metrics_write_admission(struct sovd_admission *admission, struct sovd_json_writer *w) {
        struct sovd_admission_counters c;

        sovd_admission_count(admission, &c);
        const struct {
                const char *name;
                const struct sovd_rate_limit_counters *counters;
        } rows[] = { { "address", &c.address }, { "principal", &c.principal }, { "failures", &c.failures } };

        head(w, "sovd_rate_refused_total", "counter", "Requests that found a bucket of theirs empty.");
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                sovd_json_rawf(w, "sovd_rate_refused_total{bucket=\"%s\"} %llu\n", rows[i].name,
                               (unsigned long long)rows[i].counters->refused);
        head(w, "sovd_rate_buckets", "gauge", "Buckets that are not full.");
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                sovd_json_rawf(w, "sovd_rate_buckets{bucket=\"%s\"} %zu\n", rows[i].name, rows[i].counters->in_use);
        head(w, "sovd_rate_forgotten_total", "counter", "Buckets that gave way to others before they were full.");
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                sovd_json_rawf(w, "sovd_rate_forgotten_total{bucket=\"%s\"} %llu\n", rows[i].name,
                               (unsigned long long)rows[i].counters->forgotten);
        head(w, "sovd_credentials_failed_total", "counter", "Credentials that were not accepted, by kind.");
        for (size_t i = 0; i < SOVD_N_CREDENTIALS; i++)
                sovd_json_rawf(w, "sovd_credentials_failed_total{kind=\"%s\"} %llu\n", sovd_credential_names[i],
                               (unsigned long long)c.failed[i]);
}

void sovd_metrics_write_access(struct sovd_authority *authority, struct sovd_json_writer *w) {
        struct sovd_authority_counters c;

        sovd_authority_count(authority, &c);
        write_value(w, "sovd_access_enforced", "gauge", "1: a policy says who may do what.", c.enforced);
        write_value(w, "sovd_access_denied_total", "counter", "Requests that the policy refused.", (double)c.denied);
        write_value(w, "sovd_access_generation", "counter", "Times that the policy was set.", (double)c.generation);
}
