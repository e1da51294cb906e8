/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on a small log, all of them: each must be seen, and the honest log must not be accused. The test sees the inside
 * of the verifier, so that it can go on from one state with many different next records. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "sovd-core/audit/verify.c"
#include "sovd-core/audit/export.c"
#include "tests/support/audit_log.h"

#define LINES_MAX 1000

struct text {
        char *lines[LINES_MAX];
        size_t n;
};

static void add_line(void *data, const char *line, size_t len) {
        struct text *t = data;

        assert_true(t->n < LINES_MAX);
        assert_int_equal(strlen(line), len);
        t->lines[t->n++] = strdup(line);
}

static void clear_text(struct text *t) {
        for (size_t i = 0; i < t->n; i++)
                free(t->lines[i]);
        t->n = 0;
}

static struct text made(const struct made_log *log) {
        struct text t = { .n = 0 };

        made_log_write(log, add_line, &t);
        return t;
}

static unsigned char device_key[SOVD_AUDIT_KEY];
static struct sovd_audit_trust trust = { .device_key = device_key };

static int find_device_key(void **state) {
        made_device_key(device_key);
        return 0;
}

static struct sovd_audit_report verify_bytes(const char *bytes, size_t n, const struct sovd_audit_trust *by) {
        struct sovd_audit_report report;
        FILE *f = n ? fmemopen((void *)(uintptr_t)bytes, n, "r") : fopen("/dev/null", "re");

        assert_non_null(f);
        assert_int_equal(sovd_audit_verify_export(f, by, &report), 0);
        (void)fclose(f);
        assert_true((report.verdict == SOVD_AUDIT_SOUND) == (report.reason[0] == 0));
        return report;
}

/* order: positions of lines, n of them. */
static struct sovd_audit_report verify_order(const struct text *t, const size_t *order, size_t n, const struct sovd_audit_trust *by) {
        size_t total = 0;

        for (size_t i = 0; i < n; i++)
                total += strlen(t->lines[order[i]]);
        char *bytes = malloc(total + 1), *p = bytes;
        assert_non_null(bytes);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, t->lines[order[i]]);
        struct sovd_audit_report report = verify_bytes(bytes, total, by);
        free(bytes);
        return report;
}

static struct sovd_audit_report verify_text(const struct text *t, const struct sovd_audit_trust *by) {
        size_t order[LINES_MAX] = { 0 };

        for (size_t i = 0; i < t->n; i++)
                order[i] = i;
        return verify_order(t, order, t->n, by);
}

static struct sovd_audit_report verify_made(const struct made_log *log, const struct sovd_audit_trust *by) {
        struct text t = made(log);
        struct sovd_audit_report report = verify_text(&t, by);

        clear_text(&t);
        return report;
}

static void assert_sound(const struct sovd_audit_report *report) {
        if (report->verdict != SOVD_AUDIT_SOUND)
                fail_msg("%s", report->reason);
}

static bool is_line_of(const char *line, const char *type) {
        char end[40];

        (void)snprintf(end, sizeof(end), "\"type\":\"%s\"}\n", type);
        return strlen(line) > strlen(end) && strcmp(line + strlen(line) - strlen(end), end) == 0;
}

/* --- the honest log ------------------------------------------------------------------------------------- */

static void a_log_that_nobody_touched_is_sound(void **state) {
        static const struct made_log logs[] = {
                MADE_SMALL,
                { .n = 1, .first = 1, .per_epoch = 70, .per_note = 10 },
                { .n = 70, .first = 1, .per_epoch = 70, .per_note = 7 },
                { .n = 71, .first = 1, .per_epoch = 70, .per_note = 1000 },
                { .n = 200, .first = 51, .prune_seq = 199, .per_epoch = 70, .per_note = 10 },
                { .n = 200, .first = 71, .prune_seq = 199, .per_epoch = 70, .per_note = 10 },
                { .n = 200, .first = 72, .prune_seq = 199, .per_epoch = 70, .per_note = 1000 },
                { .n = 200, .first = 1, .per_epoch = 70, .per_note = 10, .to = 140 },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(logs); i++) {
                struct sovd_audit_report report = verify_made(&logs[i], &trust);
                assert_sound(&report);
                assert_true(report.trusted);
                assert_int_equal(report.signed_size, report.last);
                assert_int_equal(report.pruned_to, logs[i].first - 1);
        }
}

static void what_was_read_is_reported(void **state) {
        struct made_log log = MADE_SMALL;
        struct sovd_audit_report report = verify_made(&log, &(struct sovd_audit_trust){ 0 });

        assert_sound(&report);
        assert_false(report.trusted);
        assert_string_equal(report.log, MADE_LOG_NAME);
        assert_int_equal(report.n_entries, 200);
        assert_int_equal(report.n_keys, 3);
        assert_int_equal(report.n_checkpoints, 22);
        assert_int_equal(report.n_open, 0);
        assert_string_equal(report.first_time + 10, "T11:30:00.010Z");
}

/* --- bits ----------------------------------------------------------------------------------------------- */

/* The state of a verification, to go on from more than once. */
static void copy_state(struct import *in, const struct import *from, struct sovd_audit_report *report) {
        struct sovd_audit_verifier *v = in->v;

        memcpy(in, from, offsetof(struct import, line));
        sovd_audit_public_free(v->key);
        free(v->epochs);
        memcpy(v, from->v, offsetof(struct sovd_audit_verifier, open));
        memcpy(v->open, from->v->open, v->n_open * sizeof(*v->open));
        *report = *from->report;
        in->v = v;
        in->report = v->report = report;
        v->epochs = malloc((v->n_epochs + 1) * sizeof(*v->epochs));
        assert_non_null(v->epochs);
        if (v->n_epochs)
                memcpy(v->epochs, from->v->epochs, v->n_epochs * sizeof(*v->epochs));
        v->epochs_size = v->n_epochs + 1;
        v->key = NULL;
        if (from->v->key)
                assert_int_equal(sovd_audit_public_new(&v->key, v->n_epochs ? v->epochs[v->key_epoch].public_key
                                                                            : v->header.device_key), 0);
}

/* Was the rest of the log read, beginning with these bytes, and nothing found? */
static bool goes_through(struct import *in, const char *bytes, size_t n) {
        FILE *f = fmemopen((void *)(uintptr_t)bytes, n, "r");

        assert_non_null(f);
        bool ok = import_all(in, f) && in->has_header && in->has_end && sovd_audit_verifier_end(in->v);
        (void)fclose(f);
        assert_int_equal(ok, in->report->verdict == SOVD_AUDIT_SOUND);
        return ok;
}

static struct import *new_import(struct sovd_audit_report *report) {
        struct import *in = calloc(1, sizeof(*in));

        assert_non_null(in);
        assert_int_equal(sovd_audit_verifier_new(&in->v, &trust, report), 0);
        in->report = report;
        return in;
}

static void free_import(struct import *in) {
        sovd_audit_verifier_free(in->v);
        free(in);
}

static void set_line(struct import *in, const char *line, size_t n) {
        memcpy(in->line, line, n);
        in->line[n] = '\0';
}

/* rest: the log from this line of n bytes on. Most flips are seen in their own line; others by what follows. */
static bool flip_is_missed(struct import *copy, char *rest, size_t total, size_t n, size_t bit) {
        char c = rest[bit / 8];
        bool missed;

        rest[bit / 8] = (char)(c ^ 1 << bit % 8);
        if (bit / 8 == n - 1 || rest[bit / 8] == '\n' || !rest[bit / 8])
                missed = goes_through(copy, rest, total);
        else {
                set_line(copy, rest, n - 1);
                missed = import_record(copy, 1) && goes_through(copy, rest + n, total - n);
        }
        rest[bit / 8] = c;
        return missed;
}

static void every_bit_of_the_export_counts(void **state) {
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);
        struct sovd_audit_report report, copied;
        struct import *in = new_import(&report), *copy = new_import(&copied);
        size_t total = 0, n_bits = 0;

        for (size_t i = 0; i < t.n; i++)
                total += strlen(t.lines[i]);
        char *all = malloc(total + 1), *rest = all;
        assert_non_null(all);
        for (size_t i = 0; i < t.n; i++)
                rest = stpcpy(rest, t.lines[i]);
        rest = all;
        for (size_t i = 0; i < t.n; i++) {
                size_t n = strlen(t.lines[i]);
                for (size_t bit = 0; bit < 8 * n; bit++, n_bits++) {
                        copy_state(copy, in, &copied);
                        if (flip_is_missed(copy, rest, total, n, bit))
                                fail_msg("bit %zu of line %zu may be flipped: %s", bit, i, t.lines[i]);
                }
                set_line(in, rest, n - 1);
                assert_true(import_record(in, i + 1));
                rest += n;
                total -= n;
        }
        assert_int_equal(total, 0);
        assert_true(n_bits > 900000);
        free(all);
        free_import(copy);
        free_import(in);
        clear_text(&t);
}

/* --- rows ----------------------------------------------------------------------------------------------- */

/* A checkpoint inside an epoch may be left out: it proves nothing that the next one does not prove too. The line at the
 * end counts them, so that it does not get lost unseen. */
static void every_row_is_missed(void **state) {
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);
        size_t order[LINES_MAX] = { 0 };

        for (size_t gone = 0; gone < t.n; gone++) {
                size_t n = 0;
                for (size_t i = 0; i < t.n; i++)
                        if (i != gone)
                                order[n++] = i;
                struct sovd_audit_report report = verify_order(&t, order, n, &trust);
                assert_int_not_equal(report.verdict, SOVD_AUDIT_SOUND);
                if (is_line_of(t.lines[gone], "entry")) {
                        uint64_t seq = strtoull(strstr(t.lines[gone], ",\"seq\":") + 7, NULL, 10);
                        assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
                        assert_int_equal(report.bad_seq, seq);
                }
        }
        clear_text(&t);
}

static void a_row_stands_once_and_in_its_place(void **state) {
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);
        size_t order[LINES_MAX] = { 0 };

        for (size_t from = 0; from < t.n; from++)
                for (size_t to = from % 31; to <= t.n; to += to + 3 >= from && to < from + 3 ? 1 : 31) { /* before line `to` */
                        for (size_t i = 0; i <= t.n; i++)
                                order[i] = i < to ? i : i == to ? from : i - 1;
                        struct sovd_audit_report report = verify_order(&t, order, t.n + 1, &trust);
                        assert_int_not_equal(report.verdict, SOVD_AUDIT_SOUND);
                }
        clear_text(&t);
}

static void any_two_rows_swapped_are_seen(void **state) {
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);
        size_t order[LINES_MAX] = { 0 };

        for (size_t a = 0; a < t.n; a++)
                for (size_t b = a + 1; b < t.n; b += b < a + 3 ? 1 : 37) {
                        for (size_t i = 0; i < t.n; i++)
                                order[i] = i == a ? b : i == b ? a : i;
                        struct sovd_audit_report report = verify_order(&t, order, t.n, &trust);
                        assert_int_not_equal(report.verdict, SOVD_AUDIT_SOUND);
                }
        clear_text(&t);
}

static void every_cut_is_seen_even_without_a_witness(void **state) {
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);
        size_t order[LINES_MAX] = { 0 };

        for (size_t n = 0; n < t.n; n++) {
                for (size_t i = 0; i < n; i++)
                        order[i] = i;
                struct sovd_audit_report report = verify_order(&t, order, n, &trust);
                assert_int_equal(report.verdict, n ? SOVD_AUDIT_TRUNCATED : SOVD_AUDIT_UNREADABLE);
        }
        clear_text(&t);
}

/* --- older copies --------------------------------------------------------------------------------------- */

static struct sovd_audit_head head_of(const struct made_log *log, uint64_t size, bool whole) {
        struct sovd_audit_head head = { .name = "the witness", .size = size };
        struct sovd_audit_checkpoint c;

        made_head(log, size, head.note);
        assert_int_equal(sovd_audit_note_read(head.note, &c, NULL), 0);
        head.root = c.root;
        if (!whole)
                *head.note = '\0';
        return head;
}

/* Somebody puts back the log as it was after each entry, as the gateway itself would have exported it then. */
static void every_older_copy_is_seen_by_a_witness(void **state) {
        struct made_log log = MADE_SMALL, old;

        for (uint64_t n = 1; n <= 200; n++)
                for (int whole = 0; whole < 2; whole++) {
                        struct sovd_audit_head head = head_of(&log, 200, whole);
                        struct sovd_audit_trust by = { .device_key = device_key, .heads = &head, .n_heads = 1 };
                        old = log;
                        old.to = n;
                        struct sovd_audit_report report = verify_made(&old, &by);
                        if (n == 200) {
                                assert_sound(&report);
                                assert_int_equal(report.n_heads_met, 1);
                                continue;
                        }
                        assert_int_equal(report.verdict, SOVD_AUDIT_TRUNCATED);
                        assert_int_equal(report.bad_seq, n + 1);
                }
}

static void a_tail_without_checkpoint_is_not_called_proven(void **state) {
        struct made_log log = MADE_SMALL;

        log.unsigned_tail = true;
        for (uint64_t n = 1; n <= 200; n++) {
                log.to = n;
                struct sovd_audit_report report = verify_made(&log, &trust);
                if (n % 10 == 0 && n != 70 && n != 140)
                        assert_int_equal(report.verdict, SOVD_AUDIT_UNSIGNED); /* its last checkpoint was left out */
                else if (n == 70 || n == 140)
                        assert_sound(&report); /* where an epoch ends there is one */
                else {
                        assert_int_equal(report.verdict, SOVD_AUDIT_UNSIGNED);
                        assert_int_equal(report.bad_seq, n / 10 * 10 + 1);
                        assert_int_equal(report.bad_to, n);
                }
        }
}

static void every_head_of_a_witness_is_met(void **state) {
        struct made_log log = MADE_SMALL;
        struct sovd_audit_head heads[201];
        struct sovd_audit_trust by = { .device_key = device_key, .heads = heads, .n_heads = 201 };

        for (uint64_t i = 0; i <= 200; i++)
                heads[i] = head_of(&log, 200 - i, i % 2);
        struct sovd_audit_report report = verify_made(&log, &by);
        assert_sound(&report);
        assert_int_equal(report.n_heads_met, 201);
        log.first = 101;
        log.prune_seq = 150;
        for (uint64_t i = 0; i <= 200; i++)
                heads[i] = head_of(&log, i, false);
        report = verify_made(&log, &by);
        assert_sound(&report);
        assert_int_equal(report.n_heads_older, 100);
        assert_int_equal(report.n_heads_met, 101);
}

static void a_head_of_another_history_is_seen(void **state) {
        struct made_log log = MADE_SMALL, other = { .n = 200, .first = 1, .per_epoch = 70, .per_note = 10, .forged = 60 };

        for (uint64_t size = 50; size <= 200; size += 7) {
                struct sovd_audit_head head = head_of(&log, size, true);
                struct sovd_audit_trust by = { .device_key = device_key, .heads = &head, .n_heads = 1 };
                struct sovd_audit_report report = verify_made(&other, &by);
                if (size < 60) {
                        assert_sound(&report);
                        continue;
                }
                assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
                assert_in_range(60, report.bad_seq, report.bad_to);
        }
}

static void a_head_that_the_log_did_not_sign_is_refused(void **state) {
        struct made_log log = MADE_SMALL;
        struct sovd_audit_head head = head_of(&log, 100, true);
        struct sovd_audit_trust by = { .device_key = device_key, .heads = &head, .n_heads = 1 };

        head.note[strlen(head.note) - 10] ^= 1;
        head.root.bytes[0] ^= 1;
        struct sovd_audit_report report = verify_made(&log, &by);
        assert_int_equal(report.verdict, SOVD_AUDIT_UNREADABLE);
        head = head_of(&log, 100, true);
        head.note[strlen("sovd-audit/")] ^= 1; /* of another log */
        report = verify_made(&log, &by);
        assert_int_equal(report.verdict, SOVD_AUDIT_UNREADABLE);
}

/* --- somebody with a key -------------------------------------------------------------------------------- */

static void whoever_changes_an_entry_cannot_sign_it(void **state) {
        for (enum made_attack attack = MADE_WITHOUT_KEY; attack <= MADE_KEYS_ANEW; attack++)
                for (uint64_t seq = 1; seq <= 140; seq += 3) {
                        struct made_log log = MADE_SMALL;
                        log.forged = seq;
                        log.attack = attack;
                        struct sovd_audit_report report = verify_made(&log, &trust);
                        if (report.verdict != SOVD_AUDIT_TAMPERED)
                                fail_msg("attack %d on entry %d: %s", (int)attack, (int)seq, report.reason);
                        if (attack <= MADE_WITH_OWN_KEY)
                                assert_true(report.bad_seq <= seq);
                        if (attack == MADE_WITHOUT_KEY)
                                assert_in_range(seq, report.bad_seq, report.bad_to);
                }
}

/* Without a change too: who signs for an epoch that is not his is seen before anything is believed. */
static void the_newest_key_signs_for_its_own_epoch_only(void **state) {
        for (enum made_attack attack = MADE_NEWEST_KEY_LABELLED; attack <= MADE_KEYS_ANEW; attack++) {
                struct made_log log = MADE_SMALL;
                log.attack = attack;
                struct sovd_audit_report report = verify_made(&log, &trust);
                assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
        }
}

/* A signature that is right elsewhere in this log is wrong here. */
static void no_signature_serves_twice(void **state) {
        static const struct {
                const char *type, *before;
                size_t n; /* of base64 */
        } kinds[] = { { "checkpoint", "\xe2\x80\x94 sovd-audit/", 92 }, { "key", "\"signature\":\"", 88 } };
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);

        for (size_t k = 0; k < SOVD_N_ELEMENTS(kinds); k++)
                for (size_t a = 0; a < t.n; a++)
                        for (size_t b = 0; b < t.n; b++) {
                                char kept[100];
                                if (a == b || !is_line_of(t.lines[a], kinds[k].type) || !is_line_of(t.lines[b], kinds[k].type))
                                        continue;
                                char *to = strstr(t.lines[a], kinds[k].before), *from = strstr(t.lines[b], kinds[k].before);
                                assert_true(to && from);
                                to = k ? to + strlen(kinds[k].before) : strrchr(t.lines[a], ' ') + 1;
                                from = k ? from + strlen(kinds[k].before) : strrchr(t.lines[b], ' ') + 1;
                                memcpy(kept, to, kinds[k].n);
                                memcpy(to, from, kinds[k].n);
                                struct sovd_audit_report report = verify_text(&t, &trust);
                                assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
                                memcpy(to, kept, kinds[k].n);
                        }
        struct sovd_audit_report report = verify_text(&t, &trust);
        assert_sound(&report);
        clear_text(&t);
}

/* What the newest key can do: sign its own epoch anew. Only a witness sees that. */
static void a_witness_sees_what_the_newest_key_signed_anew(void **state) {
        struct made_log log = { .n = 200, .first = 1, .per_epoch = 70, .per_note = 10, .forged = 150 };
        struct made_log honest = MADE_SMALL;
        struct sovd_audit_head head = head_of(&honest, 160, true);
        struct sovd_audit_trust by = { .device_key = device_key, .heads = &head, .n_heads = 1 };

        struct sovd_audit_report report = verify_made(&log, &trust);
        assert_sound(&report);
        report = verify_made(&log, &by);
        assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
        assert_in_range(150, report.bad_seq, report.bad_to);
}

static void another_device_key_is_not_trusted(void **state) {
        static const unsigned char other[SOVD_AUDIT_KEY] = { 1 };
        struct sovd_audit_hash fingerprint = { { 2 } };
        struct made_log log = MADE_SMALL;
        struct sovd_audit_trust by = { .device_key = other };

        struct sovd_audit_report report = verify_made(&log, &by);
        assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
        assert_false(report.trusted);
        by = (struct sovd_audit_trust){ .fingerprint = &fingerprint };
        report = verify_made(&log, &by);
        assert_int_equal(report.verdict, SOVD_AUDIT_TAMPERED);
        assert_int_equal(sovd_audit_sha256(device_key, SOVD_AUDIT_KEY, &fingerprint), 0);
        report = verify_made(&log, &by);
        assert_sound(&report);
        assert_true(report.trusted);
}

/* --- pruning -------------------------------------------------------------------------------------------- */

static void what_is_missing_at_the_beginning_must_be_said(void **state) {
        struct made_log log = { .n = 200, .first = 51, .per_epoch = 70, .per_note = 10 };
        struct sovd_audit_trust partial = { .device_key = device_key, .partial = true };

        struct sovd_audit_report report = verify_made(&log, &trust);
        assert_int_equal(report.verdict, SOVD_AUDIT_TRUNCATED);
        assert_int_equal(report.bad_seq, 1);
        report = verify_made(&log, &partial);
        assert_sound(&report);
        assert_int_equal(report.pruned_to, 0);
        log.prune_seq = 60;
        report = verify_made(&log, &trust);
        assert_sound(&report);
        assert_int_equal(report.pruned_to, 50);
        assert_int_equal(report.prune_seq, 60);
        assert_int_equal(report.n_open, 1); /* the outcome that would have stood there */
        assert_int_equal(report.open[0], 59);
}

static void every_bit_of_what_a_pruned_log_begins_with_counts(void **state) {
        struct made_log log = { .n = 60, .first = 32, .prune_seq = 40, .per_epoch = 20, .per_note = 10 };
        struct text t = made(&log);
        size_t n = strlen(t.lines[0]);

        for (size_t bit = 0; bit < 8 * n; bit++) {
                t.lines[0][bit / 8] = (char)(t.lines[0][bit / 8] ^ 1 << bit % 8);
                if (t.lines[0][bit / 8]) {
                        struct sovd_audit_report report = verify_text(&t, &trust);
                        assert_int_not_equal(report.verdict, SOVD_AUDIT_SOUND);
                }
                t.lines[0][bit / 8] = (char)(t.lines[0][bit / 8] ^ 1 << bit % 8);
        }
        clear_text(&t);
}

/* --- files that are no logs ----------------------------------------------------------------------------- */

static void what_is_no_export_is_unreadable(void **state) {
        static const char *const texts[] = { "", "\n", "{}\n", "x", "SQLite format 3", "{\"device_key\":", "{\"body\":\"\"}\n",
                                             "{\"device_key\":\"AAAA\"}\n" };
        char *huge = malloc(3 * SOVD_AUDIT_LINE_MAX);

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                assert_int_equal(verify_bytes(texts[i], strlen(texts[i]), &trust).verdict, SOVD_AUDIT_UNREADABLE);
        assert_non_null(huge);
        memset(huge, '{', 3 * SOVD_AUDIT_LINE_MAX);
        assert_int_equal(verify_bytes(huge, 3 * SOVD_AUDIT_LINE_MAX, &trust).verdict, SOVD_AUDIT_UNREADABLE);
        free(huge);
}

/* Replaces one text in the header by another of any length. */
static struct sovd_audit_report verify_header_with(const char *from, const char *to) {
        struct made_log log = MADE_SMALL;
        struct text t = made(&log);
        char line[2000];

        const char *at = strstr(t.lines[0], from);
        assert_non_null(at);
        (void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - t.lines[0]), t.lines[0], to, at + strlen(from));
        free(t.lines[0]);
        t.lines[0] = strdup(line);
        struct sovd_audit_report report = verify_text(&t, &trust);
        clear_text(&t);
        return report;
}

static void numbers_that_make_no_sense_are_refused(void **state) {
        static const char *const values[] = { "0", "2", "201", "9007199254740991", "9007199254740992", "18446744073709551616", "-1", "1.0",
                                              "01", "1e0", "\"1\"", "" };
        char text[80];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(values); i++) {
                (void)snprintf(text, sizeof(text), "\"from\":%s,", values[i]);
                assert_int_not_equal(verify_header_with("\"from\":1,", text).verdict, SOVD_AUDIT_SOUND);
                (void)snprintf(text, sizeof(text), "\"to\":%s,", values[i]);
                assert_int_not_equal(verify_header_with("\"to\":200,", text).verdict, SOVD_AUDIT_SOUND);
        }
        assert_int_not_equal(verify_header_with("\"prior\":[]", "\"prior\":[\"\"]").verdict, SOVD_AUDIT_SOUND);
        assert_int_not_equal(verify_header_with(",\"to\":", ", \"to\":").verdict, SOVD_AUDIT_SOUND);
        assert_int_not_equal(verify_header_with("}\n", "}\r\n").verdict, SOVD_AUDIT_SOUND);
        assert_int_not_equal(verify_header_with("}\n", "}\n\n").verdict, SOVD_AUDIT_SOUND);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_log_that_nobody_touched_is_sound),
                cmocka_unit_test(what_was_read_is_reported),
                cmocka_unit_test(every_bit_of_the_export_counts),
                cmocka_unit_test(every_row_is_missed),
                cmocka_unit_test(a_row_stands_once_and_in_its_place),
                cmocka_unit_test(any_two_rows_swapped_are_seen),
                cmocka_unit_test(every_cut_is_seen_even_without_a_witness),
                cmocka_unit_test(every_older_copy_is_seen_by_a_witness),
                cmocka_unit_test(a_tail_without_checkpoint_is_not_called_proven),
                cmocka_unit_test(every_head_of_a_witness_is_met),
                cmocka_unit_test(a_head_of_another_history_is_seen),
                cmocka_unit_test(a_head_that_the_log_did_not_sign_is_refused),
                cmocka_unit_test(whoever_changes_an_entry_cannot_sign_it),
                cmocka_unit_test(the_newest_key_signs_for_its_own_epoch_only),
                cmocka_unit_test(no_signature_serves_twice),
                cmocka_unit_test(a_witness_sees_what_the_newest_key_signed_anew),
                cmocka_unit_test(another_device_key_is_not_trusted),
                cmocka_unit_test(what_is_missing_at_the_beginning_must_be_said),
                cmocka_unit_test(every_bit_of_what_a_pruned_log_begins_with_counts),
                cmocka_unit_test(what_is_no_export_is_unreadable),
                cmocka_unit_test(numbers_that_make_no_sense_are_refused),
        };

        return cmocka_run_group_tests(tests, find_device_key, NULL);
}
