/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of the day is as many seconds off as the file SOVD_MOVED_CLOCK says; the others are not. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret) {
        static int (*real)(clockid_t, struct timespec *);
        const char *path = getenv("SOVD_MOVED_CLOCK");
        char text[32] = "";

        if (!real)
                real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        const int r = real(id, ret), fd = id == CLOCK_REALTIME && path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
                return r;
        const ssize_t n = read(fd, text, sizeof(text) - 1);
        (void)close(fd);
        ret->tv_sec += n > 0 ? strtol(text, NULL, 10) : 0;
        return r;
}
