#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Entry - one line of the audit log
 *
 * An entry is hashed as the bytes it was written with, and there is one way to write each entry (canon.h): what can be
 * read can be shown to be what was meant. Pure functions, without a database; nothing is allocated.
 */
#include "sovd-core/audit/canon.h"
#include "sovd-core/audit/hash.h"

#define SOVD_AUDIT_BODY_MAX   4096 /* bytes of an entry */
#define SOVD_AUDIT_PATH_MAX   1024 /* bytes of its path, as text */
#define SOVD_AUDIT_TEXT_MAX   256  /* of any other text */
#define SOVD_AUDIT_DETAIL_MAX 16   /* members of its detail */
#define SOVD_AUDIT_LOG_SIZE   37   /* the name of a log: a lower-case UUID and a NUL */
#define SOVD_AUDIT_BOOT_SIZE  33   /* a start of the machine: 32 hex digits and a NUL */

struct sovd_audit_detail {
        const char *name; /* [a-z_], at most SOVD_CANON_NAME_MAX */
        const char *text; /* NULL: it is a number */
        uint64_t number;
};

/* Texts are NULL when absent. What a client sent goes through sovd_audit_clip() first. */
struct sovd_audit_entry {
        const char *log;  /* required */
        uint64_t seq;     /* required, from 1 */
        const char *t;    /* required: sovd_clock_format() */
        uint64_t mono;    /* required: nanoseconds of CLOCK_BOOTTIME */
        const char *boot; /* required */
        const char *ev;   /* required: [a-z.]+ */
        const char *req, *sub, *auth, *jti, *cert, *ip, *method, *path, *entity, *lock;
        uint64_t status;     /* HTTP; 0 = absent */
        const char *outcome; /* "ok", "denied", "error", "unknown" */
        struct sovd_audit_detail detail[SOVD_AUDIT_DETAIL_MAX];
        size_t n_detail;
};

/* The entry as text with its NUL, details in any order. -EINVAL: a required member is missing, or a value cannot be one
 * of its kind; -E2BIG: a text or the whole is too long. */
int sovd_audit_entry_write(const struct sovd_audit_entry *entry, char ret[static SOVD_AUDIT_BODY_MAX + 1],
                           size_t *ret_len);

/* Room for the texts of an entry that was read. */
struct sovd_audit_text {
        char bytes[SOVD_AUDIT_BODY_MAX + 1];
};

/* Reads exactly what the writer writes; texts point into room. NULL, or why it is not such an entry (static text). */
const char *sovd_audit_entry_read(const char *body, size_t len, struct sovd_audit_entry *ret,
                                  struct sovd_audit_text *room);

/* Members by their name, for filters and columns: the text of one, NULL when it is absent or none of that name. */
const char *sovd_audit_entry_text(const struct sovd_audit_entry *entry, const char *name);
/* The same for numbers: v, seq, mono, status. false: absent, or none of that name. */
bool sovd_audit_entry_number(const struct sovd_audit_entry *entry, const char *name, uint64_t *ret);
/* A detail by its name, or NULL. */
const struct sovd_audit_detail *sovd_audit_entry_detail(const struct sovd_audit_entry *entry,
                                                        const char *name);

/* Whatever bytes a client sent, as text that fits into size - 1 bytes: what is not UTF-8 becomes U+FFFD, a character
 * that does not fit whole is left out. Returns ret. */
const char *sovd_audit_clip(char *ret, size_t size, const char *s);

/* Is it a name as logs have them; is it a start of the machine; a time as sovd_clock_format() writes it? */
bool sovd_audit_is_log(const char *text);
bool sovd_audit_is_boot(const char *text);
bool sovd_audit_is_time(const char *text);
