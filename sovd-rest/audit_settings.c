/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/audit_settings.h"
#include "sovd-core/audit/keys.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/syslog.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/settings.h"

#define MEMORY_BYTES (INT64_C(32) << 20) /* of a log that ends with the process */

static const char *const transport_names[] = { "udp", "tcp", "tls", NULL };

#define F(member) offsetof(struct sovd_syslog_settings, member)
static const struct sovd_field syslog_fields[] = {
        { .name = "transport", .type = SOVD_FIELD_ENUM, .offset = F(transport), .flags = SOVD_REQUIRED, .names = transport_names,
          .doc = "udp (RFC 5426), tcp with octet counting (RFC 6587), tls (RFC 5425)." },
        { .name = "host", .type = SOVD_FIELD_STRING, .offset = F(host), .flags = SOVD_REQUIRED, .min = 1, .max = 253,
          .doc = "Name or address; with tls its certificate must name it." },
        { .name = "port", .type = SOVD_FIELD_INT, .offset = F(port), .min = 1, .max = 65535, .doc = "Without it 514, 601 or 6514." },
        { .name = "ca_file", .type = SOVD_FIELD_STRING, .offset = F(ca_file), .min = 1, .max = 4095,
          .doc = "Who signs the collector's certificate, PEM; without it those whom the system trusts." },
        { .name = "certificate", .type = SOVD_FIELD_STRING, .offset = F(certificate), .min = 1, .max = 4095,
          .doc = "Ours for a collector that asks for one, with its chain, PEM; read at the start." },
        { .name = "key", .type = SOVD_FIELD_STRING, .offset = F(key), .min = 1, .max = 4095,
          .doc = "Its key, PEM, which others may not read." },
        { .name = "queue", .type = SOVD_FIELD_INT, .offset = F(queue), .min = 1, .max = 10000000, .def = "10000",
          .doc = "How many entries it may be behind; older ones are left out, counted and told." },
        { .name = "timeout_secs", .type = SOVD_FIELD_NUMBER, .offset = F(timeout), .least = 0.1, .max = 300, .def = "10",
          .doc = "To connect, and until a message is taken; then it connects again." },
        { .name = "enterprise", .type = SOVD_FIELD_INT, .offset = F(enterprise), .min = 1, .max = 4294967295, .def = "32473",
          .doc = "Private enterprise number in the SD-ID (audit@…); the default is the one for examples (RFC 5612)." },
        { 0 }
};
#undef F
static const struct sovd_schema syslog_schema = {
        .name = "syslog", .size = sizeof(struct sovd_syslog_settings), .fields = syslog_fields,
        .doc = "Where entries of the audit log are sent as well (RFC 5424).",
};

static const char *const full_names[] = { "refuse", "overwrite", NULL };

#define F(member) offsetof(struct sovd_audit_settings, member)
static const struct sovd_field fields[] = {
        { .name = "enabled", .type = SOVD_FIELD_BOOL, .offset = F(enabled), .def = "true",
          .doc = "Put on record what clients change, and who is refused." },
        { .name = "key_file", .type = SOVD_FIELD_STRING, .offset = F(key_file), .min = 1, .max = 4095,
          .doc = "Device key, an Ed25519 key in PEM form that others cannot read; without it the service's credential `audit.key`, "
                 "else a key that is made in the state directory." },
        { .name = "epoch_secs", .type = SOVD_FIELD_NUMBER, .offset = F(epoch), .min = 1, .max = 604800, .def = "900",
          .doc = "How long a key signs before it is replaced and wiped." },
        { .name = "epoch_entries", .type = SOVD_FIELD_INT, .offset = F(epoch_entries), .min = 1, .max = 1000000000, .def = "65536",
          .doc = "How many entries it signs at most." },
        { .name = "keep_days", .type = SOVD_FIELD_NUMBER, .offset = F(keep_days), .min = 0, .max = 36500, .def = "90",
          .doc = "How long entries are kept; 0: until the log is full." },
        { .name = "max_bytes", .type = SOVD_FIELD_INT, .offset = F(max_bytes), .min = 65536, .max = INT64_C(1) << 40,
          .def = "1073741824", .doc = "How large the log may become; in memory 32 MiB at most." },
        { .name = "full", .type = SOVD_FIELD_ENUM, .offset = F(full), .names = full_names, .def = "refuse",
          .doc = "When it is full: refuse changes (503), or overwrite the oldest entries, which the log says. In memory: overwrite." },
        { .name = "syslog", .type = SOVD_FIELD_OBJECT, .offset = F(syslog), .of = &syslog_schema,
          .doc = "A collector that gets the entries too; without it, none does." },
        { .name = "verify_hours", .type = SOVD_FIELD_NUMBER, .offset = F(verify_hours), .min = 0, .max = 8760, .def = "24",
          .doc = "How often the log is verified while the gateway runs, the first time at its start; 0: never." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_audit_settings = {
        .name = "audit", .size = sizeof(struct sovd_audit_settings), .fields = fields,
        .doc = "The audit log, which is a part of the state.",
};

const char *sovd_audit_settings_check(const struct sovd_audit_settings *s, const struct sovd_config_tree *tree,
                                      struct sovd_arena *arena) {
        const struct sovd_syslog_settings *y = s->syslog;
        const char *why = s->enabled.value && s->key_file ? sovd_audit_check_key(s->key_file) : NULL, *pointer = "/audit/syslog";

        if (why)
                return sovd_config_complain(tree, arena, "/audit/key_file", sovd_arena_printf(arena, "cannot be used: %s", why));
        if (!y)
                return NULL;
        if (!s->enabled.value)
                why = "has nothing to send: audit.enabled is false";
        else if (y->ca_file && y->transport != SOVD_SYSLOG_TLS)
                pointer = "/audit/syslog/ca_file", why = "is for the transport tls only";
        else if (y->ca_file && (why = sovd_syslog_check_ca(y->ca_file)))
                pointer = "/audit/syslog/ca_file";
        else if ((y->certificate || y->key) && y->transport != SOVD_SYSLOG_TLS)
                pointer = y->certificate ? "/audit/syslog/certificate" : "/audit/syslog/key", why = "is for the transport tls only";
        else if (!y->certificate != !y->key)
                why = "a certificate and its key come together";
        else if (y->key && (why = sovd_syslog_check_pair(y->certificate, y->key)))
                pointer = "/audit/syslog/key";
        return why ? sovd_config_complain(tree, arena, pointer, why) : NULL;
}

static void take_syslog(const struct sovd_syslog_settings *y, struct sovd_syslog_options *ret) {
        static const unsigned ports[] = { [SOVD_SYSLOG_UDP] = 514, [SOVD_SYSLOG_TCP] = 601, [SOVD_SYSLOG_TLS] = 6514 };

        *ret = (struct sovd_syslog_options){ .transport = (enum sovd_syslog_transport)y->transport,
                                             .host = y->host,
                                             .ca_file = y->ca_file,
                                             .cert_file = y->certificate,
                                             .key_file = y->key,
                                             .port = y->port.set ? (unsigned)y->port.value : ports[y->transport],
                                             .queue = (uint64_t)y->queue.value,
                                             .timeout_usec = sovd_settings_usec(y->timeout),
                                             .enterprise = (unsigned)y->enterprise.value };
}

int sovd_audit_settings_open(const struct sovd_audit_settings *s, struct sovd_db *db, const char *folder,
                             struct sovd_audit **ret) {
        struct sovd_syslog_options syslog;
        const struct sovd_audit_options options = {
                .db = db,
                .folder = folder,
                .key_file = s->key_file,
                .epoch_usec = sovd_settings_usec(s->epoch),
                .epoch_entries = (uint64_t)s->epoch_entries.value,
                .keep_usec = 86400 * sovd_settings_usec(s->keep_days),
                .bytes_max = (uint64_t)(folder ? s->max_bytes.value : SOVD_MIN(s->max_bytes.value, MEMORY_BYTES)),
                .verify_usec = 3600 * sovd_settings_usec(s->verify_hours),
                .syslog = s->syslog ? &syslog : NULL,
                .overwrite = !folder || s->full == 2,
        };

        *ret = NULL;
        if (s->syslog)
                take_syslog(s->syslog, &syslog);
        if (s->enabled.value)
                return sovd_audit_new(ret, &options);
        sovd_log(SOVD_LOG_WARN, "changes are not put on record: audit.enabled is false");
        return 0;
}
