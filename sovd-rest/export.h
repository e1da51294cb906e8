#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Exports - answers of any length, one JSON object on a line (application/x-ndjson)
 *
 * The lines are made while they are sent, a page at a time: nothing of the vehicle is held for a client that is slow, no
 * reader of the database and no backend, and memory stays that of one page. The first line says what follows, the last one
 * how many lines came between: an export without it broke off.
 */
#include "sovd-core/base/json_writer.h"
#include "sovd-rest/rest.h"

struct sovd_export {
        struct sovd_source base;
        struct sovd_rest_call inner;   /* asks for the lines; its arena ends with each step */
        struct sovd_json_writer w;     /* lines that were not taken yet */
        struct sovd_json_writer error;
        uint64_t n_lines, deadline_usec;
        bool has_head, ended;
        bool is_plain; /* step writes all lines there are, the first and the last too */
        /* The members of the first line that are this export's own. */
        void (*head)(struct sovd_export *x);
        /* Writes some lines; *ret_more: there may be others. Failures of what is exported are lines themselves. */
        int (*step)(struct sovd_export *x, bool *ret_more);
        const char *type;
};

/* size: of the struct that begins with the export, zeroed. Takes a place among the transfers. *ret belongs to the answer
 * that sovd_export_answer() makes; until then the caller ends it with sovd_export_cancel(). */
int sovd_export_new(struct sovd_call *call, size_t size, const char *type, void *ret);
int sovd_export_cancel(struct sovd_call *call, struct sovd_export *x, int r);
int sovd_export_answer(struct sovd_call *call, struct sovd_export *x, const char *filename);

/* The call that asks for lines, ready for the next question. */
struct sovd_call *sovd_export_call(struct sovd_export *x);

/* What is written to x->w between the two is a line; begin opens the object. */
void sovd_export_line_begin(struct sovd_export *x);
void sovd_export_line_end(struct sovd_export *x);

/* The member "error" of a line: the failure of the export's call. */
void sovd_export_write_error(struct sovd_export *x, int r);

/* A member whose value is JSON text already. */
void sovd_export_write_text(struct sovd_export *x, const char *key, const char *json, size_t len);

/* A line for what could not be asked. */
void sovd_export_error_line(struct sovd_export *x, const char *key, const char *value, int r);
