/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/state_clock.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include <stdio.h>

#define CATCH_UP  95 /* beside its own, a second of running vouches for so many: four days in an hour */
#define KEEP_USEC (600 * SOVD_USEC_PER_SEC) /* written so often: flash wears, and a power cut costs so much of a life at the most */

static uint64_t ahead; /* of the clock of the boot; it wraps; atomic */
static bool has_begun; /* atomic */
static uint64_t kept;  /* when it was written down; atomic */
static uint64_t shown; /* how far it is ahead of the clock of the day for what is shown; wraps; atomic */

/* The thread of tick() has these. */
static struct {
        uint64_t looked_usec; /* boot */
        uint64_t skew;        /* how far it was ahead of the clock of the day when that was believed; wraps */
        uint64_t least;       /* the same, when the day was as far as ever; wraps */
        bool believed;        /* it was, ever */
        bool believed_now;    /* since this start of the machine */
} now;

struct row {
        uint64_t usec, boot_usec, skew, least;
        bool believed, believed_now;
        char boot[SOVD_BOOT_ID_SIZE];
        bool is_there;
};

uint64_t sovd_state_usec(void) {
        if (!__atomic_load_n(&has_begun, __ATOMIC_ACQUIRE))
                return sovd_realtime_usec();
        return sovd_boottime_usec() + __atomic_load_n(&ahead, __ATOMIC_RELAXED);
}

static bool is_about(uint64_t a, uint64_t b) {
        return llabs((int64_t)(a - b)) <= (int64_t)SOVD_USEC_PER_SEC;
}

/* The same to the microsecond until somebody sets the clock of the day. */
uint64_t sovd_state_to_utc(uint64_t usec) {
        const uint64_t before = __atomic_load_n(&shown, __ATOMIC_RELAXED);

        if (!__atomic_load_n(&has_begun, __ATOMIC_ACQUIRE))
                return usec;
        const uint64_t skew = sovd_state_usec() - sovd_realtime_usec();
        if (is_about(skew, before))
                return usec - before;
        __atomic_store_n(&shown, skew, __ATOMIC_RELAXED);
        return usec - skew;
}

/* What went by on the clock of the day besides. One that fell behind and comes back to where it was, was wrong in between: without a
 * clock of its own a computer begins at each start with the date at which its system was built. */
static uint64_t missing_at(uint64_t day, uint64_t usec) {
        const int64_t late = (int64_t)(day + now.skew - usec), later = (int64_t)(day + now.least - usec);

        return !now.believed || late <= 0 ? 0 : (uint64_t)(later >= 0 ? later : late);
}

static void set_skew(uint64_t skew) {
        if (now.believed && is_about(skew, now.skew))
                return;
        if (!now.believed || (int64_t)(skew - now.least) < 0)
                now.least = skew;
        now.skew = skew;
}

/* The first time since the machine was started, all of it can be time that the machine was off. Later somebody set the clock: it may
 * have been behind, or it may be wrong now, so that is made up for a little at a time. It never goes back. */
static void believe(void) {
        const uint64_t boot = sovd_boottime_usec(), day = sovd_realtime_usec(), gone = boot - now.looked_usec, usec = sovd_state_usec();

        now.looked_usec = boot;
        if (day < SOVD_CLOCK_CREDIBLE_USEC)
                return;
        const uint64_t missing = missing_at(day, usec);
        const uint64_t step = now.believed_now ? SOVD_MIN(missing, CATCH_UP * gone) : missing;
        (void)__atomic_add_fetch(&ahead, step, __ATOMIC_RELAXED);
        now.believed_now = true;
        if (step == missing)
                set_skew(usec + step - day);
        now.believed = true;
}

/* --- the state ----------------------------------------------------------------------------------------------- */

static int read_row(struct sovd_db_conn *conn, void *data) {
        struct row *row = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "SELECT usec, boot_usec, skew, believed, believed_now, boot, least FROM state_clock");
        if (!r)
                r = sovd_db_step(s, &row->is_there);
        if (r || !row->is_there)
                return r;
        row->usec = (uint64_t)sovd_db_int(s, 0);
        row->boot_usec = (uint64_t)sovd_db_int(s, 1);
        row->skew = (uint64_t)sovd_db_int(s, 2);
        row->believed = sovd_db_int(s, 3) != 0;
        row->believed_now = sovd_db_int(s, 4) != 0;
        (void)snprintf(row->boot, sizeof(row->boot), "%s", sovd_db_text(s, 5));
        row->least = (uint64_t)sovd_db_int(s, 6);
        return 0;
}

static int write_row(struct sovd_db_conn *conn, void *data) {
        const struct row *row = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT OR REPLACE INTO state_clock(one, usec, boot_usec, skew, believed, "
                                          "believed_now, boot, least) VALUES(1,?1,?2,?3,?4,?5,?6,?7)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)row->usec);
        sovd_db_bind_int(s, 2, (int64_t)row->boot_usec);
        sovd_db_bind_int(s, 3, (int64_t)row->skew);
        sovd_db_bind_int(s, 4, row->believed);
        sovd_db_bind_int(s, 5, row->believed_now);
        sovd_db_bind_text(s, 6, row->boot);
        sovd_db_bind_int(s, 7, (int64_t)row->least);
        return sovd_db_run(s);
}

static void fill(struct row *row) {
        *row = (struct row){ .usec = sovd_state_usec(), .boot_usec = sovd_boottime_usec(), .skew = now.skew,
                             .least = now.least, .believed = now.believed, .believed_now = now.believed_now };
        (void)sovd_boot_id(row->boot);
        __atomic_store_n(&kept, row->usec, __ATOMIC_RELAXED);
}

int sovd_state_clock_begin(struct sovd_db *db) {
        const uint64_t boot = sovd_boottime_usec();
        char id[SOVD_BOOT_ID_SIZE];
        struct row row = { 0 };

        int r = sovd_db_write(db, read_row, &row);
        if (r)
                return r;
        const bool same_boot = row.is_there && *row.boot && strcmp(row.boot, sovd_boot_id(id)) == 0 && row.boot_usec <= boot;
        const uint64_t usec = !row.is_there ? sovd_realtime_usec() : same_boot ? row.usec + (boot - row.boot_usec) : row.usec;
        now.skew = row.skew;
        now.least = row.least;
        now.believed = row.believed;
        now.believed_now = same_boot && row.believed_now;
        now.looked_usec = same_boot ? row.boot_usec : boot;
        __atomic_store_n(&ahead, usec - boot, __ATOMIC_RELAXED);
        __atomic_store_n(&has_begun, true, __ATOMIC_RELEASE);
        believe();
        __atomic_store_n(&shown, now.skew, __ATOMIC_RELAXED);
        fill(&row);
        if (sovd_db_write(db, write_row, &row))
                __atomic_store_n(&kept, 0, __ATOMIC_RELAXED); /* a full disk keeps nobody from starting: the next look tries again */
        return 0;
}

static void written(int result, void *data) {
        if (result)
                __atomic_store_n(&kept, 0, __ATOMIC_RELAXED); /* again with the next look */
        free(data);
}

void sovd_state_clock_tick(struct sovd_db *db) {
        struct row *row;

        believe();
        if (sovd_state_usec() - __atomic_load_n(&kept, __ATOMIC_RELAXED) < KEEP_USEC || !sovd_db_is_file(db) || !(row = malloc(sizeof(*row))))
                return;
        fill(row);
        int r = sovd_db_post(db, write_row, written, row);
        if (r)
                written(r, row);
}

void sovd_state_clock_keep(struct sovd_db *db) {
        struct row row;

        if (!__atomic_load_n(&has_begun, __ATOMIC_ACQUIRE) || !sovd_db_is_file(db))
                return;
        believe();
        fill(&row);
        if (sovd_db_write(db, write_row, &row))
                sovd_log(SOVD_LOG_WARN, "what ends in the state may last for some minutes longer: its clock cannot be written");
}
