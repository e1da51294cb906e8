#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Docs, inside - what docs.c finds out and docs_paths.c writes
 */
#include "sovd-rest/docs.h"
#include "sovd-rest/docs_members.h"

struct sovd_docs_work {
        struct sovd_call *call;
        const struct sovd_docs_options *options;
        const struct sovd_route *own;
        size_t n_own_params; /* of own, that of {entity} not counted: they are in call->params */
        const char *
                member; /* id of the resource that is addressed or that the addressed one is below; or NULL */
        struct sovd_docs_members members[SOVD_N_COLLECTIONS];

        struct sovd_openapi openapi; /* while it is written */
        size_t limit;                /* of the writer's length */
};

/* Writes the members of the document; call->out is the work. */
void sovd_docs_write(const struct sovd_call *call, struct sovd_json_writer *w);
