/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for the backend in a build without it: meson takes this file or the others. */
#include "backends/sovd/sovd_backend.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"

int sovd_sovd_backend_new(struct sovd_backend **ret, const struct sovd_sovd_options *options) {
        (void)ret;
        sovd_log(SOVD_LOG_ERROR, "backend '%s': this build has no backends of type sovd", options->name);
        return -ENOTSUP;
}

void sovd_sovd_forget_others(struct sovd_gateway *gateway, const char *const *names, size_t n) {
        (void)gateway;
        (void)names;
        (void)n;
}
