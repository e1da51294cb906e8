/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/network.h"
#include <arpa/inet.h>

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool read_address(const char *s, struct sovd_address *ret, bool *ret_is_v4) {
        struct sovd_address address;

        memcpy(address.bytes, mapped, sizeof(mapped));
        *ret_is_v4 = inet_pton(AF_INET, s, address.bytes + sizeof(mapped)) == 1;
        if (!*ret_is_v4 && inet_pton(AF_INET6, s, address.bytes) != 1)
                return false;
        *ret = address;
        return true;
}

bool sovd_address_read(struct sovd_address *ret, const char *s) {
        char address[INET6_ADDRSTRLEN];
        size_t n = strcspn(s, "%");
        bool is_v4;
        if (n >= sizeof(address))
                return false;

        memcpy(address, s, n);
        address[n] = '\0';
        return read_address(address, ret, &is_v4);
}

bool sovd_network_read(struct sovd_network *ret, const char *s) {
        char address[INET6_ADDRSTRLEN];
        size_t n = strcspn(s, "/");
        const char *bits = s[n] ? s + n + 1 : NULL;
        bool is_v4;
        if (n >= sizeof(address))
                return false;

        memcpy(address, s, n);
        address[n] = '\0';
        if (!read_address(address, &ret->address, &is_v4))
                return false;

        unsigned most = is_v4 ? 32 : 128, given = most;
        if (bits && (!*bits || strlen(bits) > 3 || strspn(bits, "0123456789") != strlen(bits)))
                return false;
        if (bits)
                given = (unsigned)strtoul(bits, NULL, 10);
        ret->bits = given + (128 - most);
        return given <= most;
}

bool sovd_network_holds(const struct sovd_network *network, const struct sovd_address *address) {
        unsigned whole = network->bits / 8, rest = network->bits % 8;
        unsigned mask = 0xffu << (8 - rest);

        return memcmp(network->address.bytes, address->bytes, whole) == 0 &&
               (!rest || ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0);
}

struct sovd_address sovd_address_client(const struct sovd_address *address) {
        struct sovd_address client = *address;

        if (memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
                memset(client.bytes + 8, 0, SOVD_ADDRESS_BYTES - 8);
        return client;
}
