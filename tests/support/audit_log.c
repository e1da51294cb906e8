/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/audit_log.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>
#include <inttypes.h>

#define BEGAN_USEC UINT64_C(1795347000000000) /* 2026-11-22 */

static void must(bool condition, const char *what) {
        if (condition)
                return;
        (void)fprintf(stderr, "audit_log: %s\n", what);
        abort();
}

#define MUST(condition) must(condition, #condition)

/* --- keys ----------------------------------------------------------------------------------------------- */

enum who { DEVICE = 1, EPOCH, THIEF };

static struct sovd_audit_signer *signer_of(enum who who, uint64_t n) {
        unsigned char seed[SOVD_AUDIT_KEY] = { (unsigned char)who };
        struct sovd_audit_signer *signer = NULL;

        memcpy(seed + 8, &n, sizeof(n));
        MUST(sovd_audit_signer_new(&signer, seed) == 0);
        return signer;
}

void made_device_key(unsigned char ret[static SOVD_AUDIT_KEY]) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *device = signer_of(DEVICE, 0);

        memcpy(ret, sovd_audit_signer_public(device), SOVD_AUDIT_KEY);
}

static uint64_t last_epoch(const struct made_log *log) {
        return log->n ? (log->n - 1) / log->per_epoch : 0;
}

/* The size at which a forged key claims to have begun. */
#define BACKDATED(log) ((log)->per_epoch / 2)

static uint64_t end_of(const struct made_log *log) {
        return log->to ? log->to : log->n;
}

static bool forges_keys(const struct made_log *log) {
        return log->attack == MADE_KEYS_ANEW;
}

static uint64_t beginning_of(const struct made_log *log, uint64_t epoch) {
        return log->attack == MADE_KEY_BACKDATED && epoch > last_epoch(log) ? BACKDATED(log)
                                                                            : epoch * log->per_epoch;
}

static struct sovd_audit_key key_of(const struct made_log *log, uint64_t epoch) {
        bool anew = forges_keys(log), first = epoch == 0;
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *own =
                signer_of(anew ? THIEF : EPOCH, epoch);
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *before =
                signer_of(anew    ? THIEF
                          : first ? DEVICE
                                  : EPOCH,
                          first ? 1000 * anew : epoch - 1);
        struct sovd_audit_key key = { .epoch = epoch, .from_size = beginning_of(log, epoch) };

        memcpy(key.public_key, sovd_audit_signer_public(own), SOVD_AUDIT_KEY);
        MUST(sovd_audit_key_sign(&key, MADE_LOG_NAME, before) == 0);
        if (log->attack == MADE_NEWEST_KEY_MOVED && epoch == last_epoch(log))
                key.from_size = (epoch - 1) * log->per_epoch;
        return key;
}

/* --- entries -------------------------------------------------------------------------------------------- */

struct maker {
        const struct made_log *log;
        struct sovd_audit_range range, prior;
        struct sovd_audit_hash chain, first_chain;
        struct sovd_audit_range honest; /* what the log was before somebody changed an entry */
        struct sovd_audit_hash honest_chain;
        made_line line;
        void *data;
        uint64_t n_notes;
        char text[SOVD_AUDIT_LINE_MAX + 1];
        /* of the current entry */
        char time[SOVD_TIMESTAMP_SIZE], request[48], sub[40], path[80], root[48], hex[SOVD_AUDIT_HEX];
};

static const char *boot_of(const struct made_log *log, uint64_t seq) {
        return seq > log->n / 2 ? "ffeeddccbbaa99887766554433221100" : "00112233445566778899aabbccddeeff";
}

static void describe_request(struct maker *m, uint64_t seq, struct sovd_audit_entry *e) {
        uint64_t request = (seq + 1) / 2;

        (void)snprintf(m->request, sizeof(m->request), "%08" PRIx64 "-0000-4000-8000-000000000000", request);
        (void)snprintf(m->sub, sizeof(m->sub), "key:tester-%" PRIu64 "\xc3\xa9", request % 7);
        (void)snprintf(m->path, sizeof(m->path), "/sovd/v1/components/ecu%" PRIu64 "/data/\"set\\point\"\n",
                       request % 13);
        e->ev = seq % 2 ? "request.intent" : "request.outcome";
        e->req = m->request;
        e->sub = m->sub;
        e->auth = "api_key";
        e->ip = "192.0.2.7";
        e->method = "PUT";
        e->path = m->path;
        e->entity = "ecu";
        if (seq % 2)
                return;
        e->status = seq % 5 ? 204 : 409;
        e->outcome = seq % 5 ? "ok" : "denied";
}

static void describe_prune(struct maker *m, struct sovd_audit_entry *e) {
        struct sovd_audit_hash root;

        MUST(sovd_audit_range_root(&m->prior, &root) == 0);
        sovd_audit_to_base64(m->root, root.bytes, SOVD_AUDIT_HASH);
        e->ev = "system.prune";
        e->detail[0] = (struct sovd_audit_detail){ .name = "from", .number = 1 };
        e->detail[1] = (struct sovd_audit_detail){ .name = "to", .number = m->log->first - 1 };
        e->detail[2] = (struct sovd_audit_detail){ .name = "root", .text = m->root };
        e->detail[3] = (struct sovd_audit_detail){ .name = "chain",
                                                   .text = sovd_audit_to_hex(m->hex, &m->first_chain) };
        e->n_detail = 4;
}

static size_t make_body(struct maker *m, uint64_t seq, bool forged, char body[SOVD_AUDIT_BODY_MAX + 1]) {
        struct sovd_audit_entry e = {
                .log = MADE_LOG_NAME, .seq = seq, .mono = seq * 1000003, .boot = boot_of(m->log, seq)
        };
        size_t len;

        e.t = sovd_clock_format(m->time, BEGAN_USEC + seq * 10000);
        if (seq == m->log->prune_seq)
                describe_prune(m, &e);
        else if (seq == m->log->n / 2 + 1)
                e.ev = "system.start";
        else
                describe_request(m, seq, &e);
        if (forged)
                e.sub = "somebody else";
        MUST(sovd_audit_entry_write(&e, body, &len) == 0);
        return len;
}

static void add(struct sovd_audit_range *range, struct sovd_audit_hash *chain, uint64_t seq, const char *body,
                size_t len) {
        struct sovd_audit_hash leaf;

        MUST(sovd_audit_leaf(body, len, &leaf) == 0);
        MUST(sovd_audit_chain_next(chain, seq, &leaf, chain) == 0);
        MUST(sovd_audit_range_add(range, &leaf, NULL, NULL) == 0);
}

/* The entry goes into the log, and into what the log was. */
static size_t step(struct maker *m, uint64_t seq, char body[SOVD_AUDIT_BODY_MAX + 1]) {
        if (m->log->attack != MADE_HONEST) {
                size_t len = make_body(m, seq, false, body);
                add(&m->honest, &m->honest_chain, seq, body, len);
        }
        size_t len = make_body(m, seq, seq == m->log->forged, body);
        add(&m->range, &m->chain, seq, body, len);
        if (seq == m->log->first - 1) {
                m->prior = m->range;
                m->first_chain = m->chain;
        }
        return len;
}

/* --- checkpoints ---------------------------------------------------------------------------------------- */

static void make_note(struct maker *m, uint64_t epoch, char note[static SOVD_AUDIT_NOTE_SIZE]) {
        const struct made_log *log = m->log;
        uint64_t newest = last_epoch(log), size = m->range.size, signer_epoch = epoch;
        bool old = log->attack == MADE_WITHOUT_KEY,
             thief = log->attack == MADE_WITH_OWN_KEY || forges_keys(log);
        struct sovd_audit_checkpoint c = { .size = size,
                                           .chain = old ? m->honest_chain : m->chain,
                                           .epoch = epoch };

        if (log->attack == MADE_NEWEST_KEY_LABELLED || log->attack == MADE_NEWEST_KEY)
                signer_epoch = newest;
        if (log->attack == MADE_NEWEST_KEY)
                c.epoch = newest;
        if (log->attack == MADE_KEY_BACKDATED && size > BACKDATED(log))
                signer_epoch = c.epoch = newest + 1;
        MUST(sovd_audit_range_root(old ? &m->honest : &m->range, &c.root) == 0);
        memcpy(c.log, MADE_LOG_NAME, sizeof(c.log));
        memcpy(c.boot, boot_of(log, size), sizeof(c.boot));
        memcpy(c.time, sovd_clock_format(m->time, BEGAN_USEC + size * 10000), sizeof(c.time));
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer =
                signer_of(thief ? THIEF : EPOCH, signer_epoch);
        MUST(sovd_audit_note_sign(&c, signer, note, NULL) == 0);
}

static void put_note(struct maker *m, uint64_t epoch) {
        char note[SOVD_AUDIT_NOTE_SIZE];
        size_t len;

        bool alone = m->log->attack == MADE_NEWEST_KEY_ALONE || m->log->attack == MADE_NEWEST_KEY_MOVED;
        if (alone && epoch != last_epoch(m->log))
                return;
        make_note(m, epoch, note);
        MUST(sovd_audit_line_note(note, m->text, sizeof(m->text), &len) == 0);
        m->line(m->data, m->text, len);
        m->n_notes++;
}

/* At the end of an epoch both keys sign. */
static void put_notes(struct maker *m) {
        uint64_t size = m->range.size, epoch = size ? (size - 1) / m->log->per_epoch : 0;
        bool ends = size % m->log->per_epoch == 0 && epoch < last_epoch(m->log) && size;
        bool last = size == end_of(m->log) && !m->log->unsigned_tail;

        if (ends || last || (size % m->log->per_note == 0 && size != end_of(m->log)))
                put_note(m, epoch);
        if (ends && m->log->attack != MADE_NEWEST_KEY && m->log->attack != MADE_KEY_BACKDATED)
                put_note(m, epoch + 1);
}

/* --- the log -------------------------------------------------------------------------------------------- */

static void begin(struct maker *m) {
        MUST(sovd_audit_chain_begin(MADE_LOG_NAME, &m->chain) == 0);
        m->honest_chain = m->first_chain = m->chain;
}

static void put_head(struct maker *m) {
        struct sovd_audit_header h = { .log = MADE_LOG_NAME,
                                       .from = m->log->first,
                                       .to = end_of(m->log),
                                       .first_chain = m->first_chain,
                                       .prior = m->prior };
        size_t len;

        made_device_key(h.device_key);
        MUST(sovd_audit_line_header(&h, m->text, sizeof(m->text), &len) == 0);
        m->line(m->data, m->text, len);
        uint64_t newest = last_epoch(m->log) + (m->log->attack == MADE_KEY_BACKDATED);
        for (uint64_t e = 0; e <= newest && beginning_of(m->log, e) <= end_of(m->log); e++) {
                struct sovd_audit_key key = key_of(m->log, e);
                MUST(sovd_audit_line_key(&key, m->text, sizeof(m->text), &len) == 0);
                m->line(m->data, m->text, len);
        }
}

void made_log_write(const struct made_log *log, made_line line, void *data) {
        struct maker *m = calloc(1, sizeof(*m));
        char body[SOVD_AUDIT_BODY_MAX + 1];
        size_t len;

        MUST(m != NULL);
        *m = (struct maker){ .log = log, .line = line, .data = data };
        begin(m);
        while (m->range.size + 1 < log->first)
                (void)step(m, m->range.size + 1, body);
        put_head(m);
        if (log->first > 1)
                put_notes(m);
        while (m->range.size < end_of(log)) {
                uint64_t seq = m->range.size + 1;
                size_t n = step(m, seq, body);
                MUST(sovd_audit_line_entry(seq, body, n, &m->chain, m->text, sizeof(m->text), &len) == 0);
                line(data, m->text, len);
                put_notes(m);
        }
        MUST(sovd_audit_line_end(m->n_notes, end_of(log) + 1 - log->first, end_of(log), m->text,
                                 sizeof(m->text), &len) == 0);
        line(data, m->text, len);
        free(m);
}

void made_head(const struct made_log *log, uint64_t size, char ret[static SOVD_AUDIT_NOTE_SIZE]) {
        struct maker *m = calloc(1, sizeof(*m));
        char body[SOVD_AUDIT_BODY_MAX + 1];

        MUST(m != NULL);
        *m = (struct maker){ .log = log };
        begin(m);
        while (m->range.size < size)
                (void)step(m, m->range.size + 1, body);
        make_note(m, size ? (size - 1) / log->per_epoch : 0, ret);
        free(m);
}
