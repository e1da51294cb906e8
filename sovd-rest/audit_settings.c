/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/audit_settings.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/settings.h"

#define MEMORY_BYTES (INT64_C(32) << 20) /* of a log that ends with the process */

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
        { .name = "verify_hours", .type = SOVD_FIELD_NUMBER, .offset = F(verify_hours), .min = 0, .max = 8760, .def = "24",
          .doc = "How often the log is verified while the gateway runs, the first time at its start; 0: never." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_audit_settings = {
        .name = "audit", .size = sizeof(struct sovd_audit_settings), .fields = fields,
        .doc = "The audit log, which is a part of the state.",
};

int sovd_audit_settings_open(const struct sovd_audit_settings *s, struct sovd_db *db, const char *folder,
                             struct sovd_audit **ret) {
        const struct sovd_audit_options options = {
                .db = db,
                .folder = folder,
                .key_file = s->key_file,
                .epoch_usec = sovd_settings_usec(s->epoch),
                .epoch_entries = (uint64_t)s->epoch_entries.value,
                .keep_usec = 86400 * sovd_settings_usec(s->keep_days),
                .bytes_max = (uint64_t)(folder ? s->max_bytes.value : SOVD_MIN(s->max_bytes.value, MEMORY_BYTES)),
                .verify_usec = 3600 * sovd_settings_usec(s->verify_hours),
                .overwrite = !folder || s->full == 2,
        };

        *ret = NULL;
        if (s->enabled.value)
                return sovd_audit_new(ret, &options);
        sovd_log(SOVD_LOG_WARN, "changes are not put on record: audit.enabled is false");
        return 0;
}
