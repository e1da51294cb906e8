/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"
#include <openssl/hmac.h>

#define MODES                                                                                                \
        "    modes:\n"                                                                                       \
        "      - { id: session, values: [default, extended], expires_secs: 60 }\n"                           \
        "      - { id: air, values: [auto, feet], default: feet }\n"

static const char *mode_of(struct fixture *f, const char *id) {
        struct sovd_mode_detail detail = { 0 };

        assert_int_equal(f->backend->ops->mode_read(&f->call, &f->ecu, id, &detail), 0);
        assert_string_equal(detail.id, id);
        return detail.value;
}

static int set(struct fixture *f, const char *id, const char *json, struct sovd_int seconds) {
        const struct sovd_mode_write write = { .value = json_of(f, json), .mode_expiration = seconds };
        struct sovd_mode_set done = { 0 };

        return f->backend->ops->mode_write(&f->call, &f->ecu, id, &write, &done);
}

static void a_mode_starts_with_its_default(void **state) {
        struct sovd_mode_list list = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, MODES);

        assert_int_equal(ops->modes_list(&f->call, &f->ecu, &list), 0);
        assert_int_equal(list.items.n, 2);
        assert_string_equal(mode_of(f, "session"), "default");
        assert_string_equal(mode_of(f, "air"), "feet");
}

static void a_mode_returns_to_its_default_when_it_expires(void **state) {
        struct fixture *f = *state;

        simulate(f, MODES);
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(5)), 0);
        at(4.9);
        assert_string_equal(mode_of(f, "session"), "extended");
        at(5);
        assert_string_equal(mode_of(f, "session"), "default");
}

static void the_longest_time_is_that_of_a_client_that_names_none(void **state) {
        struct fixture *f = *state;

        simulate(f, MODES);
        assert_int_equal(set(f, "session", "\"extended\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "air", "\"auto\"", (struct sovd_int){ 0 }), 0);
        at(59);
        assert_string_equal(mode_of(f, "session"), "extended");
        at(60);
        assert_string_equal(mode_of(f, "session"), "default");
        at(1000000);
        assert_string_equal(mode_of(f, "air"), "auto");
}

static void odd_modes_are_refused(void **state) {
        struct fixture *f = *state;

        simulate(f, MODES);
        assert_int_equal(set(f, "session", "\"sport\"", (struct sovd_int){ 0 }), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/value");
        assert_string_equal(f->call.failure.body.message,
                            "mode 'session' must be one of 'default', 'extended'");
        assert_int_equal(set(f, "session", "1", (struct sovd_int){ 0 }), SOVD_E_BAD_VALUE);
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(61)), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/mode_expiration");
        assert_int_equal(set(f, "none", "\"x\"", (struct sovd_int){ 0 }), SOVD_E_NOT_FOUND);
        assert_string_equal(mode_of(f, "session"), "default");
}

#define DEPENDENT                                                                                            \
        "    modes:\n"                                                                                       \
        "      - id: session\n"                                                                              \
        "        values: [default, extended, programming]\n"                                                 \
        "        expires_secs: 100\n"                                                                        \
        "        shortest_secs: 2\n"                                                                         \
        "        default_secs: 20\n"                                                                         \
        "        transitions:\n"                                                                             \
        "          - { from: default, to: [extended] }\n"                                                    \
        "          - { from: extended, to: [default, programming] }\n"                                       \
        "      - { id: comm, values: [on, off], requires: { session: [extended, programming] } }\n"          \
        "      - { id: dtc, values: [on, off], requires: { comm: off } }\n"

static const char *message_of(struct fixture *f) {
        return f->call.failure.body.message;
}

static void a_transition_that_is_not_allowed_names_both_ends(void **state) {
        struct fixture *f = *state;

        simulate(f, DEPENDENT);
        assert_int_equal(set(f, "session", "\"programming\"", (struct sovd_int){ 0 }), SOVD_E_CONFLICT);
        assert_string_equal(message_of(f), "mode 'session' cannot go from 'default' to 'programming'");
        assert_int_equal(set(f, "session", "\"extended\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "session", "\"programming\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "session", "\"programming\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "session", "\"default\"", (struct sovd_int){ 0 }), SOVD_E_CONFLICT);
}

static void the_time_of_a_mode_has_bounds_and_a_default(void **state) {
        struct fixture *f = *state;

        simulate(f, DEPENDENT);
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(1)), SOVD_E_BAD_VALUE);
        assert_string_equal(message_of(f), "mode 'session' stays for at least 2 seconds");
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(101)), SOVD_E_BAD_VALUE);
        assert_int_equal(set(f, "session", "\"extended\"", (struct sovd_int){ 0 }), 0);
        at(19);
        assert_string_equal(mode_of(f, "session"), "extended");
        at(20);
        assert_string_equal(mode_of(f, "session"), "default");
}

static void a_mode_that_needs_another_one_is_refused_without_it(void **state) {
        struct fixture *f = *state;

        simulate(f, DEPENDENT);
        assert_int_equal(set(f, "comm", "\"off\"", (struct sovd_int){ 0 }), SOVD_E_CONFLICT);
        assert_string_equal(message_of(f),
                            "mode 'comm' needs mode 'session' to be 'extended' or 'programming', "
                            "and it is 'default'");
        assert_int_equal(set(f, "comm", "\"on\"", (struct sovd_int){ 0 }), 0);
}

static void modes_fall_back_with_the_one_that_they_need(void **state) {
        struct fixture *f = *state;

        simulate(f, DEPENDENT);
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(10)), 0);
        assert_int_equal(set(f, "comm", "\"off\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "dtc", "\"off\"", (struct sovd_int){ 0 }), 0);
        at(9);
        assert_string_equal(mode_of(f, "dtc"), "off");
        at(10);
        assert_string_equal(mode_of(f, "dtc"), "on");
        assert_string_equal(mode_of(f, "comm"), "on");
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(10)), 0);
        assert_int_equal(set(f, "comm", "\"off\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "session", "\"default\"", (struct sovd_int){ 0 }), 0);
        assert_string_equal(mode_of(f, "comm"), "on");
}

/* --- seed and key --------------------------------------------------------------------------------------- */

#define SECURITY                                                                                             \
        "    modes: [{ id: security, values: [locked, Level_1, Level_2], access: seed_key, key: secret, "    \
        "expires_secs: 60 }]\n"
#define CHALLENGE                                                                                            \
        "    modes: [{ id: authentication, values: [none, tester], access: challenge, key: secret }]\n"

static int try(struct fixture *f, const char *mode, const char *value, const char *parameters,
               struct sovd_mode_set *ret) {
        const struct sovd_mode_write write = { .value = json_of(f, value),
                                               .parameters = parameters ? json_of(f, parameters) : NULL };

        return f->backend->ops->mode_write(&f->call, &f->ecu, mode, &write, ret);
}

static const char *member_of(const struct cJSON *object, const char *name) {
        return cJSON_GetObjectItem(object, name)->valuestring;
}

/* A seed of security's Level_1, for the client. */
static const char *ask_seed(struct fixture *f, const char *client) {
        struct sovd_mode_set done = { 0 };

        f->call.principal.id = client;
        assert_int_equal(try(f, "security", "\"Level_1_RequestSeed\"", NULL, &done), 0);
        return member_of(done.parameters, "seed");
}

/* The proof as a client works it out: HMAC-SHA256 over the bytes of the seed and the name of the value. */
static const char *answer_to(struct fixture *f, const char *seed, const char *level) {
        unsigned char message[128], hash[EVP_MAX_MD_SIZE];
        const char *hex = "";
        size_t n = 0;
        unsigned len;

        for (; seed[2 * n]; n++) {
                unsigned byte;
                assert_int_equal(sscanf(&seed[2 * n], "%2x", &byte), 1);
                message[n] = (unsigned char)byte;
        }
        memcpy(message + n, level, strlen(level));
        assert_non_null(HMAC(EVP_sha256(), "secret", 6, message, n + strlen(level), hash, &len));
        for (unsigned i = 0; i < len; i++)
                hex = sovd_arena_printf(f->arena, "%s%02x", hex, hash[i]);
        return hex;
}

static int send_key(struct fixture *f, const char *client, const char *key) {
        struct sovd_mode_set done = { 0 };

        f->call.principal.id = client;
        return try(f, "security", "\"Level_1\"", sovd_arena_printf(f->arena, "{\"key\":\"%s\"}", key), &done);
}

static void the_right_key_unlocks_until_the_mode_expires(void **state) {
        struct fixture *f = *state;

        simulate(f, SECURITY);
        assert_int_equal(send_key(f, "a", answer_to(f, ask_seed(f, "a"), "Level_1")), 0);
        assert_string_equal(mode_of(f, "security"), "Level_1");
        at(60);
        assert_string_equal(mode_of(f, "security"), "locked");
}

static void a_key_is_needed_for_every_value_but_the_default(void **state) {
        struct sovd_mode_set done = { 0 };
        struct fixture *f = *state;

        simulate(f, SECURITY);
        assert_int_equal(try(f, "security", "\"Level_1\"", NULL, &done), SOVD_E_BAD_VALUE);
        assert_int_equal(try(f, "security", "\"locked\"", NULL, &done), 0);
        assert_int_equal(try(f, "security", "\"Level_9_RequestSeed\"", NULL, &done), SOVD_E_BAD_VALUE);
        assert_int_equal(try(f, "security", "\"locked_RequestSeed\"", NULL, &done), SOVD_E_BAD_VALUE);
}

static void a_seed_serves_once_one_client_and_one_level(void **state) {
        struct fixture *f = *state;
        simulate(f, SECURITY);
        const char *seed = ask_seed(f, "a"), *key = answer_to(f, seed, "Level_1");

        assert_int_equal(send_key(f, "b", key), SOVD_E_CONFLICT);
        assert_int_equal(send_key(f, "a", key), 0);
        assert_int_equal(send_key(f, "a", key), SOVD_E_CONFLICT);
        assert_string_not_equal(ask_seed(f, "a"), seed);
        assert_int_equal(send_key(f, "a", answer_to(f, ask_seed(f, "a"), "Level_2")), SOVD_E_FORBIDDEN);
        assert_int_equal(send_key(f, "a", key), SOVD_E_CONFLICT);
}

static void a_seed_is_good_for_a_minute(void **state) {
        struct fixture *f = *state;
        simulate(f, SECURITY);
        const char *key = answer_to(f, ask_seed(f, "a"), "Level_1");

        at(60);
        assert_int_equal(send_key(f, "a", key), SOVD_E_CONFLICT);
}

static void the_third_wrong_key_makes_wait_and_each_further_one_doubles_it(void **state) {
        struct sovd_mode_set done = { 0 };
        struct fixture *f = *state;
        const double waits[] = { 10, 20, 40 };
        double now = 0;

        simulate(f, SECURITY);
        for (int i = 0; i < 2; i++) {
                (void)ask_seed(f, "a");
                assert_int_equal(send_key(f, "a", "00"), SOVD_E_FORBIDDEN);
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(waits); i++) {
                (void)ask_seed(f, "a");
                assert_int_equal(send_key(f, "a", "00"), SOVD_E_FORBIDDEN);
                at(now + waits[i] - 0.5);
                assert_int_equal(try(f, "security", "\"Level_1_RequestSeed\"", NULL, &done), SOVD_E_CONFLICT);
                assert_int_equal(f->call.failure.retry_after_sec, 1);
                now += waits[i];
                at(now);
        }
        assert_int_equal(send_key(f, "a", answer_to(f, ask_seed(f, "a"), "Level_1")), 0);
        (void)ask_seed(f, "a");
        assert_int_equal(send_key(f, "a", "00"), SOVD_E_FORBIDDEN);
        (void)ask_seed(f, "a");
}

static void the_forms_of_the_classic_adapter_are_understood(void **state) {
        struct sovd_mode_set done = { 0 };
        struct fixture *f = *state;

        simulate(f, SECURITY);
        assert_int_equal(try(f, "security", "\"Level_1_RequestSeed\"", NULL, &done), 0);
        const char *key = answer_to(f, member_of(done.seed, "Request_Seed"), "Level_1");
        const struct sovd_mode_write write = {
                .value = json_of(f, "\"Level_1\""),
                .key = json_of(f, sovd_arena_printf(f->arena, "{\"Send_Key\":\"0x%s\"}", key)),
        };
        assert_int_equal(f->backend->ops->mode_write(&f->call, &f->ecu, "security", &write, &done), 0);
}

static void a_challenge_is_answered_in_the_same_way(void **state) {
        struct sovd_mode_set done = { 0 };
        struct fixture *f = *state;

        simulate(f, CHALLENGE);
        assert_int_equal(try(f, "authentication", "\"tester_RequestChallenge\"", NULL, &done), 0);
        const char *proof = answer_to(f, member_of(done.parameters, "challenge"), "tester");
        assert_int_equal(try(f, "authentication", "\"tester\"",
                             sovd_arena_printf(f->arena, "{\"proof\":\"%s\"}", proof), &done),
                         0);
        assert_string_equal(mode_of(f, "authentication"), "tester");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_mode_starts_with_its_default),
                SIM_TEST(a_mode_returns_to_its_default_when_it_expires),
                SIM_TEST(the_longest_time_is_that_of_a_client_that_names_none),
                SIM_TEST(odd_modes_are_refused),
                SIM_TEST(a_transition_that_is_not_allowed_names_both_ends),
                SIM_TEST(the_time_of_a_mode_has_bounds_and_a_default),
                SIM_TEST(a_mode_that_needs_another_one_is_refused_without_it),
                SIM_TEST(modes_fall_back_with_the_one_that_they_need),
                SIM_TEST(the_right_key_unlocks_until_the_mode_expires),
                SIM_TEST(a_key_is_needed_for_every_value_but_the_default),
                SIM_TEST(a_seed_serves_once_one_client_and_one_level),
                SIM_TEST(a_seed_is_good_for_a_minute),
                SIM_TEST(the_third_wrong_key_makes_wait_and_each_further_one_doubles_it),
                SIM_TEST(the_forms_of_the_classic_adapter_are_understood),
                SIM_TEST(a_challenge_is_answered_in_the_same_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
