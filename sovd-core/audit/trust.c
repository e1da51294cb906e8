/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/trust.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <ctype.h>
#include <stdio.h>

#define HEADER_NAME "SOVD-Audit-Head:"

/* --- keys ----------------------------------------------------------------------------------------------- */

static const char *take_pem(const char *text, unsigned char ret[static SOVD_AUDIT_KEY]) {
        BIO *bio = BIO_new_mem_buf(text, -1);
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
        size_t n = SOVD_AUDIT_KEY;

        bool ok = key && EVP_PKEY_is_a(key, "ED25519") && EVP_PKEY_get_raw_public_key(key, ret, &n) == 1 &&
                  n == SOVD_AUDIT_KEY;
        EVP_PKEY_free(key);
        BIO_free(bio);
        return ok ? NULL : "it is no Ed25519 public key";
}

const char *sovd_audit_take_key(const char *text, unsigned char ret[static SOVD_AUDIT_KEY]) {
        struct sovd_audit_hash bytes; /* of the same length */
        char word[80];

        if (strstr(text, "PRIVATE KEY"))
                return "it is a private key: give the public one, and keep this one where it was";
        if (strstr(text, "-----BEGIN"))
                return take_pem(text, ret);
        if (sscanf(text, " %79s", word) != 1)
                return "it is empty";
        if (sovd_audit_from_base64(word, ret, SOVD_AUDIT_KEY))
                return NULL;
        if (!sovd_audit_take_fingerprint(word, &bytes))
                return "it is neither PEM nor 32 bytes as base64 or hex";
        memcpy(ret, bytes.bytes, SOVD_AUDIT_KEY);
        return NULL;
}

bool sovd_audit_take_fingerprint(const char *text, struct sovd_audit_hash *ret) {
        char hex[SOVD_AUDIT_HEX];
        size_t n = 0;

        for (; *text; text++) {
                if (*text == ':' && n && n % 2 == 0)
                        continue;
                if (n == sizeof(hex) - 1)
                        return false;
                hex[n++] = (char)tolower((unsigned char)*text);
        }
        hex[n] = '\0';
        return sovd_audit_from_hex(hex, ret);
}

/* --- heads ---------------------------------------------------------------------------------------------- */

void sovd_audit_heads_done(struct sovd_audit_heads *heads) {
        for (size_t i = 0; i < heads->n; i++)
                free((void *)(uintptr_t)heads->items[i].name);
        free(heads->items);
        *heads = (struct sovd_audit_heads){ 0 };
}

static const char *add(struct sovd_audit_heads *heads, const char *name, const struct sovd_audit_head *head) {
        if (heads->n == SOVD_AUDIT_HEADS_MAX)
                return "there are too many heads";
        struct sovd_audit_head *more = realloc(heads->items, (heads->n + 1) * sizeof(*more));
        if (!more)
                return "there is no memory";
        heads->items = more;
        more[heads->n] = *head;
        more[heads->n].name = strdup(name);
        if (!more[heads->n].name)
                return "there is no memory";
        heads->n++;
        return NULL;
}

static const char *take_note(struct sovd_audit_heads *heads, const char *name, const char *text) {
        struct sovd_audit_head head = { 0 };
        struct sovd_audit_checkpoint c;

        if (sovd_audit_note_read(text, &c, NULL))
                return "it is no checkpoint of an audit log";
        head.size = c.size;
        head.root = c.root;
        (void)strcpy(head.note, text);
        return add(heads, name, &head);
}

static const char *take_line(struct sovd_audit_heads *heads, const char *name, const char *line) {
        struct sovd_audit_head head = { 0 };
        char size[24], root[64];
        struct sovd_canon_reader r;

        if (strncasecmp(line, HEADER_NAME, strlen(HEADER_NAME)) == 0)
                line += strlen(HEADER_NAME);
        if (sscanf(line, " %23s %63s", size, root) != 2)
                return "a line is not 'SIZE ROOT'";
        sovd_canon_read(&r, size, NULL, 0);
        if (!sovd_canon_get_int(&r, &head.size) || !sovd_canon_is_end(&r) ||
            !sovd_audit_from_base64(root, head.root.bytes, SOVD_AUDIT_HASH))
                return "a line is not a size and a root in base64";
        return add(heads, name, &head);
}

const char *sovd_audit_take_heads(struct sovd_audit_heads *heads, const char *name, const char *text) {
        const char *why = NULL;
        size_t before = heads->n;
        char line[256];

        if (sovd_has_prefix(text, "sovd-audit/"))
                return take_note(heads, name, text);
        while (!why && *text) {
                size_t n = strcspn(text, "\r\n");
                if (n >= sizeof(line))
                        return "a line is too long";
                memcpy(line, text, n);
                line[n] = '\0';
                if (line[strspn(line, " \t")])
                        why = take_line(heads, name, line);
                text += n + strspn(text + n, "\r\n");
        }
        return why ? why : heads->n == before ? "it is empty" : NULL;
}
