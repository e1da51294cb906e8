/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own state, for those who keep it: a snapshot out, and one in. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/file_source.h"
#include "sovd-core/base/log.h"
#include "sovd-core/fault_mirror.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/snapshot.h"
#include "sovd-core/model/bulk_data.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/respond_stream.h"
#include "sovd-rest/rest.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SNAPSHOT_TYPE "application/vnd.sqlite3"

/* Disk full and disk broken are told apart: who can make room should know. */
static int disk_failed(struct sovd_call *call, const char *what, int r) {
        if (r >= 0 || r == -ENOMEM)
                return r;
        sovd_log(SOVD_LOG_ERROR, "%s: %s", what, strerror(-r));
        r = sovd_fail(call, r == -ENOSPC ? SOVD_E_NO_SPACE : SOVD_E_STORAGE, "%s: %s", what, strerror(-r));
        sovd_fail_retry_after(call, 10);
        return r;
}

static int temporary_file(struct sovd_call *call, const char **ret_path) {
        return disk_failed(call, "no file for the snapshot can be made",
                           sovd_snapshot_file(sovd_rest_of(call)->state_folder, call->arena, ret_path));
}

/* --- backup --------------------------------------------------------------------------------------------- */

static const char *file_name(struct sovd_call *call) {
        time_t now = (time_t)(sovd_realtime_usec() / SOVD_USEC_PER_SEC);
        char text[32];
        struct tm tm;

        (void)gmtime_r(&now, &tm);
        (void)strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
        return sovd_call_printf(call, "sovd-gateway-%s.db", text);
}

/* Its name goes at once: the bytes live as long as somebody reads them. */
static int open_made(struct sovd_call *call, const char *path, struct sovd_bulk_content *content) {
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        int r = fd < 0 || fstat(fd, &st) ? -errno : 0;

        if (!r)
                r = sovd_file_source_new(&content->stream, fd);
        else if (fd >= 0)
                (void)close(fd);
        if (r)
                return r;
        content->mimetype = SNAPSHOT_TYPE;
        content->filename = file_name(call);
        content->size = content->length = (uint64_t)st.st_size;
        return 0;
}

static int make(struct sovd_call *call, struct sovd_bulk_content *content) {
        const char *path;

        int r = temporary_file(call, &path);
        if (r)
                return r;
        r = sovd_snapshot_make(sovd_gateway_db(call->gateway), path);
        if (!r)
                r = open_made(call, path, content);
        sovd_snapshot_unlink(path);
        return disk_failed(call, "the snapshot cannot be made", r);
}

static int backup(struct sovd_call *call) {
        struct sovd_bulk_content *content = sovd_arena_new0(call->arena, struct sovd_bulk_content);
        if (!content)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_transfer_begin(call);
        if (r)
                return r;
        r = make(call, content);
        if (r)
                sovd_transfer_end(call, false);
        call->out = content;
        return r;
}

/* --- restore -------------------------------------------------------------------------------------------- */

struct restored {
        const char *status, *made, *gateway;
        struct sovd_int faults;
};
#define F(member) offsetof(struct restored, member)
static const struct sovd_field restored_fields[] = {
        { .name = "status", .type = SOVD_FIELD_STRING, .offset = F(status), .flags = SOVD_REQUIRED,
          .doc = "restored: it is durable." },
        { .name = "faults", .type = SOVD_FIELD_INT, .offset = F(faults), .flags = SOVD_REQUIRED,
          .doc = "Faults that were in the snapshot." },
        { .name = "snapshot_made", .type = SOVD_FIELD_STRING, .offset = F(made), .flags = SOVD_REQUIRED,
          .format = "date-time" },
        { .name = "snapshot_gateway", .type = SOVD_FIELD_STRING, .offset = F(gateway), .flags = SOVD_REQUIRED,
          .doc = "Version of the gateway that made it." },
        { 0 }
};
#undef F
static const struct sovd_schema restored_schema = { .name = "Restored", .size = sizeof(struct restored),
                                                    .fields = restored_fields };

/* Who says no type has said nothing wrong: the file shows what it is. */
static int check_type(struct sovd_call *call) {
        static const char *const taken[] = { SNAPSHOT_TYPE, "application/octet-stream" };
        const char *type = sovd_call_header(call, "Content-Type");
        size_t n = type ? strcspn(type, "; \t") : 0;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(taken); i++)
                if (!type || (n == strlen(taken[i]) && strncasecmp(type, taken[i], n) == 0))
                        return 0;
        return sovd_fail(call, SOVD_E_MEDIA_TYPE, "the snapshot must come as %s or %s", taken[0], taken[1]);
}

static int receive(struct sovd_call *call, const char *path) {
        struct sovd_rest *rest = sovd_rest_of(call);
        uint64_t n;
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return disk_failed(call, "the snapshot cannot be kept", -errno);

        int r = sovd_file_source_save(call->body, fd, rest->bulk_bytes, call->deadline_usec, &n);
        (void)close(fd);
        if (r > 0 && !call->failure.error)
                r = sovd_fail(call, (enum sovd_error)r, "the snapshot did not come whole: %s",
                              call->body->problem ? call->body->problem : "its transfer broke");
        return disk_failed(call, "the snapshot cannot be kept", r);
}

static int answer(struct sovd_call *call, const struct sovd_snapshot *about, int64_t n) {
        struct restored *out = sovd_arena_new0(call->arena, struct restored);
        char made[SOVD_TIMESTAMP_SIZE];
        if (!out)
                return sovd_error_origin(-ENOMEM);

        *out = (struct restored){ .status = "restored",
                                  .faults = SOVD_INT(n),
                                  .made = sovd_call_printf(call, "%s", sovd_clock_format(made, about->made_usec)),
                                  .gateway = about->gateway };
        call->out = out;
        return 0;
}

/* Beside the entries that every change has: what came in. */
static void record(struct sovd_call *call, const struct sovd_snapshot *about, int64_t n) {
        const struct sovd_audit_entry *who = &((struct sovd_rest_call *)call)->trail.who;
        struct sovd_audit_entry e = { .ev = "system.restore", .outcome = "ok", .req = who->req, .sub = who->sub, .n_detail = 2,
                                      .detail = { { .name = "faults", .number = (uint64_t)n },
                                                  { .name = "snapshot_ms", .number = SOVD_MIN(about->made_usec / 1000, SOVD_CANON_INT_MAX) } } };

        if (sovd_gateway_audit(call->gateway))
                sovd_audit_post(sovd_gateway_audit(call->gateway), &e);
}

static void tell_backends(struct sovd_call *call) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(call->gateway, backends, SOVD_BACKENDS_MAX);

        for (size_t i = 0; i < n; i++) {
                if (backends[i]->ops->faults_restored)
                        backends[i]->ops->faults_restored(backends[i]);
                sovd_backend_unref(backends[i]);
        }
        if (sovd_rest_of(call)->fault_mirror)
                sovd_fault_mirror_restored(sovd_rest_of(call)->fault_mirror);
}

static int take_over(struct sovd_call *call, const char *path) {
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(call->gateway);
        _cleanup_(sovd_db_closep) struct sovd_db *db = NULL;
        struct sovd_snapshot about;
        const char *why = NULL;
        int64_t n = 0;

        int r = sovd_snapshot_open(&db, path, call->arena, &about, &why);
        if (!r)
                r = sink->ops->restore(sink, db, &about, call->principal.id, call->arena, &n, &why);
        if (r == SOVD_E_BAD_REQUEST)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the snapshot is refused, and nothing was changed: %s",
                                 why ? why : "it cannot be used");
        if (r == SOVD_E_OVERLOAD)
                return sovd_fail(call, SOVD_E_OVERLOAD, "too many changes wait for the disk; nothing was changed");
        if (r)
                return disk_failed(call, "the snapshot cannot be restored, and nothing was changed", r);
        tell_backends(call);
        record(call, &about, n);
        sovd_log(SOVD_LOG_WARN, "%s restored %lld faults from a snapshot of gateway %s", call->principal.id, (long long)n,
                 about.gateway);
        return answer(call, &about, n);
}

static int restore(struct sovd_call *call) {
        const char *path;

        if (!sovd_gateway_fault_sink(call->gateway))
                return sovd_not_offered(call, "restoring faults");
        int r = check_type(call);
        if (!r)
                r = sovd_transfer_begin(call);
        if (r)
                return r;
        r = temporary_file(call, &path);
        if (!r) {
                r = receive(call, path);
                if (!r)
                        r = take_over(call, path);
                sovd_snapshot_unlink(path);
        }
        sovd_transfer_end(call, call->body->problem);
        return r;
}

const struct sovd_route sovd_routes_admin[] = {
        { .id = "backup", .method = SOVD_GET, .path = "/x-admin/backup", .handler = backup,
          .flags = SOVD_ADMIN | SOVD_STREAM_OUT | SOVD_AUDITED | SOVD_TAKES_OUT, .collection = SOVD_NO_COLLECTION, .success = 200,
          .summary = "Read the diagnostic state as one file" },
        { .id = "restore", .method = SOVD_POST, .path = "/x-admin/restore", .handler = restore,
          .flags = SOVD_ADMIN | SOVD_STREAM_BODY, .collection = SOVD_NO_COLLECTION, .out = &restored_schema,
          .success = 200, .summary = "Replace the diagnostic state by that of such a file" },
        { 0 }
};
