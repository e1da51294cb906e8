#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Native backend, inside - what its files share
 *
 * Three kinds of threads: one owns the sockets (io), one waits until reports are durable (acks), and those of requests
 * ask apps and wait. What they share is under native::mutex, a leaf lock that is never held while something is written,
 * waited for or asked of the fault sink. Peers belong to the io thread; only their queue of output is shared.
 */
#include "backends/native/frame.h"
#include "backends/native/logs.h"
#include "backends/native/message.h"
#include "backends/native/native_backend.h"
#include "backends/native/socket.h"
#include "sovd-core/base/id.h"
#include "sovd-core/call.h"
#include "sovd-core/fault_sink.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define NATIVE_EXEC_SIZE   17
#define NATIVE_BEATS       3     /* missed until an app is lost */
#define NATIVE_ACKS_MAX    4096  /* reports that may wait for the disk */
#define NATIVE_FRAME_BYTES 16384 /* of a fault's environment */

struct native_rule {
        bool has_uid, has_gid;
        uid_t uid;
        gid_t gid;
        const char *unit; /* of systemd; NULL = any */
};

/* What an app has registered; never changes, and lives as long as somebody looks at it. */
struct native_registration {
        unsigned n_refs; /* atomic */
        struct sovd_arena *arena;
        struct native_register lists;
};
struct native_registration *native_registration_ref(struct native_registration *r);
struct native_registration *native_registration_unref(struct native_registration *r);
SOVD_DEFINE_CLEANUP(struct native_registration *, native_registration_unref)

struct native_value {
        char *text; /* JSON; owned; NULL = not published yet */
        size_t len;
        uint64_t usec; /* UTC */
};

struct native_execution {
        struct native_execution *next; /* newest first */
        char id[NATIVE_EXEC_SIZE];
        char *operation, *error, *parameters; /* parameters: JSON text; owned */
        int status;                           /* enum sovd_execution_status */
        int progress;                         /* percent; -1 = not told */
        int capability;
};

/* A request to an app that somebody waits for, or has waited for. */
struct native_request {
        struct native_request *next;
        uint64_t seq;
        char exec[NATIVE_EXEC_SIZE]; /* of a start; "" = none */
        pthread_cond_t done_cond;
        bool done, abandoned;                /* abandoned: freed by whoever takes it from the list */
        int error;                           /* enum sovd_error; 0 = a reply came */
        struct sovd_arena *arena;            /* of the answer; owned */
        const struct native_message *answer; /* a reply or an error */
};

struct native_chunk {
        struct native_chunk *next;
        size_t len, sent;
        unsigned char bytes[];
};

/* What waits to be written to a peer; shared by reference, so that it can outlive the peer. */
struct native_queue {
        struct native_chunk *first, *last;
        size_t n_bytes;
        bool overflow; /* it took too much: the connection is to be closed */
};

struct native_app {
        /* never change */
        enum sovd_entity_type type;
        const char *id, *key, *configured_name; /* key: "apps/nav" */
        struct native_rule rule;
        struct sovd_strings cycles; /* that it may begin */

        /* io thread only */
        double tokens;
        uint64_t tokens_usec;
        char instance[65];
        int64_t last_n; /* of the reports of this instance */
        uint64_t last_ticket;
        struct native_pending *pending; /* reports that wait, in their order */
        size_t n_pending;
        uint64_t forget_usec; /* when its log is forgotten; 0 = it is connected, or has none */

        /* under native::mutex */
        struct native_queue *queue; /* of its peer; NULL = not connected */
        bool ready;                 /* it has registered in this connection */
        uint64_t session;           /* counts its connections */
        char lost[96];              /* why it went without a word, while it is away; else "" */
        bool has_faults;            /* it can report some, or has some of an earlier run */
        unsigned offered;           /* collections when it registered last, perhaps in an earlier run */
        char name[NATIVE_TEXT_MAX + 1], located_on[129];
        struct native_registration *registration; /* kept while it is away: it stays listed; or NULL */
        struct native_value *values;              /* of registration->lists.data; or NULL */
        size_t n_value_bytes;
        unsigned n_cycles_open; /* on their way to the disk */

        /* thread of acks only */
        uint64_t cycle_ticket; /* of the cycle that was begun last */
        int64_t failed_cycle;  /* n of one that could not be begun */

        /* under native::mutex */
        pid_t pid;              /* of the process that is or was connected; 0 = none yet */
        struct native_ring ring;
        int *log_levels; /* of registration->lists.logs: what a client wants; 0 = nothing; or NULL */
        struct native_request *requests;
        unsigned n_requests;
        struct native_execution *executions;
        size_t n_executions;
};

struct native_ack {
        struct native_app *app;
        uint64_t session, ticket;
        int64_t seq;
        const char *cycle; /* kind of the cycle that it begins; NULL = it is a report */
        int64_t n;         /* of the cycle; 0 = it has none */
        bool is_again;     /* the app has asked for it before */
        bool is_silent;    /* nobody asked for an answer */
};

struct native {
        struct sovd_backend base;
        struct sovd_arena *arena;
        struct sovd_native_options options;
        struct native_app *apps;
        size_t n_apps;
        struct sovd_fault_sink *sink; /* or NULL: faults are not offered */
        uint64_t timeout_usec, heartbeat_usec, frame_timeout_usec;
        char host[65]; /* name of this machine */
        struct native_ring_limits ring_limits;
        uint64_t log_retention_usec, freeze_usec;
        atomic_uint_fast64_t last_seq;

        struct native_socket listener;
        int epoll, wake; /* epoll and eventfd; -1 = not open */
        pthread_t io_thread, ack_thread;
        bool has_io, has_acks;
        struct native_peer *peers;         /* io thread */
        size_t n_peers;                    /* io thread */
        size_t n_pending;                  /* io thread: reports of all apps that wait */
        uint64_t warned_usec, accept_usec; /* io thread: of the last warning; when to accept again, 0 = now */
        uint64_t forget_usec;              /* io thread: when the next log is forgotten; 0 = none is */

        pthread_mutex_t mutex; /* leaf; all below, and the lower part of each app */
        pthread_cond_t acks_changed;
        struct native_ack acks[NATIVE_ACKS_MAX];
        size_t first_ack, n_acks;
        bool stopping, discovered;

        atomic_uint_fast64_t n_calls, n_failures, n_rejected, n_frames, n_frames_refused, n_peers_refused,
                n_peers_lost, n_cycles, n_cycles_refused, last_seen_usec;
        atomic_uint in_flight, n_connected;
};

static inline struct native *native_of(struct sovd_backend *backend) {
        return (struct native *)backend;
}

/* options.c: type, id and rule of an app; why not, with the bad member. */
const char *native_app_read(const struct sovd_native_app *options, struct native_app *ret,
                            const char **ret_member);
int native_group_of_socket(const struct sovd_native_options *o, gid_t *ret);

/* backend.c */
struct native_app *native_find_app(struct native *b, enum sovd_entity_type type, const char *id);
bool native_is_stopping(struct native *b);

/* app.c. With the mutex held unless it says otherwise. */
void native_app_connect(struct native *b, struct native_app *app, struct native_queue *queue,
                        const struct native_hello *hello, pid_t pid);
/* Its requests fail, its executions end as failed, for this reason. */
void native_app_disconnect(struct native *b, struct native_app *app, const char *why);
/* Takes the registration over, and makes room for its values. -ENOMEM: nothing changed. */
int native_app_register(struct native_app *app, struct native_registration *registration);
void native_app_done(struct native_app *app);
/* Without the mutex, io thread: publishes all apps. */
int native_publish_view(struct native *b);


/* describe.c */
int native_describe(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                    const char *id, struct cJSON **ret);

/* logs.c */
/* With the mutex held: the severities for contexts that are registered anew; the caller's. NULL: no memory. */
int *native_log_levels(const struct native_app *app, const struct sovd_list *wanted);
void native_log_tell(struct native *b, struct native_app *app);
/* The io thread: forgets logs of apps that are gone for long. Returns when to call again; 0 = never. */
uint64_t native_log_forget(struct native *b, uint64_t now);
int native_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least,
                       struct sovd_log_list *ret);
int native_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret);
int native_log_config_write(struct sovd_call *call, const struct sovd_entity *e,
                            const struct sovd_log_config *config);
int native_log_config_reset(struct sovd_call *call, const struct sovd_entity *e);
int native_log_append(struct sovd_call *call, const struct sovd_entity *e,
                      const struct sovd_log_entry *entry);

/* executions.c; with the mutex held. */
struct native_execution *native_execution_find(struct native_app *app, const char *operation, const char *id);
void native_execution_end(struct native_execution *x, int status, const char *error,
                          const struct cJSON *parameters);
void native_executions_fail(struct native_app *app, const char *why);
struct native_execution *native_execution_free(struct native_execution *x);

/* queue.c: puts a frame at the end. Without the mutex; takes the chunk over. */
int native_chunk_new(struct native_chunk **ret, struct sovd_json_writer *w);
bool native_send(struct native *b, struct native_app *app, uint64_t session, struct native_chunk *chunk);
/* With the mutex held. */
bool native_queue_add(const struct native *b, struct native_queue *q, struct native_chunk *chunk);
struct native_queue *native_queue_free(struct native_queue *q);
/* Wakes the io thread. */
void native_wake(struct native *b);

/* io.c and acks.c */
int native_io_start(struct native *b);
void native_io_stop(struct native *b);
int native_acks_start(struct native *b);
void native_acks_stop(struct native *b);
/* The io thread. false: no room; the report is not to be taken. */
bool native_acks_have_room(struct native *b);
void native_acks_add(struct native *b, const struct native_ack *ack);

/* ask.c: a question to the app of an entity, on the thread of a request. Between begin and end the caller writes
 * members into ask->w; end sends, waits, and fails the call unless a reply came. *ret is in the call's arena. What was
 * begun is ended by end or by drop. */
struct native_ask {
        struct native *b;
        struct native_app *app;
        struct sovd_call *call;
        struct sovd_json_writer w;
        uint64_t seq;
        const char *exec; /* of a start, or NULL */
        bool changes;     /* nobody knows what became of it when no answer comes */
        bool abandoned;   /* no answer came in time; that of a start is of interest still */
};
int native_ask_begin(struct native_ask *ask, struct sovd_call *call, const struct sovd_entity *e,
                     const char *type);
int native_ask_end(struct native_ask *ask, const struct native_reply **ret);
/* The io thread: an app has answered. Takes the arena over. */
void native_ask_answer(struct native *b, struct native_app *app, uint64_t seq, struct sovd_arena *arena,
                       const struct native_message *answer);
/* With the mutex held: all requests of an app end without an answer. */
void native_ask_abandon(struct native_app *app);

/* The app of an entity with what it has registered, which lives as long as the call. Fails the call when it has none. */
int native_lookup(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                  struct native_app **ret_app, const struct native_register **ret);

/* An element of a registered list by its id, or NULL. */
#define NATIVE_FIND(list, type, wanted)                                                                      \
        ((const struct type *)native_find_id(&(list), sizeof(struct type), (wanted)))
const void *native_find_id(const struct sovd_list *list, size_t size, const char *id);
/* Text of ours as JSON in the arena of the call. */
int native_json(struct sovd_call *call, const char *text, const struct cJSON **ret);
/* Fails the call with SOVD_E_NOT_FOUND. */
int native_no_resource(struct sovd_call *call, const struct native_app *app, const char *what,
                       const char *id);

/* data.c */
int native_data_list(struct sovd_call *call, const struct sovd_entity *e,
                     const struct sovd_data_filter *filter, struct sovd_data_list *ret);
int native_data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_data_value *ret);
bool native_data_is_pushed(const struct sovd_entity *e, const char *id);
int native_data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct cJSON *value, const char *signature);

/* faults.c */
int native_faults_list(struct sovd_call *call, const struct sovd_entity *e,
                       const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
int native_faults_history(struct sovd_call *call, const struct sovd_entity *e,
                          const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret);
int native_fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                      struct sovd_fault_detail *ret);
int native_fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code);
int native_faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope);
/* Which apps have faults of an earlier run. */
int native_faults_recall(struct native *b);
void native_faults_restored(struct sovd_backend *base);

/* offers.c */
/* With the mutex held: the collections of the app, a bit for each. */
unsigned native_app_offers(const struct native *b, const struct native_app *app);
/* Without it: what it offers now is what a restart shows. */
void native_offers_note(struct native *b, struct native_app *app);
/* Before the threads run. */
int native_offers_recall(struct native *b);

/* operations.c */
int native_operations_list(struct sovd_call *call, const struct sovd_entity *e,
                           struct sovd_operation_list *ret);
int native_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          struct sovd_operation_detail *ret);
int native_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           const struct sovd_execution_start *start, struct sovd_execution_started *ret);
int native_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           struct sovd_execution_ids *ret);
int native_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, struct sovd_execution *ret);
int native_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                             const char *id, const struct sovd_execution_control *control,
                             struct sovd_execution_accepted *ret);
int native_execution_stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, const struct sovd_execution_stop *stop);

/* modes.c, and configurations in data.c */
int native_modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret);
int native_mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_mode_detail *ret);
int native_mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct sovd_mode_write *write, struct sovd_mode_set *ret);
int native_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                               struct sovd_configuration_list *ret);
int native_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                              struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes);
int native_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                               const struct cJSON *value, const char *signature);
