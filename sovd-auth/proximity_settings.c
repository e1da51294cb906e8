/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/policy.h"
#include "sovd-auth/proximity.h"
#include "sovd-auth/secrets.h"
#include <sys/un.h>

#define PATTERNS_MAX 64
#define KEY_MIN      16 /* bytes */

#define F(member) offsetof(struct sovd_proximity_verifier_settings, member)
static const struct sovd_field verifier_fields[] = {
        { .name = "key",
          .type = SOVD_FIELD_STRING,
          .offset = F(key),
          .min = 1,
          .max = 4095,
          .doc = "Where the key is that a device at the vehicle has too, of at least 16 "
                 "bytes. " SOVD_SECRET_NOTATION },
        { .name = "socket",
          .type = SOVD_FIELD_STRING,
          .offset = F(socket),
          .min = 2,
          .max = 107,
          .doc = "Instead: Unix socket of a process that knows." },
        { .name = "uid",
          .type = SOVD_FIELD_INT,
          .offset = F(uid),
          .min = 0,
          .max = UINT32_MAX - 1,
          .doc = "Its user; without this, ours or root." },
        { .name = "timeout_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(timeout),
          .least = 0.1,
          .max = 30,
          .def = "5",
          .doc = "How long it may take." },
        { 0 }
};
#undef F
static const struct sovd_schema verifier_schema = { .name = "verifier",
                                                    .size = sizeof(struct sovd_proximity_verifier_settings),
                                                    .fields = verifier_fields };

#define F(member) offsetof(struct sovd_proximity_rule_settings, member)
static const struct sovd_field rule_fields[] = {
        { .name = "resources",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(resources),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = PATTERNS_MAX,
          .doc = "Operations and scripts, like `components/bms/operations/flush` or `**/scripts/*`; patterns "
                 "as in a policy." },
        { .name = "verifier",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(verifier),
          .flags = SOVD_REQUIRED,
          .of = &verifier_schema,
          .doc = "What tells whether an answer is right: `key` or `socket`." },
        { .name = "valid_secs",
          .type = SOVD_FIELD_INT,
          .offset = F(valid_secs),
          .min = 1,
          .max = 30,
          .def = "30",
          .doc = "How long a challenge may be answered." },
        { .name = "tries",
          .type = SOVD_FIELD_INT,
          .offset = F(tries),
          .min = 1,
          .max = 3,
          .def = "3",
          .doc = "Wrong answers that end a challenge and make the client wait." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_proximity_rule = { .name = "proximity_rule",
                                                        .size = sizeof(struct sovd_proximity_rule_settings),
                                                        .fields = rule_fields };

#define SEGMENT_SIZE 256

/* Is a segment of a pattern "**", or does it match one of the two words? */
static bool can_be_collection(const char *p, size_t n) {
        static const char *const words[] = { "operations", "scripts" };
        char segment[SEGMENT_SIZE];

        if (n >= sizeof(segment))
                return false;
        memcpy(segment, p, n);
        segment[n] = '\0';
        return sovd_policy_matches(segment, &words[0], 1, false) ||
               sovd_policy_matches(segment, &words[1], 1, false);
}

/* One that matches nothing would look like a protection: the last segment is an operation's or a script's name. */
static const char *check_pattern(const char *pattern) {
        if (!sovd_policy_is_pattern(pattern))
                return "is no pattern: segments with / between, * for some characters, ** for any number of "
                       "segments";
        const char *last = strrchr(pattern, '/'), *before = last;

        if (strcmp(last ? last + 1 : pattern, "**") == 0)
                return NULL;
        while (before && before > pattern && before[-1] != '/')
                before--;
        return last && can_be_collection(before, (size_t)(last - before))
                       ? NULL
                       : "names neither operations nor scripts before its last segment, so it would match "
                         "nothing";
}

static const char *check_key(const char *notation, bool has_vault, struct sovd_arena *arena) {
        struct sovd_secret *secret = NULL;
        const char *why = sovd_secrets_check(notation, has_vault);
        size_t n;

        if (why || sovd_has_prefix(notation, SOVD_SECRET_VAULT))
                return why;
        if (sovd_secret_read(&secret, notation, arena, &why))
                return why ? why : "cannot be read";
        (void)sovd_secret_bytes(secret, &n);
        sovd_secret_unref(secret);
        return n < KEY_MIN ? "the key has less than 16 bytes" : NULL;
}

static const char *check_verifier(const struct sovd_proximity_verifier_settings *v, bool has_vault,
                                  struct sovd_arena *arena, const char **ret_member) {
        *ret_member = "";
        if (!v->key == !v->socket)
                return "needs either key or socket";
        if (v->key && v->uid.set)
                return "uid belongs to socket";
        *ret_member = v->key ? "/key" : "/socket";
        if (v->key)
                return check_key(v->key, has_vault, arena);
        return *v->socket == '/' ? NULL : "must be an absolute path";
}

const char *sovd_proximity_settings_check(const struct sovd_list *rules, bool has_vault,
                                          struct sovd_arena *arena, const char **ret_pointer) {
        const struct sovd_proximity_rule_settings *all = rules->items;
        const char *why = NULL, *member;

        for (size_t i = 0; !why && i < rules->n; i++) {
                for (size_t k = 0; !why && k < all[i].resources.n; k++) {
                        why = check_pattern(all[i].resources.items[k]);
                        *ret_pointer = why ? sovd_arena_printf(arena, "/%zu/resources/%zu", i, k) : NULL;
                }
                if (why)
                        return why;
                why = check_verifier(all[i].verifier, has_vault, arena, &member);
                *ret_pointer = why ? sovd_arena_printf(arena, "/%zu/verifier%s", i, member) : NULL;
        }
        return why;
}
