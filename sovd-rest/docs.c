/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include "sovd-rest/docs_work.h"
#include "sovd-rest/gate.h"
#include <errno.h>

/* Part of the client's time that is spent on asking backends; the rest is for writing what they said. */
#define ASKING_PERCENT 70

/* A backend that just did not answer is not asked for its next collection: its clients would wait for nothing. */
static const char *known_silence(const struct sovd_docs_work *d, const struct sovd_backend *backend) {
        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                if (d->members[c].incomplete && d->call->entity->providers[c] == backend)
                        return d->members[c].incomplete;
        return NULL;
}

static bool is_asked(const struct sovd_docs_work *d, enum sovd_collection collection) {
        const struct sovd_entity *e = d->call->entity;

        if (!e->providers[collection] || !sovd_docs_has_members(collection) || !sovd_gate_offers(d->call, e, collection))
                return false;
        return strcmp(d->own->path, "/{entity}") == 0 || d->own->collection == collection;
}

static int ask(struct sovd_docs_work *d) {
        struct sovd_call *call = d->call;
        uint64_t deadline = call->deadline_usec, left = sovd_clock_left_usec(deadline);
        int r = 0;

        call->deadline_usec = deadline - left * (100 - ASKING_PERCENT) / 100;
        for (int c = 0; !r && c < SOVD_N_COLLECTIONS; c++) {
                if (!is_asked(d, (enum sovd_collection)c))
                        continue;
                const char *silence = known_silence(d, call->entity->providers[c]);
                if (silence)
                        d->members[c].incomplete = silence;
                else
                        r = sovd_docs_members_read(call, (enum sovd_collection)c, d->member, &d->members[c]);
        }
        call->deadline_usec = deadline;
        return r;
}

static size_t count_params(const char *path) {
        size_t n = 0;

        for (const char *p = strchr(path, '{'); p; p = strchr(p + 1, '{'))
                n++;
        return n - sovd_has_prefix(path, "/{entity}");
}

int sovd_docs(struct sovd_call *call, const struct sovd_route *own, const struct sovd_docs_options *options) {
        struct sovd_docs_work *d = sovd_arena_new0(call->arena, struct sovd_docs_work);
        if (!d)
                return sovd_error_origin(-ENOMEM);

        d->call = call;
        d->options = options;
        d->own = own;
        d->n_own_params = count_params(own->path);
        if (call->entity && d->n_own_params && sovd_docs_has_members(own->collection))
                d->member = call->params[0];
        call->out = d;
        call->write = sovd_docs_write;
        return call->entity ? ask(d) : 0;
}

const struct sovd_route sovd_route_docs = {
        .id = "docs",
        .method = SOVD_GET,
        .path = "/docs",
        .collection = SOVD_NO_COLLECTION,
        .success = 200,
        .flags = SOVD_DOCUMENT | SOVD_PUBLIC_DOCS,
        .summary = "Describe what is below a path",
        .clause = "ISO 17978-3 7.5",
};
