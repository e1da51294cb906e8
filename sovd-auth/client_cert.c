/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/client_cert.h"
#include "sovd-auth/auth.h"
#include "sovd-auth/peer_certificate.h"
#include "sovd-core/principal.h"
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <strings.h>

#define PREFIX     "cert:" /* keeps a name from looking like the id of another kind of client */
#define DIGEST_LEN 64
#define ADMIN      "admin" /* the role that may keep the gateway itself */

#define F(member) offsetof(struct sovd_client_cert_settings, member)
static const struct sovd_field fields[] = {
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED, .min = 1, .max = 64,
          .doc = "Of the client; locks and limits go by it. Of several with `*` in their rule, each is a client of its own." },
        { .name = "subject", .type = SOVD_FIELD_STRING, .offset = F(subject), .min = 1, .max = 1024,
          .doc = "The whole subject in the form of RFC 2253, as `openssl x509 -noout -subject -nameopt RFC2253` prints it; `*` "
                 "stands for text inside one value." },
        { .name = "san", .type = SOVD_FIELD_STRING, .offset = F(san), .min = 5, .max = 520,
          .doc = "One of its alternative names: DNS:…, URI:… or email:…; `*` stands for one label, segment or part." },
        { .name = "sha256", .type = SOVD_FIELD_STRING, .offset = F(sha256), .min = 64, .max = 95,
          .doc = "SHA-256 of the certificate in DER form, hex digits with or without colons." },
        { .name = "roles", .type = SOVD_FIELD_STRINGS, .offset = F(roles), .min = 0, .max = 32, .doc = "What the client is." },
        { .name = "scopes", .type = SOVD_FIELD_STRINGS, .offset = F(scopes), .min = 0, .max = 32,
          .doc = "If given: the client may do only what these say." },
        { .name = "tenant", .type = SOVD_FIELD_STRING, .offset = F(tenant), .min = 1, .max = 64,
          .doc = "Whose entities it may see." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_client_cert = {
        .name = "client_certificate",
        .size = sizeof(struct sovd_client_cert_settings),
        .fields = fields,
        .doc = "A client that is known by its certificate, which `server.tls.client_ca` has to vouch for.",
};

/* --- rules ----------------------------------------------------------------------------------------------- */

/* What `*` never stands for: it would reach into another part of the name. */
static const struct {
        const char *kind, *ends;
} kinds[] = { { "DNS:", "." }, { "URI:", "/?#" }, { "email:", "@" } };

#define SUBJECT_ENDS ",+=\\\"" /* of a value, as RFC 2253 writes it */

static const char *ends_of(const char *san) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(kinds); i++)
                if (sovd_has_prefix(san, kinds[i].kind) && san[strlen(kinds[i].kind)])
                        return kinds[i].ends;
        return NULL;
}

/* Where in s the rest of the pattern behind a `*` matches is found by looking back to the last one only. A `*` stands for
 * at least one character. */
static bool matches(const char *pattern, const char *s, const char *ends) {
        const char *star = NULL, *mark = NULL;

        while (*s) {
                if (*pattern == '*') {
                        if (strchr(ends, *s))
                                return false;
                        star = pattern++;
                        mark = s++;
                } else if (*pattern == *s) {
                        pattern++;
                        s++;
                } else if (star && !strchr(ends, mark[1])) {
                        pattern = star + 1;
                        s = ++mark + 1;
                } else {
                        return false;
                }
        }
        return !*pattern;
}

/* Hex digits in lower case, without colons; false: it is no SHA-256. */
static bool read_digest(char ret[static DIGEST_LEN + 1], const char *s) {
        size_t n = 0;

        for (; *s; s++) {
                if (*s == ':' && n && n % 2 == 0)
                        continue;
                if (!isxdigit((unsigned char)*s) || n == DIGEST_LEN)
                        return false;
                ret[n++] = (char)tolower((unsigned char)*s);
        }
        ret[n] = '\0';
        return n == DIGEST_LEN;
}

static bool is_name(const char *s) {
        return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@")] == '\0';
}

static bool is_word(const char *s) {
        return *s && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@:")] == '\0';
}

static bool is_plain(const char *s) {
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
                        return false;
        return true;
}

static const char *check_words(const struct sovd_client_cert_settings *rule, const char **ret_member) {
        const char *tenant = rule->tenant;
        const struct {
                const char *member;
                struct sovd_strings words;
        } all[] = { { "roles", rule->roles }, { "scopes", rule->scopes }, { "tenant", { .items = &tenant, .n = tenant ? 1 : 0 } } };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(all); i++)
                for (size_t k = 0; k < all[i].words.n; k++)
                        if (!is_word(all[i].words.items[k])) {
                                *ret_member = all[i].member;
                                return "may have letters, digits and -._@: only";
                        }
        return NULL;
}

static const char *check_rule(const struct sovd_client_cert_settings *rule, const char **ret_member) {
        char digest[DIGEST_LEN + 1];

        *ret_member = "name";
        if (!is_name(rule->name))
                return "may have letters, digits and -._@ only";
        if (!!rule->subject + !!rule->san + !!rule->sha256 != 1)
                return "needs one of subject, san and sha256 beside it";
        *ret_member = rule->subject ? "subject" : rule->san ? "san" : "sha256";
        if (rule->subject && (!strchr(rule->subject, '=') || !is_plain(rule->subject)))
                return "must be a subject as openssl x509 -noout -subject -nameopt RFC2253 prints it";
        if (rule->san && (!ends_of(rule->san) || !is_plain(rule->san)))
                return "must begin with DNS:, URI: or email:";
        if (rule->sha256 && !read_digest(digest, rule->sha256))
                return "must have 64 hex digits";
        return check_words(rule, ret_member);
}

const char *sovd_client_cert_settings_check(const struct sovd_list *rules, size_t *ret_index, const char **ret_member) {
        const struct sovd_client_cert_settings *all = rules->items;

        for (size_t i = 0; i < rules->n; i++) {
                const char *why = check_rule(&all[i], ret_member);
                *ret_index = i;
                if (why)
                        return why;
        }
        return NULL;
}

/* --- the rules in force ---------------------------------------------------------------------------------- */

struct sovd_client_certs {
        struct sovd_arena *arena; /* of all of it */
        struct sovd_client_cert_settings *rules;
        struct sovd_principal *principals; /* of each rule */
        size_t n;
};

static bool copy_string(struct sovd_arena *arena, const char **ret, const char *s) {
        *ret = s ? sovd_arena_strdup(arena, s) : NULL;
        return !s || *ret;
}

/* What is compared is in the form in which peer_certificate.h writes it. */
static bool copy_patterns(struct sovd_arena *arena, struct sovd_client_cert_settings *ret, const struct sovd_client_cert_settings *rule) {
        char digest[DIGEST_LEN + 1], *san = rule->san ? sovd_arena_strdup(arena, rule->san) : NULL;

        if ((rule->san && !san) || (rule->sha256 && !read_digest(digest, rule->sha256)))
                return false;
        if (san && sovd_has_prefix(san, "DNS:"))
                for (char *c = san + 4; *c; c++)
                        *c = (char)tolower((unsigned char)*c);
        ret->san = san;
        return copy_string(arena, &ret->name, rule->name) && copy_string(arena, &ret->subject, rule->subject) &&
               copy_string(arena, &ret->sha256, rule->sha256 ? digest : NULL);
}

static int make_principal(struct sovd_arena *arena, struct sovd_principal *ret, const struct sovd_client_cert_settings *rule) {
        struct sovd_principal p = { .roles = rule->roles, .scopes = rule->scopes, .tenant = rule->tenant,
                                    .method = sovd_auth_method_names[SOVD_AUTH_CERTIFICATE] };

        p.id = sovd_arena_printf(arena, PREFIX "%s", rule->name);
        if (!p.id)
                return sovd_error_origin(-ENOMEM);
        p.admin = sovd_principal_has_role(&p, ADMIN);
        return sovd_principal_copy(ret, &p, arena);
}

int sovd_client_certs_new(struct sovd_client_certs **ret, const struct sovd_list *rules) {
        const struct sovd_client_cert_settings *all = rules->items;
        _cleanup_(sovd_client_certs_freep) struct sovd_client_certs *certs = calloc(1, sizeof(*certs));
        if (!certs)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_arena_new(&certs->arena, 1024);
        if (r)
                return r;
        certs->rules = sovd_arena_array(certs->arena, struct sovd_client_cert_settings, rules->n + 1);
        certs->principals = sovd_arena_array(certs->arena, struct sovd_principal, rules->n + 1);
        if (!certs->rules || !certs->principals)
                return sovd_error_origin(-ENOMEM);
        for (; !r && certs->n < rules->n; certs->n++) {
                r = make_principal(certs->arena, &certs->principals[certs->n], &all[certs->n]);
                if (!r && !copy_patterns(certs->arena, &certs->rules[certs->n], &all[certs->n]))
                        r = sovd_error_origin(-ENOMEM);
        }
        if (r)
                return r;

        *ret = SOVD_TAKE(certs);
        return 0;
}

struct sovd_client_certs *sovd_client_certs_free(struct sovd_client_certs *certs) {
        if (!certs)
                return NULL;
        if (certs->arena)
                sovd_arena_free(certs->arena);
        free(certs);
        return NULL;
}

/* --- who ------------------------------------------------------------------------------------------------- */

static const char *find_san(const struct sovd_client_cert_settings *rule, const struct sovd_peer_certificate *peer) {
        for (const char *const *san = peer->sans; *san; san++)
                if (matches(rule->san, *san, ends_of(rule->san)))
                        return *san;
        return NULL;
}

/* What of the certificate the rule is about, when it matches. */
static const char *match(const struct sovd_client_cert_settings *rule, const struct sovd_peer_certificate *peer) {
        if (rule->sha256)
                return CRYPTO_memcmp(rule->sha256, peer->sha256, DIGEST_LEN) == 0 ? peer->sha256 : NULL;
        if (rule->subject)
                return peer->subject && matches(rule->subject, peer->subject, SUBJECT_ENDS) ? peer->subject : NULL;
        return find_san(rule, peer);
}

static const char *pattern_of(const struct sovd_client_cert_settings *rule) {
        return rule->subject ? rule->subject : rule->san ? rule->san : rule->sha256;
}

/* Clients that share a rule are told apart by what it matched. What the connection says of the client stays. */
static int become(struct sovd_call *call, const struct sovd_client_certs *certs, size_t i, const char *matched,
                  const struct sovd_peer_certificate *peer) {
        const struct sovd_client_cert_settings *rule = &certs->rules[i];
        struct sovd_principal p;

        int r = sovd_principal_copy(&p, &certs->principals[i], call->arena);
        if (r)
                return r;
        if (!rule->sha256 && strchr(pattern_of(rule), '*'))
                p.id = sovd_arena_printf(call->arena, "%s/%s", p.id, matched);
        p.token_id = sovd_arena_strdup(call->arena, matched);
        if (!p.id || !p.token_id)
                return sovd_error_origin(-ENOMEM);
        p.certificate = call->principal.certificate;
        p.chain = peer->chain; /* the connection outlives the request */
        p.expires_usec = peer->ends_usec;
        call->principal = p;
        return 0;
}

int sovd_client_certs_identify(const struct sovd_client_certs *certs, struct sovd_call *call,
                               const struct sovd_peer_certificate *peer, bool *ret_known) {
        *ret_known = false;
        for (size_t i = 0; i < certs->n; i++) {
                const char *matched = match(&certs->rules[i], peer);
                if (!matched)
                        continue;
                *ret_known = true;
                return become(call, certs, i, matched, peer);
        }
        return 0;
}

/* --- who was known before ---------------------------------------------------------------------------------- */

/* Does the rule match what of the certificate made it known? */
static bool made(const struct sovd_client_certs *certs, size_t i, const struct sovd_principal *p) {
        const struct sovd_client_cert_settings *rule = &certs->rules[i];
        const char *pattern = pattern_of(rule);
        const size_t n = strlen(certs->principals[i].id);

        if (strncmp(p->id, certs->principals[i].id, n) != 0)
                return false;
        if (!rule->sha256 && strchr(pattern, '*'))
                return p->id[n] == '/' && matches(pattern, p->id + n + 1, rule->subject ? SUBJECT_ENDS : ends_of(rule->san));
        return !p->id[n] && sovd_streq(p->token_id, pattern);
}

/* What a restart has left of a client came with no certificate: its name says who it is then. Of several rules with the name
 * nobody knows which it would be. NULL: none; *ret_several: it stays as it is. */
static const struct sovd_principal *named(const struct sovd_client_certs *certs, const struct sovd_principal *p, bool *ret_several) {
        const struct sovd_principal *found = NULL;

        *ret_several = false;
        for (size_t i = 0; i < certs->n; i++)
                if (strcmp(certs->principals[i].id, p->id) == 0) {
                        *ret_several = found;
                        found = &certs->principals[i];
                }
        return found;
}

int sovd_client_certs_refresh(const struct sovd_client_certs *certs, struct sovd_principal *principal, struct sovd_arena *arena) {
        const struct sovd_principal *found = NULL;
        bool several = false;

        for (size_t i = 0; !found && i < certs->n; i++)
                if (made(certs, i, principal))
                        found = &certs->principals[i];
        if (!found && !principal->certificate)
                found = named(certs, principal, &several);
        if (!found || several)
                return found ? 0 : SOVD_E_UNAUTHORIZED;
        struct sovd_principal now = *found;
        now.id = principal->id;
        now.token_id = principal->token_id;
        now.certificate = principal->certificate;
        now.chain = principal->chain;
        now.expires_usec = principal->expires_usec;
        return sovd_principal_copy(principal, &now, arena);
}
