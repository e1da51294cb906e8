/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/app/reports.h"
#include "backends/native/app/app.h"
#include <errno.h>

#define RETRY_MS 500 /* until a report is tried again that the gateway could not take */

/* --- faults that are known ------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *s) {
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (; *s; s++)
                h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
        return h;
}

/* The place of a code, or the free one where it belongs. */
static struct app_code **slot_of(struct app_code **slots, size_t n_slots, const char *code) {
        size_t i = hash_of(code) & (n_slots - 1);

        while (slots[i] && strcmp(slots[i]->code, code) != 0)
                i = (i + 1) & (n_slots - 1);
        return &slots[i];
}

static bool make_room(struct app_codes *c) {
        if ((c->n + 1) * 2 <= c->n_slots)
                return true;
        const size_t n_slots = c->n_slots ? c->n_slots * 2 : 64;
        struct app_code **slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return false;
        for (size_t i = 0; i < c->n_slots; i++)
                if (c->slots[i])
                        *slot_of(slots, n_slots, c->slots[i]->code) = c->slots[i];
        free(c->slots);
        c->slots = slots;
        c->n_slots = n_slots;
        return true;
}

/* 0, -ENOSPC, -ENOMEM. */
static int code_of(struct sovd_app *app, const char *code, struct app_code **ret) {
        struct app_codes *c = &app->codes;
        struct app_code **slot;

        if (!make_room(c))
                return -ENOMEM;
        slot = slot_of(c->slots, c->n_slots, code);
        if (!*slot && c->n == APP_CODES_MAX)
                return -ENOSPC;
        if (!*slot) {
                struct app_code *x = calloc(1, sizeof(*x));
                if (!x || !(x->code = strdup(code))) {
                        free(x);
                        return -ENOMEM;
                }
                *slot = x;
                c->n++;
        }
        *ret = *slot;
        return 0;
}

/* A fault that ends by itself is an event: telling it once more would be one more. */
int app_codes_note_events(struct sovd_app *app) {
        const cJSON *fault;
        int r = 0;

        cJSON_ArrayForEach (fault, cJSON_GetObjectItemCaseSensitive(app->faults, "faults")) {
                const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(fault, "code"));
                const cJSON *debounce = cJSON_GetObjectItemCaseSensitive(fault, "debounce");
                struct app_code *c = NULL;
                if (!(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(debounce, "hold_secs")) > 0))
                        continue;
                if (!r && code)
                        r = code_of(app, code, &c);
                if (c)
                        c->is_event = true;
        }
        return r;
}

int sovd_app_debounce(struct sovd_app *app, const char *code, unsigned failed_count, unsigned passed_count) {
        struct app_code *c = NULL;

        if (!app || !app_is_text(code, 64) || !failed_count || failed_count > 32767 || !passed_count ||
            passed_count > 32767)
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        int r = code_of(app, code, &c);
        if (!r && c->failed_count)
                r = -EEXIST;
        if (!r) {
                c->failed_count = failed_count;
                c->passed_count = passed_count;
        }
        (void)pthread_mutex_unlock(&app->mutex);
        return r;
}

/* Does the rule let this report through? Once when it is reached, not at each report after it. */
static bool is_decided(struct app_code *c, enum sovd_app_report kind) {
        if (!c->failed_count || (kind != SOVD_APP_FAILED && kind != SOVD_APP_PASSED))
                return true;
        if (kind == SOVD_APP_FAILED) {
                c->n_passed = 0;
                if (c->n_failed < c->failed_count)
                        return ++c->n_failed == c->failed_count;
        } else {
                c->n_failed = 0;
                if (c->n_passed < c->passed_count)
                        return ++c->n_passed == c->passed_count;
        }
        return false;
}

/* --- what waits ------------------------------------------------------------------------------------------ */

/* Puts a fault behind the others that have something to send. */
static void list(struct app_codes *c, struct app_code *x) {
        if (x->listed)
                return;
        x->listed = true;
        x->before = c->last;
        x->after = NULL;
        if (c->last)
                c->last->after = x;
        else
                c->first = x;
        c->last = x;
}

static void unlist(struct app_codes *c, struct app_code *x) {
        if (!x->listed)
                return;
        x->listed = false;
        if (x->before)
                x->before->after = x->after;
        else
                c->first = x->after;
        if (x->after)
                x->after->before = x->before;
        else
                c->last = x->before;
}

static bool begin_epoch(struct app_codes *c) {
        struct app_epoch *epoch = calloc(1, sizeof(*epoch));

        if (!epoch)
                return false;
        if (c->last_epoch)
                c->last_epoch->next = epoch;
        else
                c->epoch = c->quiet = epoch;
        c->last_epoch = epoch;
        return true;
}

/* Takes environment over, also on failure. */
static int enqueue(struct sovd_app *app, struct app_code *c, enum sovd_app_report kind, char *environment,
                   bool own) {
        struct app_report *r =
                app->codes.last_epoch || begin_epoch(&app->codes) ? calloc(1, sizeof(*r)) : NULL;

        if (!r) {
                free(environment);
                return -ENOMEM;
        }
        *r = (struct app_report){ .code = c,
                                  .epoch = app->codes.last_epoch,
                                  .environment = environment,
                                  .kind = kind,
                                  .since = ++app->n_acts,
                                  .own = own };
        r->epoch->n_reports++;
        app->codes.quiet = r->epoch;
        if (c->last)
                c->last->next = r;
        else
                c->first = r;
        c->last = r;
        list(&app->codes, c);
        app->status.reports_waiting++;
        return 0;
}

/* Only what decides by itself and was not sent can be one with what it repeats; each of the others counts. */
static bool is_repeated(const struct sovd_app *app, const struct app_report *r, enum sovd_app_report kind) {
        return r && r->kind == (int)kind && !r->n && r->epoch == app->codes.last_epoch &&
               (kind == SOVD_APP_FAILED || kind == SOVD_APP_PASSED);
}

static int take(struct sovd_app *app, struct app_code *c, enum sovd_app_report kind, char *environment) {
        if (is_repeated(app, c->last, kind)) {
                free(c->last->environment);
                c->last->environment = environment;
                c->last->since = ++app->n_acts;
                return 0;
        }
        if (app->status.reports_waiting >= app->reports_max) {
                app->status.reports_full++;
                free(environment);
                return -ENOSPC;
        }
        return enqueue(app, c, kind, environment, false);
}

static int report(struct sovd_app *app, const char *code, enum sovd_app_report kind, char *environment) {
        struct app_code *c = NULL;

        int r = code_of(app, code, &c);
        if (r || !is_decided(c, kind)) {
                free(environment);
                app->status.reports_full += r == -ENOSPC;
                return r;
        }
        r = take(app, c, kind, environment);
        if (r) /* what was not taken has to be decided once more */
                c->n_failed = c->n_passed = 0;
        else if (kind == SOVD_APP_FAILED || kind == SOVD_APP_PASSED) {
                c->failed = kind == SOVD_APP_FAILED;
                c->again = false; /* this one tells it */
        }
        return r;
}

int sovd_app_fault(struct sovd_app *app, const char *code, enum sovd_app_report kind,
                   const char *environment) {
        char *text = NULL;

        if (!app || !app_is_text(code, 64) || (unsigned)kind > SOVD_APP_PREPASSED)
                return -EINVAL;
        if (environment && !(text = app_json(environment, APP_ENVIRONMENT_MAX, true)))
                return -EINVAL;

        (void)pthread_mutex_lock(&app->mutex);
        int r = report(app, code, kind, text);
        app->status.reports_taken += !r;
        (void)pthread_mutex_unlock(&app->mutex);
        app_wake(app);
        return r;
}

/* With the mutex held: the epoch that ends, or NULL: no room, or no memory. */
static struct app_epoch *divide(struct sovd_app *app, int *ret) {
        struct app_codes *c = &app->codes;
        const bool full = app->status.reports_waiting >= app->reports_max;

        *ret = full ? -ENOSPC : -ENOMEM;
        app->status.reports_full += full;
        if (full || (!c->last_epoch && !begin_epoch(c)))
                return NULL;
        struct app_epoch *ended = c->last_epoch;
        if (!begin_epoch(c))
                return NULL;
        app->status.reports_waiting++;
        *ret = 0;
        return ended;
}

/* A cycle or a condition is told; the next epoch is there. */
static void end_epoch(struct sovd_app *app) {
        struct app_codes *c = &app->codes;
        struct app_epoch *e = c->epoch;

        if (c->quiet == e)
                c->quiet = e->next;
        c->epoch = e->next;
        app->status.reports_waiting--;
        free(e);
}

static void hold(struct app_condition *condition, bool on) {
        condition->known = true;
        condition->on = on;
        condition->sent = false;
}

int app_reports_condition(struct sovd_app *app, struct app_condition *condition, bool on) {
        const struct app_codes *c = &app->codes;
        struct app_epoch *ended;
        int r = 0;

        if (!c->epoch || (!c->epoch->n_reports && !c->epoch->next)) {
                hold(condition, on);
                return 0;
        }
        for (ended = c->quiet; ended && ended->condition != condition; ended = ended->next)
                ; /* it was switched, and nothing was reported since */
        if (!ended)
                ended = divide(app, &r);
        if (!ended)
                return r;
        ended->condition = condition;
        ended->on = on;
        return 0;
}

void app_reports_pass_conditions(struct sovd_app *app) {
        const struct app_epoch *e;

        while ((e = app->codes.epoch) && e->next && e->condition && !e->n_reports) {
                hold(e->condition, e->on);
                end_epoch(app);
        }
}

int sovd_app_cycle(struct sovd_app *app, const char *kind) {
        if (!app || !app_is_text(kind, sizeof(app->codes.epoch->kind) - 1))
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        int r;
        struct app_epoch *ended = divide(app, &r);
        if (ended)
                memcpy(ended->kind, kind, strlen(kind) + 1);
        app->status.reports_taken += !r;
        (void)pthread_mutex_unlock(&app->mutex);
        app_wake(app);
        return r;
}

/* --- sending --------------------------------------------------------------------------------------------- */

static bool is_ready(const struct app_codes *c, const struct app_report *r, uint64_t now_ms) {
        return r && !r->seq && r->retry_ms <= now_ms && r->epoch == c->epoch;
}

/* The failure of a fault whose queue is empty, made when it is its turn: it takes no place from what the app reports. */
static void tell_again(struct sovd_app *app, struct app_code *x) {
        if (x->first || !x->again)
                return;
        x->again = false;
        if (!x->failed || x->is_event || enqueue(app, x, SOVD_APP_FAILED, NULL, true))
                unlist(&app->codes, x);
}

/* Those that were sent before come first, in their order: the gateway counts nothing twice that has a lower number. */
static struct app_report *choose(struct sovd_app *app, uint64_t now_ms) {
        struct app_codes *c = &app->codes;
        struct app_report *best = NULL;

        if (c->n_under_way >= APP_WINDOW)
                return NULL;
        for (struct app_code *x = c->first, *after; x; x = after) {
                after = x->after;
                tell_again(app, x);
                struct app_report *r = x->first;
                if (is_ready(c, r, now_ms) && (!best || (r->n && (!best->n || r->n < best->n))))
                        best = r;
                if (best && !best->n && !c->n_numbered)
                        break;
        }
        return best;
}

static struct app_epoch *choose_cycle(struct app_codes *c, uint64_t now_ms) {
        struct app_epoch *e = c->epoch;

        return e && e->next && !e->condition && !e->n_reports && !e->seq && e->retry_ms <= now_ms ? e : NULL;
}

struct app_sendable app_reports_next(struct sovd_app *app, int64_t seq, uint64_t now_ms) {
        struct app_codes *c = &app->codes;
        struct app_epoch *cycle = choose_cycle(c, now_ms);
        struct app_report *r = cycle ? NULL : choose(app, now_ms);

        if (cycle) {
                cycle->seq = seq;
                cycle->n = cycle->n ? cycle->n : ++c->last_n;
        }
        if (r) {
                c->n_numbered -= r->n != 0;
                r->seq = seq;
                r->n = r->n ? r->n : ++c->last_n;
                c->n_under_way++;
        }
        return (struct app_sendable){ .report = r, .cycle = cycle };
}

uint64_t app_reports_since(struct sovd_app *app, uint64_t now_ms) {
        const struct app_report *r = choose(app, now_ms);

        return r ? r->since : 0;
}

/* Removes the first report of its fault. */
static void drop(struct sovd_app *app, struct app_report *r) {
        struct app_code *c = r->code;

        c->first = r->next;
        if (!c->first)
                c->last = NULL;
        unlist(&app->codes, c);
        if (c->first || c->again)
                list(&app->codes, c);
        r->epoch->n_reports--;
        app->status.reports_waiting--;
        free(r->environment);
        free(r);
}

static bool is_tried_again(const char *code) {
        return strcmp(code, "not-durable") == 0 || strcmp(code, "busy") == 0 ||
               strcmp(code, "fault-limited") == 0;
}

/* What it could not take now is sent again: under its number when it may have been counted, under a new one when not. */
static void settle_report(struct sovd_app *app, struct app_report *r, const char *code, uint64_t now_ms) {
        app->codes.n_under_way--;
        if (code && is_tried_again(code)) {
                r->seq = 0;
                r->retry_ms = now_ms + RETRY_MS;
                if (strcmp(code, "not-durable") != 0)
                        r->n = 0;
                app->codes.n_numbered += r->n != 0;
                return;
        }
        app->status.reports_acknowledged += !code && !r->own;
        app->status.reports_refused += code && !r->own;
        drop(app, r);
}

static void settle_cycle(struct sovd_app *app, const char *code, uint64_t now_ms) {
        struct app_epoch *e = app->codes.epoch;

        if (code && is_tried_again(code)) {
                e->seq = 0;
                e->retry_ms = now_ms + RETRY_MS;
                if (strcmp(code, "not-durable") != 0)
                        e->n = 0;
                return;
        }
        app->status.reports_acknowledged += !code;
        app->status.reports_refused += code != NULL;
        end_epoch(app);
}

bool app_reports_settle(struct sovd_app *app, int64_t seq, const char *code, uint64_t now_ms) {
        if (seq && app->codes.epoch && app->codes.epoch->seq == seq) {
                settle_cycle(app, code, now_ms);
                return true;
        }
        for (struct app_code *x = app->codes.first; seq && x; x = x->after)
                if (x->first && x->first->seq == seq) {
                        settle_report(app, x->first, code, now_ms);
                        return true;
                }
        return false;
}

void app_reports_unsent(struct sovd_app *app) {
        for (struct app_code *x = app->codes.first; x; x = x->after)
                if (x->first && x->first->seq) {
                        x->first->seq = 0;
                        app->codes.n_numbered++;
                }
        app->codes.n_under_way = 0;
        if (app->codes.epoch)
                app->codes.epoch->seq = 0;
}

void app_reports_again(struct sovd_app *app, const char *code) {
        struct app_codes *c = &app->codes;

        for (size_t i = 0; i < c->n_slots; i++) {
                struct app_code *x = c->slots[i];
                if (!x || !x->failed || x->is_event || (code && strcmp(x->code, code) != 0))
                        continue;
                /* A failure that was not sent yet tells it anyway. */
                x->again = !x->last || x->last->n || x->last->kind != SOVD_APP_FAILED;
                if (x->again)
                        list(c, x);
        }
}

uint64_t app_reports_retry_ms(const struct sovd_app *app, uint64_t now_ms) {
        const struct app_epoch *e = app->codes.epoch;
        uint64_t next = e && e->retry_ms > now_ms ? e->retry_ms : 0;

        for (const struct app_code *x = app->codes.first; x; x = x->after)
                if (x->first && x->first->retry_ms > now_ms && (!next || x->first->retry_ms < next))
                        next = x->first->retry_ms;
        return next;
}

void app_codes_done(struct sovd_app *app) {
        struct app_codes *c = &app->codes;

        for (size_t i = 0; i < c->n_slots; i++) {
                struct app_code *x = c->slots[i];
                while (x && x->first)
                        drop(app, x->first);
                if (x)
                        free(x->code);
                free(x);
        }
        while (c->epoch) {
                struct app_epoch *next = c->epoch->next;
                free(c->epoch);
                c->epoch = next;
        }
        free(c->slots);
}
