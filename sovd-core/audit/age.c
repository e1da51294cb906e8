/* SPDX-License-Identifier: Apache-2.0 */
/* How old entries are, by a time that a wrong clock cannot hurry: what is too old goes by this one (docs/audit.md). */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>

#define CATCH_UP 95 /* beside its own, an hour of running vouches for so many: four days */

/* Time that passes while the machine runs is known. What the clock says has passed besides, because the machine was off, or
 * because somebody set it, is believed at four days per hour. It never goes back. */
static void step(struct audit_age *age) {
        const uint64_t wall = sovd_realtime_usec(), boot = sovd_boottime_usec();
        const uint64_t gone = age->boot_usec && boot > age->boot_usec ? boot - age->boot_usec : 0;

        age->boot_usec = boot;
        if (!age->usec) {
                age->usec = wall >= SOVD_CLOCK_CREDIBLE_USEC ? wall : 0;
                return;
        }
        age->usec += gone;
        if (wall > age->usec)
                age->usec = SOVD_MIN(wall, age->usec + CATCH_UP * gone);
}

static const char *stamp_name(char buf[static 32], uint64_t seq) {
        (void)snprintf(buf, 32, "age.%llu", (unsigned long long)seq);
        return buf;
}

static int keep(struct sovd_audit *a, struct sovd_db_conn *conn) {
        a->age.kept_usec = a->age.usec;
        return audit_set_meta_number(conn, "age", a->age.usec);
}

uint64_t audit_age_now(struct sovd_audit *a) {
        const uint64_t wall = sovd_realtime_usec();

        step(&a->age);
        __atomic_store_n(&a->aged_usec, a->age.usec, __ATOMIC_RELAXED);
        __atomic_store_n(&a->ahead_usec, a->age.usec && wall > a->age.usec ? wall - a->age.usec : 0, __ATOMIC_RELAXED);
        return a->age.usec;
}

int audit_age_load(struct sovd_audit *a, struct sovd_db_conn *conn) {
        uint64_t usec = 0;
        int r = audit_get_meta_number(conn, "age", &usec);

        if (!r && usec > a->age.usec)
                a->age = (struct audit_age){ .usec = usec, .kept_usec = usec };
        if (!r)
                (void)audit_age_now(a);
        return r;
}

int audit_age_keep(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t least_usec) {
        const uint64_t now = audit_age_now(a);

        return now < a->age.kept_usec + least_usec || !now ? 0 : keep(a, conn);
}

int audit_age_stamp(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t seq) {
        char name[32];
        const uint64_t now = audit_age_now(a);
        int r = now ? audit_set_meta_number(conn, stamp_name(name, seq), now) : 0;

        return r || !now ? r : keep(a, conn);
}

/* One without a stamp was written before the clock was set: it counts from now on. */
int audit_age_of(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t seq, uint64_t *ret) {
        char name[32];
        uint64_t then = 0;
        int r = audit_get_meta_number(conn, stamp_name(name, seq), &then);

        *ret = 0;
        if (!r && !then)
                return audit_age_stamp(a, conn, seq);
        const uint64_t now = audit_age_now(a);
        *ret = now > then ? now - then : 0;
        return r;
}

int audit_age_forget(struct sovd_db_conn *conn, uint64_t seq) {
        char name[32];

        return sovd_db_run_text(conn, "DELETE FROM audit_meta WHERE name=?1", stamp_name(name, seq));
}

uint64_t sovd_audit_trusted_usec(struct sovd_audit *a) {
        const uint64_t aged = __atomic_load_n(&a->aged_usec, __ATOMIC_RELAXED), wall = sovd_realtime_usec();

        return SOVD_MIN(aged, wall);
}
