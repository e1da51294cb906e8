/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/evidence.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>

static const struct sovd_json_limits limits = { .max_nodes = 1000000 }; /* of what was checked already */

struct sovd_evidence {
        pthread_mutex_t mutex; /* leaf; all below */
        char *text;            /* NULL = not known */
        char sha256[SOVD_SHA256_SIZE];
        uint64_t since_usec;
};

/* --- the canonical form ------------------------------------------------------------------------------------ */

static void wipe(cJSON *node) {
        if (cJSON_IsString(node) && node->valuestring)
                explicit_bzero(node->valuestring, strlen(node->valuestring));
        for (cJSON *child = node->child; child; child = child->next)
                wipe(child);
}

static void drop(cJSON *object, cJSON *member) {
        wipe(member);
        cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
}

/* "https://user:password@host": no table calls it a secret. */
static bool has_credentials(const cJSON *node) {
        const char *host = cJSON_IsString(node) ? strstr(node->valuestring, "://") : NULL;

        return host && memchr(host + 3, '@', strcspn(host + 3, "/?#"));
}

static void redact(const struct sovd_schema *schema, cJSON *object);

static void redact_member(const struct sovd_field *f, cJSON *object) {
        cJSON *member = cJSON_GetObjectItemCaseSensitive(object, f->name), *item;

        if (!member)
                return;
        if ((f->flags & SOVD_SECRET) || has_credentials(member)) {
                drop(object, member);
        } else if (f->type == SOVD_FIELD_OBJECT) {
                redact(f->of, member);
        } else if (f->type == SOVD_FIELD_LIST) {
                cJSON_ArrayForEach(item, member)
                        redact(f->of, item);
        }
}

static void redact(const struct sovd_schema *schema, cJSON *object) {
        for (; schema; schema = schema->base)
                for (const struct sovd_field *f = schema->fields; f->name; f++)
                        redact_member(f, object);
}

/* Members by name, at all levels. Objects are small, so each is sorted by taking its smallest member again and again. */
static void sort(cJSON *node) {
        cJSON *sorted = NULL, *last = NULL, *child;

        cJSON_ArrayForEach(child, node)
                sort(child);
        while (cJSON_IsObject(node) && node->child) {
                cJSON *least = node->child;
                cJSON_ArrayForEach(child, node)
                        if (strcmp(child->string, least->string) < 0)
                                least = child;
                (void)cJSON_DetachItemViaPointer(node, least);
                least->prev = last;
                least->next = NULL;
                *(last ? &last->next : &sorted) = least;
                last = least;
        }
        if (!sorted)
                return;
        sorted->prev = last;
        node->child = sorted;
}

static int digest(const char *text, size_t len, char ret[static SOVD_SHA256_SIZE]) {
        struct sovd_sha256 *sha;
        int r = sovd_sha256_new(&sha);

        if (r)
                return r;
        sovd_sha256_add(sha, text, len);
        r = sovd_sha256_end(sha, ret);
        sovd_sha256_free(sha);
        return r;
}

static int print(cJSON *tree, char **ret, char sha256[static SOVD_SHA256_SIZE]) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, tree);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                r = digest(text, len, sha256);
        if (!r) {
                *ret = strdup(text);
                r = *ret ? 0 : sovd_error_origin(-ENOMEM);
        }
        sovd_json_writer_done(&w);
        return r;
}

/* With its secrets, which are gone from memory again when this returns. */
static int encode(const struct sovd_schema *schema, const void *settings, cJSON **ret) {
        struct sovd_json_fault fault;
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(schema, settings, &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                r = sovd_json_parse(ret, text, len, &limits, &fault);
        if (w.data)
                explicit_bzero(w.data, w.size);
        sovd_json_writer_done(&w);
        return r;
}

static int make(const struct sovd_schema *schema, const void *settings, char **ret, char sha256[static SOVD_SHA256_SIZE]) {
        cJSON *tree = NULL;
        int r = encode(schema, settings, &tree);

        if (!r) {
                redact(schema, tree);
                sort(tree);
                r = print(tree, ret, sha256);
        }
        cJSON_Delete(tree);
        return r;
}

/* --- what is in force -------------------------------------------------------------------------------------- */

int sovd_evidence_set(struct sovd_evidence **evidence, const struct sovd_schema *schema, const void *settings) {
        char sha256[SOVD_SHA256_SIZE] = "", *text = NULL;

        if (!*evidence) {
                *evidence = calloc(1, sizeof(**evidence));
                if (!*evidence)
                        return sovd_error_origin(-ENOMEM);
                (void)pthread_mutex_init(&(*evidence)->mutex, NULL);
        }
        struct sovd_evidence *e = *evidence;
        int r = make(schema, settings, &text, sha256);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the configuration in force cannot be shown: %s", strerror(-r));
        (void)pthread_mutex_lock(&e->mutex);
        char *before = e->text;
        e->text = text;
        memcpy(e->sha256, sha256, sizeof(sha256));
        e->since_usec = sovd_realtime_usec();
        (void)pthread_mutex_unlock(&e->mutex);
        free(before);
        return r;
}

struct sovd_evidence *sovd_evidence_free(struct sovd_evidence *e) {
        if (!e)
                return NULL;
        free(e->text);
        (void)pthread_mutex_destroy(&e->mutex);
        free(e);
        return NULL;
}

int sovd_evidence_read(struct sovd_evidence *e, struct sovd_arena *arena, struct sovd_evidence_configuration *ret) {
        struct sovd_json_fault fault;
        const char *text = NULL;
        cJSON *tree = NULL;

        *ret = (struct sovd_evidence_configuration){ 0 };
        if (!e)
                return 0;
        (void)pthread_mutex_lock(&e->mutex);
        bool known = e->text;
        text = sovd_arena_strdup(arena, e->text);
        memcpy(ret->sha256, e->sha256, sizeof(ret->sha256));
        ret->since_usec = e->since_usec;
        (void)pthread_mutex_unlock(&e->mutex);
        if (!known)
                return 0;
        int r = text ? sovd_json_parse_in(arena, &tree, text, strlen(text), &limits, &fault) : sovd_error_origin(-ENOMEM);
        ret->sections = tree;
        return sovd_error_fold(r);
}

/* --- the program ------------------------------------------------------------------------------------------- */

static struct {
        pthread_once_t once;
        char sha256[SOVD_SHA256_SIZE];
} executable = { .once = PTHREAD_ONCE_INIT };

static void read_executable(void) {
        FILE *f = fopen("/proc/self/exe", "rbe");
        struct sovd_sha256 *sha;
        char buf[65536];
        size_t n;

        if (!f)
                return;
        if (!sovd_sha256_new(&sha)) {
                while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
                        sovd_sha256_add(sha, buf, n);
                if (ferror(f) || sovd_sha256_end(sha, executable.sha256))
                        *executable.sha256 = '\0';
                sovd_sha256_free(sha);
        }
        (void)fclose(f);
}

const char *sovd_evidence_executable(void) {
        (void)pthread_once(&executable.once, read_executable);
        return executable.sha256;
}
