/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

struct source {
        struct sovd_source base;
        const char *text;
        size_t left;
        bool breaks;
};

static int source_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                       size_t *ret_n) {
        struct source *s = (struct source *)stream;
        size_t n = SOVD_MIN(size, s->left);

        if (s->breaks && n < size) {
                s->base.problem = "it broke";
                return SOVD_E_BAD_REQUEST;
        }
        memset(buf, 'x', n);
        s->left -= n;
        *ret_n = n;
        return 0;
}

static int upload(struct fixture *f, size_t size, bool breaks, const char **ret_id) {
        struct source source = { .base.read = source_read, .left = size, .breaks = breaks };
        const struct sovd_bulk_upload request = {
                .mimetype = "a/b", .name = "n", .size = UINT64_MAX, .body = &source.base
        };
        struct sovd_bulk_created created = { 0 };

        f->call.failure = (struct sovd_failure){ 0 };
        int r = f->backend->ops->bulk_write(&f->call, &f->ecu, "maps", &request, &created);
        *ret_id = created.id;
        return r;
}

static size_t count(struct fixture *f, const char *category) {
        const struct sovd_bulk_filter all = { .created_before = UINT64_MAX };
        struct sovd_bulk_list list = { 0 };

        assert_int_equal(f->backend->ops->bulk_list(&f->call, &f->ecu, category, &all, &list), 0);
        return list.items.n;
}

/* The bytes of an item from `first` on, in the arena. */
static const char *bytes_of(struct fixture *f, const char *category, const char *id, uint64_t first,
                            size_t piece) {
        const struct sovd_bulk_wish wish = { .range = {
                                                     .set = first > 0, .first = first, .last = UINT64_MAX } };
        struct sovd_bulk_content content = { 0 };
        size_t n = piece, total = 0;

        assert_int_equal(f->backend->ops->bulk_open(&f->call, &f->ecu, category, id, &wish, &content), 0);
        char *all = sovd_arena_alloc(f->arena, content.length + piece + 1);
        while (n == piece) {
                assert_int_equal(content.stream->read(content.stream, all + total, piece, UINT64_MAX, &n), 0);
                total += n;
        }
        assert_int_equal(total, content.length);
        assert_int_equal(content.size, content.length + first);
        (void)sovd_source_close(content.stream);
        return all;
}

static const char writable[] =
        "    bulk_data:\n"
        "      - { category: maps, writable: true, quota_bytes: 100000 }\n"
        "      - { category: logs, items: [{ id: later, content: x, ready_after_secs: 9.5 }, "
        "{ id: g, size_bytes: 5000 }] }\n";

static void an_upload_that_breaks_gives_its_room_back(void **state) {
        struct fixture *f = *state;
        const char *id;

        (void)simulate(f, writable);
        assert_int_equal(upload(f, 90000, true, &id), SOVD_E_BAD_REQUEST);
        assert_int_equal(count(f, "maps"), 0);
        assert_int_equal(upload(f, 100000, false, &id), 0);
        assert_int_equal(count(f, "maps"), 1);
        assert_int_equal(upload(f, 1, false, &id), SOVD_E_CONFLICT);
        assert_int_equal(upload(f, 100001, false, &id),
                         SOVD_E_CONFLICT); /* its size shows only as it comes */
}

static void an_item_in_use_stays_until_it_is_closed(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, writable);
        const struct sovd_bulk_wish wish = { 0 };
        struct sovd_bulk_content content = { 0 };
        const char *id;

        assert_int_equal(upload(f, 10, false, &id), 0);
        assert_int_equal(ops->bulk_open(&f->call, &f->ecu, "maps", id, &wish, &content), 0);
        assert_int_equal(ops->bulk_delete(&f->call, &f->ecu, "maps", id), SOVD_E_CONFLICT);
        (void)sovd_source_close(content.stream);
        assert_int_equal(ops->bulk_delete(&f->call, &f->ecu, "maps", id), 0);
        assert_int_equal(upload(f, 100000, false, &id), 0);
}

static void an_item_becomes_ready_at_its_time(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, writable);
        const struct sovd_bulk_wish wish = { 0 };
        struct sovd_bulk_content content = { 0 };

        at(1);
        assert_int_equal(ops->bulk_open(&f->call, &f->ecu, "logs", "later", &wish, &content), 0);
        assert_true(content.not_ready && !content.stream);
        assert_int_equal(content.retry_after_sec, 9);
        at(9.5);
        assert_string_equal(bytes_of(f, "logs", "later", 0, 10), "x");
}

static void generated_bytes_do_not_depend_on_how_they_are_read(void **state) {
        struct fixture *f = *state;
        const char *all;

        (void)simulate(f, writable);
        all = bytes_of(f, "logs", "g", 0, 5001);
        assert_memory_equal(bytes_of(f, "logs", "g", 0, 7), all, 5000);
        assert_memory_equal(bytes_of(f, "logs", "g", 1234, 100), all + 1234, 5000 - 1234);
}

static const char recorder[] = "    communication_logs: { rate_per_sec: 2, max_frames: 9, max_logs: 2, "
                               "frames: [\"123#\", \"456#0102\"] }\n";

static const char *create(struct fixture *f, const char **ret_item) {
        const struct sovd_comm_log_config config = { 0 };
        struct sovd_comm_log log = { 0 };

        assert_int_equal(f->backend->ops->comm_log_create(&f->call, &f->ecu, &config, &log), 0);
        *ret_item = strrchr(log.log, '/') + 1;
        return log.id;
}

static int control(struct fixture *f, const char *id, enum sovd_comm_log_action action) {
        f->call.failure = (struct sovd_failure){ 0 };
        return f->backend->ops->comm_log_control(&f->call, &f->ecu, id, action);
}

static void a_recording_has_the_frames_of_the_time_in_which_it_was_active(void **state) {
        struct fixture *f = *state;
        const char *item, *id;

        (void)simulate(f, recorder);
        id = create(f, &item);
        at(1);
        assert_int_equal(control(f, id, SOVD_COMM_LOG_ACTIVATE), 0);
        at(1.6);
        assert_string_equal(bytes_of(f, "communication-logs", item, 0, 1000),
                            "(1767225601.000000) can0 123#\n(1767225601.500000) can0 456#0102\n");
        assert_int_equal(control(f, id, SOVD_COMM_LOG_DEACTIVATE), 0);
        at(10);
        assert_int_equal(control(f, id, SOVD_COMM_LOG_ACTIVATE), 0);
        at(10.1);
        assert_string_equal(bytes_of(f, "communication-logs", item, 0, 3),
                            "(1767225601.000000) can0 123#\n(1767225601.500000) can0 456#0102\n"
                            "(1767225610.000000) can0 123#\n");
        assert_string_equal(bytes_of(f, "communication-logs", item, 35, 3),
                            "225601.500000) can0 456#0102\n(1767225610.000000) can0 123#\n");
}

static void a_full_recording_ends_at_its_last_frame(void **state) {
        struct fixture *f = *state;
        struct sovd_comm_log log = { 0 };
        const char *item, *id;

        (void)simulate(f, recorder);
        id = create(f, &item);
        assert_int_equal(control(f, id, SOVD_COMM_LOG_ACTIVATE), 0);
        at(3600);
        assert_int_equal(f->backend->ops->comm_log_read(&f->call, &f->ecu, id, &log), 0);
        assert_int_equal(log.status, SOVD_COMM_LOG_INACTIVE);
        assert_string_equal(log.deactivated, "2026-01-01T00:00:04.000Z");
        assert_int_equal(control(f, id, SOVD_COMM_LOG_ACTIVATE), SOVD_E_CONFLICT);
}

static void activations_are_counted(void **state) {
        struct fixture *f = *state;
        const char *item, *id;

        (void)simulate(f,
                       "    communication_logs: { rate_per_sec: 1, max_frames: 1000, frames: [\"123#\"] }\n");
        id = create(f, &item);
        for (int i = 0; i < 64; i++) {
                at(i * 10);
                assert_int_equal(control(f, id, SOVD_COMM_LOG_ACTIVATE), 0);
                assert_int_equal(control(f, id, SOVD_COMM_LOG_DEACTIVATE), 0);
        }
        assert_int_equal(control(f, id, SOVD_COMM_LOG_ACTIVATE), SOVD_E_CONFLICT);
        assert_non_null(strstr(f->call.failure.body.message, "64"));
}

static void what_a_scenario_cannot_have_is_named(void **state) {
        static const struct {
                const char *keys, *why;
        } rows[] = {
                { "    bulk_data: [{ category: a }, { category: a }]\n", "'a' is there already" },
                { "    bulk_data: [{ category: communication-logs }]\n", "is taken by the recordings" },
                { "    bulk_data: [{ category: a, items: [{ id: x }] }]\n", "either content or size_bytes" },
                { "    bulk_data: [{ category: a, items: [{ id: x, content: a, size_bytes: 1 }] }]\n",
                  "either content or size_bytes" },
                { "    bulk_data: [{ category: a, items: [{ id: x, content: a, created: soon }] }]\n",
                  "created" },
                { "    bulk_data: [{ category: a, items: [{ id: x, content: a, mimetype: x }] }]\n",
                  "media type" },
                { "    bulk_data: [{ category: a, items: [{ id: x, content: a }, { id: x, content: a }] }]\n",
                  "'x' is there already" },
                { "    communication_logs: { frames: [\"12#\"] }\n", "not a frame" },
                { "    communication_logs: { frames: [\"123#0\"] }\n", "not a frame" },
                { "    communication_logs: { frames: [] }\n", "frame" },
                { "    communication_logs: { rate_per_sec: 0, frames: [\"123#\"] }\n", "at least 0.1" },
                { "    communication_logs: { interface: \"a b\", frames: [\"123#\"] }\n", "blanks" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                const char *message = "",
                           *text = sovd_arena_printf(f->arena, "components:\n  - id: ecu\n%s", rows[i].keys);
                assert_int_equal(sovd_sim_backend_parse(&f->backend, "sim", "test.yaml", text, strlen(text),
                                                        f->arena, &message),
                                 SOVD_E_BAD_REQUEST);
                if (!strstr(message, rows[i].why))
                        fail_msg("%s: %s", rows[i].keys, message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(an_upload_that_breaks_gives_its_room_back),
                SIM_TEST(an_item_in_use_stays_until_it_is_closed),
                SIM_TEST(an_item_becomes_ready_at_its_time),
                SIM_TEST(generated_bytes_do_not_depend_on_how_they_are_read),
                SIM_TEST(a_recording_has_the_frames_of_the_time_in_which_it_was_active),
                SIM_TEST(a_full_recording_ends_at_its_last_frame),
                SIM_TEST(activations_are_counted),
                SIM_TEST(what_a_scenario_cannot_have_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
