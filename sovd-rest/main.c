/* SPDX-License-Identifier: Apache-2.0 */
/* The composition root: arguments, configuration, start, signals, stop. The one file that sees every folder. */
#include "backends/sim/sim_backend.h"
#include "fault-manager/catalog.h"
#include "sovd-auth/auth.h"
#include "sovd-auth/browser_session.h"
#include "sovd-auth/make_key.h"
#include "sovd-auth/proximity.h"
#include "sovd-auth/secrets.h"
#include "sovd-auth/sessions.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/log.h"
#include "sovd-core/data_watches.h"
#include "sovd-core/events.h"
#include "sovd-core/fault_mirror.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/state.h"
#include "sovd-core/state_clock.h"
#include "sovd-core/audit/log.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/arguments.h"
#include "sovd-rest/authority.h"
#include "sovd-rest/audit_settings.h"
#include "sovd-rest/backend_list.h"
#include "sovd-rest/sections.h"
#include "sovd-rest/dispatch.h"
#include "sovd-rest/evidence.h"
#include "sovd-rest/fault_settings.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/lock_settings.h"
#include "sovd-rest/observe.h"
#include "sovd-rest/native_apps.h"
#include "sovd-rest/openapi.h"
#include "sovd-rest/own_entity.h"
#include "sovd-rest/policy_settings.h"
#include "sovd-rest/process.h"
#include "sovd-rest/service.h"
#include "sovd-rest/settings.h"
#include "sovd-rest/streamer.h"
#include "sovd-rest/trigger_log.h"
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define READY_POLL_USEC (2 * SOVD_USEC_PER_MSEC) /* until the first discovery has ended */
#define STOP_GRACE_USEC (500 * SOVD_USEC_PER_MSEC)   /* for answers to calls that the stop has ended */
#define IDEMPOTENCY_BYTES ((size_t)16 * 1024 * 1024) /* of answers that may have to be given again */
#define IDLE_USEC       (600 * SOVD_USEC_PER_SEC)

struct daemon {
        const struct sovd_arguments *arguments;
        struct sovd_arena *start_arena; /* of server and limits, which the listener uses */
        struct sovd_arena *arena;       /* of the other settings in force; the same until a reload */
        struct sovd_sections settings;
        struct sovd_backend *demo; /* the simulated vehicle until the gateway takes it, or NULL */
        struct sovd_db *db; /* the state */
        struct sovd_audit *audit; /* or NULL */
        uint64_t n_certificates, n_bad_certificates; /* changes of server.tls that are on record, and files that were of no use */
        char *damaged; /* where the state of before is, which was damaged; or NULL */
        struct sovd_native_apps *apps;
        struct sovd_own_entity *own;
        struct sovd_gateway *gateway;
        struct sovd_rest rest;
};

/* The simulated vehicle, if it is wanted. The same return values. */
static int make_demo(struct daemon *d) {
        const char *message;

        if (!d->arguments->demo)
                return 0;
        if (!sovd_sim_backend_new(&d->demo, SOVD_DEMO_NAME, d->arguments->scenario, d->arena, &message))
                return 0;
        sovd_arguments_complain(message);
        return -EINVAL;
}

/* --- backends -------------------------------------------------------------------------------------------- */

/* Who is known by which credentials. --demo has clients of its own, for whoever sits at this machine. */
static int set_auth(const struct daemon *d, const struct sovd_sections *s) {
        const bool local = sovd_settings_is_local(d->settings.server->host);
        const bool demo = d->arguments->demo && local && !s->auth->api_keys.set && !s->auth->enabled.value;

        if (demo)
                sovd_log(SOVD_LOG_INFO, "the demo knows clients by the keys demo-tester-a, demo-tester-b and demo-admin-of-this-machine");
        if (!local && !s->auth->enabled.value)
                sovd_log(SOVD_LOG_WARN, "whoever reaches %s may ask for everything but /x-admin and /audit: auth.enabled is false",
                         d->settings.server->host);
        return sovd_auth_apply(d->rest.auth, demo ? &sovd_auth_demo_settings : s->auth);
}

/* Who is known and what they may do. A policy comes before those it is for, and goes after them, so that there is no moment
 * without one. Takes over the policy of the settings. */
static int set_access(const struct daemon *d, struct sovd_sections *s) {
        struct sovd_policy *before = sovd_authority_policy(d->rest.authority), *policy = SOVD_TAKE(s->policy);

        if (policy)
                sovd_authority_set(d->rest.authority, sovd_policy_ref(policy));
        int r = sovd_proximity_apply(d->rest.proximity, &s->auth->proximity);
        if (!r)
                r = sovd_browser_sessions_apply(d->rest.browser_sessions, s->auth->browser_sessions);
        if (!r)
                r = set_auth(d, s);
        sovd_authority_set(d->rest.authority, r && before ? sovd_policy_ref(before) : r ? NULL : SOVD_TAKE(policy));
        sovd_policy_unref(policy);
        sovd_policy_unref(before);
        return r;
}

static bool same_section(const struct sovd_schema *schema, const void *a, const void *b) {
        return !a == !b && (!a || sovd_settings_same(schema, a, b));
}

/* So do where Vault is, and how tokens are made. */
static void keep_tokens(const struct daemon *d, const struct sovd_sections *new) {
        const struct sovd_auth_settings *before = d->settings.auth, *now = new->auth;

        if (!same_section(&sovd_schema_vault_settings, before->vault, now->vault) ||
            !same_section(&sovd_schema_mint_settings, before->mint, now->mint))
                sovd_log(SOVD_LOG_WARN, "changes under auth.vault and auth.mint take effect after a restart");
}

/* The apps' socket and the state stay those of the start. */
static void keep_native(const struct daemon *d, struct sovd_sections *new) {
        const struct sovd_native_options *before = d->settings.native;

        if (!before != !new->native ||
            (before && !sovd_settings_same(&sovd_schema_native_options, before, new->native)) ||
            !sovd_settings_same(&sovd_schema_storage_settings, d->settings.storage, new->storage))
                sovd_log(SOVD_LOG_WARN, "changes under native and storage take effect after a restart");
        if (!sovd_settings_same(&sovd_schema_history_settings, d->settings.history, new->history))
                sovd_log(SOVD_LOG_WARN, "changes under history take effect after a restart");
        new->history = d->settings.history;
        if (!sovd_settings_same(&sovd_schema_catalog_settings, d->settings.catalog, new->catalog))
                sovd_log(SOVD_LOG_WARN, "changes under catalog take effect after a restart");
        new->catalog = d->settings.catalog;
        if (!sovd_settings_same(&sovd_schema_audit_settings, d->settings.audit, new->audit))
                sovd_log(SOVD_LOG_WARN, "changes under audit take effect after a restart");
        new->audit = d->settings.audit;
        new->native = d->settings.native;
        new->storage = d->settings.storage;
}

/* The sections that the listener uses stay those of the start. */
static void take_over(struct daemon *d, struct sovd_arena *arena, struct sovd_sections *new) {
        if (!sovd_settings_same(&sovd_schema_server_settings, d->settings.server, new->server) ||
            !sovd_settings_same(&sovd_schema_limits_settings, d->settings.limits, new->limits) ||
            !sovd_settings_same(&sovd_schema_events_settings, d->settings.events, new->events) ||
            !sovd_settings_same(&sovd_schema_fault_mirror_settings, d->settings.fault_mirror, new->fault_mirror))
                sovd_log(SOVD_LOG_WARN, "changes under server, limits, events and fault_mirror take effect after a restart");
        new->server = d->settings.server;
        new->limits = d->settings.limits;
        new->events = d->settings.events;
        new->fault_mirror = d->settings.fault_mirror;
        sovd_admission_set(d->rest.admission, new->rate);
        keep_native(d, new);
        keep_tokens(d, new);
        d->settings = *new;
        (void)sovd_evidence_set(&d->rest.evidence, &sovd_schema_sections, &d->settings);
        if (d->arena != d->start_arena)
                sovd_arena_free(d->arena);
        d->arena = arena;
}

/* A file that was emptied or cut would open every door, as the default is not to ask who somebody is. */
static int check_doors(const struct daemon *d, const struct sovd_sections *new) {
        if (!sovd_auth_is_enabled(d->rest.auth) || new->auth->enabled.value)
                return 0;
        sovd_log(SOVD_LOG_ERROR, "auth.enabled is true, and only a restart makes it false");
        return -EINVAL;
}

/* A broken file changes nothing. */
static int try_reload(struct daemon *d) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_sections new = { .policy = NULL };
        struct sovd_backend_change change;
        const char *behind[3] = { NULL };
        size_t n = 0;

        int r = sovd_arena_new(&arena, 4096);
        if (!r)
                r = sovd_sections_load(d->arguments, &new, arena);
        if (!r)
                r = check_doors(d, &new);
        if (!r)
                r = sovd_backend_change_prepare(&change, &d->settings.backends, &new.backends);
        if (r) {
                sovd_policy_unref(new.policy);
                return r;
        }

        if (d->settings.native)
                behind[n++] = d->settings.native->name;
        behind[n] = SOVD_DEMO_NAME; /* no parts of the list, so they stay where they are */
        r = set_access(d, &new);
        if (r) {
                sovd_backend_change_drop(&change);
                return r;
        }
        sovd_settings_log(new.logging);
        if (sovd_lock_settings_apply(new.locks, sovd_gateway_locks(d->gateway)))
                sovd_log(SOVD_LOG_ERROR, "the old rules of locks stay in force");
        sovd_backend_change_apply(d->gateway, &d->settings.backends, &new.backends, &change,
                                  behind);
        take_over(d, SOVD_TAKE(arena), &new);
        sovd_native_apps_reload(d->apps, d->settings.faults);
        sovd_secrets_refresh(d->rest.secrets);
        return 0;
}

static void record_reload(struct daemon *d, const char *outcome) {
        const struct sovd_audit_entry e = { .ev = "system.reload", .outcome = outcome };

        if (d->audit)
                sovd_audit_post(d->audit, &e);
}

/* Which certificate the gateway shows, and whom it trusts, is somebody's doing too. */
static void record_certificates(struct daemon *d) {
        struct sovd_tls *tls = sovd_http_server_tls(d->rest.server);
        struct sovd_tls_status s;

        if (!tls || !d->audit)
                return;
        sovd_tls_status(tls, &s);
        const bool good = s.n_reloads != d->n_certificates;
        const struct sovd_audit_entry e = { .ev = "system.certificate", .outcome = good ? "ok" : "error", .n_detail = 1,
                                            .detail = { { .name = "ends", .number = s.ends.certificate_usec / SOVD_USEC_PER_SEC } } };
        if (good || s.n_failed != d->n_bad_certificates)
                sovd_audit_post(d->audit, &e);
        d->n_certificates = s.n_reloads;
        d->n_bad_certificates = s.n_failed;
}

static void reload(struct daemon *d) {
        sovd_service_reloading();
        if (sovd_http_server_tls(d->rest.server))
                sovd_tls_reload(sovd_http_server_tls(d->rest.server));
        int r = try_reload(d);
        record_reload(d, r ? "error" : "ok");
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the configuration is not acceptable; the old one stays in force");
        else
                sovd_log(SOVD_LOG_INFO, "the configuration was read again");
        if (d->rest.ready)
                sovd_service_ready(r ? "Serving, with the configuration of before: the new one is not acceptable" : "Serving");
}

/* --- life ------------------------------------------------------------------------------------------------ */

/* A fault of the gateway tells it too; this is for who looks at the log after a start only. */
static void say_certificate(const struct daemon *d) {
        struct sovd_tls *tls = sovd_http_server_tls(d->rest.server);
        char when[SOVD_TIMESTAMP_SIZE];
        struct sovd_tls_status s;

        if (!tls)
                return;
        sovd_tls_status(tls, &s);
        const uint64_t now = sovd_realtime_usec(), ends = s.ends.certificate_usec;
        sovd_log(ends < now + SOVD_TLS_EXPIRING_USEC ? SOVD_LOG_WARN : SOVD_LOG_INFO, "the certificate of server.tls %s at %s",
                 ends <= now ? "has ended" : "ends", sovd_clock_format(when, ends));
        if (s.ends.crl_usec && s.ends.crl_usec <= now)
                sovd_log(SOVD_LOG_WARN, "a list of server.tls.crl has ended at %s: certificates of its signer are refused",
                         sovd_clock_format(when, s.ends.crl_usec));
}

static void say_listening(const struct daemon *d) {
        const struct sovd_server_settings *s = d->settings.server;
        bool v6 = strchr(s->host, ':');

        sovd_log(SOVD_LOG_INFO, "listening on %s://%s%s%s:%u" "/sovd/v1", s->tls ? "https" : "http", v6 ? "[" : "",
                 s->host, v6 ? "]" : "", sovd_http_server_port(d->rest.server));
        if (sovd_server_is_open(s))
                sovd_log(SOVD_LOG_WARN, "plain HTTP on an address that other machines reach (server.allow_plain_http): everybody on the "
                                        "way can read and change what is said");
        if (s->unix_socket)
                sovd_log(SOVD_LOG_INFO, "listening on %s", s->unix_socket);
        say_certificate(d);
}

static int add_demo(struct daemon *d) {
        int r = d->demo ? sovd_gateway_add(d->gateway, SOVD_TAKE(d->demo)) : 0;

        if (r)
                sovd_log(SOVD_LOG_ERROR, "the simulated vehicle cannot be started: %s", strerror(-r));
        return r;
}

static int start_bus(struct daemon *d) {
        struct sovd_events_options options;

        sovd_settings_bus(d->settings.events, &options);
        options.db = d->db;
        return sovd_events_new(&d->rest.fault_events, &options);
}

static int start_events(struct daemon *d) {
        struct sovd_observations_options observations;
        struct sovd_streamer_options streamer;
        struct sovd_data_watches_options watches;

        sovd_settings_observations(d->settings.events, d->settings.limits, &observations);
        sovd_settings_streamer(d->settings.events, d->settings.limits, &streamer);
        observations.db = sovd_db_is_file(d->db) ? d->db : NULL;
        observations.read = sovd_observe_read;
        observations.log = sovd_trigger_log_write;
        observations.data = &d->rest;
        d->rest.events = d->settings.events;
        int r = sovd_streamer_new(&d->rest.streamer, &streamer);
        if (!r)
                r = sovd_observations_new(&d->rest.observations, &observations);
        if (!r)
                sovd_events_listen(d->rest.fault_events, sovd_observe_fault, d->rest.observations);
        sovd_settings_data_watches(d->settings.events, d->settings.limits, &watches);
        watches.observations = d->rest.observations;
        watches.db = d->db;
        d->rest.watch_values = watches.ids_max;
        if (!r)
                r = sovd_data_watches_new(&d->rest.data_watches, &watches);
        if (!r)
                sovd_gateway_set_data_watches(d->gateway, d->rest.data_watches);
        return r ? r : sovd_gateway_on_clear(d->gateway, sovd_observe_forget, d->rest.observations);
}

static int start_fault_mirror(struct daemon *d) {
        const struct sovd_fault_mirror_settings *s = d->settings.fault_mirror;
        const struct sovd_fault_mirror_options options = { .gateway = d->gateway,
                                                           .period_usec = sovd_settings_poll_usec(s),
                                                           .timeout_usec = sovd_settings_usec(s->poll_timeout),
                                                           .keep_usec = 86400 * sovd_settings_usec(s->keep_days),
                                                           .threads = (unsigned)s->threads.value,
                                                           .per_backend = (unsigned)s->per_backend.value,
                                                           .gap_usec = SOVD_USEC_PER_SEC / (uint64_t)s->per_sec.value };

        sovd_gateway_fault_sink(d->gateway)->follows = options.period_usec;
        return options.period_usec ? sovd_fault_mirror_new(&d->rest.fault_mirror, &options) : 0;
}

static int start_own(struct daemon *d) {
        const struct sovd_own_options options = { .rest = &d->rest,
                                                  .entity_id = d->settings.server->entity_id,
                                                  .damaged = d->damaged };

        return sovd_own_entity_start(&d->own, &options);
}

static int start_catalog(struct daemon *d) {
        struct sovd_data_catalog_options options;

        sovd_catalog_settings_options(d->settings.catalog, &options);
        options.items_max = (size_t)d->settings.limits->catalog_items.value;
        return sovd_data_catalog_new(&d->rest.data_catalog, &d->rest, &options);
}

/* Who comes in, and what for. */
static int start_access(struct daemon *d) {
        const struct sovd_auth_settings *auth = d->settings.auth;
        int r = sovd_auth_new(&d->rest.auth);

        if (!r)
                r = sovd_admission_new(&d->rest.admission, d->settings.rate);
        if (!r)
                r = sovd_authority_new(&d->rest.authority);
        if (!r)
                r = sovd_secrets_new(&d->rest.secrets, auth->vault);
        if (!r)
                r = sovd_auth_set_secrets(d->rest.auth, d->rest.secrets);
        if (!r && auth->mint)
                r = sovd_sessions_new(&d->rest.sessions, auth->mint, d->rest.secrets, d->db);
        if (!r)
                sovd_auth_set_sessions(d->rest.auth, d->rest.sessions);
        if (!r)
                r = sovd_browser_sessions_new(&d->rest.browser_sessions);
        if (!r)
                r = sovd_proximity_new(&d->rest.proximity, d->rest.secrets, (size_t)auth->proximity_challenges.value, d->db);
        if (!r)
                r = set_access(d, &d->settings);
        if (!r)
                r = sovd_evidence_set(&d->rest.evidence, &sovd_schema_sections, &d->settings);
        return r;
}

static int start(struct daemon *d) {
        const struct sovd_limits_settings *limits = d->settings.limits;
        struct sovd_http_server_options http = sovd_settings_http(d->settings.server, limits, d->settings.rate);
        struct sovd_tls_options tls;
        const struct sovd_gateway_options options = {
                .db = d->db,
                .executions_max = (size_t)limits->executions.value,
                .executions_per_client = (size_t)limits->executions_per_client.value,
                .executions_retention_usec = sovd_settings_usec(limits->execution_retention),
                .data_lists = { .max = (size_t)limits->data_lists.value,
                                .max_per_client = (size_t)limits->data_lists_per_client.value,
                                .ids_max = (size_t)limits->data_list_ids.value,
                                .idle_usec = sovd_settings_usec(limits->data_list_secs) },
                .idempotency = { .keys = (size_t)limits->idempotency_keys.value,
                                 .keys_per_client = (size_t)limits->idempotency_keys_per_client.value,
                                 .bytes = IDEMPOTENCY_BYTES,
                                 .retention_usec = sovd_settings_usec(limits->idempotency_retention) },
                .locks = { .max = (size_t)limits->locks.value,
                           .max_per_client = (size_t)limits->locks_per_client.value,
                           .max_usec = (uint64_t)limits->lock_secs.value * SOVD_USEC_PER_SEC,
                           .wait_usec = sovd_settings_usec(limits->lock_wait) },
        };

        int r = sovd_http_global_init();
        if (!r)
                r = sovd_gateway_new(&d->gateway, &options);
        if (!r)
                sovd_gateway_set_audit(d->gateway, d->audit);
        if (!r)
                r = sovd_metrics_new(&d->rest.metrics);
        if (!r)
                r = start_access(d);
        if (!r)
                r = sovd_lock_settings_apply(d->settings.locks, sovd_gateway_locks(d->gateway));
        if (!r)
                r = start_bus(d);
        if (!r)
                r = sovd_native_apps_start(&d->apps, d->gateway, d->rest.fault_events, limits, d->settings.faults);
        if (!r)
                r = sovd_native_apps_retain(d->apps, d->gateway, d->settings.history);
        if (r)
                return r;

        d->rest.gateway = d->gateway;
        d->rest.is_local = sovd_settings_is_local(d->settings.server->host);
        d->rest.state_folder = d->settings.storage->path;
        d->rest.request_timeout_usec = sovd_settings_usec(limits->request_timeout);
        sovd_settings_docs(d->settings.events, limits, &d->rest.docs);
        d->rest.bulk_timeout_usec = sovd_settings_usec(limits->bulk_timeout);
        d->rest.bulk_bytes = (uint64_t)limits->bulk_bytes.value;
        /* A transfer may hold its connection for long: one is always left for everything else. */
        sovd_metrics_transfers(d->rest.metrics)->max =
                (unsigned)SOVD_MIN(limits->bulk_transfers.value, limits->connections.value - 1);
        d->rest.cors = d->settings.server->cors;
        if (d->settings.server->allowed_hosts.n)
                d->rest.allowed_hosts = d->settings.server->allowed_hosts.items; /* ends with NULL */
        if (d->settings.server->trusted_proxies.n)
                d->rest.trusted_proxies = d->settings.server->trusted_proxies.items; /* the same */
        r = sovd_backends_add(d->gateway, &d->settings.backends);
        if (!r)
                r = sovd_native_apps_add(d->gateway, d->settings.native);
        if (!r)
                r = add_demo(d);
        if (!r)
                r = start_events(d);
        if (!r)
                r = start_own(d);
        if (!r)
                r = start_catalog(d);
        if (!r)
                r = start_fault_mirror(d);
        if (d->settings.server->tls) {
                sovd_tls_settings_options(d->settings.server->tls, &tls);
                http.tls = &tls;
        }
        if (!r)
                r = sovd_http_server_new(&d->rest.server, &http, sovd_dispatch, &d->rest);
        if (r)
                return r;
        sovd_own_entity_listening(d->own);
        sovd_streamer_set_tls(d->rest.streamer, sovd_http_server_tls(d->rest.server));
        say_listening(d);
        return 0;
}

/* Takes every lock that requests need. When one of them hangs, so does this, and the watchdog ends the process. */
static void self_check(struct daemon *d) {
        struct sovd_lock_counts counts;
        struct sovd_observations_counters counters;
        size_t total, running;

        sovd_observations_count(d->rest.observations, &counters);
        (void)sovd_events_newest(d->rest.fault_events);
        sovd_tree_unref(sovd_gateway_tree(d->gateway));
        sovd_executions_count(sovd_gateway_executions(d->gateway), &total, &running);
        sovd_locks_count(sovd_gateway_locks(d->gateway), &counts);
        (void)sovd_gateway_is_discovered(d->gateway);
        sovd_service_alive();
}

static void check_ready(struct daemon *d) {
        if (!sovd_gateway_is_discovered(d->gateway))
                return;
        sovd_observations_resume(d->rest.observations);
        __atomic_store_n(&d->rest.ready, true, __ATOMIC_RELEASE);
        sovd_service_ready("Serving");
        sovd_log(SOVD_LOG_INFO, "ready after %llu ms",
                 (unsigned long long)(sovd_now_usec() - sovd_gateway_started_usec(d->gateway)) / 1000);
}

/* Waits for signals; they are blocked in every thread, so they arrive nowhere else. */
static void run(struct daemon *d, const sigset_t *signals) {
        uint64_t watchdog = sovd_service_watchdog_usec();

        for (;;) {
                uint64_t wait = !d->rest.ready ? READY_POLL_USEC : watchdog ? watchdog : IDLE_USEC;
                wait = SOVD_MIN(wait, sovd_clock_left_usec(sovd_own_entity_tick(d->own)));
                wait = SOVD_MIN(wait, sovd_clock_left_usec(sovd_tls_tick(sovd_http_server_tls(d->rest.server))));
                record_certificates(d);
                sovd_state_clock_tick(d->db);
                const struct timespec timeout = { .tv_sec = (time_t)(wait / SOVD_USEC_PER_SEC),
                                                  .tv_nsec = (long)(wait % SOVD_USEC_PER_SEC) * 1000 };
                int signal = sigtimedwait(signals, NULL, &timeout);
                if (signal == SIGTERM || signal == SIGINT)
                        return;
                if (signal == SIGHUP)
                        reload(d);
                if (!d->rest.ready)
                        check_ready(d);
                else if (watchdog)
                        self_check(d);
        }
}

/* Nothing new is taken; running requests may end, then the backends let go of them; then the listener closes. */
static void stop(struct daemon *d) {
        sovd_service_stopping();
        if (d->rest.server) {
                sovd_log(SOVD_LOG_INFO, "stopping");
                sovd_http_server_drain(d->rest.server, sovd_settings_usec(d->settings.limits->stop_timeout));
                sovd_observations_quit(d->rest.observations);
                sovd_fault_mirror_quit(d->rest.fault_mirror);
                sovd_data_catalog_quit(d->rest.data_catalog);
                sovd_gateway_stop(d->gateway); /* ends what still waits for a backend */
                sovd_http_server_drain(d->rest.server, STOP_GRACE_USEC);
                sovd_data_watches_stop(d->rest.data_watches);
                sovd_observations_stop(d->rest.observations);
                sovd_streamer_stop(d->rest.streamer, STOP_GRACE_USEC);
                d->rest.server = sovd_http_server_free(d->rest.server);
        }
        d->rest.data_catalog = sovd_data_catalog_free(d->rest.data_catalog);
        d->rest.streamer = sovd_streamer_free(d->rest.streamer);
        sovd_fault_mirror_quit(d->rest.fault_mirror);
        if (d->gateway)
                sovd_gateway_stop(d->gateway); /* ends what is read of backends */
        d->rest.fault_mirror = sovd_fault_mirror_free(d->rest.fault_mirror);
        d->gateway = sovd_gateway_free(d->gateway);
        d->own = sovd_own_entity_free(d->own);
        d->rest.data_watches = sovd_data_watches_free(d->rest.data_watches);
        d->apps = sovd_native_apps_free(d->apps);
        d->rest.observations = sovd_observations_free(d->rest.observations); /* events of faults reach it until here */
        d->rest.fault_events = sovd_events_free(d->rest.fault_events);
        d->audit = sovd_audit_free(d->audit);
        sovd_state_clock_keep(d->db);
        d->db = sovd_db_close(d->db); /* carries out what waits, of sessions too */
        d->rest.sessions = sovd_sessions_free(d->rest.sessions);
        d->rest.metrics = sovd_metrics_free(d->rest.metrics);
        d->rest.secrets = sovd_secrets_free(d->rest.secrets); /* its thread renews the keys of auth */
        d->rest.auth = sovd_auth_free(d->rest.auth);
        d->rest.proximity = sovd_proximity_free(d->rest.proximity);
        d->rest.browser_sessions = sovd_browser_sessions_free(d->rest.browser_sessions);
        d->rest.admission = sovd_admission_free(d->rest.admission);
        d->rest.authority = sovd_authority_free(d->rest.authority);
        d->rest.evidence = sovd_evidence_free(d->rest.evidence);
}

/* What an operator wants to see in the first line. */
static void say_start(const struct daemon *d) {
        const struct sovd_auth_settings *auth = d->settings.auth;
        const char *path = d->settings.storage->path, *policy = auth->policy_file ? auth->policy_file : "built-in roles";
        const struct sovd_log_field fields[] = { { "config", d->arguments->config ? d->arguments->config : "built-in defaults" },
                                                 { "state", path ? path : "in memory" },
                                                 { "credentials", auth->enabled.value ? "required" : "optional" },
                                                 { "policy", auth->enabled.value ? policy : NULL },
                                                 { NULL, NULL } };

        sovd_log_event(SOVD_LOG_INFO, fields, "sovd-gatewayd %s starts", SOVD_VERSION);
        if (!path && d->settings.audit->enabled.value && !sovd_settings_is_local(d->settings.server->host))
                sovd_log(SOVD_LOG_WARN, "the audit log is in memory and ends with the process: storage.path is not set");
}

static int serve(struct daemon *d) {
        sigset_t signals;

        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of the write, not our end */

        sovd_settings_log(d->settings.logging);
        sovd_sections_allow_files(&d->settings);
        if (sovd_log_keep((size_t)d->settings.logging->kept.value))
                sovd_log(SOVD_LOG_WARN, "clients cannot read the log: out of memory");
        say_start(d);
        int r = sovd_state_open(&d->db, d->settings.storage->path, &d->damaged);
        const bool has_state = !r;
        if (!r)
                r = sovd_state_clock_begin(d->db);
        if (!r)
                r = sovd_audit_settings_open(d->settings.audit, d->db, d->settings.storage->path, &d->audit);
        const bool unsafe = has_state && r == -EPERM; /* a key that others can use: no restart helps */
        if (!r)
                r = start(d);
        if (!r)
                run(d, &signals);
        stop(d);
        return unsafe ? 2 : r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_openapi(void) {
        char *text = sovd_openapi_text(SOVD_API_BASE, true);

        if (text)
                (void)puts(text);
        free(text);
        return text ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int make_key(const char *name) {
        int r = sovd_make_key(name, stdout);

        if (r == -EINVAL)
                (void)fprintf(stderr, "a name has 1 to 64 letters, digits and -._@: only\n");
        return r == -EINVAL ? 2 : r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int with_settings(const struct sovd_arguments *arguments) {
        struct daemon d = { .arguments = arguments };
        int status = 2;

        if (sovd_arena_new(&d.start_arena, 4096))
                return EXIT_FAILURE;
        d.arena = d.start_arena;
        if (sovd_sections_load(arguments, &d.settings, d.arena) == 0 && make_demo(&d) == 0) {
                if (arguments->action == SOVD_ACTION_RUN)
                        status = serve(&d);
                else if (arguments->action == SOVD_ACTION_EXPLAIN_ACCESS)
                        status = sovd_policy_explain(d.settings.policy, d.settings.auth, arguments->principal, arguments->words[0],
                                                     arguments->words[1]);
                else
                        status = printf("%s: ok\n", arguments->config ? arguments->config : "built-in defaults") < 0;
        }
        sovd_policy_unref(d.settings.policy);
        sovd_backend_unref(d.demo);
        free(d.damaged);
        if (d.arena != d.start_arena)
                sovd_arena_free(d.arena);
        sovd_arena_free(d.start_arena);
        return status;
}

int main(int argc, char **argv) {
        struct sovd_arguments arguments;

        sovd_process_bound_heap();
        if (!sovd_arguments_parse(&arguments, argc, argv))
                return 2;
        switch (arguments.action) {
        case SOVD_ACTION_HELP:
                sovd_arguments_help();
                return EXIT_SUCCESS;
        case SOVD_ACTION_VERSION:
                return puts("sovd-gatewayd " SOVD_VERSION) < 0;
        case SOVD_ACTION_PRINT_CONFIG_DOCS:
                sovd_config_print_docs(&sovd_schema_sections, stdout);
                return EXIT_SUCCESS;
        case SOVD_ACTION_PRINT_SCENARIO_DOCS:
                sovd_config_print_reference("Scenarios", &sovd_schema_sim_scenario, stdout);
                return EXIT_SUCCESS;
        case SOVD_ACTION_PRINT_FAULT_DOCS:
                sovd_config_print_reference("Catalogues of faults", &fm_schema_catalog_file, stdout);
                return EXIT_SUCCESS;
        case SOVD_ACTION_PRINT_OPENAPI:
                return print_openapi();
        case SOVD_ACTION_PRINT_ACCESS_DOCS:
                sovd_policy_print_matrix();
                return EXIT_SUCCESS;
        case SOVD_ACTION_MAKE_KEY:
                return make_key(arguments.key_name);
        case SOVD_ACTION_CHECK_CONFIG:
        case SOVD_ACTION_EXPLAIN_ACCESS:
        case SOVD_ACTION_RUN:
                break;
        }
        return with_settings(&arguments);
}
