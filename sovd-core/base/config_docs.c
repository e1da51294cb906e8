/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config.h"
#include <inttypes.h>

#define SECTIONS_MAX 64
#define DEPTH_MAX 8 /* sections in sections; ends a schema that refers to itself */

/* Text in a cell of a table: '|' would end it. */
static void print_cell(FILE *out, const char *s) {
        for (; s && *s; s++)
                if (*s == '|')
                        (void)fputs("\\|", out);
                else
                        (void)fputc(*s == '\n' ? ' ' : *s, out);
}

static void print_type(const struct sovd_field *f, FILE *out) {
        static const char *const names[] = {
                [SOVD_FIELD_STRING] = "text",          [SOVD_FIELD_INT] = "integer",
                [SOVD_FIELD_NUMBER] = "number",        [SOVD_FIELD_BOOL] = "boolean",
                [SOVD_FIELD_ENUM] = "one of",          [SOVD_FIELD_JSON] = "any",
                [SOVD_FIELD_OBJECT] = "section",       [SOVD_FIELD_LIST] = "list of sections",
                [SOVD_FIELD_STRINGS] = "list of text",
        };

        (void)fputs(names[f->type], out);
        for (size_t i = 0; f->type == SOVD_FIELD_ENUM && f->names[i]; i++)
                (void)fprintf(out, "%s `%s`", i ? "," : "", f->names[i]);
        if (f->flags & SOVD_SECRET)
                (void)fputs(", secret", out);
}

static void print_range(const struct sovd_field *f, FILE *out) {
        const char *unit = f->type == SOVD_FIELD_STRING                                  ? " bytes"
                           : f->type == SOVD_FIELD_LIST || f->type == SOVD_FIELD_STRINGS ? " entries"
                                                                                         : "";

        if (f->least > 0)
                (void)fprintf(out, "%s%g to %" PRId64, f->flags & SOVD_OR_ZERO ? "0, or " : "", f->least, f->max);
        else if (f->min || f->max)
                (void)fprintf(out, "%" PRId64 " to %" PRId64 "%s", f->min, f->max, unit);
}

static void print_default(const struct sovd_field *f, FILE *out) {
        if (f->flags & SOVD_REQUIRED)
                (void)fputs("required", out);
        else if (f->def && f->type != SOVD_FIELD_OBJECT) {
                (void)fputc('`', out);
                print_cell(out, *f->def ? f->def : "\"\"");
                (void)fputc('`', out);
        }
}

static void print_row(const struct sovd_field *f, FILE *out) {
        (void)fprintf(out, "| `%s` | ", f->name);
        print_type(f, out);
        (void)fputs(" | ", out);
        print_range(f, out);
        (void)fputs(" | ", out);
        print_default(f, out);
        (void)fputs(" | ", out);
        print_cell(out, f->doc);
        (void)fputs(" |\n", out);
}

static void print_rows(const struct sovd_schema *schema, FILE *out) {
        if (schema->base)
                print_rows(schema->base, out);
        for (const struct sovd_field *f = schema->fields; f->name; f++)
                print_row(f, out);
}

/* The sections that stand above, so that none is printed twice. */
struct printed {
        const struct sovd_schema *schemas[SECTIONS_MAX];
        size_t n;
};

static void print_section(const struct sovd_schema *schema, const char *path, unsigned depth, struct printed *above,
                          FILE *out);

static void print_subsections(const struct sovd_schema *schema, const char *path, unsigned depth,
                              struct printed *above, FILE *out) {
        char below[256];

        if (schema->base)
                print_subsections(schema->base, path, depth, above, out);
        for (const struct sovd_field *f = schema->fields; f->name; f++) {
                if (f->type != SOVD_FIELD_OBJECT && f->type != SOVD_FIELD_LIST)
                        continue;
                (void)snprintf(below, sizeof(below), "%s%s%s%s", path, *path ? "." : "", f->name,
                               f->type == SOVD_FIELD_LIST ? "[]" : "");
                print_section(f->of, below, depth + 1, above, out);
        }
}

static bool is_printed(struct printed *above, const struct sovd_schema *schema) {
        for (size_t i = 0; i < above->n; i++)
                if (above->schemas[i] == schema)
                        return true;
        if (above->n < SECTIONS_MAX)
                above->schemas[above->n++] = schema;
        return false;
}

static void print_section(const struct sovd_schema *schema, const char *path, unsigned depth, struct printed *above,
                          FILE *out) {
        if (depth > DEPTH_MAX)
                return;
        if (is_printed(above, schema)) {
                (void)fprintf(out, "\n`%s` is the same as above.\n", path);
                return;
        }

        if (*path)
                (void)fprintf(out, "\n## `%s`\n", path);
        if (schema->doc)
                (void)fprintf(out, "\n%s\n", schema->doc);
        (void)fputs("\n| Key | Type | Range | Default | Meaning |\n|---|---|---|---|---|\n", out);
        print_rows(schema, out);
        print_subsections(schema, path, depth, above, out);
}

void sovd_config_print_reference(const char *title, const struct sovd_schema *schema, FILE *out) {
        struct printed above = { 0 };

        (void)fprintf(out, "# %s\n", title);
        print_section(schema, "", 0, &above, out);
}

void sovd_config_print_docs(const struct sovd_schema *schema, FILE *out) {
        sovd_config_print_reference("Configuration", schema, out);
        (void)fputs("\n## Environment\n\n"
                    "A variable sets a key: `SOVD__SERVER__PORT=9090` sets `server.port`, and so does\n"
                    "`SOVD_SERVER__PORT=9090`. `__` stands between the levels, and case does not matter.\n"
                    "A list of text is separated by commas. Keys of a list of sections cannot be set like\n"
                    "this. A variable that names no key is an error.\n",
                    out);
}
