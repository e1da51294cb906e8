/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define TIME "2026-01-02T03:04:05.678Z"

/* A datagram socket stands in for standard error: each write arrives as a packet of its own. */
static int sockets[2], real_stderr;
static char event[8192];

static uint64_t fake_now(void) {
        return UINT64_C(1767323045678000);
}

static int take_stderr(void **state) {
        static const struct sovd_clock fake = { fake_now, fake_now };

        sovd_clock_replace(&fake);
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_TEXT);
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) < 0)
                return -1;
        real_stderr = dup(STDERR_FILENO);
        return dup2(sockets[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int give_stderr_back(void **state) {
        (void)dup2(real_stderr, STDERR_FILENO);
        (void)close(real_stderr);
        (void)close(sockets[0]);
        (void)close(sockets[1]);
        sovd_clock_replace(NULL);
        return 0;
}

/* The next write, "" when there was none. */
static const char *read_event(void) {
        ssize_t n = recv(sockets[0], event, sizeof(event) - 1, MSG_DONTWAIT);

        event[n > 0 ? n : 0] = '\0';
        return event;
}

static cJSON *read_json_event(void) {
        struct sovd_json_fault fault;
        cJSON *json = NULL;

        (void)read_event();
        assert_int_equal(event[strlen(event) - 1], '\n');
        assert_int_equal(sovd_json_parse(&json, event, strlen(event), NULL, &fault), 0);
        return json;
}

static const char *member(const cJSON *json, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static void an_event_is_a_line_with_time_level_message_and_fields(void **state) {
        const struct sovd_log_field fields[] = { { "entity", "bms" }, { "trace_id", "0af7" }, { 0 } };

        sovd_log_event(SOVD_LOG_INFO, fields, "read %d values", 7);

        assert_string_equal(read_event(), TIME " info read 7 values entity=bms trace_id=0af7\n");
        assert_string_equal(read_event(), "");
}

static void levels_have_names(void **state) {
        sovd_log_setup(SOVD_LOG_DEBUG, SOVD_LOG_TEXT);

        sovd_log(SOVD_LOG_ERROR, "a");
        assert_string_equal(read_event(), TIME " error a\n");
        sovd_log(SOVD_LOG_WARN, "b");
        assert_string_equal(read_event(), TIME " warn b\n");
        sovd_log(SOVD_LOG_DEBUG, "c");
        assert_string_equal(read_event(), TIME " debug c\n");
}

static void events_below_the_level_are_not_written(void **state) {
        sovd_log_setup(SOVD_LOG_WARN, SOVD_LOG_TEXT);

        sovd_log(SOVD_LOG_INFO, "quiet");
        sovd_log_event(SOVD_LOG_DEBUG, NULL, "quiet");

        assert_true(sovd_log_enabled(SOVD_LOG_WARN));
        assert_false(sovd_log_enabled(SOVD_LOG_INFO));
        assert_string_equal(read_event(), "");
}

static void a_field_without_value_is_left_out(void **state) {
        const struct sovd_log_field fields[] = { { "a", NULL }, { "b", "2" }, { 0 } };

        sovd_log_event(SOVD_LOG_INFO, fields, "m");

        assert_string_equal(read_event(), TIME " info m b=2\n");
}

static void a_value_that_is_no_word_is_quoted(void **state) {
        const struct sovd_log_field fields[] = {
                { "a", "two words" }, { "b", "" }, { "c", "x=\"y\"" }, { 0 }
        };

        sovd_log_event(SOVD_LOG_INFO, fields, "m");

        assert_string_equal(read_event(), TIME " info m a=\"two words\" b=\"\" c=\"x=\\\"y\\\"\"\n");
}

static void control_characters_never_break_the_line(void **state) {
        const struct sovd_log_field fields[] = { { "path", "a\r\nb" }, { 0 } };

        sovd_log_event(SOVD_LOG_INFO, fields, "%s", "x\ny\033[2J\x7f\xc2\x85\u2028\\z");

        assert_string_equal(read_event(), TIME " info x\\ny\\x1b[2J\\x7f\\x85\\u2028\\\\z path=a\\x0d\\nb\n");
}

static void bytes_that_are_no_utf8_are_escaped(void **state) {
        sovd_log(SOVD_LOG_INFO, "caf\u00e9 \U0001f50b %s", "\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82");

        assert_string_equal(read_event(), TIME " info caf\u00e9 \U0001f50b "
                                               "\\xff|\\xc0\\xaf|\\xed\\xa0\\x80|\\xe2\\x82\n");
}

static void a_json_event_is_one_object_in_one_line(void **state) {
        const struct sovd_log_field fields[] = { { "entity", "a \"b\"\n" }, { "none", NULL }, { 0 } };
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JSON);

        sovd_log_event(SOVD_LOG_INFO, fields, "%s", "x\ny\033\xc2\x85\\z\xff");

        cJSON *json = read_json_event();
        assert_ptr_equal(strchr(event, '\n'), event + strlen(event) - 1);
        assert_string_equal(member(json, "time"), TIME);
        assert_string_equal(member(json, "level"), "info");
        assert_string_equal(member(json, "message"), "x\ny\033\xc2\x85\\z\ufffd");
        assert_string_equal(member(json, "entity"), "a \"b\"\n");
        assert_int_equal(cJSON_GetArraySize(json), 4);
        cJSON_Delete(json);
}

static void a_long_message_is_cut_with_a_mark_and_keeps_its_fields(void **state) {
        const struct sovd_log_field fields[] = { { "trace_id", "0af7" }, { 0 } };
        static char text[6001];
        for (size_t i = 0; i + 2 < sizeof(text); i += 2)
                memcpy(text + i, "\u00e9", 2);

        sovd_log_event(SOVD_LOG_INFO, fields, "x%s", text);

        assert_true(strlen(read_event()) <= 4096);
        assert_non_null(strstr(event, "\u00e9\u2026 trace_id=0af7\n"));
        assert_null(strstr(event, "\\x"));
}

static void a_long_event_is_cut_with_a_mark(void **state) {
        static char text[6000];
        const struct sovd_log_field fields[] = { { "a", text }, { "b", "lost" }, { 0 } };
        memset(text, ' ', sizeof(text) - 1);

        sovd_log_event(SOVD_LOG_INFO, fields, "m");

        assert_true(strlen(read_event()) <= 4096);
        assert_non_null(strstr(event, " \" \u2026\n"));
        assert_null(strstr(event, "lost"));
}

static void a_long_json_event_stays_json_when_it_is_cut(void **state) {
        static char text[5000];
        const struct sovd_log_field fields[] = { { "a", text }, { "b", "lost" }, { 0 } };
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JSON);

        /* Every length once, so that the end falls on every place of an event. */
        for (size_t n = 3900; n < 4100; n++) {
                memset(text, '"', n / 2);
                text[n / 2] = '\0';
                sovd_log_event(SOVD_LOG_INFO, fields, "%*s", (int)(n % 7), "");

                cJSON *json = read_json_event();
                bool cut = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "truncated"));
                assert_true(strlen(event) <= 4096);
                assert_int_equal(cut, !sovd_streq(member(json, "b"), "lost"));
                cJSON_Delete(json);
        }
}

static void errno_is_kept(void **state) {
        errno = EXDEV;
        sovd_log(SOVD_LOG_INFO, "m");
        assert_int_equal(errno, EXDEV);

        (void)close(STDERR_FILENO);
        sovd_log(SOVD_LOG_INFO, "m");
        assert_int_equal(errno, EXDEV);
}

#if HAVE_SYSTEMD
/* These two stand in for the system's: there is no journal where tests run. */
int sd_journal_sendv(const struct iovec *iov, int n);
static int journal_result;
static bool journal_socket;
static char journal[8192];

int sd_journal_sendv(const struct iovec *iov, int n) {
        journal[0] = '\0';
        for (int i = 0; i < n; i++) {
                strncat(journal, iov[i].iov_base, iov[i].iov_len);
                strcat(journal, "\n");
        }
        return journal_result;
}

int access(const char *path, int mode) {
        return journal_socket ? 0 : -1;
}

static void the_journal_gets_fields(void **state) {
        const struct sovd_log_field fields[] = {
                { "trace_id", "0af7" }, { "e-tag", "two words" }, { "n", NULL }, { 0 }
        };
        journal_socket = true;
        journal_result = 0;
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JOURNAL);

        sovd_log_event(SOVD_LOG_WARN, fields, "a\nb");

        assert_string_equal(journal, "PRIORITY=4\nMESSAGE=a\\nb\nSOVD_TRACE_ID=0af7\nSOVD_E_TAG=two words\n");
        assert_string_equal(read_event(), "");
}

static void a_journal_event_that_is_cut_says_so(void **state) {
        static char text[6000];
        const struct sovd_log_field fields[] = { { "a", text }, { "b", "lost" }, { 0 } };
        memset(text, 'x', sizeof(text) - 1);
        journal_socket = true;
        journal_result = 0;
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JOURNAL);

        sovd_log_event(SOVD_LOG_INFO, fields, "m");

        assert_non_null(strstr(journal, "x\nSOVD_TRUNCATED=1\n"));
        assert_null(strstr(journal, "lost"));
}

static void without_a_journal_text_is_written(void **state) {
        journal_socket = false;
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JOURNAL);

        sovd_log(SOVD_LOG_INFO, "m");

        assert_string_equal(read_event(), TIME " info m\n");
}

static void what_the_journal_does_not_take_is_written_as_text(void **state) {
        journal_socket = true;
        journal_result = -ENOBUFS;
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JOURNAL);

        sovd_log(SOVD_LOG_INFO, "m");

        assert_string_equal(read_event(), TIME " info m\n");
}
#else
static void without_a_journal_text_is_written(void **state) {
        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_JOURNAL);

        sovd_log(SOVD_LOG_INFO, "m");

        assert_string_equal(read_event(), TIME " info m\n");
}
#endif

static void the_last_events_are_kept_in_their_order(void **state) {
        const struct sovd_log_field fields[] = { { "who", "a b" }, { 0 } };
        struct sovd_log_line lines[5];

        sovd_log_setup(SOVD_LOG_INFO, SOVD_LOG_TEXT);
        assert_int_equal(sovd_log_keep(3), 0);
        assert_int_equal(sovd_log_kept_max(), 3);
        assert_int_equal(sovd_log_last(lines, 5), 0);
        for (int i = 1; i <= 5; i++)
                sovd_log_event(i == 5 ? SOVD_LOG_ERROR : SOVD_LOG_INFO, fields, "event %d\n", i);
        sovd_log(SOVD_LOG_DEBUG, "below the level");
        assert_int_equal(sovd_log_last(lines, 5), 3);
        assert_string_equal(lines[0].text, "event 3\\n who=\"a b\"");
        assert_string_equal(lines[2].text, "event 5\\n who=\"a b\"");
        assert_int_equal(lines[2].level, SOVD_LOG_ERROR);
        assert_true(lines[0].usec && lines[0].usec <= lines[2].usec);
        assert_int_equal(sovd_log_last(lines, 1), 1);
        assert_string_equal(lines[0].text, "event 5\\n who=\"a b\"");
        assert_int_equal(sovd_log_keep(0), 0);
        sovd_log(SOVD_LOG_INFO, "kept by nobody");
        assert_int_equal(sovd_log_last(lines, 5), 0);
}

static void a_long_event_is_kept_without_half_a_character(void **state) {
        struct sovd_log_line line;
        char text[1000];

        for (size_t i = 0; i + 2 < sizeof(text); i += 2)
                memcpy(text + i, "\u00e4", 3);
        assert_int_equal(sovd_log_keep(1), 0);
        for (const char *first = "ab"; *first; first++) { /* both kinds of places */
                sovd_log(SOVD_LOG_INFO, "%s%s", first, text);
                assert_int_equal(sovd_log_last(&line, 1), 1);
                assert_true(sovd_utf8_is_valid(line.text, strlen(line.text)));
                assert_in_range(strlen(line.text), sizeof(line.text) - 3, sizeof(line.text) - 1);
        }
        assert_int_equal(sovd_log_keep(0), 0);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, take_stderr, give_stderr_back)

int main(void) {
        const struct CMUnitTest tests[] = {
                LOG_TEST(an_event_is_a_line_with_time_level_message_and_fields),
                LOG_TEST(levels_have_names),
                LOG_TEST(events_below_the_level_are_not_written),
                LOG_TEST(a_field_without_value_is_left_out),
                LOG_TEST(a_value_that_is_no_word_is_quoted),
                LOG_TEST(control_characters_never_break_the_line),
                LOG_TEST(bytes_that_are_no_utf8_are_escaped),
                LOG_TEST(a_json_event_is_one_object_in_one_line),
                LOG_TEST(a_long_message_is_cut_with_a_mark_and_keeps_its_fields),
                LOG_TEST(a_long_event_is_cut_with_a_mark),
                LOG_TEST(a_long_json_event_stays_json_when_it_is_cut),
                LOG_TEST(errno_is_kept),
                LOG_TEST(the_last_events_are_kept_in_their_order),
                LOG_TEST(a_long_event_is_kept_without_half_a_character),
                LOG_TEST(without_a_journal_text_is_written),
#if HAVE_SYSTEMD
                LOG_TEST(the_journal_gets_fields),
                LOG_TEST(a_journal_event_that_is_cut_says_so),
                LOG_TEST(what_the_journal_does_not_take_is_written_as_text),
#endif
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
