#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backend - the contract between the gateway and what stands behind it
 *
 * A backend owns entities and answers for their resources. It knows nothing of HTTP routes, of other backends
 * or of locks. It publishes a view of its entities with sovd_backend_publish() whenever that changes; requests
 * come in on many threads at once through its ops.
 *
 * Each resource op gets the call (call.h: arena, deadline, trace context) and the entity, and returns
 *   0          *ret is filled; its memory is in call->arena
 *   positive   the client's answer, set with sovd_fail() or sovd_fail_upstream()
 *   negative   -errno
 * It must return by call->deadline_usec. Errors that each of them may set, beside those named below:
 * SOVD_E_UNAVAILABLE (not reachable), SOVD_E_NOT_RESPONDING (deadline), SOVD_E_BAD_ANSWER, SOVD_E_OVERLOAD,
 * SOVD_E_UPSTREAM (an error of the other side, passed on), SOVD_E_NOT_FOUND (no such resource).
 * An op that is NULL is not offered: the gateway answers 501, so a slot marked "must" may not be NULL when
 * the backend offers the collection to any entity.
 */
#include "sovd-core/model/configurations.h"
#include "sovd-core/model/data.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/model/faults.h"
#include "sovd-core/model/modes.h"
#include "sovd-core/model/operations.h"

struct sovd_backend;
struct sovd_call;
struct sovd_gateway;

struct sovd_backend_status {
        enum sovd_connection connection;
        bool discovered;                /* the first list of entities was read, or could not be: readiness waits for it */
        const char *breaker;            /* "closed", "open", "half-open" */
        const char *dialect;            /* of the other side, or NULL while unknown */
        char last_error[160];           /* why it is not connected; "" when it is */
        uint64_t last_seen_usec;        /* realtime of the last good answer; 0 = never */
        size_t n_entities;
        size_t n_skipped;               /* entities left out: their ids cannot be used, or they are too many */
        unsigned in_flight, waiting;
        uint64_t n_calls, n_failures, n_retries, n_rejected; /* since start; rejected = by breaker or limit */
        /* Of a backend that others connect to: now; since start, refused = by rules or limits. */
        size_t n_peers;
        uint64_t n_peers_refused, n_peers_lost, n_frames, n_frames_refused;
};

struct sovd_backend_ops {
        const char *type; /* as in the configuration */

        /* must: starts what runs in the background; returns at once. */
        int (*start)(struct sovd_backend *backend);
        /* must: stops it, wakes calls that wait; returns when no thread of the backend runs any more. */
        void (*stop)(struct sovd_backend *backend);
        /* must: frees the backend; it is stopped and nobody refers to it. */
        void (*free)(struct sovd_backend *backend);
        /* must: what health and metrics show. */
        void (*status)(struct sovd_backend *backend, struct sovd_backend_status *ret);

        /* data: list and read must, write may (else 501).
         * list: applies the filter. write: SOVD_E_BAD_VALUE with a path, SOVD_E_FORBIDDEN for read-only. */
        int (*data_list)(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_data_filter *filter,
                         struct sovd_data_list *ret);
        int (*data_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         struct sovd_data_value *ret);
        int (*data_write)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          const struct cJSON *value, const char *signature);

        /* faults: list and read must, clear may. list: applies the filter. scope NULL = all scopes. */
        int (*faults_list)(struct sovd_call *call, const struct sovd_entity *e,
                           const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
        int (*fault_read)(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                          struct sovd_fault_detail *ret);
        int (*fault_clear)(struct sovd_call *call, const struct sovd_entity *e, const char *code);
        int (*faults_clear)(struct sovd_call *call, const struct sovd_entity *e, const char *scope);

        /* operations: list, read, start must; the others when an operation runs asynchronously. Execution ids
         * are the backend's; the gateway maps them. start is never repeated when its outcome is unknown. */
        int (*operations_list)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_operation_list *ret);
        int (*operation_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                              struct sovd_operation_detail *ret);
        int (*execution_start)(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                               const struct sovd_execution_start *start, struct sovd_execution_started *ret);
        int (*executions_list)(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                               struct sovd_execution_ids *ret);
        int (*execution_read)(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                              const char *id, struct sovd_execution *ret);
        int (*execution_control)(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                                 const char *id, const struct sovd_execution_control *control,
                                 struct sovd_execution_accepted *ret);
        int (*execution_stop)(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                              const char *id, const struct sovd_execution_stop *stop);

        /* modes: list and read must, write may. */
        int (*modes_list)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret);
        int (*mode_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         struct sovd_mode_detail *ret);
        int (*mode_write)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          const struct sovd_mode_write *write, struct sovd_mode_set *ret);

        /* configurations: list and read must, write may; errors as with data. */
        int (*configurations_list)(struct sovd_call *call, const struct sovd_entity *e,
                                   struct sovd_configuration_list *ret);
        int (*configuration_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  struct sovd_data_value *ret);
        int (*configuration_write)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                   const struct cJSON *value, const char *signature);
};

/* First member of each backend's own struct. */
struct sovd_backend {
        const struct sovd_backend_ops *ops;
        const char *name;             /* owned by the backend, unique, from the configuration */
        struct sovd_gateway *gateway; /* set when it is added */
        unsigned n_refs;              /* atomic */
};

/* A new backend has one reference. The last unref calls ops->free. */
struct sovd_backend *sovd_backend_ref(struct sovd_backend *backend);
struct sovd_backend *sovd_backend_unref(struct sovd_backend *backend);
SOVD_DEFINE_CLEANUP(struct sovd_backend *, sovd_backend_unref)

/* Does it have the ops without which the collection cannot be served? */
bool sovd_backend_serves(const struct sovd_backend *backend, enum sovd_collection collection);

/* Hands the gateway a new view. The gateway copies what it needs; the view stays the caller's. From any thread,
 * with no lock of the backend held. Returns 0 or -errno: the old tree stays. */
int sovd_backend_publish(struct sovd_backend *backend, const struct sovd_view *view);
