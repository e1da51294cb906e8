/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is the path of a request
 *
 * Whatever is accepted has clean segments, is the same when they are encoded and read again, and leads the router
 * to the same place with and without a method that is offered.
 */
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void check_segment(const char *s) {
        must(*s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0);
        must(sovd_utf8_is_valid(s, strlen(s)));
        for (; *s; s++)
                must((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void check_encoded_again(const struct sovd_target *target, struct sovd_arena *arena) {
        struct sovd_target again;
        const char *path = "", *reason;

        for (size_t i = 0; i < target->n; i++)
                path = sovd_arena_printf(arena, "%s/%s", path,
                                         sovd_http_encode_segment(arena, target->segments[i]));
        must(sovd_target_parse(&again, *path ? path : "/", arena, &reason) == 0);
        must(again.n == target->n);
        for (size_t i = 0; i < again.n; i++)
                must(strcmp(again.segments[i], target->segments[i]) == 0);
}

static void check_match(const struct sovd_target *target) {
        struct sovd_match none, match;

        sovd_router_match(&none, target, -1);
        must(!none.route && none.n_steps <= SOVD_ENTITY_STEPS_MAX);
        for (int method = 0; method < SOVD_N_METHODS; method++) {
                sovd_router_match(&match, target, method);
                must(match.allowed == none.allowed && match.n_steps == none.n_steps);
                must(!match.route == (match.is_docs || !(match.allowed & (1u << method))));
                must(!match.route || sovd_route_at(match.position) == match.route);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *path = strndup(size ? (const char *)data : "", size);
        struct sovd_target target;
        const char *reason = NULL;

        if (!path || sovd_arena_new(&arena, 4096))
                return 0;
        int r = sovd_target_parse(&target, path, arena, &reason);
        if (r) {
                must((r == SOVD_E_BAD_REQUEST || r == SOVD_E_URI_TOO_LONG) && reason && *reason);
                return 0;
        }
        must(target.n <= SOVD_SEGMENTS_MAX);
        for (size_t i = 0; i < target.n; i++)
                check_segment(target.segments[i]);
        check_encoded_again(&target, arena);
        check_match(&target);
        return 0;
}
