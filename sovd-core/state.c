/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/state.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/snapshot.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define READERS   4
#define QUEUE_MAX 10000 /* changes that wait */

/* fault: what is wrong now or was, one row per entity and code. about: the descriptor as JSON, so that a fault can be
 * shown while nobody has its catalogue. severity, scope and state stand beside it for the filters.
 * fault_event: what happened, in the order of the commits; its id is the id of the event in streams, and never used
 * again. body: the event as JSON, so that it is told with the same bytes whenever it is told. What filters ask for
 * stands beside it; code "" = all of the entity, scope "" = none. */
static const char faults[] =
        "CREATE TABLE fault(entity TEXT NOT NULL, code TEXT NOT NULL, about TEXT NOT NULL, severity INTEGER NOT NULL,"
        " scope TEXT NOT NULL, status INTEGER NOT NULL, occurrences INTEGER NOT NULL, failed_cycles INTEGER NOT NULL,"
        " passed_cycles INTEGER NOT NULL, first_usec INTEGER NOT NULL, last_usec INTEGER NOT NULL, first_frame TEXT,"
        " last_frame TEXT, PRIMARY KEY(entity, code)) STRICT;"
        "CREATE INDEX fault_recent ON fault(entity, last_usec DESC, code DESC, severity, status, scope);"
        "CREATE INDEX fault_all ON fault(last_usec DESC, code DESC, entity DESC, severity, status, scope);"
        "CREATE TABLE fault_event(id INTEGER PRIMARY KEY AUTOINCREMENT, usec INTEGER NOT NULL, entity TEXT NOT NULL,"
        " code TEXT NOT NULL, changed INTEGER NOT NULL, status INTEGER NOT NULL, severity INTEGER NOT NULL,"
        " scope TEXT NOT NULL, frame TEXT, body TEXT NOT NULL) STRICT;"
        "CREATE INDEX fault_event_time ON fault_event(usec, id, severity, status, code, scope);"
        "CREATE INDEX fault_event_entity ON fault_event(entity, usec, id, severity, status, code, scope);";

/* When an entity whose faults are observed was there last. */
static const char fault_entities[] =
        "CREATE TABLE fault_entity(entity TEXT PRIMARY KEY, seen_usec INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE INDEX fault_entity_seen ON fault_entity(seen_usec);";

/* fault_cycle: how many operation cycles of a kind began; mark: what began the present one, for the kind power the boot.
 * settled: the cycle for which all rows hold that a cycle changes.
 * cycle of a fault: the number of the cycle for which its row holds; what came later is counted when the row is read.
 * fault_unsettled: what the next cycle changes, tests that ran in this one or fail on.
 * owed: what is not told yet of the fault, because it had too many events in its second; untold: how many changes. It says too that
 * a failure ends by itself: what owes something is read at a start.
 * merged of an event: further changes that are told by it. */
static const char fault_cycles[] =
        "CREATE TABLE fault_cycle(kind TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL, mark TEXT, settled INTEGER NOT NULL DEFAULT 0)"
        " STRICT, WITHOUT ROWID;"
        "ALTER TABLE fault ADD COLUMN cycle_kind TEXT NOT NULL DEFAULT 'power';"
        "ALTER TABLE fault ADD COLUMN cycle INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN first_cycle INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN last_cycle INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
        "CREATE INDEX fault_owed ON fault(entity) WHERE owed<>0;"
        "CREATE INDEX fault_unsettled ON fault(cycle_kind) WHERE (status&67)<>64;"
        "ALTER TABLE fault_event ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;";

/* snapshot: in a snapshot, one row that says what it is; in the state, one for each that was restored into it. */
static const char snapshots[] =
        "CREATE TABLE snapshot(id INTEGER PRIMARY KEY AUTOINCREMENT, made_usec INTEGER NOT NULL, gateway TEXT NOT NULL,"
        " restored_usec INTEGER, restored_by TEXT) STRICT;";

/* lock: held, or broken and remembered so that its owner can be told. ends_usec is on the clock of the boot; above: the
 * keys of the entity and of what is above it, a line each; scopes: names of collections, with commas, or all ("").
 * counter: numbers that never go back (of sequence.h: the first that is not reserved yet). */
static const char locks[] =
        "CREATE TABLE lock(id TEXT PRIMARY KEY, boot TEXT NOT NULL, state INTEGER NOT NULL, client TEXT NOT NULL,"
        " anonymous INTEGER NOT NULL, entity_type TEXT NOT NULL, entity TEXT NOT NULL, above TEXT NOT NULL,"
        " scopes TEXT NOT NULL, fence INTEGER NOT NULL, ends_usec INTEGER NOT NULL, broken_usec INTEGER NOT NULL,"
        " told INTEGER NOT NULL, backend TEXT, backend_id TEXT) STRICT, WITHOUT ROWID;"
        "CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* execution: n is the order in which they came to be; state: 0 the start is not answered, 1 runs, 2 ended. idempotency: the
 * three digests of a key, and the answer, or status 0 while there is none; execution: what was started under the key. */
static const char executions[] =
        "CREATE TABLE execution(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, backend TEXT NOT NULL,"
        " entity_type TEXT NOT NULL, entity TEXT NOT NULL, operation TEXT NOT NULL, backend_id TEXT NOT NULL,"
        " capability TEXT NOT NULL, status TEXT, state INTEGER NOT NULL, ended_usec INTEGER NOT NULL,"
        " adopted INTEGER NOT NULL) STRICT;"
        "CREATE TABLE idempotency(use TEXT PRIMARY KEY, client TEXT NOT NULL, body TEXT NOT NULL,"
        " since_usec INTEGER NOT NULL, status INTEGER NOT NULL, location TEXT, answer BLOB, execution TEXT)"
        " STRICT, WITHOUT ROWID;"
        "CREATE INDEX idempotency_since ON idempotency(since_usec);"
        "CREATE INDEX idempotency_execution ON idempotency(execution) WHERE execution IS NOT NULL;";

/* n: the order in which they came to be. condition: JSON. log_severity: null = nothing is logged. */
static const char triggers[] =
        "CREATE TABLE persistent_trigger(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, entity_type TEXT NOT NULL,"
        " entity TEXT NOT NULL, owner TEXT NOT NULL, anonymous INTEGER NOT NULL, base TEXT NOT NULL, resource TEXT NOT NULL,"
        " condition TEXT NOT NULL, path TEXT, only_data INTEGER NOT NULL, multishot INTEGER NOT NULL,"
        " private INTEGER NOT NULL, log_severity TEXT, log_resource INTEGER NOT NULL, log_condition INTEGER NOT NULL,"
        " log_marker TEXT, expires_usec INTEGER NOT NULL, terminated INTEGER NOT NULL) STRICT;";

/* JSON: what the credentials of their owners said (principal.h). */
static const char trigger_principals[] = "ALTER TABLE persistent_trigger ADD COLUMN principal TEXT;";
/* The audit log (sovd-core/audit): entries as they were hashed, with columns for filters; tile: complete subtrees of the Merkle
 * tree, so that proofs need few leaves; checkpoint: signed heads; key: who signed, from which size on. What is written stays:
 * only entries before the first one that is kept (audit_meta) can be removed. The triggers stop slips; what stops a forger is
 * the signatures. */
static const char audit[] =
        "CREATE TABLE audit_meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE audit_entry(seq INTEGER PRIMARY KEY, usec INTEGER NOT NULL, body TEXT NOT NULL, leaf BLOB NOT NULL,"
        " chain BLOB NOT NULL, ev TEXT NOT NULL, sub TEXT, entity TEXT, outcome TEXT, method TEXT, tenant TEXT) STRICT;"
        "CREATE TABLE audit_tile(level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL,"
        " PRIMARY KEY(level, idx)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE audit_checkpoint(size INTEGER NOT NULL, epoch INTEGER NOT NULL, note TEXT NOT NULL,"
        " PRIMARY KEY(size, epoch)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE audit_key(epoch INTEGER PRIMARY KEY, public BLOB NOT NULL, from_size INTEGER NOT NULL,"
        " signature BLOB NOT NULL) STRICT;"
        "CREATE TRIGGER audit_entry_stays BEFORE DELETE ON audit_entry WHEN old.seq >= CAST((SELECT value FROM audit_meta"
        " WHERE name='first') AS INTEGER) BEGIN SELECT RAISE(ABORT, 'entries of the audit log stay'); END;"
        "CREATE TRIGGER audit_entry_same BEFORE UPDATE ON audit_entry BEGIN"
        " SELECT RAISE(ABORT, 'entries of the audit log do not change'); END;"
        "CREATE TRIGGER audit_tile_stays BEFORE DELETE ON audit_tile BEGIN"
        " SELECT RAISE(ABORT, 'the tree of the audit log stays'); END;"
        "CREATE TRIGGER audit_tile_same BEFORE UPDATE ON audit_tile BEGIN"
        " SELECT RAISE(ABORT, 'the tree of the audit log does not change'); END;"
        "CREATE TRIGGER audit_key_stays BEFORE DELETE ON audit_key BEGIN"
        " SELECT RAISE(ABORT, 'keys of the audit log stay'); END;"
        "CREATE TRIGGER audit_key_same BEFORE UPDATE ON audit_key BEGIN"
        " SELECT RAISE(ABORT, 'keys of the audit log do not change'); END;";
/* Faults that fail now or light the warning indicator, in the order of lists: few of many, and what is asked for most. One
 * index for an entity and for all: a second one would cost each report that flaps as much again. */
static const char fault_now[] =
        "CREATE INDEX fault_now ON fault(last_usec DESC, code DESC, entity DESC, severity, status, scope)"
        " WHERE (status&129)<>0;";
/* Digests of 32 bytes: of the key that the session came from, its access token, its refresh token and the one before. scopes:
 * words with blanks between; null: all of the key. */
static const char sessions[] =
        "CREATE TABLE auth_session(id TEXT PRIMARY KEY, key BLOB NOT NULL, access BLOB NOT NULL, refresh BLOB NOT NULL,"
        " refresh_before BLOB NOT NULL, access_ends_usec INTEGER NOT NULL, ends_usec INTEGER NOT NULL, scopes TEXT)"
        " STRICT, WITHOUT ROWID;";

/* What an admin switched (feature_switches.h); one without a row is on. */
static const char feature[] =
        "CREATE TABLE feature(id TEXT PRIMARY KEY, enabled INTEGER NOT NULL, changed_usec INTEGER NOT NULL, changed_by TEXT,"
        " reason TEXT) STRICT, WITHOUT ROWID;";

/* attempts.h: wrong keys in a row. */
static const char wrong_attempts[] =
        "CREATE TABLE wrong_attempt(place TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* The few entries that a start looks for (audit/known.c). */
static const char audit_findings[] =
        "CREATE INDEX audit_finding ON audit_entry(seq) WHERE ev IN ('system.acknowledge','system.tamper','system.verify');";

/* Who started it, and for whose limit it counts while it runs; null: it was found at the backend. script: it is one of a script. */
static const char execution_clients[] = "ALTER TABLE execution ADD COLUMN client TEXT;"
                                        "ALTER TABLE execution ADD COLUMN script INTEGER NOT NULL DEFAULT 0;";

/* What an app of this machine offered last: names of collections, as JSON. */
static const char native_apps[] =
        "CREATE TABLE native_app(entity TEXT PRIMARY KEY, offers TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/* remember.h of the backends of type sovd: the entities of each as they were last, as JSON. source: the settings that say whose
 * they are; seen_usec: when the server was there last, UTC. */
static const char remembered_views[] =
        "CREATE TABLE remembered_view(backend TEXT PRIMARY KEY, source TEXT NOT NULL, seen_usec INTEGER NOT NULL,"
        " body TEXT NOT NULL) STRICT;";

/* state_clock.h: how far it had come at a moment on the clock of a boot, and how far it was ahead of the clock of the day: then, and
 * when that was as far as ever. */
static const char time_of_state[] =
        "CREATE TABLE state_clock(one INTEGER PRIMARY KEY CHECK(one=1), usec INTEGER NOT NULL, boot_usec INTEGER NOT NULL,"
        " boot TEXT NOT NULL, skew INTEGER NOT NULL, least INTEGER NOT NULL, believed INTEGER NOT NULL, believed_now INTEGER NOT NULL) STRICT;";

const char *const sovd_state_migrations[] = {
        faults,
        fault_entities,
        snapshots,
        locks,
        executions,
        triggers,
        fault_cycles,
        trigger_principals,
        audit,
        fault_now,
        sessions,
        feature,
        wrong_attempts,
        audit_findings,
        execution_clients,
        native_apps,
        remembered_views,
        time_of_state,
        NULL,
};

/* What clients did and what is wrong with the vehicle is nobody else's: the files beside it take its mode. */
static int keep_private(const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        (void)close(fd);
        return 0;
}

/* Another process that writes the same tables would have another view of where the audit log ends, who has a lock, and what is
 * to be cleaned up. The lock ends with the process, however that ends. */
static int take_folder(const char *folder, int *ret) {
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        *ret = -1;
        if (fd < 0)
                return 0; /* opening the database says why */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
                *ret = fd;
                return 0;
        }
        const int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
        (void)close(fd);
        return r;
}

int sovd_state_open(struct sovd_db **ret, const char *folder, char **ret_aside) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *aside = NULL;
        struct sovd_db_options options = { .migrations = sovd_state_migrations,
                                           .application_id = SOVD_STATE_APPLICATION_ID,
                                           .readers = READERS,
                                           .queue_max = QUEUE_MAX };
        int guard = -1, made = 0;

        int r = sovd_arena_new(&arena, 1024);
        if (r)
                return r;
        options.path = folder ? sovd_arena_printf(arena, "%s/state.db", folder) : NULL;
        if (folder && !options.path)
                return sovd_error_origin(-ENOMEM);
        r = folder ? take_folder(folder, &guard) : 0;
        if (!r && folder) {
                sovd_snapshot_clean(folder);
                made = keep_private(options.path);
        }
        if (!r)
                r = sovd_db_open(ret, &options, &aside);
        if (r == -ENOENT && made)
                r = made; /* what SQLite cannot make it tries to read, and says that it is not there */
        if (!r)
                sovd_db_guard(*ret, guard);
        else if (guard >= 0)
                (void)close(guard);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the state in %s cannot be opened: %s", folder ? options.path : "memory",
                         r == -EBUSY         ? "another process uses it"
                         : r == -EPROTO      ? "a newer version of the gateway wrote it; it is left as it is"
                         : r == -EMEDIUMTYPE ? "it is another program's file; it is left as it is"
                                             : strerror(abs(r)));
        if (aside)
                sovd_log(SOVD_LOG_ERROR, "the state was damaged: it is kept as %s, and begins anew", aside);
        if (ret_aside)
                *ret_aside = SOVD_TAKE(aside);
        return r;
}
