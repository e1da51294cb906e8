/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/catalog_settings.h"
#include "sovd-core/base/digest.h"
#include "sovd-core/base/error.h"
#include "sovd-rest/settings.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define F(member) offsetof(struct sovd_catalog_mapping, member)
static const struct sovd_field mapping_fields[] = { { .name = "entity",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset = F(entity),
                                                      .flags = SOVD_REQUIRED,
                                                      .min = 3,
                                                      .max = 256,
                                                      .doc = "Collection and id, like components/bms." },
                                                    { .name = "id",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset = F(id),
                                                      .flags = SOVD_REQUIRED,
                                                      .min = 1,
                                                      .max = 128,
                                                      .doc = "Id of the value." },
                                                    { .name = "path",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset = F(path),
                                                      .flags = SOVD_REQUIRED,
                                                      .min = 1,
                                                      .max = SOVD_VSS_PATH_MAX,
                                                      .doc = "Path of the leaf." },
                                                    { 0 } };
#undef F
static const struct sovd_schema mapping_schema = { .name = "catalog_mapping",
                                                   .size = sizeof(struct sovd_catalog_mapping),
                                                   .fields = mapping_fields };

#define F(member) offsetof(struct sovd_catalog_settings, member)
static const struct sovd_field fields[] = {
        { .name = "vss",
          .type = SOVD_FIELD_STRING,
          .offset = F(vss),
          .min = 1,
          .max = 4095,
          .doc = "File with the Vehicle Signal Specification as JSON, at most 8 MiB." },
        { .name = "overlays",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(overlays),
          .min = 0,
          .max = 32,
          .doc = "Files of the same form that change it, in this order." },
        { .name = "map",
          .type = SOVD_FIELD_LIST,
          .offset = F(map),
          .of = &mapping_schema,
          .min = 0,
          .max = 10000,
          .doc = "Which value is which leaf, where neither its id nor its x-vss-path says so." },
        { .name = "refresh_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(refresh),
          .min = 1,
          .max = 86400,
          .def = "60",
          .doc = "How old the catalogue may be before a request has it made again." },
        { .name = "timeout_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(timeout),
          .least = 0.05,
          .max = 300,
          .def = "5",
          .doc = "Until an entity that was asked for its values has not answered." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_catalog_settings = {
        .name = "catalog",
        .size = sizeof(struct sovd_catalog_settings),
        .fields = fields,
        .doc = "The catalogue of all values, and what VSS says of them.",
};

/* --- files ----------------------------------------------------------------------------------------------- */

static int read_all(int fd, char *text, size_t max, size_t *ret_n) {
        size_t n = 0;

        while (n < max) {
                ssize_t got = read(fd, text + n, max - n);
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got == 0)
                        break;
                n += got > 0 ? (size_t)got : 0;
        }
        *ret_n = n;
        return 0;
}

/* The text is the caller's; one byte more than is allowed of a file that is too large. */
static int read_file(const char *file, char **ret, size_t *ret_n) {
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        char *text = malloc(SOVD_VSS_BYTES_MAX + 1);
        int r = text ? read_all(fd, text, SOVD_VSS_BYTES_MAX + 1, ret_n) : -ENOMEM;
        (void)close(fd);
        if (r) {
                free(text);
                return r;
        }
        *ret = text;
        return 0;
}

static const char *text_or(const char *text) {
        return text ? text : "out of memory";
}

/* Reads one file into the vss and the digest. Why not, or NULL. */
static const char *add_file(struct sovd_catalog_settings *s, struct sovd_sha256 *sha, const char *file,
                            struct sovd_arena *arena) {
        _cleanup_(sovd_freep) char *text = NULL;
        const char *why = NULL;
        size_t n = 0;

        int r = read_file(file, &text, &n);
        if (r)
                return text_or(sovd_arena_printf(arena, "'%s' cannot be read: %s", file, strerror(-r)));
        if (n > SOVD_VSS_BYTES_MAX)
                return text_or(
                        sovd_arena_printf(arena, "'%s' is larger than %d bytes", file, SOVD_VSS_BYTES_MAX));
        sovd_sha256_add(sha, text, n);
        r = sovd_vss_read(s->read, text, n, arena, &why);
        if (r > 0)
                return text_or(sovd_arena_printf(arena, "'%s': %s", file, why));
        return r ? "out of memory" : NULL;
}

static void free_vss(void *vss) {
        sovd_vss_free(vss);
}

static const char *read_files(struct sovd_catalog_settings *s, const struct sovd_config_tree *tree,
                              struct sovd_arena *arena) {
        _cleanup_(sovd_sha256_freep) struct sovd_sha256 *sha = NULL;
        char *digest = sovd_arena_alloc(arena, SOVD_SHA256_SIZE);
        struct sovd_vss *vss;

        if (!digest || sovd_sha256_new(&sha) || sovd_vss_new(&vss) || sovd_arena_defer(arena, free_vss, vss))
                return "out of memory";
        s->read = vss;
        const char *why = add_file(s, sha, s->vss, arena);
        if (why)
                return sovd_config_complain(tree, arena, "/catalog/vss", why);
        for (size_t i = 0; i < s->overlays.n; i++) {
                why = add_file(s, sha, s->overlays.items[i], arena);
                if (why)
                        return sovd_config_complain(
                                tree, arena, sovd_arena_printf(arena, "/catalog/overlays/%zu", i), why);
        }
        s->digest = digest;
        return sovd_sha256_end(sha, digest) ? "the digest of the files of VSS cannot be made" : NULL;
}

/* --- the map --------------------------------------------------------------------------------------------- */

static int by_mapping(const void *a, const void *b) {
        const struct sovd_catalog_mapping *x = a, *y = b;
        int r = strcmp(x->entity, y->entity);

        return r ? r : strcmp(x->id, y->id);
}

static bool is_entity(const char *text) {
        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                size_t n = strlen(sovd_entity_type_paths[type]);
                if (strncmp(text, sovd_entity_type_paths[type], n) == 0 && text[n] == '/' && text[n + 1])
                        return true;
        }
        return false;
}

static const char *check_mapping(const struct sovd_catalog_settings *s, size_t i, const char **ret_member) {
        const struct sovd_catalog_mapping *map = s->map.items;

        *ret_member = "entity";
        if (!is_entity(map[i].entity))
                return "is not a collection and an id, like components/bms";
        *ret_member = "path";
        if (!sovd_vss_find(s->read, map[i].path))
                return "is no leaf of the files of VSS";
        return NULL;
}

static const char *check_map(struct sovd_catalog_settings *s, const struct sovd_config_tree *tree,
                             struct sovd_arena *arena) {
        struct sovd_catalog_mapping *map = s->map.items;
        const char *member;

        for (size_t i = 0; i < s->map.n; i++) {
                const char *why = check_mapping(s, i, &member);
                if (why)
                        return sovd_config_complain(
                                tree, arena, sovd_arena_printf(arena, "/catalog/map/%zu/%s", i, member), why);
        }
        if (s->map.n)
                qsort(map, s->map.n, sizeof(*map), by_mapping);
        for (size_t i = 1; i < s->map.n; i++)
                if (by_mapping(&map[i - 1], &map[i]) == 0)
                        return sovd_config_complain(
                                tree, arena, "/catalog/map",
                                text_or(sovd_arena_printf(arena, "'%s' of %s has two paths", map[i].id,
                                                          map[i].entity)));
        return NULL;
}

const char *sovd_catalog_settings_check(struct sovd_catalog_settings *s, const struct sovd_config_tree *tree,
                                        struct sovd_arena *arena) {
        if (!s->vss && s->overlays.n)
                return sovd_config_complain(tree, arena, "/catalog/overlays",
                                            "there is no catalog.vss that they could change");
        if (!s->vss && s->map.n)
                return sovd_config_complain(tree, arena, "/catalog/map",
                                            "there is no catalog.vss with leaves");
        if (!s->vss)
                return NULL;
        const char *why = read_files(s, tree, arena);
        return why ? why : check_map(s, tree, arena);
}

void sovd_catalog_settings_options(const struct sovd_catalog_settings *s,
                                   struct sovd_data_catalog_options *ret) {
        *ret = (struct sovd_data_catalog_options){
                .vss = s->read,
                .vss_digest = s->digest,
                .map = s->map.items,
                .n_map = s->map.n,
                .refresh_usec = sovd_settings_usec(s->refresh),
                .timeout_usec = sovd_settings_usec(s->timeout),
        };
}
