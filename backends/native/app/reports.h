#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reports - what the app found and the gateway does not have on its disk yet
 *
 * Each fault has a queue of its own, and of each one report is under way at a time: a report that has to be repeated finds
 * the state that it left itself, so that repeating it counts nothing twice, also after the gateway was killed. Cycles
 * divide the reports into epochs: a cycle is sent when all reports before it are acknowledged, and those behind it wait. So do
 * conditions that are switched behind reports: each report is judged under those that held when it was made.
 * All of it is under app::mutex, and costs the same with one report and with 65,536.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app_code;
struct sovd_app;

struct app_condition;

struct app_epoch {
        struct app_epoch *next; /* a cycle or a condition lies between */
        size_t n_reports;       /* not acknowledged */
        struct app_condition *condition; /* behind it, and what becomes of it; NULL: a cycle is */
        bool on;
        char kind[65];          /* of the cycle behind it */
        int64_t n, seq;         /* of that cycle; as with reports */
        uint64_t retry_ms;
};

struct app_report {
        struct app_report *next; /* of the same fault */
        struct app_code *code;
        struct app_epoch *epoch;
        char *environment; /* JSON, or NULL */
        int kind;          /* enum sovd_app_report */
        bool own;          /* of the library, which tells a failure anew */
        uint64_t since;    /* the act of the app that made it */
        int64_t n;         /* given when it is sent; 0 = it was not */
        int64_t seq;       /* of the frame under way in this session; 0 = none */
        uint64_t retry_ms; /* not before */
};

struct app_code { /* what is known of one fault */
        char *code;
        bool failed;   /* the last report that was taken says so */
        bool again;    /* the gateway may not know of the failure: it is told once more */
        bool is_event; /* it ends by itself: it is never told once more */
        unsigned failed_count, passed_count; /* rule; 0 = none */
        unsigned n_failed, n_passed;         /* in a row */
        struct app_report *first, *last;
        struct app_code *before, *after; /* those that have something to send */
        bool listed;
};

struct app_codes {
        struct app_code **slots; /* by hash; or NULL */
        size_t n_slots, n;
        struct app_code *first, *last;  /* that have something to send, who waits longest first */
        size_t n_under_way, n_numbered; /* numbered: sent before, and to be sent again */
        struct app_epoch *epoch,
                *last_epoch; /* of what is sent now, and of what is taken now; never NULL once used */
        struct app_epoch *quiet; /* nothing was reported in those behind it; never NULL once used */
        int64_t last_n;
};

/* All faults of the catalogue are told: which of them are events? -ENOMEM, -ENOSPC. */
int app_codes_note_events(struct sovd_app *app);
void app_codes_done(struct sovd_app *app);

/* What is to be sent next: a report, or the epoch whose cycle is; both NULL: nothing. It counts as under way. */
struct app_sendable {
        struct app_report *report;
        struct app_epoch *cycle;
};
struct app_sendable app_reports_next(struct sovd_app *app, int64_t seq, uint64_t now_ms);

/* The act that made what would be sent next; 0: nothing would. */
uint64_t app_reports_since(struct sovd_app *app, uint64_t now_ms);

/* Switches a condition, behind the reports that wait. -ENOSPC, -ENOMEM. */
int app_reports_condition(struct sovd_app *app, struct app_condition *condition, bool on);
/* Those behind which nothing waits any more hold from now on, and are to be sent first. */
void app_reports_pass_conditions(struct sovd_app *app);

/* The gateway's word on a frame: code NULL = it has it. false: no report has this number. */
bool app_reports_settle(struct sovd_app *app, int64_t seq, const char *code, uint64_t now_ms);

/* The connection is lost: what was under way is to be sent again. */
void app_reports_unsent(struct sovd_app *app);

/* The gateway may not know of a failure (code NULL = of any): it is told once more, if it is one still. */
void app_reports_again(struct sovd_app *app, const char *code);

/* When something may be tried again; 0 = nothing waits for a time. */
uint64_t app_reports_retry_ms(const struct sovd_app *app, uint64_t now_ms);
