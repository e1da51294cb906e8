/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-auth/proximity.h"
#include "sovd-auth/proximity_verify.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/attempts.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/state.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY "a key that both of them have"

static uint64_t now_usec;
static struct sovd_proximity *proximity;
static struct sovd_secrets *secrets;
static struct sovd_db *db;

static uint64_t fake_now(void) {
        return now_usec;
}

static const struct sovd_clock fake = { fake_now, fake_now, NULL };
static const char *patterns[] = { "components/bms/operations/flush", "**/scripts/*" };
static struct sovd_proximity_verifier_settings verifier;
static struct sovd_proximity_rule_settings rules[1];
static const struct sovd_list list = { .items = rules, .n = 1, .set = true };

static const struct sovd_proximity_of FLUSH = { "key:a", { "components", "bms", "operations", "flush" } };
static const struct sovd_proximity_of OTHERS = { "key:b", { "components", "bms", "operations", "flush" } };
static const struct sovd_proximity_of SCRIPT = { "key:a", { "apps", "x", "scripts", "s" } };

static void begin(size_t max) {
        assert_int_equal(sovd_secrets_new(&secrets, NULL), 0);
        assert_int_equal(sovd_proximity_new(&proximity, secrets, max, db), 0);
        assert_int_equal(sovd_proximity_apply(proximity, &list), 0);
}

static int set_up(void **state) {
        now_usec = 1000000 * SOVD_USEC_PER_SEC;
        sovd_clock_replace(&fake);
        (void)setenv("PROXIMITY_KEY", KEY, 1);
        verifier = (struct sovd_proximity_verifier_settings){ .key = "env:PROXIMITY_KEY",
                                                              .timeout = { true, 2 } };
        rules[0] = (struct sovd_proximity_rule_settings){
                .resources = { .items = patterns, .n = 2, .set = true },
                .verifier = &verifier,
                .valid_secs = SOVD_INT(30),
                .tries = SOVD_INT(3)
        };
        return 0;
}

static int clean_up(void **state) {
        secrets = sovd_secrets_free(secrets);
        proximity = sovd_proximity_free(proximity);
        db = sovd_db_close(db);
        sovd_clock_replace(NULL);
        return 0;
}

static const char *answer(const char *challenge, const char *resource) {
        static char hex[65];
        unsigned char mac[32];
        char message[256];
        int n = snprintf(message, sizeof(message), "%s\n%s", challenge, resource);

        assert_non_null(HMAC(EVP_sha256(), KEY, strlen(KEY), (unsigned char *)message, (size_t)n, mac, NULL));
        for (size_t i = 0; i < sizeof(mac); i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", mac[i]);
        return hex;
}

static const char *ask(const struct sovd_proximity_of *of) {
        static char challenge[SOVD_ID_SIZE];
        uint64_t usec;
        unsigned wait;

        assert_int_equal(sovd_proximity_challenge(proximity, of, challenge, &usec, &wait), 0);
        assert_int_equal(usec, 30 * SOVD_USEC_PER_SEC);
        assert_int_equal(strlen(challenge), 32);
        return challenge;
}

static enum sovd_proximity_verdict prove(const struct sovd_proximity_of *of, const char *response) {
        unsigned wait;

        return sovd_proximity_prove(proximity, of, response, UINT64_MAX, &wait);
}

#define RESOURCE "components/bms/operations/flush"

static void what_no_rule_names_is_free(void **state) {
        static const struct sovd_proximity_of other = { "key:a",
                                                        { "components", "bms", "operations", "flush2" } };
        static const struct sovd_proximity_of loud = { "key:a",
                                                       { "components", "bms", "operations", "FLush" } };
        char challenge[SOVD_ID_SIZE];
        uint64_t usec;
        unsigned wait;

        begin(8);
        assert_true(sovd_proximity_demands(proximity, &FLUSH));
        assert_true(sovd_proximity_demands(proximity, &SCRIPT));
        assert_true(sovd_proximity_demands(proximity, &loud));
        assert_false(sovd_proximity_demands(proximity, &other));
        assert_int_equal(sovd_proximity_challenge(proximity, &other, challenge, &usec, &wait),
                         SOVD_E_NOT_FOUND);
        assert_int_equal(prove(&other, "x"), SOVD_PROXIMITY_UNKNOWN);
}

static void a_right_answer_is_good_once(void **state) {
        begin(8);
        const char *right = answer(ask(&FLUSH), RESOURCE);
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_PROVED);
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_NOT_OPEN);
}

static void an_answer_is_of_one_client_and_one_resource(void **state) {
        begin(8);
        const char *right = answer(ask(&FLUSH), RESOURCE);
        assert_int_equal(prove(&OTHERS, right), SOVD_PROXIMITY_NOT_OPEN);
        assert_int_equal(prove(&SCRIPT, right), SOVD_PROXIMITY_NOT_OPEN);
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_PROVED);
        assert_int_equal(prove(&FLUSH, answer(ask(&FLUSH), "apps/x/scripts/s")), SOVD_PROXIMITY_WRONG);
}

static void a_challenge_ends_after_its_time(void **state) {
        begin(8);
        const char *right = answer(ask(&FLUSH), RESOURCE);
        now_usec += 30 * SOVD_USEC_PER_SEC;
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_NOT_OPEN);
        right = answer(ask(&FLUSH), RESOURCE);
        now_usec += 30 * SOVD_USEC_PER_SEC - 1;
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_PROVED);
}

static void the_one_that_is_open_is_told_again_until_little_of_its_time_is_left(void **state) {
        char first[65], again[SOVD_ID_SIZE];
        uint64_t usec;
        unsigned wait;

        begin(8);
        (void)snprintf(first, sizeof(first), "%s", answer(ask(&FLUSH), RESOURCE));
        now_usec += 20 * SOVD_USEC_PER_SEC;
        assert_int_equal(sovd_proximity_challenge(proximity, &FLUSH, again, &usec, &wait), 0);
        assert_int_equal(usec, 10 * SOVD_USEC_PER_SEC);
        assert_string_equal(answer(again, RESOURCE), first);
        now_usec++;
        const char *second = answer(ask(&FLUSH), RESOURCE);
        assert_int_equal(prove(&FLUSH, first), SOVD_PROXIMITY_WRONG);
        assert_int_equal(prove(&FLUSH, second), SOVD_PROXIMITY_PROVED);
}

static void wrong_answers_make_the_client_wait_longer_each_time(void **state) {
        char challenge[SOVD_ID_SIZE];
        uint64_t usec;
        unsigned wait;

        begin(8);
        const char *right = answer(ask(&FLUSH), RESOURCE);
        assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WRONG);
        assert_int_equal(prove(&FLUSH, ""), SOVD_PROXIMITY_WRONG);
        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "y", UINT64_MAX, &wait),
                         SOVD_PROXIMITY_WRONG);
        assert_int_equal(wait, 10);
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_WAIT);
        assert_int_equal(sovd_proximity_challenge(proximity, &FLUSH, challenge, &usec, &wait),
                         SOVD_E_CONFLICT);
        assert_int_equal(wait, 11);
        now_usec += 10 * SOVD_USEC_PER_SEC;
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_NOT_OPEN);
        (void)ask(&FLUSH);
        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "y", UINT64_MAX, &wait),
                         SOVD_PROXIMITY_WRONG);
        assert_int_equal(wait, 20);
        assert_int_equal(prove(&OTHERS, answer(ask(&OTHERS), RESOURCE)),
                         SOVD_PROXIMITY_PROVED); /* it is no one else's trouble */
        now_usec += 20 * SOVD_USEC_PER_SEC;
        assert_int_equal(prove(&FLUSH, answer(ask(&FLUSH), RESOURCE)), SOVD_PROXIMITY_PROVED);
        (void)ask(&FLUSH);
        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "y", UINT64_MAX, &wait),
                         SOVD_PROXIMITY_WRONG);
        assert_int_equal(wait, 0); /* a right one has made up for them */
}

static void new_challenges_do_not_forget_wrong_answers(void **state) {
        begin(8);
        for (int i = 0; i < 3; i++) {
                (void)ask(&FLUSH);
                assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WRONG);
        }
        assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WAIT);
}

static void wrong_answers_are_remembered_for_an_hour_behind_the_wait(void **state) {
        unsigned wait;

        begin(8);
        for (int round = 0, next = 10; round < 10; round++, next = next < 1800 ? 2 * next : 3600) {
                for (int i = 0; i < (round ? 1 : 3); i++) {
                        (void)ask(&FLUSH);
                        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "x", UINT64_MAX, &wait), SOVD_PROXIMITY_WRONG);
                }
                assert_int_equal(wait, next);
                now_usec += (wait + 3599) * SOVD_USEC_PER_SEC;
        }
        now_usec += SOVD_USEC_PER_SEC;
        (void)ask(&FLUSH);
        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "x", UINT64_MAX, &wait), SOVD_PROXIMITY_WRONG);
        assert_int_equal(wait, 0);
}

static void the_table_is_bounded_for_all_and_for_each(void **state) {
        char challenge[SOVD_ID_SIZE], id[8];
        uint64_t usec;
        unsigned wait;

        begin(SOVD_PROXIMITY_PER_CLIENT + 1);
        for (int i = 0; i < 50; i++) {
                (void)snprintf(id, sizeof(id), "%d", i);
                now_usec++;
                const struct sovd_proximity_of of = { "key:a", { "apps", "x", "scripts", id } };
                (void)ask(&of); /* its own first one goes */
        }
        const char *right = answer(ask(&OTHERS), RESOURCE);
        const struct sovd_proximity_of third = { "key:c", { "apps", "x", "scripts", "s" } };
        assert_int_equal(sovd_proximity_challenge(proximity, &third, challenge, &usec, &wait),
                         SOVD_E_OVERLOAD);
        assert_int_equal(prove(&OTHERS, right), SOVD_PROXIMITY_PROVED);
        assert_int_equal(sovd_proximity_challenge(proximity, &third, challenge, &usec, &wait), 0);
}

static void new_rules_end_what_is_open_and_no_wait(void **state) {
        begin(8);
        const char *right = answer(ask(&FLUSH), RESOURCE);
        assert_int_equal(sovd_proximity_apply(proximity, &list), 0);
        assert_int_equal(prove(&FLUSH, right), SOVD_PROXIMITY_NOT_OPEN);
        (void)ask(&FLUSH);
        for (int i = 0; i < 3; i++)
                assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WRONG);
        assert_int_equal(sovd_proximity_apply(proximity, &list), 0);
        assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WAIT);
}

/* Another process with the same state, as it were. */
static void begin_again(size_t max) {
        secrets = sovd_secrets_free(secrets);
        proximity = sovd_proximity_free(proximity);
        begin(max);
}

static void count_one(const char *place, unsigned n, void *data) {
        ++*(size_t *)data;
}

static size_t n_kept(void) {
        size_t n = 0;

        assert_int_equal(sovd_attempts_each(db, "proximity/", count_one, &n), 0);
        return n;
}

static void wrong_answers_outlive_the_process(void **state) {
        unsigned wait;

        assert_int_equal(sovd_state_open(&db, NULL, NULL), 0);
        begin(8);
        (void)ask(&FLUSH);
        for (int i = 0; i < 2; i++)
                assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WRONG);
        begin_again(8);
        (void)ask(&FLUSH); /* two are no reason to wait */
        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "x", UINT64_MAX, &wait), SOVD_PROXIMITY_WRONG);
        assert_int_equal(wait, 10);
        begin_again(1); /* also where there is less room */
        assert_int_equal(sovd_proximity_prove(proximity, &FLUSH, "x", UINT64_MAX, &wait), SOVD_PROXIMITY_WAIT);
        assert_int_equal(wait, 11);
        now_usec += 10 * SOVD_USEC_PER_SEC;
        assert_int_equal(prove(&FLUSH, answer(ask(&FLUSH), RESOURCE)), SOVD_PROXIMITY_PROVED);
        assert_int_equal(n_kept(), 0);
}

static void what_is_remembered_long_enough_does_not_come_back(void **state) {
        assert_int_equal(sovd_state_open(&db, NULL, NULL), 0);
        begin(2);
        (void)ask(&FLUSH);
        for (int i = 0; i < 3; i++)
                assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_WRONG);
        (void)ask(&OTHERS);
        assert_int_equal(prove(&OTHERS, "x"), SOVD_PROXIMITY_WRONG);
        assert_int_equal(n_kept(), 2);
        now_usec += 3610 * SOVD_USEC_PER_SEC;
        (void)ask(&SCRIPT);
        assert_int_equal(n_kept(), 0);
        begin_again(2);
        (void)ask(&FLUSH);
}

static void settings_that_protect_nothing_are_refused(void **state) {
        static const char *bad[][2] = {
                { "components/bms", "neither" }, { "**/data/x", "neither" }, { "operations", "neither" },
                { "a//operations", "pattern" },  { "", "pattern" },          { "**x/operations/y", "pattern" }
        };
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *pointer, *why;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_null(sovd_proximity_settings_check(&list, false, arena, &pointer));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++) {
                const char *items[] = { "**/operations/*", bad[i][0] };
                rules[0].resources = (struct sovd_strings){ .items = items, .n = 2, .set = true };
                why = sovd_proximity_settings_check(&list, false, arena, &pointer);
                assert_non_null(why);
                assert_non_null(strstr(why, bad[i][1]));
                assert_string_equal(pointer, "/0/resources/1");
        }
        rules[0].resources = (struct sovd_strings){ .items = patterns, .n = 2, .set = true };
        (void)setenv("PROXIMITY_KEY", "short", 1);
        assert_non_null(strstr(sovd_proximity_settings_check(&list, false, arena, &pointer), "16 bytes"));
        assert_string_equal(pointer, "/0/verifier/key");
        verifier.key = "vault:a#b";
        assert_non_null(sovd_proximity_settings_check(&list, false, arena, &pointer));
        verifier.socket = "/x";
        assert_non_null(strstr(sovd_proximity_settings_check(&list, false, arena, &pointer), "either"));
        verifier.key = NULL;
        verifier.socket = "x/y";
        assert_non_null(strstr(sovd_proximity_settings_check(&list, false, arena, &pointer), "absolute"));
        verifier.socket = "/x";
        assert_null(sovd_proximity_settings_check(&list, false, arena, &pointer));
}

/* --- a process that knows ----------------------------------------------------------------------------------- */

struct server {
        int fd;
        const char *says;
        size_t n;
        bool closes;
        char heard[1024];
        pthread_t thread;
};

static void *serve(void *data) {
        struct server *s = data;
        int fd = accept(s->fd, NULL, NULL);
        ssize_t n = recv(fd, s->heard, sizeof(s->heard) - 1, 0);

        s->heard[n > 0 ? n : 0] = '\0';
        (void)send(fd, s->says, s->n, MSG_NOSIGNAL);
        if (!s->closes)
                (void)recv(fd, s->heard + 1000, 1, 0); /* until the other side goes */
        (void)close(fd);
        return NULL;
}

static int ask_process(struct server *s, int64_t uid, const char *response) {
        char path[64];
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const struct sovd_proximity_question question = { "c0ffee", RESOURCE, "client", response };

        (void)snprintf(path, sizeof(path), "/tmp/proximity-%d", getpid());
        (void)unlink(path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(s->fd, 1), 0);
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
        int r = sovd_proximity_verify_socket(path, uid, sovd_now_usec() + SOVD_USEC_PER_SEC / 5, &question);
        assert_int_equal(pthread_join(s->thread, NULL), 0);
        (void)close(s->fd);
        (void)unlink(path);
        return r;
}

static void a_process_says_yes_or_no_and_whatever_else_is_no_proof(void **state) {
        static const struct {
                const char *says;
                int r;
        } cases[] = {
                { "{\"ok\":true}\n", 1 },
                { "{\"ok\": false}\n", 0 },
                { "{\"ok\":1}\n", -EBADMSG },
                { "{\"ok\":\"true\"}\n", -EBADMSG },
                { "true\n", -EBADMSG },
                { "{\"ok\":true,\"x\":1}\n", -EBADMSG },
                { "{\"x\":1,\"ok\":true}\n", -EBADMSG },
                { "{\"ok\":true}\n{\"ok\":false}\n", -EBADMSG },
                { "{\"ok\":true}", -EBADMSG },
                { "", -EBADMSG },
                { "\n", -EBADMSG },
                { "{\"ok\":true,\"ok\":true}\n", -EBADMSG },
                { "{\"OK\":true}\n", -EBADMSG },
                { "[true]\n", -EBADMSG },
        };
        static char flood[3 * SOVD_PROXIMITY_LINE_MAX];

        sovd_clock_replace(NULL);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                struct server s = { .says = cases[i].says, .n = strlen(cases[i].says), .closes = true };
                assert_int_equal(ask_process(&s, -1, "a \"quoted\"\n one"), cases[i].r);
                assert_string_equal(s.heard, "{\"challenge\":\"c0ffee\",\"resource\":\"" RESOURCE
                                             "\",\"client\":\"client\","
                                             "\"response\":\"a \\\"quoted\\\"\\u000a one\"}\n");
        }
        memset(flood, ' ', sizeof(flood));
        struct server floods = { .says = flood, .n = sizeof(flood), .closes = true };
        assert_int_equal(ask_process(&floods, -1, "x"), -EBADMSG);
        struct server silent = { .says = "{", .n = 1 };
        assert_int_equal(ask_process(&silent, -1, "x"), -ETIMEDOUT);
        struct server ours = { .says = "{\"ok\":true}\n", .n = 12 };
        assert_int_equal(ask_process(&ours, getuid(), "x"), 1);
        struct server anothers = { .says = "{\"ok\":true}\n", .n = 12, .closes = true };
        assert_int_equal(ask_process(&anothers, getuid() + 1, "x"), -EPERM);
        assert_string_equal(anothers.heard, ""); /* it is told nothing */
}

static void who_cannot_be_asked_has_proved_nothing(void **state) {
        verifier = (struct sovd_proximity_verifier_settings){ .socket = "/nonexistent/socket",
                                                              .timeout = { true, 1 } };
        begin(8);
        for (int i = 0; i < 3; i++) {
                if (!i)
                        (void)ask(&FLUSH);
                assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_UNKNOWN);
        }
        assert_int_equal(prove(&FLUSH, "x"), SOVD_PROXIMITY_NOT_OPEN); /* tries are tries */
        (void)ask(&FLUSH);                                             /* and no fault of the client's */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_no_rule_names_is_free),
                TEST(a_right_answer_is_good_once),
                TEST(an_answer_is_of_one_client_and_one_resource),
                TEST(a_challenge_ends_after_its_time),
                TEST(the_one_that_is_open_is_told_again_until_little_of_its_time_is_left),
                TEST(wrong_answers_make_the_client_wait_longer_each_time),
                TEST(new_challenges_do_not_forget_wrong_answers),
                TEST(wrong_answers_are_remembered_for_an_hour_behind_the_wait),
                TEST(the_table_is_bounded_for_all_and_for_each),
                TEST(new_rules_end_what_is_open_and_no_wait),
                TEST(wrong_answers_outlive_the_process),
                TEST(what_is_remembered_long_enough_does_not_come_back),
                TEST(settings_that_protect_nothing_are_refused),
                TEST(a_process_says_yes_or_no_and_whatever_else_is_no_proof),
                TEST(who_cannot_be_asked_has_proved_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
