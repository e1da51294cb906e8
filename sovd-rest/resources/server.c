/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/auth.h"
#include "sovd-auth/browser_session.h"
#include "sovd-auth/policy.h"
#include "sovd-auth/proximity.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/self_check.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/openapi.h"
#include "sovd-rest/own_faults.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/switched.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* --- version-info and the root --------------------------------------------------------------------------- */

struct vendor_info {
        const char *name, *version;
};
struct version {
        const char *version, *base_uri;
        struct vendor_info *vendor_info;
};
struct version_info {
        struct sovd_list sovd_info;
};
static const struct sovd_field vendor_fields[] = {
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = offsetof(struct vendor_info, name) },
        { .name = "version", .type = SOVD_FIELD_STRING, .offset = offsetof(struct vendor_info, version) },
        { 0 }
};
static const struct sovd_schema vendor_schema = { .name = "VendorInfo", .size = sizeof(struct vendor_info),
                                                  .fields = vendor_fields };
static const struct sovd_field version_fields[] = {
        { .name = "version", .type = SOVD_FIELD_STRING, .offset = offsetof(struct version, version),
          .flags = SOVD_REQUIRED, .doc = "Version of the standard." },
        { .name = "base_uri", .type = SOVD_FIELD_STRING, .offset = offsetof(struct version, base_uri),
          .flags = SOVD_REQUIRED, .format = "uri-reference" },
        { .name = "vendor_info", .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct version, vendor_info),
          .of = &vendor_schema },
        { 0 }
};
static const struct sovd_schema version_schema = { .name = "SovdInfo", .size = sizeof(struct version),
                                                   .fields = version_fields };
static const struct sovd_field version_info_fields[] = {
        { .name = "sovd_info", .type = SOVD_FIELD_LIST, .offset = offsetof(struct version_info, sovd_info),
          .flags = SOVD_REQUIRED, .of = &version_schema },
        { 0 }
};
static const struct sovd_schema version_info_schema = { .name = "VersionInfo", .size = sizeof(struct version_info),
                                                        .fields = version_info_fields };

static int version_info_read(struct sovd_call *call) {
        static struct vendor_info vendor = { "sovd-gateway", SOVD_VERSION };
        struct version_info *info = sovd_arena_new0(call->arena, struct version_info);
        struct version *version = sovd_arena_new0(call->arena, struct version);
        if (!info || !version)
                return sovd_error_origin(-ENOMEM);

        *version = (struct version){ "1.1.0", call->base, &vendor };
        info->sovd_info = (struct sovd_list){ .items = version, .n = 1 };
        call->out = info;
        return 0;
}

/* The server as an entity. Each member but the first two is a URI. */
struct root {
        const char *id, *name, *docs;
        const char *updates;                     /* NULL = not offered */
        const char *lists[SOVD_N_ENTITY_TYPES]; /* of the entities of each type */
};
#define URI(word, place) { .name = word, .type = SOVD_FIELD_STRING, .offset = offsetof(struct root, place), \
                           .flags = SOVD_REQUIRED, .format = "uri-reference" }
static const struct sovd_field root_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct root, id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = offsetof(struct root, name), .flags = SOVD_REQUIRED },
        URI("areas", lists[SOVD_AREA]),
        URI("components", lists[SOVD_COMPONENT]),
        URI("apps", lists[SOVD_APP]),
        URI("functions", lists[SOVD_FUNCTION]),
        URI("docs", docs),
        { .name = "updates", .type = SOVD_FIELD_STRING, .offset = offsetof(struct root, updates),
          .format = "uri-reference" },
        { 0 }
};
#undef URI
static const struct sovd_schema root_schema = { .name = "SovdServer", .size = sizeof(struct root),
                                                .fields = root_fields };

static int root_read(struct sovd_call *call) {
        struct root *root = sovd_arena_new0(call->arena, struct root);
        size_t n_updaters;
        if (!root)
                return sovd_error_origin(-ENOMEM);

        *root = (struct root){ .id = "sovd-gateway", .name = "SOVD gateway",
                               .docs = sovd_call_printf(call, "%s/docs", call->base) };
        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                root->lists[type] = sovd_call_printf(call, "%s/%s", call->base, sovd_entity_type_paths[type]);
        (void)sovd_tree_updaters(call->tree, &n_updaters);
        if (n_updaters)
                root->updates = sovd_call_printf(call, "%s/updates", call->base);
        call->out = root;
        return 0;
}

/* --- health ---------------------------------------------------------------------------------------------- */

struct backend_health {
        const char *name, *type, *connection, *dialect, *breaker, *last_error, *last_seen;
        struct sovd_int entities, left_out, in_flight, calls, failures;
        struct sovd_bool remembered;
};
struct clash {
        const char *entity, *owner, *left_out;
};
struct tls_health {
        const char *certificate_ends, *crl_ends, *error;
        struct sovd_int reloads;
};
struct health {
        const char *status, *version, *storage_error;
        struct sovd_int uptime;
        struct sovd_int executions_running;
        struct sovd_int resources_left_out;
        struct sovd_list backends, clashes;
        struct sovd_strings faults, warnings, features_off;
        struct tls_health *tls;
        struct audit_health *audit; /* or NULL */
        struct auth_health *auth;
};
struct auth_health {
        struct sovd_bool required, anonymous;
};
struct audit_health {
        const char *status, *error, *finding, *log, *device_key;
        struct sovd_int entries, first, bytes, max_bytes, epoch, open;
        const char *signed_at;
        const char *verification, *verified_at; /* of the last self-check; or NULL */
        bool failed;                            /* it failed, and nobody has acknowledged it */
};
static const struct sovd_field auth_fields[] = {
        { .name = "required", .type = SOVD_FIELD_BOOL, .offset = offsetof(struct auth_health, required), .flags = SOVD_REQUIRED,
          .doc = "Is what is not public refused without good credentials?" },
        { .name = "anonymous", .type = SOVD_FIELD_BOOL, .offset = offsetof(struct auth_health, anonymous),
          .doc = "Has the policy a role for those who show none? Absent when none are required." },
        { 0 }
};
static const struct sovd_schema auth_schema = { .name = "AuthHealth", .size = sizeof(struct auth_health), .fields = auth_fields };
#define F(member) offsetof(struct audit_health, member)
static const struct sovd_field audit_fields[] = {
        { .name = "status", .type = SOVD_FIELD_STRING, .offset = F(status), .flags = SOVD_REQUIRED,
          .doc = "ok; failing: entries cannot be written, so changes are refused; full: the same for space; tampered: the log was "
                 "changed by somebody else, and no admin has acknowledged it." },
        { .name = "error", .type = SOVD_FIELD_STRING, .offset = F(error), .doc = "Why the last entry could not be written." },
        { .name = "finding", .type = SOVD_FIELD_STRING, .offset = F(finding), .doc = "What was found." },
        { .name = "log", .type = SOVD_FIELD_STRING, .offset = F(log), .doc = "Name of the log." },
        { .name = "device_key", .type = SOVD_FIELD_STRING, .offset = F(device_key),
          .doc = "Fingerprint of the device key, which every proof ends at: SHA-256 of its 32 bytes." },
        { .name = "entries", .type = SOVD_FIELD_INT, .offset = F(entries), .doc = "All that were ever written." },
        { .name = "first", .type = SOVD_FIELD_INT, .offset = F(first), .doc = "The first that is kept." },
        { .name = "bytes", .type = SOVD_FIELD_INT, .offset = F(bytes) },
        { .name = "max_bytes", .type = SOVD_FIELD_INT, .offset = F(max_bytes) },
        { .name = "epoch", .type = SOVD_FIELD_INT, .offset = F(epoch), .doc = "Which key signs now." },
        { .name = "open_intents", .type = SOVD_FIELD_INT, .offset = F(open), .doc = "Changes that have no outcome yet." },
        { .name = "signed_at", .type = SOVD_FIELD_STRING, .offset = F(signed_at), .format = "date-time" },
        { .name = "verification", .type = SOVD_FIELD_STRING, .offset = F(verification),
          .doc = "What the last self-check found: pending, sound, failed (also when it was acknowledged) or unreadable; absent: audit.verify_hours is 0." },
        { .name = "verified_at", .type = SOVD_FIELD_STRING, .offset = F(verified_at), .format = "date-time" },
        { 0 }
};
#undef F
static const struct sovd_schema audit_schema = { .name = "AuditHealth", .size = sizeof(struct audit_health),
                                                 .fields = audit_fields };
#define F(member) offsetof(struct backend_health, member)
static const struct sovd_field backend_fields[] = {
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED },
        { .name = "type", .type = SOVD_FIELD_STRING, .offset = F(type), .flags = SOVD_REQUIRED },
        { .name = "connection", .type = SOVD_FIELD_STRING, .offset = F(connection), .flags = SOVD_REQUIRED,
          .doc = "connected, connecting or disconnected" },
        { .name = "dialect", .type = SOVD_FIELD_STRING, .offset = F(dialect), .doc = "iso or odata, once it is known" },
        { .name = "breaker", .type = SOVD_FIELD_STRING, .offset = F(breaker), .doc = "closed, open or half-open" },
        { .name = "last_error", .type = SOVD_FIELD_STRING, .offset = F(last_error) },
        { .name = "last_seen", .type = SOVD_FIELD_STRING, .offset = F(last_seen), .format = "date-time",
          .doc = "When it answered last; with `remembered` the time is at most an hour too early." },
        { .name = "remembered", .type = SOVD_FIELD_BOOL, .offset = F(remembered),
          .doc = "true: its entities are those of before the gateway or its settings were started anew; it was not reached since. Else absent." },
        { .name = "entities", .type = SOVD_FIELD_INT, .offset = F(entities) },
        { .name = "left_out", .type = SOVD_FIELD_INT, .offset = F(left_out),
          .doc = "Entities and relations that are not shown: reserved or unusable ids, or too many." },
        { .name = "in_flight", .type = SOVD_FIELD_INT, .offset = F(in_flight) },
        { .name = "calls", .type = SOVD_FIELD_INT, .offset = F(calls) },
        { .name = "failures", .type = SOVD_FIELD_INT, .offset = F(failures) },
        { 0 }
};
#undef F
static const struct sovd_schema backend_schema = { .name = "BackendHealth", .size = sizeof(struct backend_health),
                                                   .fields = backend_fields };
static const struct sovd_field clash_fields[] = {
        { .name = "entity", .type = SOVD_FIELD_STRING, .offset = offsetof(struct clash, entity) },
        { .name = "owner", .type = SOVD_FIELD_STRING, .offset = offsetof(struct clash, owner) },
        { .name = "left_out", .type = SOVD_FIELD_STRING, .offset = offsetof(struct clash, left_out) },
        { 0 }
};
static const struct sovd_schema clash_schema = { .name = "EntityClash", .size = sizeof(struct clash),
                                                 .fields = clash_fields };
#define F(member) offsetof(struct tls_health, member)
static const struct sovd_field tls_fields[] = {
        { .name = "certificate_ends", .type = SOVD_FIELD_STRING, .offset = F(certificate_ends), .flags = SOVD_REQUIRED,
          .format = "date-time" },
        { .name = "revocation_list_ends", .type = SOVD_FIELD_STRING, .offset = F(crl_ends), .format = "date-time",
          .doc = "The first of them." },
        { .name = "reloads", .type = SOVD_FIELD_INT, .offset = F(reloads), .doc = "How often changed files came into force." },
        { .name = "error", .type = SOVD_FIELD_STRING, .offset = F(error),
          .doc = "Which of the files that are there now cannot be used (a member of server.tls); those of before stay in force." },
        { 0 }
};
#undef F
static const struct sovd_schema tls_schema = { .name = "TlsHealth", .size = sizeof(struct tls_health), .fields = tls_fields };
#define F(member) offsetof(struct health, member)
static const struct sovd_field health_fields[] = {
        { .name = "status", .type = SOVD_FIELD_STRING, .offset = F(status), .flags = SOVD_REQUIRED,
          .doc = "ok: every backend is connected, no id clashes and the gateway has no error of its own, such as a state that cannot be written; failed: the audit log was changed by somebody else, or its self-check failed; else degraded." },
        { .name = "version", .type = SOVD_FIELD_STRING, .offset = F(version), .flags = SOVD_REQUIRED },
        { .name = "uptime_seconds", .type = SOVD_FIELD_INT, .offset = F(uptime), .flags = SOVD_REQUIRED },
        { .name = "storage_error", .type = SOVD_FIELD_STRING, .offset = F(storage_error),
          .doc = "Why the last change could not be made durable; absent when it could." },
        { .name = "executions_running", .type = SOVD_FIELD_INT, .offset = F(executions_running) },
        { .name = "resources_left_out", .type = SOVD_FIELD_INT, .offset = F(resources_left_out),
          .doc = "Different resources that were found to have reserved ids, which nobody could reach." },
        { .name = "backends", .type = SOVD_FIELD_LIST, .offset = F(backends), .flags = SOVD_REQUIRED,
          .of = &backend_schema },
        { .name = "clashes", .type = SOVD_FIELD_LIST, .offset = F(clashes), .of = &clash_schema,
          .doc = "Entities that a second backend offers too; the first owner serves them." },
        { .name = "faults", .type = SOVD_FIELD_STRINGS, .offset = F(faults),
          .doc = "Codes of the gateway's own faults that are active; their details are those of its own entity." },
        { .name = "warnings", .type = SOVD_FIELD_STRINGS, .offset = F(warnings),
          .doc = "What the configuration allows, and should not be so for long." },
        { .name = "features_off", .type = SOVD_FIELD_STRINGS, .offset = F(features_off),
          .doc = "What an admin has switched off; absent when nothing is." },
        { .name = "tls", .type = SOVD_FIELD_OBJECT, .offset = F(tls), .of = &tls_schema, .doc = "Absent without TLS." },
        { .name = "audit", .type = SOVD_FIELD_OBJECT, .offset = F(audit), .of = &audit_schema,
          .doc = "How the audit log is; absent when there is none." },
        { .name = "auth", .type = SOVD_FIELD_OBJECT, .offset = F(auth), .flags = SOVD_REQUIRED, .of = &auth_schema },
        { 0 }
};
#undef F
static const struct sovd_schema health_schema = { .name = "Health", .size = sizeof(struct health),
                                                  .fields = health_fields };

static struct backend_health describe(struct sovd_call *call, struct sovd_backend *backend) {
        struct sovd_backend_status s = { 0 };
        char seen[SOVD_TIMESTAMP_SIZE];

        backend->ops->status(backend, &s);
        return (struct backend_health){
                .name = sovd_call_printf(call, "%s", backend->name),
                .type = backend->ops->type,
                .connection = sovd_connection_names[s.connection],
                .dialect = s.dialect,
                .breaker = s.breaker,
                .last_error = *s.last_error ? sovd_call_printf(call, "%s", s.last_error) : NULL,
                .last_seen = s.last_seen_usec
                                     ? sovd_call_printf(call, "%s", sovd_clock_format(seen, s.last_seen_usec))
                                     : NULL,
                .remembered = { s.remembered, true },
                .entities = SOVD_INT((int64_t)s.n_entities),
                .left_out = SOVD_INT((int64_t)s.n_skipped),
                .in_flight = SOVD_INT(s.in_flight),
                .calls = SOVD_INT((int64_t)s.n_calls),
                .failures = SOVD_INT((int64_t)s.n_failures),
        };
}

static bool add_backends(struct sovd_call *call, struct health *health) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(call->gateway, backends, SOVD_BACKENDS_MAX);
        struct backend_health *items = sovd_arena_array(call->arena, struct backend_health, n + 1);
        bool all = items;

        for (size_t i = 0; i < n; i++) {
                if (items) {
                        items[i] = describe(call, backends[i]);
                        all = all && strcmp(items[i].connection, sovd_connection_names[SOVD_CONNECTED]) == 0;
                }
                sovd_backend_unref(backends[i]);
        }
        health->backends = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        return all;
}

static bool add_clashes(struct sovd_call *call, struct health *health) {
        size_t n;
        const struct sovd_clash *clashes = sovd_tree_clashes(call->tree, &n);
        struct clash *items = sovd_arena_array(call->arena, struct clash, n + 1);

        for (size_t i = 0; items && i < n; i++)
                items[i] = (struct clash){
                        .entity = sovd_call_printf(call, "%s/%s", sovd_entity_type_paths[clashes[i].type], clashes[i].id),
                        .owner = clashes[i].owner->name,
                        .left_out = clashes[i].loser->name,
                };
        health->clashes = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        return n == 0;
}

static bool add_storage(struct sovd_call *call, struct health *health) {
        struct sovd_db *db = sovd_gateway_db(call->gateway);
        struct sovd_db_status s = { 0 };

        if (db)
                sovd_db_status(db, &s);
        if (s.error)
                health->storage_error = sovd_call_printf(call, "%s", strerror(abs(s.error)));
        return !s.error;
}

static bool add_auth(struct sovd_call *call, struct health *health) {
        const struct sovd_policy *policy = ((const struct sovd_rest_call *)call)->policy;

        health->auth = sovd_arena_new0(call->arena, struct auth_health);
        if (!health->auth)
                return false;
        health->auth->required = SOVD_BOOL(sovd_auth_is_enabled(sovd_rest_of(call)->auth));
        if (policy)
                health->auth->anonymous = SOVD_BOOL(sovd_policy_has_anonymous(policy));
        return true;
}

static bool add_tls(struct sovd_call *call, struct health *health) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_tls *tls = rest->server ? sovd_http_server_tls(rest->server) : NULL;
        struct sovd_tls_status s;
        char when[SOVD_TIMESTAMP_SIZE];

        if (!tls)
                return true;
        health->tls = sovd_arena_new0(call->arena, struct tls_health);
        if (!health->tls)
                return false;
        sovd_tls_status(tls, &s);
        health->tls->certificate_ends = sovd_call_printf(call, "%s", sovd_clock_format(when, s.ends.certificate_usec));
        if (s.ends.crl_usec)
                health->tls->crl_ends = sovd_call_printf(call, "%s", sovd_clock_format(when, s.ends.crl_usec));
        /* Only the member: the reason has paths of this machine. The log and the fault have it. */
        if (s.is_stale)
                health->tls->error = sovd_call_printf(call, "%.*s", (int)strcspn(s.why, ":"), s.why);
        health->tls->reloads = SOVD_INT((int64_t)s.n_reloads);
        return true;
}

#define WARNINGS_MAX 5

static int warn(struct sovd_call *call, struct health *health, const char *text) {
        if (!health->warnings.items)
                health->warnings.items = sovd_arena_array(call->arena, const char *, WARNINGS_MAX);
        if (!health->warnings.items)
                return sovd_error_origin(-ENOMEM);
        if (health->warnings.n < WARNINGS_MAX)
                health->warnings.items[health->warnings.n++] = text;
        health->warnings.set = true;
        return 0;
}

static int warn_of_issuers(struct sovd_call *call, struct health *health) {
        struct sovd_strings names;
        int r = sovd_auth_issuers_without_keys(sovd_rest_of(call)->auth, call->arena, &names);

        for (size_t i = 0; !r && i < names.n; i++)
                r = warn(call, health, sovd_call_printf(call, "there are no keys of the issuer '%s' now: its tokens are answered 503",
                                                        names.items[i]));
        return r;
}

static int warn_of_clock(struct sovd_call *call, struct health *health) {
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);
        struct sovd_audit_status s = { 0 };

        if (audit)
                sovd_audit_status(audit, &s);
        if (!s.prune_waits)
                return 0;
        return warn(call, health, sovd_call_printf(call, "the clock is %llu s ahead of the time that is known to have passed: old entries of "
                                                         "the audit log and of the history of faults are kept",
                                                   (unsigned long long)(s.ahead_usec / SOVD_USEC_PER_SEC)));
}

static int add_warnings(struct sovd_call *call, struct health *health) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        int r = 0;

        if (!rest->is_local && !sovd_auth_is_enabled(rest->auth))
                r = warn(call, health, "auth.enabled is false: whoever reaches the gateway may ask for everything but /x-admin and /audit");
        if (!r && !rest->is_local && !health->tls)
                r = warn(call, health, "server.allow_plain_http is true: whoever is on the way can read and change what is said");
        if (!r && !rest->is_local && !sovd_gateway_audit(call->gateway))
                r = warn(call, health, "audit.enabled is false: changes are not put on record");
        else if (!r && !rest->is_local && !rest->state_folder)
                r = warn(call, health, "storage.path is not set: the audit log ends with the process");
        return r ? r : warn_of_clock(call, health);
}

/* false: it failed. */
static bool add_verification(struct sovd_call *call, struct sovd_audit *audit, struct audit_health *h) {
        struct sovd_audit_self_status s;
        char when[SOVD_TIMESTAMP_SIZE];

        if (!sovd_audit_verification(audit, &s))
                return true;
        h->verification = sovd_audit_self_names[s.result];
        h->failed = s.result == SOVD_SELF_FAILED && !s.acknowledged;
        if (s.ended_usec)
                h->verified_at = sovd_call_printf(call, "%s", sovd_clock_format(when, s.ended_usec));
        return !h->failed;
}

/* false: it keeps changes from being made, or was found changed. */
static bool add_audit(struct sovd_call *call, struct health *health) {
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);
        struct audit_health *h = audit ? sovd_arena_new0(call->arena, struct audit_health) : NULL;
        struct sovd_audit_status s;
        char when[SOVD_TIMESTAMP_SIZE];

        if (!h)
                return !audit;
        sovd_audit_status(audit, &s);
        *h = (struct audit_health){ .status = s.tampered ? "tampered" : s.error ? "failing" : s.full ? "full" : "ok",
                                    .error = s.error ? sovd_call_printf(call, "%s", strerror(abs(s.error))) : NULL,
                                    .finding = s.tampered ? sovd_call_printf(call, "%s", s.why) : NULL,
                                    .log = sovd_call_printf(call, "%s", s.log),
                                    .device_key = sovd_call_printf(call, "%s", s.fingerprint),
                                    .entries = SOVD_INT((int64_t)s.size),
                                    .first = SOVD_INT((int64_t)s.first),
                                    .bytes = SOVD_INT((int64_t)s.bytes),
                                    .max_bytes = SOVD_INT((int64_t)s.bytes_max),
                                    .epoch = SOVD_INT((int64_t)s.epoch),
                                    .open = SOVD_INT((int64_t)s.n_open) };
        if (s.head_usec)
                h->signed_at = sovd_call_printf(call, "%s", sovd_clock_format(when, s.head_usec));
        health->audit = h;
        return add_verification(call, audit, h) && !s.tampered && !s.error && !s.full;
}

static int add_features(struct sovd_call *call, struct health *health) {
        const struct sovd_features *features = sovd_gateway_features(call->gateway);
        struct sovd_strings *off = &health->features_off;

        off->items = sovd_arena_array(call->arena, const char *, SOVD_N_FEATURES + 1);
        if (!off->items)
                return sovd_error_origin(-ENOMEM);
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                if (!sovd_features_is_on(features, (enum sovd_feature)i))
                        off->items[off->n++] = sovd_feature_infos[i].id;
        off->set = off->n > 0;
        return 0;
}

static int health_read(struct sovd_call *call) {
        struct health *health = sovd_arena_new0(call->arena, struct health);
        size_t total, running, n_left_out;
        uint64_t left_out_total;
        if (!health)
                return sovd_error_origin(-ENOMEM);

        bool connected = add_backends(call, health), unique = add_clashes(call, health), serious = false;
        struct sovd_own_faults *own = sovd_rest_of(call)->own_faults;
        int r = own ? sovd_own_faults_active(own, call->arena, &health->faults, &serious) : 0;
        if (r)
                return r;
        if (!add_auth(call, health) || !add_tls(call, health))
                return sovd_error_origin(-ENOMEM);
        r = add_warnings(call, health);
        if (!r)
                r = warn_of_issuers(call, health);
        if (!r)
                r = add_features(call, health);
        if (r)
                return r;
        bool durable = add_storage(call, health), on_record = add_audit(call, health);
        sovd_executions_count(sovd_gateway_executions(call->gateway), &total, &running);
        health->status = connected && unique && durable && on_record && !serious ? "ok" : "degraded";
        if (health->audit && (health->audit->finding || health->audit->failed))
                health->status = "failed";
        health->version = SOVD_VERSION;
        health->uptime =
                SOVD_INT((int64_t)((sovd_now_usec() - sovd_gateway_started_usec(call->gateway)) / SOVD_USEC_PER_SEC));
        health->executions_running = SOVD_INT((int64_t)running);
        sovd_left_out_count(&n_left_out, &left_out_total);
        health->resources_left_out = SOVD_INT((int64_t)n_left_out);
        call->out = health;
        return 0;
}

/* --- probes, metrics, the description -------------------------------------------------------------------- */

struct probe {
        const char *status;
};
static const struct sovd_field probe_fields[] = {
        { .name = "status", .type = SOVD_FIELD_STRING, .offset = offsetof(struct probe, status),
          .flags = SOVD_REQUIRED },
        { 0 }
};
static const struct sovd_schema probe_schema = { .name = "Probe", .size = sizeof(struct probe),
                                                 .fields = probe_fields };

static int live_read(struct sovd_call *call) {
        static const struct probe alive = { "alive" };

        call->out = &alive;
        return 0;
}

static int ready_read(struct sovd_call *call) {
        static const struct probe ready = { "ready" };

        if (!__atomic_load_n(&sovd_rest_of(call)->ready, __ATOMIC_ACQUIRE)) {
                sovd_fail(call, SOVD_E_OVERLOAD, "the first discovery of the backends has not ended yet");
                sovd_fail_retry_after(call, 1);
                return SOVD_E_OVERLOAD;
        }
        call->out = &ready;
        return 0;
}

static int answer_text(struct sovd_call *call, const char *type, char *text, size_t len) {
        struct sovd_document *d = sovd_arena_new0(call->arena, struct sovd_document);

        if (!d || !text) {
                free(text);
                return sovd_error_origin(-ENOMEM);
        }
        *d = (struct sovd_document){ type, text, len };
        call->out = d;
        return sovd_arena_defer(call->arena, free, text);
}

static int metrics_read(struct sovd_call *call) {
        struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_metrics_write(rest->metrics, rest->gateway, rest->server, &w);
        sovd_metrics_write_admission(rest->admission, &w);
        sovd_metrics_write_events(rest->streamer, rest->observations, &w);
        sovd_metrics_write_fault_events(rest->fault_events, &w);
        sovd_metrics_write_fault_mirror(rest->fault_mirror, &w);
        sovd_metrics_write_watches(rest->data_watches, &w);
        sovd_metrics_write_catalog(rest->data_catalog, &w);
        sovd_auth_write_metrics(rest->auth, &w);
        sovd_metrics_write_access(rest->authority, &w);
        sovd_secrets_write_metrics(rest->secrets, &w);
        sovd_switched_write_metrics(sovd_gateway_features(rest->gateway), &w);
        sovd_proximity_write_metrics(rest->proximity, &w);
        sovd_browser_sessions_write_metrics(rest->browser_sessions, &w);
        sovd_metrics_write_audit(sovd_gateway_audit(rest->gateway), &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (r) {
                sovd_json_writer_done(&w);
                return r;
        }
        return answer_text(call, "text/plain; version=0.0.4; charset=utf-8", w.data, len);
}

static int openapi_read(struct sovd_call *call) {
        char *text = sovd_openapi_text(call->base, false);

        return answer_text(call, "application/json", text, text ? strlen(text) : 0);
}

#define SERVER .method = SOVD_GET, .collection = SOVD_NO_COLLECTION, .success = 200

const struct sovd_route sovd_routes_server[] = {
        { .id = "root-read", .path = "/", .handler = root_read, .flags = SOVD_INCLUDE_SCHEMA, .out = &root_schema,
          .summary = "Read what the server offers", .clause = "ISO 17978-3 7.6.3", SERVER },
        { .id = "version-info", .path = "/sovd/version-info", .handler = version_info_read,
          .flags = SOVD_ROUTE_ROOT | SOVD_PUBLIC | SOVD_INCLUDE_SCHEMA, .out = &version_info_schema,
          .summary = "Read which versions of the API are served", .clause = "ISO 17978-3 7.4", SERVER },
        { .id = "version-info-v1", .path = "/version-info", .handler = version_info_read,
          .flags = SOVD_PUBLIC | SOVD_INCLUDE_SCHEMA, .out = &version_info_schema,
          .summary = "Read which versions of the API are served", .clause = "of the native server's dialect", SERVER },
        { .id = "health-read", .path = "/health", .handler = health_read, .flags = SOVD_PROBE, .out = &health_schema,
          .summary = "Read how the gateway and its backends are", SERVER },
        { .id = "live", .path = "/healthz", .handler = live_read, .flags = SOVD_ROUTE_ROOT | SOVD_PROBE | SOVD_PUBLIC,
          .out = &probe_schema, .summary = "Is the process alive?", SERVER },
        { .id = "ready", .path = "/readyz", .handler = ready_read, .flags = SOVD_ROUTE_ROOT | SOVD_PROBE | SOVD_PUBLIC,
          .out = &probe_schema, .summary = "Does it serve, and were the backends asked once?", SERVER },
        { .id = "metrics", .path = "/metrics", .handler = metrics_read,
          .flags = SOVD_ROUTE_ROOT | SOVD_PROBE | SOVD_PUBLIC_METRICS | SOVD_DOCUMENT | SOVD_PLAIN_TEXT, .summary = "Read the metrics as Prometheus text",
          SERVER },
        { .id = "openapi", .path = "/openapi.json", .handler = openapi_read,
          .flags = SOVD_ROUTE_ROOT | SOVD_DOCUMENT, .summary = "Read this description", SERVER },
        { 0 }
};
