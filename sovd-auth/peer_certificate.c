/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/peer_certificate.h"
#include "sovd-core/base/error.h"
#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#define SUBJECT_MAX     1024
#define COMMON_NAME_MAX 128
#define SAN_MAX         512

/* Printable ASCII without what would begin another line or hide something. */
static bool is_plain(const char *s, size_t n, bool spaces) {
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)s[i] > 0x7e || (unsigned char)s[i] < (spaces ? 0x20 : 0x21))
                        return false;
        return n > 0;
}

/* Escapes everything that is not ASCII, so the same name is always the same text. */
static int read_subject(struct sovd_peer_certificate *peer, const X509 *certificate) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *text = NULL;
        int r = bio ? 0 : sovd_error_origin(-ENOMEM);

        if (!r && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
                long n = BIO_get_mem_data(bio, &text);
                if (n > 0 && n <= SUBJECT_MAX && is_plain(text, (size_t)n, true)) {
                        peer->subject = sovd_arena_printf(peer->arena, "%.*s", (int)n, text);
                        r = peer->subject ? 0 : sovd_error_origin(-ENOMEM);
                }
        }
        BIO_free(bio);
        return r;
}

static bool is_text(const unsigned char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (s[i] < 0x20 || s[i] == 0x7f)
                        return false;
        return n > 0 && n <= COMMON_NAME_MAX;
}

static int read_common_name(struct sovd_peer_certificate *peer, const X509 *certificate) {
        const X509_NAME *name = X509_get_subject_name(certificate);
        int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
        unsigned char *text = NULL;
        int r = 0;

        if (i < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, i) >= 0)
                return 0;
        int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
        if (n > 0 && is_text(text, (size_t)n)) {
                peer->common_name = sovd_arena_printf(peer->arena, "%.*s", n, (const char *)text);
                r = peer->common_name ? 0 : sovd_error_origin(-ENOMEM);
        }
        OPENSSL_free(text);
        return r;
}

static int add_san(struct sovd_peer_certificate *peer, size_t *n_sans, const char *kind, const ASN1_STRING *value) {
        const char *text = (const char *)ASN1_STRING_get0_data(value);
        int n = ASN1_STRING_length(value);

        if (n <= 0 || n > SAN_MAX || !is_plain(text, (size_t)n, false) || *n_sans == SOVD_PEER_SANS_MAX)
                return 0;
        char *san = sovd_arena_printf(peer->arena, "%s:%.*s", kind, n, text);
        if (!san)
                return sovd_error_origin(-ENOMEM);
        if (*kind == 'D')
                for (char *c = san + 4; *c; c++)
                        *c = (char)tolower((unsigned char)*c);
        peer->sans[(*n_sans)++] = san;
        return 0;
}

static int read_sans(struct sovd_peer_certificate *peer, const X509 *certificate) {
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        size_t n_sans = 0;
        int r = 0;

        for (int i = 0; !r && i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                if (name->type == GEN_DNS)
                        r = add_san(peer, &n_sans, "DNS", name->d.dNSName);
                else if (name->type == GEN_URI)
                        r = add_san(peer, &n_sans, "URI", name->d.uniformResourceIdentifier);
                else if (name->type == GEN_EMAIL)
                        r = add_san(peer, &n_sans, "email", name->d.rfc822Name);
        }
        GENERAL_NAMES_free(names);
        return r;
}

static int read_digest(struct sovd_peer_certificate *peer, const X509 *certificate) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (X509_digest(certificate, EVP_sha256(), digest, &n) != 1 || n != 32)
                return sovd_error_origin(-ENOMEM);
        sovd_hex(peer->sha256, digest, n);
        return 0;
}

static int read_end(struct sovd_peer_certificate *peer, const X509 *certificate) {
        struct tm tm = { 0 };

        if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
                return -EINVAL;
        time_t seconds = timegm(&tm);
        if (seconds <= 0)
                return -EINVAL;
        peer->ends_usec = (uint64_t)seconds * SOVD_USEC_PER_SEC;
        return 0;
}

int sovd_peer_certificate_new(struct sovd_peer_certificate **ret, X509 *certificate) {
        _cleanup_(sovd_peer_certificate_freep) struct sovd_peer_certificate *peer = calloc(1, sizeof(*peer));
        if (!peer)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_arena_new(&peer->arena, 1024);
        if (!r)
                r = read_digest(peer, certificate);
        if (!r)
                r = read_end(peer, certificate);
        if (!r)
                r = read_subject(peer, certificate);
        if (!r)
                r = read_common_name(peer, certificate);
        if (!r)
                r = read_sans(peer, certificate);
        ERR_clear_error();
        if (r)
                return r;

        *ret = SOVD_TAKE(peer);
        return 0;
}

static bool is_among(const STACK_OF(X509) *list, const X509 *certificate) {
        for (int i = 0; i < sk_X509_num(list); i++)
                if (X509_cmp(sk_X509_value(list, i), certificate) == 0)
                        return true;
        return false;
}

int sovd_peer_certificate_keep(struct sovd_peer_certificate *peer, X509 *certificate, const STACK_OF(X509) *shown,
                               const STACK_OF(X509) *verified) {
        BIO *bio = BIO_new(BIO_s_mem());
        bool ok = bio && PEM_write_bio_X509(bio, certificate) == 1;
        char *text = NULL;

        for (int i = 1; ok && i < sk_X509_num(verified); i++)
                if (is_among(shown, sk_X509_value(verified, i)))
                        ok = PEM_write_bio_X509(bio, sk_X509_value(verified, i)) == 1;
        if (ok) {
                long n = BIO_get_mem_data(bio, &text);
                peer->chain = sovd_arena_strndup(peer->arena, text, (size_t)n);
        }
        BIO_free(bio);
        ERR_clear_error();
        return peer->chain ? 0 : sovd_error_origin(-ENOMEM);
}

struct sovd_peer_certificate *sovd_peer_certificate_free(struct sovd_peer_certificate *peer) {
        if (!peer)
                return NULL;
        if (peer->arena)
                sovd_arena_free(peer->arena);
        free(peer);
        return NULL;
}
