/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/call.h"
#include "sovd-core/base/log.h"

_printf_(2, 0)
static const char *message_of(struct sovd_call *call, const char *format, va_list args) {
        const char *message = sovd_arena_vprintf(call->arena, format, args);

        return message ? message : "out of memory";
}

int sovd_fail(struct sovd_call *call, enum sovd_error error, const char *format, ...) {
        va_list args;

        va_start(args, format);
        call->failure = (struct sovd_failure){ .error = error, .body.message = message_of(call, format, args) };
        va_end(args);
        return error;
}

int sovd_fail_at(struct sovd_call *call, enum sovd_error error, const char *path, const char *format, ...) {
        va_list args;

        va_start(args, format);
        call->failure = (struct sovd_failure){ .error = error, .body.message = message_of(call, format, args) };
        va_end(args);
        call->failure.path = sovd_arena_strdup(call->arena, path);
        return error;
}

int sovd_fail_update(struct sovd_call *call, enum sovd_error error, const char *id, const char *what) {
        (void)sovd_fail(call, error, "update '%s' is %s", id, what);
        call->failure.package = sovd_arena_strdup(call->arena, id);
        return error;
}

int sovd_fail_upstream(struct sovd_call *call, unsigned status, const struct sovd_generic_error *body,
                       const char *path) {
        call->failure = (struct sovd_failure){
                .error = SOVD_E_UPSTREAM,
                .status = status,
                .body = *body,
                .path = path,
                .outcome_unknown = sovd_streq(body->vendor_code, SOVD_OUTCOME_UNKNOWN),
        };
        return SOVD_E_UPSTREAM;
}

int sovd_fail_unknown(struct sovd_call *call, int r) {
        if (r > 0)
                call->failure.outcome_unknown = true;
        return r;
}

int sovd_call_did(struct sovd_call *call, int r) {
        if (r <= 0)
                call->acted = true;
        return r;
}

int sovd_call_settle(struct sovd_call *call, int r) {
        if (!r || !call->acted)
                return r;
        if (r < 0) {
                sovd_log(SOVD_LOG_ERROR, "request %s failed after something was changed: %s", call->request_id, strerror(-r));
                r = sovd_fail(call, SOVD_E_INTERNAL, "the server failed after the request may have been carried out; request id %s",
                              call->request_id);
        }
        return sovd_fail_unknown(call, r);
}

int sovd_fail_range(struct sovd_call *call, uint64_t size) {
        (void)sovd_fail(call, SOVD_E_RANGE, "the range lies outside of the %llu bytes that there are",
                        (unsigned long long)size);
        call->failure.content_range = sovd_call_printf(call, "bytes */%llu", (unsigned long long)size);
        return SOVD_E_RANGE;
}

int sovd_fail_storage(struct sovd_call *call, int r) {
        if (r == -ENOMEM)
                return r;
        if (r == -ETIMEDOUT)
                return sovd_fail(call, SOVD_E_NOT_RESPONDING, "what was asked for was not found within the time of a request");
        if (r == SOVD_E_OVERLOAD)
                (void)sovd_fail(call, r, "too many changes wait for the disk");
        else
                r = sovd_fail(call, r == -ENOSPC ? SOVD_E_NO_SPACE : SOVD_E_STORAGE,
                              "the state cannot be read or written now: %s", strerror(abs(r)));
        sovd_fail_retry_after(call, 1);
        return r;
}

void sovd_fail_retry_after(struct sovd_call *call, unsigned seconds) {
        call->failure.retry_after_sec = seconds;
}

const char *sovd_call_query(const struct sovd_call *call, const char *name) {
        for (size_t i = 0; i < call->n_query; i++)
                if (!call->query[i].key && strcmp(call->query[i].name, name) == 0)
                        return call->query[i].value;
        return NULL;
}

bool sovd_call_query_all(struct sovd_call *call, const char *name, struct sovd_strings *ret) {
        struct sovd_strings all = { .items = sovd_arena_array(call->arena, const char *, call->n_query + 1) };

        if (!all.items)
                return false;
        for (size_t i = 0; i < call->n_query; i++)
                if (!call->query[i].key && strcmp(call->query[i].name, name) == 0)
                        all.items[all.n++] = call->query[i].value;
        all.set = all.n > 0;
        *ret = all;
        return true;
}

const char *sovd_call_printf(struct sovd_call *call, const char *format, ...) {
        va_list args;

        va_start(args, format);
        const char *s = sovd_arena_vprintf(call->arena, format, args);
        va_end(args);
        return s ? s : "";
}
