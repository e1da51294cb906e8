/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a script that a client uploads to a simulated entity
 *
 * Beside the sanitizers' findings: a refused one has a message, and if it names a place, that is a JSON pointer; an
 * accepted one runs to an end that can be read, within the time that its steps can take, and can be deleted then.
 */
#include "backends/sim/sim_backend.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/call.h"

#define AGES (UINT64_C(100000000) * SOVD_USEC_PER_SEC)

static const char car[] =
        "components:\n"
        "  - id: a\n"
        "    script_uploads: 1\n"
        "    data: [{ id: n, value: 10, min: 0, max: 90, writable: true }, { id: m, value: 0, behaviour: "
        "follow, "
        "of: n, rate: 5 }, { id: s, type: string, value: x, writable: true }, { id: b, type: boolean, value: "
        "true }]\n"
        "    operations: [{ id: o, asynchronous: true, duration_secs: 4, parameters: [{ id: p, value: 3 }], "
        "result: "
        "[{ name: x, of: p }] }, { id: q, result: [{ name: y, value: [2] }], fails_every: 2 }]\n";

static uint64_t now_usec;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t moment(void) {
        return SOVD_USEC_PER_SEC + now_usec;
}

static void must(bool condition) {
        if (!condition)
                abort();
}

static void run(struct sovd_call *call, const struct sovd_backend_ops *ops, const struct sovd_entity *e,
                const char *script) {
        const struct sovd_script_start start = { 0 };
        struct sovd_script_started started = { 0 };
        struct sovd_script_execution x = { 0 };

        must(!ops->script_start(call, e, script, &start, &started));
        now_usec += SOVD_USEC_PER_SEC / 3;
        must(!ops->script_execution_read(call, e, script, started.id, &x) && x.status >= SOVD_SCRIPT_RUNNING);
        now_usec += AGES;
        x = (struct sovd_script_execution){ 0 };
        must(!ops->script_execution_read(call, e, script, started.id, &x));
        must(x.status == SOVD_SCRIPT_COMPLETED || (x.status == SOVD_SCRIPT_FAILED && x.error.n == 1));
        must(!ops->script_delete(call, e, script));
}

static void upload(struct sovd_backend *backend, struct sovd_arena *arena, const char *text, size_t len) {
        const struct sovd_script_upload bytes = { .content_type = "application/json",
                                                  .content_disposition = "attachment",
                                                  .text = text,
                                                  .len = len };
        struct sovd_entity e = { .type = SOVD_COMPONENT, .id = "a", .name = "a" };
        struct sovd_call call = {
                .arena = arena, .entity = &e, .request_id = "r", .deadline_usec = UINT64_MAX
        };
        struct sovd_script_created created = { 0 };

        for (int i = 0; i < SOVD_N_COLLECTIONS; i++)
                e.providers[i] = backend;
        int r = backend->ops->script_upload(&call, &e, &bytes, &created);
        must(r >= 0 && (!r || (call.failure.error == r && call.failure.body.message)));
        must(!call.failure.path || !*call.failure.path || *call.failure.path == '/');
        if (!r)
                run(&call, backend->ops, &e, created.id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct sovd_clock clock = { moment, moment };
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_backend *backend;
        const char *message, *text;

        sovd_clock_replace(&clock);
        now_usec = 0;
        if (sovd_arena_new(&arena, 4096))
                return 0;
        text = sovd_arena_strndup(arena, size ? (const char *)data : "", size);
        must(!sovd_sim_backend_parse(&backend, "f", "f", car, strlen(car), arena, &message));
        if (text)
                upload(backend, arena, text, size);
        sovd_backend_unref(backend);
        return 0;
}
