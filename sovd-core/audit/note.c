/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/note.h"
#include "sovd-core/base/error.h"
#include <openssl/evp.h>
#include <stdio.h>

#define ORIGIN    "sovd-audit/"
#define DASH      "\xe2\x80\x94 " /* U+2014 and a blank begin a line of signature */
#define KEY_LABEL "sovd-audit-key-v1\n"
#define NAMED     4 /* bytes that name the key */
#define ED25519   1 /* the kind of signature, in the name of its key */

struct sovd_audit_signer {
        EVP_PKEY *pkey;
        unsigned char public_key[SOVD_AUDIT_KEY];
};

struct sovd_audit_public {
        EVP_PKEY *pkey;
        unsigned char bytes[SOVD_AUDIT_KEY];
};

static void free_context(EVP_MD_CTX **context) {
        EVP_MD_CTX_free(*context);
}

/* --- keys of the library -------------------------------------------------------------------------------- */

int sovd_audit_signer_new(struct sovd_audit_signer **ret, const unsigned char seed[static SOVD_AUDIT_KEY]) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *signer = calloc(1, sizeof(*signer));
        size_t n = SOVD_AUDIT_KEY;
        if (!signer)
                return -ENOMEM;

        signer->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SOVD_AUDIT_KEY);
        if (!signer->pkey || EVP_PKEY_get_raw_public_key(signer->pkey, signer->public_key, &n) != 1 ||
            n != SOVD_AUDIT_KEY)
                return sovd_error_origin(-EIO);
        *ret = SOVD_TAKE(signer);
        return 0;
}

struct sovd_audit_signer *sovd_audit_signer_free(struct sovd_audit_signer *signer) {
        if (!signer)
                return NULL;
        EVP_PKEY_free(signer->pkey); /* wipes what it holds */
        free(signer);
        return NULL;
}

const unsigned char *sovd_audit_signer_public(const struct sovd_audit_signer *signer) {
        return signer->public_key;
}

int sovd_audit_sign(const struct sovd_audit_signer *signer, const void *data, size_t n,
                    unsigned char ret[static SOVD_AUDIT_SIGNATURE]) {
        _cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
        size_t size = SOVD_AUDIT_SIGNATURE;

        if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, signer->pkey) != 1 ||
            EVP_DigestSign(context, ret, &size, data, n) != 1 || size != SOVD_AUDIT_SIGNATURE)
                return sovd_error_origin(-EIO);
        return 0;
}

int sovd_audit_public_new(struct sovd_audit_public **ret, const unsigned char key[static SOVD_AUDIT_KEY]) {
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *public = calloc(1, sizeof(*public));
        if (!public)
                return -ENOMEM;

        public->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SOVD_AUDIT_KEY);
        if (!public->pkey)
                return sovd_error_origin(-EIO);
        memcpy(public->bytes, key, SOVD_AUDIT_KEY);
        *ret = SOVD_TAKE(public);
        return 0;
}

struct sovd_audit_public *sovd_audit_public_free(struct sovd_audit_public *key) {
        if (!key)
                return NULL;
        EVP_PKEY_free(key->pkey);
        free(key);
        return NULL;
}

int sovd_audit_check_signature(const struct sovd_audit_public *key, const void *data, size_t n,
                               const unsigned char signature[static SOVD_AUDIT_SIGNATURE]) {
        _cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (!context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) != 1)
                return sovd_error_origin(-EIO);
        return EVP_DigestVerify(context, signature, SOVD_AUDIT_SIGNATURE, data, n) == 1 ? 0 : -EBADMSG;
}

/* --- checkpoints ---------------------------------------------------------------------------------------- */

/* The text that is signed. *ret_len: its bytes. */
static int write_text(const struct sovd_audit_checkpoint *c, char *ret, size_t *ret_len) {
        char root[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)], chain[SOVD_AUDIT_HEX];

        if (!sovd_audit_is_log(c->log) || !sovd_audit_is_boot(c->boot) || !sovd_audit_is_time(c->time) ||
            c->size > SOVD_CANON_INT_MAX || c->epoch > SOVD_CANON_INT_MAX)
                return -EINVAL;
        sovd_audit_to_base64(root, c->root.bytes, SOVD_AUDIT_HASH);
        int n = snprintf(ret, SOVD_AUDIT_NOTE_SIZE,
                         ORIGIN "%s\n%llu\n%s\nchain %s\nboot %s\ntime %s\nepoch %llu\n", c->log,
                         (unsigned long long)c->size, root, sovd_audit_to_hex(chain, &c->chain), c->boot,
                         c->time, (unsigned long long)c->epoch);
        *ret_len = (size_t)n;
        return n > 0 && n < SOVD_AUDIT_NOTE_SIZE ? 0 : -EINVAL;
}

/* Which key it is, to a reader who has many: of its bytes and the name of the log. */
static int name_key(const char *log, const unsigned char *key, unsigned char ret[NAMED]) {
        unsigned char data[sizeof(ORIGIN) + SOVD_AUDIT_LOG_SIZE + 2 + SOVD_AUDIT_KEY];
        struct sovd_audit_hash hash;

        size_t n = (size_t)snprintf((char *)data, sizeof(data), ORIGIN "%s\n%c", log, ED25519);
        memcpy(data + n, key, SOVD_AUDIT_KEY);
        int r = sovd_audit_sha256(data, n + SOVD_AUDIT_KEY, &hash);
        if (!r)
                memcpy(ret, hash.bytes, NAMED);
        return r;
}

static int add_signature(char *note, size_t len, const char *log, const unsigned char *signature) {
        char base64[SOVD_AUDIT_BASE64(NAMED + SOVD_AUDIT_SIGNATURE)];

        sovd_audit_to_base64(base64, signature, NAMED + SOVD_AUDIT_SIGNATURE);
        int n = snprintf(note + len, SOVD_AUDIT_NOTE_SIZE - len, "\n" DASH ORIGIN "%s %s\n", log, base64);
        return n > 0 && (size_t)n < SOVD_AUDIT_NOTE_SIZE - len ? 0 : -EINVAL;
}

int sovd_audit_note_sign(const struct sovd_audit_checkpoint *checkpoint,
                         const struct sovd_audit_signer *signer, char ret[static SOVD_AUDIT_NOTE_SIZE],
                         unsigned char *ret_signature) {
        unsigned char signature[NAMED + SOVD_AUDIT_SIGNATURE];
        size_t len;

        int r = write_text(checkpoint, ret, &len);
        if (!r)
                r = name_key(checkpoint->log, signer->public_key, signature);
        if (!r)
                r = sovd_audit_sign(signer, ret, len, signature + NAMED);
        if (!r)
                r = add_signature(ret, len, checkpoint->log, signature);
        if (!r && ret_signature)
                memcpy(ret_signature, signature + NAMED, SOVD_AUDIT_SIGNATURE);
        return r;
}

struct parsed {
        struct sovd_audit_checkpoint checkpoint;
        unsigned char signature[NAMED + SOVD_AUDIT_SIGNATURE];
        size_t text_len; /* what is signed */
};

/* The rest of a line behind its label, at most size - 1 bytes; *p moves behind the line. */
static bool take_line(const char **p, const char *label, char *ret, size_t size) {
        if (!sovd_has_prefix(*p, label))
                return false;
        const char *from = *p + strlen(label);
        size_t n = strcspn(from, "\n");
        if (n >= size || from[n] != '\n')
                return false;
        memcpy(ret, from, n);
        ret[n] = '\0';
        *p = from + n + 1;
        return true;
}

static bool take_number(const char **p, const char *label, uint64_t *ret) {
        char text[24];
        struct sovd_canon_reader r;

        if (!take_line(p, label, text, sizeof(text)))
                return false;
        sovd_canon_read(&r, text, NULL, 0);
        return sovd_canon_get_int(&r, ret) && sovd_canon_is_end(&r);
}

static bool take_text(const char *note, struct parsed *ret) {
        char root[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)], chain[SOVD_AUDIT_HEX];
        struct sovd_audit_checkpoint *c = &ret->checkpoint;
        const char *p = note;

        if (!take_line(&p, ORIGIN, c->log, sizeof(c->log)) || !take_number(&p, "", &c->size) ||
            !take_line(&p, "", root, sizeof(root)) || !take_line(&p, "chain ", chain, sizeof(chain)) ||
            !take_line(&p, "boot ", c->boot, sizeof(c->boot)) ||
            !take_line(&p, "time ", c->time, sizeof(c->time)) || !take_number(&p, "epoch ", &c->epoch))
                return false;
        ret->text_len = (size_t)(p - note);
        return sovd_audit_from_base64(root, c->root.bytes, SOVD_AUDIT_HASH) &&
               sovd_audit_from_hex(chain, &c->chain);
}

/* What was read, written again, must be the same bytes: so no second way to write a note is taken for one. */
static int parse(const char *note, struct parsed *ret) {
        char again[SOVD_AUDIT_NOTE_SIZE], label[sizeof(DASH ORIGIN) + SOVD_AUDIT_LOG_SIZE + 2];
        char signature[SOVD_AUDIT_BASE64(NAMED + SOVD_AUDIT_SIGNATURE)];
        size_t len;

        if (strnlen(note, SOVD_AUDIT_NOTE_SIZE) == SOVD_AUDIT_NOTE_SIZE || !take_text(note, ret))
                return -EBADMSG;
        const char *p = note + ret->text_len;
        (void)snprintf(label, sizeof(label), "\n" DASH ORIGIN "%s ", ret->checkpoint.log);
        if (!take_line(&p, label, signature, sizeof(signature)) ||
            !sovd_audit_from_base64(signature, ret->signature, sizeof(ret->signature)))
                return -EBADMSG;
        if (write_text(&ret->checkpoint, again, &len) ||
            add_signature(again, len, ret->checkpoint.log, ret->signature))
                return -EBADMSG;
        return strcmp(note, again) == 0 ? 0 : -EBADMSG;
}

int sovd_audit_note_read(const char *note, struct sovd_audit_checkpoint *ret, unsigned char *ret_signature) {
        struct parsed parsed = { 0 };

        int r = parse(note, &parsed);
        if (r)
                return r;
        *ret = parsed.checkpoint;
        if (ret_signature)
                memcpy(ret_signature, parsed.signature + NAMED, SOVD_AUDIT_SIGNATURE);
        return 0;
}

int sovd_audit_note_check(const char *note, const struct sovd_audit_public *key) {
        unsigned char name[NAMED];
        struct parsed parsed = { 0 };

        int r = parse(note, &parsed);
        if (!r)
                r = name_key(parsed.checkpoint.log, key->bytes, name);
        if (r)
                return r;
        if (memcmp(name, parsed.signature, NAMED) != 0)
                return -EBADMSG;
        return sovd_audit_check_signature(key, note, parsed.text_len, parsed.signature + NAMED);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

#define KEY_TEXT 256

static int write_key(const struct sovd_audit_key *key, const char *log, char ret[KEY_TEXT], size_t *ret_len) {
        char base64[SOVD_AUDIT_BASE64(SOVD_AUDIT_KEY)];

        if (!sovd_audit_is_log(log) || key->epoch > SOVD_CANON_INT_MAX || key->from_size > SOVD_CANON_INT_MAX)
                return -EINVAL;
        sovd_audit_to_base64(base64, key->public_key, SOVD_AUDIT_KEY);
        *ret_len =
                (size_t)snprintf(ret, KEY_TEXT, KEY_LABEL "%s\n%llu\n%llu\n%s\n", log,
                                 (unsigned long long)key->epoch, (unsigned long long)key->from_size, base64);
        return 0;
}

int sovd_audit_key_sign(struct sovd_audit_key *key, const char *log, const struct sovd_audit_signer *before) {
        char text[KEY_TEXT];
        size_t len;

        int r = write_key(key, log, text, &len);
        return r ? r : sovd_audit_sign(before, text, len, key->signature);
}

int sovd_audit_key_check(const struct sovd_audit_key *key, const char *log,
                         const struct sovd_audit_public *before) {
        char text[KEY_TEXT];
        size_t len;

        int r = write_key(key, log, text, &len);
        if (r)
                return -EBADMSG;
        return sovd_audit_check_signature(before, text, len, key->signature);
}

bool sovd_audit_key_covers(const struct sovd_audit_key *key, const struct sovd_audit_key *next,
                           uint64_t size) {
        return key->from_size <= size && (!next || size <= next->from_size);
}

int sovd_audit_fingerprint(const unsigned char key[static SOVD_AUDIT_KEY], char ret[static SOVD_AUDIT_HEX]) {
        struct sovd_audit_hash hash;

        int r = sovd_audit_sha256(key, SOVD_AUDIT_KEY, &hash);
        if (!r)
                (void)sovd_audit_to_hex(ret, &hash);
        return r;
}
