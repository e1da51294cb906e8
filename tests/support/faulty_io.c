/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/faulty_io.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

static struct {
        pthread_mutex_t mutex;
        char folder[256], calls[16];
        int error;
        unsigned first, last, n;
} plan = { .mutex = PTHREAD_MUTEX_INITIALIZER };

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

PUBLIC void faulty_io_plan(const char *folder, const char *calls, int error, unsigned first, unsigned last) {
        (void)pthread_mutex_lock(&plan.mutex);
        (void)snprintf(plan.folder, sizeof(plan.folder), "%s", folder ? folder : "");
        (void)snprintf(plan.calls, sizeof(plan.calls), "%s", calls);
        plan.error = error;
        plan.first = first;
        plan.last = last;
        plan.n = 0;
        (void)pthread_mutex_unlock(&plan.mutex);
}

PUBLIC unsigned faulty_io_count(void) {
        (void)pthread_mutex_lock(&plan.mutex);
        unsigned n = plan.n;
        (void)pthread_mutex_unlock(&plan.mutex);
        return n;
}

/* With the mutex held: the plan of a program that was not written for this. */
static void read_plan(void) {
        const char *path = getenv("SOVD_FAULTY_IO");
        char text[300] = "";
        int fd;

        if (!path)
                return;
        *plan.folder = '\0';
        fd = REAL(open64)(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        ssize_t n = REAL(read)(fd, text, sizeof(text) - 1);
        (void)close(fd);
        plan.first = 1;
        plan.last = ~0u;
        if (n <= 0 || sscanf(text, "%d %15s %255s", &plan.error, plan.calls, plan.folder) != 3)
                *plan.folder = '\0';
}

/* errno of the failure, or 0. */
static int fails(char call, const char *path) {
        int error = 0;

        (void)pthread_mutex_lock(&plan.mutex);
        read_plan();
        if (*plan.folder && strchr(plan.calls, call) && strncmp(path, plan.folder, strlen(plan.folder)) == 0) {
                plan.n++;
                error = plan.n >= plan.first && plan.n <= plan.last ? plan.error : 0;
        }
        (void)pthread_mutex_unlock(&plan.mutex);
        return error;
}

static int fails_at(char call, int fd) {
        char link[40], path[300];

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return 0;
        path[n] = '\0';
        return fails(call, path);
}

#define FAIL_AT(call, fd)                          \
        do {                                       \
                int error_ = fails_at((call), (fd)); \
                if (error_) {                      \
                        errno = error_;            \
                        return -1;                 \
                }                                  \
        } while (0)

PUBLIC ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
        FAIL_AT('w', fd);
        return REAL(pwrite64)(fd, data, n, offset);
}

PUBLIC ssize_t write(int fd, const void *data, size_t n) {
        FAIL_AT('w', fd);
        return REAL(write)(fd, data, n);
}

PUBLIC ssize_t pread64(int fd, void *data, size_t n, off64_t offset) {
        FAIL_AT('r', fd);
        return REAL(pread64)(fd, data, n, offset);
}

PUBLIC int fsync(int fd) {
        FAIL_AT('s', fd);
        return REAL(fsync)(fd);
}

PUBLIC int fdatasync(int fd) {
        FAIL_AT('s', fd);
        return REAL(fdatasync)(fd);
}

PUBLIC int ftruncate64(int fd, off64_t length) {
        FAIL_AT('t', fd);
        return REAL(ftruncate64)(fd, length);
}

PUBLIC int unlink(const char *path) {
        int error = fails('u', path);

        if (!error)
                return REAL(unlink)(path);
        errno = error;
        return -1;
}

PUBLIC int open64(const char *path, int flags, ...) {
        int error = flags & (O_WRONLY | O_RDWR | O_CREAT) ? fails('o', path) : 0;
        va_list args;

        if (error) {
                errno = error;
                return -1;
        }
        va_start(args, flags);
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
        va_end(args);
        return REAL(open64)(path, flags, mode);
}
