/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - locks
 */
#include <stdio.h>
#include <time.h>
#include "demo-ecu/iso.h"

#define LOCK_SECONDS_MAX 86400

/* False when it refused the call. */
static bool read_expiration(struct call *call, uint64_t *ret_ends_usec) {
        unsigned int seconds;

        if (call_seconds(call, "lock_expiration", &seconds))
                return false;
        if (!seconds || seconds > LOCK_SECONDS_MAX) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'lock_expiration' must be from 1 to %d seconds",
                          LOCK_SECONDS_MAX);
                return false;
        }
        *ret_ends_usec = lock_now_usec() + (uint64_t)seconds * 1000000;
        return true;
}

static bool read_scopes(struct call *call, unsigned int *ret) {
        const cJSON *scopes = cJSON_GetObjectItemCaseSensitive(call->json, "scopes"), *item;

        *ret = 0;
        if (scopes && !cJSON_IsArray(scopes)) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'scopes' must be an array");
                return false;
        }
        cJSON_ArrayForEach (item, scopes) {
                unsigned int scope = cJSON_IsString(item) ? lock_scope_find(item->valuestring) : 0;

                if (!scope) {
                        call_fail(call, PROBLEM_BAD_REQUEST, "'scopes' has an item that is no collection");
                        return false;
                }
                *ret |= scope;
        }
        if (!*ret)
                *ret = LOCK_ALL_SCOPES;
        return true;
}

void iso_acquire_lock(struct call *call) {
        struct lock wish = { 0 }, *lock;
        bool break_lock = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(call->json, "break_lock"));

        if (!read_expiration(call, &wish.ends_usec) || !read_scopes(call, &wish.scopes))
                return;
        copy_text(wish.client, sizeof(wish.client), call->client);
        if (lock_acquire(call->component, &wish, break_lock, &lock, &call->problem)) {
                call_refuse(call);
                return;
        }

        call->status = 201;
        snprintf(call->location, sizeof(call->location), BASE_PATH "/components/%s/locks/%s",
                 call->component->id, lock->id);
        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "id", lock->id);
        json_end(&call->out, '}');
}

static void write_common(struct call *call, const struct lock *lock) {
        json_bool(&call->out, "owned", equal(lock->client, call->client));
        if (lock->scopes == LOCK_ALL_SCOPES)
                return;
        json_begin(&call->out, "scopes", '[');
        for (unsigned int i = 0; lock_scopes[i]; ++i)
                if (lock->scopes & (1u << i))
                        json_string(&call->out, NULL, lock_scopes[i]);
        json_end(&call->out, ']');
}

void iso_list_locks(struct call *call) {
        struct json *json = &call->out;

        lock_drop_ended(call->component);
        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        for (size_t i = 0; i < LOCKS_MAX; ++i) {
                const struct lock *lock = &call->component->locks[i];

                if (!lock->id[0] || lock->broken)
                        continue;
                json_begin(json, NULL, '{');
                json_string(json, "id", lock->id);
                write_common(call, lock);
                json_end(json, '}');
        }
        json_end(json, ']');
        json_end(json, '}');
}

void iso_get_lock(struct call *call) {
        const struct lock *lock = lock_find(call->component, call_resource(call), &call->problem);
        struct timespec now;
        struct tm utc;
        char text[24];

        if (!lock) {
                call_refuse(call);
                return;
        }
        clock_gettime(CLOCK_REALTIME, &now);
        now.tv_sec += (time_t)((lock->ends_usec - lock_now_usec()) / 1000000);
        gmtime_r(&now.tv_sec, &utc);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);

        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "lock_expiration", text);
        write_common(call, lock);
        json_end(&call->out, '}');
}

void iso_extend_lock(struct call *call) {
        struct lock *lock = lock_find_own(call->component, call_resource(call), call->client, &call->problem);

        if (!lock)
                call_refuse(call);
        else if (read_expiration(call, &lock->ends_usec))
                call->status = 204;
}

void iso_release_lock(struct call *call) {
        struct lock *lock = lock_find_own(call->component, call_resource(call), call->client, &call->problem);

        if (!lock) {
                call_refuse(call);
                return;
        }
        *lock = (struct lock){ 0 };
        call->status = 204;
}
