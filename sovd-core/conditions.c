/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/conditions.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

/* A value as text; two are the same when their texts are, or when both are numbers of the same value. */
struct seen {
        char *text;
        bool is_number;
};

struct sovd_condition {
        int type;
        double lower, upper;
        struct seen wanted, last; /* text NULL = none */
        bool inside;
};

/* --- pointers ------------------------------------------------------------------------------------------- */

bool sovd_pointer_is_valid(const char *pointer) {
        if (*pointer && *pointer != '/')
                return false;
        for (const char *p = pointer; (p = strchr(p, '~')); p++)
                if (p[1] != '0' && p[1] != '1')
                        return false;
        return true;
}

/* Is the token (n bytes, with ~0 and ~1) this name? */
static bool is_name(const char *token, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++, name++) {
                char c = token[i];
                if (c == '~')
                        c = token[++i] == '0' ? '~' : '/';
                if (c != *name)
                        return false;
        }
        return !*name;
}

static const cJSON *element_at(const cJSON *array, const char *token, size_t n) {
        size_t index = 0;

        if (n == 0 || n > 9 || strspn(token, "0123456789") < n || (n > 1 && *token == '0'))
                return NULL;
        for (size_t i = 0; i < n; i++)
                index = index * 10 + (size_t)(token[i] - '0');
        return cJSON_GetArrayItem(array, (int)index);
}

static const cJSON *step(const cJSON *value, const char *token, size_t n) {
        const cJSON *child;

        if (cJSON_IsArray(value))
                return element_at(value, token, n);
        if (!cJSON_IsObject(value))
                return NULL;
        cJSON_ArrayForEach (child, value)
                if (is_name(token, n, child->string))
                        return child;
        return NULL;
}

const cJSON *sovd_pointer_get(const cJSON *value, const char *pointer) {
        while (value && *pointer == '/') {
                size_t n = strcspn(++pointer, "/");
                value = step(value, pointer, n);
                pointer += n;
        }
        return value;
}

/* --- values --------------------------------------------------------------------------------------------- */

static int see(struct seen *ret, const cJSON *value) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, value);
        int r = sovd_json_writer_finish(&w, &text, &len);
        ret->text = r ? NULL : strndup(text, len);
        ret->is_number = cJSON_IsNumber(value);
        sovd_json_writer_done(&w);
        if (!r && !ret->text)
                r = sovd_error_origin(-ENOMEM);
        return r;
}

static bool is_integer(const char *digits) {
        return !digits[strcspn(digits, ".eE")];
}

static bool same(const struct seen *a, const struct seen *b) {
        if (strcmp(a->text, b->text) == 0)
                return true;
        if (!a->is_number || !b->is_number || (is_integer(a->text) && is_integer(b->text)))
                return false;
        double x = strtod(a->text, NULL), y = strtod(b->text, NULL);
        return x <= y && x >= y;
}

/* --- checking ------------------------------------------------------------------------------------------- */

static const char *kind_of(const cJSON *value) {
        return cJSON_IsNumber(value)   ? "a number"
               : cJSON_IsString(value) ? "a string"
               : cJSON_IsBool(value)   ? "a boolean"
               : cJSON_IsArray(value)  ? "an array"
                                       : "an object";
}

static const char *check_bound(const cJSON *bound, const char *name, struct sovd_arena *arena,
                               const char **ret_member) {
        double v;

        *ret_member = sovd_arena_printf(arena, "/trigger_condition/%s", name);
        if (!bound)
                return "is missing; EnterRange and LeaveRange need both bounds";
        return sovd_json_get_double(bound, &v) ? NULL : "must be a number";
}

static const char *check_range(const struct sovd_trigger_condition *c, const cJSON *value,
                               struct sovd_arena *arena, const char **ret_member) {
        const char *why = check_bound(c->lower_bound, "lower_bound", arena, ret_member);
        double lower, upper;

        if (!why)
                why = check_bound(c->upper_bound, "upper_bound", arena, ret_member);
        if (why)
                return why;
        (void)sovd_json_get_double(c->lower_bound, &lower);
        (void)sovd_json_get_double(c->upper_bound, &upper);
        if (lower > upper)
                return "is below lower_bound";
        *ret_member = "/trigger_condition/condition_type";
        return cJSON_IsNumber(value)
                       ? NULL
                       : sovd_arena_printf(arena, "needs a number, and the observed value is %s",
                                           kind_of(value));
}

static const char *check_wanted(const struct sovd_trigger_condition *c, const cJSON *value,
                                struct sovd_arena *arena, const char **ret_member) {
        *ret_member = "/trigger_condition/value";
        if (!c->value)
                return "is missing; OnChangeTo needs it";
        if (!cJSON_IsNumber(c->value) && !cJSON_IsString(c->value) && !cJSON_IsBool(c->value))
                return "must be a boolean, a number or a string";
        const char *wanted = kind_of(c->value), *is = kind_of(value);
        return strcmp(wanted, is) == 0
                       ? NULL
                       : sovd_arena_printf(arena, "is %s, and the observed value is %s", wanted, is);
}

const char *sovd_condition_check(const struct sovd_trigger_condition *condition, const cJSON *value,
                                 struct sovd_arena *arena, const char **ret_member) {
        switch (condition->type) {
        case SOVD_CONDITION_ENTER_RANGE:
        case SOVD_CONDITION_LEAVE_RANGE:
                return check_range(condition, value, arena, ret_member);
        case SOVD_CONDITION_ON_CHANGE_TO:
                return check_wanted(condition, value, arena, ret_member);
        default:
                return NULL;
        }
}

/* --- watching ------------------------------------------------------------------------------------------- */

int sovd_condition_new(struct sovd_condition **ret, const struct sovd_trigger_condition *condition) {
        _cleanup_(sovd_condition_freep) struct sovd_condition *c = calloc(1, sizeof(*c));
        if (!c)
                return sovd_error_origin(-ENOMEM);

        c->type = condition->type;
        if (condition->lower_bound)
                (void)sovd_json_get_double(condition->lower_bound, &c->lower);
        if (condition->upper_bound)
                (void)sovd_json_get_double(condition->upper_bound, &c->upper);
        int r = condition->value ? see(&c->wanted, condition->value) : 0;
        if (r)
                return r;

        *ret = SOVD_TAKE(c);
        return 0;
}

struct sovd_condition *sovd_condition_free(struct sovd_condition *condition) {
        if (!condition)
                return NULL;
        free(condition->wanted.text);
        free(condition->last.text);
        free(condition);
        return NULL;
}

/* `now` is inside or not; was the one before? */
static bool meets(const struct sovd_condition *c, const struct seen *now, bool inside) {
        if (!c->last.text)
                return false;
        switch (c->type) {
        case SOVD_CONDITION_ENTER_RANGE:
                return inside && !c->inside;
        case SOVD_CONDITION_LEAVE_RANGE:
                return !inside && c->inside;
        case SOVD_CONDITION_ON_CHANGE_TO:
                return same(now, &c->wanted) && !same(&c->last, &c->wanted);
        default:
                return !same(now, &c->last);
        }
}

int sovd_condition_take(struct sovd_condition *c, const cJSON *value, bool *ret_fires) {
        bool ranged = c->type == SOVD_CONDITION_ENTER_RANGE || c->type == SOVD_CONDITION_LEAVE_RANGE;
        struct seen now;
        double v = 0;

        *ret_fires = false;
        if (ranged && !sovd_json_get_double(value, &v))
                return SOVD_E_BAD_ANSWER;
        int r = see(&now, value);
        if (r)
                return r;

        bool inside = ranged && v >= c->lower && v <= c->upper;
        *ret_fires = meets(c, &now, inside);
        free(c->last.text);
        c->last = now;
        c->inside = inside;
        return 0;
}
