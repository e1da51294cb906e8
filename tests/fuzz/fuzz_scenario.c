/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a scenario of the simulation
 *
 * Beside the sanitizers' findings: a refused one has a message, an accepted one tells how many entities it has,
 * and every value, fault and mode of it can be read at any time.
 */
#include "backends/sim/sim_backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/call.h"

static const uint64_t moments[] = { 0, 1, SOVD_USEC_PER_SEC * 61, UINT64_C(3155760000000000) };
static uint64_t now_usec;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t moment(void) {
        return SOVD_USEC_PER_SEC + now_usec;
}

static void must(bool condition) {
        if (!condition)
                abort();
}

static void read_lists(struct sovd_call *call, const struct sovd_backend_ops *ops,
                       const struct sovd_entity *e) {
        const struct sovd_data_filter all_data = { 0 };
        const struct sovd_fault_filter all_faults = { 0 };
        struct sovd_data_list data = { 0 };
        struct sovd_fault_list faults = { 0 };
        struct sovd_mode_list modes = { 0 };

        if (ops->data_list(call, e, &all_data, &data))
                return; /* no such entity in this scenario, or not reachable now */
        must(!ops->faults_list(call, e, &all_faults, &faults) && !ops->modes_list(call, e, &modes));

        const struct sovd_data_item *item = data.items.items;
        for (size_t i = 0; i < data.items.n; i++) {
                struct sovd_data_value value = { 0 };
                must(!ops->data_read(call, e, item[i].id, &value) && value.data);
        }
        const struct sovd_fault *fault = faults.items.items;
        for (size_t i = 0; i < faults.items.n; i++) {
                struct sovd_fault_detail detail = { 0 };
                must(!ops->fault_read(call, e, fault[i].code, &detail) && detail.environment_data);
        }
}

/* Inputs name their component "a". */
static void read_all(struct sovd_backend *backend, struct sovd_arena *arena) {
        struct sovd_entity e = { .type = SOVD_COMPONENT, .id = "a", .name = "a" };

        for (int i = 0; i < SOVD_N_COLLECTIONS; i++)
                e.providers[i] = backend;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(moments); i++) {
                struct sovd_call call = { .arena = arena,
                                          .entity = &e,
                                          .request_id = "r" }; /* latencies are cut off */
                now_usec = moments[i];
                read_lists(&call, backend->ops, &e);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct sovd_clock clock = { moment, moment };
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_backend *backend;
        const char *message = NULL;

        sovd_clock_replace(&clock);
        now_usec = 0;
        if (sovd_arena_new(&arena, 4096))
                return 0;
        int r = sovd_sim_backend_parse(&backend, "f", "f", size ? (const char *)data : "", size, arena,
                                       &message);
        must(r ? message && *message : !message);
        if (r)
                return 0;
        read_all(backend, arena);
        sovd_backend_unref(backend);
        return 0;
}
