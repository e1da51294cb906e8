/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/settings.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/id.h"
#include "sovd-rest/origin.h"
#include "sovd-core/base/log.h"
#include "sovd-core/data_watches.h"
#include "sovd-core/events.h"
#include "sovd-core/observations.h"
#include "sovd-rest/docs.h"
#include "sovd-rest/streamer.h"
#include <arpa/inet.h>

#define F(member) offsetof(struct sovd_server_settings, member)
static const char *const access_names[] = { "owner", "group", "everybody", NULL };
static const struct sovd_field server_fields[] = {
        { .name = "host", .type = SOVD_FIELD_STRING, .offset = F(host), .min = 1, .max = 64, .def = "127.0.0.1",
          .doc = "Address to listen on, IPv4 or IPv6." },
        { .name = "port", .type = SOVD_FIELD_INT, .offset = F(port), .min = 0, .max = 65535, .def = "8080",
          .doc = "TCP port; 0 takes a free one and logs it." },
        { .name = "unix_socket", .type = SOVD_FIELD_STRING, .offset = F(unix_socket), .min = 1, .max = 100,
          .doc = "Path of a Unix socket to listen on as well." },
        { .name = "unix_socket_access", .type = SOVD_FIELD_ENUM, .offset = F(unix_socket_access), .names = access_names,
          .def = "owner",
          .doc = "Who may open it: root and the gateway's user (mode 0600), the gateway's group too (0660), or every user of this "
                 "machine (0666), which needs auth.enabled." },
        { .name = "tls", .type = SOVD_FIELD_OBJECT, .offset = F(tls), .of = &sovd_schema_tls_settings,
          .doc = "HTTPS instead of HTTP on the TCP port." },
        { .name = "allow_plain_http", .type = SOVD_FIELD_BOOL, .offset = F(allow_plain_http), .def = "false",
          .doc = "Whether HTTP without TLS may be served on an address that other machines reach." },
        { .name = "allowed_hosts", .type = SOVD_FIELD_STRINGS, .offset = F(allowed_hosts), .min = 1, .max = 64,
          .doc = "Values of the Host field that are answered for, with the port; others get 421. `*` is any. Without it, over plain HTTP: "
                 "addresses, `localhost`, and the machine's own name." },
        { .name = "trusted_proxies", .type = SOVD_FIELD_STRINGS, .offset = F(trusted_proxies), .min = 1, .max = 64,
          .doc = "Addresses, networks (10.0.0.0/8) or `unix`: whose Forwarded, X-Forwarded-Proto, -Host, -Prefix and -For are "
                 "believed." },
        { .name = "cors", .type = SOVD_FIELD_OBJECT, .offset = F(cors), .of = &sovd_schema_cors_settings,
          .doc = "Web pages of other origins that may use the gateway; without it, none may." },
        { .name = "hsts_secs", .type = SOVD_FIELD_INT, .offset = F(hsts_secs), .min = 0, .max = 63072000, .def = "31536000",
          .doc = "How long a browser that came over TLS shall come over nothing else (Strict-Transport-Security); 0: not said." },
        { .name = "entity_id", .type = SOVD_FIELD_STRING, .offset = F(entity_id), .max = 128, .def = "sovd-gateway",
          .doc = "Id of the app that the gateway itself is, with its own faults and data; empty: it is none." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_server_settings = {
        .name = "server", .size = sizeof(struct sovd_server_settings), .fields = server_fields,
        .doc = "Where the gateway listens.",
};

static const char *const level_names[] = { "error", "warn", "info", "debug", NULL };
static const char *const format_names[] = { "auto", "text", "json", "journal", NULL };
static const struct sovd_field logging_fields[] = {
        { .name = "level", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_logging_settings, level),
          .names = level_names, .def = "info", .doc = "The least important events that are written." },
        { .name = "format", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_logging_settings, format),
          .names = format_names, .def = "auto",
          .doc = "auto: the journal when standard error is connected to it, else text." },
        { .name = "kept", .type = SOVD_FIELD_INT, .offset = offsetof(struct sovd_logging_settings, kept), .min = 0,
          .max = 10000, .def = "200",
          .doc = "The last lines that clients can read as the log of the gateway's own entity, 0.5 KB each; 0: none." },
        { 0 }
};
const struct sovd_schema sovd_schema_logging_settings = {
        .name = "logging", .size = sizeof(struct sovd_logging_settings), .fields = logging_fields,
        .doc = "What is logged, and how.",
};

static const struct sovd_field storage_fields[] = {
        { .name = "path", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_storage_settings, path), .min = 1,
          .max = 4095,
          .doc = "State directory, with the file state.db; without it that of the service (STATE_DIRECTORY), else state ends with the process." },
        { 0 }
};
const struct sovd_schema sovd_schema_storage_settings = {
        .name = "storage", .size = sizeof(struct sovd_storage_settings), .fields = storage_fields,
        .doc = "Where state is kept: faults and their history, locks, executions, answers to Idempotency-Key, persistent triggers, "
               "sessions of access tokens, the audit log.",
};

#define F(member) offsetof(struct sovd_limits_settings, member)
#define INT(word, place, low, high, text, sentence) \
        { .name = word, .type = SOVD_FIELD_INT, .offset = F(place), .min = low, .max = high, .def = text, .doc = sentence }
#define SECONDS(word, place, low, high, text, sentence) \
        { .name = word, .type = SOVD_FIELD_NUMBER, .offset = F(place), .min = low, .max = high, .def = text, .doc = sentence }
#define SECONDS_FROM(word, place, fraction, more, high, text, sentence) \
        { .name = word, .type = SOVD_FIELD_NUMBER, .offset = F(place), .flags = more, .least = fraction, .max = high, \
          .def = text, .doc = sentence }
static const struct sovd_field limits_fields[] = {
        INT("connections", connections, 2, 1024, "128", "Connections that are served at the same time."),
        INT("connections_per_address", connections_per_address, 1, 1024, "32",
            "Of these, connections of one address (of IPv6 the first 64 bits); not of rate.exempt and server.trusted_proxies."),
        INT("body_bytes", body_bytes, 1024, 64 * 1024 * 1024, "1048576", "Largest body of a request."),
        INT("head_bytes", head_bytes, 1024, 65536, "16384", "Largest head of a request."),
        SECONDS("head_timeout_secs", head_timeout, 1, 300, "10", "Until the head of a request is complete."),
        SECONDS("body_timeout_secs", body_timeout, 1, 3600, "20", "Until the body of a request is complete."),
        SECONDS("request_timeout_secs", request_timeout, 1, 3600, "30", "Until a request is answered."),
        SECONDS("keep_alive_secs", keep_alive, 1, 300, "5", "How long an idle connection may stay."),
        SECONDS("stop_timeout_secs", stop_timeout, 0, 60, "4", "How long running requests may go on at the stop."),
        INT("executions", executions, 1, 100000, "1000", "Executions that are kept; running ones are never dropped."),
        SECONDS("execution_retention_secs", execution_retention, 1, 604800, "600",
                "How long an ended execution can be read."),
        INT("executions_per_client", executions_per_client, 1, 100000, "200", "Executions of one client, of operations and scripts, that run at the same time."),
        INT("docs_bytes", docs_bytes, 16384, 64 * 1024 * 1024, "4194304",
            "About how long a description (/docs) may be; what is left out is said in it."),
        INT("data_lists", data_lists, 1, 100000, "1000", "Data lists that are kept, of all clients."),
        INT("data_lists_per_client", data_lists_per_client, 1, 10000, "50", "Data lists that one client may have."),
        INT("data_list_ids", data_list_ids, 1, 1000, "100", "Values in one data list."),
        SECONDS("data_list_secs", data_list_secs, 1, 604800, "600", "How long an unused data list is kept."),
        INT("idempotency_keys", idempotency_keys, 1, 100000, "10000",
            "Idempotency keys that are kept; with all of them in use, requests with a new one are refused."),
        INT("idempotency_keys_per_client", idempotency_keys_per_client, 1, 100000, "2000",
            "Idempotency keys that are kept of one client."),
        SECONDS("idempotency_retention_secs", idempotency_retention, 1, 604800, "86400",
                "How long a request with the same Idempotency-Key is answered as the first was."),
        INT("locks", locks, 1, 100000, "1000", "Locks of all clients."),
        INT("locks_per_client", locks_per_client, 1, 100000, "32", "Locks of one client."),
        INT("lock_secs", lock_secs, 1, 604800, "3600", "Longest time for which a lock can be asked, in seconds."),
        SECONDS("lock_wait_secs", lock_wait, 0, 60, "5",
                "How long the request for a lock waits for another client's change to end."),
        INT("streams", streams, 1, 20000, "1000", "Event streams that are open at the same time."),
        INT("streams_per_client", streams_per_client, 1, 20000, "64", "The same for one client."),
        INT("subscriptions", subscriptions, 1, 20000, "1000", "Cyclic subscriptions."),
        INT("subscriptions_per_client", subscriptions_per_client, 1, 20000, "128", "The same for one client."),
        INT("triggers", triggers, 1, 20000, "1000", "Triggers, terminated ones included until they expire."),
        INT("triggers_per_client", triggers_per_client, 1, 20000, "128", "The same for one client."),
        INT("bulk_bytes", bulk_bytes, 1024, INT64_C(1) << 40, "1073741824", "Largest upload of bulk data."),
        INT("bulk_transfers", bulk_transfers, 1, 1024, "16",
            "Uploads and downloads of bulk data that run at the same time; they leave one connection free."),
        SECONDS("bulk_timeout_secs", bulk_timeout, 1, 86400, "3600", "Until a transfer of bulk data is complete."),
        INT("fault_definitions", fault_definitions, 1, 1000000, "20000", "Faults of all catalogues together."),
        INT("fault_reports_per_sec", fault_reports_per_sec, 0, 1000000, "2000",
            "Reports of faults of one app that are judged per second; 0: all."),
        INT("fault_events_per_sec", fault_events_per_sec, 0, 1000000, "10",
            "Events of one fault per second; what comes faster is told together. 0: all."),
        INT("watches", watches, 1, 10000, "128",
            "Entities whose data are subscribed to; each interval of an entity counts."),
        INT("watch_values", watch_values, 1, 10000, "256", "Values that are watched of one entity at one interval."),
        INT("catalog_items", catalog_items, 1, 1000000, "20000", "Values in the data catalogue."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_limits_settings = {
        .name = "limits", .size = sizeof(struct sovd_limits_settings), .fields = limits_fields,
        .doc = "Limits on what clients can take.",
};

#define F(member) offsetof(struct sovd_history_settings, member)
static const struct sovd_field history_fields[] = {
        { .name = "retention_days", .type = SOVD_FIELD_NUMBER, .offset = F(retention_days), .min = 0, .max = 36500,
          .def = "90", .doc = "How long what happened to faults can be read; 0 = however old." },
        INT("events_max", events_max, 1, 100000000, "1000000", "Events that are kept; the oldest go first."),
        INT("faults_max", faults_max, 1, 100000000, "100000",
            "Stored faults; over it those go that nobody can report any more, the oldest first."),
        SECONDS_FROM("compact_secs", compact, 0.05, 0, 604800, "60", "How often this is looked after."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_history_settings = {
        .name = "history", .size = sizeof(struct sovd_history_settings), .fields = history_fields,
        .doc = "How much of the faults that the gateway keeps stays, and for how long.",
};

#define F(member) offsetof(struct sovd_events_settings, member)
static const struct sovd_field events_fields[] = {
        SECONDS_FROM("fast_secs", fast, 0.01, 0, 3600, "0.1", "Interval of the word fast."),
        SECONDS_FROM("normal_secs", normal, 0.01, 0, 3600, "0.25", "Interval of the word normal."),
        SECONDS_FROM("slow_secs", slow, 0.01, 0, 3600, "0.5", "Interval of the word slow."),
        SECONDS_FROM("trigger_secs", trigger, 0.01, 0, 3600, "0.1", "How often the resource of a trigger is looked at."),
        INT("duration_max_secs", duration_max, 1, 31536000, "86400", "Longest duration of a cyclic subscription."),
        INT("lifetime_max_secs", lifetime_max, 1, 31536000, "86400",
            "Longest lifetime of a trigger, and the one that it has when none is asked for."),
        INT("kept", kept, 1, 10000, "16", "Events that a stream keeps for readers that come back or fall behind."),
        INT("readers", readers, 1, 1000, "16", "Readers of one stream."),
        INT("watch_kept", watch_kept, 1, 100000, "256", "The same for the changes of an entity's data."),
        SECONDS("linger_secs", linger, 0, 3600, "10",
                "How long data are still watched after the last reader has gone, so that it can come back."),
        INT("bus_kept", bus_kept, 1, 100000, "1000", "Events of faults that are kept in memory for all streams of faults."),
        INT("bus_bytes", bus_bytes, 1024, 64 * 1024 * 1024, "1048576", "Bytes of memory that they take together."),
        INT("replay_max", replay_max, 0, 10000000, "10000",
            "Events of faults that a reader who comes back may have missed and still gets; older ones are a gap."),
        SECONDS_FROM("heartbeat_secs", heartbeat, 0.05, 0, 3600, "15", "A comment is sent after so much silence."),
        SECONDS_FROM("stall_secs", stall, 0.1, 0, 3600, "30", "A reader that takes nothing for so long is dropped."),
        SECONDS("retry_secs", retry, 0, 3600, "3", "How long a reader shall wait before it connects again."),
        INT("threads", threads, 1, 256, "16", "Threads that read for subscriptions and triggers."),
        INT("per_backend", per_backend, 1, 64, "3", "How many of them may wait for the same backend; one is always left for the others."),
        SECONDS("read_timeout_secs", read_timeout, 1, 300, "5", "Until a reading has failed."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_events_settings = {
        .name = "events", .size = sizeof(struct sovd_events_settings), .fields = events_fields,
        .doc = "Cyclic subscriptions, triggers and event streams.",
};

#define F(member) offsetof(struct sovd_fault_mirror_settings, member)
static const struct sovd_field fault_mirror_fields[] = {
        SECONDS_FROM("poll_secs", poll, 0.1, SOVD_OR_ZERO, 86400, "5", "How often the faults of each entity are read; 0: never."),
        SECONDS("poll_timeout_secs", poll_timeout, 1, 300, "5", "Until a reading has failed; who fails is read less often."),
        SECONDS("keep_days", keep_days, 0, 36500, "30",
                "Faults of an entity that is not there any more are forgotten after so many days."),
        INT("threads", threads, 1, 256, "8", "Readings at the same time, of all backends."),
        INT("per_backend", per_backend, 1, 64, "2", "Readings of one backend at the same time."),
        INT("per_sec", per_sec, 1, 10000, "50",
            "Readings of one backend per second; with more entities than that allows, each is read less often."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_fault_mirror_settings = {
        .name = "fault_mirror", .size = sizeof(struct sovd_fault_mirror_settings), .fields = fault_mirror_fields,
        .doc = "How the faults of backends are followed, for history and event streams.",
};

uint64_t sovd_settings_period(const struct sovd_events_settings *events, int interval) {
        const struct sovd_number seconds[] = { events->trigger, events->fast, events->normal, events->slow };

        return sovd_settings_usec(seconds[interval]);
}

void sovd_settings_streamer(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                            struct sovd_streamer_options *ret) {
        *ret = (struct sovd_streamer_options){
                .streams_max = (size_t)limits->streams.value,
                .per_client_max = (size_t)limits->streams_per_client.value,
                .heartbeat_usec = sovd_settings_usec(events->heartbeat),
                .stall_usec = sovd_settings_usec(events->stall),
                .retry_msec = (unsigned)(events->retry.value * 1000),
        };
}

void sovd_settings_bus(const struct sovd_events_settings *events, struct sovd_events_options *ret) {
        *ret = (struct sovd_events_options){
                .kept = (size_t)events->bus_kept.value,
                .bytes_max = (size_t)events->bus_bytes.value,
                .replay_max = (uint64_t)events->replay_max.value,
        };
}

void sovd_settings_observations(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                                struct sovd_observations_options *ret) {
        *ret = (struct sovd_observations_options){
                .max = { [SOVD_CYCLIC] = (size_t)limits->subscriptions.value,
                         [SOVD_TRIGGER] = (size_t)limits->triggers.value },
                .per_client = { [SOVD_CYCLIC] = (size_t)limits->subscriptions_per_client.value,
                                [SOVD_TRIGGER] = (size_t)limits->triggers_per_client.value },
                .threads = (unsigned)events->threads.value,
                .per_source = (unsigned)SOVD_MIN(events->per_backend.value, SOVD_MAX(events->threads.value - 1, 1)),
                .read_timeout_usec = sovd_settings_usec(events->read_timeout),
                .trigger_period_usec = sovd_settings_period(events, 0),
                .kept = (size_t)events->kept.value,
                .readers = (unsigned)events->readers.value,
        };
}

void sovd_settings_data_watches(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                                struct sovd_data_watches_options *ret) {
        *ret = (struct sovd_data_watches_options){
                .max = (size_t)limits->watches.value,
                .ids_max = (size_t)limits->watch_values.value,
                .kept = (size_t)events->watch_kept.value,
                .readers_max = (unsigned)events->readers.value,
                .linger_usec = sovd_settings_usec(events->linger),
        };
}

void sovd_settings_docs(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                        struct sovd_docs_options *ret) {
        *ret = (struct sovd_docs_options){
                .max_bytes = (size_t)limits->docs_bytes.value,
                .retention_sec = { [SOVD_COLLECTION_OPERATIONS] = (uint64_t)limits->execution_retention.value,
                                   [SOVD_COLLECTION_SCRIPTS] = (uint64_t)limits->execution_retention.value,
                                   [SOVD_COLLECTION_DATA_LISTS] = (uint64_t)limits->data_list_secs.value,
                                   [SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS] = (uint64_t)events->duration_max.value,
                                   [SOVD_COLLECTION_TRIGGERS] = (uint64_t)events->lifetime_max.value },
        };
}

uint64_t sovd_settings_poll_usec(const struct sovd_fault_mirror_settings *mirror) {
        return sovd_settings_usec(mirror->poll);
}

bool sovd_settings_is_local(const char *host) {
        struct in6_addr v6;
        struct in_addr v4;

        if (inet_pton(AF_INET, host, &v4) == 1)
                return ntohl(v4.s_addr) >> 24 == 127;
        if (inet_pton(AF_INET6, host, &v6) == 1)
                return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
        return strcmp(host, "localhost") == 0;
}

uint64_t sovd_settings_usec(struct sovd_number seconds) {
        return (uint64_t)(seconds.value * (double)SOVD_USEC_PER_SEC);
}

struct sovd_http_server_options sovd_settings_http(const struct sovd_server_settings *server,
                                                   const struct sovd_limits_settings *limits,
                                                   const struct sovd_rate_settings *rate) {
        return (struct sovd_http_server_options){
                .host = server->host,
                .port = (unsigned)server->port.value,
                .unix_socket = server->unix_socket,
                .unix_socket_mode = server->unix_socket_access == 3 ? 0666 : server->unix_socket_access == 2 ? 0660 : 0600,
                .threads = (unsigned)limits->connections.value,
                .head_bytes = (size_t)limits->head_bytes.value,
                .body_bytes = (size_t)limits->body_bytes.value,
                .head_timeout_usec = sovd_settings_usec(limits->head_timeout),
                .body_timeout_usec = sovd_settings_usec(limits->body_timeout),
                .keep_alive_usec = sovd_settings_usec(limits->keep_alive),
                .peers = { .max = (unsigned)limits->connections_per_address.value,
                           .exempt = rate->exempt.items,
                           .proxies = server->trusted_proxies.items },
                .hsts_sec = (uint64_t)server->hsts_secs.value,
        };
}

void sovd_settings_log(const struct sovd_logging_settings *logging) {
        static const enum sovd_log_format formats[] = { SOVD_LOG_TEXT, SOVD_LOG_TEXT, SOVD_LOG_JSON, SOVD_LOG_JOURNAL };
        bool journal = logging->format == 1 && sovd_log_goes_to_journal();

        sovd_log_setup((enum sovd_log_level)(logging->level - 1),
                       journal ? SOVD_LOG_JOURNAL : formats[logging->format - 1]);
}

bool sovd_settings_same(const struct sovd_schema *schema, const void *a, const void *b) {
        struct sovd_json_writer wa, wb;
        const char *ta, *tb;
        size_t na, nb;

        sovd_json_writer_init(&wa, 0, 0);
        sovd_json_writer_init(&wb, 0, 0);
        sovd_schema_encode(schema, a, &wa);
        sovd_schema_encode(schema, b, &wb);
        bool equal = !sovd_json_writer_finish(&wa, &ta, &na) && !sovd_json_writer_finish(&wb, &tb, &nb) &&
                     na == nb && memcmp(ta, tb, na) == 0;
        sovd_json_writer_done(&wa);
        sovd_json_writer_done(&wb);
        return equal;
}

/* --- what the tables cannot say -------------------------------------------------------------------------- */

static const char *check_proxies(const struct sovd_strings *proxies, const struct sovd_config_tree *tree,
                                 struct sovd_arena *arena) {
        for (size_t i = 0; i < proxies->n; i++) {
                if (sovd_proxy_is_valid(proxies->items[i]))
                        continue;
                const char *where = sovd_config_where(tree, "/server/trusted_proxies", arena);
                const char *text = sovd_arena_printf(arena, "%s: '%s' is no IP address, no network and not 'unix'",
                                                     where ? where : "server.trusted_proxies", proxies->items[i]);
                return text ? text : "out of memory";
        }
        return NULL;
}

const char *sovd_server_settings_check(const struct sovd_server_settings *server, const struct sovd_config_tree *tree,
                                       struct sovd_arena *arena) {
        const char *id = server->entity_id;

        if (*id && (!sovd_id_is_valid(id) || sovd_id_is_reserved(id)))
                return sovd_config_complain(tree, arena, "/server/entity_id", "cannot be the id of an entity");
        return check_proxies(&server->trusted_proxies, tree, arena);
}
