/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "backends/sim/demo_vehicle.h"
#include "sovd-core/base/clock.h"
#include <errno.h>
#include <time.h>

static int sim_start(struct sovd_backend *backend) {
        int r = sim_publish(sim_of(backend));

        return r ? r : sim_thread_start(sim_of(backend));
}

static void sim_stop(struct sovd_backend *backend) {
        struct sim *sim = sim_of(backend);

        (void)pthread_mutex_lock(&sim->mutex);
        sim->stopped = true;
        (void)pthread_cond_broadcast(&sim->stopping);
        (void)pthread_mutex_unlock(&sim->mutex);
        sim_thread_stop(sim);
}

static void free_unit(struct sim_unit *unit) {
        const struct sim_entity *e = unit->entity;

        sim_logs_done(unit);
        for (size_t i = 0; unit->data && i < e->data.n; i++)
                free(unit->data[i].text);
        for (size_t i = 0; unit->faults && i < e->faults.n; i++)
                free(unit->faults[i].frame);
        if (unit->modes)
                sim_modes_free(unit);
        for (size_t i = 0; unit->configurations && i < e->configurations.n; i++)
                free(unit->configurations[i].text);
        for (size_t i = 0; unit->operations && i < e->operations.n; i++) {
                for (size_t k = 0; k < SIM_EXECUTIONS_MAX; k++)
                        sim_execution_clear(&unit->operations[i].executions[k]);
                free(unit->operations[i].proofs);
        }
        sim_scripts_free(unit->scripts);
        sim_bulk_done(unit);
        sim_comm_logs_done(unit);
}

static void sim_free(struct sovd_backend *backend) {
        struct sim *sim = sim_of(backend);

        for (size_t i = 0; i < sim->n_units; i++)
                free_unit(&sim->units[i]);
        sim_updates_done(sim);
        sovd_arena_free(sim->arena);
        (void)pthread_cond_destroy(&sim->stopping);
        (void)pthread_mutex_destroy(&sim->mutex);
        free(sim);
}

/* There is no other side that could go away: no breaker, no dialect, no last answer. */
static void sim_status(struct sovd_backend *backend, struct sovd_backend_status *ret) {
        struct sim *sim = sim_of(backend);

        (void)pthread_mutex_lock(&sim->mutex);
        const size_t n_updates = sim->n_updates;
        (void)pthread_mutex_unlock(&sim->mutex);
        *ret = (struct sovd_backend_status){
                .connection = SOVD_CONNECTED,
                .discovered = true,
                .n_entities = sim->n_units,
                .n_updates = n_updates,
                .in_flight = atomic_load(&sim->in_flight),
                .n_calls = atomic_load(&sim->n_calls),
                .n_failures = atomic_load(&sim->n_failures),
                .keeps_scripts = true,
        };
        sim_scripts_count(sim, &ret->n_scripts, &ret->n_scripts_running);
}

static const struct sovd_backend_ops sim_ops = {
        .type = "sim",
        .start = sim_start,
        .stop = sim_stop,
        .free = sim_free,
        .status = sim_status,
        .data_list = sim_data_list,
        .data_read = sim_data_read,
        .data_write = sim_data_write,
        .data_groups = sim_data_groups,
        .faults_list = sim_faults_list,
        .fault_read = sim_fault_read,
        .fault_clear = sim_fault_clear,
        .faults_clear = sim_faults_clear,
        .operations_list = sim_operations_list,
        .operation_read = sim_operation_read,
        .execution_start = sim_execution_start,
        .executions_list = sim_executions_list,
        .execution_read = sim_execution_read,
        .execution_control = sim_execution_control,
        .execution_stop = sim_execution_stop,
        .modes_list = sim_modes_list,
        .mode_read = sim_mode_read,
        .mode_write = sim_mode_write,
        .configurations_list = sim_configurations_list,
        .configuration_read = sim_configuration_read,
        .configuration_write = sim_configuration_write,
        .describe = sim_describe,
        .scripts_list = sim_scripts_list,
        .script_read = sim_script_read,
        .script_upload = sim_script_upload,
        .script_delete = sim_script_delete,
        .script_start = sim_script_start,
        .script_executions_list = sim_script_executions_list,
        .script_execution_read = sim_script_execution_read,
        .script_execution_control = sim_script_execution_control,
        .script_execution_delete = sim_script_execution_delete,
        .log_entries = sim_log_entries,
        .log_config_read = sim_log_config_read,
        .log_config_write = sim_log_config_write,
        .log_config_reset = sim_log_config_reset,
        .log_append = sim_log_append,
        .clear_data_read = sim_clear_data_read,
        .clear_data_start = sim_clear_data_start,
        .clear_data_status = sim_clear_data_status,
        .status_read = sim_status_read,
        .status_control = sim_status_control,
        .updates_list = sim_updates_list,
        .update_read = sim_update_read,
        .update_status = sim_update_status,
        .update_control = sim_update_control,
        .update_register = sim_update_register,
        .update_delete = sim_update_delete,
        .configuration_write_bytes = sim_configuration_write_bytes,
        .configuration_reset = sim_configuration_reset,
        .bulk_categories = sim_bulk_categories,
        .bulk_list = sim_bulk_list,
        .bulk_open = sim_bulk_open,
        .bulk_write = sim_bulk_write,
        .bulk_delete = sim_bulk_delete,
        .bulk_delete_all = sim_bulk_delete_all,
        .comm_logs_list = sim_comm_logs_list,
        .comm_log_create = sim_comm_log_create,
        .comm_log_read = sim_comm_log_read,
        .comm_log_control = sim_comm_log_control,
        .comm_log_delete = sim_comm_log_delete,
};

/* --- making one ----------------------------------------------------------------------------------------- */

/* FNV-1a over type and id, so that equal ids in two entities do not move together. */
static uint64_t salt_of(const struct sim *sim, const struct sim_unit *unit) {
        uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)sim->scenario.seed.value ^
                     (uint64_t)unit->type << 32;

        for (const char *p = unit->entity->named.id; *p; p++)
                h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        return h;
}

static int fill_unit(struct sim *sim, struct sim_unit *unit) {
        const struct sim_entity *e = unit->entity;

        unit->salt = salt_of(sim, unit);
        unit->data = sovd_arena_array(sim->arena, struct data_state, e->data.n + 1);
        unit->faults = sovd_arena_array(sim->arena, struct fault_state, e->faults.n + 1);
        unit->operations = sovd_arena_array(sim->arena, struct operation_state, e->operations.n + 1);
        unit->modes = sovd_arena_array(sim->arena, struct mode_state, e->modes.n + 1);
        unit->configurations =
                sovd_arena_array(sim->arena, struct configuration_state, e->configurations.n + 1);
        if (!unit->data || !unit->faults || !unit->operations || !unit->modes || !unit->configurations)
                return sovd_error_origin(-ENOMEM);

        sim_modes_init(unit);
        int r = sim_data_init(sim, unit);
        if (!r)
                r = sim_scripts_init(unit);
        if (!r)
                r = sim_logs_init(sim, unit);
        if (!r)
                r = sim_bulk_init(sim, unit);
        return r ? r : sim_configurations_init(unit);
}

static int fill_units(struct sim *sim) {
        size_t n = 0;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                n += sim->scenario.entities[type].n;
        sim->units = sovd_arena_array(sim->arena, struct sim_unit, n + 1);
        if (!sim->units)
                return sovd_error_origin(-ENOMEM);

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                const struct sim_entity *all = sim->scenario.entities[type].items;
                for (size_t i = 0; i < sim->scenario.entities[type].n; i++) {
                        struct sim_unit *unit = &sim->units[sim->n_units++];
                        unit->type = (enum sovd_entity_type)type;
                        unit->entity = &all[i];
                        int r = fill_unit(sim, unit);
                        if (r)
                                return r;
                }
        }
        return 0;
}

static int new_sim(struct sovd_backend **ret, const char *name) {
        struct sim *sim = calloc(1, sizeof(*sim));
        if (!sim)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_cond_init(&sim->stopping);
        if (r) {
                free(sim);
                return r;
        }
        (void)pthread_mutex_init(&sim->mutex, NULL);
        sim->base.ops = &sim_ops;
        sim->base.n_refs = 1;
        sim->start_usec = sovd_now_usec();
        *ret = &sim->base;
        r = sovd_arena_new(&sim->arena, 16384);
        if (!r)
                sim->base.name = sovd_arena_strdup(sim->arena, name);
        return r ? r : sim->base.name ? 0 : sovd_error_origin(-ENOMEM);
}

/* The message has to outlive a backend that is not made. */
static const char *keep(struct sovd_arena *arena, const char *message) {
        const char *copy = sovd_arena_strdup(arena, message);

        return copy ? copy : "out of memory";
}

static int read_scenario(struct sim *sim, const char *file, const char *text, size_t len,
                         const char **message) {
        struct sovd_config_tree *tree;

        int r = text ? sovd_config_parse(&sovd_schema_sim_scenario, &sim->scenario, file, text, len, NULL,
                                         sim->arena, &tree, message)
                     : sovd_config_load(&sovd_schema_sim_scenario, &sim->scenario, file, NULL, sim->arena,
                                        &tree, message);
        if (r)
                return r;
        *message = sim_check(&sim->scenario, tree, sim->arena);
        if (*message)
                return SOVD_E_BAD_REQUEST;
        *message = "out of memory";
        r = fill_units(sim);
        return r ? r : sim_updates_init(sim);
}

int sovd_sim_backend_parse(struct sovd_backend **ret, const char *name, const char *file, const char *text,
                           size_t len, struct sovd_arena *arena, const char **message) {
        _cleanup_(sovd_backend_unrefp) struct sovd_backend *backend = NULL;

        *message = "out of memory";
        int r = new_sim(&backend, name);
        if (!r)
                r = read_scenario(sim_of(backend), file, text, len, message);
        if (r) {
                *message = keep(arena, *message);
                return r;
        }
        *message = NULL;
        *ret = SOVD_TAKE(backend);
        return 0;
}

int sovd_sim_backend_new(struct sovd_backend **ret, const char *name, const char *file,
                         struct sovd_arena *arena, const char **message) {
        if (file)
                return sovd_sim_backend_parse(ret, name, file, NULL, 0, arena, message);
        return sovd_sim_backend_parse(ret, name, "demo_vehicle.yaml", sim_demo_vehicle,
                                      strlen(sim_demo_vehicle), arena, message);
}
