/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a client's certificate in DER form
 *
 * What it says is clean text; a rule made of its own name matches it, and a rule with * matches only what has the same parts.
 */
#include "sovd-auth/client_cert.h"
#include "sovd-auth/peer_certificate.h"
#include "sovd-core/call.h"
#include <openssl/err.h>
#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void check_text(const char *s, unsigned char lowest) {
        for (; s && *s; s++)
                must((unsigned char)*s >= lowest && (unsigned char)*s < 0x7f);
}

/* Does the rule, if it is one, match? */
static bool matches(const struct sovd_peer_certificate *peer, const char *subject, const char *san) {
        struct sovd_client_cert_settings rule = { .name = "x", .subject = subject, .san = san };
        const struct sovd_list rules = { .items = &rule, .n = 1, .set = true };
        struct sovd_call call = { .arena = peer->arena, .principal = { .id = "anonymous", .anonymous = true } };
        struct sovd_client_certs *certs;
        const char *member;
        bool known;
        size_t i;

        if (sovd_client_cert_settings_check(&rules, &i, &member))
                return true;
        if (sovd_client_certs_new(&certs, &rules))
                abort();
        must(sovd_client_certs_identify(certs, &call, peer, &known) == 0);
        sovd_client_certs_free(certs);
        must(known == !call.principal.anonymous && (!known || sovd_has_prefix(call.principal.id, "cert:x")));
        return known;
}

static void check(const struct sovd_peer_certificate *peer) {
        must(strlen(peer->sha256) == 64 && peer->ends_usec);
        check_text(peer->subject, 0x20);
        for (const char *c = peer->common_name; c && *c; c++)
                must((unsigned char)*c >= 0x20 && *c != 0x7f);
        if (peer->subject && !strchr(peer->subject, '*'))
                must(matches(peer, peer->subject, NULL));
        for (const char *const *san = peer->sans; *san; san++) {
                check_text(*san, 0x21);
                must(strchr(*san, '*') || matches(peer, NULL, *san));
        }
        if (peer->subject && strchr(peer->subject, ','))
                must(!matches(peer, "CN=*", NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const unsigned char *p = data;
        struct sovd_peer_certificate *peer;
        X509 *certificate = d2i_X509(NULL, &p, (long)size);

        if (certificate && sovd_peer_certificate_new(&peer, certificate) == 0) {
                check(peer);
                sovd_peer_certificate_free(peer);
        }
        X509_free(certificate);
        ERR_clear_error();
        return 0;
}
