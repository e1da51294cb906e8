/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for the backend in a build without it: meson takes this file or the others. */
#include "backends/sim/sim_backend.h"
#include "sovd-core/base/error.h"

int sovd_sim_backend_parse(struct sovd_backend **ret, const char *name, const char *file, const char *text,
                           size_t len, struct sovd_arena *arena, const char **message) {
        (void)text, (void)len;
        return sovd_sim_backend_new(ret, name, file, arena, message);
}

int sovd_sim_backend_new(struct sovd_backend **ret, const char *name, const char *file,
                         struct sovd_arena *arena, const char **message) {
        (void)ret, (void)name, (void)file, (void)arena;
        *message = "this build has no simulation: it was made with -Dsim_backend=disabled";
        return -ENOTSUP;
}
