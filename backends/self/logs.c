/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines that the gateway wrote to its log. How much it writes is the configuration's to say. */
#include "backends/self/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include <unistd.h>

static int severity_of(enum sovd_log_level level) {
        static const int severities[] = { SOVD_SEVERITY_ERROR, SOVD_SEVERITY_WARN, SOVD_SEVERITY_INFO,
                                          SOVD_SEVERITY_DEBUG };

        return severities[level];
}

static struct sovd_log_context *make_context(struct sovd_call *call) {
        struct sovd_log_context *context = sovd_arena_new0(call->arena, struct sovd_log_context);
        char host[256] = "";

        (void)gethostname(host, sizeof(host) - 1);
        if (!context)
                return NULL;
        context->type = SOVD_CONTEXT_RFC5424;
        context->host = sovd_call_printf(call, "%s", host);
        context->process = "sovd-gatewayd";
        context->pid = SOVD_INT(getpid());
        return context;
}

static int describe(struct sovd_call *call, const struct sovd_log_line *line, struct sovd_log_context *context,
                    struct sovd_log_entry *ret) {
        char when[SOVD_TIMESTAMP_SIZE];

        *ret = (struct sovd_log_entry){ .timestamp = sovd_arena_strdup(call->arena, sovd_clock_format(when, line->usec)),
                                        .context = context,
                                        .severity = severity_of(line->level),
                                        .msg = line->text };
        return ret->timestamp ? 0 : sovd_error_origin(-ENOMEM);
}

int self_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least, struct sovd_log_list *ret) {
        const size_t max = sovd_log_kept_max();
        struct sovd_log_line *lines = sovd_arena_array(call->arena, struct sovd_log_line, max);
        struct sovd_log_entry *entries = sovd_arena_array(call->arena, struct sovd_log_entry, max);
        struct sovd_log_context *context = make_context(call);
        int r = 0;
        (void)e;
        if (!lines || !entries || !context)
                return sovd_error_origin(-ENOMEM);

        const size_t n = sovd_log_last(lines, max);
        ret->items = (struct sovd_list){ .items = entries, .set = true };
        for (size_t i = 0; !r && i < n; i++)
                if (sovd_log_severity_passes(severity_of(lines[i].level), least))
                        r = describe(call, &lines[i], context, &entries[ret->items.n++]);
        return r;
}

int self_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret) {
        struct sovd_log_configuration *configuration = sovd_arena_new0(call->arena, struct sovd_log_configuration);
        (void)e;
        if (!configuration)
                return sovd_error_origin(-ENOMEM);

        *configuration = (struct sovd_log_configuration){ .context = make_context(call),
                                                          .severity = severity_of(sovd_log_level_now()) };
        ret->contexts = (struct sovd_list){ .items = configuration, .n = 1, .set = true };
        return configuration->context ? 0 : sovd_error_origin(-ENOMEM);
}
