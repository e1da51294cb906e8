/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/backend_list.h"
#include "backends/sim/sim_backend.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/secret.h"
#include "sovd-rest/settings.h"
#include <errno.h>

static const struct sovd_field backend_fields[] = {
        { .name = "scenario", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_backend_settings, scenario),
          .min = 1, .max = 4095, .doc = "Type sim: the file with the entities, see scenarios.md." },
        { .name = "bearer_token_from", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_backend_settings, token_from),
          .min = 1, .max = 4095, .doc = "Instead of bearer_token: where it is, a file, `credential:NAME` or `env:NAME`." },
        { 0 }
};
const struct sovd_schema sovd_schema_backend_settings = {
        .name = "Backend", .size = sizeof(struct sovd_backend_settings), .fields = backend_fields,
        .base = &sovd_schema_sovd_options, .doc = "What stands behind the gateway: a SOVD server, or a simulation.",
};

/* --- checks ---------------------------------------------------------------------------------------------- */

static const char *complain(const struct sovd_config_tree *tree, struct sovd_arena *arena, size_t i, const char *member,
                            const char *why) {
        return sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/backends/%zu/%s", i, member), why);
}

bool sovd_backend_is_sim(const struct sovd_backend_settings *b) {
        return strcmp(b->sovd.type, "sim") == 0;
}

/* The keys of a SOVD server mean nothing to a simulation; that they have no effect must not stay unseen. */
static const char *check_keys(const struct sovd_config_tree *tree, struct sovd_arena *arena, size_t i) {
        for (const struct sovd_field *f = sovd_schema_sovd_options.fields; f->name; f++) {
                const char *pointer = sovd_arena_printf(arena, "/backends/%zu/%s", i, f->name);
                if (strcmp(f->name, "name") != 0 && strcmp(f->name, "type") != 0 && pointer &&
                    sovd_config_has(tree, pointer, arena))
                        return complain(tree, arena, i, f->name, "only a backend of type sovd has this key");
        }
        return NULL;
}

/* Keeps the text of the scenario: what was checked is what runs, and a reload sees whether it changed. */
static const char *check_sim(struct sovd_backend_settings *b, const struct sovd_config_tree *tree, struct sovd_arena *arena,
                             size_t i) {
        _cleanup_(sovd_backend_unrefp) struct sovd_backend *backend = NULL;
        const char *message = check_keys(tree, arena, i);

        if (message)
                return message;
        if (!sovd_id_is_valid(b->sovd.name))
                return complain(tree, arena, i, "name", "must have 1 to 128 bytes, without / and control characters");
        if (b->token_from)
                return complain(tree, arena, i, "bearer_token_from", "only a backend of type sovd has this key");
        if (!b->scenario)
                return complain(tree, arena, i, "scenario", "a backend of type sim needs this key");
        int r = sovd_config_read_file(&b->text, &b->len, b->scenario, arena);
        if (r) {
                message = sovd_arena_printf(arena, "'%s' cannot be read: %s", b->scenario, strerror(-r));
                return complain(tree, arena, i, "scenario", message ? message : "cannot be read");
        }
        r = sovd_sim_backend_parse(&backend, b->sovd.name, b->scenario, b->text, b->len, arena, &message);
        return r ? message : NULL;
}

static void wipe(void *text) {
        explicit_bzero(text, strlen(text));
}

/* Keeps the token itself, so that a reload sees whether it changed; it is wiped with the settings. */
static const char *read_token(struct sovd_backend_settings *b, struct sovd_arena *arena) {
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = NULL;
        const char *why;
        size_t n;

        if (b->sovd.bearer_token)
                return "stands beside bearer_token; one of them is enough";
        if (sovd_secret_read(&secret, b->token_from, arena, &why))
                return why;
        const char *bytes = sovd_secret_bytes(secret, &n);
        if (strlen(bytes) != n)
                return "the token is no text of one line";
        char *token = sovd_arena_strdup(arena, bytes);
        if (!token || sovd_arena_defer(arena, wipe, token))
                return "out of memory";
        b->sovd.bearer_token = token;
        return NULL;
}

const char *sovd_backend_settings_check(struct sovd_backend_settings *b, const struct sovd_config_tree *tree, struct sovd_arena *arena,
                              size_t i) {
        const char *member, *why;

        if (sovd_backend_is_sim(b))
                return check_sim(b, tree, arena, i);
        if (strcmp(b->sovd.type, "sovd") != 0)
                return complain(tree, arena, i, "type", "must be sovd or sim");
        if (b->scenario)
                return complain(tree, arena, i, "scenario", "only a backend of type sim has this key");
        why = b->token_from ? read_token(b, arena) : NULL;
        if (why)
                return complain(tree, arena, i, "bearer_token_from", why);
        why = sovd_sovd_options_check(&b->sovd, &member);
        return why ? complain(tree, arena, i, member, why) : NULL;
}

/* --- start ----------------------------------------------------------------------------------------------- */

static bool same_backend(const struct sovd_backend_settings *a, const struct sovd_backend_settings *b) {
        return sovd_settings_same(&sovd_schema_backend_settings, a, b) && a->len == b->len && (!a->len || memcmp(a->text, b->text, a->len) == 0);
}

static const struct sovd_backend_settings *find_options(const struct sovd_list *s, const char *name) {
        const struct sovd_backend_settings *b = s->items;

        for (size_t i = 0; i < s->n; i++)
                if (strcmp(b[i].sovd.name, name) == 0)
                        return &b[i];
        return NULL;
}

static int make_sim(struct sovd_backend **ret, const struct sovd_backend_settings *b) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *message;

        int r = sovd_arena_new(&arena, 1024);
        if (r)
                return r;
        r = sovd_sim_backend_parse(ret, b->sovd.name, b->scenario, b->text, b->len, arena, &message);
        return r > 0 ? -EINVAL : r; /* it was good when it was checked */
}

static int make_backend(struct sovd_backend **ret, const struct sovd_backend_settings *b) {
        return sovd_backend_is_sim(b) ? make_sim(ret, b) : sovd_sovd_backend_new(ret, &b->sovd);
}

static int add_backend(struct sovd_gateway *gateway, const struct sovd_backend_settings *b) {
        struct sovd_backend *backend;

        int r = make_backend(&backend, b);
        if (!r)
                r = sovd_gateway_add(gateway, backend);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "backend '%s' cannot be started: %s", b->sovd.name, strerror(-r));
        return r;
}

/* What is known of those that are not configured any more must not come back with them. */
static void forget_others(struct sovd_gateway *gateway, const struct sovd_list *s) {
        const struct sovd_backend_settings *b = s->items;
        const char *names[SOVD_BACKENDS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                if (!sovd_backend_is_sim(&b[i]))
                        names[n++] = b[i].sovd.name;
        sovd_sovd_forget_others(gateway, names, n);
}

int sovd_backends_add(struct sovd_gateway *gateway, const struct sovd_list *s) {
        const struct sovd_backend_settings *b = s->items;

        forget_others(gateway, s);
        for (size_t i = 0; i < s->n; i++) {
                int r = add_backend(gateway, &b[i]);
                if (r)
                        return r;
        }
        return 0;
}

/* --- reload ---------------------------------------------------------------------------------------------- */

void sovd_backend_change_drop(struct sovd_backend_change *c) {
        for (size_t i = 0; i < c->n; i++)
                sovd_backend_unref(c->made[i]);
}

int sovd_backend_change_prepare(struct sovd_backend_change *c, const struct sovd_list *old, const struct sovd_list *new) {
        const struct sovd_backend_settings *b = new->items;

        for (c->n = 0; c->n < new->n; c->n++) {
                const struct sovd_backend_settings *now = &b[c->n], *before = find_options(old, now->sovd.name);
                c->made[c->n] = NULL;
                if (before && same_backend(before, now))
                        continue;
                int r = make_backend(&c->made[c->n], now);
                if (r) {
                        sovd_log(SOVD_LOG_ERROR, "backend '%s' cannot be made: %s", now->sovd.name, strerror(-r));
                        sovd_backend_change_drop(c);
                        return r;
                }
        }
        return 0;
}

static struct sovd_backend *running(struct sovd_gateway *gateway, const char *name) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX], *found = NULL;
        size_t n = sovd_gateway_backends(gateway, backends, SOVD_BACKENDS_MAX);

        for (size_t i = 0; i < n; i++) {
                if (strcmp(backends[i]->name, name) == 0)
                        found = backends[i];
                sovd_backend_unref(backends[i]); /* the gateway has one, and this is its only thread that removes */
        }
        return found;
}

static void remove_gone(struct sovd_gateway *gateway, const struct sovd_list *old, const struct sovd_list *new) {
        const struct sovd_backend_settings *b = old->items;

        for (size_t i = 0; i < old->n; i++) {
                const char *name = b[i].sovd.name;
                struct sovd_backend *backend = find_options(new, name) ? NULL : running(gateway, name);
                if (backend)
                        sovd_gateway_remove(gateway, backend);
        }
}

void sovd_backend_change_apply(struct sovd_gateway *gateway, const struct sovd_list *old, const struct sovd_list *new,
                               const struct sovd_backend_change *c, const char *const *behind) {
        const struct sovd_backend_settings *b = new->items;
        const char *order[SOVD_BACKENDS_MAX];
        size_t n;

        remove_gone(gateway, old, new);
        forget_others(gateway, new);
        for (size_t i = 0; i < c->n; i++) {
                struct sovd_backend *before = c->made[i] ? running(gateway, b[i].sovd.name) : NULL;
                int r = 0;
                order[i] = b[i].sovd.name;
                if (c->made[i])
                        r = before ? sovd_gateway_replace(gateway, before, c->made[i])
                                   : sovd_gateway_add(gateway, c->made[i]);
                if (r)
                        sovd_log(SOVD_LOG_ERROR, "backend '%s' cannot be started: %s", b[i].sovd.name, strerror(-r));
        }
        n = c->n;
        for (; *behind && n < SOVD_BACKENDS_MAX; behind++)
                if (running(gateway, *behind))
                        order[n++] = *behind;
        sovd_gateway_reorder(gateway, order, n);
}

