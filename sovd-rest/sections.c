/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/sections.h"
#include "sovd-auth/auth.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/own_entity.h"
#include "sovd-rest/policy_settings.h"
#include "sovd-rest/process.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SECTION(word) \
        { .name = #word, .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct sovd_sections, word), \
          .of = &sovd_schema_##word##_settings, .def = "{}" }
static const struct sovd_field settings_fields[] = {
        SECTION(server),
        SECTION(logging),
        SECTION(storage),
        SECTION(limits),
        SECTION(history),
        SECTION(locks),
        SECTION(auth),
        SECTION(rate),
        SECTION(audit),
        SECTION(events),
        SECTION(fault_mirror),
        SECTION(catalog),
        { .name = "backends", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_sections, backends),
          .of = &sovd_schema_backend_settings, .min = 0, .max = SOVD_BACKENDS_CONFIGURED_MAX,
          .doc = "What stands behind the gateway; the first one that offers an entity serves it." },
        { .name = "native", .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct sovd_sections, native),
          .of = &sovd_schema_native_options, .doc = "Apps of this machine; without it, none can connect." },
        SECTION(faults),
        { 0 }
};
const struct sovd_schema sovd_schema_sections = { .name = "configuration", .size = sizeof(struct sovd_sections),
                                                    .fields = settings_fields };

/* --- what a table cannot say ------------------------------------------------------------------------------- */

static const char *check_clients(const struct sovd_sections *s, const struct sovd_config_tree *tree,
                                 struct sovd_arena *arena) {
        const char *pointer;
        size_t i;

        const char *why = sovd_lock_settings_check(s->locks, arena, &pointer);
        if (why)
                return sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/locks%s", pointer ? pointer : ""), why);
        why = sovd_cors_settings_check(s->server->cors, &i);
        if (why)
                return sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/server/cors/origins/%zu", i), why);
        why = sovd_rate_settings_check(s->rate, arena, &pointer);
        if (why)
                return sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/rate%s", pointer ? pointer : ""), why);
        if (s->server->unix_socket_access == 3 && !s->auth->enabled.value)
                return sovd_config_complain(tree, arena, "/server/unix_socket_access",
                                            "needs auth.enabled: without it every user of this machine may do everything");
        why = sovd_auth_settings_check(s->auth, arena, &pointer);
        if (!why && s->auth->certificates.n && (!s->server->tls || !s->server->tls->client_ca)) {
                pointer = "/certificates";
                why = "needs server.tls.client_ca: without it clients cannot show a certificate";
        }
        return why ? sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/auth%s", pointer ? pointer : ""), why) : NULL;
}

/* Behind a proxy the user at the other end is the proxy's, whoever asks. */
static const char *check_users(const struct sovd_sections *s, const struct sovd_config_tree *tree, struct sovd_arena *arena) {
        const struct sovd_strings *proxies = &s->server->trusted_proxies;

        for (size_t i = 0; s->auth->unix_users.n && i < proxies->n; i++)
                if (strcmp(proxies->items[i], "unix") == 0)
                        return sovd_config_complain(tree, arena, "/auth/unix_users",
                                                    "cannot be where server.trusted_proxies has unix: whoever comes through the proxy would be its user");
        return NULL;
}

static const char *complain_name(const struct sovd_config_tree *tree, struct sovd_arena *arena, size_t i,
                                 const char *why) {
        return sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/backends/%zu/name", i), why);
}

/* What a table cannot say. */
static const char *check(const struct sovd_arguments *arguments, const struct sovd_sections *s,
                         const struct sovd_config_tree *tree, struct sovd_arena *arena) {
        struct sovd_backend_settings *b = s->backends.items;

        for (size_t i = 0; i < s->backends.n; i++) {
                const char *message = sovd_backend_settings_check(&b[i], tree, arena, i);
                if (message)
                        return message;
                if (s->native && strcmp(b[i].sovd.name, s->native->name) == 0)
                        return complain_name(tree, arena, i, "the native backend has this name");
                if (strcmp(b[i].sovd.name, SOVD_OWN_BACKEND) == 0)
                        return complain_name(tree, arena, i, "the gateway itself has this name");
                if (arguments->demo && strcmp(b[i].sovd.name, SOVD_DEMO_NAME) == 0)
                        return complain_name(tree, arena, i, "the vehicle of --demo has this name");
                for (size_t k = 0; k < i; k++)
                        if (strcmp(b[i].sovd.name, b[k].sovd.name) == 0)
                                return complain_name(tree, arena, i, "another backend has this name");
        }
        const char *message = sovd_server_settings_check(s->server, tree, arena);
        if (!message)
                message = sovd_tls_settings_check(s->server, tree, arena);
        if (!message)
                message = check_clients(s, tree, arena);
        if (!message)
                message = check_users(s, tree, arena);
        if (!message)
                message = sovd_audit_settings_check(s->audit, tree, arena);
        if (!message)
                message = sovd_catalog_settings_check(s->catalog, tree, arena);
        if (!message)
                message = sovd_native_apps_check(s->native, tree, arena);
        return message ? message : sovd_fault_settings_check(s->faults, s->native, tree, arena);
}

/* A service keeps its state where its manager has made a place for it, so that nobody loses faults and audit log by a key that was
 * forgotten. */
static int find_state(struct sovd_storage_settings *storage, struct sovd_arena *arena) {
        const char *folder = getenv("STATE_DIRECTORY"); /* of several, the first */

        if (storage->path || !folder || *folder != '/')
                return 0;
        storage->path = sovd_arena_printf(arena, "%.*s", (int)strcspn(folder, ":"), folder);
        return storage->path ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_sections_load(const struct sovd_arguments *arguments, struct sovd_sections *settings, struct sovd_arena *arena) {
        struct sovd_config_tree *tree;
        const char *message = NULL;

        int r = sovd_config_load(&sovd_schema_sections, settings, arguments->config, environ, arena, &tree, &message);
        settings->policy = NULL;
        if (!r)
                r = find_state(settings->storage, arena);
        if (!r)
                message = check(arguments, settings, tree, arena);
        if (!r && !message)
                message = sovd_policy_settings_read(settings->auth, tree, arena, &settings->policy);
        if (!message)
                return r;
        sovd_arguments_complain(message);
        return -EINVAL;
}

void sovd_sections_allow_files(const struct sovd_sections *s) {
        uint64_t wanted = (uint64_t)(s->limits->connections.value + s->limits->streams.value) + 64 + s->backends.n * 8;
        const struct sovd_backend_settings *b = s->backends.items;

        for (size_t i = 0; i < s->backends.n; i++)
                wanted += sovd_backend_is_sim(&b[i]) ? 0 : (uint64_t)b[i].sovd.max_in_flight.value;
        if (!sovd_process_allow_files(wanted))
                sovd_log(SOVD_LOG_WARN, "the limits may need %llu file descriptors, and fewer are allowed",
                         (unsigned long long)wanted);
}
