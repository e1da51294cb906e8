/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/locks.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/call.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define SECONDS    SOVD_USEC_PER_SEC
#define DATA       (1u << SOVD_COLLECTION_DATA)
#define OPERATIONS (1u << SOVD_COLLECTION_OPERATIONS)
#define MAX        8
#define MAX_OWN    4

static struct sovd_locks *locks;
static uint64_t now_usec;

/* ecu > part > cell, ecu < app; area > subarea; other stands alone. */
static struct sovd_entity ecu = { .type = SOVD_COMPONENT, .id = "ecu" };
static struct sovd_entity part = { .type = SOVD_COMPONENT, .id = "part", .parent = &ecu };
static struct sovd_entity cell = { .type = SOVD_COMPONENT, .id = "cell", .parent = &part };
static const struct sovd_entity *hosts[] = { &ecu };
static struct sovd_entity app = { .type = SOVD_APP, .id = "app" };
static struct sovd_entity area = { .type = SOVD_AREA, .id = "area" };
static struct sovd_entity subarea = { .type = SOVD_AREA, .id = "subarea", .parent = &area };
static struct sovd_entity other = { .type = SOVD_COMPONENT, .id = "other" };

static struct sovd_call a, b, c; /* of three clients */

static uint64_t fake_now(void) {
        return now_usec;
}

static void make_call(struct sovd_call *call, const char *client, bool anonymous) {
        *call = (struct sovd_call){ .principal = { client, anonymous }, .deadline_usec = UINT64_MAX };
        assert_int_equal(sovd_arena_new(&call->arena, 4096), 0);
}

static int make(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        const struct sovd_locks_options options = {
                .max = MAX, .max_per_client = MAX_OWN, .max_usec = 100 * SECONDS, .wait_usec = 0
        };
        const struct sovd_lock_rule others = { .breakable = true };

        now_usec = 1000 * SECONDS;
        sovd_clock_replace(&clock);
        app.relations[SOVD_RELATION_IS_LOCATED_ON] = (struct sovd_entities){ hosts, 1 };
        make_call(&a, "client-a", false);
        make_call(&b, "client-b", false);
        make_call(&c, "anonymous@c", true);
        assert_int_equal(sovd_locks_new(&locks, &options), 0);
        return sovd_locks_set_rules(locks, &others, NULL, 0);
}

static int unmake(void **state) {
        locks = sovd_locks_free(locks);
        sovd_arena_free(a.arena);
        sovd_arena_free(b.arena);
        sovd_arena_free(c.arena);
        sovd_clock_replace(NULL);
        return 0;
}

static int try_wish(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_lock_wish *wish,
                    char id[static SOVD_ID_SIZE]) {
        struct sovd_lock_infos broken;

        call->entity = e;
        call->failure = (struct sovd_failure){ 0 };
        int r = sovd_lock_reserve(locks, call, wish, id);
        return r ? r : sovd_lock_grant(locks, call, id, NULL, NULL, &broken);
}

static int try_lock(struct sovd_call *call, const struct sovd_entity *e, unsigned scopes) {
        const struct sovd_lock_wish wish = { .scopes = scopes, .duration_usec = 60 * SECONDS };
        char id[SOVD_ID_SIZE];

        return try_wish(call, e, &wish, id);
}

/* The id is in the arena. */
static const char *lock(struct sovd_call *call, const struct sovd_entity *e, unsigned scopes) {
        const struct sovd_lock_wish wish = { .scopes = scopes, .duration_usec = 60 * SECONDS };
        char id[SOVD_ID_SIZE];

        assert_int_equal(try_wish(call, e, &wish, id), 0);
        return sovd_arena_strdup(call->arena, id);
}

static int try_break(struct sovd_call *call, const struct sovd_entity *e, unsigned scopes) {
        const struct sovd_lock_wish wish = { .scopes = scopes,
                                             .duration_usec = 60 * SECONDS,
                                             .break_lock = true };
        char id[SOVD_ID_SIZE];

        return try_wish(call, e, &wish, id);
}

static int release(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        call->entity = e;
        return sovd_lock_release(locks, call, id);
}

static int begin(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection scope,
                 struct sovd_lock_use *use) {
        call->entity = e;
        call->failure = (struct sovd_failure){ 0 };
        return sovd_lock_use_begin(locks, call, scope, use);
}

/* A change that is over at once. */
static int change(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection scope) {
        struct sovd_lock_use use;

        int r = begin(call, e, scope, &use);
        return r ? r : sovd_lock_use_end(&use, call, 0);
}

static void a_lock_meets(const struct sovd_entity *held, const struct sovd_entity *asked) {
        const char *id = lock(&a, held, SOVD_LOCK_ALL_SCOPES);

        assert_int_equal(try_lock(&b, asked, DATA), SOVD_E_CONFLICT);
        assert_int_equal(change(&b, asked, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        assert_int_equal(change(&a, asked, SOVD_COLLECTION_DATA), 0);
        assert_int_equal(release(&a, held, id), 0);
        assert_int_equal(change(&b, asked, SOVD_COLLECTION_DATA), 0);
}

static void a_lock_meets_what_is_above_and_below(void **state) {
        const struct sovd_entity *const related[][2] = {
                { &ecu, &ecu }, { &ecu, &part },  { &ecu, &cell },     { &cell, &ecu },    { &ecu, &app },
                { &app, &ecu }, { &part, &cell }, { &area, &subarea }, { &subarea, &area }
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(related); i++)
                a_lock_meets(related[i][0], related[i][1]);
}

static void a_lock_does_not_meet_its_neighbours(void **state) {
        (void)lock(&a, &part, SOVD_LOCK_ALL_SCOPES);
        (void)lock(&b, &app, SOVD_LOCK_ALL_SCOPES);
        (void)lock(&c, &other, SOVD_LOCK_ALL_SCOPES);
        assert_int_equal(change(&b, &app, SOVD_COLLECTION_DATA), 0);
}

static void scopes_that_do_not_meet_leave_each_other_alone(void **state) {
        (void)lock(&a, &ecu, DATA);
        (void)lock(&b, &ecu, OPERATIONS);
        assert_int_equal(try_lock(&c, &ecu, DATA | OPERATIONS), SOVD_E_CONFLICT);
        assert_int_equal(change(&c, &ecu, SOVD_COLLECTION_MODES), 0);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_OPERATIONS), SOVD_E_CONFLICT);
}

static void a_lock_lasts_until_its_moment_and_not_longer(void **state) {
        struct sovd_lock_counts counts;

        (void)lock(&a, &ecu, DATA);
        now_usec += 60 * SECONDS - 1;
        assert_int_equal(try_lock(&b, &ecu, DATA), SOVD_E_CONFLICT);
        now_usec += 1;
        assert_int_equal(try_lock(&b, &ecu, DATA), 0);
        sovd_locks_count(locks, &counts);
        assert_int_equal(counts.n_expired, 1);
        assert_int_equal(counts.held, 1);
}

static void extending_starts_the_clock_anew(void **state) {
        const char *id = lock(&a, &ecu, DATA);

        now_usec += 50 * SECONDS;
        a.entity = &ecu;
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, 20 * SECONDS), 0);
        now_usec += 19 * SECONDS;
        assert_int_equal(change(&b, &ecu, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        now_usec += 1 * SECONDS;
        assert_int_equal(change(&b, &ecu, SOVD_COLLECTION_DATA), 0);
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, 20 * SECONDS), SOVD_E_NOT_FOUND);
}

static void a_lock_of_another_client_can_be_seen_and_not_touched(void **state) {
        const char *id = lock(&a, &ecu, DATA);
        struct sovd_lock_info info;

        b.entity = &ecu;
        assert_int_equal(sovd_lock_find(locks, &b, id, &info), 0);
        assert_false(info.owned);
        assert_int_equal(sovd_lock_extend(locks, &b, id, now_usec, SECONDS), SOVD_E_CONFLICT);
        assert_int_equal(sovd_lock_release(locks, &b, id), SOVD_E_CONFLICT);
        assert_null(strstr(b.failure.body.message, "client-a"));
}

static void each_grant_has_a_higher_fence(void **state) {
        struct sovd_lock_info info;
        uint64_t last = 0;

        for (int i = 0; i < 20; i++) {
                const char *id = lock(i % 2 ? &a : &b, &ecu, DATA);
                assert_int_equal(sovd_lock_find(locks, i % 2 ? &a : &b, id, &info), 0);
                assert_true(info.fence > last);
                last = info.fence;
                assert_int_equal(release(i % 2 ? &a : &b, &ecu, id), 0);
        }
}

static void a_place_that_is_reserved_keeps_others_out_and_is_no_lock(void **state) {
        const struct sovd_lock_wish wish = { .scopes = DATA, .duration_usec = SECONDS };
        struct sovd_lock_infos infos;
        char id[SOVD_ID_SIZE];

        a.entity = &ecu;
        assert_int_equal(sovd_lock_reserve(locks, &a, &wish, id), 0);
        assert_int_equal(try_lock(&b, &ecu, DATA), SOVD_E_CONFLICT);
        assert_int_equal(change(&b, &ecu, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        assert_int_equal(try_break(&b, &ecu, DATA), SOVD_E_CONFLICT);
        assert_int_equal(sovd_lock_list(locks, &a, &infos), 0);
        assert_int_equal(infos.n, 0);
        assert_int_equal(sovd_lock_release(locks, &a, id), SOVD_E_NOT_FOUND);
        sovd_lock_cancel(locks, id);
        assert_int_equal(change(&b, &ecu, SOVD_COLLECTION_DATA), 0);
}

static void a_use_of_another_client_keeps_a_lock_from_being_granted(void **state) {
        struct sovd_lock_use use;

        assert_int_equal(begin(&b, &part, SOVD_COLLECTION_DATA, &use), 0);
        assert_int_equal(try_lock(&a, &ecu, DATA), SOVD_E_CONFLICT);
        assert_int_equal(a.failure.retry_after_sec, 1);
        assert_int_equal(try_lock(&b, &ecu, DATA), 0); /* its own */
        assert_int_equal(sovd_lock_use_end(&use, &b, 0), 0);
}

static void expiry_does_not_end_a_use(void **state) {
        struct sovd_lock_use use;

        (void)lock(&a, &ecu, DATA);
        assert_int_equal(begin(&a, &ecu, SOVD_COLLECTION_DATA, &use), 0);
        now_usec += 61 * SECONDS;
        assert_int_equal(try_lock(&b, &ecu, DATA), SOVD_E_CONFLICT);
        assert_int_equal(sovd_lock_use_end(&use, &a, 0), 0);
        assert_int_equal(try_lock(&b, &ecu, DATA), 0);
}

static void a_use_of_another_scope_of_the_lock_keeps_it_from_being_broken(void **state) {
        const char *id = lock(&a, &ecu, DATA | OPERATIONS);
        struct sovd_lock_use use;

        assert_int_equal(begin(&a, &ecu, SOVD_COLLECTION_OPERATIONS, &use), 0);
        assert_int_equal(try_break(&b, &ecu, DATA), SOVD_E_CONFLICT);
        assert_int_equal(sovd_lock_use_end(&use, &a, 0), 0);
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, SECONDS), 0);
        assert_int_equal(try_break(&b, &ecu, DATA), 0);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_OPERATIONS), SOVD_E_LOCK_BROKEN);
}

static void a_lock_that_is_being_broken_begins_no_use(void **state) {
        const struct sovd_lock_wish wish = { .scopes = DATA, .duration_usec = SECONDS, .break_lock = true };
        char id[SOVD_ID_SIZE];

        (void)lock(&a, &ecu, DATA | OPERATIONS);
        b.entity = &ecu;
        assert_int_equal(sovd_lock_reserve(locks, &b, &wish, id), 0);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_OPERATIONS), SOVD_E_CONFLICT);
        sovd_lock_cancel(locks, id);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_OPERATIONS), 0);
}

static void the_owner_of_a_broken_lock_is_told_for_ten_minutes(void **state) {
        const char *id = lock(&a, &ecu, DATA);

        assert_int_equal(try_break(&b, &app, DATA), 0);
        now_usec += 599 * SECONDS;
        assert_int_equal(change(&a, &part, SOVD_COLLECTION_DATA), SOVD_E_LOCK_BROKEN);
        a.entity = &ecu;
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, SECONDS), SOVD_E_LOCK_BROKEN);
        now_usec += 1 * SECONDS;
        assert_int_equal(change(&a, &part, SOVD_COLLECTION_DATA), 0);
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, SECONDS), SOVD_E_NOT_FOUND);
}

static void giving_a_broken_lock_back_ends_the_complaint_about_changes(void **state) {
        const char *id = lock(&a, &ecu, DATA);

        assert_int_equal(try_break(&b, &part, DATA), 0);
        assert_int_equal(change(&a, &app, SOVD_COLLECTION_DATA), SOVD_E_LOCK_BROKEN);
        assert_int_equal(release(&a, &ecu, id), SOVD_E_LOCK_BROKEN);
        assert_int_equal(change(&a, &app, SOVD_COLLECTION_DATA), 0);
        assert_int_equal(release(&a, &ecu, id), SOVD_E_LOCK_BROKEN);
}

static void rules_say_what_can_be_broken_and_what_needs_a_lock(void **state) {
        const struct sovd_lock_rule others = { .required = OPERATIONS, .breakable = true };
        const struct sovd_lock_rule rules[] = { { "components/ecu", DATA, false } };

        assert_int_equal(sovd_locks_set_rules(locks, &others, rules, 1), 0);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_OPERATIONS), 0);
        assert_int_equal(change(&a, &part, SOVD_COLLECTION_OPERATIONS), SOVD_E_CONFLICT);
        (void)lock(&a, &ecu, DATA | OPERATIONS);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_DATA), 0);
        assert_int_equal(change(&a, &part, SOVD_COLLECTION_OPERATIONS), 0);
        assert_int_equal(try_break(&b, &part, DATA), SOVD_E_CONFLICT); /* the lock is on ecu */
}

static void a_lock_below_is_not_the_one_that_is_required(void **state) {
        const struct sovd_lock_rule others = { .required = DATA };

        assert_int_equal(sovd_locks_set_rules(locks, &others, NULL, 0), 0);
        (void)lock(&a, &part, DATA);
        assert_int_equal(change(&a, &ecu, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        assert_int_equal(change(&a, &cell, SOVD_COLLECTION_DATA), 0);
}

static void an_anonymous_client_breaks_only_what_is_anonymous(void **state) {
        struct sovd_call d;

        make_call(&d, "anonymous@d", true);
        const char *id = lock(&a, &ecu, DATA);
        assert_int_equal(try_break(&c, &ecu, DATA), SOVD_E_CONFLICT);
        assert_int_equal(release(&a, &ecu, id), 0);
        (void)lock(&d, &ecu, DATA);
        assert_int_equal(try_break(&c, &ecu, DATA), 0);
        sovd_arena_free(d.arena);
}

static void limits_are_kept(void **state) {
        for (int i = 0; i < MAX_OWN; i++)
                (void)lock(&a, &ecu, DATA);
        assert_int_equal(try_lock(&a, &ecu, DATA), SOVD_E_OVERLOAD);
        for (int i = 0; i < MAX - MAX_OWN; i++)
                (void)lock(&b, &other, DATA);
        assert_int_equal(try_lock(&c, &area, DATA), SOVD_E_OVERLOAD);
        now_usec += 60 * SECONDS;
        assert_int_equal(try_lock(&c, &area, DATA), 0);
}

static void as_many_broken_locks_as_locks_are_remembered(void **state) {
        const char *first = lock(&a, &ecu, DATA);

        for (int i = 0; i < MAX; i++) {
                now_usec += 1;
                assert_int_equal(try_break(i % 2 ? &a : &b, &ecu, DATA), 0);
        }
        assert_int_equal(release(&a, &ecu, first), SOVD_E_LOCK_BROKEN);
        now_usec += 1;
        assert_int_equal(try_break(&b, &ecu, DATA), 0);
        assert_int_equal(release(&a, &ecu, first), SOVD_E_NOT_FOUND);
}

static void a_time_that_is_too_long_is_refused(void **state) {
        const struct sovd_lock_wish wish = { .scopes = DATA, .duration_usec = 100 * SECONDS + 1 };
        char id[SOVD_ID_SIZE];

        a.entity = &ecu;
        assert_int_equal(sovd_lock_reserve(locks, &a, &wish, id), SOVD_E_BAD_REQUEST);
        assert_string_equal(a.failure.path, "/lock_expiration");
}

static void what_the_backend_gave_for_two_locks_is_known_as_shared(void **state) {
        const struct sovd_lock_wish wish = { .scopes = DATA, .duration_usec = SECONDS };
        struct sovd_lock_infos broken;
        struct sovd_lock_info info;
        char first[SOVD_ID_SIZE], second[SOVD_ID_SIZE];

        a.entity = &ecu;
        assert_int_equal(sovd_lock_reserve(locks, &a, &wish, first), 0);
        assert_int_equal(sovd_lock_grant(locks, &a, first, "backend", "17", &broken), 0);
        assert_int_equal(sovd_lock_find_own(locks, &a, first, &info), 0);
        assert_string_equal(info.backend_id, "17");
        assert_int_equal(sovd_lock_reserve(locks, &a, &wish, second), 0);
        assert_int_equal(sovd_lock_grant(locks, &a, second, "backend", "17", &broken), 0);
        assert_int_equal(sovd_lock_find_own(locks, &a, first, &info), 0);
        assert_string_equal(info.backend_id, "17");
        assert_true(info.is_shared);
        assert_int_equal(sovd_lock_release(locks, &a, first), 0);
        assert_int_equal(sovd_lock_find_own(locks, &a, second, &info), 0);
        assert_string_equal(info.backend, "backend");
        assert_false(info.is_shared);
}

static void a_lock_that_the_backend_broke_is_broken(void **state) {
        const char *id = lock(&a, &ecu, DATA);
        const struct sovd_generic_error theirs = { .error_code = "lock-broken", .message = "broken" };
        struct sovd_lock_use use;

        assert_int_equal(begin(&a, &ecu, SOVD_COLLECTION_DATA, &use), 0);
        int r = sovd_fail_upstream(&a, 409, &theirs, NULL);
        assert_int_equal(sovd_lock_use_end(&use, &a, r), SOVD_E_UPSTREAM);
        assert_int_equal(release(&a, &ecu, id), SOVD_E_LOCK_BROKEN);
        assert_int_equal(change(&b, &ecu, SOVD_COLLECTION_DATA), 0);
}

/* --- threads ------------------------------------------------------------------------------------------------ */

#define THREADS 32
#define ROUNDS  2000

/* What a backend would see: who holds the ECU by the grant that it heard of last, and who changes it now. */
static atomic_int holder = -1;
static atomic_uint n_bad, n_grants, n_breaks;

/* Under a lock the backend must see this client as the holder from the first to the last moment of the change. */
static void change_as(struct sovd_call *call, int who, bool holds) {
        struct sovd_lock_use use;

        if (begin(call, who % 2 ? &part : &ecu, SOVD_COLLECTION_DATA, &use))
                return;
        for (int i = 0; holds && use.fence && i < 20; i++) {
                if (atomic_load(&holder) != who)
                        atomic_fetch_add(&n_bad, 1);
                sched_yield();
        }
        if (!holds && atomic_load(&holder) >= 0)
                atomic_fetch_add(&n_bad, 1); /* changed what another one holds */
        (void)sovd_lock_use_end(&use, call, 0);
}

static void *compete(void *data) {
        const int who = (int)(intptr_t)data;
        char name[16], id[SOVD_ID_SIZE];
        struct sovd_call call;

        (void)snprintf(name, sizeof(name), "t%d", who);
        make_call(&call, name, false);
        for (int i = 0; i < ROUNDS; i++) {
                struct sovd_lock_wish wish = { .scopes = DATA,
                                               .duration_usec = 60 * SECONDS,
                                               .break_lock = i % 7 == 0 };
                struct sovd_lock_infos broken;
                call.deadline_usec = sovd_now_usec() + 10 * SECONDS;
                call.entity = &ecu;
                if (sovd_lock_reserve(locks, &call, &wish, id) == 0) {
                        atomic_store(&holder, who); /* the backend grants */
                        assert_int_equal(sovd_lock_grant(locks, &call, id, NULL, NULL, &broken), 0);
                        atomic_fetch_add(&n_grants, 1);
                        atomic_fetch_add(&n_breaks, (unsigned)broken.n);
                        if (broken.n > 1)
                                atomic_fetch_add(&n_bad, 1); /* two holders at once */
                        change_as(&call, who, true);
                        int mine =
                                who; /* the backend lets go first, unless somebody else has broken it there */
                        (void)atomic_compare_exchange_strong(&holder, &mine, -1);
                        call.entity = &ecu;
                        (void)sovd_lock_release(locks, &call, id);
                } else {
                        change_as(&call, who, false);
                }
                sovd_arena_reset(call.arena);
        }
        sovd_arena_free(call.arena);
        return NULL;
}

static void among_threads_there_is_one_holder_and_its_changes_are_alone(void **state) {
        const struct sovd_locks_options options = {
                .max = 1000, .max_per_client = 10, .max_usec = 100 * SECONDS, .wait_usec = SECONDS
        };
        const struct sovd_lock_rule others = { .breakable = true };
        struct sovd_lock_counts counts;
        pthread_t threads[THREADS];

        sovd_clock_replace(NULL);
        locks = sovd_locks_free(locks);
        assert_int_equal(sovd_locks_new(&locks, &options), 0);
        assert_int_equal(sovd_locks_set_rules(locks, &others, NULL, 0), 0);
        for (intptr_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, compete, (void *)i), 0);
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);

        sovd_locks_count(locks, &counts);
        assert_int_equal(atomic_load(&n_bad), 0);
        assert_int_equal(counts.held, 0);
        assert_int_equal(counts.n_granted, atomic_load(&n_grants));
        assert_int_equal(counts.n_broken, atomic_load(&n_breaks));
        assert_int_equal(counts.n_granted, counts.n_released + counts.n_broken);
        assert_true(counts.n_granted >= THREADS);
}

static void *acquire(void *data) {
        struct sovd_call *call = data;

        call->deadline_usec = sovd_now_usec() + 20 * SECONDS;
        return (void *)(intptr_t)try_lock(call, &ecu, DATA);
}

static void a_stop_ends_the_wait_for_a_use(void **state) {
        const struct sovd_locks_options options = {
                .max = 10, .max_per_client = 10, .max_usec = 100 * SECONDS, .wait_usec = 20 * SECONDS
        };
        struct sovd_lock_use use;
        pthread_t thread;
        void *result;

        sovd_clock_replace(NULL);
        locks = sovd_locks_free(locks);
        assert_int_equal(sovd_locks_new(&locks, &options), 0);
        assert_int_equal(begin(&b, &ecu, SOVD_COLLECTION_DATA, &use), 0);
        uint64_t started = sovd_now_usec();
        assert_int_equal(pthread_create(&thread, NULL, acquire, &a), 0);
        sovd_locks_stop(locks);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_int_equal((intptr_t)result, SOVD_E_CONFLICT);
        assert_true(sovd_now_usec() - started < 10 * SECONDS);
        assert_int_equal(sovd_lock_use_end(&use, &b, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_lock_meets_what_is_above_and_below),
                TEST(a_lock_does_not_meet_its_neighbours),
                TEST(scopes_that_do_not_meet_leave_each_other_alone),
                TEST(a_lock_lasts_until_its_moment_and_not_longer),
                TEST(extending_starts_the_clock_anew),
                TEST(a_lock_of_another_client_can_be_seen_and_not_touched),
                TEST(each_grant_has_a_higher_fence),
                TEST(a_place_that_is_reserved_keeps_others_out_and_is_no_lock),
                TEST(a_use_of_another_client_keeps_a_lock_from_being_granted),
                TEST(expiry_does_not_end_a_use),
                TEST(a_use_of_another_scope_of_the_lock_keeps_it_from_being_broken),
                TEST(a_lock_that_is_being_broken_begins_no_use),
                TEST(the_owner_of_a_broken_lock_is_told_for_ten_minutes),
                TEST(giving_a_broken_lock_back_ends_the_complaint_about_changes),
                TEST(rules_say_what_can_be_broken_and_what_needs_a_lock),
                TEST(a_lock_below_is_not_the_one_that_is_required),
                TEST(an_anonymous_client_breaks_only_what_is_anonymous),
                TEST(limits_are_kept),
                TEST(as_many_broken_locks_as_locks_are_remembered),
                TEST(a_time_that_is_too_long_is_refused),
                TEST(what_the_backend_gave_for_two_locks_is_known_as_shared),
                TEST(a_lock_that_the_backend_broke_is_broken),
                TEST(among_threads_there_is_one_holder_and_its_changes_are_alone),
                TEST(a_stop_ends_the_wait_for_a_use),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
