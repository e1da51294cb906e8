/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/fault_mirror_inside.h"
#include <errno.h>
#include <stdio.h>

#define SPREAD_USEC  SOVD_USEC_PER_SEC          /* first readings of many entities are spread over this time */

/* --- which entities -------------------------------------------------------------------------------------- */

bool mirror_is_followed(const struct sovd_entity *e) {
        const struct sovd_backend *b = e->providers[SOVD_COLLECTION_FAULTS];

        return b && !b->ops->uses_fault_sink && b->ops->faults_list;
}

void mirror_target_free(struct mirror_target *t) {
        if (!t)
                return;
        free(t->key);
        free(t->id);
        free(t->backend);
        free(t);
}

static struct mirror_target *target_new(const struct sovd_entity *e) {
        struct mirror_target *t = calloc(1, sizeof(*t));
        if (!t)
                return NULL;

        t->type = e->type;
        t->connected = e->connection == SOVD_CONNECTED;
        t->id = strdup(e->id);
        t->backend = strdup(e->providers[SOVD_COLLECTION_FAULTS]->name);
        if (asprintf(&t->key, "%s/%s", sovd_entity_type_paths[e->type], e->id) < 0)
                t->key = NULL;
        if (t->id && t->key && t->backend)
                return t;
        mirror_target_free(t);
        return NULL;
}

static int compare_targets(const void *a, const void *b) {
        return strcmp((*(struct mirror_target *const *)a)->key, (*(struct mirror_target *const *)b)->key);
}

static int add_followed(struct mirror_list *list, const struct sovd_entities *entities) {
        for (size_t i = 0; i < entities->n; i++) {
                if (!mirror_is_followed(entities->items[i]))
                        continue;
                list->items[list->n] = target_new(entities->items[i]);
                if (!list->items[list->n])
                        return sovd_error_origin(-ENOMEM);
                list->n++;
        }
        return 0;
}

static void list_free(struct mirror_list *list) {
        for (size_t i = 0; i < list->n; i++)
                mirror_target_free(list->items[i]);
        free(list->items);
}

int mirror_list_tree(const struct sovd_tree *tree, struct mirror_list *ret) {
        size_t max = 1;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                max += sovd_tree_list(tree, (enum sovd_entity_type)type)->n;
        *ret = (struct mirror_list){ .items = calloc(max, sizeof(*ret->items)) };
        int r = ret->items ? 0 : sovd_error_origin(-ENOMEM);
        for (int type = 0; !r && type < SOVD_N_ENTITY_TYPES; type++)
                r = add_followed(ret, sovd_tree_list(tree, (enum sovd_entity_type)type));
        if (r)
                list_free(ret);
        else
                qsort(ret->items, ret->n, sizeof(*ret->items), compare_targets);
        return r;
}

/* --- the list; with the mutex held ------------------------------------------------------------------------ */

struct mirror_target *mirror_target_find(const struct sovd_fault_mirror *m, char *key) {
        struct mirror_target wanted = { .key = key }, *p = &wanted;
        struct mirror_target **found = m->n_targets ? bsearch(&p, m->targets, m->n_targets, sizeof(p), compare_targets) : NULL;

        return found ? *found : NULL;
}

static struct mirror_source *source_of(struct sovd_fault_mirror *m, const char *name) {
        for (struct mirror_source *s = m->sources; s; s = s->next)
                if (strcmp(s->name, name) == 0)
                        return s;
        struct mirror_source *s = calloc(1, sizeof(*s));
        if (s)
                s->name = strdup(name);
        if (!s || !s->name) {
                free(s);
                return NULL;
        }
        s->next = m->sources;
        m->sources = s;
        return s;
}

void mirror_target_plan(struct mirror_target *t, uint64_t when_usec) {
        if (sovd_due_put(&t->source->due, &t->due, when_usec))
                sovd_log(SOVD_LOG_ERROR, "the faults of %s are not followed any more: out of memory", t->key);
}

/* Readings of many entities begin spread over time, and stay so. */
static uint64_t first_time(const struct sovd_fault_mirror *m, const char *key) {
        uint32_t hash = 2166136261u;

        for (; *key; key++)
                hash = (hash ^ (unsigned char)*key) * 16777619u;
        return sovd_now_usec() + hash % SOVD_MIN(m->options.period_usec, SPREAD_USEC);
}

static void begin_following(struct sovd_fault_mirror *m, struct mirror_target *t) {
        t->source = source_of(m, t->backend);
        if (!t->source)
                return;
        t->source->n_targets++;
        mirror_target_plan(t, first_time(m, t->key));
}

static void end_following(struct sovd_fault_mirror *m, struct mirror_target *t) {
        m->counters.n_left_out -= t->n_left_out;
        if (t->source && !t->in_flight)
                sovd_due_remove(&t->source->due, &t->due);
        if (t->source && !t->in_flight)
                t->source->n_targets--;
        t->gone = true;
        if (!t->in_flight)
                mirror_target_free(t);
}

static void drop_sources(struct sovd_fault_mirror *m) {
        for (struct mirror_source **link = &m->sources; *link;) {
                struct mirror_source *s = *link;
                if (s->n_targets) {
                        link = &s->next;
                        continue;
                }
                *link = s->next;
                sovd_due_done(&s->due);
                free(s->name);
                free(s);
        }
}

/* Who was in the list with the same backend goes on as it was; one that can be reached again is read soon. */
static struct mirror_target *keep_following(struct sovd_fault_mirror *m, struct mirror_target *old, struct mirror_target *new) {
        bool is_back = new->connected && !old->connected;

        old->connected = new->connected;
        mirror_target_free(new);
        if (is_back && old->source && !old->in_flight)
                mirror_target_plan(old, first_time(m, old->key));
        return old;
}

void mirror_list_replace(struct sovd_fault_mirror *m, struct mirror_list *list) {
        for (size_t i = 0; i < list->n; i++) {
                struct mirror_target *new = list->items[i], *old = mirror_target_find(m, new->key);
                if (old && strcmp(old->backend, new->backend) == 0)
                        list->items[i] = keep_following(m, old, new);
                else
                        begin_following(m, new);
        }
        struct mirror_list before = { m->targets, m->n_targets };
        m->targets = list->items;
        m->n_targets = list->n;
        for (size_t i = 0; i < before.n; i++)
                if (mirror_target_find(m, before.items[i]->key) != before.items[i])
                        end_following(m, before.items[i]);
        free(before.items);
        drop_sources(m);
}

void mirror_list_done(struct sovd_fault_mirror *m) {
        for (size_t i = 0; i < m->n_targets; i++)
                end_following(m, m->targets[i]);
        free(m->targets);
        drop_sources(m);
}
