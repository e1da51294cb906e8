/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data - the values of an ECU: printing, checked writes, and what tests set behind the API
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "demo-ecu/data.h"
#include "demo-ecu/json.h"

int problem_set(struct problem *problem, enum problem_kind kind, const char *format, ...) {
        va_list args;

        problem->kind = kind;
        va_start(args, format);
        vsnprintf(problem->message, sizeof(problem->message), format, args);
        va_end(args);
        return (int)kind;
}

struct datum *datum_find(struct component *component, const char *id) {
        for (size_t i = 0; i < component->n_data; ++i)
                if (equal(component->data[i].id, id))
                        return &component->data[i];
        return NULL;
}

void datum_print(const struct datum *datum, char *buffer, size_t n_buffer) {
        if (datum->type == DATUM_STRING)
                snprintf(buffer, n_buffer, "\"%s\"", datum->text);
        else if (datum->text[0])
                snprintf(buffer, n_buffer, "%s", datum->text);
        else if (datum->type == DATUM_INTEGER)
                snprintf(buffer, n_buffer, "%" PRId64, datum->count);
        else
                snprintf(buffer, n_buffer, "%.*f", (int)datum->n_decimals, datum->value);
}

static void datum_print_range(const struct datum *datum, char *buffer, size_t n_buffer) {
        int n_decimals = (int)datum->n_decimals;
        const char *type = datum->type == DATUM_INTEGER ? "an integer" : "a number";

        snprintf(buffer, n_buffer, "%s from %.*f to %.*f", type, n_decimals, datum->min, n_decimals,
                 datum->max);
}

static bool datum_parse(struct datum *datum, const char *text, size_t n_text, double *ret) {
        bool integer;

        if (n_text >= sizeof(datum->text) || !json_is_number(text, n_text, &integer))
                return false;
        if (datum->type == DATUM_INTEGER && !integer)
                return false;

        *ret = strtod(text, NULL);
        return isfinite(*ret);
}

static void datum_store(struct datum *datum, const char *text, size_t n_text) {
        memcpy(datum->text, text, n_text);
        datum->text[n_text] = '\0';
        if (datum->type == DATUM_INTEGER)
                datum->count = strtoll(datum->text, NULL, 10);
        else
                datum->value = strtod(datum->text, NULL);
}

int datum_write(struct datum *datum, const cJSON *json, const char *body, const char *key,
                struct problem *problem) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);
        char range[64];
        const char *text;
        size_t n_text = 0;
        double value;

        if (!datum->writable)
                return problem_set(problem, PROBLEM_READ_ONLY, "data '%s' is read-only", datum->id);

        datum_print_range(datum, range, sizeof(range));
        snprintf(problem->path, sizeof(problem->path), "/%s", key);
        text = json_member_text(body, key, &n_text);
        if (!member || !text)
                return problem_set(problem, PROBLEM_BAD_VALUE, "member '%s' is missing: it must be %s", key,
                                   range);

        if (!cJSON_IsNumber(member) || !datum_parse(datum, text, n_text, &value) || value < datum->min ||
            value > datum->max)
                return problem_set(problem, PROBLEM_BAD_VALUE, "'%s' must be %s, got %.*s", key, range,
                                   (int)(n_text < 60 ? n_text : 60), text);

        datum_store(datum, text, n_text);
        return 0;
}

int datum_set(struct datum *datum, const char *text, struct problem *problem) {
        double value;

        if (datum->type == DATUM_STRING) {
                if (strpbrk(text, "\"\\") || strlen(text) >= sizeof(datum->text))
                        return problem_set(problem, PROBLEM_BAD_VALUE, "'%s' takes a short plain string",
                                           datum->id);
                copy_text(datum->text, sizeof(datum->text), text);
                return 0;
        }

        if (!datum_parse(datum, text, strlen(text), &value))
                return problem_set(problem, PROBLEM_BAD_VALUE, "'%s' takes %s, got '%.60s'", datum->id,
                                   datum->type == DATUM_INTEGER ? "an integer" : "a number", text);

        datum_store(datum, text, strlen(text));
        if (!datum->writable)
                datum->text[0] = '\0';
        return 0;
}
