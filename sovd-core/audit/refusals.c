/* SPDX-License-Identifier: Apache-2.0 */
/* What clients may cause as often as they like, and what changes nothing: refusals, streams, reads. */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>

#define REFUSALS_PER_SEC 10   /* of one address that are told one by one */
#define REFUSALS_ALL     200  /* of all addresses */
#define LEFT_USEC        (60 * SOVD_USEC_PER_SEC) /* how often those that have no room are told of */

/* With the mutex held: is there no more room for what changes nothing? Then it is counted. */
static bool is_left(struct sovd_audit *a, const struct sovd_audit_entry *entry) {
        if (!a->status.quiet || !audit_is_note(entry->ev))
                return false;
        if (entry->outcome && strcmp(entry->outcome, "ok") == 0)
                a->n_reads_left++;
        else
                a->n_refusals_left++;
        a->status.n_summarised++;
        a->has_news = true;
        (void)pthread_cond_signal(&a->wake);
        return true;
}

void sovd_audit_post(struct sovd_audit *a, const struct sovd_audit_entry *entry) {
        (void)pthread_mutex_lock(&a->mutex);
        bool left = is_left(a, entry);
        (void)pthread_mutex_unlock(&a->mutex);
        if (!left)
                audit_post(a, entry);
}

/* --- refusals ---------------------------------------------------------------------------------------------- */

static size_t source_of(const char *ip) {
        uint32_t h = UINT32_C(2166136261);

        for (; *ip; ip++)
                h = (h ^ (unsigned char)*ip) * UINT32_C(16777619);
        return h % AUDIT_SOURCES;
}

/* With the mutex held: may it be told by itself? Addresses that share a place share what it may tell. */
static bool may_tell(struct sovd_audit *a, const char *ip) {
        struct audit_source *s = &a->sources[source_of(ip)];
        uint64_t second = sovd_now_usec() / SOVD_USEC_PER_SEC;

        if (a->sources_second != second) {
                a->sources_second = second;
                a->sources_told = 0;
        }
        if (s->second != second) {
                s->second = second;
                s->n_told = 0;
        }
        if (!s->n_told && !s->n_more) {
                (void)snprintf(s->ip, sizeof(s->ip), "%s", ip);
                s->several = false;
        }
        if (s->n_told < REFUSALS_PER_SEC && a->sources_told < REFUSALS_ALL) {
                s->n_told++;
                a->sources_told++;
                return true;
        }
        s->several = s->several || strcmp(s->ip, ip) != 0;
        s->n_more++;
        a->status.n_summarised++;
        a->has_news = true;
        (void)pthread_cond_signal(&a->wake);
        return false;
}

void sovd_audit_post_refusal(struct sovd_audit *a, const struct sovd_audit_entry *entry) {
        (void)pthread_mutex_lock(&a->mutex);
        bool tell = !is_left(a, entry) && may_tell(a, entry->ip ? entry->ip : "");
        (void)pthread_mutex_unlock(&a->mutex);
        if (tell)
                audit_post(a, entry);
}

static void tell_summary(struct sovd_audit *a, const struct audit_source *s) {
        struct sovd_audit_entry e = { .ev = "refused.summary", .outcome = "denied", .n_detail = 1,
                                      .detail = { { .name = "refusals", .number = s->n_more } } };

        if (s->several)
                e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "sources", .text = "several" };
        else if (*s->ip)
                e.ip = s->ip;
        audit_post(a, &e);
}

static void tell_left(struct sovd_audit *a, bool now) {
        struct sovd_audit_entry e = { .ev = "refused.summary", .outcome = "denied" };
        uint64_t n_refusals = 0, n_reads = 0;

        if (!now && a->left_usec && sovd_now_usec() - a->left_usec < LEFT_USEC)
                return;
        (void)pthread_mutex_lock(&a->mutex);
        if (!a->status.full) {
                n_refusals = a->n_refusals_left;
                n_reads = a->n_reads_left;
                a->n_refusals_left = a->n_reads_left = 0;
        }
        (void)pthread_mutex_unlock(&a->mutex);
        if (!n_refusals && !n_reads)
                return;
        a->left_usec = sovd_now_usec();
        e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "refusals", .number = n_refusals };
        e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "reads", .number = n_reads };
        e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "sources", .text = "several" };
        audit_post(a, &e);
}

/* One of an address and a second, when the second is over. */
static void tell_summaries(struct sovd_audit *a, bool all) {
        for (size_t i = 0; i < AUDIT_SOURCES; i++) {
                struct audit_source s;

                (void)pthread_mutex_lock(&a->mutex);
                s = a->sources[i];
                bool due = s.n_more && !a->status.full && (all || s.second != sovd_now_usec() / SOVD_USEC_PER_SEC);
                if (due)
                        a->sources[i].n_more = 0;
                (void)pthread_mutex_unlock(&a->mutex);
                if (due)
                        tell_summary(a, &s);
        }
}

void audit_tell_notes(struct sovd_audit *a, bool all) {
        tell_summaries(a, all);
        tell_left(a, all);
}
