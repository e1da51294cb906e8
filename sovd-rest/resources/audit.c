/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log, for those who may read it: pages, the signed head, proofs, and all of it as one file. */
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/self_check.h"
#include "sovd-core/audit/tree.h"
#include "sovd-core/base/clock.h"
#include "sovd-rest/export.h"
#include "sovd-rest/page.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

#define PAGE          100
#define SEARCH_USEC   (5 * SOVD_USEC_PER_SEC) /* of a page: a filter may have to look at every entry */
#define CURSOR_AUDIT  'a'

static struct sovd_audit *audit_of(struct sovd_call *call) {
        return sovd_gateway_audit(call->gateway);
}

static int no_audit(struct sovd_call *call) {
        return sovd_fail(call, SOVD_E_NOT_FOUND, "this gateway keeps no audit log (audit.enabled)");
}

static int failed(struct sovd_call *call, int r) {
        if (r == SOVD_E_NOT_FOUND)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "there is no such entry in the audit log, or it was removed");
        if (r == SOVD_E_BAD_REQUEST)
                return sovd_fail(call, r, "the audit log has no such part: a size is larger than it, or smaller than where it begins");
        return r ? sovd_fail_storage(call, r) : 0;
}

/* --- the list ----------------------------------------------------------------------------------------------- */

struct entry {
        struct sovd_int v, seq, mono, status;
        const char *log, *t, *boot, *ev, *req, *sub, *auth, *jti, *cert, *ip, *method, *path, *entity, *lock, *outcome;
        const struct cJSON *detail;
};
#define F(member) offsetof(struct entry, member)
#define TEXT(word, flag, sentence) { .name = #word, .type = SOVD_FIELD_STRING, .offset = F(word), .flags = flag, .doc = sentence }
#define INT(word, flag, sentence)  { .name = #word, .type = SOVD_FIELD_INT, .offset = F(word), .flags = flag, .doc = sentence }
static const struct sovd_field entry_fields[] = {
        INT(v, SOVD_REQUIRED, "Form of the entry: 1."),
        TEXT(log, SOVD_REQUIRED, "Which log it is of."),
        INT(seq, SOVD_REQUIRED, "Its number, from 1 without gaps."),
        { .name = "t", .type = SOVD_FIELD_STRING, .offset = F(t), .flags = SOVD_REQUIRED, .format = "date-time" },
        INT(mono, SOVD_REQUIRED, "Nanoseconds since the start of the machine."),
        TEXT(boot, SOVD_REQUIRED, "Which start of the machine."),
        TEXT(ev, SOVD_REQUIRED, "What happened: request.intent, request.outcome, auth.fail, system.start, …"),
        TEXT(req, 0, "Id of the request."),
        TEXT(sub, 0, "Who asked."),
        TEXT(auth, 0, "How that was proved."),
        TEXT(jti, 0, "Name of the credentials, under the log's key."),
        TEXT(cert, 0, "SHA-256 of the client's certificate."),
        TEXT(ip, 0, "Address of the client."),
        TEXT(method, 0, NULL),
        TEXT(path, 0, NULL),
        TEXT(entity, 0, NULL),
        TEXT(lock, 0, NULL),
        INT(status, 0, "Status of the answer."),
        TEXT(outcome, 0, "ok, denied, error or unknown."),
        { .name = "detail", .type = SOVD_FIELD_JSON, .offset = F(detail), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
#undef TEXT
#undef INT
static const struct sovd_schema entry_schema = { .name = "AuditEntry", .size = sizeof(struct entry), .fields = entry_fields };

struct page {
        struct sovd_list items; /* struct entry, for the description only: bodies go out as they are */
        struct sovd_audit_row *rows;
        size_t n;
};
static const struct sovd_field page_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct page, items), .flags = SOVD_REQUIRED,
          .of = &entry_schema },
        { 0 }
};
static const struct sovd_schema page_schema = { .name = "AuditPage", .size = sizeof(struct page), .fields = page_fields };

static void write_page(const struct sovd_call *call, struct sovd_json_writer *w) {
        const struct page *page = call->out;

        sovd_json_key(w, "items");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < page->n; i++) {
                sovd_json_raw(w, ",", i > 0);
                sovd_json_raw(w, page->rows[i].body, strlen(page->rows[i].body));
        }
        sovd_json_array_end(w);
}

static int take_filter(struct sovd_call *call, struct sovd_audit_filter *f) {
        static const char kinds[] = { CURSOR_AUDIT, '\0' };
        struct sovd_cursor after;

        *f = (struct sovd_audit_filter){ .ev = sovd_call_query(call, "event"),
                                         .sub = sovd_call_query(call, "principal"),
                                         .entity = sovd_call_query(call, "entity"),
                                         .outcome = sovd_call_query(call, "outcome"),
                                         .method = sovd_call_query(call, "method"),
                                         .tenant = call->principal.tenant,
                                         /* it holds one of few connections */
                                         .deadline_usec = SOVD_MIN(call->deadline_usec, sovd_now_usec() + SEARCH_USEC) };
        int r = sovd_page_times(call, &f->from_usec, &f->to_usec);
        if (!r)
                r = sovd_page_limit(call, PAGE, &f->max);
        if (!r)
                r = sovd_page_after(call, kinds, &after);
        if (!r && after.kind)
                f->before = after.number;
        return r;
}

static int list(struct sovd_call *call) {
        struct page *page = sovd_arena_new0(call->arena, struct page);
        struct sovd_audit_filter filter;
        bool more = false;
        if (!page)
                return sovd_error_origin(-ENOMEM);
        if (!audit_of(call))
                return no_audit(call);

        int r = take_filter(call, &filter);
        if (r)
                return r;
        r = sovd_audit_list(audit_of(call), &filter, call->arena, &page->rows, &page->n, &more);
        if (r)
                return failed(call, r);
        call->out = page;
        call->write = write_page;
        if (!more || !page->n)
                return 0;
        const struct sovd_cursor next = { .kind = CURSOR_AUDIT, .number = page->rows[page->n - 1].seq };
        return sovd_page_link(call, sovd_call_printf(call, "%s/audit", call->base), &next);
}

/* --- the head and proofs ------------------------------------------------------------------------------------ */

static int checkpoint(struct sovd_call *call) {
        struct sovd_document *d = sovd_arena_new0(call->arena, struct sovd_document);
        const char *note;
        uint64_t size;
        if (!d)
                return sovd_error_origin(-ENOMEM);
        if (!audit_of(call))
                return no_audit(call);

        int r = sovd_audit_checkpoint(audit_of(call), call->arena, &note, &size);
        if (r)
                return failed(call, r);
        *d = (struct sovd_document){ "text/plain; charset=utf-8", note, strlen(note) };
        call->out = d;
        return 0;
}

struct proof {
        struct sovd_int seq, size, from, to;
        const char *leaf, *root, *from_root, *to_root;
        struct sovd_strings proof;
};
#define F(member) offsetof(struct proof, member)
#define TEXT(word, sentence) { .name = #word, .type = SOVD_FIELD_STRING, .offset = F(word), .flags = SOVD_REQUIRED, .doc = sentence }
#define INT(word, sentence)  { .name = #word, .type = SOVD_FIELD_INT, .offset = F(word), .flags = SOVD_REQUIRED, .doc = sentence }
#define HASHES { .name = "proof", .type = SOVD_FIELD_STRINGS, .offset = F(proof), .flags = SOVD_REQUIRED | SOVD_EMPTY_LIST, \
                 .doc = "Hashes in base64, from the leaves up (RFC 9162, 2.1)." }
static const struct sovd_field inclusion_fields[] = {
        INT(seq, "The entry; its leaf has the index seq - 1."), INT(size, "Of the tree."), TEXT(leaf, "Hash of the entry, base64."),
        TEXT(root, "Of the tree of this size, base64."), HASHES, { 0 }
};
static const struct sovd_field consistency_fields[] = {
        INT(from, "Size of the older tree."), INT(to, "Size of the newer one."), TEXT(from_root, "Base64."), TEXT(to_root, "Base64."),
        HASHES, { 0 }
};
#undef F
#undef TEXT
#undef INT
static const struct sovd_schema inclusion_schema = { .name = "AuditInclusion", .size = sizeof(struct proof),
                                                     .fields = inclusion_fields };
static const struct sovd_schema consistency_schema = { .name = "AuditConsistency", .size = sizeof(struct proof),
                                                       .fields = consistency_fields };

static const char *base64(struct sovd_call *call, const struct sovd_audit_hash *hash) {
        char text[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];

        sovd_audit_to_base64(text, hash->bytes, sizeof(hash->bytes));
        return sovd_call_printf(call, "%s", text);
}

static int write_hashes(struct sovd_call *call, const struct sovd_audit_proof *proof, struct proof *out) {
        const char **items = sovd_arena_array(call->arena, const char *, proof->n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        for (unsigned i = 0; i < proof->n; i++)
                items[i] = base64(call, &proof->hashes[i]);
        out->proof = (struct sovd_strings){ .items = items, .n = proof->n, .set = true };
        call->out = out;
        return 0;
}

/* A whole number from `least` on; 0 = not given. */
static int take_number(struct sovd_call *call, const char *name, bool required, uint64_t *ret) {
        const char *text = sovd_call_query(call, name);
        long long n = text ? strtoll(text, NULL, 10) : 0; /* dispatch has checked that it is a number */

        *ret = (uint64_t)n;
        if (text ? n >= 1 : !required)
                return 0;
        return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter '%s' %s", name, text ? "must be 1 or more" : "is missing");
}

static int inclusion(struct sovd_call *call) {
        struct proof *out = sovd_arena_new0(call->arena, struct proof);
        struct sovd_audit_hash leaf, root;
        struct sovd_audit_proof proof;
        uint64_t seq, size;
        if (!out)
                return sovd_error_origin(-ENOMEM);
        if (!audit_of(call))
                return no_audit(call);

        int r = take_number(call, "seq", true, &seq);
        if (!r)
                r = take_number(call, "size", false, &size);
        if (r)
                return r;
        r = sovd_audit_inclusion(audit_of(call), seq, &size, &leaf, &root, &proof);
        if (r)
                return failed(call, r);
        *out = (struct proof){ .seq = SOVD_INT((int64_t)seq), .size = SOVD_INT((int64_t)size), .leaf = base64(call, &leaf),
                               .root = base64(call, &root) };
        return write_hashes(call, &proof, out);
}

static int consistency(struct sovd_call *call) {
        struct proof *out = sovd_arena_new0(call->arena, struct proof);
        struct sovd_audit_hash from_root, root;
        struct sovd_audit_proof proof;
        uint64_t from, to;
        if (!out)
                return sovd_error_origin(-ENOMEM);
        if (!audit_of(call))
                return no_audit(call);

        int r = take_number(call, "from", true, &from);
        if (!r)
                r = take_number(call, "to", false, &to);
        if (r)
                return r;
        r = sovd_audit_consistency(audit_of(call), from, &to, &from_root, &root, &proof);
        if (r)
                return failed(call, r);
        *out = (struct proof){ .from = SOVD_INT((int64_t)from), .to = SOVD_INT((int64_t)to), .from_root = base64(call, &from_root),
                               .to_root = base64(call, &root) };
        return write_hashes(call, &proof, out);
}

/* --- the export --------------------------------------------------------------------------------------------- */

struct audit_export {
        struct sovd_export base;
        struct sovd_audit *audit;
        struct sovd_audit_export lines;
};

static int write_line(void *data, const char *text, size_t n) {
        struct sovd_export *x = data;

        sovd_json_raw(&x->w, text, n);
        return x->w.error;
}

static int export_step(struct sovd_export *x, bool *ret_more) {
        struct audit_export *e = (struct audit_export *)x;

        return sovd_audit_export_step(e->audit, &e->lines, write_line, x, ret_more);
}

static int begin_export(struct sovd_call *call, struct audit_export *e) {
        uint64_t from;
        int r = take_number(call, "seq", false, &from);

        return r ? r : failed(call, sovd_audit_export_begin(e->audit, from, call->arena, &e->lines));
}

static int export(struct sovd_call *call) {
        struct audit_export *e;
        if (!audit_of(call))
                return no_audit(call);
        if (call->principal.tenant) /* a part of it proves nothing */
                return sovd_fail(call, SOVD_E_FORBIDDEN, "the whole log is not for a client of one tenant");

        int r = sovd_export_new(call, sizeof(*e), "audit", &e);
        if (r)
                return r;
        e->base.is_plain = true;
        e->base.step = export_step;
        e->audit = audit_of(call);
        r = begin_export(call, e);
        if (r)
                return sovd_export_cancel(call, &e->base, r);
        return sovd_export_answer(call, &e->base, "audit.ndjson");
}

/* --- the acknowledgement ------------------------------------------------------------------------------------ */

struct acknowledged {
        const char *finding;
};
static const struct sovd_field acknowledged_fields[] = {
        { .name = "finding", .type = SOVD_FIELD_STRING, .offset = offsetof(struct acknowledged, finding), .flags = SOVD_REQUIRED,
          .doc = "What was found, and is no longer a reason to refuse changes." },
        { 0 }
};
static const struct sovd_schema acknowledged_schema = { .name = "AuditAcknowledged", .size = sizeof(struct acknowledged),
                                                        .fields = acknowledged_fields };

static int acknowledge(struct sovd_call *call) {
        struct sovd_rest_call *outer = (struct sovd_rest_call *)call;
        struct acknowledged *out = sovd_arena_new0(call->arena, struct acknowledged);
        struct sovd_audit_self_status self = { .reason = "" };
        struct sovd_audit_status s;
        if (!out)
                return sovd_error_origin(-ENOMEM);
        if (!audit_of(call))
                return no_audit(call);

        sovd_audit_status(audit_of(call), &s);
        (void)sovd_audit_verification(audit_of(call), &self);
        int r = sovd_audit_acknowledge(audit_of(call), &outer->trail.who);
        if (r == SOVD_E_CONFLICT)
                return sovd_fail(call, r, "there is nothing to acknowledge: the audit log is as it was written");
        if (r)
                return failed(call, r);
        out->finding = sovd_call_printf(call, "%s", s.tampered ? s.why : self.reason);
        call->out = out;
        return 0;
}

static const struct sovd_query_param list_query[] = {
        { "event", SOVD_QUERY_STRING, "Only this event, such as request.outcome, or all that begin with this word." },
        { "principal", SOVD_QUERY_STRING, "Only what this client asked for." },
        { "entity", SOVD_QUERY_STRING, "Only what was asked of this entity: components/bms." },
        { "outcome", SOVD_QUERY_STRING, "ok, denied, error or unknown." },
        { "method", SOVD_QUERY_STRING, "Only requests with this method." },
        SOVD_PAGE_TIMES("entries"),
        SOVD_PAGE_LIMIT("100 without it"),
        { 0 }
};
static const struct sovd_query_param proof_query[] = {
        { "seq", SOVD_QUERY_INT, "The entry." },
        { "size", SOVD_QUERY_INT, "Of the tree that it is in; that of now without it." },
        { 0 }
};
static const struct sovd_query_param consistency_query[] = {
        { "from", SOVD_QUERY_INT, "Size of the older tree." },
        { "to", SOVD_QUERY_INT, "Size of the newer one; that of now without it." },
        { 0 }
};
static const struct sovd_query_param export_query[] = {
        { "seq", SOVD_QUERY_INT, "The first entry; without it the first that is kept." },
        { 0 }
};

#define READ .method = SOVD_GET, .collection = SOVD_NO_COLLECTION, .success = 200

const struct sovd_route sovd_routes_audit[] = {
        { .id = "audit-list", .path = "/audit", .handler = list, .flags = SOVD_AUDITOR | SOVD_AUDITED, .query = list_query,
          .out = &page_schema, .summary = "Read the audit log, newest entries first", READ },
        { .id = "audit-checkpoint", .path = "/audit/checkpoint", .handler = checkpoint,
          .flags = SOVD_AUDITOR | SOVD_AUDITED | SOVD_DOCUMENT | SOVD_PLAIN_TEXT,
          .summary = "Read the signed head of the audit log (C2SP tlog-checkpoint)", READ },
        { .id = "audit-proof", .path = "/audit/proof", .handler = inclusion, .flags = SOVD_AUDITOR | SOVD_AUDITED,
          .query = proof_query, .out = &inclusion_schema, .summary = "Read the proof that an entry is in the audit log",
          .clause = "RFC 9162 2.1.3", READ },
        { .id = "audit-consistency", .path = "/audit/consistency", .handler = consistency, .flags = SOVD_AUDITOR | SOVD_AUDITED,
          .query = consistency_query, .out = &consistency_schema,
          .summary = "Read the proof that the audit log was only added to", .clause = "RFC 9162 2.1.4", READ },
        { .id = "audit-export", .path = "/audit/export", .handler = export, .flags = SOVD_AUDITOR | SOVD_AUDITED | SOVD_STREAM_OUT,
          .query = export_query, .summary = "Read the whole audit log with its signatures, one JSON object on a line", READ },
        { .id = "audit-acknowledge", .method = SOVD_POST, .path = "/x-admin/audit/acknowledge", .handler = acknowledge,
          .flags = SOVD_ADMIN | SOVD_ACKNOWLEDGES, .collection = SOVD_NO_COLLECTION, .out = &acknowledged_schema, .success = 200,
          .summary = "Say that it was seen that the audit log was changed by somebody else" },
        { 0 }
};
