/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-auth/client_cert.h"
#include "sovd-auth/peer_certificate.h"
#include "sovd-core/principal.h"
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define COLONS "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF"

/* The id that a rule makes of a certificate, or NULL; in the arena of the test. */
static const char *id_by(struct sovd_arena *arena, struct sovd_client_cert_settings rule, struct sovd_peer_certificate peer) {
        const struct sovd_list rules = { .items = &rule, .n = 1, .set = true };
        struct sovd_call call = { .arena = arena, .principal = { .id = "anonymous@1", .anonymous = true, .certificate = "shown" } };
        struct sovd_client_certs *certs;
        const char *member;
        size_t i;
        bool known;

        rule.name = "x";
        peer.ends_usec = 42;
        assert_null(sovd_client_cert_settings_check(&rules, &i, &member));
        assert_int_equal(sovd_client_certs_new(&certs, &rules), 0);
        assert_int_equal(sovd_client_certs_identify(certs, &call, &peer, &known), 0);
        sovd_client_certs_free(certs);
        assert_int_equal(known, !call.principal.anonymous);
        assert_string_equal(call.principal.certificate, "shown");
        if (!known)
                return NULL;
        assert_int_equal(call.principal.expires_usec, 42);
        assert_string_equal(call.principal.method, "certificate");
        return call.principal.id;
}

static void check_subject(const char *pattern, const char *subject, const char *id) {
        struct sovd_arena *arena;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        const char *got = id_by(arena, (struct sovd_client_cert_settings){ .subject = pattern },
                                (struct sovd_peer_certificate){ .subject = subject });
        if (id)
                assert_string_equal(got, id);
        else
                assert_null(got);
        sovd_arena_free(arena);
}

static void check_san(const char *pattern, const char *san, const char *id) {
        struct sovd_arena *arena;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        const char *got = id_by(arena, (struct sovd_client_cert_settings){ .san = pattern },
                                (struct sovd_peer_certificate){ .sans = { "DNS:first", san } });
        if (id)
                assert_string_equal(got, id);
        else
                assert_null(got);
        sovd_arena_free(arena);
}

static void a_subject_matches_as_a_whole(void **state) {
        check_subject("CN=a,O=b", "CN=a,O=b", "cert:x");
        check_subject("CN=a,O=b", "CN=a,O=b,C=c", NULL);
        check_subject("CN=a,O=b", "L=l,CN=a,O=b", NULL);
        check_subject("CN=a", "CN=A", NULL);
        check_subject("CN=a", "cn=a", NULL);
        check_subject("CN=a", "", NULL);
        check_subject("CN=a", NULL, NULL);
}

static void a_star_stands_for_text_inside_one_value(void **state) {
        check_subject("CN=*,O=b", "CN=a,O=b", "cert:x/CN=a,O=b");
        check_subject("CN=t-*-z,O=b", "CN=t-1-2-z,O=b", "cert:x/CN=t-1-2-z,O=b");
        check_subject("CN=t-*-z*,O=b", "CN=t-z-z-zz,O=b", "cert:x/CN=t-z-z-zz,O=b");
        check_subject("CN=*,O=b", "CN=,O=b", NULL);
        check_subject("CN=t*,O=b", "CN=t,O=b", NULL);
        check_subject("CN=*,O=b", "CN=a,OU=x,O=b", NULL);
        check_subject("CN=*,O=b", "CN=a+OU=x,O=b", NULL);
        check_subject("CN=*,O=b", "CN=a\\,O\\=b,O=b", NULL);
        check_subject("CN=*", "CN=\\00", NULL);
        check_subject("CN=a*", "CN=a,O=b", NULL);
        check_subject("CN=**", "CN=a", NULL);
        check_subject("CN=**", "CN=ab", "cert:x/CN=ab");
}

static void a_star_stands_for_one_part_of_an_alternative_name(void **state) {
        check_san("DNS:*.Example.Org", "DNS:a.example.org", "cert:x/DNS:a.example.org");
        check_san("DNS:*.example.org", "DNS:a.b.example.org", NULL);
        check_san("DNS:*.example.org", "DNS:.example.org", NULL);
        check_san("DNS:*.example.org", "DNS:a.example.org.evil", NULL);
        check_san("DNS:*", "DNS:first.second", "cert:x/DNS:first");
        check_san("URI:spiffe://v/t/*", "URI:spiffe://v/t/1", "cert:x/URI:spiffe://v/t/1");
        check_san("URI:spiffe://v/t/*", "URI:spiffe://v/t/1/2", NULL);
        check_san("URI:spiffe://v/t/*", "URI:spiffe://v/t/1?a", NULL);
        check_san("URI:spiffe://*/t", "URI:spiffe://v/evil/t", NULL);
        check_san("email:*@example.org", "email:a@example.org", "cert:x/email:a@example.org");
        check_san("email:*@example.org", "email:a@evil@example.org", NULL);
        check_san("email:a@example.org", "URI:a@example.org", NULL);
}

static void a_digest_matches_with_and_without_colons(void **state) {
        struct sovd_arena *arena;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_string_equal(id_by(arena, (struct sovd_client_cert_settings){ .sha256 = DIGEST },
                                  (struct sovd_peer_certificate){ .sha256 = DIGEST }), "cert:x");
        assert_string_equal(id_by(arena, (struct sovd_client_cert_settings){ .sha256 = COLONS },
                                  (struct sovd_peer_certificate){ .sha256 = DIGEST }), "cert:x");
        assert_null(id_by(arena, (struct sovd_client_cert_settings){ .sha256 = DIGEST },
                          (struct sovd_peer_certificate){ .sha256 = "f" DIGEST }));
        sovd_arena_free(arena);
}

static void a_client_holds_as_long_as_its_rule(void **state) {
        static const char *words[] = { "tester" }, *more[] = { "developer" }, *others[] = { "viewer" };
        struct sovd_client_cert_settings rules[] = {
                { .name = "a", .subject = "CN=*,O=W", .roles = { .items = words, .n = 1, .set = true }, .tenant = "t" },
                { .name = "b", .sha256 = COLONS, .roles = { .items = words, .n = 1, .set = true } },
                { .name = "c", .subject = "CN=c", .roles = { .items = words, .n = 1, .set = true } },
                { .name = "c", .subject = "CN=d", .roles = { .items = more, .n = 1, .set = true } },
        };
        const struct sovd_list list = { .items = rules, .n = SOVD_N_ELEMENTS(rules), .set = true };
        const struct {
                const char *id, *certificate, *matched;
                int r;
                const char *role;
        } cases[] = {
                { "cert:a/CN=x,O=W", "shown", "CN=x,O=W", 0, "tester" },
                { "cert:a/CN=x,O=V", "shown", "CN=x,O=V", SOVD_E_UNAUTHORIZED, NULL },
                { "cert:a", "shown", "CN=*,O=W", SOVD_E_UNAUTHORIZED, NULL },
                { "cert:ab/CN=x,O=W", "shown", "CN=x,O=W", SOVD_E_UNAUTHORIZED, NULL },
                { "cert:b", DIGEST, DIGEST, 0, "tester" },
                { "cert:b", "shown", "shown", SOVD_E_UNAUTHORIZED, NULL }, /* the rule is about another certificate now */
                { "cert:c", "shown", "CN=c", 0, "tester" },
                { "cert:c", "shown", "CN=d", 0, "developer" },
                { "cert:c", "shown", "CN=e", SOVD_E_UNAUTHORIZED, NULL }, /* its own rule is gone, others have the name */
                { "cert:c", "shown", NULL, SOVD_E_UNAUTHORIZED, NULL },
                { "cert:b", NULL, "another", 0, "tester" }, /* of before a restart: the name counts */
                { "cert:c", NULL, "CN=d", 0, "developer" },
                { "cert:c", NULL, "CN=e", 0, "viewer" },    /* two of that name: as it was */
                { "cert:e", NULL, "CN=e", SOVD_E_UNAUTHORIZED, NULL },
                { "cert:e", "shown", "CN=e", SOVD_E_UNAUTHORIZED, NULL },
                { "key:a", "shown", "a", SOVD_E_UNAUTHORIZED, NULL },
        };
        struct sovd_client_certs *certs;
        struct sovd_arena *arena;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_int_equal(sovd_client_certs_new(&certs, &list), 0);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                struct sovd_principal p = { .id = cases[i].id, .certificate = cases[i].certificate, .token_id = cases[i].matched, .expires_usec = 42,
                                            .roles = { .items = others, .n = 1, .set = true } };
                assert_int_equal(sovd_client_certs_refresh(certs, &p, arena), cases[i].r);
                assert_string_equal(p.id, cases[i].id);
                assert_int_equal(p.expires_usec, 42);
                if (cases[i].role)
                        assert_string_equal(p.roles.items[0], cases[i].role);
        }
        sovd_client_certs_free(certs);
        sovd_arena_free(arena);
}

static void rules_that_cannot_be_meant_are_named(void **state) {
        static const char *bad[] = { "good", "" };
        static const struct {
                struct sovd_client_cert_settings rule;
                const char *member;
        } cases[] = {
                { { .name = "x" }, "name" },
                { { .name = "x/y", .subject = "CN=a" }, "name" },
                { { .name = "x", .subject = "CN=a", .san = "DNS:a" }, "name" },
                { { .name = "x", .subject = "a" }, "subject" },
                { { .name = "x", .subject = "CN=\xc3\xa4" }, "subject" },
                { { .name = "x", .san = "IP:1.2.3.4" }, "san" },
                { { .name = "x", .san = "DNS:" }, "san" },
                { { .name = "x", .sha256 = DIGEST "0" }, "sha256" },
                { { .name = "x", .sha256 = "0:" DIGEST }, "sha256" },
                { { .name = "x", .sha256 = "g" }, "sha256" },
                { { .name = "x", .subject = "CN=a", .tenant = "a b" }, "tenant" },
                { { .name = "x", .subject = "CN=a", .roles = { .items = bad, .n = 2 } }, "roles" },
                { { .name = "x", .subject = "CN=a", .scopes = { .items = bad, .n = 2 } }, "scopes" },
        };
        const char *member;
        size_t index;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                struct sovd_client_cert_settings two[] = { { .name = "good", .subject = "CN=a" }, cases[i].rule };
                const struct sovd_list rules = { .items = two, .n = 2, .set = true };
                assert_non_null(sovd_client_cert_settings_check(&rules, &index, &member));
                assert_int_equal(index, 1);
                assert_string_equal(member, cases[i].member);
        }
}

/* --- what a certificate says ------------------------------------------------------------------------------- */

static X509 *certificate_with(const char *common_name, int n, const GENERAL_NAMES *names) {
        X509 *certificate = X509_new();
        EVP_PKEY *key = EVP_EC_gen("P-256");

        assert_non_null(certificate);
        assert_non_null(key);
        if (common_name)
                assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                                            (const unsigned char *)common_name, n, -1, 0), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
        assert_int_equal(X509_set_pubkey(certificate, key), 1);
        if (names)
                assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, (void *)(uintptr_t)names, 0, 0), 1);
        assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
        EVP_PKEY_free(key);
        return certificate;
}

static void add_name(GENERAL_NAMES *names, int type, const char *text, int n) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *string = ASN1_IA5STRING_new();

        assert_int_equal(ASN1_STRING_set(string, text, n), 1);
        GENERAL_NAME_set0_value(name, type, string);
        assert_true(sk_GENERAL_NAME_push(names, name) > 0);
}

static void names_are_read_as_text(void **state) {
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        struct sovd_peer_certificate *peer;

        add_name(names, GEN_DNS, "A.Example.ORG", 13);
        add_name(names, GEN_URI, "spiffe://V/x", 12);
        add_name(names, GEN_EMAIL, "a@b", 3);
        X509 *certificate = certificate_with("t\xc3\xa4ster, \"1\"", -1, names);
        assert_int_equal(sovd_peer_certificate_new(&peer, certificate), 0);
        assert_string_equal(peer->subject, "CN=t\\C3\\A4ster\\, \\\"1\\\"");
        assert_string_equal(peer->common_name, "t\xc3\xa4ster, \"1\"");
        assert_string_equal(peer->sans[0], "DNS:a.example.org");
        assert_string_equal(peer->sans[1], "URI:spiffe://V/x");
        assert_string_equal(peer->sans[2], "email:a@b");
        assert_null(peer->sans[3]);
        assert_int_equal(strlen(peer->sha256), 64);
        assert_true(peer->ends_usec > 1000000);
        sovd_peer_certificate_free(peer);
        X509_free(certificate);
        GENERAL_NAMES_free(names);
}

static void what_is_no_clean_text_is_left_out(void **state) {
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        struct sovd_peer_certificate *peer;
        char longest[600];

        memset(longest, 'a', sizeof(longest));
        add_name(names, GEN_DNS, "good.example\0.evil", 18);
        add_name(names, GEN_DNS, "line\nbreak", 10);
        add_name(names, GEN_DNS, "", 0);
        add_name(names, GEN_URI, "sp ace", 6);
        add_name(names, GEN_URI, longest, sizeof(longest));
        for (int i = 0; i < 2 * SOVD_PEER_SANS_MAX; i++)
                add_name(names, GEN_DNS, "x", 1);
        X509 *certificate = certificate_with("good\0evil", 9, names);
        assert_int_equal(sovd_peer_certificate_new(&peer, certificate), 0);
        assert_string_equal(peer->subject, "CN=good\\00evil");
        assert_null(peer->common_name);
        for (size_t i = 0; i < SOVD_PEER_SANS_MAX; i++)
                assert_string_equal(peer->sans[i], "DNS:x");
        assert_null(peer->sans[SOVD_PEER_SANS_MAX]);
        sovd_peer_certificate_free(peer);
        X509_free(certificate);
        GENERAL_NAMES_free(names);
}

static void a_certificate_without_subject_has_none(void **state) {
        struct sovd_peer_certificate *peer;
        X509 *certificate = certificate_with(NULL, 0, NULL);

        assert_int_equal(sovd_peer_certificate_new(&peer, certificate), 0);
        assert_null(peer->subject);
        assert_null(peer->common_name);
        assert_null(peer->sans[0]);
        sovd_peer_certificate_free(peer);
        X509_free(certificate);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_subject_matches_as_a_whole),
                cmocka_unit_test(a_star_stands_for_text_inside_one_value),
                cmocka_unit_test(a_star_stands_for_one_part_of_an_alternative_name),
                cmocka_unit_test(a_digest_matches_with_and_without_colons),
                cmocka_unit_test(a_client_holds_as_long_as_its_rule),
                cmocka_unit_test(rules_that_cannot_be_meant_are_named),
                cmocka_unit_test(names_are_read_as_text),
                cmocka_unit_test(what_is_no_clean_text_is_left_out),
                cmocka_unit_test(a_certificate_without_subject_has_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
