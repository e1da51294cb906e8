/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <strings.h>

static struct update_state new_state(struct sim_update *update, struct sovd_arena *arena) {
        return (struct update_state){
                .update = update, .arena = arena, .phase = SOVD_UPDATE_PREPARE, .status = SOVD_UPDATE_PENDING
        };
}

int sim_updates_init(struct sim *sim) {
        struct sim_update *all = sim->scenario.updates.items;

        sim->updates_max = (size_t)sim->scenario.updates_max.value;
        sim->updates = sovd_arena_array(sim->arena, struct update_state, sim->updates_max);
        if (!sim->updates)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < sim->scenario.updates.n; i++)
                sim->updates[sim->n_updates++] = new_state(&all[i], NULL);
        return 0;
}

void sim_updates_done(struct sim *sim) {
        for (size_t i = 0; i < sim->n_updates; i++)
                sovd_arena_free(sim->updates[i].arena);
}

static struct update_state *find(const struct sim *sim, const char *id) {
        for (size_t i = 0; i < sim->n_updates; i++)
                if (strcmp(sim->updates[i].update->named.id, id) == 0)
                        return &sim->updates[i];
        return NULL;
}

/* "autonomous" is the package that the scenario chooses. */
struct update_state *sim_update_find(struct sovd_call *call, const struct sim *sim, const char *id) {
        const bool autonomous = strcmp(id, SOVD_UPDATE_AUTONOMOUS) == 0;
        const char *real = autonomous ? sim->scenario.autonomous_update : id;
        struct update_state *u = real ? find(sim, real) : NULL;

        if (!u)
                (void)sovd_fail(call, SOVD_E_NOT_FOUND, "there is no update package '%.128s'", id);
        return u;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static bool has_origin(const struct sim_update *update, const char *origin) {
        for (size_t i = 0; origin && i < update->origins.n; i++)
                if (strcmp(update->origins.items[i], origin) == 0)
                        return true;
        return !origin || !update->origins.n;
}

int sim_updates_list(struct sovd_call *call, struct sovd_backend *backend,
                     const struct sovd_update_filter *filter, struct sovd_update_ids *ret) {
        struct sim_call c;

        int r = sim_enter_server(&c, call, backend);
        if (r)
                return r;
        ret->items.items = sovd_arena_array(call->arena, const char *, c.sim->n_updates + 1);
        for (size_t i = 0; !r && ret->items.items && i < c.sim->n_updates; i++) {
                const struct sim_update *update = c.sim->updates[i].update;
                if (!has_origin(update, filter->origin) ||
                    (filter->target_version &&
                     !sovd_version_matches(filter->target_version, update->version)))
                        continue;
                const char *id = sovd_arena_strdup(call->arena, update->named.id);
                ret->items.items[ret->items.n++] = id;
                r = id ? 0 : sovd_error_origin(-ENOMEM);
        }
        sim_leave(&c);
        return ret->items.items ? r : sovd_error_origin(-ENOMEM);
}

/* A registered package may be deleted before the answer is written: texts are copied. */
static const char *copy(struct sovd_arena *arena, const char *s) {
        return s ? sovd_arena_strdup(arena, s) : NULL;
}

static void copy_all(struct sovd_arena *arena, const struct sovd_strings *from, struct sovd_strings *to) {
        to->items = sovd_arena_array(arena, const char *, from->n + 1);
        for (size_t i = 0; to->items && i < from->n; i++) {
                to->items[to->n] = copy(arena, from->items[i]);
                to->n += to->items[to->n] != NULL;
        }
}

static void describe(struct sovd_arena *arena, const struct sim_update *u, struct sovd_update_detail *ret) {
        const struct sim_update_part *parts = u->components.items;

        *ret = (struct sovd_update_detail){
                .id = copy(arena, u->named.id),
                .update_name = copy(arena, u->named.name),
                .size = u->size_kb,
                .automated = u->automated,
                .update_translation_id = copy(arena, u->named.translation_id),
                .notes = copy(arena, u->notes),
                .notes_translation_id = copy(arena, u->notes_translation_id),
                .user_activity = copy(arena, u->user_activity),
                .user_activity_translation_id = copy(arena, u->user_activity_translation_id),
                .preconditions = copy(arena, u->preconditions),
                .preconditions_translation_id = copy(arena, u->preconditions_translation_id),
                .execution_conditions = copy(arena, u->execution_conditions),
                .duration = SOVD_INT((int64_t)u->execute_secs.value),
        };
        copy_all(arena, &u->origins, &ret->origin);
        copy_all(arena, &u->affects, &ret->affected_components);
        ret->updated_components.items = sovd_arena_array(arena, const char *, u->components.n + 1);
        for (size_t i = 0; ret->updated_components.items && i < u->components.n; i++)
                ret->updated_components.items[ret->updated_components.n++] =
                        sovd_arena_printf(arena, "components/%s", parts[i].component);
}

static bool is_complete(const struct sovd_update_detail *detail, const struct sim_update *u) {
        bool complete = detail->id && detail->update_name && detail->updated_components.n == u->components.n;

        for (size_t i = 0; complete && i < detail->updated_components.n; i++)
                complete = detail->updated_components.items[i];
        return complete;
}

int sim_update_read(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                    struct sovd_update_detail *ret) {
        struct sim_call c;

        int r = sim_enter_server(&c, call, backend);
        if (r)
                return r;
        const struct update_state *u = sim_update_find(call, c.sim, id);
        if (u) {
                describe(call->arena, u->update, ret);
                r = is_complete(ret, u->update) ? 0 : sovd_error_origin(-ENOMEM);
        } else
                r = SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

/* --- status --------------------------------------------------------------------------------------------- */

/* Each component has an equal share of the way, one after the other. */
static int describe_parts(struct sovd_arena *arena, const struct update_state *u, int64_t progress,
                          struct sovd_list *ret) {
        const struct sim_update_part *parts = u->update->components.items;
        const int64_t n = (int64_t)u->update->components.n;
        struct sovd_update_part *items =
                sovd_arena_array(arena, struct sovd_update_part, u->update->components.n);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        for (int64_t i = 0; i < n; i++) {
                const int64_t own = SOVD_MAX(0, SOVD_MIN(100, progress * n - i * 100));
                const bool begun = own > 0 || progress * n == i * 100;
                items[i] = (struct sovd_update_part){
                        .entity = sovd_arena_printf(arena, "components/%s", parts[i].component),
                        .status = own == 100 ? SOVD_UPDATE_COMPLETED
                                  : begun    ? u->status
                                             : SOVD_UPDATE_PENDING,
                        .progress = SOVD_INT(own),
                };
                if (!items[i].entity)
                        return sovd_error_origin(-ENOMEM);
        }
        *ret = (struct sovd_list){ .items = items, .n = (size_t)n };
        return 0;
}

static const char *step_of(const struct update_state *u, int64_t progress) {
        const struct sovd_strings *steps =
                u->phase == SOVD_UPDATE_PREPARE ? &u->update->prepare_steps : &u->update->execute_steps;

        if (!steps->n || u->status != SOVD_UPDATE_IN_PROGRESS)
                return NULL;
        return steps->items[SOVD_MIN((size_t)progress * steps->n / 100, steps->n - 1)];
}

static int set_error(struct sovd_arena *arena, const char *message, struct sovd_generic_error **ret) {
        struct sovd_generic_error *error = sovd_arena_new0(arena, struct sovd_generic_error);
        if (!error)
                return sovd_error_origin(-ENOMEM);

        *error = (struct sovd_generic_error){ .error_code = "error-response",
                                              .message = copy(arena, message) };
        *ret = error;
        return error->message ? 0 : sovd_error_origin(-ENOMEM);
}

static int describe_status(struct sovd_arena *arena, const struct update_state *u, uint64_t now,
                           struct sovd_update_status *ret) {
        const int64_t progress = sim_update_progress(u, now);
        const char *step = step_of(u, progress);
        int r = 0;

        *ret = (struct sovd_update_status){ .phase = u->phase,
                                            .status = u->status,
                                            .progress = SOVD_INT(progress),
                                            .step = copy(arena, step) };
        if (u->status != SOVD_UPDATE_PENDING)
                r = describe_parts(arena, u, progress, &ret->subprogress);
        if (!r && u->status == SOVD_UPDATE_FAILED)
                r = set_error(arena, u->error ? u->error : u->error_text, &ret->error);
        return r ? r : step && !ret->step ? sovd_error_origin(-ENOMEM) : 0;
}

int sim_update_status(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                      struct sovd_update_status *ret) {
        struct sim_call c;

        int r = sim_enter_server(&c, call, backend);
        if (r)
                return r;
        const struct update_state *u = sim_update_find(call, c.sim, id);
        r = u ? describe_status(call->arena, u, c.now_usec, ret) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

/* --- registration --------------------------------------------------------------------------------------- */

static int decode(struct sovd_call *call, struct sim *sim, const char *body, size_t len,
                  struct sovd_arena *arena, struct sim_update *ret) {
        struct sovd_schema_error error;
        struct sovd_json_fault fault;
        cJSON *json;

        int r = sovd_json_parse_in(arena, &json, body, len, NULL, &fault);
        if (r == SOVD_E_BAD_REQUEST)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "",
                                    "the description is not acceptable JSON: %s (at byte %zu)", fault.reason,
                                    fault.offset);
        if (!r)
                r = sovd_schema_decode(&sovd_schema_sim_update, json, ret, arena, SOVD_DECODE_CLOSED, &error);
        if (r == SOVD_E_BAD_REQUEST)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, error.path, "%s%s %s",
                                    *error.path ? "member " : "the body", *error.path ? error.path + 1 : "",
                                    error.reason);
        if (r)
                return r;

        const char *key = "", *why = sim_update_refuse(&sim->scenario, ret, arena, &key);
        if (why)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, sovd_call_printf(call, "/%s", key), "%s", why);
        return 0;
}

static int keep(struct sovd_call *call, const struct sim_call *c, struct sim_update *update,
                struct sovd_arena *arena) {
        if (find(c->sim, update->named.id))
                return sovd_fail(call, SOVD_E_CONFLICT, "there is an update package '%s' already",
                                 update->named.id);
        if (c->sim->n_updates >= c->sim->updates_max) {
                (void)sovd_fail(call, SOVD_E_OVERLOAD,
                                "%zu update packages are kept, which is the most: delete one first",
                                c->sim->updates_max);
                sovd_fail_retry_after(call, 1);
                return SOVD_E_OVERLOAD;
        }
        c->sim->updates[c->sim->n_updates++] = new_state(update, arena);
        return 0;
}

static bool is_json(const char *content_type) {
        const size_t n = content_type ? strcspn(content_type, "; \t") : 0;

        return n == strlen("application/json") && strncasecmp(content_type, "application/json", n) == 0;
}

int sim_update_register(struct sovd_call *call, struct sovd_backend *backend, const char *content_type,
                        const char *body, size_t len, struct sovd_update_registered *ret) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sim_call c;

        if (!is_json(content_type))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE,
                                 "an update package is described by application/json, not %s",
                                 content_type ? "what Content-Type says" : "without a Content-Type");
        int r = sovd_arena_new(&arena, 2048);
        struct sim_update *update = r ? NULL : sovd_arena_new0(arena, struct sim_update);
        if (!update)
                return r ? r : sovd_error_origin(-ENOMEM);
        r = decode(call, sim_of(backend), body, len, arena, update);
        if (!r)
                ret->id = copy(call->arena, update->named.id);
        if (!r)
                r = sim_enter_server(&c, call, backend);
        if (r)
                return r;
        r = ret->id ? keep(call, &c, update, arena) : sovd_error_origin(-ENOMEM);
        if (!r)
                (void)SOVD_TAKE(arena);
        sim_leave(&c);
        return r;
}

int sim_update_delete(struct sovd_call *call, struct sovd_backend *backend, const char *id) {
        struct sim_call c;

        int r = sim_enter_server(&c, call, backend);
        if (r)
                return r;
        struct update_state *u = find(c.sim, id);
        if (!u)
                r = sovd_fail(call, SOVD_E_NOT_FOUND, "there is no update package '%.128s'", id);
        else if (u->status == SOVD_UPDATE_IN_PROGRESS)
                r = sovd_fail(call, SOVD_E_UPDATE_RUNNING, "update '%s' is in progress", id);
        else {
                sovd_arena_free(u->arena);
                SOVD_REMOVE(c.sim->updates, c.sim->n_updates, (size_t)(u - c.sim->updates));
        }
        sim_leave(&c);
        return r;
}
