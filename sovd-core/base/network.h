#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Networks - addresses of clients, and lists of those that a rule is for
 *
 * IPv4 and IPv6 have one form here: 16 bytes, IPv4 as ::ffff:a.b.c.d. So a client that comes over an IPv6 socket with
 * an IPv4 address is the same client.
 */
#include "sovd-core/base/util.h"

#define SOVD_ADDRESS_BYTES 16

struct sovd_address {
        unsigned char bytes[SOVD_ADDRESS_BYTES];
};
struct sovd_network {
        struct sovd_address address;
        unsigned bits; /* of 128 */
};

/* Reads an IPv4 or IPv6 address without port or brackets; a zone behind it is passed over. */
bool sovd_address_read(struct sovd_address *ret, const char *s);

/* Reads an address with or without "/bits". */
bool sovd_network_read(struct sovd_network *ret, const char *s);

bool sovd_network_holds(const struct sovd_network *network, const struct sovd_address *address);

/* The part of an address that stands for one client: all of IPv4; of IPv6 the first 64 bits, as whoever has one address
 * of such a network has all of them. The rest is zero. */
struct sovd_address sovd_address_client(const struct sovd_address *address);
