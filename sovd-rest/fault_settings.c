/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/fault_settings.h"
#include "fault-manager/catalog_file.h"
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include <errno.h>

#define CATALOGS_MAX 1000

#define F(member) offsetof(struct sovd_fault_catalog_settings, member)
static const struct sovd_field catalog_fields[] = {
        { .name = "entity",
          .type = SOVD_FIELD_STRING,
          .offset = F(entity),
          .flags = SOVD_REQUIRED,
          .min = 3,
          .max = 160,
          .doc = "Whose faults they are, e.g. apps/navigation: an app of `native.apps`." },
        { .name = "file",
          .type = SOVD_FIELD_STRING,
          .offset = F(file),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 4095,
          .doc = "The catalogue, see fault-manager.md; its members win over what the app registers." },
        { 0 }
};
#undef F
static const struct sovd_schema catalog_schema = { .name = "fault_catalog",
                                                   .size = sizeof(struct sovd_fault_catalog_settings),
                                                   .fields = catalog_fields };

static const struct sovd_field fields[] = { { .name = "catalogs",
                                              .type = SOVD_FIELD_LIST,
                                              .offset = offsetof(struct sovd_fault_settings, catalogs),
                                              .of = &catalog_schema,
                                              .min = 0,
                                              .max = CATALOGS_MAX,
                                              .doc = "Catalogue files; one for an entity." },
                                            { 0 } };
const struct sovd_schema sovd_schema_faults_settings = {
        .name = "faults",
        .size = sizeof(struct sovd_fault_settings),
        .fields = fields,
        .doc = "Faults that the gateway keeps.",
};

static bool can_report(const struct sovd_native_options *native, const char *entity) {
        const struct sovd_native_app *apps = native ? native->apps.items : NULL;

        for (size_t i = 0; native && i < native->apps.n; i++)
                if (strcmp(apps[i].entity, entity) == 0)
                        return true;
        return false;
}

static const char *complain(const struct sovd_config_tree *tree, struct sovd_arena *arena, size_t i,
                            const char *member, const char *why) {
        return sovd_config_complain(tree, arena,
                                    sovd_arena_printf(arena, "/faults/catalogs/%zu/%s", i, member), why);
}

/* A file that cannot be read is complained of where it is named, one that is wrong where it is wrong. */
static const char *read_file(struct sovd_fault_catalog_settings *c, const struct sovd_config_tree *tree,
                             struct sovd_arena *arena, size_t i) {
        const char *text;
        size_t len;

        int r = sovd_config_read_file(&text, &len, c->file, arena);
        if (!r)
                return fm_catalog_file_read(c->file, text, len, arena, &c->json);
        const char *why = sovd_arena_printf(arena, "'%s' cannot be read: %s", c->file, strerror(-r));
        return complain(tree, arena, i, "file", why ? why : "cannot be read");
}

const char *sovd_fault_settings_check(struct sovd_fault_settings *settings,
                                      const struct sovd_native_options *native,
                                      const struct sovd_config_tree *tree, struct sovd_arena *arena) {
        struct sovd_fault_catalog_settings *c = settings->catalogs.items;

        for (size_t i = 0; i < settings->catalogs.n; i++) {
                if (!can_report(native, c[i].entity))
                        return complain(tree, arena, i, "entity", "no app of native.apps is this entity");
                for (size_t k = 0; k < i; k++)
                        if (strcmp(c[i].entity, c[k].entity) == 0)
                                return complain(tree, arena, i, "entity", "it has a catalogue file already");
                const char *why = read_file(&c[i], tree, arena, i);
                if (why)
                        return why;
        }
        return NULL;
}

int sovd_fault_settings_apply(const struct sovd_fault_settings *settings, struct fm_sink *sink) {
        const struct sovd_fault_catalog_settings *c = settings->catalogs.items;
        struct fm_catalog_source *sources = calloc(settings->catalogs.n + 1, sizeof(*sources));
        if (!sources)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < settings->catalogs.n; i++)
                sources[i] = (struct fm_catalog_source){ .entity = c[i].entity, .json = c[i].json };
        int r = fm_sink_set_catalogs(sink, sources, settings->catalogs.n);
        free(sources);
        return r;
}
