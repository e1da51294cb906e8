/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/entry.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/timestamp.h"

enum kind { TEXT, NUMBER, VERSION, DETAIL };

struct member {
        const char *name;
        enum kind kind;
        size_t offset;
        bool required;
        uint64_t min, max;        /* of a number; bytes of a text */
        bool (*is)(const char *); /* of a text, or NULL */
};

/* --- what a value may be -------------------------------------------------------------------------------- */

bool sovd_audit_is_log(const char *text) {
        for (size_t i = 0; i < SOVD_AUDIT_LOG_SIZE - 1; i++) {
                bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
                if (!text[i] || (hyphen ? text[i] != '-' : !strchr(SOVD_HEX_DIGITS, text[i])))
                        return false;
        }
        return !text[SOVD_AUDIT_LOG_SIZE - 1];
}

bool sovd_audit_is_boot(const char *text) {
        return strspn(text, SOVD_HEX_DIGITS) == SOVD_AUDIT_BOOT_SIZE - 1 && !text[SOVD_AUDIT_BOOT_SIZE - 1];
}

/* Only what the program writes: a second of 60 or another offset would be a second text for the same time. */
bool sovd_audit_is_time(const char *text) {
        char again[SOVD_TIMESTAMP_SIZE];
        uint64_t usec;

        return strlen(text) == 24 && sovd_timestamp_parse(text, &usec) &&
               strcmp(sovd_clock_format(again, usec), text) == 0;
}

static bool is_event(const char *text) {
        return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz.") == strlen(text);
}

static bool is_outcome(const char *text) {
        return sovd_streq(text, "ok") || sovd_streq(text, "denied") || sovd_streq(text, "error") ||
               sovd_streq(text, "unknown");
}

static bool is_detail_name(const char *text) {
        size_t n = strlen(text);

        return n && n <= SOVD_CANON_NAME_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == n;
}

/* In the order of their bytes. */
#define MEMBER(name) #name, TEXT, offsetof(struct sovd_audit_entry, name)
#define AMOUNT(name) #name, NUMBER, offsetof(struct sovd_audit_entry, name)
static const struct member members[] = {
        { MEMBER(auth), false, 0, SOVD_AUDIT_TEXT_MAX },
        { MEMBER(boot), true, 0, SOVD_AUDIT_TEXT_MAX, sovd_audit_is_boot },
        { MEMBER(cert), false, 0, SOVD_AUDIT_TEXT_MAX },
        { "detail", DETAIL },
        { MEMBER(entity), false, 0, SOVD_AUDIT_TEXT_MAX },
        { MEMBER(ev), true, 0, SOVD_AUDIT_TEXT_MAX, is_event },
        { MEMBER(ip), false, 0, SOVD_AUDIT_TEXT_MAX },
        { MEMBER(jti), false, 0, SOVD_AUDIT_TEXT_MAX },
        { MEMBER(lock), false, 0, SOVD_AUDIT_TEXT_MAX },
        { MEMBER(log), true, 0, SOVD_AUDIT_TEXT_MAX, sovd_audit_is_log },
        { MEMBER(method), false, 0, SOVD_AUDIT_TEXT_MAX },
        { AMOUNT(mono), true, 0, SOVD_CANON_INT_MAX },
        { MEMBER(outcome), false, 0, SOVD_AUDIT_TEXT_MAX, is_outcome },
        { MEMBER(path), false, 0, SOVD_AUDIT_PATH_MAX },
        { MEMBER(req), false, 0, SOVD_AUDIT_TEXT_MAX },
        { AMOUNT(seq), true, 1, SOVD_CANON_INT_MAX },
        { AMOUNT(status), false, 100, 999 },
        { MEMBER(sub), false, 0, SOVD_AUDIT_TEXT_MAX },
        { MEMBER(t), true, 0, SOVD_AUDIT_TEXT_MAX, sovd_audit_is_time },
        { "v", VERSION, 0, true, 1, 1 },
};

static const char **text_of(const struct sovd_audit_entry *e, const struct member *m) {
        return (const char **)((uintptr_t)e + m->offset);
}

static uint64_t *number_of(const struct sovd_audit_entry *e, const struct member *m) {
        return (uint64_t *)((uintptr_t)e + m->offset);
}

static bool is_in_bounds(const struct member *m, uint64_t v) {
        return v >= m->min && v <= m->max;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
        return strcmp(((const struct sovd_audit_detail *)a)->name,
                      ((const struct sovd_audit_detail *)b)->name);
}

static void write_detail(struct sovd_canon_writer *w, const struct sovd_audit_detail *d) {
        if (d->text && strlen(d->text) > SOVD_AUDIT_TEXT_MAX)
                w->error = w->error ?: -E2BIG;
        else if (d->text)
                sovd_canon_member(w, d->name, d->text);
        else
                sovd_canon_number(w, d->name, d->number);
}

static int write_details(struct sovd_canon_writer *w, const struct sovd_audit_entry *e) {
        struct sovd_audit_detail sorted[SOVD_AUDIT_DETAIL_MAX];

        if (!e->n_detail)
                return 0;
        if (e->n_detail > SOVD_AUDIT_DETAIL_MAX)
                return -E2BIG;
        memcpy(sorted, e->detail, e->n_detail * sizeof(*sorted));
        qsort(sorted, e->n_detail, sizeof(*sorted), by_name);
        sovd_canon_name(w, "detail");
        sovd_canon_open(w, '{');
        for (size_t i = 0; i < e->n_detail; i++) {
                if (!is_detail_name(sorted[i].name) || (i && sovd_streq(sorted[i - 1].name, sorted[i].name)))
                        return -EINVAL;
                write_detail(w, &sorted[i]);
        }
        sovd_canon_close(w, '}');
        return 0;
}

static int write_text(struct sovd_canon_writer *w, const struct member *m, const char *text) {
        if (!text)
                return m->required ? -EINVAL : 0;
        if (strlen(text) > m->max)
                return -E2BIG;
        if (m->is && !m->is(text))
                return -EINVAL;
        sovd_canon_member(w, m->name, text);
        return 0;
}

static int write_number(struct sovd_canon_writer *w, const struct member *m, uint64_t v) {
        if (!v && !m->required)
                return 0;
        if (!is_in_bounds(m, v))
                return -EINVAL;
        sovd_canon_number(w, m->name, v);
        return 0;
}

static int write_member(struct sovd_canon_writer *w, const struct sovd_audit_entry *e,
                        const struct member *m) {
        switch (m->kind) {
        case TEXT:
                return write_text(w, m, *text_of(e, m));
        case NUMBER:
                return write_number(w, m, *number_of(e, m));
        case DETAIL:
                return write_details(w, e);
        case VERSION:
        default:
                return write_number(w, m, 1);
        }
}

int sovd_audit_entry_write(const struct sovd_audit_entry *entry, char ret[static SOVD_AUDIT_BODY_MAX + 1],
                           size_t *ret_len) {
        struct sovd_canon_writer w;
        int r = 0;

        sovd_canon_begin(&w, ret, SOVD_AUDIT_BODY_MAX + 1);
        sovd_canon_open(&w, '{');
        for (size_t i = 0; !r && i < SOVD_N_ELEMENTS(members); i++)
                r = write_member(&w, entry, &members[i]);
        sovd_canon_close(&w, '}');
        return r ? r : sovd_canon_end(&w, ret_len);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static bool read_detail(struct sovd_canon_reader *r, struct sovd_audit_entry *e, const char *name) {
        struct sovd_audit_detail *d = &e->detail[e->n_detail];
        size_t n = strlen(name), len = 0;

        if (e->n_detail == SOVD_AUDIT_DETAIL_MAX)
                return sovd_canon_fail(r, "its detail has too many members");
        if (n >= r->room_left)
                return sovd_canon_fail(r, "it is too long");
        e->n_detail++;
        d->name = memcpy(r->room, name, n + 1);
        r->room += n + 1;
        r->room_left -= n + 1;
        if (!sovd_canon_is(r, '"'))
                return sovd_canon_get_int(r, &d->number);
        d->text = sovd_canon_get_string(r, &len);
        return d->text && (len <= SOVD_AUDIT_TEXT_MAX || sovd_canon_fail(r, "a text is too long"));
}

static bool read_details(struct sovd_canon_reader *r, struct sovd_audit_entry *e) {
        char name[SOVD_CANON_NAME_MAX + 1] = "";

        (void)sovd_canon_take(r, '{');
        while (sovd_canon_next(r, name))
                if (!read_detail(r, e, name))
                        return false;
        return !r->reason && (e->n_detail || sovd_canon_fail(r, "its detail is empty"));
}

static bool read_text(struct sovd_canon_reader *r, const struct member *m, const char **ret) {
        size_t len;
        const char *text = sovd_canon_get_string(r, &len);

        if (!text)
                return false;
        if (len > m->max)
                return sovd_canon_fail(r, "a text is too long");
        if (m->is && !m->is(text))
                return sovd_canon_fail(r, "a value is none of its kind");
        *ret = text;
        return true;
}

static bool read_number(struct sovd_canon_reader *r, const struct member *m, uint64_t *ret) {
        return sovd_canon_get_int(r, ret) &&
               (is_in_bounds(m, *ret) || sovd_canon_fail(r, "a number is out of its bounds"));
}

static bool read_member(struct sovd_canon_reader *r, const struct member *m, struct sovd_audit_entry *e) {
        uint64_t version;

        switch (m->kind) {
        case TEXT:
                return read_text(r, m, text_of(e, m));
        case NUMBER:
                return read_number(r, m, number_of(e, m));
        case DETAIL:
                return read_details(r, e);
        case VERSION:
        default:
                return read_number(r, m, &version);
        }
}

/* The members come in the order of the table, so one walk finds each, and what was passed over is absent. */
static bool pass_to(struct sovd_canon_reader *r, const char *name, size_t *i) {
        for (; *i < SOVD_N_ELEMENTS(members) && (!name || strcmp(members[*i].name, name) != 0); ++*i)
                if (members[*i].required)
                        return sovd_canon_fail(r, "a required member is missing");
        return !name || *i < SOVD_N_ELEMENTS(members) ||
               sovd_canon_fail(r, "it has a member that is not known");
}

/* Decoded texts are never longer than what they are written with: the room holds each with its NUL, where the closing
 * quote stood; names of details stand where their quotes and colon did. */
const char *sovd_audit_entry_read(const char *body, size_t len, struct sovd_audit_entry *ret,
                                  struct sovd_audit_text *room) {
        char name[SOVD_CANON_NAME_MAX + 1] = "";
        struct sovd_canon_reader r;
        size_t i = 0;

        if (len > SOVD_AUDIT_BODY_MAX)
                return "it is too long";
        if (strnlen(body, len + 1) != len)
                return "it has a zero byte";
        *ret = (struct sovd_audit_entry){ 0 };
        sovd_canon_read(&r, body, room->bytes, sizeof(room->bytes));
        (void)sovd_canon_take(&r, '{');
        while (sovd_canon_next(&r, name))
                if (!pass_to(&r, name, &i) || !read_member(&r, &members[i++], ret))
                        return r.reason;
        if (!r.reason && pass_to(&r, NULL, &i))
                (void)sovd_canon_is_end(&r);
        return r.reason;
}

/* --- members by name ------------------------------------------------------------------------------------ */

static const struct member *find(const char *name, enum kind kind) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(members); i++)
                if (members[i].kind == kind && strcmp(members[i].name, name) == 0)
                        return &members[i];
        return NULL;
}

const char *sovd_audit_entry_text(const struct sovd_audit_entry *entry, const char *name) {
        const struct member *m = find(name, TEXT);

        return m ? *text_of(entry, m) : NULL;
}

bool sovd_audit_entry_number(const struct sovd_audit_entry *entry, const char *name, uint64_t *ret) {
        const struct member *m = find(name, NUMBER);

        if (!m)
                return false;
        *ret = *number_of(entry, m);
        return *ret || m->required;
}

const struct sovd_audit_detail *sovd_audit_entry_detail(const struct sovd_audit_entry *entry,
                                                        const char *name) {
        for (size_t i = 0; i < entry->n_detail; i++)
                if (strcmp(entry->detail[i].name, name) == 0)
                        return &entry->detail[i];
        return NULL;
}

/* --- what clients send ---------------------------------------------------------------------------------- */

static size_t character_of(const char *s) {
        for (size_t n = 1; n <= 4 && s[n - 1]; n++)
                if (sovd_utf8_is_valid(s, n))
                        return n;
        return 0;
}

const char *sovd_audit_clip(char *ret, size_t size, const char *s) {
        static const char unknown[] = "\xef\xbf\xbd";
        size_t n = 0;

        while (*s) {
                size_t take = character_of(s), len = take ? take : sizeof(unknown) - 1;
                if (len >= size - n)
                        break;
                memcpy(ret + n, take ? s : unknown, len);
                n += len;
                s += take ? take : 1;
        }
        ret[n] = '\0';
        return ret;
}
