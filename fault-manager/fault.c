/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/fault.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"

static struct fm_definition *definition_free(struct fm_definition *d) {
        if (!d)
                return NULL;
        sovd_arena_free(d->arena);
        free(d);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct fm_definition *, definition_free)

int fm_descriptor_read(struct sovd_arena *arena, const char *text, struct fm_descriptor **ret) {
        struct fm_descriptor *about = sovd_arena_new0(arena, struct fm_descriptor);
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        struct cJSON *json;
        if (!about)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_json_parse_in(arena, &json, text, strlen(text), NULL, &fault);
        if (!r)
                r = sovd_schema_decode(&fm_schema_stored, json, about, arena, 0, &error);
        if (r)
                return sovd_error_fold(r);
        *ret = about;
        return 0;
}

static int write_descriptor(struct sovd_arena *arena, const struct fm_descriptor *about, const char **ret) {
        _cleanup_(sovd_json_writer_done) struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&fm_schema_stored, about, &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (r)
                return r;
        *ret = sovd_arena_strdup(arena, text);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

/* From the descriptor, or from its JSON. */
static int make_definition(struct fm_definition **ret, const struct fm_descriptor *about, const char *json) {
        _cleanup_(definition_freep) struct fm_definition *d = calloc(1, sizeof(*d));
        if (!d)
                return sovd_error_origin(-ENOMEM);

        d->n_refs = 1;
        int r = sovd_arena_new(&d->arena, 1024);
        if (!r && about)
                r = write_descriptor(d->arena, about, &d->json);
        else if (!r)
                d->json = sovd_arena_strdup(d->arena, json);
        if (!r)
                r = d->json ? fm_descriptor_read(d->arena, d->json, &d->about) : sovd_error_origin(-ENOMEM);
        if (r)
                return r;
        d->rule = fm_descriptor_rule(d->about);

        *ret = SOVD_TAKE(d);
        return 0;
}

int fm_definition_new(struct fm_definition **ret, const struct fm_descriptor *about) {
        return make_definition(ret, about, NULL);
}

int fm_definition_read(struct fm_definition **ret, const char *json) {
        return make_definition(ret, NULL, json);
}

struct fm_definition *fm_definition_ref(struct fm_definition *d) {
        (void)__atomic_add_fetch(&d->n_refs, 1, __ATOMIC_RELAXED);
        return d;
}

struct fm_definition *fm_definition_unref(struct fm_definition *d) {
        if (d && !__atomic_sub_fetch(&d->n_refs, 1, __ATOMIC_ACQ_REL))
                definition_free(d);
        return NULL;
}

/* --- the table ------------------------------------------------------------------------------------------ */

static size_t hash_of(const char *entity, const char *code) {
        const uint64_t prime = UINT64_C(0x100000001b3);
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a over both, with a zero between them */

        for (const char *p = entity; *p; p++)
                h = (h ^ (unsigned char)*p) * prime;
        h *= prime;
        for (const char *p = code; *p; p++)
                h = (h ^ (unsigned char)*p) * prime;
        return (size_t)(h ^ (h >> 32));
}

static struct fm_fault *fault_free(struct fm_fault *f) {
        if (!f)
                return NULL;
        fm_definition_unref(f->definition);
        free(f->entity);
        free(f->code);
        free(f->first_frame);
        free(f->last_frame);
        free(f->waiting_frame);
        free(f);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct fm_fault *, fault_free)

static int resize(struct fm_table *t, size_t n) {
        struct fm_fault **buckets = calloc(n, sizeof(struct fm_fault *)), *next;
        if (!buckets)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < t->n_buckets; i++)
                for (struct fm_fault *f = t->buckets[i]; f; f = next) {
                        struct fm_fault **place = &buckets[hash_of(f->entity, f->code) & (n - 1)];
                        next = f->next;
                        f->next = *place;
                        *place = f;
                }
        free(t->buckets);
        t->buckets = buckets;
        t->n_buckets = n;
        return 0;
}

int fm_table_init(struct fm_table *t) {
        *t = (struct fm_table){ 0 };
        return resize(t, 64);
}

void fm_table_done(struct fm_table *t) {
        for (size_t i = 0; i < t->n_buckets; i++)
                while (t->buckets[i]) {
                        struct fm_fault *f = t->buckets[i];
                        t->buckets[i] = f->next;
                        fault_free(f);
                }
        free(t->buckets);
        *t = (struct fm_table){ 0 };
}

struct fm_fault *fm_table_find(const struct fm_table *t, const char *entity, const char *code) {
        struct fm_fault *f = t->buckets[hash_of(entity, code) & (t->n_buckets - 1)];

        while (f && (strcmp(f->code, code) != 0 || strcmp(f->entity, entity) != 0))
                f = f->next;
        return f;
}

int fm_table_add(struct fm_table *t, const char *entity, const char *code, struct fm_fault **ret) {
        *ret = fm_table_find(t, entity, code);
        if (*ret)
                return 0;

        _cleanup_(fault_freep) struct fm_fault *f = calloc(1, sizeof(*f));
        if (!f)
                return sovd_error_origin(-ENOMEM);
        f->entity = strdup(entity);
        f->code = strdup(code);
        if (!f->entity || !f->code)
                return sovd_error_origin(-ENOMEM);
        fm_state_clear(&f->state);
        if (t->n >= t->n_buckets && resize(t, t->n_buckets * 2))
                return -ENOMEM;

        struct fm_fault **place = &t->buckets[hash_of(entity, code) & (t->n_buckets - 1)];
        f->next = *place;
        t->n++;
        *place = *ret = SOVD_TAKE(f);
        return 0;
}

void fm_table_each(const struct fm_table *t, const char *entity, void (*f)(struct fm_fault *fault, void *data),
                   void *data) {
        for (size_t i = 0; i < t->n_buckets; i++)
                for (struct fm_fault *fault = t->buckets[i]; fault; fault = fault->next)
                        if (!entity || strcmp(fault->entity, entity) == 0)
                                f(fault, data);
}
