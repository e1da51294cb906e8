/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/unit.h"
#include "sovd-core/base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define TEXT_SIZE   4096
#define START_FIELD 22 /* of /proc/PID/stat: when it began, in ticks since the boot */

/* --- names ------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, size_t n, const char *end) {
        const size_t m = strlen(end);

        return n > m && strncmp(s + n - m, end, m) == 0;
}

static bool is_unit(const char *s, size_t n) {
        return ends_with(s, n, ".service") || ends_with(s, n, ".scope");
}

bool native_unit_is_name(const char *s) {
        const size_t n = strlen(s);

        return n < NATIVE_UNIT_SIZE && is_unit(s, n) && !strchr(s, '/') && *s != '_' && *s != '.';
}

/* The path in the hierarchy that systemd manages: its own of version 1 when there is one, else that of version 2. In one of its
 * own nobody but root is put into the first group; where everybody is, somebody else made it, for containers of old. */
static const char *find_path(const char *text, size_t *ret_len) {
        static const char own_root[] = ":name=systemd:/";
        const char *found = NULL;

        for (const char *line = text; *line;) {
                const size_t n = strcspn(line, "\n");
                const char *named = memchr(line, ':', n);
                const bool own = named && strncmp(named, own_root, sizeof(own_root) - 1) == 0 &&
                                 named + sizeof(own_root) - 1 < line + n;
                if (own || (!found && strncmp(line, "0::", 3) == 0)) {
                        found = own ? named + sizeof(own_root) - 2 : line + 3;
                        *ret_len = n - (size_t)(found - line);
                }
                if (own)
                        break;
                line += n + (line[n] == '\n');
        }
        return found;
}

/* A unit whose name looks like a file of the kernel has a "_" in front. */
bool native_unit_parse(const char *text, char ret[static NATIVE_UNIT_SIZE]) {
        size_t left = 0;
        const char *part = find_path(text, &left);

        while (part && left && *part == '/') {
                const char *next = memchr(part + 1, '/', left - 1);
                const size_t n = next ? (size_t)(next - part) : left;
                const char *name = part + 1 + (n > 1 && part[1] == '_');
                const size_t len = n - (size_t)(name - part);
                if (!ends_with(name, len, ".slice")) {
                        if (!is_unit(name, len) || len >= NATIVE_UNIT_SIZE)
                                return false;
                        memcpy(ret, name, len);
                        ret[len] = '\0';
                        return true;
                }
                part += n;
                left -= n;
        }
        return false;
}

/* --- the process --------------------------------------------------------------------------------------------- */

static bool read_text(int folder, const char *name, char text[static TEXT_SIZE]) {
        const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
        size_t len = 0;
        ssize_t n = 0;

        if (fd < 0)
                return false;
        while (len < TEXT_SIZE - 1 && (n = read(fd, text + len, TEXT_SIZE - 1 - len)) > 0)
                len += (size_t)n;
        (void)close(fd);
        text[len] = '\0';
        return n >= 0 && len < TEXT_SIZE - 1; /* half a text could name another unit */
}

/* The folder is that of one process, not of a number: when the process has ended, nothing can be read from it. */
static int open_process(pid_t pid) {
        char path[32];

        (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        return pid > 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

static const char *read_unit(int folder, char ret[static NATIVE_UNIT_SIZE]) {
        char text[TEXT_SIZE];

        if (!read_text(folder, "cgroup", text))
                return "the control group of the process cannot be read";
        return native_unit_parse(text, ret) ? NULL : "the process is in no unit";
}

/* When it began, in microseconds since the boot; 0: not known. The name in brackets may have any character. */
static uint64_t start_of(int folder) {
        char text[TEXT_SIZE];
        const char *at = read_text(folder, "stat", text) ? strrchr(text, ')') : NULL;

        for (int field = 2; at && field < START_FIELD; field++)
                at = (at = strchr(at, ' ')) ? at + 1 : NULL;
        const uint64_t ticks = at ? strtoull(at, NULL, 10) : 0;
        return ticks * SOVD_USEC_PER_SEC / (uint64_t)SOVD_MAX(sysconf(_SC_CLK_TCK), 1L);
}

static uint64_t accepted_after_boot(const struct native_who *who) {
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * SOVD_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000 -
               (sovd_now_usec() - who->since_usec);
}

static bool is_connected(int fd) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };

        return poll(&poll_fd, 1, 0) == 0;
}

static const char *check_by_number(const struct native_who *who, int folder,
                                   char ret[static NATIVE_UNIT_SIZE]) {
        struct stat st;
        const uint64_t start = start_of(folder);

        if (fstat(folder, &st) != 0 || st.st_uid != who->uid || !start || start > accepted_after_boot(who))
                return "the process that connected has ended";
        const char *why = read_unit(folder, ret);
        return why || is_connected(who->fd) ? why : "the process that connected has ended";
}

const char *native_unit_find_by_number(const struct native_who *who, char ret[static NATIVE_UNIT_SIZE]) {
        const int folder = open_process(who->pid);
        const char *why =
                folder < 0 ? "the process that connected has ended" : check_by_number(who, folder, ret);

        if (folder >= 0)
                (void)close(folder);
        return why;
}

/* It lives, so nobody else has its number, and what was read by number was read of it. */
static const char *find_by_pidfd(const struct native_who *who, int pidfd, char ret[static NATIVE_UNIT_SIZE]) {
        struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
        const int folder = open_process(who->pid);
        const char *why = folder < 0 ? "the process that connected has ended" : read_unit(folder, ret);

        if (folder >= 0)
                (void)close(folder);
        return why || poll(&poll_fd, 1, 0) == 0 ? why : "the process that connected has ended";
}

const char *native_unit_find(const struct native_who *who, char ret[static NATIVE_UNIT_SIZE]) {
        socklen_t len = sizeof(int);
        int pidfd = -1;

        if (getsockopt(who->fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0)
                return errno == ENOPROTOOPT ? native_unit_find_by_number(who, ret)
                                            : "the process that connected has ended";
        const char *why = find_by_pidfd(who, pidfd, ret);
        (void)close(pidfd);
        return why;
}
