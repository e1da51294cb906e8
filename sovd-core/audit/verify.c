/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/verify.h"
#include "sovd-core/base/error.h"
#include <stdarg.h>
#include <stdio.h>

#define KEYS_MAX 4000000 /* one each 15 minutes for a century */
#define OPEN_MAX                                                                                             \
        1024 /* intents that wait for their outcome at one time; a gateway has fewer requests than that */

/* What is needed of a key once its signature was checked. */
struct epoch {
        uint64_t from_size;
        unsigned char public_key[SOVD_AUDIT_KEY];
};

struct intent {
        uint64_t request; /* hash of its name */
        uint64_t seq;
};

struct sovd_audit_verifier {
        const struct sovd_audit_trust *trust;
        struct sovd_audit_report *report;
        struct sovd_audit_header header;
        struct sovd_audit_range range; /* of all entries up to now, with the pruned ones */
        struct sovd_audit_hash chain;  /* of the last one */
        bool begun;                    /* header and keys are complete */
        size_t next_head;              /* of the witnesses */
        uint64_t met_size;             /* of the last one that was met */

        struct epoch *epochs;
        size_t n_epochs, epochs_size;
        struct sovd_audit_public *key; /* of key_epoch */
        uint64_t key_epoch;

        uint64_t note_size, note_epoch; /* of the last checkpoint */
        bool has_note;                  /* there was one */
        bool has_signed;                /* one that covers an entry of this part, or the edge before it */

        struct sovd_audit_entry entry;
        struct sovd_audit_text text;
        char boot[SOVD_AUDIT_BOOT_SIZE], time[25];
        uint64_t mono;
        sovd_audit_complete complete;
        void *complete_data;

        size_t n_open;
        struct intent open[OPEN_MAX];
};

/* --- verdicts ------------------------------------------------------------------------------------------- */

bool sovd_audit_verdict(struct sovd_audit_report *report, enum sovd_audit_verdict verdict, uint64_t seq,
                        const char *format, ...) {
        va_list args;

        if (report->verdict != SOVD_AUDIT_SOUND)
                return false;
        report->verdict = verdict;
        report->bad_seq = seq;
        va_start(args, format);
        (void)vsnprintf(report->reason, sizeof(report->reason), format, args);
        va_end(args);
        return false;
}

#define tampered(v, seq, ...)  sovd_audit_verdict((v)->report, SOVD_AUDIT_TAMPERED, seq, __VA_ARGS__)
#define truncated(v, seq, ...) sovd_audit_verdict((v)->report, SOVD_AUDIT_TRUNCATED, seq, __VA_ARGS__)
#define LLU                    (unsigned long long)

/* Memory ran out, or the library failed: that is no verdict about the log. */
static bool gave_up(struct sovd_audit_verifier *v, int r) {
        return sovd_audit_verdict(v->report, SOVD_AUDIT_UNREADABLE, 0, "it could not be checked: %s",
                                  strerror(-r));
}

/* The first entry that nothing has vouched for yet, of those up to size; proven: up to where something has. */
static uint64_t first_after(const struct sovd_audit_verifier *v, uint64_t proven, uint64_t size) {
        uint64_t from = proven >= v->header.from ? proven + 1 : v->header.from;

        return SOVD_MIN(from, size);
}

/* One of these entries is not what it was. */
static bool entries_differ(struct sovd_audit_verifier *v, uint64_t proven, uint64_t size, const char *who) {
        uint64_t from = first_after(v, proven, size);

        (void)tampered(v, from, "entries %llu to %llu do not lead to what %s says of the first %llu",
                       LLU from, LLU size, who, LLU size);
        v->report->bad_to = size;
        return false;
}

/* --- its beginning -------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
        uint64_t x = ((const struct sovd_audit_head *)a)->size, y = ((const struct sovd_audit_head *)b)->size;

        return x < y ? -1 : x > y;
}

int sovd_audit_verifier_new(struct sovd_audit_verifier **ret, const struct sovd_audit_trust *trust,
                            struct sovd_audit_report *report) {
        struct sovd_audit_verifier *v = calloc(1, sizeof(*v));
        if (!v)
                return -ENOMEM;

        if (trust->n_heads)
                qsort(trust->heads, trust->n_heads, sizeof(*trust->heads), by_size);
        *report = (struct sovd_audit_report){ .verdict = SOVD_AUDIT_SOUND };
        v->trust = trust;
        v->report = report;
        *ret = v;
        return 0;
}

struct sovd_audit_verifier *sovd_audit_verifier_free(struct sovd_audit_verifier *v) {
        if (!v)
                return NULL;
        sovd_audit_public_free(v->key);
        free(v->epochs);
        free(v);
        return NULL;
}

void sovd_audit_verifier_watch(struct sovd_audit_verifier *v, sovd_audit_complete complete, void *data) {
        v->complete = complete;
        v->complete_data = data;
}

static bool is_trusted(struct sovd_audit_verifier *v) {
        struct sovd_audit_hash fingerprint;

        int r = sovd_audit_sha256(v->header.device_key, SOVD_AUDIT_KEY, &fingerprint);
        if (r)
                return gave_up(v, r);
        (void)sovd_audit_to_hex(v->report->fingerprint, &fingerprint);
        v->report->trusted = v->trust->device_key || v->trust->fingerprint;
        if ((v->trust->device_key &&
             memcmp(v->trust->device_key, v->header.device_key, SOVD_AUDIT_KEY) != 0) ||
            (v->trust->fingerprint && !sovd_audit_same(v->trust->fingerprint, &fingerprint))) {
                v->report->trusted = false;
                return tampered(v, 0, "the log names another device key (%s) than the one to be trusted",
                                v->report->fingerprint);
        }
        return true;
}

/* Heads of the size that was reached. */
static bool meet_heads(struct sovd_audit_verifier *v) {
        struct sovd_audit_hash root;
        int r = 0;

        for (; v->next_head < v->trust->n_heads; v->next_head++) {
                const struct sovd_audit_head *head = &v->trust->heads[v->next_head];
                if (head->size > v->range.size)
                        return true;
                if (head->size < v->range.size) {
                        v->report->n_heads_older++;
                        continue;
                }
                r = sovd_audit_range_root(&v->range, &root);
                if (r)
                        return gave_up(v, r);
                if (!sovd_audit_same(&root, &head->root))
                        return entries_differ(v, v->met_size, head->size, head->name);
                v->met_size = head->size;
                v->report->n_heads_met++;
        }
        return true;
}

bool sovd_audit_verifier_header(struct sovd_audit_verifier *v, const struct sovd_audit_header *header) {
        struct sovd_audit_hash begin;

        v->header = *header;
        v->range = header->prior;
        v->chain = header->first_chain;
        v->report->first = header->from;
        v->report->last = header->from ? header->from - 1 : 0;
        memcpy(v->report->log, header->log, sizeof(v->report->log));
        if (!header->from || header->to < header->from - 1 || header->prior.size != header->from - 1)
                return tampered(v, 0, "its beginning contradicts itself");
        int r = sovd_audit_chain_begin(header->log, &begin);
        if (r)
                return gave_up(v, r);
        if (header->from == 1 && !sovd_audit_same(&begin, &header->first_chain))
                return tampered(v, 1, "it begins with the chain of another log");
        return is_trusted(v);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static bool keep_epoch(struct sovd_audit_verifier *v, const struct sovd_audit_key *key) {
        if (v->n_epochs == KEYS_MAX)
                return sovd_audit_verdict(v->report, SOVD_AUDIT_UNREADABLE, 0, "it has more than %d keys",
                                          KEYS_MAX);
        if (v->n_epochs == v->epochs_size) {
                size_t size = v->epochs_size ? v->epochs_size * 2 : 16;
                struct epoch *more = realloc(v->epochs, size * sizeof(*more));
                if (!more)
                        return gave_up(v, -ENOMEM);
                v->epochs = more;
                v->epochs_size = size;
        }
        v->epochs[v->n_epochs].from_size = key->from_size;
        memcpy(v->epochs[v->n_epochs++].public_key, key->public_key, SOVD_AUDIT_KEY);
        v->report->n_keys++;
        return true;
}

static bool use_key(struct sovd_audit_verifier *v, const unsigned char *bytes, uint64_t epoch) {
        struct sovd_audit_public *key = NULL;

        int r = sovd_audit_public_new(&key, bytes);
        if (r)
                return gave_up(v, r);
        sovd_audit_public_free(v->key);
        v->key = key;
        v->key_epoch = epoch;
        return true;
}

bool sovd_audit_verifier_key(struct sovd_audit_verifier *v, const struct sovd_audit_key *key) {
        uint64_t epoch = v->n_epochs;

        if (v->begun)
                return tampered(v, 0, "the key of epoch %llu does not stand with the others", LLU key->epoch);
        if (key->epoch != epoch)
                return tampered(v, 0,
                                "the key of epoch %llu is missing: that of epoch %llu stands in its place",
                                LLU epoch, LLU key->epoch);
        if (epoch ? key->from_size < v->epochs[epoch - 1].from_size : key->from_size != 0)
                return tampered(v, 0, "the key of epoch %llu begins where another key signs", LLU epoch);
        if (!epoch && !use_key(v, v->header.device_key, 0))
                return false;
        int r = sovd_audit_key_check(key, v->header.log, v->key);
        if (r == -EBADMSG)
                return tampered(v, 0, "the key of epoch %llu is not signed by %s", LLU epoch,
                                epoch ? "the key before it" : "the device key");
        if (r)
                return gave_up(v, r);
        return use_key(v, key->public_key, epoch) && keep_epoch(v, key);
}

/* A head that is a whole note must be signed by this log too; one of an epoch that this log does not have is of a later
 * one, and then the log is shorter than it, which says enough. */
static bool are_heads_of_log(struct sovd_audit_verifier *v) {
        for (size_t i = 0; i < v->trust->n_heads; i++) {
                const struct sovd_audit_head *head = &v->trust->heads[i];
                struct sovd_audit_checkpoint c;

                if (!*head->note)
                        continue;
                bool of_log =
                        !sovd_audit_note_read(head->note, &c, NULL) && strcmp(c.log, v->header.log) == 0;
                if (of_log && c.epoch >= v->n_epochs)
                        continue;
                if (!of_log || !use_key(v, v->epochs[c.epoch].public_key, c.epoch) ||
                    sovd_audit_note_check(head->note, v->key))
                        return sovd_audit_verdict(v->report, SOVD_AUDIT_UNREADABLE, 0,
                                                  "%s is no head of this log", head->name);
        }
        return true;
}

/* All keys are known: what the witnesses bring is looked at before anything is compared with it. */
static bool begin(struct sovd_audit_verifier *v) {
        if (v->begun)
                return true;
        v->begun = true;
        return are_heads_of_log(v) && meet_heads(v);
}

/* --- entries -------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *s) { /* FNV-1a; two requests of one hash would only be reported wrongly */
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (; *s; s++)
                h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
        return h;
}

static void note_open(struct sovd_audit_verifier *v, uint64_t seq) {
        if (v->report->n_open < SOVD_AUDIT_OPEN_SHOWN)
                v->report->open[v->report->n_open] = seq;
        v->report->n_open++;
}

static void open_intent(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        if (v->n_open == OPEN_MAX) {
                note_open(v, v->open[0].seq);
                memmove(v->open, v->open + 1, --v->n_open * sizeof(*v->open));
        }
        v->open[v->n_open++] = (struct intent){ e->req ? hash_of(e->req) : 0, e->seq };
}

/* An outcome names the entry of its intent, or the request. */
static void close_intent(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        const struct sovd_audit_detail *intent = sovd_audit_entry_detail(e, "intent");
        bool by_seq = intent && !intent->text;
        uint64_t request = e->req ? hash_of(e->req) : 0;

        for (size_t i = v->n_open; i > 0; i--)
                if (by_seq ? v->open[i - 1].seq == intent->number : v->open[i - 1].request == request) {
                        v->n_open--;
                        memmove(v->open + i - 1, v->open + i, (v->n_open - (i - 1)) * sizeof(*v->open));
                        return;
                }
}

/* The root and the chain of what is gone, as the entry says that tells of it: they are those this log begins with. */
static bool take_prune(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        const struct sovd_audit_detail *to = sovd_audit_entry_detail(e, "to"),
                                       *root = sovd_audit_entry_detail(e, "root"),
                                       *chain = sovd_audit_entry_detail(e, "chain");
        struct sovd_audit_hash expected, said_root, said_chain;

        if (!to || to->text || to->number >= v->header.from)
                return tampered(v, e->seq, "entry %llu says that entries were pruned which are here",
                                LLU e->seq);
        if (to->number != v->header.from - 1)
                return true;
        int r = sovd_audit_range_root(&v->header.prior, &expected);
        if (r)
                return gave_up(v, r);
        if (!root || !root->text || !sovd_audit_from_base64(root->text, said_root.bytes, SOVD_AUDIT_HASH) ||
            !sovd_audit_same(&said_root, &expected) || !chain || !chain->text ||
            !sovd_audit_from_hex(chain->text, &said_chain) ||
            !sovd_audit_same(&said_chain, &v->header.first_chain))
                return tampered(v, e->seq,
                                "what entry %llu says of the pruned entries is not what the log begins with",
                                LLU e->seq);
        v->report->pruned_to = to->number;
        v->report->prune_seq = e->seq;
        return true;
}

static void note_finding(struct sovd_audit_report *report, const struct sovd_audit_finding *f) {
        if (report->n_findings < SOVD_AUDIT_OPEN_SHOWN)
                report->findings[report->n_findings] = *f;
        report->n_findings++;
}

static void take_finding(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        const struct sovd_audit_detail *why = sovd_audit_entry_detail(e, "why");
        struct sovd_audit_finding f = { .seq = e->seq };

        (void)snprintf(f.why, sizeof(f.why), "%s", why && why->text ? why->text : "");
        note_finding(v->report, &f);
}

/* The newest of those that say the same. */
static void take_acknowledgement(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        const struct sovd_audit_detail *why = sovd_audit_entry_detail(e, "why");
        const char *text = why && why->text ? why->text : "", *by = e->sub ? e->sub : "somebody";
        struct sovd_audit_report *report = v->report;
        struct sovd_audit_finding f = { .seen_seq = e->seq };

        for (size_t i = SOVD_MIN(report->n_findings, (uint64_t)SOVD_AUDIT_OPEN_SHOWN); i > 0; i--) {
                struct sovd_audit_finding *old = &report->findings[i - 1];
                if (strcmp(old->why, text) != 0 || !old->seq || old->seen_seq)
                        continue;
                old->seen_seq = e->seq;
                (void)snprintf(old->by, sizeof(old->by), "%s", by);
                return;
        }
        if (report->n_findings > SOVD_AUDIT_OPEN_SHOWN || v->header.from > 1)
                return; /* what it is about may be among those that are not here */
        (void)snprintf(f.why, sizeof(f.why), "%s", text);
        (void)snprintf(f.by, sizeof(f.by), "%s", by);
        report->n_unfounded++;
        note_finding(report, &f);
}

static bool look_at_event(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        struct sovd_audit_report *report = v->report;

        if (sovd_streq(e->ev, "request.intent"))
                open_intent(v, e);
        else if (sovd_streq(e->ev, "request.outcome"))
                close_intent(v, e);
        else if (sovd_streq(e->ev, "system.acknowledge"))
                take_acknowledgement(v, e);
        else if (sovd_streq(e->ev, "system.verify"))
                take_finding(v, e);
        else if (sovd_streq(e->ev, "system.tamper")) {
                take_finding(v, e);
                if (!report->n_tampers++)
                        report->tamper = e->seq;
        }
        else if (sovd_streq(e->ev, "system.prune"))
                return take_prune(v, e);
        return true;
}

/* The clock of the machine never goes back until it starts anew; the time of day may, and is reported. */
static bool look_at_time(struct sovd_audit_verifier *v, const struct sovd_audit_entry *e) {
        bool same_boot = strcmp(v->boot, e->boot) == 0;

        if (same_boot && e->mono < v->mono)
                return tampered(v, e->seq, "entry %llu is older than the one before it", LLU e->seq);
        if (*v->time && strcmp(e->t, v->time) < 0 && !v->report->n_clock_back++)
                v->report->clock_back = e->seq;
        v->mono = e->mono;
        memcpy(v->boot, e->boot, sizeof(v->boot));
        memcpy(v->time, e->t, sizeof(v->time));
        if (!*v->report->first_time)
                memcpy(v->report->first_time, e->t, sizeof(v->report->first_time));
        memcpy(v->report->last_time, e->t, sizeof(v->report->last_time));
        return true;
}

static bool read_entry(struct sovd_audit_verifier *v, uint64_t seq, const char *body, size_t len) {
        uint64_t expected = v->range.size + 1;

        if (seq != expected)
                return tampered(v, expected, "entry %llu is missing: entry %llu stands in its place",
                                LLU expected, LLU seq);
        if (seq > v->header.to)
                return tampered(v, seq, "entry %llu is after the end that the log gives for itself", LLU seq);
        const char *reason = sovd_audit_entry_read(body, len, &v->entry, &v->text);
        if (reason)
                return tampered(v, seq, "entry %llu is not as entries are written: %s", LLU seq, reason);
        if (v->entry.seq != seq || strcmp(v->entry.log, v->header.log) != 0)
                return tampered(v, seq, "entry %llu says that it is entry %llu of log %s", LLU seq,
                                LLU v->entry.seq, v->entry.log);
        return look_at_time(v, &v->entry);
}

/* Hashes are compared with what is stored before anything is believed. */
static bool continue_chain(struct sovd_audit_verifier *v, uint64_t seq, const char *body, size_t len,
                           const struct sovd_audit_hash *chain, const struct sovd_audit_hash *stored_leaf) {
        struct sovd_audit_hash leaf;

        int r = sovd_audit_leaf(body, len, &leaf);
        if (r)
                return gave_up(v, r);
        if (stored_leaf && !sovd_audit_same(stored_leaf, &leaf))
                return tampered(v, seq, "entry %llu is not the one whose hash is stored with it", LLU seq);
        r = sovd_audit_chain_next(&v->chain, seq, &leaf, &v->chain);
        if (r)
                return gave_up(v, r);
        if (!sovd_audit_same(chain, &v->chain))
                return tampered(v, seq, "entry %llu does not continue the chain of the entries before it",
                                LLU seq);
        r = sovd_audit_range_add(&v->range, &leaf, v->complete, v->complete_data);
        return r == -EBADMSG
                       ? tampered(v, seq,
                                  "a stored hash of the tree is not that of its entries, up to entry %llu",
                                  LLU seq)
               : r ? gave_up(v, r)
                   : true;
}

bool sovd_audit_verifier_entry(struct sovd_audit_verifier *v, uint64_t seq, const char *body, size_t len,
                               const struct sovd_audit_hash *chain, const struct sovd_audit_hash *leaf,
                               const struct sovd_audit_entry **ret_entry) {
        if (!begin(v) || !read_entry(v, seq, body, len) || !continue_chain(v, seq, body, len, chain, leaf))
                return false;
        v->report->n_entries++;
        v->report->last = seq;
        if (ret_entry)
                *ret_entry = &v->entry;
        return look_at_event(v, &v->entry) && meet_heads(v);
}

/* --- checkpoints ---------------------------------------------------------------------------------------- */

/* The entries that a bad checkpoint was to prove are the first that nothing proves. */
#define unproven(v, c, ...)                                                                                  \
        (tampered(v, first_after(v, (v)->report->signed_size, (c)->size), __VA_ARGS__),                      \
         (v)->report->bad_to = (c)->size, false)

/* Its key signs in its epoch only; and where one epoch follows another, both keys have signed the same size: else
 * whoever has a later key could sign earlier entries anew and leave the earlier signatures out. */
static bool is_in_epoch(struct sovd_audit_verifier *v, const struct sovd_audit_checkpoint *c) {
        if (c->epoch >= v->n_epochs)
                return tampered(v, 0, "the checkpoint of entry %llu is of epoch %llu, which has no key",
                                LLU c->size, LLU c->epoch);
        const struct epoch *own = &v->epochs[c->epoch];
        if (c->size < own->from_size || (c->epoch + 1 < v->n_epochs && c->size > own[1].from_size))
                return tampered(v, 0, "the checkpoint of entry %llu is not of the epoch of its key",
                                LLU c->size);
        if (c->size < v->header.from - 1)
                return true; /* of entries that were pruned */
        if (v->has_signed ? c->epoch > v->note_epoch &&
                                    (c->epoch != v->note_epoch + 1 || v->note_size != own->from_size ||
                                     c->size != own->from_size)
                          : own->from_size > v->header.from - 1)
                return unproven(v, c, "the checkpoints where epoch %llu began, after entry %llu, are missing",
                                LLU c->epoch, LLU own->from_size);
        return true;
}

static bool is_in_order(struct sovd_audit_verifier *v, const struct sovd_audit_checkpoint *c) {
        if (strcmp(c->log, v->header.log) != 0)
                return tampered(v, 0, "the checkpoint of entry %llu is of log %s", LLU c->size, c->log);
        if (v->has_note && (c->epoch < v->note_epoch || c->size < v->note_size ||
                            (c->size == v->note_size && c->epoch == v->note_epoch)))
                return tampered(v, 0,
                                "the checkpoint of entry %llu and epoch %llu stands after that of entry %llu "
                                "and epoch %llu",
                                LLU c->size, LLU c->epoch, LLU v->note_size, LLU v->note_epoch);
        if (c->size > v->range.size)
                return tampered(v, v->range.size + 1,
                                "entry %llu is missing: the checkpoint of entry %llu stands in its place",
                                LLU(v->range.size + 1), LLU c->size);
        if (c->size < v->range.size && (c->size >= v->header.from - 1 || v->report->n_entries))
                return tampered(v, 0, "the checkpoint of entry %llu stands after entry %llu", LLU c->size,
                                LLU v->range.size);
        return true;
}

static bool is_signed(struct sovd_audit_verifier *v, const struct sovd_audit_checkpoint *c,
                      const char *note) {
        if (v->key_epoch != c->epoch && !use_key(v, v->epochs[c->epoch].public_key, c->epoch))
                return false;
        int r = sovd_audit_note_check(note, v->key);
        if (r == -EBADMSG)
                return unproven(v, c, "the checkpoint of entry %llu is not signed by the key of epoch %llu",
                                LLU c->size, LLU c->epoch);
        return !r || gave_up(v, r);
}

static bool is_of_entries(struct sovd_audit_verifier *v, const struct sovd_audit_checkpoint *c) {
        struct sovd_audit_hash root;

        int r = sovd_audit_range_root(&v->range, &root);
        if (r)
                return gave_up(v, r);
        if (!sovd_audit_same(&root, &c->root) || !sovd_audit_same(&v->chain, &c->chain))
                return entries_differ(v, v->report->signed_size, c->size, "the checkpoint");
        v->has_signed = true;
        v->report->signed_size = c->size;
        v->report->signed_root = root;
        memcpy(v->report->signed_time, c->time, sizeof(v->report->signed_time));
        return true;
}

bool sovd_audit_verifier_note(struct sovd_audit_verifier *v, const char *note) {
        struct sovd_audit_checkpoint c;

        if (!begin(v))
                return false;
        if (sovd_audit_note_read(note, &c, NULL))
                return tampered(v, 0, "the checkpoint after entry %llu is not as checkpoints are written",
                                LLU v->range.size);
        if (!is_in_order(v, &c) || !is_in_epoch(v, &c) || !is_signed(v, &c, note))
                return false;
        if (c.size == v->range.size && !is_of_entries(v, &c))
                return false;
        v->has_note = true;
        v->note_size = c.size;
        v->note_epoch = c.epoch;
        v->report->n_checkpoints++;
        return true;
}

/* --- its end -------------------------------------------------------------------------------------------- */

static bool is_whole(struct sovd_audit_verifier *v) {
        uint64_t size = v->range.size, next = size + 1;

        if (v->next_head < v->trust->n_heads) {
                const struct sovd_audit_head *head = &v->trust->heads[v->trust->n_heads - 1];
                return truncated(v, next, "it ends after entry %llu, but %s has seen %llu", LLU size,
                                 head->name, LLU head->size);
        }
        if (size != v->header.to)
                return truncated(v, next, "it ends after entry %llu, and should after entry %llu", LLU size,
                                 LLU v->header.to);
        if (v->n_epochs && v->epochs[v->n_epochs - 1].from_size > size)
                return truncated(v, next,
                                 "it ends after entry %llu, but the key of epoch %llu began after entry %llu",
                                 LLU size, LLU(v->n_epochs - 1), LLU v->epochs[v->n_epochs - 1].from_size);
        if (v->header.from > 1 && !v->report->pruned_to && !v->trust->partial)
                return truncated(v, 1,
                                 "entries 1 to %llu are missing, and no entry says that they were pruned",
                                 LLU(v->header.from - 1));
        return true;
}

static bool is_all_signed(struct sovd_audit_verifier *v) {
        uint64_t size = v->range.size, from = v->has_signed ? v->report->signed_size : v->header.from - 1;
        uint64_t newest = v->n_epochs ? v->epochs[v->n_epochs - 1].from_size : 0;
        bool by_newest = v->has_signed && v->note_epoch + 1 == v->n_epochs;

        if (by_newest && size == from)
                return true;
        if (!by_newest && newest > v->header.from - 1)
                return tampered(v, first_after(v, v->report->signed_size, size),
                                "the checkpoints where epoch %llu began, after entry %llu, are missing",
                                LLU(v->n_epochs - 1), LLU newest);
        if (size == from)
                return sovd_audit_verdict(v->report, SOVD_AUDIT_UNSIGNED, 0,
                                          "it has no checkpoint: nothing proves it");
        (void)sovd_audit_verdict(v->report, SOVD_AUDIT_UNSIGNED, from + 1,
                                 "entries %llu to %llu are after the last checkpoint: nothing proves them",
                                 LLU(from + 1), LLU size);
        v->report->bad_to = size;
        return false;
}

bool sovd_audit_verifier_end(struct sovd_audit_verifier *v) {
        for (size_t i = 0; i < v->n_open; i++)
                note_open(v, v->open[i].seq);
        v->n_open = 0;
        if (v->report->verdict != SOVD_AUDIT_SOUND)
                return false;
        if (!v->header.from)
                return sovd_audit_verdict(v->report, SOVD_AUDIT_UNREADABLE, 0,
                                          "it does not begin as a log does");
        return begin(v) && is_whole(v) && is_all_signed(v);
}
