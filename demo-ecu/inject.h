#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Injection - ways in which an ECU's server misbehaves, ordered by a test
 *
 * A rule is written kind[=argument][:path-substring][#count]. The first rule that matches a request is
 * carried out; one with a count is gone after so many times.
 */
#include "demo-ecu/util.h"

struct call;
struct inject;
struct json;
struct mg_connection;

enum inject_result {
        INJECT_PASS,     /* answer as usual */
        INJECT_REFUSED,  /* the call holds the answer */
        INJECT_ANSWERED, /* nothing more to send */
};

int inject_new(struct inject **ret);

/* Negative, with the reason in error, if the text is no rule. */
int inject_add(struct inject *inject, const char *text, char *error, size_t n_error);
void inject_reset(struct inject *inject);
void inject_write(struct inject *inject, struct json *json);
enum inject_result inject_run(struct inject *inject, struct mg_connection *conn, struct call *call);
struct inject *inject_free(struct inject *inject);

static inline void inject_freep(struct inject **inject) {
        inject_free(*inject);
}
