#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unit - in which systemd unit the process behind a socket runs
 *
 * systemd keeps each unit in a control group of its own, and only root can move a process to another one: the kernel's
 * word on the group is a word on the unit. The number of a process may be given to another one when it ends, so what is
 * read by number counts only when the process that connected is known to live still (SO_PEERPIDFD, Linux 6.5). Where the
 * kernel cannot say so, a process that began after the connection was accepted, or is another user's, is not believed.
 */
#include "sovd-core/base/util.h"
#include <sys/types.h>

#define NATIVE_UNIT_SIZE 256

/* The unit in the text of /proc/PID/cgroup: the first part of the path below its slices. false: it is in none. */
bool native_unit_parse(const char *text, char ret[static NATIVE_UNIT_SIZE]);

/* Can it be the name of a unit that has processes? */
bool native_unit_is_name(const char *s);

struct native_who {
        int fd;    /* of the socket */
        pid_t pid; /* SO_PEERCRED */
        uid_t uid;
        uint64_t since_usec; /* monotonic, when the connection was accepted */
};

/* NULL, or why it is not known (static text). */
const char *native_unit_find(const struct native_who *who, char ret[static NATIVE_UNIT_SIZE]);

/* The same without SO_PEERPIDFD. */
const char *native_unit_find_by_number(const struct native_who *who, char ret[static NATIVE_UNIT_SIZE]);
