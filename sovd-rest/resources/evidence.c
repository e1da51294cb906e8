/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway can prove or measure of itself. It claims no conformance: that is for whoever reads it. */
#include "sovd-auth/auth.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/self_check.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/feature_switches.h"
#include "sovd-rest/authority.h"
#include "sovd-rest/evidence.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"
#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>

struct build {
        const char *version, *executable, *started, *openssl, *system;
};
struct configuration {
        const char *sha256, *since;
        const cJSON *sections;
};
struct policy {
        struct sovd_bool enforced;
        const char *source, *sha256;
        struct sovd_int generation;
};
struct authentication {
        struct sovd_bool enabled;
        struct sovd_strings methods;
};
struct transport {
        struct sovd_bool tls, local, client_ca, client_required;
        struct sovd_strings versions;
        const char *certificate, *certificate_ends, *crl_ends;
};
struct verification {
        const char *result, *at, *reason, *root;
        struct sovd_bool acknowledged;
        struct sovd_int took, first, last, size;
};
struct audit {
        struct sovd_bool enabled, tampered;
        const char *log, *device_key, *checkpoint;
        struct sovd_int entries, first, bytes, max_bytes, lost, refused;
        struct verification *verification;
};
struct state {
        struct sovd_bool durable;
        struct sovd_int bytes;
        const char *error, *checked, *checked_at;
};
struct machine_clock {
        const char *now, *boot;
        struct sovd_int since_boot;
};
struct evidence {
        struct build *build;
        struct configuration *configuration;
        struct policy *policy;
        struct authentication *authentication;
        struct transport *transport;
        struct audit *audit;
        struct state *state;
        struct machine_clock *clock;
        struct sovd_strings features_off;
};

#define FIELD(kind, place, at, word, ...) { .name = word, .type = kind, .offset = offsetof(struct place, at), __VA_ARGS__ }
#define TEXT(place, at, word, ...) FIELD(SOVD_FIELD_STRING, place, at, word, .doc = __VA_ARGS__)
#define TIME(place, at, word, ...) FIELD(SOVD_FIELD_STRING, place, at, word, .format = "date-time", .doc = __VA_ARGS__)
#define INT(place, at, word, ...)  FIELD(SOVD_FIELD_INT, place, at, word, .doc = __VA_ARGS__)
#define BOOL(place, at, word, ...) FIELD(SOVD_FIELD_BOOL, place, at, word, .flags = SOVD_REQUIRED, .doc = __VA_ARGS__)
#define SCHEMA(word, place) { .name = word, .size = sizeof(struct place), .fields = place##_fields }

static const struct sovd_field build_fields[] = {
        TEXT(build, version, "version", "Of the gateway."),
        TEXT(build, executable, "executable_sha256", "Of the program that runs, as its file is now; absent: it cannot be read."),
        TEXT(build, openssl, "openssl", "The library that is loaded."),
        TEXT(build, system, "system", "Kernel and machine."),
        TIME(build, started, "started_at", "Of the process."),
        { 0 }
};
static const struct sovd_schema build_schema = SCHEMA("EvidenceBuild", build);
static const struct sovd_field configuration_fields[] = {
        TEXT(configuration, sha256, "sha256", "Of the sections as canonical JSON: members by name, no blanks."),
        TIME(configuration, since, "since", "When it came into force."),
        FIELD(SOVD_FIELD_JSON, configuration, sections, "sections", .doc = "All of it, defaults included, without secrets."),
        { 0 }
};
static const struct sovd_schema configuration_schema = SCHEMA("EvidenceConfiguration", configuration);
static const struct sovd_field policy_fields[] = {
        BOOL(policy, enforced, "enforced", "false: whoever comes in may do everything but what is for admins and auditors."),
        TEXT(policy, source, "source", "file, or built-in."),
        TEXT(policy, sha256, "sha256", "Of the bytes of the policy file as it was read."),
        INT(policy, generation, "generation", "Another number after each change since the start."),
        { 0 }
};
static const struct sovd_schema policy_schema = SCHEMA("EvidencePolicy", policy);
static const struct sovd_field authentication_fields[] = {
        BOOL(authentication, enabled, "enabled", "Are credentials needed?"),
        FIELD(SOVD_FIELD_STRINGS, authentication, methods, "methods", .flags = SOVD_REQUIRED | SOVD_EMPTY_LIST,
              .doc = "By which a client can be known now."),
        { 0 }
};
static const struct sovd_schema authentication_schema = SCHEMA("EvidenceAuthentication", authentication);
static const struct sovd_field transport_fields[] = {
        BOOL(transport, tls, "tls", "false: plain HTTP."),
        BOOL(transport, local, "local", "Only this machine reaches the listener."),
        FIELD(SOVD_FIELD_STRINGS, transport, versions, "versions", .doc = "Of TLS that are accepted."),
        TEXT(transport, certificate, "certificate_sha256", "Of the certificate in force (DER)."),
        TIME(transport, certificate_ends, "certificate_ends", "When it ends."),
        FIELD(SOVD_FIELD_BOOL, transport, client_ca, "client_ca", .doc = "Can clients show certificates?"),
        FIELD(SOVD_FIELD_BOOL, transport, client_required, "client_certificate_required", .doc = "Must they?"),
        TIME(transport, crl_ends, "revocation_list_ends", "The first of them; absent: there is none."),
        { 0 }
};
static const struct sovd_schema transport_schema = SCHEMA("EvidenceTransport", transport);
static const struct sovd_field verification_fields[] = {
        TEXT(verification, result, "result", "Of the last self-check that ended: pending (none has), sound, failed, unreadable."),
        TIME(verification, at, "at", "When it ended."),
        INT(verification, took, "took_ms", "How long it took."),
        INT(verification, first, "first", "Entries that were verified: from here"),
        INT(verification, last, "last", "to here."),
        INT(verification, size, "size", "Of the tree whose signature was verified."),
        TEXT(verification, root, "root", "Of that tree, hex."),
        TEXT(verification, reason, "reason", "What was found, or why nothing could be."),
        FIELD(SOVD_FIELD_BOOL, verification, acknowledged, "acknowledged", .doc = "An admin has seen the finding."),
        { 0 }
};
static const struct sovd_schema verification_schema = SCHEMA("EvidenceVerification", verification);
static const struct sovd_field audit_fields[] = {
        BOOL(audit, enabled, "enabled", "Are changes put on record?"),
        TEXT(audit, log, "log", "Name of the log."),
        INT(audit, entries, "entries", "All that were ever written."),
        INT(audit, first, "first", "The first that is kept."),
        INT(audit, bytes, "bytes", "Its size."),
        INT(audit, max_bytes, "max_bytes", "Its limit."),
        TEXT(audit, device_key, "device_key", "Fingerprint of the device key: SHA-256 of its 32 bytes."),
        TEXT(audit, checkpoint, "checkpoint", "The last signed head, a note (C2SP tlog-checkpoint)."),
        FIELD(SOVD_FIELD_BOOL, audit, tampered, "tampered", .doc = "It was found changed, and nobody has acknowledged it."),
        INT(audit, lost, "lost", "Entries that could not be written, since the start."),
        INT(audit, refused, "refused", "Changes that were not made because they could not be put on record, since the start."),
        FIELD(SOVD_FIELD_OBJECT, audit, verification, "verification", .of = &verification_schema, .doc = "Absent: audit.verify_hours is 0."),
        { 0 }
};
static const struct sovd_schema audit_schema = SCHEMA("EvidenceAudit", audit);
static const struct sovd_field state_fields[] = {
        BOOL(state, durable, "durable", "A file; false: memory."),
        INT(state, bytes, "bytes", "Of the file."),
        TEXT(state, error, "error", "Why the last change could not be written; absent: it could."),
        TEXT(state, checked, "check", "What the last reading of every page found: sound, failed, unreadable; absent: there was none."),
        TIME(state, checked_at, "checked_at", "When."),
        { 0 }
};
static const struct sovd_schema state_schema = SCHEMA("EvidenceState", state);
static const struct sovd_field machine_clock_fields[] = {
        TIME(machine_clock, now, "now", "What the machine's clock says; whether it is right nobody here knows."),
        TEXT(machine_clock, boot, "boot", "Name of this start of the machine."),
        INT(machine_clock, since_boot, "since_boot_ms", "By the clock that nobody can set."),
        { 0 }
};
static const struct sovd_schema clock_schema = SCHEMA("EvidenceClock", machine_clock);
#define PART(at) FIELD(SOVD_FIELD_OBJECT, evidence, at, #at, .flags = SOVD_REQUIRED, .of = &at##_schema)
static const struct sovd_field evidence_fields[] = {
        PART(build), PART(configuration), PART(policy), PART(authentication), PART(transport), PART(audit), PART(state), PART(clock),
        FIELD(SOVD_FIELD_STRINGS, evidence, features_off, "features_off", .flags = SOVD_REQUIRED | SOVD_EMPTY_LIST,
              .doc = "What an admin has switched off."),
        { 0 }
};
static const struct sovd_schema evidence_schema = SCHEMA("ComplianceEvidence", evidence);

static const char *copy(struct sovd_call *call, const char *text) {
        return text && *text ? sovd_call_printf(call, "%s", text) : NULL;
}

static const char *time_text(struct sovd_call *call, uint64_t usec) {
        char when[SOVD_TIMESTAMP_SIZE];

        return usec ? copy(call, sovd_clock_format(when, usec)) : NULL;
}

/* --- the parts --------------------------------------------------------------------------------------------- */

static int add_build(struct sovd_call *call, struct build *b) {
        struct utsname u;
        uint64_t up = sovd_now_usec() - sovd_gateway_started_usec(call->gateway);

        *b = (struct build){ .version = SOVD_VERSION,
                             .executable = copy(call, sovd_evidence_executable()),
                             .started = time_text(call, sovd_realtime_usec() - up),
                             .openssl = copy(call, OpenSSL_version(OPENSSL_VERSION)) };
        if (!uname(&u))
                b->system = sovd_call_printf(call, "%s %s %s", u.sysname, u.release, u.machine);
        return 0;
}

static int add_configuration(struct sovd_call *call, struct configuration *c) {
        struct sovd_evidence_configuration in_force;
        int r = sovd_evidence_read(sovd_rest_of(call)->evidence, call->arena, &in_force);

        if (r)
                return r;
        *c = (struct configuration){ .sha256 = copy(call, in_force.sha256),
                                     .since = in_force.sections ? time_text(call, in_force.since_usec) : NULL,
                                     .sections = in_force.sections };
        return 0;
}

static int add_policy(struct sovd_call *call, struct policy *p) {
        struct sovd_authority *authority = sovd_rest_of(call)->authority;
        struct sovd_policy *policy = sovd_authority_policy(authority);

        *p = (struct policy){ .enforced = SOVD_BOOL(policy != NULL),
                              .generation = SOVD_INT((int64_t)sovd_authority_generation(authority)) };
        if (policy) {
                p->sha256 = copy(call, sovd_policy_digest(policy));
                p->source = p->sha256 ? "file" : "built-in";
        }
        sovd_policy_unref(policy);
        return 0;
}

static int add_authentication(struct sovd_call *call, struct authentication *a) {
        const struct sovd_auth *auth = sovd_rest_of(call)->auth;
        const unsigned ways = sovd_auth_ways(auth);
        const char **items = sovd_arena_array(call->arena, const char *, SOVD_N_WAYS + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        *a = (struct authentication){ .enabled = SOVD_BOOL(sovd_auth_is_enabled(auth)), .methods = { .items = items, .set = true } };
        for (int i = 0; i < SOVD_N_WAYS; i++)
                if (ways & (1u << i))
                        items[a->methods.n++] = sovd_way_names[i];
        return 0;
}

static int add_transport(struct sovd_call *call, struct transport *t) {
        static const char *versions[] = { "TLSv1.2", "TLSv1.3" };
        const struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_tls *tls = rest->server ? sovd_http_server_tls(rest->server) : NULL;
        struct sovd_tls_facts facts;

        *t = (struct transport){ .tls = SOVD_BOOL(tls != NULL), .local = SOVD_BOOL(rest->is_local) };
        if (!tls)
                return 0;
        sovd_tls_describe(tls, &facts);
        const size_t skip = facts.min_version == 2;
        t->versions = (struct sovd_strings){ .items = versions + skip, .n = SOVD_N_ELEMENTS(versions) - skip, .set = true };
        t->certificate = copy(call, facts.certificate_sha256);
        t->certificate_ends = time_text(call, facts.ends.certificate_usec);
        t->crl_ends = time_text(call, facts.ends.crl_usec);
        t->client_ca = SOVD_BOOL(facts.client_ca);
        t->client_required = SOVD_BOOL(facts.client_required);
        return 0;
}

static struct verification *verification_of(struct sovd_call *call, const struct sovd_audit_self_status *s) {
        struct verification *v = sovd_arena_new0(call->arena, struct verification);

        if (!v)
                return NULL;
        *v = (struct verification){ .result = sovd_audit_self_names[s->result], .at = time_text(call, s->ended_usec),
                                    .reason = copy(call, s->reason) };
        if (s->result == SOVD_SELF_FAILED)
                v->acknowledged = SOVD_BOOL(s->acknowledged);
        if (!s->ended_usec)
                return v;
        v->took = SOVD_INT((int64_t)(s->took_usec / 1000));
        v->first = SOVD_INT((int64_t)s->first);
        v->last = SOVD_INT((int64_t)s->last);
        if (s->size) {
                v->size = SOVD_INT((int64_t)s->size);
                v->root = copy(call, s->root);
        }
        return v;
}

static int add_audit(struct sovd_call *call, struct audit *a) {
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);
        struct sovd_audit_self_status self;
        struct sovd_audit_status s;
        uint64_t size;

        *a = (struct audit){ .enabled = SOVD_BOOL(audit != NULL) };
        if (!audit)
                return 0;
        sovd_audit_status(audit, &s);
        *a = (struct audit){ .enabled = SOVD_BOOL(true), .tampered = SOVD_BOOL(s.tampered), .log = copy(call, s.log),
                             .device_key = copy(call, s.fingerprint), .entries = SOVD_INT((int64_t)s.size),
                             .first = SOVD_INT((int64_t)s.first), .bytes = SOVD_INT((int64_t)s.bytes),
                             .max_bytes = SOVD_INT((int64_t)s.bytes_max), .lost = SOVD_INT((int64_t)s.n_lost),
                             .refused = SOVD_INT((int64_t)s.n_refused) };
        if (sovd_audit_checkpoint(audit, call->arena, &a->checkpoint, &size))
                a->checkpoint = NULL; /* what is wrong with it is said by the others */
        if (!sovd_audit_verification(audit, &self))
                return 0;
        a->verification = verification_of(call, &self);
        return a->verification ? 0 : sovd_error_origin(-ENOMEM);
}

static int add_state(struct sovd_call *call, struct state *out) {
        struct sovd_db *db = sovd_gateway_db(call->gateway);
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);
        struct sovd_audit_self_status self;
        struct sovd_db_status s = { 0 };

        *out = (struct state){ .durable = SOVD_BOOL(sovd_db_is_file(db)) };
        if (db)
                sovd_db_status(db, &s);
        if (sovd_db_is_file(db))
                out->bytes = SOVD_INT((int64_t)s.bytes);
        out->error = s.error ? copy(call, strerror(abs(s.error))) : NULL;
        if (audit && sovd_audit_verification(audit, &self) && self.state_usec) {
                out->checked = sovd_audit_self_names[self.state];
                out->checked_at = time_text(call, self.state_usec);
        }
        return 0;
}

static int add_clock(struct sovd_call *call, struct machine_clock *c) {
        char boot[SOVD_BOOT_ID_SIZE];

        *c = (struct machine_clock){ .now = time_text(call, sovd_realtime_usec()), .boot = copy(call, sovd_boot_id(boot)),
                                     .since_boot = SOVD_INT((int64_t)(sovd_boottime_usec() / 1000)) };
        return 0;
}

static int add_features(struct sovd_call *call, struct sovd_strings *off) {
        *off = (struct sovd_strings){ .items = sovd_arena_array(call->arena, const char *, SOVD_N_FEATURES + 1), .set = true };
        if (!off->items)
                return sovd_error_origin(-ENOMEM);
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                if (!sovd_features_is_on(sovd_gateway_features(call->gateway), (enum sovd_feature)i))
                        off->items[off->n++] = sovd_feature_infos[i].id;
        return 0;
}

#define ADD(member, f)                                                                                 \
        if (!r) {                                                                                      \
                e->member = sovd_arena_alloc(call->arena, sizeof(*e->member));                         \
                r = e->member ? f(call, e->member) : sovd_error_origin(-ENOMEM);                       \
        }
static int evidence_read(struct sovd_call *call) {
        struct evidence *e = sovd_arena_new0(call->arena, struct evidence);
        int r = e ? 0 : sovd_error_origin(-ENOMEM);

        if (call->principal.tenant) /* it names clients and backends of all */
                return sovd_fail(call, SOVD_E_FORBIDDEN, "the evidence is about the whole gateway, and not for a client of one tenant");

        ADD(build, add_build)
        ADD(configuration, add_configuration)
        ADD(policy, add_policy)
        ADD(authentication, add_authentication)
        ADD(transport, add_transport)
        ADD(audit, add_audit)
        ADD(state, add_state)
        ADD(clock, add_clock)
        if (!r)
                r = add_features(call, &e->features_off);
        call->out = e;
        return r;
}

const struct sovd_route sovd_routes_evidence[] = {
        { .id = "compliance-evidence", .method = SOVD_GET, .path = "/compliance-evidence", .handler = evidence_read,
          .flags = SOVD_AUDITOR | SOVD_AUDITED, .collection = SOVD_NO_COLLECTION, .out = &evidence_schema, .success = 200,
          .summary = "Read what the gateway can prove of itself: configuration, policy, TLS, audit log, state" },
        { 0 }
};
