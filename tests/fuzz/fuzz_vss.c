/* SPDX-License-Identifier: Apache-2.0 */
/* VSS files: the bytes are read as a specification and once more over itself; each leaf has to have a schema. */
#include "sovd-core/vss.h"
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_vss_freep) struct sovd_vss *vss = NULL;
        const char *why = NULL;
        struct cJSON *schema;
        size_t n, n_again;

        if (sovd_arena_new(&arena, 4096) || sovd_vss_new(&vss))
                abort();
        if (sovd_vss_read(vss, (const char *)data, size, arena, &why)) {
                if (!why || !*why)
                        abort();
                return 0;
        }
        const struct sovd_vss_leaf *leaves = sovd_vss_leaves(vss, &n);
        for (size_t i = 0; i < n; i++)
                if (sovd_vss_find(vss, leaves[i].path) != &leaves[i] ||
                    sovd_vss_schema(&leaves[i], arena, &schema))
                        abort();
        (void)sovd_vss_version(vss, arena);
        if (sovd_vss_read(vss, (const char *)data, size, arena, &why) == 0) {
                (void)sovd_vss_leaves(vss, &n_again);
                if (n_again != n)
                        abort();
        }
        return 0;
}
