/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"
#include "backends/native/unit.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include <grp.h>
#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>

#define APPS_MAX    1000
#define LOOKUP_SIZE 16384

static const char *const access_names[] = { "owner", "group", NULL };

#define F(member) offsetof(struct sovd_native_app, member)
#define NUMBER(word, sentence)                                                                               \
        {                                                                                                    \
                .name = #word, .type = SOVD_FIELD_INT, .offset = F(word), .min = 0, .max = UINT32_MAX - 1,   \
                .doc = sentence                                                                              \
        }
#define TEXT(word, bits, most, sentence)                                                                     \
        {                                                                                                    \
                .name = #word, .type = SOVD_FIELD_STRING, .offset = F(word), .flags = bits, .min = 1,        \
                .max = most, .doc = sentence                                                                 \
        }
static const struct sovd_field app_fields[] = {
        TEXT(entity, SOVD_REQUIRED, 160, "Which entity it is, e.g. apps/navigation."),
        TEXT(name, 0, 256, "How it is called before it says so itself."),
        TEXT(user, 0, 64, "Name of the user that it runs as."),
        NUMBER(uid, "The same as a number."),
        TEXT(group, 0, 64, "Name of a group that its process is in."),
        NUMBER(gid, "The same as a number."),
        TEXT(unit, 0, 255, "Name of the systemd unit that its process is in, e.g. navigation.service."),
        { .name = "cycles",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(cycles),
          .max = 32,
          .doc = "Kinds of operation cycles that it may begin, as catalogues name them." },
        { 0 }
};
#undef F
static const struct sovd_schema app_schema = {
        .name = "app",
        .size = sizeof(struct sovd_native_app),
        .fields = app_fields,
        .doc = "Who may be an entity: what is given must all be true of the process; when nothing is given, "
               "it runs as "
               "the user of the gateway.",
};

#define F(member) offsetof(struct sovd_native_options, member)
#define INT(word, low, high, text, sentence)                                                                 \
        {                                                                                                    \
                .name = #word, .type = SOVD_FIELD_INT, .offset = F(word), .min = low, .max = high,           \
                .def = text, .doc = sentence                                                                 \
        }
#define SECONDS(word, high, text, sentence)                                                                  \
        {                                                                                                    \
                .name = #word, .type = SOVD_FIELD_NUMBER, .offset = F(word), .min = 0, .max = high,          \
                .def = text, .doc = sentence                                                                 \
        }
static const struct sovd_field option_fields[] = {
        { .name = "name",
          .type = SOVD_FIELD_STRING,
          .offset = F(name),
          .min = 1,
          .max = 128,
          .def = "native",
          .doc = "Name of the backend; shown in health, metrics and messages." },
        TEXT(socket, SOVD_REQUIRED, 100, "Path of the Unix socket that apps connect to."),
        { .name = "socket_access",
          .type = SOVD_FIELD_ENUM,
          .offset = F(socket_access),
          .names = access_names,
          .def = "owner",
          .doc = "Who may open the socket: the gateway's user (mode 0600), or a group too (0660)." },
        TEXT(socket_group, 0, 64, "The group of the socket; the gateway's own when missing."),
        { .name = "apps",
          .type = SOVD_FIELD_LIST,
          .offset = F(apps),
          .of = &app_schema,
          .min = 0,
          .max = APPS_MAX,
          .doc = "The apps that may connect, each as one entity." },
        INT(max_connections, 1, 4096, "64", "Connections at a time."),
        INT(max_frame_bytes, 1024, 16 * 1024 * 1024, "262144", "Largest frame, in both directions."),
        INT(max_queue_bytes, 4096, 64 * 1024 * 1024, "1048576",
            "What may wait for an app that does not read; beyond it, its connection is closed."),
        INT(max_value_bytes, 1024, 64 * 1024 * 1024, "1048576", "Published values that are kept of one app."),
        INT(max_in_flight, 1, 1024, "32", "Requests to one app at a time; more are answered with 503."),
        INT(max_resources, 1, 10000, "1000",
            "Data, operations, modes and configurations of one app together."),
        INT(max_executions, 1, 1000, "64",
            "Executions that are kept of one app; running ones are never dropped."),
        INT(frames_per_sec, 1, 1000000, "500",
            "Frames of one app that are read per second; more have to wait."),
        INT(max_log_entries, 1, 100000, "1000", "Log entries that are kept of one app; the oldest go first."),
        INT(max_log_bytes, 8192, 64 * 1024 * 1024, "262144", "Bytes that they take at most."),
        INT(log_entries_per_sec, 1, 100000, "100",
            "Log entries of one app that are kept per second; more are counted and left out."),
        SECONDS(freeze_frame_secs, 5, "0.1",
                "How long a report waits for the values that its fault names in freeze_frame (0.05 to 5)."),
        SECONDS(log_retention_secs, 31536000, "3600",
                "How long the log of an app that went away is kept (0.05 to 31536000)."),
        SECONDS(timeout_secs, 300, "5", "Longest wait for the answer of an app (0.05 to 300)."),
        SECONDS(heartbeat_secs, 3600, "5",
                "How often an app shows that it lives (0.05 to 3600); it is lost after three "
                "times as long."),
        SECONDS(frame_timeout_secs, 300, "5",
                "Until a frame that has begun is whole, and until hello (0.05 to 300)."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_native_options = {
        .name = "native",
        .size = sizeof(struct sovd_native_options),
        .fields = option_fields,
        .doc = "Apps of this machine, which connect over a Unix socket.",
};

/* --- users and groups ----------------------------------------------------------------------------------- */

static bool find_user(const char *name, uid_t *ret) {
        struct passwd entry, *found = NULL;
        char buf[LOOKUP_SIZE];

        if (getpwnam_r(name, &entry, buf, sizeof(buf), &found) || !found)
                return false;
        *ret = entry.pw_uid;
        return true;
}

static bool find_group(const char *name, gid_t *ret) {
        struct group entry, *found = NULL;
        char buf[LOOKUP_SIZE];

        if (getgrnam_r(name, &entry, buf, sizeof(buf), &found) || !found)
                return false;
        *ret = entry.gr_gid;
        return true;
}

/* An entity that anybody could be is no rule: nothing given means the gateway's own user. */
static const char *read_rule(const struct sovd_native_app *app, struct native_rule *ret,
                             const char **ret_member) {
        uid_t uid;
        gid_t gid;

        *ret = (struct native_rule){ .has_uid = app->uid.set,
                                     .uid = (uid_t)app->uid.value,
                                     .has_gid = app->gid.set,
                                     .gid = (gid_t)app->gid.value };
        *ret_member = "user";
        if (app->user && (app->uid.set || !find_user(app->user, &uid)))
                return app->uid.set ? "stands beside uid: one of them" : "there is no such user";
        *ret_member = "group";
        if (app->group && (app->gid.set || !find_group(app->group, &gid)))
                return app->gid.set ? "stands beside gid: one of them" : "there is no such group";
        if (app->user)
                ret->has_uid = true, ret->uid = uid;
        if (app->group)
                ret->has_gid = true, ret->gid = gid;
        *ret_member = "unit";
        if (app->unit && !native_unit_is_name(app->unit))
                return "must be the name of a unit that has processes: NAME.service or NAME.scope";
        ret->unit = app->unit;
        if (!ret->has_uid && !ret->has_gid && !ret->unit)
                ret->has_uid = true, ret->uid = geteuid();
        return NULL;
}

static bool read_entity(const char *text, enum sovd_entity_type *ret_type, const char **ret_id) {
        const enum sovd_entity_type types[] = { SOVD_APP, SOVD_COMPONENT };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(types); i++) {
                const char *path = sovd_entity_type_paths[types[i]];
                size_t n = strlen(path);
                if (!sovd_has_prefix(text, path) || text[n] != '/')
                        continue;
                *ret_type = types[i];
                *ret_id = text + n + 1;
                return sovd_id_is_valid(*ret_id) && !sovd_id_is_reserved(*ret_id);
        }
        return false;
}

const char *native_app_read(const struct sovd_native_app *options, struct native_app *ret,
                            const char **ret_member) {
        *ret_member = "entity";
        if (!read_entity(options->entity, &ret->type, &ret->id))
                return "must be apps/ID or components/ID, with an id that can be used";
        *ret_member = "cycles";
        for (size_t i = 0; i < options->cycles.n; i++)
                if (!sovd_id_is_valid(options->cycles.items[i]) || strlen(options->cycles.items[i]) > 64)
                        return "a kind of cycles has 1 to 64 bytes, without / and control characters";
        return read_rule(options, &ret->rule, ret_member);
}

int native_group_of_socket(const struct sovd_native_options *o, gid_t *ret) {
        return !o->socket_group || find_group(o->socket_group, ret) ? 0 : sovd_error_origin(-ENOENT);
}

/* --- checks --------------------------------------------------------------------------------------------- */

static const char *check_apps(const struct sovd_native_options *o, struct sovd_arena *arena,
                              const char **ret_pointer) {
        const struct sovd_native_app *apps = o->apps.items;

        for (size_t i = 0; i < o->apps.n; i++) {
                struct native_app app = { 0 };
                const char *member, *why = native_app_read(&apps[i], &app, &member);
                for (size_t k = 0; !why && k < i; k++)
                        if (strcmp(apps[i].entity, apps[k].entity) == 0) {
                                member = "entity";
                                why = "another app is this entity";
                        }
                if (why) {
                        *ret_pointer = sovd_arena_printf(arena, "/apps/%zu/%s", i, member);
                        return why;
                }
        }
        return NULL;
}

static const char *check_seconds(struct sovd_number n) {
        return n.value < 0.05 ? "must be at least 0.05" : NULL;
}

const char *sovd_native_options_check(const struct sovd_native_options *o, struct sovd_arena *arena,
                                      const char **ret_pointer) {
        gid_t gid;
        const struct {
                const char *pointer, *why;
        } checks[] = {
                { "/name", strcmp(o->name, "demo") == 0 ? "the vehicle of --demo has this name" : NULL },
                { "/timeout_secs", check_seconds(o->timeout_secs) },
                { "/heartbeat_secs", check_seconds(o->heartbeat_secs) },
                { "/frame_timeout_secs", check_seconds(o->frame_timeout_secs) },
                { "/freeze_frame_secs", check_seconds(o->freeze_frame_secs) },
                { "/log_retention_secs", check_seconds(o->log_retention_secs) },
                { "/socket_group",
                  o->socket_group && !find_group(o->socket_group, &gid) ? "there is no such group" : NULL },
                { "/max_queue_bytes", o->max_queue_bytes.value < o->max_frame_bytes.value
                                              ? "must hold a frame of max_frame_bytes"
                                              : NULL },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(checks); i++)
                if (checks[i].why) {
                        *ret_pointer = checks[i].pointer;
                        return checks[i].why;
                }
        return check_apps(o, arena, ret_pointer);
}
