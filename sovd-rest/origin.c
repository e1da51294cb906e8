/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/origin.h"
#include "sovd-rest/route.h"
#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>

#define AUTHORITY_MAX 262 /* a name of 255 bytes, a colon and a port */
#define PREFIX_MAX    256

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#define SUB_DELIMS "!$&'()*+,;="

/* A part of a field's value; begin NULL = absent. */
struct piece {
        const char *begin;
        size_t n;
};

/* --- authority ------------------------------------------------------------------------------------------ */

static bool is_hex(char c) {
        return c && strchr("0123456789abcdefABCDEF", c);
}

/* n characters of the set, or percent signs with two digits behind them. */
static bool consists_of(const char *s, size_t n, const char *set) {
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '%' && n - i > 2 && is_hex(s[i + 1]) && is_hex(s[i + 2]))
                        i += 2;
                else if (!s[i] || !strchr(set, s[i]))
                        return false;
        }
        return true;
}

static bool is_port(const char *s, size_t n) {
        unsigned long port = 0;

        for (size_t i = 0; i < n; i++) {
                if (i >= 5 || s[i] < '0' || s[i] > '9')
                        return false;
                port = port * 10 + (unsigned long)(s[i] - '0');
        }
        return port <= 65535;
}

/* In brackets: an IPv6 address, perhaps with "%25" and a zone (RFC 6874). Future forms are of no use to a client of
 * today. */
static bool is_ip_literal(const char *s, size_t n) {
        const char *begin = s + 1, *end = s + n - 1, *zone = memchr(begin, '%', (size_t)(end - begin));
        size_t n_address = (size_t)((zone ? zone : end) - begin);
        char address[INET6_ADDRSTRLEN];
        struct in6_addr parsed;

        if (n_address >= sizeof(address))
                return false;
        if (zone && (end - zone < 4 || memcmp(zone, "%25", 3) != 0 ||
                     !consists_of(zone + 3, (size_t)(end - zone) - 3, UNRESERVED)))
                return false;
        memcpy(address, begin, n_address);
        address[n_address] = '\0';
        return inet_pton(AF_INET6, address, &parsed) == 1;
}

bool sovd_authority_is_valid(const char *s, size_t n) {
        const char *close = n && *s == '[' ? memchr(s, ']', n) : NULL;
        const char *colon = close ? close + 1 : memchr(s, ':', n);
        size_t n_host = close || colon ? (size_t)(colon - s) : n;

        if (!n || n > AUTHORITY_MAX || !n_host || (*s == '[' && !close))
                return false;
        if (n_host < n && (s[n_host] != ':' || !is_port(s + n_host + 1, n - n_host - 1)))
                return false;
        return close ? is_ip_literal(s, n_host) : consists_of(s, n_host, UNRESERVED SUB_DELIMS);
}

/* --- who is trusted ------------------------------------------------------------------------------------- */

bool sovd_proxy_is_valid(const char *s) {
        struct sovd_network network;

        return strcmp(s, "unix") == 0 || sovd_network_read(&network, s);
}

bool sovd_proxy_is_trusted(const char *const *trusted, const char *remote) {
        struct sovd_address peer;
        struct sovd_network network;
        bool is_unix = !remote || !*remote;

        if (!trusted || (!is_unix && !sovd_address_read(&peer, remote)))
                return false;
        for (; *trusted; trusted++) {
                if (strcmp(*trusted, "unix") == 0 ? is_unix
                                                  : !is_unix && sovd_network_read(&network, *trusted) &&
                                                            sovd_network_holds(&network, &peer))
                        return true;
        }
        return false;
}

/* --- what a proxy says ---------------------------------------------------------------------------------- */

static struct piece trim(struct piece p) {
        while (p.n && (*p.begin == ' ' || *p.begin == '\t'))
                p.begin++, p.n--;
        while (p.n && (p.begin[p.n - 1] == ' ' || p.begin[p.n - 1] == '\t'))
                p.n--;
        return p;
}

static bool equals(struct piece p, const char *word) {
        return p.n == strlen(word) && strncasecmp(p.begin, word, p.n) == 0;
}

/* The last field of this name. */
static const char *last_field(const struct sovd_head *head, const char *name) {
        const char *value = NULL;

        for (size_t i = 0; i < head->n_fields; i++)
                if (strcasecmp(head->fields[i].name, name) == 0)
                        value = head->fields[i].value;
        return value;
}

/* The last element of a list of plain values. */
static struct piece last_element(const char *value) {
        const char *comma = value ? strrchr(value, ',') : NULL;

        if (comma)
                value = comma + 1;
        return value ? trim((struct piece){ value, strlen(value) }) : (struct piece){ NULL, 0 };
}

struct forwarded {
        struct piece proto, host, prefix, client;
};

/* A token of RFC 9110. */
static size_t token_length(const char *s) {
        return strspn(s, UNRESERVED "!#$%&'*+^`|");
}

/* A value of RFC 7239: a token, or a quoted string, which may hold no escape: no host and no scheme needs one. */
static const char *read_value(const char *s, struct piece *ret) {
        if (*s == '"') {
                size_t n = strcspn(s + 1, "\"\\");
                *ret = (struct piece){ s + 1, n };
                return s[1 + n] == '"' ? s + n + 2 : NULL;
        }
        *ret = (struct piece){ s, token_length(s) };
        return ret->n ? s + ret->n : NULL;
}

/* One "name=value" of an element; what it means is kept. NULL: malformed, or twice the same. */
static const char *read_pair(const char *s, struct forwarded *f) {
        struct piece name = { s, token_length(s) }, value;

        if (!name.n || s[name.n] != '=')
                return NULL;
        s = read_value(s + name.n + 1, &value);
        struct piece *place = equals(name, "proto") ? &f->proto : equals(name, "host") ? &f->host
                              : equals(name, "for")                                 ? &f->client
                                                                                    : NULL;
        if (!s || !place)
                return s;
        if (place->begin)
                return NULL;
        *place = value;
        return s;
}

/* The last element counts, but all of the field must be well-formed (RFC 7239 4). */
static bool read_forwarded(const char *s, struct forwarded *ret) {
        struct piece prefix = ret->prefix;

        *ret = (struct forwarded){ .prefix = prefix };
        for (;;) {
                s += strspn(s, " \t");
                if (*s && *s != ';' && *s != ',')
                        s = read_pair(s, ret);
                if (!s)
                        return false;
                s += strspn(s, " \t");
                if (*s == ',')
                        *ret = (struct forwarded){ .prefix = prefix };
                else if (*s != ';')
                        return *s == '\0';
                s++;
        }
}

/* Segments of RFC 3986 with one slash before each, and no dot segments. A slash at the end is dropped. */
static bool check_prefix(struct piece *p) {
        static const char segment[] = UNRESERVED SUB_DELIMS ":@";

        if (p->n && p->begin[p->n - 1] == '/')
                p->n--;
        if (p->n > PREFIX_MAX)
                return false;
        for (size_t i = 0; i < p->n;) {
                if (p->begin[i++] != '/')
                        return false;
                const char *s = p->begin + i, *slash = memchr(s, '/', p->n - i);
                size_t n = slash ? (size_t)(slash - s) : p->n - i;
                bool is_dots = (n == 1 && *s == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
                if (!n || is_dots || !consists_of(s, n, segment))
                        return false;
                i += n;
        }
        return true;
}

static const char *read_proxy(const struct sovd_head *head, struct forwarded *ret) {
        const char *field = last_field(head, "Forwarded");

        *ret = (struct forwarded){ .proto = last_element(last_field(head, "X-Forwarded-Proto")),
                                   .host = last_element(last_field(head, "X-Forwarded-Host")),
                                   .prefix = last_element(last_field(head, "X-Forwarded-Prefix")) };
        if (field && !read_forwarded(field, ret))
                return "the field Forwarded cannot be read (RFC 7239)";
        if (ret->proto.begin && !equals(ret->proto, "http") && !equals(ret->proto, "https"))
                return "the forwarded scheme is neither http nor https";
        if (ret->host.begin && !sovd_authority_is_valid(ret->host.begin, ret->host.n))
                return "the forwarded host is not a host with an optional port";
        if (ret->prefix.begin && !check_prefix(&ret->prefix))
                return "X-Forwarded-Prefix is not an absolute path of plain segments";
        return NULL;
}

/* --- whose request it is -------------------------------------------------------------------------------- */

/* An address as proxies write it: bare, with a port behind it, or in brackets. */
static bool read_node(struct piece p, struct sovd_address *ret) {
        const char *colon = memchr(p.begin, ':', p.n);
        char text[INET6_ADDRSTRLEN];

        if (p.n && *p.begin == '[') {
                const char *close = memchr(p.begin, ']', p.n);
                if (!close)
                        return false;
                p = (struct piece){ p.begin + 1, (size_t)(close - p.begin) - 1 };
        } else if (colon && !memchr(colon + 1, ':', p.n - (size_t)(colon + 1 - p.begin))) {
                p.n = (size_t)(colon - p.begin);
        }
        if (p.n >= sizeof(text))
                return false;
        memcpy(text, p.begin, p.n);
        text[p.n] = '\0';
        return sovd_address_read(ret, text);
}

static bool is_listed(const char *const *trusted, const struct sovd_address *address) {
        struct sovd_network network;

        for (; *trusted; trusted++)
                if (sovd_network_read(&network, *trusted) && sovd_network_holds(&network, address))
                        return true;
        return false;
}

/* From the right: what stands left of a trusted proxy was said by that one. false: go on with the field before. */
static bool walk_back(const char *value, const char *const *trusted, struct sovd_address *ret, bool *ret_known) {
        const char *end = value + strlen(value);

        for (;;) {
                const char *comma = memrchr(value, ',', (size_t)(end - value));
                const char *begin = comma ? comma + 1 : value;
                struct sovd_address address;
                if (!read_node(trim((struct piece){ begin, (size_t)(end - begin) }), &address))
                        return true;
                *ret = address;
                *ret_known = true;
                if (!is_listed(trusted, &address))
                        return true;
                if (!comma)
                        return false;
                end = comma;
        }
}

bool sovd_origin_client(const struct sovd_origin_request *request, const char *const *trusted,
                        struct sovd_address *ret) {
        const struct sovd_head *head = request->head;
        bool known = request->remote && *request->remote && sovd_address_read(ret, request->remote);
        struct forwarded f = { 0 };

        if (!sovd_proxy_is_trusted(trusted, request->remote))
                return known;
        const char *field = last_field(head, "Forwarded");
        if (field)
                return (read_forwarded(field, &f) && f.client.begin && read_node(f.client, ret)) || known;
        for (size_t i = head->n_fields; i-- > 0;)
                if (strcasecmp(head->fields[i].name, "X-Forwarded-For") == 0 &&
                    walk_back(head->fields[i].value, trusted, ret, &known))
                        break;
        return known;
}

/* --- the base ------------------------------------------------------------------------------------------- */

/* On a Unix socket the client made its Host up: only a proxy says one that means something there. */
static struct piece own_host(const struct sovd_origin_request *request, bool is_proxy) {
        const char *host = sovd_head_field(request->head, "Host");
        bool is_unix = !request->remote || !*request->remote;

        if (!host || (is_unix && !is_proxy))
                return (struct piece){ NULL, 0 };
        struct piece p = trim((struct piece){ host, strlen(host) });
        return sovd_authority_is_valid(p.begin, p.n) ? p : (struct piece){ NULL, 0 };
}

int sovd_origin_base(const char **ret, const struct sovd_origin_request *request, const char *const *trusted,
                     struct sovd_arena *arena, const char **reason) {
        bool is_proxy = sovd_proxy_is_trusted(trusted, request->remote);
        struct piece host = own_host(request, is_proxy);
        struct forwarded f = { 0 };

        *reason = is_proxy ? read_proxy(request->head, &f) : NULL;
        if (*reason)
                return SOVD_E_BAD_REQUEST;

        bool https = f.proto.begin ? equals(f.proto, "https") : request->is_tls;
        if (f.host.begin)
                host = f.host;
        *ret = sovd_arena_printf(arena, "%s%.*s%.*s" SOVD_API_BASE,
                                 !host.begin ? ""
                                 : https     ? "https://"
                                             : "http://",
                                 (int)host.n, host.begin ? host.begin : "", (int)f.prefix.n,
                                 f.prefix.begin ? f.prefix.begin : "");
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}
