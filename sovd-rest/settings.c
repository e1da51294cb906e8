/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/settings.h"
#include "sovd-core/base/log.h"

static const struct sovd_field tls_fields[] = {
        { .name = "certificate", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_tls_settings, certificate),
          .flags = SOVD_REQUIRED, .min = 1, .max = 4095, .doc = "File with the certificate chain in PEM form." },
        { .name = "key", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_tls_settings, key),
          .flags = SOVD_REQUIRED, .min = 1, .max = 4095, .doc = "File with its private key in PEM form." },
        { 0 }
};
static const struct sovd_schema tls_schema = { .name = "tls", .size = sizeof(struct sovd_tls_settings),
                                               .fields = tls_fields };

#define F(member) offsetof(struct sovd_server_settings, member)
static const struct sovd_field server_fields[] = {
        { .name = "host", .type = SOVD_FIELD_STRING, .offset = F(host), .min = 1, .max = 64, .def = "127.0.0.1",
          .doc = "Address to listen on, IPv4 or IPv6." },
        { .name = "port", .type = SOVD_FIELD_INT, .offset = F(port), .min = 0, .max = 65535, .def = "8080",
          .doc = "TCP port; 0 takes a free one and logs it." },
        { .name = "unix_socket", .type = SOVD_FIELD_STRING, .offset = F(unix_socket), .min = 1, .max = 100,
          .doc = "Path of a Unix socket to listen on as well." },
        { .name = "tls", .type = SOVD_FIELD_OBJECT, .offset = F(tls), .of = &tls_schema,
          .doc = "HTTPS instead of HTTP on the TCP port." },
        { .name = "allowed_hosts", .type = SOVD_FIELD_STRINGS, .offset = F(allowed_hosts), .min = 1, .max = 64,
          .doc = "If given: other values of the Host field are answered with 421." },
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
        { 0 }
};
const struct sovd_schema sovd_schema_logging_settings = {
        .name = "logging", .size = sizeof(struct sovd_logging_settings), .fields = logging_fields,
        .doc = "What is logged, and how.",
};

static const struct sovd_field storage_fields[] = {
        { .name = "path", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_storage_settings, path), .min = 1,
          .max = 4095, .doc = "State directory, with the file state.db; without it, state ends with the process." },
        { 0 }
};
const struct sovd_schema sovd_schema_storage_settings = {
        .name = "storage", .size = sizeof(struct sovd_storage_settings), .fields = storage_fields,
        .doc = "Where state is kept.",
};

#define F(member) offsetof(struct sovd_limits_settings, member)
#define INT(word, place, low, high, text, sentence) \
        { .name = word, .type = SOVD_FIELD_INT, .offset = F(place), .min = low, .max = high, .def = text, .doc = sentence }
#define SECONDS(word, place, low, high, text, sentence) \
        { .name = word, .type = SOVD_FIELD_NUMBER, .offset = F(place), .min = low, .max = high, .def = text, .doc = sentence }
static const struct sovd_field limits_fields[] = {
        INT("connections", connections, 2, 1024, "128", "Connections that are served at the same time."),
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
        INT("fault_definitions", fault_definitions, 1, 1000000, "20000", "Faults of all catalogues together."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_limits_settings = {
        .name = "limits", .size = sizeof(struct sovd_limits_settings), .fields = limits_fields,
        .doc = "Limits on what clients can take.",
};

uint64_t sovd_settings_usec(struct sovd_number seconds) {
        return (uint64_t)(seconds.value * (double)SOVD_USEC_PER_SEC);
}

struct sovd_http_server_options sovd_settings_http(const struct sovd_server_settings *server,
                                                   const struct sovd_limits_settings *limits) {
        return (struct sovd_http_server_options){
                .host = server->host,
                .port = (unsigned)server->port.value,
                .unix_socket = server->unix_socket,
                .certificate = server->tls ? server->tls->certificate : NULL,
                .key = server->tls ? server->tls->key : NULL,
                .threads = (unsigned)limits->connections.value,
                .head_bytes = (size_t)limits->head_bytes.value,
                .body_bytes = (size_t)limits->body_bytes.value,
                .head_timeout_usec = sovd_settings_usec(limits->head_timeout),
                .body_timeout_usec = sovd_settings_usec(limits->body_timeout),
                .keep_alive_usec = sovd_settings_usec(limits->keep_alive),
        };
}

void sovd_settings_log(const struct sovd_logging_settings *logging) {
        static const enum sovd_log_format formats[] = { SOVD_LOG_TEXT, SOVD_LOG_TEXT, SOVD_LOG_JSON, SOVD_LOG_JOURNAL };
        bool journal = logging->format == 1 && getenv("JOURNAL_STREAM");

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
