/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/event.h"
#include <stdio.h>

#define ID_ROOM 32 /* in front of an event for its id, which is known when its place is */

/* Each line of the data needs its own field name, and a lone CR ends a line too. */
static size_t write_data(char *to, const char *data, size_t len) {
        char *p = to;

        memcpy(p, "data: ", 6);
        p += 6;
        for (size_t i = 0; i < len; i++) {
                if (data[i] == '\r' && i + 1 < len && data[i + 1] == '\n')
                        continue;
                if (data[i] == '\n' || data[i] == '\r') {
                        memcpy(p, "\ndata: ", 7);
                        p += 7;
                } else {
                        *p++ = data[i];
                }
        }
        memcpy(p, "\n\n", 2);
        return (size_t)(p - to) + 2;
}

static size_t n_breaks(const char *data, size_t len) {
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
                n += data[i] == '\n' || data[i] == '\r';
        return n;
}

struct sovd_event *sovd_event_new(const char *name, const char *data, size_t len) {
        size_t n_name = name ? strlen(name) + 8 : 0; /* "event: ", and the end of the line */
        struct sovd_event *event =
                malloc(sizeof(*event) + ID_ROOM + n_name + len + 7 * n_breaks(data, len) + 16);

        if (!event)
                return NULL;
        *event = (struct sovd_event){ .n_refs = 1, .start = ID_ROOM };
        if (name)
                (void)sprintf(event->text + ID_ROOM, "event: %s\n", name);
        event->len = n_name + write_data(event->text + ID_ROOM + n_name, data, len);
        return event;
}

void sovd_event_set_id(struct sovd_event *event, uint64_t id) {
        char line[ID_ROOM];
        int n = snprintf(line, sizeof(line), "id: %llu\n", (unsigned long long)id);

        event->id = id;
        event->start = ID_ROOM - (size_t)n;
        event->len += (size_t)n;
        memcpy(event->text + event->start, line, (size_t)n);
}

struct sovd_event *sovd_event_ref(struct sovd_event *event) {
        (void)__atomic_add_fetch(&event->n_refs, 1, __ATOMIC_RELAXED);
        return event;
}

struct sovd_event *sovd_event_unref(struct sovd_event *event) {
        if (event && !__atomic_sub_fetch(&event->n_refs, 1, __ATOMIC_ACQ_REL))
                free(event);
        return NULL;
}

enum sovd_stream_what sovd_stream_next(struct sovd_stream_reader *reader, struct sovd_event **ret) {
        return reader->ops->next(reader, ret);
}

struct sovd_stream_reader *sovd_stream_close(struct sovd_stream_reader *reader) {
        if (reader)
                reader->ops->close(reader);
        return NULL;
}
