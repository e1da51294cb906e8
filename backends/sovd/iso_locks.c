/* SPDX-License-Identifier: Apache-2.0 */
/* The server holds the lock for whoever the gateway is to it: its bearer_token, its certificate or its address. */
#include "backends/sovd/iso_locks.h"
#include "backends/sovd/upstream.h"
#include "sovd-core/base/id.h"

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

static struct upstream locks_of(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        return upstream_of(call, e, SOVD_COLLECTION_LOCKS, id ? "lock" : "locks", id);
}

/* The id becomes a segment of a path again. */
static int take_id(struct upstream *u, const struct cJSON *json, const char **ret) {
        struct sovd_lock_created created;

        int r = json ? answer_decode(u->call, &sovd_schema_lock_created, json, &created)
                     : sovd_fail(u->call, SOVD_E_BAD_ANSWER, "the backend's answer has no body");
        if (r)
                return r;
        if (!sovd_id_is_valid(created.id))
                return sovd_fail(u->call, SOVD_E_BAD_ANSWER,
                                 "the backend's answer has no id that can be used");
        *ret = created.id;
        return 0;
}

int iso_lock_acquire(struct sovd_call *call, const struct sovd_entity *e,
                     const struct sovd_lock_request *request, const char **ret_id) {
        struct upstream u = locks_of(call, e, NULL);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_lock_request, request, &w);
        int r = upstream_send(&u, "POST", &w, &json, "locks", NULL);
        return r ? r : upstream_accepted(&u, take_id(&u, json, ret_id));
}

int iso_lock_extend(struct sovd_call *call, const struct sovd_entity *e, const char *id, int64_t seconds) {
        const struct sovd_lock_extension extension = { .lock_expiration = SOVD_INT(seconds) };
        struct upstream u = locks_of(call, e, id);
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_lock_extension, &extension, &w);
        return upstream_send(&u, "PUT", &w, NULL, "locks", id, NULL);
}

int iso_lock_release(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        struct upstream u = locks_of(call, e, id);

        return upstream_send(&u, "DELETE", NULL, NULL, "locks", id, NULL);
}
