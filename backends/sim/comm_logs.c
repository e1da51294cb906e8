/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of a bus: nothing runs in the background; what was recorded by now follows from the time that passed. */
#include "backends/sim/bulk_data.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <math.h>
#include <stdio.h>

#define STAMP_LEN 19 /* "(1790000000.000000)" is followed by a blank */
#define LINE_MAX  80

/* --- bytes of a recording ------------------------------------------------------------------------------- */

static size_t line_len(const struct sim_comm_logs *source, uint64_t frame) {
        return STAMP_LEN + 1 + strlen(source->interface) + 1 +
               strlen(source->frames.items[frame % source->frames.n]) + 1;
}

static uint64_t round_len(const struct sim_comm_logs *source) {
        uint64_t len = 0;

        for (size_t i = 0; i < source->frames.n; i++)
                len += line_len(source, i);
        return len;
}

uint64_t sim_recording_size(const struct recording *recording) {
        const struct sim_comm_logs *source = recording->source;
        uint64_t size = recording->n_frames / source->frames.n * round_len(source);

        for (uint64_t i = 0; i < recording->n_frames % source->frames.n; i++)
                size += line_len(source, i);
        return size;
}

static uint64_t time_of(const struct recording *recording, uint64_t frame) {
        size_t i = recording->n_segments;

        while (i > 1 && recording->segments[i - 1].first > frame)
                i--;
        const struct log_segment *s = &recording->segments[i - 1];
        return s->start_usec +
               (uint64_t)((double)(frame - s->first) * 1e6 / recording->source->rate_per_sec.value);
}

/* One line as candump writes it. */
static size_t make_line(const struct recording *recording, uint64_t frame, char line[LINE_MAX]) {
        const struct sim_comm_logs *source = recording->source;
        uint64_t usec = time_of(recording, frame);
        int n = snprintf(line, LINE_MAX, "(%010llu.%06llu) %s %s\n",
                         (unsigned long long)(usec / SOVD_USEC_PER_SEC % UINT64_C(10000000000)),
                         (unsigned long long)(usec % SOVD_USEC_PER_SEC), source->interface,
                         source->frames.items[frame % source->frames.n]);

        return n > 0 ? (size_t)n : 0;
}

void sim_recording_bytes(const struct recording *recording, uint64_t offset, char *buf, size_t n) {
        const struct sim_comm_logs *source = recording->source;
        uint64_t round = round_len(source), frame = offset / round * source->frames.n, skip = offset % round;
        char line[LINE_MAX];

        while (skip >= line_len(source, frame))
                skip -= line_len(source, frame++);
        while (n) {
                size_t len = make_line(recording, frame++, line), part = SOVD_MIN(len - (size_t)skip, n);
                memcpy(buf, line + skip, part);
                buf += part;
                n -= part;
                skip = 0;
        }
}

/* --- states --------------------------------------------------------------------------------------------- */

/* Brings an active one to `now` (realtime). */
static void update(struct comm_log_state *log, uint64_t now) {
        struct recording *recording = log->item->recording;
        const struct log_segment *s = &recording->segments[recording->n_segments - 1];
        const struct sim_comm_logs *source = recording->source;
        uint64_t max = (uint64_t)source->max_frames.value;

        if (!log->active || now < s->start_usec)
                return;
        double passed = (double)(now - s->start_usec) / 1e6 * source->rate_per_sec.value;
        uint64_t n = s->first + (passed < (double)max ? (uint64_t)passed + 1 : max);
        recording->n_frames = SOVD_MIN(n, max);
        if (n < max)
                return;
        log->active = false; /* it is full */
        log->deactivated_usec = time_of(recording, max - 1);
}

void sim_comm_logs_update(const struct sim_call *c) {
        uint64_t now = sovd_realtime_usec();

        for (struct comm_log_state *log = c->unit->comm_logs; log; log = log->next)
                if (log->active)
                        update(log, now);
}

static struct bulk_state *recordings_of(const struct sim_unit *unit) {
        return &unit->bulk[unit->n_bulk - 1];
}

static struct comm_log_state *find(struct sovd_call *call, const struct sim_call *c, const char *id) {
        for (struct comm_log_state *log = c->unit->comm_logs; log; log = log->next)
                if (strcmp(log->id, id) == 0)
                        return log;
        (void)sim_no_resource(call, c->unit, "communication log", id);
        return NULL;
}

static const char *timestamp(struct sovd_arena *arena, uint64_t usec) {
        char buf[SOVD_TIMESTAMP_SIZE];

        return usec ? sovd_arena_strdup(arena, sovd_clock_format(buf, usec)) : NULL;
}

static int describe(struct sovd_call *call, const struct comm_log_state *log, struct sovd_comm_log *ret) {
        *ret = (struct sovd_comm_log){
                .id = sovd_arena_strdup(call->arena, log->id),
                .status = log->active ? SOVD_COMM_LOG_ACTIVE : SOVD_COMM_LOG_INACTIVE,
                .stream = SOVD_BOOL(false),
                .log = sovd_arena_printf(call->arena, "bulk-data/" SIM_LOG_CATEGORY "/%s", log->item->id),
                .activated = timestamp(call->arena, log->activated_usec),
                .deactivated = timestamp(call->arena, log->deactivated_usec),
        };
        return ret->id && ret->log ? 0 : sovd_error_origin(-ENOMEM);
}

/* --- operations ----------------------------------------------------------------------------------------- */

int sim_comm_logs_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_comm_log_ids *ret) {
        const char **ids = sovd_arena_array(call->arena, const char *, 101);
        struct sim_call c;
        size_t n = 0;
        if (!ids)
                return sovd_error_origin(-ENOMEM);

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_COMMUNICATION_LOGS);
        if (r)
                return r;
        for (const struct comm_log_state *log = c.unit->comm_logs; log && n < 100; log = log->next) {
                ids[n] = sovd_arena_strdup(call->arena, log->id);
                if (!ids[n++])
                        r = sovd_error_origin(-ENOMEM);
        }
        sim_leave(&c);
        ret->items = (struct sovd_strings){ .items = ids, .n = n };
        return r;
}

static int check_new(struct sovd_call *call, const struct sim_call *c) {
        const struct sim_comm_logs *source = c->unit->entity->communication_logs;
        int64_t n = 0;

        for (const struct comm_log_state *log = c->unit->comm_logs; log; log = log->next)
                n++;
        if (n >= source->max_logs.value)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "%lld communication logs are kept, the most; delete one first",
                                 (long long)n);
        return sim_bulk_has_place(call, recordings_of(c->unit));
}

static struct bulk_item *new_recording(const struct sim_comm_logs *source) {
        _cleanup_(sim_bulk_item_freep) struct bulk_item *item = calloc(1, sizeof(*item));
        if (!item)
                return NULL;

        item->created_usec = sovd_realtime_usec();
        item->mimetype = strdup("text/plain");
        item->recording = calloc(1, sizeof(*item->recording));
        if (!item->mimetype || !item->recording || sovd_id_new(item->id) ||
            asprintf(&item->name, "%s.log", source->interface) < 0)
                return NULL;
        item->recording->source = source;
        return SOVD_TAKE(item);
}

static int add_log(struct sim_unit *unit, struct comm_log_state **ret) {
        struct comm_log_state *log = calloc(1, sizeof(*log)), **last = &unit->comm_logs;
        struct bulk_item **last_item = &recordings_of(unit)->items;
        if (!log)
                return sovd_error_origin(-ENOMEM);

        log->item = new_recording(unit->entity->communication_logs);
        if (!log->item || sovd_id_new(log->id)) {
                (void)sim_bulk_item_free(log->item);
                free(log);
                return sovd_error_origin(-ENOMEM);
        }
        log->item->log = log;
        while (*last)
                last = &(*last)->next;
        while (*last_item)
                last_item = &(*last_item)->next;
        *last = log;
        *last_item = log->item;
        recordings_of(unit)->n_items++;
        *ret = log;
        return 0;
}

/* What the bytes of the configuration mean is up to each maker; this one records everything, whatever they say. */
int sim_comm_log_create(struct sovd_call *call, const struct sovd_entity *e,
                        const struct sovd_comm_log_config *config, struct sovd_comm_log *ret) {
        struct comm_log_state *log = NULL;
        struct sim_call c;

        if (config->stream)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                 "'%s' does not send a log while it is recorded; leave stream out", e->id);
        int r = sim_enter(&c, call, e, SOVD_COLLECTION_COMMUNICATION_LOGS);
        if (r)
                return r;
        r = check_new(call, &c);
        if (!r)
                r = add_log(c.unit, &log);
        if (!r)
                r = describe(call, log, ret);
        sim_leave(&c);
        return r;
}

int sim_comm_log_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      struct sovd_comm_log *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_COMMUNICATION_LOGS);
        if (r)
                return r;
        sim_comm_logs_update(&c);
        const struct comm_log_state *log = find(call, &c, id);
        r = log ? describe(call, log, ret) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

static int activate(struct sovd_call *call, struct comm_log_state *log, uint64_t now) {
        struct recording *recording = log->item->recording;

        if (log->active)
                return sovd_fail(call, SOVD_E_CONFLICT, "communication log '%s' is active already", log->id);
        if (recording->n_frames >= (uint64_t)recording->source->max_frames.value)
                return sovd_fail(call, SOVD_E_CONFLICT, "communication log '%s' is full: it has %lld frames",
                                 log->id, (long long)recording->n_frames);
        if (recording->n_segments == SIM_LOG_SEGMENTS_MAX)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "communication log '%s' was activated %d times, the most", log->id,
                                 SIM_LOG_SEGMENTS_MAX);
        recording->segments[recording->n_segments++] =
                (struct log_segment){ .start_usec = now, .first = recording->n_frames };
        log->active = true;
        log->activated_usec = now;
        log->deactivated_usec = 0;
        return 0;
}

static int deactivate(struct sovd_call *call, struct comm_log_state *log, uint64_t now) {
        if (!log->active)
                return sovd_fail(call, SOVD_E_CONFLICT, "communication log '%s' is inactive already",
                                 log->id);
        log->active = false;
        log->deactivated_usec = now;
        return 0;
}

int sim_comm_log_control(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         enum sovd_comm_log_action action) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_COMMUNICATION_LOGS);
        if (r)
                return r;
        sim_comm_logs_update(&c);
        struct comm_log_state *log = find(call, &c, id);
        uint64_t now = sovd_realtime_usec();
        if (!log)
                r = SOVD_E_NOT_FOUND;
        else
                r = action == SOVD_COMM_LOG_ACTIVATE ? activate(call, log, now) : deactivate(call, log, now);
        sim_leave(&c);
        return r;
}

static void remove_log(struct sim_unit *unit, struct comm_log_state *log) {
        struct comm_log_state **p = &unit->comm_logs;

        while (*p != log)
                p = &(*p)->next;
        *p = log->next;
        log->item->log = NULL;
        free(log);
}

int sim_comm_log_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id, bool with_log) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_COMMUNICATION_LOGS);
        if (r)
                return r;
        sim_comm_logs_update(&c);
        struct comm_log_state *log = find(call, &c, id);
        struct bulk_item *item = log ? log->item : NULL;
        if (!log) {
                r = SOVD_E_NOT_FOUND;
        } else if (with_log && item->n_readers) {
                r = sovd_fail(call, SOVD_E_CONFLICT, "the recording of '%s' is being downloaded", log->id);
        } else {
                remove_log(c.unit, log);
                if (with_log)
                        sim_bulk_remove(recordings_of(c.unit), item);
        }
        sim_leave(&c);
        return r;
}

void sim_comm_logs_done(struct sim_unit *unit) {
        while (unit->comm_logs) {
                struct comm_log_state *next = unit->comm_logs->next;
                free(unit->comm_logs);
                unit->comm_logs = next;
        }
}
