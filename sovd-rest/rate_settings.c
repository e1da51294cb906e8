/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/rate_settings.h"
#include "sovd-core/base/network.h"

/* One table for each bucket, as their defaults are not the same. */
#define BUCKET(word, per_second, most, sentence)                                                             \
        static const struct sovd_field word##_fields[] = {                                                   \
                { .name = "per_sec",                                                                         \
                  .type = SOVD_FIELD_NUMBER,                                                                 \
                  .offset = offsetof(struct sovd_bucket_settings, per_sec),                                  \
                  .min = 0,                                                                                  \
                  .max = 1000000,                                                                            \
                  .def = per_second,                                                                         \
                  .doc = sentence " per second, in the long run; 0: no limit." },                           \
                { .name = "burst",                                                                           \
                  .type = SOVD_FIELD_INT,                                                                    \
                  .offset = offsetof(struct sovd_bucket_settings, burst),                                    \
                  .min = 1,                                                                                  \
                  .max = 1000000,                                                                            \
                  .def = most,                                                                               \
                  .doc = sentence " at once, after a pause." },                                              \
                { 0 }                                                                                        \
        };                                                                                                   \
        static const struct sovd_schema word##_schema = { .name = #word,                                     \
                                                          .size = sizeof(struct sovd_bucket_settings),       \
                                                          .fields = word##_fields }

BUCKET(per_address, "1000", "2000", "Requests of one address");
BUCKET(per_principal, "1000", "2000", "Requests of one client that is known");
BUCKET(failures, "1", "100", "Credentials of one kind that are not accepted from one address");

#define F(member) offsetof(struct sovd_rate_settings, member)
#define OBJECT(word, sentence)                                                                               \
        { .name = #word,                                                                                     \
          .type = SOVD_FIELD_OBJECT,                                                                         \
          .offset = F(word),                                                                                 \
          .of = &word##_schema,                                                                              \
          .def = "{}",                                                                                       \
          .doc = sentence }
static const struct sovd_field fields[] = {
        OBJECT(per_address, "Of each address (of IPv6 the first 64 bits), before anybody is asked who he is."),
        OBJECT(per_principal, "Of each client that its credentials prove, from wherever it asks."),
        OBJECT(failures, "Over it, credentials that fail are answered with 429 in place of 401; good ones get in."),
        { .name = "exempt",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(exempt),
          .min = 0,
          .max = 64,
          .def = "[\"127.0.0.0/8\",\"::1\"]",
          .doc = "Addresses and networks that per_address and limits.connections_per_address are not for. On the "
                 "loopback all programs have one address, and one of them could shut the others out." },
        { .name = "places",
          .type = SOVD_FIELD_INT,
          .offset = F(places),
          .min = 16,
          .max = 1048576,
          .def = "8192",
          .doc = "Clients whose buckets are kept, of each kind, 16 bytes each; with more, the fullest buckets are "
                 "forgotten." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_rate_settings = {
        .name = "rate",
        .size = sizeof(struct sovd_rate_settings),
        .fields = fields,
        .doc = "How often clients may ask.",
};

const char *sovd_rate_settings_check(const struct sovd_rate_settings *settings, struct sovd_arena *arena,
                                     const char **ret_pointer) {
        struct sovd_network network;

        *ret_pointer = NULL;
        for (size_t i = 0; i < settings->exempt.n; i++)
                if (!sovd_network_read(&network, settings->exempt.items[i])) {
                        *ret_pointer = sovd_arena_printf(arena, "/exempt/%zu", i);
                        return "is no IP address and no network like 10.0.0.0/8";
                }
        return NULL;
}

struct sovd_rate sovd_rate_settings_rate(const struct sovd_bucket_settings *settings) {
        return (struct sovd_rate){ settings->per_sec.value, (double)settings->burst.value };
}
