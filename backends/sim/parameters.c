/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of operations: what a start may give, what a run works with, and the results made of it. */
#include "backends/sim/backend.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

static const struct sim_parameter *parameter_of(const struct sim_operation *o, size_t i) {
        return (const struct sim_parameter *)o->parameters.items + i;
}

/* "/parameters/ID" as a JSON pointer. */
static const char *pointer_to(struct sovd_call *call, const char *id) {
        const char *path = "/parameters/";

        for (; *id; id++)
                path = *id == '~'   ? sovd_call_printf(call, "%s~0", path)
                       : *id == '/' ? sovd_call_printf(call, "%s~1", path)
                                    : sovd_call_printf(call, "%s%c", path, *id);
        return path;
}

/* --- what a client gives -------------------------------------------------------------------------------- */

static int refuse_unknown(struct sovd_call *call, const struct sim_operation *o, const char *id) {
        const char *all = "";

        for (size_t i = 0; i < o->parameters.n; i++)
                all = sovd_call_printf(call, "%s%s'%s'", all, i ? ", " : "",
                                       parameter_of(o, i)->value.named.id);
        return sovd_fail_at(call, SOVD_E_BAD_VALUE, pointer_to(call, id),
                            "operation '%s' has no parameter '%.128s'; it takes %s", o->named.id, id,
                            *all ? all : "none");
}

static int check_given(struct sovd_call *call, const struct sim_operation *o, const cJSON *given) {
        const cJSON *member;

        if (given && !cJSON_IsObject(given))
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/parameters", "parameters must be an object");
        cJSON_ArrayForEach (member, given) {
                const struct sim_parameter *p = sim_find_parameter(o, member->string);
                if (!p)
                        return refuse_unknown(call, o, member->string);
                const char *part, *why = sim_value_refuse(&p->value, member, call->arena, &part);
                if (why)
                        return sovd_fail_at(call, SOVD_E_BAD_VALUE,
                                            sovd_call_printf(call, "%s%s", pointer_to(call, member->string), part),
                                            "parameter '%s' %s%s%s", member->string, part, *part ? " " : "", why);
        }
        return 0;
}

int sim_parameters_merge(struct sovd_call *call, const struct sim_operation *o, const cJSON *given,
                         const char *before, char **ret) {
        const cJSON *old = NULL;
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        int r = check_given(call, o, given);
        if (!r && before)
                r = sim_value_node(call->arena, before, &old);
        if (r)
                return r;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        for (size_t i = 0; !r && i < o->parameters.n; i++) {
                const struct sim_parameter *p = parameter_of(o, i);
                const char *id = p->value.named.id;
                const cJSON *value = cJSON_GetObjectItemCaseSensitive(given, id);
                value = value ? value : cJSON_GetObjectItemCaseSensitive(old, id);
                value = value ? value : p->value.value;
                if (!value && p->required.value)
                        r = sovd_fail_at(call, SOVD_E_BAD_VALUE, pointer_to(call, id),
                                         "operation '%s' needs parameter '%s'", o->named.id, id);
                if (value) {
                        sovd_json_key(&w, id);
                        sovd_json_tree(&w, value);
                }
        }
        sovd_json_object_end(&w);
        if (!r)
                r = sovd_json_writer_finish(&w, &text, &len);
        if (!r) {
                *ret = strdup(text);
                r = *ret ? 0 : sovd_error_origin(-ENOMEM);
        }
        sovd_json_writer_done(&w);
        return r;
}

/* --- what comes out ------------------------------------------------------------------------------------- */

static void write_result(struct sovd_json_writer *w, const struct sim_result *result,
                         const cJSON *parameters) {
        const cJSON *of = result->of ? cJSON_GetObjectItemCaseSensitive(parameters, result->of) : NULL;
        double number;

        if (!of && !result->value)
                return; /* a parameter that nobody gave */
        sovd_json_key(w, result->name);
        if (of && result->factor.set && sovd_json_get_double(of, &number))
                sovd_json_double(w, number * result->factor.value);
        else
                sovd_json_tree(w, of ? of : result->value);
}

int sim_operation_result(struct sovd_call *call, const struct sim_operation *operation,
                         const char *parameters, const struct cJSON **ret) {
        const struct sim_result *result = operation->result.items;
        const cJSON *given = NULL;
        struct sovd_json_writer w;

        int r = parameters ? sim_value_node(call->arena, parameters, &given) : 0;
        if (r)
                return r;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        for (size_t i = 0; i < operation->result.n; i++)
                write_result(&w, &result[i], given);
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}
