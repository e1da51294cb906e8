/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first byte says what the rest is: an export of an audit log; one entry; a checkpoint; a file of keys or of heads
 *
 * What is read, written again, is the same bytes: there is one text for each record. An export that is called proven with
 * the device key of the corpus is one of its logs: nobody else can sign.
 */
#include "sovd-core/audit/export.h"
#include "sovd-core/audit/trust.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void fuzz_export(const char *text, size_t len) {
        static const unsigned char nobody[SOVD_AUDIT_KEY] = { 9 };
        const struct sovd_audit_trust trusts[] = { { 0 }, { .partial = true }, { .device_key = nobody } };
        struct sovd_audit_report report;

        for (size_t i = 0; len && i < SOVD_N_ELEMENTS(trusts); i++) {
                FILE *f = fmemopen((void *)(uintptr_t)text, len, "r");
                must(f && sovd_audit_verify_export(f, &trusts[i], &report) == 0);
                (void)fclose(f);
                must((report.verdict == SOVD_AUDIT_SOUND) == !*report.reason);
                must(!trusts[i].device_key || report.verdict != SOVD_AUDIT_SOUND);
        }
}

static void fuzz_entry(const char *text, size_t len) {
        char again[SOVD_AUDIT_BODY_MAX + 1];
        struct sovd_audit_entry entry;
        struct sovd_audit_text room;
        size_t n;

        if (sovd_audit_entry_read(text, len, &entry, &room))
                return;
        must(sovd_audit_entry_write(&entry, again, &n) == 0);
        must(n == len && memcmp(again, text, len) == 0);
}

static void fuzz_note(const char *text, size_t len) {
        static const unsigned char nobody[SOVD_AUDIT_KEY] = { 9 };
        struct sovd_audit_public *key = NULL;
        struct sovd_audit_checkpoint c;

        if (sovd_audit_note_read(text, &c, NULL))
                return;
        must(strlen(text) == len && len < SOVD_AUDIT_NOTE_SIZE && sovd_audit_is_log(c.log));
        must(sovd_audit_public_new(&key, nobody) == 0);
        must(sovd_audit_note_check(text, key) != 0);
        sovd_audit_public_free(key);
}

static void fuzz_trust(const char *text, size_t len) {
        struct sovd_audit_heads heads = { 0 };
        struct sovd_audit_hash hash;
        unsigned char key[SOVD_AUDIT_KEY];
        char clipped[40];

        must((sovd_audit_take_heads(&heads, "fuzz", text) == NULL) <= (heads.n > 0));
        sovd_audit_heads_done(&heads);
        (void)sovd_audit_take_key(text, key);
        (void)sovd_audit_take_fingerprint(text, &hash);
        must(strlen(sovd_audit_clip(clipped, sizeof(clipped), text)) < sizeof(clipped));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static void (*const parts[])(const char *text, size_t len) = { fuzz_export, fuzz_entry, fuzz_note, fuzz_trust };

        if (!size)
                return 0;
        char *text = malloc(size); /* with a NUL behind what follows the first byte */
        must(text != NULL);
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        if (data[0] == 'e' || !memchr(text, 0, size - 1))
                parts[data[0] == 'e' ? 0 : data[0] == 'b' ? 1 : data[0] == 'n' ? 2 : 3](text, size - 1);
        free(text);
        return 0;
}
