#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backend - the contract between the gateway and what stands behind it
 *
 * A backend owns entities and answers for their resources. It knows nothing of HTTP routes, of other backends
 * or of the locks of clients. It publishes a view of its entities with sovd_backend_publish() whenever that changes; requests
 * come in on many threads at once through its ops.
 *
 * Each resource op gets the call (call.h: arena, deadline, trace context) and the entity, and returns
 *   0          *ret is filled; its memory is in call->arena
 *   positive   the client's answer, set with sovd_fail() or sovd_fail_upstream()
 *   negative   -errno
 * Ops that change something: call->acted is true from when the change is handed on to the other side until that has refused
 * it, so that a failure in between says that its outcome is unknown (sovd_call_settle(), call.h).
 * It must return by call->deadline_usec. Errors that each of them may set, beside those named below:
 * SOVD_E_UNAVAILABLE (not reachable), SOVD_E_NOT_RESPONDING (deadline), SOVD_E_BAD_ANSWER, SOVD_E_OVERLOAD,
 * SOVD_E_UPSTREAM (an error of the other side, passed on), SOVD_E_NOT_FOUND (no such resource).
 * An op that is NULL is not offered: the gateway answers 501, so a slot marked "must" may not be NULL when
 * the backend offers the collection to any entity.
 */
#include "sovd-core/model/bulk_data.h"
#include "sovd-core/model/comm_logs.h"
#include "sovd-core/model/configurations.h"
#include "sovd-core/model/data.h"
#include "sovd-core/model/data_lists.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/model/faults.h"
#include "sovd-core/model/locks.h"
#include "sovd-core/model/modes.h"
#include "sovd-core/model/operations.h"
#include "sovd-core/model/scripts.h"
#include "sovd-core/model/clear_data.h"
#include "sovd-core/model/logs.h"
#include "sovd-core/model/status.h"
#include "sovd-core/model/updates.h"

struct sovd_backend;
struct sovd_call;
struct sovd_gateway;

struct sovd_backend_status {
        enum sovd_connection connection;
        bool discovered;                /* the first list of entities was read, or could not be: readiness waits for it */
        bool remembered;                /* its entities are those of a run before: it was not reached in this one */
        const char *breaker;            /* "closed", "open", "half-open" */
        const char *dialect;            /* of the other side, or NULL while unknown */
        char last_error[160];           /* why it is not connected; "" when it is */
        uint64_t last_seen_usec;        /* realtime of the last good answer; 0 = never */
        size_t n_entities;
        size_t n_skipped;               /* entities left out: their ids cannot be used, or they are too many */
        unsigned in_flight, waiting;
        size_t n_updates;               /* update packages that it keeps */
        uint64_t n_calls, n_failures, n_retries, n_rejected; /* since start; rejected = by breaker or limit */
        bool keeps_scripts;             /* then: those of clients, and the executions that run */
        size_t n_scripts, n_scripts_running;
        /* Of a backend that others connect to: now; since start, refused = by rules or limits. */
        bool has_peers;
        size_t n_peers;
        uint64_t n_peers_refused, n_peers_lost, n_frames, n_frames_refused;
        uint64_t n_cycles, n_cycles_refused; /* operation cycles that peers began, or were not allowed to */
        uint64_t n_log_entries, n_log_entries_lost; /* since start; lost: over a limit per second */
        const char *address;            /* of the other side, or NULL; the backend's */
};

/* One of those that connect to a backend. */
struct sovd_peer_status {
        const char *entity;             /* "apps/nav"; the backend's */
        bool met;                       /* it was connected since the backend's start */
        bool lost;                      /* and went without a word, and is not back */
        char why[96];                   /* it is lost */
};

struct sovd_backend_ops {
        const char *type; /* as in the configuration */
        bool is_gateway;      /* the gateway itself: sovd_gateway_backends() lists what stands behind it, and not this */
        bool uses_fault_sink; /* its fault ops hand on to the fault sink (fault_sink.h), so nothing needs to follow them */

        /* must: starts what runs in the background; returns at once. */
        int (*start)(struct sovd_backend *backend);
        /* must: stops it, wakes calls that wait; returns when no thread of the backend runs any more. */
        void (*stop)(struct sovd_backend *backend);
        /* must: frees the backend; it is stopped and nobody refers to it. */
        void (*free)(struct sovd_backend *backend);
        /* must: what health and metrics show. */
        void (*status)(struct sovd_backend *backend, struct sovd_backend_status *ret);
        /* may: number i of those that connect to it; false = there are no more. */
        bool (*peer)(struct sovd_backend *backend, size_t i, struct sovd_peer_status *ret);

        /* data: list and read must, write may (else 501).
         * list: applies the filter. write: SOVD_E_BAD_VALUE with a path, SOVD_E_FORBIDDEN for read-only. */
        int (*data_list)(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_data_filter *filter,
                         struct sovd_data_list *ret);
        int (*data_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         struct sovd_data_value *ret);
        int (*data_write)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          const struct cJSON *value, const char *signature);

        /* may: is the backend told of each change of this value, so that it calls sovd_backend_value_changed()? Then it is
         * not polled for those who watch it. Quick; it waits for nobody. */
        bool (*data_is_pushed)(const struct sovd_entity *e, const char *id);

        /* data groups: may, also when the backend has data. Describes groups: names, translation ids, tags. Groups
         * that only the data name are added by the gateway. SOVD_E_NOT_IMPLEMENTED: this entity has none. */
        int (*data_groups)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_data_group_list *ret);

        /* faults: list and read must, clear may. list: applies the filter, but for its times and pages, which only the
         * fault manager knows (ret->kept). scope NULL = all scopes. history: may, of faults that the fault manager keeps. */
        /* restored: may; what the fault manager keeps was replaced: entities may have faults now that had none. */
        void (*faults_restored)(struct sovd_backend *backend);
        int (*faults_history)(struct sovd_call *call, const struct sovd_entity *e,
                              const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret);
        int (*faults_list)(struct sovd_call *call, const struct sovd_entity *e,
                           const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
        int (*fault_read)(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                          struct sovd_fault_detail *ret);
        int (*fault_clear)(struct sovd_call *call, const struct sovd_entity *e, const char *code);
        int (*faults_clear)(struct sovd_call *call, const struct sovd_entity *e, const char *scope);

        /* operations: list, read, start must; the others when an operation runs asynchronously. Execution ids
         * are the backend's; the gateway maps them. start is never repeated when its outcome is unknown; a backend
         * that can be asked later what became of it sets ret->id all the same. */
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

        /* configurations: list and read must, the others may; errors as with data. read fills *ret, or *ret_bytes
         * of a bulk configuration. write_bytes: SOVD_E_MEDIA_TYPE, SOVD_E_TOO_LARGE. All writes: SOVD_E_CONFLICT
         * when the state does not allow it, SOVD_E_SIGNATURE. reset: to the defaults; id NULL = all. */
        int (*configurations_list)(struct sovd_call *call, const struct sovd_entity *e,
                                   struct sovd_configuration_list *ret);
        int (*configuration_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes);
        int (*configuration_write)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                   const struct cJSON *value, const char *signature);

        /* may: what a resource of data, configurations, modes or operations looks like, as schemas of OpenAPI 3.1 in
         * the arena. id: one resource; *ret is then the schema of its value (`readOnly` when it cannot be written, units
         * in `x-sovd-unit`, the default of a mode; `x-gw-mode-expiration` is the schema of a mode's expiration), or of an
         * operation {"parameters": schema, "result": schema}, each only if it is known. id NULL: all of the collection;
         * *ret is then an object with the ids as names. SOVD_E_NOT_FOUND, SOVD_E_NOT_IMPLEMENTED (not known). */
        int (*describe)(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                        const char *id, struct cJSON **ret);
        /* scripts: list and read must; upload and delete may; the others when the collection is offered to any
         * entity (else 501). Ids of executions are the backend's and go to the client as they are: they have to be
         * unguessable, and none may come twice.
         * upload: SOVD_E_MEDIA_TYPE, SOVD_E_BAD_VALUE with a path into the text, SOVD_E_OVERLOAD (no more places).
         * delete: SOVD_E_FORBIDDEN for one that clients may not delete, SOVD_E_CONFLICT while it runs.
         * start: as with operations, never repeated; SOVD_E_CONFLICT while it runs.
         * execution_delete: SOVD_E_CONFLICT while it runs. */
        int (*scripts_list)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_script_list *ret);
        int (*script_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                           struct sovd_script_detail *ret);
        int (*script_upload)(struct sovd_call *call, const struct sovd_entity *e,
                             const struct sovd_script_upload *upload, struct sovd_script_created *ret);
        int (*script_delete)(struct sovd_call *call, const struct sovd_entity *e, const char *id);
        int (*script_start)(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                            const struct sovd_script_start *start, struct sovd_script_started *ret);
        int (*script_executions_list)(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                      struct sovd_execution_ids *ret);
        int (*script_execution_read)(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                     const char *id, struct sovd_script_execution *ret);
        int (*script_execution_control)(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                        const char *id, enum sovd_script_action action);
        int (*script_execution_delete)(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                       const char *id);
        /* logs: entries and config_read must, the others may. entries: of severity `least` or worse; 0 = all.
         * config_write: all or nothing; SOVD_E_BAD_VALUE with the path of a context that there is not; paths begin
         * with /items. config_reset: SOVD_E_NOT_FOUND when nothing is configured. append: an entry of the gateway's
         * own about the entity; a timestamp NULL is now, a context NULL the entity's first. */
        int (*log_entries)(struct sovd_call *call, const struct sovd_entity *e, int least, struct sovd_log_list *ret);
        int (*log_config_read)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret);
        int (*log_config_write)(struct sovd_call *call, const struct sovd_entity *e,
                                const struct sovd_log_config *config);
        int (*log_config_reset)(struct sovd_call *call, const struct sovd_entity *e);
        int (*log_append)(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_log_entry *entry);

        /* clear-data: all must. start: SOVD_E_NOT_FOUND for a type that is not supported, SOVD_E_CONFLICT while a
         * task runs; it returns when the task is accepted. */
        int (*clear_data_read)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_support *ret);
        int (*clear_data_start)(struct sovd_call *call, const struct sovd_entity *e, enum sovd_clear_type type);
        int (*clear_data_status)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_status *ret);

        /* status: both must, and both answer while the entity is not ready. control: SOVD_E_NOT_FOUND for an action
         * that is not supported, SOVD_E_CONFLICT when the state does not allow it; it returns when the action is
         * accepted. */
        int (*status_read)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_entity_status *ret);
        int (*status_control)(struct sovd_call *call, const struct sovd_entity *e, enum sovd_status_action action,
                              const struct cJSON *parameters);

        /* updates: of the server, so without an entity. A backend whose view says that it serves them has list,
         * read, status and control; register and delete may. An id that it does not know: SOVD_E_NOT_FOUND.
         * register: the document as the client sent it, content_type with its parameters, or NULL;
         * SOVD_E_MEDIA_TYPE, SOVD_E_CONFLICT for an id that is there, SOVD_E_OVERLOAD when there is no place.
         * control: the SOVD_E_UPDATE_* errors, SOVD_E_CONFLICT when the sequence does not allow it. */
        int (*updates_list)(struct sovd_call *call, struct sovd_backend *backend,
                            const struct sovd_update_filter *filter, struct sovd_update_ids *ret);
        int (*update_read)(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                           struct sovd_update_detail *ret);
        int (*update_status)(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                             struct sovd_update_status *ret);
        int (*update_control)(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                              enum sovd_update_action action);
        int (*update_register)(struct sovd_call *call, struct sovd_backend *backend, const char *content_type,
                               const char *body, size_t len, struct sovd_update_registered *ret);
        int (*update_delete)(struct sovd_call *call, struct sovd_backend *backend, const char *id);
        /* locks: may. The gateway keeps those of its clients; when the entity says that it has locks of its own, one
         * is taken there for each of them, under the gateway's identity. ret_id is the backend's, never shown.
         * acquire: SOVD_E_CONFLICT or an error passed on when somebody else holds it. extend starts the clock anew.
         * The error code lock-broken, passed on, ends the gateway's lock too. */
        int (*lock_acquire)(struct sovd_call *call, const struct sovd_entity *e,
                            const struct sovd_lock_request *request, const char **ret_id);
        int (*lock_extend)(struct sovd_call *call, const struct sovd_entity *e, const char *id, int64_t seconds);
        int (*lock_release)(struct sovd_call *call, const struct sovd_entity *e, const char *id);
        int (*configuration_write_bytes)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                         const struct sovd_configuration_bytes *bytes);
        int (*configuration_reset)(struct sovd_call *call, const struct sovd_entity *e, const char *id);
        /* bulk-data: categories, list and open must; write, delete and delete_all may.
         * list: applies the filter. open: ret->stream is the caller's to close, also when it wants no byte; a wish
         * for a range may be ignored; SOVD_E_RANGE. write: reads upload->body to its end; until it returns 0 nothing
         * is visible, and when the body breaks nothing is left; SOVD_E_TOO_LARGE, SOVD_E_CONFLICT (quota),
         * SOVD_E_FORBIDDEN (read-only), or what the body's read gave. It may take until call->deadline_usec, which
         * is that of a transfer. delete: SOVD_E_CONFLICT while it is in use. delete_all: 0 also when some could not
         * be deleted: they are in ret->errors. */
        int (*bulk_categories)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_bulk_categories *ret);
        int (*bulk_list)(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                         const struct sovd_bulk_filter *filter, struct sovd_bulk_list *ret);
        int (*bulk_open)(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id,
                         const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret);
        int (*bulk_write)(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                          const struct sovd_bulk_upload *upload, struct sovd_bulk_created *ret);
        int (*bulk_delete)(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id);
        int (*bulk_delete_all)(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                               struct sovd_bulk_deleted *ret);

        /* communication-logs: all of them must. create: config is the body as it came, of any type, perhaps empty;
         * nothing is recorded before control says so. control: SOVD_E_CONFLICT when it is in that state already.
         * ret->log: see model/comm_logs.h. delete: keeps the recorded log when with_log is false. */
        int (*comm_logs_list)(struct sovd_call *call, const struct sovd_entity *e, struct sovd_comm_log_ids *ret);
        int (*comm_log_create)(struct sovd_call *call, const struct sovd_entity *e,
                               const struct sovd_comm_log_config *config, struct sovd_comm_log *ret);
        int (*comm_log_read)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                             struct sovd_comm_log *ret);
        int (*comm_log_control)(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                enum sovd_comm_log_action action);
        int (*comm_log_delete)(struct sovd_call *call, const struct sovd_entity *e, const char *id, bool with_log);
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

/* A value of data has changed, or (id NULL) all of the entity may have, also because they can or cannot be read now: who
 * watches them reads them at once. From any thread, with no lock of the backend held; cheap when nobody watches. */
void sovd_backend_value_changed(const struct sovd_backend *backend, enum sovd_entity_type type, const char *entity,
                                const char *id);

/* Hands the gateway a new view. The gateway copies what it needs; the view stays the caller's. From any thread,
 * with no lock of the backend held. Returns 0 or -errno: the old tree stays. */
int sovd_backend_publish(struct sovd_backend *backend, const struct sovd_view *view);
