/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <cmocka.h>
#include "sovd-core/audit/note.h"

#define LOG "0b5c6f0e-6f0e-4d5c-9a57-0123456789ab"

static struct sovd_audit_signer *signer_of(unsigned char c) {
        unsigned char seed[SOVD_AUDIT_KEY];
        struct sovd_audit_signer *signer = NULL;

        memset(seed, c, sizeof(seed));
        assert_int_equal(sovd_audit_signer_new(&signer, seed), 0);
        return signer;
}

static struct sovd_audit_public *public_of(const struct sovd_audit_signer *signer) {
        struct sovd_audit_public *public = NULL;

        assert_int_equal(sovd_audit_public_new(&public, sovd_audit_signer_public(signer)), 0);
        return public;
}

static struct sovd_audit_checkpoint a_checkpoint(void) {
        struct sovd_audit_checkpoint c = { .log = LOG, .size = 42, .boot = "00112233445566778899aabbccddeeff",
                                           .time = "2026-11-22T11:30:00.123Z", .epoch = 3 };

        memset(c.root.bytes, 0xaa, sizeof(c.root.bytes));
        memset(c.chain.bytes, 0xbb, sizeof(c.chain.bytes));
        return c;
}

/* RFC 8032, 7.1, test 1. */
static void signatures_are_those_of_rfc_8032(void **state) {
        static const unsigned char seed[] = "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
                                            "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
        static const unsigned char expected[] = "\xe5\x56\x43\x00\xc3\x60\xac\x72\x90\x86\xe2\xcc\x80\x6e\x82\x8a"
                                                "\x84\x87\x7f\x1e\xb8\xe5\xd9\x74\xd8\x73\xe0\x65\x22\x49\x01\x55"
                                                "\x5f\xb8\x82\x15\x90\xa3\x3b\xac\xc6\x1e\x39\x70\x1c\xf9\xb4\x6b"
                                                "\xd2\x5b\xf5\xf0\x59\x5b\xbe\x24\x65\x51\x41\x43\x8e\x7a\x10\x0b";
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer = NULL;
        unsigned char signature[SOVD_AUDIT_SIGNATURE];

        assert_int_equal(sovd_audit_signer_new(&signer, seed), 0);
        assert_memory_equal(sovd_audit_signer_public(signer), "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7", 8);
        assert_int_equal(sovd_audit_sign(signer, "", 0, signature), 0);
        assert_memory_equal(signature, expected, sizeof(signature));
}

static void a_checkpoint_is_a_note_that_others_can_read(void **state) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer = signer_of('s');
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *public = public_of(signer);
        struct sovd_audit_checkpoint c = a_checkpoint(), got;
        unsigned char signature[SOVD_AUDIT_SIGNATURE], same[SOVD_AUDIT_SIGNATURE];
        char note[SOVD_AUDIT_NOTE_SIZE];

        assert_int_equal(sovd_audit_note_sign(&c, signer, note, signature), 0);
        assert_non_null(strstr(note, "sovd-audit/" LOG "\n42\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\nchain bbbb"));
        assert_non_null(strstr(note, "\nboot 00112233445566778899aabbccddeeff\ntime 2026-11-22T11:30:00.123Z\nepoch 3\n\n"
                                     "\xe2\x80\x94 sovd-audit/" LOG " "));
        assert_int_equal(sovd_audit_note_read(note, &got, same), 0);
        assert_string_equal(got.log, c.log);
        assert_true(got.size == 42 && got.epoch == 3);
        assert_true(sovd_audit_same(&got.root, &c.root) && sovd_audit_same(&got.chain, &c.chain));
        assert_string_equal(got.boot, c.boot);
        assert_string_equal(got.time, c.time);
        assert_memory_equal(same, signature, sizeof(same));
        assert_int_equal(sovd_audit_note_check(note, public), 0);
}

static void every_bit_of_a_note_counts(void **state) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer = signer_of('s');
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *public = public_of(signer);
        struct sovd_audit_checkpoint c = a_checkpoint();
        char note[SOVD_AUDIT_NOTE_SIZE];

        assert_int_equal(sovd_audit_note_sign(&c, signer, note, NULL), 0);
        size_t n = strlen(note);
        for (size_t bit = 0; bit < 8 * n; bit++) {
                note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
                assert_int_equal(sovd_audit_note_check(note, public), -EBADMSG);
                note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
        }
        for (size_t cut = 0; cut < n; cut++) {
                char c0 = note[cut];
                note[cut] = '\0';
                assert_int_equal(sovd_audit_note_check(note, public), -EBADMSG);
                note[cut] = c0;
        }
        note[n] = '\n';
        note[n + 1] = '\0';
        assert_int_equal(sovd_audit_note_check(note, public), -EBADMSG);
}

static void a_note_of_another_key_is_refused(void **state) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer = signer_of('s'), *other = signer_of('t');
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *public = public_of(other);
        struct sovd_audit_checkpoint c = a_checkpoint();
        char note[SOVD_AUDIT_NOTE_SIZE];

        assert_int_equal(sovd_audit_note_sign(&c, signer, note, NULL), 0);
        assert_int_equal(sovd_audit_note_check(note, public), -EBADMSG);
}

static void what_cannot_be_read_back_is_not_signed(void **state) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer = signer_of('s');
        char note[SOVD_AUDIT_NOTE_SIZE];

        for (unsigned i = 0; i < 5; i++) {
                struct sovd_audit_checkpoint c = a_checkpoint();
                switch (i) {
                case 0: c.log[0] = '\n'; break;
                case 1: c.size = SOVD_CANON_INT_MAX + 1; break;
                case 2: c.boot[3] = 0; break;
                case 3: c.time[0] = 0; break;
                default: c.epoch = UINT64_MAX; break;
                }
                assert_int_equal(sovd_audit_note_sign(&c, signer, note, NULL), -EINVAL);
        }
}

static void a_key_is_signed_by_the_one_before_it(void **state) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *device = signer_of('d'), *first = signer_of('a');
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *trusted = public_of(device), *wrong = public_of(first);
        struct sovd_audit_key key = { .epoch = 0, .from_size = 0 }, bad;

        memcpy(key.public_key, sovd_audit_signer_public(first), SOVD_AUDIT_KEY);
        assert_int_equal(sovd_audit_key_sign(&key, LOG, device), 0);
        assert_int_equal(sovd_audit_key_check(&key, LOG, trusted), 0);
        assert_int_equal(sovd_audit_key_check(&key, LOG, wrong), -EBADMSG);
        assert_int_equal(sovd_audit_key_check(&key, "1b5c6f0e-6f0e-4d5c-9a57-0123456789ab", trusted), -EBADMSG);
        bad = key;
        bad.epoch = 1;
        assert_int_equal(sovd_audit_key_check(&bad, LOG, trusted), -EBADMSG);
        bad = key;
        bad.from_size = 1;
        assert_int_equal(sovd_audit_key_check(&bad, LOG, trusted), -EBADMSG);
        bad = key;
        bad.public_key[31] ^= 1;
        assert_int_equal(sovd_audit_key_check(&bad, LOG, trusted), -EBADMSG);
}

static void a_key_covers_its_epoch_and_no_more(void **state) {
        const struct sovd_audit_key key = { .epoch = 1, .from_size = 10 }, next = { .epoch = 2, .from_size = 20 };

        assert_false(sovd_audit_key_covers(&key, &next, 9));
        assert_true(sovd_audit_key_covers(&key, &next, 10));
        assert_true(sovd_audit_key_covers(&key, &next, 20));
        assert_false(sovd_audit_key_covers(&key, &next, 21));
        assert_true(sovd_audit_key_covers(&key, NULL, 21));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signatures_are_those_of_rfc_8032),
                cmocka_unit_test(a_checkpoint_is_a_note_that_others_can_read),
                cmocka_unit_test(every_bit_of_a_note_counts),
                cmocka_unit_test(a_note_of_another_key_is_refused),
                cmocka_unit_test(what_cannot_be_read_back_is_not_signed),
                cmocka_unit_test(a_key_is_signed_by_the_one_before_it),
                cmocka_unit_test(a_key_covers_its_epoch_and_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
