/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/host.h"
#include "sovd-core/base/network.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/rest.h"
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#define NAME_SIZE 256 /* of DNS: 253 */

/* The name without port, brackets and the dot at the end; false: it is too long for one. */
static bool take_name(char ret[static NAME_SIZE], const char *host) {
        const char *begin = *host == '[' ? host + 1 : host;
        size_t n = strcspn(begin, *host == '[' ? "]" : ":");

        if (n >= NAME_SIZE)
                return false;
        (void)snprintf(ret, NAME_SIZE, "%.*s", (int)n, begin);
        if (n && ret[n - 1] == '.')
                ret[n - 1] = '\0';
        return true;
}

static bool is_localhost(const char *name) {
        static const char word[] = "localhost";
        size_t n = strlen(name), n_word = sizeof(word) - 1;

        return n >= n_word && strcasecmp(name + n - n_word, word) == 0 && (n == n_word || name[n - n_word - 1] == '.');
}

/* "hpc" and "hpc.vehicle.example" of a machine that is called the last; in its network also "hpc.local". */
static bool is_machine(const char *name, const char *machine, bool is_local) {
        size_t n = strcspn(machine, ".");

        if (!n)
                return false;
        return strcasecmp(name, machine) == 0 ||
               (strncasecmp(name, machine, n) == 0 && (!name[n] || (!is_local && strcasecmp(name + n, ".local") == 0)));
}

bool sovd_host_is_ours(const char *host, const char *machine, bool is_local) {
        struct sovd_address address;
        char name[NAME_SIZE];

        if (!take_name(name, host))
                return false;
        if (sovd_address_read(&address, name) && (*host == '[' || !strchr(name, '%'))) /* zones are of IPv6 */
                return true;
        return is_localhost(name) || is_machine(name, machine, is_local) ||
               (!is_local && !strchr(name, '.'));
}

static bool is_allowed(const char *const *allowed, const char *host) {
        for (; *allowed; allowed++)
                if (strcmp(*allowed, "*") == 0 || strcasecmp(*allowed, host) == 0)
                        return true;
        return false;
}

int sovd_host_check(struct sovd_call *call, const struct sovd_http_exchange *x) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        const char *host = sovd_head_field(&x->head, "Host");
        char machine[NAME_SIZE] = "";

        if (!host)
                return 0;
        if (rest->allowed_hosts)
                return is_allowed(rest->allowed_hosts, host)
                               ? 0
                               : sovd_fail(call, SOVD_E_MISDIRECTED, "this server does not answer for the host named in the request");
        if (x->is_tls || !x->remote || !*x->remote) /* a browser compares the certificate, or cannot come that way */
                return 0;
        if (gethostname(machine, sizeof(machine) - 1))
                *machine = '\0';
        if (sovd_host_is_ours(host, machine, rest->is_local))
                return 0;
        return sovd_fail(call, SOVD_E_MISDIRECTED, "this server does not answer for the host named in the request over plain HTTP: "
                                                   "server.allowed_hosts can say, with the port, that it has this name");
}
