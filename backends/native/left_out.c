/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for the backend in a build without it: meson takes this file or the others. */
#include "backends/native/native_backend.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"

int sovd_native_backend_new(struct sovd_backend **ret, const struct sovd_native_options *options) {
        (void)ret;
        sovd_log(SOVD_LOG_ERROR, "backend '%s': this build has no backend for native apps", options->name);
        return -ENOTSUP;
}
