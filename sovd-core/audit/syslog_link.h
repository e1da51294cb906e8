#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Link - the connection to a collector of syslog messages: UDP, TCP or TLS, and nothing that waits longer than it may
 */
#include "sovd-core/audit/syslog.h"

struct syslog_link;

/* stop: a descriptor; everything ends with -ECANCELED once it can be read. host and the names of files must outlive the link; the files are
 * read again with each connection. */
int syslog_link_new(struct syslog_link **ret, const struct sovd_syslog_options *options, int stop);
struct syslog_link *syslog_link_free(struct syslog_link *link);

/* -errno, -ETIMEDOUT, -EKEYREJECTED (its certificate), -EPROTO (TLS), -EHOSTUNREACH (its name). */
int syslog_link_open(struct syslog_link *link);
void syslog_link_close(struct syslog_link *link);

/* One message; the link has to be closed after a failure. -EPERM, also of drain: the collector has
 * ended TLS with an alert. */
int syslog_link_send(struct syslog_link *link, const char *text, size_t n);

/* The descriptor, for poll(); -1 = it is closed. */
int syslog_link_fd(const struct syslog_link *link);
/* When something can be read: what a collector says is dropped. Another result than 0: it went away. */
int syslog_link_drain(struct syslog_link *link);
