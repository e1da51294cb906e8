/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/auth.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/self_check.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/gateway.h"
#include "sovd-rest/own_inside.h"
#include <errno.h>

#define CUT           "~" /* between the beginning of a name that is too long and its hash */

/* --- the conditions -------------------------------------------------------------------------------------- */

/* A name that is too long for a code keeps its beginning and gets a number that tells it from others. */
static const char *code_of(struct own_look *l, const struct own_kind *kind, const char *subject) {
        const char *code = sovd_arena_printf(l->arena, "%s.%s", kind->code, subject);
        uint32_t hash = 2166136261u;
        size_t cut = OWN_CODE_MAX - 9;

        if (!code || strlen(code) <= OWN_CODE_MAX)
                return code;
        for (const char *p = subject; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619u;
        while (((unsigned char)code[cut] & 0xc0) == 0x80)
                cut--;
        return sovd_arena_printf(l->arena, "%.*s" CUT "%08x", (int)cut, code, hash);
}

static struct own_finding *more(struct own_look *l) {
        if (l->n == l->size) {
                size_t size = l->size ? 2 * l->size : 32;
                struct own_finding *findings = sovd_arena_array(l->arena, struct own_finding, size);
                if (!findings)
                        return NULL;
                if (l->n)
                        memcpy(findings, l->findings, l->n * sizeof(*findings));
                l->findings = findings;
                l->size = size;
        }
        return &l->findings[l->n++];
}

/* Takes the writer over: the members of the environment data, when it is bad. */
static void find(struct own_look *l, const struct own_kind *kind, const char *subject, enum own_verdict verdict,
                 struct sovd_json_writer *w) {
        struct own_finding *f = l->error ? NULL : more(l);
        const char *text = NULL;
        size_t len;

        sovd_json_object_end(w);
        if (f && verdict == OWN_BAD && !sovd_json_writer_finish(w, &text, &len))
                text = sovd_arena_strdup(l->arena, text);
        sovd_json_writer_done(w);
        if (f)
                *f = (struct own_finding){ .kind = kind,
                                       .code = subject ? code_of(l, kind, subject) : kind->code,
                                       .subject = sovd_arena_strdup(l->arena, subject),
                                       .verdict = verdict,
                                       .environment = text };
        if (!f || !f->code || (subject && !f->subject) || (verdict == OWN_BAD && !text))
                l->error = sovd_error_origin(-ENOMEM);
}

static void begin(struct sovd_json_writer *w) {
        sovd_json_writer_init(w, 0, 0);
        sovd_json_object_begin(w);
}

static void look_at_backend(struct own_look *l, const struct own_kind *kind, struct sovd_backend *b) {
        struct sovd_backend_status s = { 0 };
        char when[SOVD_TIMESTAMP_SIZE];
        struct sovd_json_writer w;

        b->ops->status(b, &s);
        begin(&w);
        sovd_json_key_string(&w, "backend", b->name);
        if (s.address)
                sovd_json_key_string(&w, "address", s.address);
        if (*s.last_error)
                sovd_json_key_string(&w, "last_error", s.last_error);
        if (s.breaker)
                sovd_json_key_string(&w, "breaker", s.breaker);
        if (s.last_seen_usec)
                sovd_json_key_string(&w, "last_seen", sovd_clock_format(when, s.last_seen_usec));
        find(l, kind, b->name,
             s.connection == SOVD_CONNECTED      ? OWN_GOOD
             : s.connection == SOVD_DISCONNECTED ? OWN_BAD
                                                 : OWN_UNKNOWN,
             &w);
}

static void each_backend(struct own_look *l, const struct own_kind *kind) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(l->own->gateway, backends, SOVD_BACKENDS_MAX);

        for (size_t i = 0; i < n; i++) {
                look_at_backend(l, kind, backends[i]);
                sovd_backend_unref(backends[i]);
        }
}

/* "apps/nav" is "apps.nav" in a code: it has to fit into a path. */
static void look_at_app(struct own_look *l, const struct own_kind *kind, const struct sovd_peer_status *s) {
        char *subject = sovd_arena_strdup(l->arena, s->entity);
        char *slash = subject ? strchr(subject, '/') : NULL;
        struct sovd_json_writer w;

        if (slash)
                *slash = '.';
        begin(&w);
        sovd_json_key_string(&w, "entity", s->entity);
        if (*s->why)
                sovd_json_key_string(&w, "reason", s->why);
        find(l, kind, subject, s->lost ? OWN_BAD : s->met ? OWN_GOOD : OWN_UNKNOWN, &w);
}

static void each_app(struct own_look *l, const struct own_kind *kind) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(l->own->gateway, backends, SOVD_BACKENDS_MAX);
        struct sovd_peer_status s;

        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; backends[i]->ops->peer && backends[i]->ops->peer(backends[i], k, &s); k++)
                        look_at_app(l, kind, &s);
                sovd_backend_unref(backends[i]);
        }
}

static enum own_verdict check_writing(struct own_look *l, struct sovd_json_writer *w) {
        struct sovd_db_status s;

        sovd_db_status(sovd_gateway_db(l->own->gateway), &s);
        if (!s.error)
                return OWN_GOOD;
        sovd_json_key_string(w, "error", s.error < 0 ? strerror(-s.error) : "a change was refused");
        sovd_json_key_int(w, "failed_transactions", (int64_t)s.n_failed);
        sovd_json_key_int(w, "waiting_changes", (int64_t)s.n_waiting);
        return OWN_BAD;
}

static enum own_verdict check_damage(struct own_look *l, struct sovd_json_writer *w) {
        if (!l->own->damaged)
                return OWN_GOOD;
        sovd_json_key_string(w, "kept_as", l->own->damaged);
        return OWN_BAD;
}

static enum own_verdict check_audit(struct own_look *l, struct sovd_json_writer *w) {
        struct sovd_audit *audit = sovd_gateway_audit(l->own->gateway);
        struct sovd_audit_status s;

        if (!audit)
                return OWN_GOOD;
        sovd_audit_status(audit, &s);
        if (!s.error && !s.full)
                return OWN_GOOD;
        sovd_json_key_string(w, "error", s.error ? strerror(abs(s.error)) : "audit.max_bytes is reached");
        sovd_json_key_int(w, "refused_changes", (int64_t)s.n_refused);
        return OWN_BAD;
}

static enum own_verdict check_tampering(struct own_look *l, struct sovd_json_writer *w) {
        struct sovd_audit *audit = sovd_gateway_audit(l->own->gateway);
        struct sovd_audit_status s;

        if (!audit)
                return OWN_GOOD;
        sovd_audit_status(audit, &s);
        if (!s.tampered)
                return OWN_GOOD;
        sovd_json_key_string(w, "finding", s.why);
        return OWN_BAD;
}

static enum own_verdict check_verification(struct own_look *l, struct sovd_json_writer *w) {
        struct sovd_audit *audit = sovd_gateway_audit(l->own->gateway);
        struct sovd_audit_self_status s;

        if (!audit || !sovd_audit_verification(audit, &s) || s.result != SOVD_SELF_FAILED || s.acknowledged)
                return OWN_GOOD;
        sovd_json_key_string(w, "finding", s.reason);
        sovd_json_key_int(w, "entries_read", (int64_t)(s.last + 1 - SOVD_MIN(s.first, s.last + 1)));
        return OWN_BAD;
}

static void write_end(struct sovd_json_writer *w, uint64_t ends) {
        char when[SOVD_TIMESTAMP_SIZE];

        sovd_json_key_string(w, "not_after", sovd_clock_format(when, ends));
}

static enum own_verdict check_expiring(struct own_look *l, struct sovd_json_writer *w) {
        uint64_t ends = l->tls.ends.certificate_usec, now = sovd_realtime_usec();

        if (!ends || now >= ends || now + SOVD_TLS_EXPIRING_USEC < ends)
                return OWN_GOOD;
        write_end(w, ends);
        sovd_json_key_int(w, "days_left", (int64_t)((ends - now) / (86400 * SOVD_USEC_PER_SEC)));
        return OWN_BAD;
}

static enum own_verdict check_expired(struct own_look *l, struct sovd_json_writer *w) {
        uint64_t ends = l->tls.ends.certificate_usec;

        if (!ends || sovd_realtime_usec() < ends)
                return OWN_GOOD;
        write_end(w, ends);
        return OWN_BAD;
}

static enum own_verdict check_list_expired(struct own_look *l, struct sovd_json_writer *w) {
        uint64_t ends = l->tls.ends.crl_usec;

        if (!ends || sovd_realtime_usec() < ends)
                return OWN_GOOD;
        write_end(w, ends);
        return OWN_BAD;
}

static enum own_verdict check_stale(struct own_look *l, struct sovd_json_writer *w) {
        if (!l->tls.is_stale)
                return OWN_GOOD;
        sovd_json_key_string(w, "error", l->tls.why);
        return OWN_BAD;
}

struct keys {
        struct sovd_json_writer *w;
        uint64_t from_usec, until_usec;
        size_t n;
};

static void look_at_key(void *data, const char *name, uint64_t ends_usec) {
        struct keys *keys = data;

        if (ends_usec <= keys->from_usec || ends_usec > keys->until_usec)
                return;
        if (!keys->n++) {
                sovd_json_key(keys->w, "keys");
                sovd_json_array_begin(keys->w);
        }
        sovd_json_string(keys->w, name);
}

/* Keys that end between the two times. */
static enum own_verdict check_keys(const struct own_look *l, struct sovd_json_writer *w, uint64_t from, uint64_t until) {
        struct keys keys = { .w = w, .from_usec = from, .until_usec = until };

        if (l->own->auth)
                sovd_auth_each_ending_key(l->own->auth, look_at_key, &keys);
        if (keys.n)
                sovd_json_array_end(w);
        return keys.n ? OWN_BAD : OWN_GOOD;
}

static enum own_verdict check_keys_expiring(struct own_look *l, struct sovd_json_writer *w) {
        uint64_t now = sovd_realtime_usec();

        return check_keys(l, w, now, now + SOVD_AUTH_SOON_USEC);
}

static enum own_verdict check_keys_expired(struct own_look *l, struct sovd_json_writer *w) {
        return check_keys(l, w, 0, sovd_realtime_usec());
}

static const struct own_kind kinds[] = {
        { .code = "state-write-failed", .name = "The state cannot be written", .severity = 2, .n_looks = 1,
          .check = check_writing },
        { .code = "state-damaged", .name = "The state was damaged and began anew", .severity = 2, .n_looks = 1,
          .once = true, .check = check_damage },
        { .code = "certificate-expiring", .name = "The server's certificate ends within 30 days", .severity = 3,
          .n_looks = 1, .check = check_expiring },
        { .code = "certificate-expired", .name = "The server's certificate has ended", .severity = 2, .n_looks = 1,
          .check = check_expired },
        { .code = "certificate-not-renewed", .name = "The new files of server.tls cannot be used, the old ones stay", .severity = 2,
          .n_looks = 1, .check = check_stale },
        { .code = "revocation-list-expired", .name = "A revocation list has ended: client certificates are refused", .severity = 2,
          .n_looks = 1, .check = check_list_expired },
        { .code = "api-key-expiring", .name = "An API key ends within 30 days", .severity = 3, .n_looks = 1,
          .check = check_keys_expiring },
        { .code = "api-key-expired", .name = "An API key has ended and is still configured", .severity = 3, .n_looks = 1,
          .check = check_keys_expired },
        { .code = "audit-failed", .name = "Changes cannot be put on record", .severity = 2, .n_looks = 1, .check = check_audit },
        { .code = "audit-tampered", .name = "The audit log was changed by somebody else", .severity = 1, .n_looks = 1,
          .check = check_tampering },
        { .code = "audit-verification-failed", .name = "The audit log is not what was once written", .severity = 1, .n_looks = 1,
          .check = check_verification },
        { .code = "backend-lost", .name = "Backend '%s' cannot be reached", .severity = 2, .n_looks = 3,
          .each = each_backend },
        { .code = "app-lost", .name = "App '%s' went away without a word", .severity = 2, .n_looks = 1, .each = each_app },
};

const struct own_kind *const own_kind_unwritten = &kinds[0];

void own_look_at_all(struct own_look *l) {
        struct sovd_json_writer w;

        if (l->own->tls)
                sovd_tls_status(l->own->tls, &l->tls);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(kinds); i++) {
                const struct own_kind *kind = &kinds[i];
                if (kind->each) {
                        kind->each(l, kind);
                        continue;
                }
                begin(&w);
                enum own_verdict verdict = kind->check(l, &w);
                find(l, kind, NULL, verdict, &w);
        }
}
