/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <cmocka.h>
#include "sovd-core/audit/entry.h"

#define LOG  "0b5c6f0e-6f0e-4d5c-9a57-0123456789ab"
#define BOOT "00112233445566778899aabbccddeeff"
#define HEAD "{\"boot\":\"" BOOT "\","
#define TAIL "\"log\":\"" LOG "\",\"mono\":5,\"seq\":7,\"t\":\"2026-11-22T11:30:00.123Z\",\"v\":1}"
#define LEAST HEAD "\"ev\":\"system.start\"," TAIL

static struct sovd_audit_entry an_entry(void) {
        return (struct sovd_audit_entry){ .log = LOG, .seq = 7, .t = "2026-11-22T11:30:00.123Z", .mono = 5, .boot = BOOT,
                                          .ev = "system.start" };
}

static void assert_written(const struct sovd_audit_entry *e, const char *expected) {
        char body[SOVD_AUDIT_BODY_MAX + 1];
        size_t len;

        assert_int_equal(sovd_audit_entry_write(e, body, &len), 0);
        assert_string_equal(body, expected);
        assert_int_equal(len, strlen(expected));
}

static void assert_refused(const struct sovd_audit_entry *e, int error) {
        char body[SOVD_AUDIT_BODY_MAX + 1];
        size_t len;

        assert_int_equal(sovd_audit_entry_write(e, body, &len), error);
}

static void the_least_entry_has_one_text(void **state) {
        struct sovd_audit_entry e = an_entry();

        assert_written(&e, LEAST);
}

static void members_and_details_stand_in_the_order_of_their_bytes(void **state) {
        struct sovd_audit_entry e = an_entry();

        e.ev = "request.outcome";
        e.req = "r-1";
        e.sub = "tester\"\\/\x01\n\x1f\x7f\xc3\xa4";
        e.method = "PUT";
        e.path = "/a";
        e.status = 204;
        e.outcome = "ok";
        e.detail[0] = (struct sovd_audit_detail){ .name = "to", .number = SOVD_CANON_INT_MAX };
        e.detail[1] = (struct sovd_audit_detail){ .name = "from", .text = "" };
        e.n_detail = 2;
        assert_written(&e, HEAD "\"detail\":{\"from\":\"\",\"to\":9007199254740991},\"ev\":\"request.outcome\",\"log\":\"" LOG
                                "\",\"method\":\"PUT\",\"mono\":5,\"outcome\":\"ok\",\"path\":\"/a\",\"req\":\"r-1\",\"seq\":7,"
                                "\"status\":204,\"sub\":\"tester\\\"\\\\/\\u0001\\n\\u001f\x7f\xc3\xa4\","
                                "\"t\":\"2026-11-22T11:30:00.123Z\",\"v\":1}");
}

static void what_was_written_is_read_back(void **state) {
        struct sovd_audit_entry e = an_entry(), got;
        struct sovd_audit_text room;
        char body[SOVD_AUDIT_BODY_MAX + 1];
        uint64_t number;
        size_t len;

        e.sub = "caf\xc3\xa9\t\b\f\r\x02";
        e.status = 409;
        e.outcome = "denied";
        e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "why", .text = "held" };
        e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "count", .number = 0 };
        assert_int_equal(sovd_audit_entry_write(&e, body, &len), 0);
        assert_null(sovd_audit_entry_read(body, len, &got, &room));
        assert_string_equal(got.sub, e.sub);
        assert_string_equal(sovd_audit_entry_text(&got, "outcome"), "denied");
        assert_null(sovd_audit_entry_text(&got, "entity"));
        assert_null(sovd_audit_entry_text(&got, "seq"));
        assert_true(sovd_audit_entry_number(&got, "status", &number) && number == 409);
        assert_false(sovd_audit_entry_number(&got, "sub", &number));
        assert_string_equal(sovd_audit_entry_detail(&got, "why")->text, "held");
        assert_null(sovd_audit_entry_detail(&got, "count")->text);
        assert_null(sovd_audit_entry_detail(&got, "other"));
}

static void an_entry_that_fills_its_room_is_read_back(void **state) {
        struct sovd_audit_entry e = an_entry(), got;
        char body[SOVD_AUDIT_BODY_MAX + 1], names[SOVD_AUDIT_DETAIL_MAX][33], long_text[257], long_path[1025];
        struct sovd_audit_text room;
        size_t len = 0;

        memset(long_text, 'x', 256);
        long_text[256] = 0;
        memset(long_path, '/', 1024);
        long_path[1024] = 0;
        e.path = long_path;
        e.sub = e.req = e.jti = e.cert = e.auth = long_text;
        for (; e.n_detail < 4; e.n_detail++) {
                (void)snprintf(names[e.n_detail], 33, "%c%031d", (int)('a' + e.n_detail), 0);
                for (char *p = names[e.n_detail]; *p; p++)
                        *p = *p == '0' ? '_' : *p;
                e.detail[e.n_detail] = (struct sovd_audit_detail){ .name = names[e.n_detail], .text = long_text };
        }
        e.method = long_text;
        char rest[257] = "";
        e.entity = rest;
        while (sovd_audit_entry_write(&e, body, &len) == 0 && strlen(rest) < 256) {
                assert_null(sovd_audit_entry_read(body, len, &got, &room));
                assert_string_equal(got.detail[3].text, long_text);
                (void)strcat(rest, "y");
        }
        assert_in_range(len, SOVD_AUDIT_BODY_MAX, SOVD_AUDIT_BODY_MAX);
}

static void values_that_are_none_of_their_kind_are_not_written(void **state) {
        struct sovd_audit_entry e;

        for (unsigned i = 0; i < 14; i++) {
                e = an_entry();
                switch (i) {
                case 0: e.log = NULL; break;
                case 1: e.log = "0B5C6F0E-6F0E-4D5C-9A57-0123456789AB"; break;
                case 2: e.seq = 0; break;
                case 3: e.seq = SOVD_CANON_INT_MAX + 1; break;
                case 4: e.t = "2026-11-22T11:30:00Z"; break;
                case 5: e.t = "2026-11-22T11:30:60.000Z"; break;
                case 6: e.boot = "00112233445566778899aabbccddeefg"; break;
                case 7: e.ev = "System.start"; break;
                case 8: e.ev = ""; break;
                case 9: e.status = 99; break;
                case 10: e.outcome = "fine"; break;
                case 11: e.sub = "\xff"; break;
                case 12: e.n_detail = 1; e.detail[0] = (struct sovd_audit_detail){ .name = "A" }; break;
                case 13:
                        e.n_detail = 2;
                        e.detail[0] = e.detail[1] = (struct sovd_audit_detail){ .name = "a" };
                        break;
                default: break;
                }
                assert_refused(&e, -EINVAL);
        }
}

static void what_is_too_long_is_not_written(void **state) {
        struct sovd_audit_entry e = an_entry();
        char text[1100];

        memset(text, 'a', sizeof(text));
        text[1025] = 0;
        e.path = text;
        assert_refused(&e, -E2BIG);
        text[1024] = 0;
        char body[SOVD_AUDIT_BODY_MAX + 1];
        size_t len;
        assert_int_equal(sovd_audit_entry_write(&e, body, &len), 0);
        memset(text, 1, 1024); /* six bytes each */
        assert_refused(&e, -E2BIG);
        e.path = NULL;
        text[257] = 0;
        e.sub = text;
        assert_refused(&e, -E2BIG);
        e.sub = NULL;
        e.n_detail = SOVD_AUDIT_DETAIL_MAX + 1;
        assert_refused(&e, -E2BIG);
}

static void any_other_text_is_no_entry(void **state) {
        static const char *const bad[] = {
                "", "{}", "[]", LEAST " ", LEAST "\n", " " LEAST, LEAST "}", HEAD TAIL,
                HEAD "\"ev\": \"system.start\"," TAIL,
                HEAD "\"ev\":\"system.start\", " TAIL,
                HEAD "\"ev\":\"system\\u002estart\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ev\":\"system.start\"," TAIL,
                HEAD "\"entity\":\"a\",\"detail\":{\"a\":1},\"ev\":\"system.start\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"extra\":1," TAIL,
                HEAD "\"ev\":null," TAIL,
                HEAD "\"ev\":1," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\xff\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\\n\\u000a\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\\/\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\\u001F\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\\u0000\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\\u00e4\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"\n\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"ip\":\"a," TAIL,
                HEAD "\"detail\":{},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":{}},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"b\":1,\"a\":1},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":1,\"a\":1},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":01},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":-1},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":1.0},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":1e3},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":9007199254740992},\"ev\":\"system.start\"," TAIL,
                HEAD "\"detail\":{\"a\":99999999999999999999999999},\"ev\":\"system.start\"," TAIL,
                HEAD "\"ev\":\"system.start\",\"log\":\"" LOG "\",\"mono\":5,\"seq\":0,\"t\":\"2026-11-22T11:30:00.123Z\",\"v\":1}",
                HEAD "\"ev\":\"system.start\",\"log\":\"" LOG "\",\"mono\":5,\"seq\":7,\"t\":\"2026-11-22T11:30:00.123Z\",\"v\":2}",
                HEAD "\"ev\":\"system.start\",\"log\":\"" LOG "\",\"mono\":5,\"seq\":7,\"t\":\"2026-11-22T11:30:00.123Z\"}",
                HEAD "\"ev\":\"system.start\",\"log\":\"" LOG "\",\"mono\":5,\"seq\":7,\"status\":0,\"t\":\"2026-11-22T11:30:00.123Z\",\"v\":1}",
        };
        struct sovd_audit_entry got;
        struct sovd_audit_text room;

        assert_null(sovd_audit_entry_read(LEAST, strlen(LEAST), &got, &room));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                if (!sovd_audit_entry_read(bad[i], strlen(bad[i]), &got, &room))
                        fail_msg("taken: %s", bad[i]);
        assert_non_null(sovd_audit_entry_read(LEAST, strlen(LEAST) + 1, &got, &room));
}

/* A text that differs in one bit and is still an entry says something else: it never reads the same. */
static void no_bit_of_an_entry_is_without_meaning(void **state) {
        static const char text[] = HEAD "\"detail\":{\"a\":10,\"b\":\"c\\n\\u0001\"},\"ev\":\"system.start\"," TAIL;
        struct sovd_audit_entry got;
        struct sovd_audit_text room;
        char again[SOVD_AUDIT_BODY_MAX + 1], copy[sizeof(text)];
        size_t len;

        for (size_t bit = 0; bit < 8 * (sizeof(text) - 1); bit++) {
                memcpy(copy, text, sizeof(text));
                copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
                if (sovd_audit_entry_read(copy, sizeof(text) - 1, &got, &room))
                        continue;
                assert_int_equal(sovd_audit_entry_write(&got, again, &len), 0);
                assert_string_equal(again, copy);
        }
}

static void what_a_client_sent_always_fits(void **state) {
        char buf[8];

        assert_string_equal(sovd_audit_clip(buf, sizeof(buf), "abc"), "abc");
        assert_string_equal(sovd_audit_clip(buf, sizeof(buf), "abcdefghi"), "abcdefg");
        assert_string_equal(sovd_audit_clip(buf, sizeof(buf), "a\xff" "b"), "a\xef\xbf\xbd" "b");
        assert_string_equal(sovd_audit_clip(buf, sizeof(buf), "abcdef\xc3\xa4"), "abcdef");
        assert_string_equal(sovd_audit_clip(buf, sizeof(buf), "\xc3\xa4\xf0\x9f\x98"), "\xc3\xa4\xef\xbf\xbd");
        assert_string_equal(sovd_audit_clip(buf, 1, "abc"), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_least_entry_has_one_text),
                cmocka_unit_test(members_and_details_stand_in_the_order_of_their_bytes),
                cmocka_unit_test(what_was_written_is_read_back),
                cmocka_unit_test(an_entry_that_fills_its_room_is_read_back),
                cmocka_unit_test(values_that_are_none_of_their_kind_are_not_written),
                cmocka_unit_test(what_is_too_long_is_not_written),
                cmocka_unit_test(any_other_text_is_no_entry),
                cmocka_unit_test(no_bit_of_an_entry_is_without_meaning),
                cmocka_unit_test(what_a_client_sent_always_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
