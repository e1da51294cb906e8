/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/state.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

#define READERS   4
#define QUEUE_MAX 10000 /* changes that wait */

/* fault: what is wrong now or was, one row per entity and code. about: the descriptor as JSON, so that a fault can be
 * shown while nobody has its catalogue. severity, scope and state stand beside it for the filters.
 * fault_event: what happened, in the order of the commits; its id is the id of the event in streams. */
static const char faults[] =
        "CREATE TABLE fault(entity TEXT NOT NULL, code TEXT NOT NULL, about TEXT NOT NULL, severity INTEGER NOT NULL,"
        " scope TEXT NOT NULL, status INTEGER NOT NULL, occurrences INTEGER NOT NULL, failed_cycles INTEGER NOT NULL,"
        " passed_cycles INTEGER NOT NULL, first_usec INTEGER NOT NULL, last_usec INTEGER NOT NULL, first_frame TEXT,"
        " last_frame TEXT, PRIMARY KEY(entity, code)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX fault_recent ON fault(entity, last_usec DESC, code DESC, severity, status);"
        "CREATE INDEX fault_all ON fault(last_usec DESC, code DESC, entity DESC, severity, status);"
        "CREATE TABLE fault_event(id INTEGER PRIMARY KEY AUTOINCREMENT, usec INTEGER NOT NULL, entity TEXT NOT NULL,"
        " code TEXT NOT NULL, changed INTEGER NOT NULL, status INTEGER NOT NULL, severity INTEGER NOT NULL, frame TEXT)"
        " STRICT;"
        "CREATE INDEX fault_event_time ON fault_event(usec);"
        "CREATE INDEX fault_event_entity ON fault_event(entity, usec);";

/* fault_cycle: how many operation cycles of a kind began; mark: what began the present one, for the kind power the boot.
 * cycle of a fault: the number of the cycle for which its row holds; what came later is counted when the row is read.
 * fault_unsettled: what the next cycle changes, tests that ran in this one or fail on.
 * owed: what is not told yet of the fault, because it had too many events in its second; untold: how many changes.
 * merged of an event: further changes that are told by it. */
static const char fault_cycles[] =
        "CREATE TABLE fault_cycle(kind TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL, mark TEXT) STRICT, WITHOUT ROWID;"
        "ALTER TABLE fault ADD COLUMN cycle_kind TEXT NOT NULL DEFAULT 'power';"
        "ALTER TABLE fault ADD COLUMN cycle INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN first_cycle INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN last_cycle INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE fault ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
        "CREATE INDEX fault_owed ON fault(entity) WHERE owed<>0;"
        "CREATE INDEX fault_unsettled ON fault(cycle_kind) WHERE (status&67)<>64;"
        "ALTER TABLE fault_event ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;";

const char *const sovd_state_migrations[] = { faults, fault_cycles, NULL };

int sovd_state_open(struct sovd_db **ret, const char *folder) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *aside = NULL;
        struct sovd_db_options options = { .migrations = sovd_state_migrations,
                                           .application_id = SOVD_STATE_APPLICATION_ID,
                                           .readers = READERS,
                                           .queue_max = QUEUE_MAX };

        int r = sovd_arena_new(&arena, 1024);
        if (r)
                return r;
        options.path = folder ? sovd_arena_printf(arena, "%s/state.db", folder) : NULL;
        if (folder && !options.path)
                return sovd_error_origin(-ENOMEM);
        r = sovd_db_open(ret, &options, &aside);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the state in %s cannot be opened: %s", folder ? options.path : "memory",
                         strerror(abs(r)));
        if (aside)
                sovd_log(SOVD_LOG_ERROR, "the state was damaged: it is kept as %s, and begins anew", aside);
        return r;
}
