/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/export.h"
#include "sovd-core/base/error.h"
#include <errno.h>

#define FORMAT "sovd-audit-export-1"

/* --- writing -------------------------------------------------------------------------------------------- */

static void put_bytes(struct sovd_canon_writer *w, const char *name, const void *bytes, size_t n) {
        char text[SOVD_AUDIT_BASE64(96)];

        sovd_audit_to_base64(text, bytes, n);
        sovd_canon_member(w, name, text);
}

static int finish(struct sovd_canon_writer *w, const char *type, size_t *ret_len) {
        sovd_canon_member(w, "type", type);
        sovd_canon_close(w, '}');
        int r = sovd_canon_end(w, ret_len);
        if (r)
                return r;
        if (*ret_len + 1 >= w->size || *ret_len + 1 > SOVD_AUDIT_LINE_MAX)
                return -E2BIG;
        memcpy(w->data + *ret_len, "\n", 2);
        ++*ret_len;
        return 0;
}

static void start(struct sovd_canon_writer *w, char *buf, size_t size) {
        sovd_canon_begin(w, buf, size);
        sovd_canon_open(w, '{');
}

int sovd_audit_line_header(const struct sovd_audit_header *header, char *ret, size_t size, size_t *ret_len) {
        char hex[SOVD_AUDIT_HEX], peak[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];
        struct sovd_canon_writer w;

        start(&w, ret, size);
        put_bytes(&w, "device_key", header->device_key, SOVD_AUDIT_KEY);
        sovd_canon_member(&w, "first_chain", sovd_audit_to_hex(hex, &header->first_chain));
        sovd_canon_member(&w, "format", FORMAT);
        sovd_canon_number(&w, "from", header->from);
        sovd_canon_member(&w, "log", header->log);
        sovd_canon_name(&w, "prior");
        sovd_canon_open(&w, '[');
        for (unsigned i = 0; i < header->prior.n; i++) {
                sovd_audit_to_base64(peak, header->prior.peaks[i].bytes, SOVD_AUDIT_HASH);
                sovd_canon_string(&w, peak, strlen(peak));
        }
        sovd_canon_close(&w, ']');
        sovd_canon_number(&w, "to", header->to);
        return finish(&w, "header", ret_len);
}

int sovd_audit_line_key(const struct sovd_audit_key *key, char *ret, size_t size, size_t *ret_len) {
        struct sovd_canon_writer w;

        start(&w, ret, size);
        sovd_canon_number(&w, "epoch", key->epoch);
        sovd_canon_number(&w, "from_size", key->from_size);
        put_bytes(&w, "public", key->public_key, SOVD_AUDIT_KEY);
        put_bytes(&w, "signature", key->signature, SOVD_AUDIT_SIGNATURE);
        return finish(&w, "key", ret_len);
}

int sovd_audit_line_entry(uint64_t seq, const char *body, size_t len, const struct sovd_audit_hash *chain,
                          char *ret, size_t size, size_t *ret_len) {
        struct sovd_canon_writer w;
        char hex[SOVD_AUDIT_HEX];

        start(&w, ret, size);
        sovd_canon_name(&w, "body");
        sovd_canon_string(&w, body, len);
        sovd_canon_member(&w, "chain", sovd_audit_to_hex(hex, chain));
        sovd_canon_number(&w, "seq", seq);
        return finish(&w, "entry", ret_len);
}

int sovd_audit_line_note(const char *note, char *ret, size_t size, size_t *ret_len) {
        struct sovd_canon_writer w;

        start(&w, ret, size);
        sovd_canon_member(&w, "note", note);
        return finish(&w, "checkpoint", ret_len);
}

int sovd_audit_line_end(uint64_t n_checkpoints, uint64_t n_entries, uint64_t to, char *ret, size_t size,
                        size_t *ret_len) {
        struct sovd_canon_writer w;

        start(&w, ret, size);
        sovd_canon_number(&w, "checkpoints", n_checkpoints);
        sovd_canon_number(&w, "entries", n_entries);
        sovd_canon_number(&w, "size", to);
        return finish(&w, "end", ret_len);
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct import {
        struct sovd_audit_verifier *v;
        struct sovd_audit_report *report;
        struct sovd_canon_reader r;
        bool has_header, has_end;
        char line[SOVD_AUDIT_LINE_MAX + 1], room[SOVD_AUDIT_LINE_MAX + 1];
};

static bool take(struct import *in, const char *text) {
        while (*text)
                if (!sovd_canon_take(&in->r, *text++))
                        return false;
        return true;
}

static bool take_number(struct import *in, const char *before, uint64_t *ret) {
        return take(in, before) && sovd_canon_get_int(&in->r, ret);
}

static bool take_text(struct import *in, const char *before, const char **ret, size_t *ret_len) {
        return take(in, before) && (*ret = sovd_canon_get_string(&in->r, ret_len));
}

static bool take_bytes(struct import *in, const char *before, void *ret, size_t n) {
        const char *text;

        return take_text(in, before, &text, NULL) &&
               (sovd_audit_from_base64(text, ret, n) ||
                sovd_canon_fail(&in->r, "a value is not base64 of its length"));
}

static bool take_hash(struct import *in, const char *before, struct sovd_audit_hash *ret) {
        const char *text;

        return take_text(in, before, &text, NULL) &&
               (sovd_audit_from_hex(text, ret) ||
                sovd_canon_fail(&in->r, "a hash is not written as hashes are"));
}

static bool take_end(struct import *in, const char *text) {
        return take(in, text) && sovd_canon_is_end(&in->r);
}

static bool take_prior(struct import *in, struct sovd_audit_header *h) {
        h->prior = (struct sovd_audit_range){ .size = h->from - 1, .n = sovd_audit_range_peaks(h->from - 1) };
        if (!take(in, ",\"prior\":["))
                return false;
        for (unsigned i = 0; i < h->prior.n; i++)
                if (!take_bytes(in, i ? "," : "", h->prior.peaks[i].bytes, SOVD_AUDIT_HASH))
                        return false;
        return take(in, "]");
}

static bool import_header(struct import *in) {
        struct sovd_audit_header h = { 0 };
        const char *log;

        if (!take_bytes(in, "{\"device_key\":", h.device_key, SOVD_AUDIT_KEY) ||
            !take_hash(in, ",\"first_chain\":", &h.first_chain) ||
            !take_number(in, ",\"format\":\"" FORMAT "\",\"from\":", &h.from) ||
            !take_text(in, ",\"log\":", &log, NULL))
                return false;
        if (!sovd_audit_is_log(log) || !h.from)
                return sovd_canon_fail(&in->r, "it names no log, or no first entry");
        memcpy(h.log, log, sizeof(h.log));
        if (!take_prior(in, &h) || !take_number(in, ",\"to\":", &h.to) ||
            !take_end(in, ",\"type\":\"header\"}"))
                return false;
        return sovd_audit_verifier_header(in->v, &h);
}

static bool import_key(struct import *in) {
        struct sovd_audit_key key = { 0 };

        return take_number(in, "{\"epoch\":", &key.epoch) &&
               take_number(in, ",\"from_size\":", &key.from_size) &&
               take_bytes(in, ",\"public\":", key.public_key, SOVD_AUDIT_KEY) &&
               take_bytes(in, ",\"signature\":", key.signature, SOVD_AUDIT_SIGNATURE) &&
               take_end(in, ",\"type\":\"key\"}") && sovd_audit_verifier_key(in->v, &key);
}

static bool import_entry(struct import *in) {
        struct sovd_audit_hash chain;
        const char *body;
        uint64_t seq;
        size_t len;

        return take_text(in, "{\"body\":", &body, &len) && take_hash(in, ",\"chain\":", &chain) &&
               take_number(in, ",\"seq\":", &seq) && take_end(in, ",\"type\":\"entry\"}") &&
               sovd_audit_verifier_entry(in->v, seq, body, len, &chain, NULL, NULL);
}

static bool import_note(struct import *in) {
        const char *note;

        return take_text(in, "{\"note\":", &note, NULL) && take_end(in, ",\"type\":\"checkpoint\"}") &&
               sovd_audit_verifier_note(in->v, note);
}

static bool import_end(struct import *in) {
        uint64_t n_checkpoints, n_entries, size;

        if (!take_number(in, "{\"checkpoints\":", &n_checkpoints) ||
            !take_number(in, ",\"entries\":", &n_entries) || !take_number(in, ",\"size\":", &size) ||
            !take_end(in, ",\"type\":\"end\"}"))
                return false;
        in->has_end = true;
        if (n_checkpoints != in->report->n_checkpoints || n_entries != in->report->n_entries ||
            size != in->report->last)
                return sovd_audit_verdict(in->report, SOVD_AUDIT_TAMPERED, in->report->last + 1,
                                          "its last line tells of %llu entries and %llu checkpoints up to "
                                          "entry %llu, but there are %llu and %llu "
                                          "up to entry %llu",
                                          (unsigned long long)n_entries, (unsigned long long)n_checkpoints,
                                          (unsigned long long)size, (unsigned long long)in->report->n_entries,
                                          (unsigned long long)in->report->n_checkpoints,
                                          (unsigned long long)in->report->last);
        return true;
}

static const struct {
        const char *begin; /* no other record begins like this */
        bool (*read)(struct import *in);
} records[] = {
        { "{\"body\":", import_entry },        { "{\"note\":", import_note },       { "{\"epoch\":", import_key },
        { "{\"device_key\":", import_header }, { "{\"checkpoints\":", import_end },
};

/* The entry that a line is about, as far as can be told when it makes no sense. */
static bool is_no_record(struct import *in, uint64_t line, const char *why) {
        if (!in->has_header)
                return sovd_audit_verdict(in->report, SOVD_AUDIT_UNREADABLE, 0,
                                          "it is no export of an audit log: line %llu: %s",
                                          (unsigned long long)line, why);
        return sovd_audit_verdict(in->report, SOVD_AUDIT_TAMPERED, in->report->last + 1,
                                  "line %llu, after entry %llu, is no record: %s", (unsigned long long)line,
                                  (unsigned long long)in->report->last, why);
}

static bool import_record(struct import *in, uint64_t line) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(records); i++) {
                if (!sovd_has_prefix(in->line, records[i].begin))
                        continue;
                bool is_header = records[i].read == import_header;
                if (is_header == in->has_header)
                        return is_no_record(in, line,
                                            is_header ? "a second header" : "a record before the header");
                sovd_canon_read(&in->r, in->line, in->room, sizeof(in->room));
                bool ok = records[i].read(in);
                if (in->r.reason)
                        return is_no_record(in, line, in->r.reason);
                in->has_header = true;
                return ok;
        }
        return is_no_record(in, line, "it does not begin as one");
}

/* One line without its newline. *ret: there was one. */
static bool next_line(struct import *in, FILE *file, uint64_t line, bool *ret) {
        size_t n = 0;
        int c;

        while ((c = getc_unlocked(file)) != EOF && c != '\n') {
                if (n == SOVD_AUDIT_LINE_MAX - 1 || !c)
                        return is_no_record(in, line, c ? "it is too long" : "it has a zero byte");
                in->line[n++] = (char)c;
        }
        in->line[n] = '\0';
        *ret = c == '\n';
        if (ferror(file))
                return sovd_audit_verdict(in->report, SOVD_AUDIT_UNREADABLE, 0, "it could not be read: %s",
                                          strerror(errno));
        if (c != EOF || !n)
                return true;
        if (!in->has_header)
                return is_no_record(in, line, "it ends within the line");
        return sovd_audit_verdict(in->report, SOVD_AUDIT_TRUNCATED, in->report->last + 1,
                                  "the file ends within line %llu, after entry %llu",
                                  (unsigned long long)line, (unsigned long long)in->report->last);
}

static bool import_all(struct import *in, FILE *file) {
        bool has_line;

        for (uint64_t line = 1; next_line(in, file, line, &has_line); line++) {
                if (!has_line)
                        return true;
                if (in->has_end)
                        return is_no_record(in, line, "it stands after the last record");
                if (!import_record(in, line))
                        return false;
        }
        return false;
}

int sovd_audit_verify_export(FILE *file, const struct sovd_audit_trust *trust,
                             struct sovd_audit_report *report) {
        _cleanup_(sovd_audit_verifier_freep) struct sovd_audit_verifier *v = NULL;
        _cleanup_(sovd_freep) struct import *in = calloc(1, sizeof(*in));

        int r = in ? sovd_audit_verifier_new(&v, trust, report) : -ENOMEM;
        if (r)
                return r;
        in->v = v;
        in->report = report;
        if (import_all(in, file) && !in->has_header)
                (void)is_no_record(in, 1, "the file is empty");
        if (report->verdict == SOVD_AUDIT_SOUND && !in->has_end)
                (void)sovd_audit_verdict(
                        report, SOVD_AUDIT_TRUNCATED, report->last + 1,
                        "the file ends after entry %llu, without the line that ends an export",
                        (unsigned long long)report->last);
        (void)sovd_audit_verifier_end(v);
        return 0;
}
