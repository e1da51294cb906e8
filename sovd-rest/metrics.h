#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Metrics - what the program counts, as Prometheus text
 *
 * Labels are route ids, never paths, so a client cannot make them grow.
 */
#include "sovd-core/gateway.h"
#include "sovd-core/base/json_writer.h"

struct sovd_http_server;
struct sovd_metrics;

/* Transfers of bulk data; all atomic. */
struct sovd_transfers {
        unsigned running, max;
        uint64_t bytes_in, bytes_out, refused, broken;
};

int sovd_metrics_new(struct sovd_metrics **ret);
struct sovd_metrics *sovd_metrics_free(struct sovd_metrics *metrics);
SOVD_DEFINE_CLEANUP(struct sovd_metrics *, sovd_metrics_free)

/* Counts an answer; route: its position, or sovd_route_count() for requests that no route took. */
void sovd_metrics_count(struct sovd_metrics *metrics, size_t route, unsigned status, uint64_t duration_usec);

/* The counters of transfers; max is set once, before requests come. */
struct sovd_transfers *sovd_metrics_transfers(struct sovd_metrics *metrics);

/* Writes everything in the text format, version 0.0.4. server may be NULL. */
void sovd_metrics_write(struct sovd_metrics *metrics, struct sovd_gateway *gateway,
                        const struct sovd_http_server *server, struct sovd_json_writer *w);

/* The metrics of the faults that are followed; mirror may be NULL. */
struct sovd_fault_mirror;
void sovd_metrics_write_fault_mirror(struct sovd_fault_mirror *mirror, struct sovd_json_writer *w);

/* The metrics of the audit log; audit may be NULL. */
struct sovd_audit;
void sovd_metrics_write_audit(struct sovd_audit *audit, struct sovd_json_writer *w);

/* The metrics of event streams, subscriptions and triggers. */
struct sovd_streamer;
struct sovd_observations;
struct sovd_events;
void sovd_metrics_write_fault_events(struct sovd_events *events, struct sovd_json_writer *w);
void sovd_metrics_write_events(const struct sovd_streamer *streamer, struct sovd_observations *observations,
                               struct sovd_json_writer *w);

/* The metrics of rates and of failed credentials. */
struct sovd_admission;
void sovd_metrics_write_admission(struct sovd_admission *admission, struct sovd_json_writer *w);

/* The metrics of data watches. */
struct sovd_data_watches;
void sovd_metrics_write_watches(struct sovd_data_watches *watches, struct sovd_json_writer *w);

/* The metrics of the data catalogue. */
struct sovd_data_catalog;
void sovd_metrics_write_catalog(struct sovd_data_catalog *catalog, struct sovd_json_writer *w);

/* The same for the policy. */
struct sovd_authority;
void sovd_metrics_write_access(struct sovd_authority *authority, struct sovd_json_writer *w);
