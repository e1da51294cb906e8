/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/tls_settings.h"
#include "sovd-core/base/config.h"
#include "sovd-rest/settings.h"
#include <openssl/ssl.h>

static const char *const versions[] = { "1.2", "1.3", NULL };

#define F(member) offsetof(struct sovd_tls_settings, member)
static const struct sovd_field tls_fields[] = {
        { .name = "certificate", .type = SOVD_FIELD_STRING, .offset = F(certificate), .flags = SOVD_REQUIRED, .min = 1,
          .max = 4095, .doc = "File with the certificate chain in PEM form." },
        { .name = "key", .type = SOVD_FIELD_STRING, .offset = F(key), .flags = SOVD_REQUIRED, .min = 1, .max = 4095,
          .doc = "File with its private key in PEM form, without password, which others may not read (mode 0600 or 0640); or "
                 "`credential:NAME` or `env:NAME`." },
        { .name = "client_ca", .type = SOVD_FIELD_STRING, .offset = F(client_ca), .min = 1, .max = 4095,
          .doc = "File with the certificates, in PEM form, of those who sign client certificates; with it, clients may show one." },
        { .name = "require_client_certificate", .type = SOVD_FIELD_BOOL, .offset = F(require_client_certificate),
          .def = "false", .doc = "Whether a client that shows none is refused." },
        { .name = "crl", .type = SOVD_FIELD_STRING, .offset = F(crl), .min = 1, .max = 4095,
          .doc = "File with revocation lists in PEM form, one of each signer in client_ca; one that has ended refuses every "
                 "certificate of its signer." },
        { .name = "min_version", .type = SOVD_FIELD_ENUM, .offset = F(min_version), .names = versions, .def = "1.2",
          .doc = "Lowest version of TLS." },
        { .name = "watch_secs", .type = SOVD_FIELD_NUMBER, .offset = F(watch), .min = 0, .max = 86400, .def = "1",
          .doc = "How often these files are looked at, at least 0.05; changed ones come into force for new connections. 0: on "
                 "SIGHUP only." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_tls_settings = { .name = "tls", .size = sizeof(struct sovd_tls_settings),
                                                      .fields = tls_fields };

void sovd_tls_settings_options(const struct sovd_tls_settings *s, struct sovd_tls_options *ret) {
        *ret = (struct sovd_tls_options){
                .certificate = s->certificate,
                .key = s->key,
                .client_ca = s->client_ca,
                .crl = s->crl,
                .require_client_certificate = s->require_client_certificate.value,
                .min_version = s->min_version,
                .watch_usec = s->watch.value > 0 ? SOVD_MAX(sovd_settings_usec(s->watch), 50 * SOVD_USEC_PER_MSEC) : 0,
        };
}

bool sovd_server_is_open(const struct sovd_server_settings *server) {
        return !server->tls && !sovd_settings_is_local(server->host);
}

static const char *check_files(const struct sovd_tls_settings *tls, const struct sovd_config_tree *tree,
                               struct sovd_arena *arena) {
        struct sovd_tls_problem problem = { .member = "certificate", .why = "out of memory" };
        struct sovd_tls_options options;
        struct sovd_tls_ends ends;
        SSL_CTX *ctx;

        sovd_tls_settings_options(tls, &options);
        if (sovd_tls_load(&ctx, &ends, &options, &problem))
                return sovd_config_complain(tree, arena, sovd_arena_printf(arena, "/server/tls/%s", problem.member), problem.why);
        SSL_CTX_free(ctx);
        return NULL;
}

const char *sovd_tls_settings_check(const struct sovd_server_settings *server, const struct sovd_config_tree *tree,
                                    struct sovd_arena *arena) {
        const struct sovd_tls_settings *tls = server->tls;

        if (sovd_server_is_open(server) && !server->allow_plain_http.value)
                return sovd_config_complain(tree, arena, "/server/host",
                                            "other machines reach this address, and without server.tls everybody on the way can read "
                                            "and change what is said; give server.tls, or set server.allow_plain_http to true");
        if (!tls)
                return NULL;
        if (!tls->client_ca && tls->require_client_certificate.value)
                return sovd_config_complain(tree, arena, "/server/tls/require_client_certificate",
                                            "needs client_ca: without it no certificate of a client can be verified");
        if (!tls->client_ca && tls->crl)
                return sovd_config_complain(tree, arena, "/server/tls/crl", "needs client_ca, whose certificates it revokes");
        return check_files(tls, tree, arena);
}
