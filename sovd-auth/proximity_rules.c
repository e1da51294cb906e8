/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/proximity_rules.h"
#include "sovd-auth/policy.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include <stdio.h>

#define KEY_MIN 16
#define ID_SIZE 512

static int read_key(const struct proximity_rules *rules, size_t i, struct sovd_secrets *secrets,
                    struct sovd_secret **ret) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *why = "there is nothing that reads secrets";
        size_t n = 0;

        int r = sovd_arena_new(&arena, 1024);
        if (r)
                return r;
        r = secrets ? sovd_secrets_read(secrets, rules->items[i].key_from, ret, arena, &why) : -EINVAL;
        if (!r)
                (void)sovd_secret_bytes(*ret, &n);
        if (!r && n < KEY_MIN) {
                *ret = sovd_secret_unref(*ret);
                why = "the key has less than 16 bytes";
                r = -EINVAL;
        }
        if (r)
                sovd_log(SOVD_LOG_ERROR, "auth.proximity[%zu].verifier.key: %s", i,
                         why ? why : "cannot be read");
        return r;
}

static void fold(char *s) {
        for (; *s; s++)
                if (*s >= 'A' && *s <= 'Z')
                        *s = (char)(*s - 'A' + 'a');
}

static bool copy_words(struct sovd_strings *to, const struct sovd_strings *from, struct sovd_arena *arena) {
        const char **items = sovd_arena_array(arena, const char *, from->n + 1);

        for (size_t i = 0; items && i < from->n; i++) {
                char *word = sovd_arena_strdup(arena, from->items[i]);
                if (!word)
                        return false;
                fold(word);
                items[i] = word;
        }
        *to = (struct sovd_strings){ .items = items, .n = from->n, .set = true };
        return items;
}

static int learn(struct proximity_rules *rules, size_t i, const struct sovd_proximity_rule_settings *s,
                 struct sovd_secrets *secrets) {
        const struct sovd_proximity_verifier_settings *v = s->verifier;
        struct proximity_rule *rule = &rules->items[i];

        *rule = (struct proximity_rule){
                .key_from = v->key ? sovd_arena_strdup(rules->arena, v->key) : NULL,
                .socket = v->socket ? sovd_arena_strdup(rules->arena, v->socket) : NULL,
                .uid = v->uid.set ? v->uid.value : -1,
                .timeout_usec = (uint64_t)(v->timeout.value * (double)SOVD_USEC_PER_SEC),
                .valid_usec = (uint64_t)s->valid_secs.value * SOVD_USEC_PER_SEC,
                .tries = (unsigned)s->tries.value
        };
        rules->n = i + 1;
        if (!copy_words(&rule->resources, &s->resources, rules->arena) || (!rule->key_from && !rule->socket))
                return sovd_error_origin(-ENOMEM);
        return rule->key_from ? read_key(rules, i, secrets, &rule->key) : 0;
}

int proximity_rules_new(struct proximity_rules **ret, const struct sovd_list *settings,
                        struct sovd_secrets *secrets) {
        const struct sovd_proximity_rule_settings *all = settings->items;
        _cleanup_(proximity_rules_unrefp) struct proximity_rules *rules = calloc(1, sizeof(*rules));
        if (!rules)
                return sovd_error_origin(-ENOMEM);

        rules->n_refs = 1;
        (void)pthread_mutex_init(&rules->mutex, NULL);
        int r = sovd_arena_new(&rules->arena, 1024);
        if (!r)
                rules->items = sovd_arena_array(rules->arena, struct proximity_rule, settings->n + 1);
        if (!r && !rules->items)
                r = sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < settings->n; i++)
                r = learn(rules, i, &all[i], secrets);
        if (!r)
                *ret = SOVD_TAKE(rules);
        return r;
}

struct proximity_rules *proximity_rules_ref(struct proximity_rules *rules) {
        (void)__atomic_add_fetch(&rules->n_refs, 1, __ATOMIC_RELAXED);
        return rules;
}

struct proximity_rules *proximity_rules_unref(struct proximity_rules *rules) {
        if (!rules || __atomic_sub_fetch(&rules->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        for (size_t i = 0; i < rules->n; i++)
                sovd_secret_unref(rules->items[i].key);
        sovd_arena_free(rules->arena);
        (void)pthread_mutex_destroy(&rules->mutex);
        free(rules);
        return NULL;
}

static const struct proximity_rule *match(const struct proximity_rules *rules, const char *const segments[static 4]) {
        for (size_t i = 0; i < rules->n; i++)
                for (size_t k = 0; k < rules->items[i].resources.n; k++)
                        if (sovd_policy_matches(rules->items[i].resources.items[k], segments, 4, false))
                                return &rules->items[i];
        return NULL;
}

/* Without case: there are servers that take an operation's name in any, and no spelling may be a way around. Nor
 * to a rule that is easier to meet is an id that ends earlier for a server that decodes first: what it is then counts. */
const struct proximity_rule *proximity_rules_find(const struct proximity_rules *rules,
                                                  const char *const given[static 4]) {
        char folded[4][ID_SIZE];
        const char *segments[4];

        for (size_t i = 0; i < 4; i++) {
                if (strlen(given[i]) >= ID_SIZE)
                        return rules->n ? &rules->items[0] : NULL; /* no id is that long: whatever it is, it is guarded */
                memcpy(folded[i], given[i], strlen(given[i]) + 1);
                fold(folded[i]);
                segments[i] = folded[i];
        }
        const char *whole = segments[3];
        char shorter[ID_SIZE];
        (void)snprintf(shorter, sizeof(shorter), "%.*s", (int)strcspn(whole, SOVD_ID_ENDS), whole);
        segments[3] = shorter;
        const struct proximity_rule *rule = match(rules, segments);
        segments[3] = whole;
        return rule ? rule : match(rules, segments);
}

void proximity_rules_refresh(struct proximity_rules *rules, struct sovd_secrets *secrets) {
        for (size_t i = 0; i < rules->n; i++) {
                struct sovd_secret *now = NULL;
                if (!rules->items[i].key_from ||
                    !sovd_has_prefix(rules->items[i].key_from, SOVD_SECRET_VAULT) ||
                    read_key(rules, i, secrets, &now))
                        continue; /* the one of before stays */
                (void)pthread_mutex_lock(&rules->mutex);
                struct sovd_secret *before = rules->items[i].key;
                rules->items[i].key = now;
                (void)pthread_mutex_unlock(&rules->mutex);
                sovd_secret_unref(before);
        }
}

int proximity_rules_verify(struct proximity_rules *rules, const struct proximity_rule *rule,
                           uint64_t deadline_usec, const struct sovd_proximity_question *question) {
        if (rule->socket)
                return sovd_proximity_verify_socket(
                        rule->socket, rule->uid,
                        SOVD_MIN(deadline_usec, sovd_now_usec() + rule->timeout_usec), question);
        (void)pthread_mutex_lock(&rules->mutex);
        struct sovd_secret *key = sovd_secret_ref(rule->key);
        (void)pthread_mutex_unlock(&rules->mutex);
        int r = sovd_proximity_verify_key(key, question);
        sovd_secret_unref(key);
        return r;
}
