#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Syslog - entries of the audit log to a collector elsewhere, as they become durable
 *
 * RFC 5424 over UDP (5426), TCP with octet counting (6587) or TLS (5425). A thread of its own reads the entries from the log
 * behind whoever writes them, so a collector that hangs or is not there holds up nobody; the log itself is the queue. What is more
 * than `queue` entries behind is left out, counted, and told to the collector when it listens again. Syslog acknowledges
 * nothing: entries have their numbers, so that a gap shows, and the log can be exported at any time.
 */
#include "sovd-core/base/util.h"

struct sovd_audit;
struct sovd_syslog;

enum sovd_syslog_transport { SOVD_SYSLOG_UDP = 1, SOVD_SYSLOG_TCP, SOVD_SYSLOG_TLS };

struct sovd_syslog_options {
        enum sovd_syslog_transport transport;
        const char *host;      /* a name or an address; of TLS also the name in its certificate */
        unsigned port;
        const char *ca_file;   /* of TLS: who signs it, PEM; NULL = those whom the system trusts */
        const char *cert_file, *key_file; /* of TLS: our certificate with its chain, and its key, PEM; or NULL */
        uint64_t queue;        /* entries */
        uint64_t timeout_usec; /* to connect, and until a message is taken */
        unsigned enterprise;   /* number in the SD-ID */
};

/* Sends what comes after the entry `after`. options are copied. -EINVAL: the CA file cannot be used (logged). */
int sovd_syslog_new(struct sovd_syslog **ret, struct sovd_audit *audit, const struct sovd_syslog_options *options, uint64_t after);
/* What waits is sent, for at most a second. *ret_position, or NULL: as sovd_syslog_position() at the end. */
struct sovd_syslog *sovd_syslog_free(struct sovd_syslog *syslog, uint64_t *ret_position);

/* The last entry of all that the collector was sent, or told that it is left out. */
uint64_t sovd_syslog_position(struct sovd_syslog *syslog);

/* There are new entries. Takes no lock and waits for nothing. */
void sovd_syslog_wake(struct sovd_syslog *syslog);

struct sovd_syslog_status {
        bool connected;
        char why[160]; /* what went wrong last; "" = nothing since it is connected */
        uint64_t n_sent, n_dropped, n_waiting;
        uint64_t lag_usec; /* how long ago nothing waited; 0 = nothing does */
};
void sovd_syslog_status(struct sovd_syslog *syslog, struct sovd_syslog_status *ret);

/* NULL, or why the file holds no certificates (static text). */
const char *sovd_syslog_check_ca(const char *file);
/* NULL, or why they are no certificate and its key, or others can use the key (static text). */
const char *sovd_syslog_check_pair(const char *cert_file, const char *key_file);
