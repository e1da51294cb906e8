/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/left_out.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/rest.h"

/* Hashes of those that were told; 0 = free. Only ever filled, so that no lock is needed. */
static uint64_t known[SOVD_LEFT_OUT_MAX];
static uint64_t n_total;

static uint64_t mix(uint64_t h, const char *s) {
        for (; *s; s++)
                h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3); /* FNV-1a */
        return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* Was it new? When there is no more place: no, so that the log does not fill. */
static bool remember(uint64_t hash) {
        for (size_t i = 0; i < SOVD_LEFT_OUT_MAX; i++) {
                uint64_t seen = __atomic_load_n(&known[i], __ATOMIC_RELAXED);
                if (seen == hash)
                        return false;
                if (seen)
                        continue;
                if (__atomic_compare_exchange_n(&known[i], &seen, hash, false, __ATOMIC_RELAXED,
                                                __ATOMIC_RELAXED))
                        return true;
                if (seen == hash)
                        return false;
        }
        return false;
}

static void tell(const struct sovd_entity *e, enum sovd_collection collection, const char *id) {
        const struct sovd_backend *backend = e->providers[collection];
        const struct sovd_log_field fields[] = { { "id", id }, { NULL, NULL } };
        uint64_t hash = mix(
                mix(mix(UINT64_C(0xcbf29ce484222325) + e->type, e->id), sovd_collection_names[collection]),
                id);

        (void)__atomic_add_fetch(&n_total, 1, __ATOMIC_RELAXED);
        if (remember(hash ? hash : 1))
                sovd_log_event(SOVD_LOG_WARN, fields,
                               "%s '%s' of backend '%s': one of its %s is left out, its id is reserved",
                               sovd_entity_type_words[e->type], e->id, backend ? backend->name : "-",
                               sovd_collection_names[collection]);
}

bool sovd_left_out_is_usable(enum sovd_collection collection, const char *id) {
        return !sovd_id_is_reserved_in(id, sovd_collection_names[collection]);
}

void sovd_left_out_filter(struct sovd_call *call, enum sovd_collection collection, struct sovd_list *list,
                          size_t size) {
        const bool narrowed = sovd_gate_is_narrowed(call);
        char *items = list->items;
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                const char *id = *(const char *const *)(const void *)(items + i * size);
                if (!sovd_left_out_is_usable(collection, id)) {
                        tell(call->entity, collection, id);
                        continue;
                }
                if (narrowed && !sovd_gate_may_read(call, call->entity, collection, id))
                        continue;
                if (n != i)
                        memcpy(items + n * size, items + i * size, size);
                n++;
        }
        list->n = n;
        ((struct sovd_rest_call *)call)->judged = list;
}

void sovd_left_out_count(size_t *ret_different, uint64_t *ret_total) {
        size_t n = 0;

        while (n < SOVD_LEFT_OUT_MAX && __atomic_load_n(&known[n], __ATOMIC_RELAXED))
                n++;
        *ret_different = n;
        *ret_total = __atomic_load_n(&n_total, __ATOMIC_RELAXED);
}
