/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/backend.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_text.h"
#include "sovd-core/base/id.h"
#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const dialect_names[] = { "auto", "iso", "odata", NULL };

#define F(member) offsetof(struct sovd_sovd_options, member)
static const struct sovd_field fields[] = {
        { .name = "name",
          .type = SOVD_FIELD_STRING,
          .offset = F(name),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 128,
          .doc = "Name of the backend, unique; shown in health, metrics and messages." },
        { .name = "type", .type = SOVD_FIELD_STRING, .offset = F(type), .def = "sovd", 
          .doc = "sovd: a SOVD server. sim: entities of a scenario; of the other keys only name and scenario." },
        { .name = "base_url",
          .type = SOVD_FIELD_STRING,
          .offset = F(base_url),
          .min = 1,
          .max = 2048,
          .format = "uri",
          .doc = "The server, e.g. http://127.0.0.1:3001 or https://ecu.local. Required by type sovd." },
        { .name = "api_prefix",
          .type = SOVD_FIELD_STRING,
          .offset = F(api_prefix),
          .def = "/sovd/v1",
          .min = 0,
          .max = 256,
          .doc = "Path of the API on the server, version included." },
        { .name = "unix_socket",
          .type = SOVD_FIELD_STRING,
          .offset = F(unix_socket),
          .doc = "Connect to this Unix socket instead of the host in base_url." },
        { .name = "component_ids",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(component_ids),
          .min = 0,
          .max = 10000,
          .doc = "Components that are listed as disconnected before the server was reached for the first "
                 "time." },
        { .name = "timeout_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(timeout_secs),
          .def = "5",
          .min = 0,
          .max = 300,
          .doc = "Longest wait for one answer, in seconds (0.05 to 300)." },
        { .name = "connect_timeout_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(connect_timeout_secs),
          .def = "1",
          .min = 0,
          .max = 60,
          .doc = "Longest wait for a connection, TLS included, in seconds (0.05 to 60)." },
        { .name = "refresh_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(refresh_secs),
          .def = "30",
          .min = 0,
          .max = 86400,
          .doc = "Time between two discoveries, in seconds (0.1 to 86400)." },
        { .name = "max_in_flight",
          .type = SOVD_FIELD_INT,
          .offset = F(max_in_flight),
          .def = "16",
          .min = 1,
          .max = 256,
          .doc = "Calls to the server at a time." },
        { .name = "max_waiting",
          .type = SOVD_FIELD_INT,
          .offset = F(max_waiting),
          .def = "64",
          .min = 0,
          .max = 4096,
          .doc = "Calls that may wait for one of those places; further ones are answered 503." },
        { .name = "max_answer_bytes",
          .type = SOVD_FIELD_INT,
          .offset = F(max_answer_bytes),
          .def = "4194304",
          .min = 1024,
          .max = 268435456,
          .doc = "Largest answer that is read, in bytes." },
        { .name = "breaker_failures",
          .type = SOVD_FIELD_INT,
          .offset = F(breaker_failures),
          .def = "5",
          .min = 1,
          .max = 1000,
          .doc = "Failures in a row after which calls are answered 503 at once." },
        { .name = "breaker_open_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = F(breaker_open_secs),
          .def = "5",
          .min = 0,
          .max = 3600,
          .doc = "Time until one call is let through again, in seconds (0.05 to 3600)." },
        { .name = "retry",
          .type = SOVD_FIELD_BOOL,
          .offset = F(retry),
          .def = "true",
          .doc = "Repeat a read once when the connection was refused or lost. Writes are never repeated." },
        { .name = "dialect",
          .type = SOVD_FIELD_ENUM,
          .offset = F(dialect),
          .names = dialect_names,
          .def = "auto",
          .doc = "iso: ISO 17978-3. odata: the OpenSOVD native server's. auto: found out from the first "
                 "answer." },
        { .name = "bearer_token",
          .type = SOVD_FIELD_STRING,
          .offset = F(bearer_token),
          .flags = SOVD_SECRET,
          .doc = "The gateway's credential at the server." },
        { .name = "ca_file",
          .type = SOVD_FIELD_STRING,
          .offset = F(ca_file),
          .doc = "PEM file with the only authorities trusted for https; without it those of the system." },
        { .name = "client_cert_file",
          .type = SOVD_FIELD_STRING,
          .offset = F(client_cert_file),
          .doc = "PEM file with the gateway's certificate for mutual TLS." },
        { .name = "client_key_file",
          .type = SOVD_FIELD_STRING,
          .offset = F(client_key_file),
          .doc = "PEM file with its private key, which others may not read." },
        { 0 }
};
#undef F

const struct sovd_schema sovd_schema_sovd_options = {
        .name = "SovdBackend",
        .size = sizeof(struct sovd_sovd_options),
        .fields = fields,
        .doc = "What stands behind the gateway.",
};

static const char *check_base_url(const char *url) {
        const char *host = url && sovd_has_prefix(url, "http://")    ? url + 7
                           : url && sovd_has_prefix(url, "https://") ? url + 8
                                                                     : NULL;

        if (!host)
                return "must begin with http:// or https://";
        if (!*host || *host == '/' || *host == ':')
                return "names no host";
        if (strpbrk(host, "?#@ "))
                return "may have no user, query or fragment";
        return NULL;
}

struct sovd_http_pool_options sovd_sovd_pool_options(const struct sovd_sovd_options *o) {
        return (struct sovd_http_pool_options){
                .base_url = o->base_url,
                .unix_socket = o->unix_socket,
                .max_in_flight = (unsigned)o->max_in_flight.value,
                .max_waiting = (unsigned)o->max_waiting.value,
                .connect_timeout_usec = sovd_sovd_usec_of(&o->connect_timeout_secs),
                .max_answer = (size_t)o->max_answer_bytes.value,
                .ca_file = o->ca_file,
                .client_cert_file = o->client_cert_file,
                .client_key_file = o->client_key_file,
                .bearer_token = o->bearer_token,
        };
}

/* Else TLS would fail at each call, and a typo in the path look like a server that cannot be trusted. */
static const char *check_file(const char *path) {
        struct stat st;

        if (!path || (access(path, R_OK) == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode)))
                return NULL;
        return "is a file that cannot be read";
}

static const char *check_key(const char *path) {
        struct stat st;
        const char *reason = check_file(path);

        if (reason || !path || stat(path, &st) || !(st.st_mode & (S_IRWXO | S_IWGRP)))
                return reason;
        return "is a file that others may read or change: it must have mode 0600, or 0640 for a group";
}

static const char *check_prefix(const char *prefix) {
        if (!prefix || (*prefix && *prefix != '/'))
                return "must begin with /";
        if (strpbrk(prefix, "?# "))
                return "may have no query, fragment or blank";
        return !*prefix || sovd_http_target_is_valid(prefix) ? NULL : "must be percent-encoded";
}

static const char *check_component_ids(const struct sovd_strings *ids) {
        for (size_t i = 0; i < ids->n; i++)
                if (!sovd_id_is_valid(ids->items[i]) || sovd_id_is_reserved(ids->items[i]))
                        return "has an id that is not valid or is reserved";
        return NULL;
}

static const char *check_seconds(const struct sovd_number *seconds, double min, const char *reason) {
        return seconds->set && seconds->value >= min ? NULL : reason;
}

static const char *check_socket(const char *path) {
        struct sockaddr_un address;

        return path && strlen(path) >= sizeof(address.sun_path) ? "is too long for a socket's path" : NULL;
}

const char *sovd_sovd_options_check(const struct sovd_sovd_options *o, const char **ret_member) {
        const struct {
                const char *member, *reason;
        } checks[] = {
                { "name", sovd_id_is_valid(o->name)
                                  ? NULL
                                  : "must have 1 to 128 bytes, without / and control characters" },
                { "type", sovd_streq(o->type, "sovd") ? NULL : "must be sovd" },
                { "base_url", check_base_url(o->base_url) },
                { "api_prefix", check_prefix(o->api_prefix) },
                { "unix_socket", check_socket(o->unix_socket) },
                { "component_ids", check_component_ids(&o->component_ids) },
                { "timeout_secs", check_seconds(&o->timeout_secs, 0.05, "must be at least 0.05") },
                { "connect_timeout_secs",
                  check_seconds(&o->connect_timeout_secs, 0.05, "must be at least 0.05") },
                { "refresh_secs", check_seconds(&o->refresh_secs, 0.1, "must be at least 0.1") },
                { "breaker_open_secs", check_seconds(&o->breaker_open_secs, 0.05, "must be at least 0.05") },
                { "client_key_file", !o->client_cert_file == !o->client_key_file
                                             ? NULL
                                             : "stands together with client_cert_file" },
                { "ca_file", check_file(o->ca_file) },
                { "client_cert_file", check_file(o->client_cert_file) },
                { "client_key_file", check_key(o->client_key_file) },
        };
        const struct sovd_http_pool_options pool = sovd_sovd_pool_options(o);

        for (size_t i = 0; i < SOVD_N_ELEMENTS(checks); i++)
                if (checks[i].reason) {
                        *ret_member = checks[i].member;
                        return checks[i].reason;
                }
        return sovd_http_pool_options_check(&pool, ret_member);
}

/* The slash that a person puts at the end of a URL or path would stand twice in every target. */
static const char *copy_without_slash(struct sovd_arena *arena, const char *s) {
        size_t n = strlen(s);

        while (n && s[n - 1] == '/')
                n--;
        return sovd_arena_strndup(arena, s, n);
}

static int copy_strings(struct sovd_arena *arena, struct sovd_strings *strings) {
        const char **items = sovd_arena_array(arena, const char *, strings->n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < strings->n; i++) {
                items[i] = sovd_arena_strdup(arena, strings->items[i]);
                if (!items[i])
                        return sovd_error_origin(-ENOMEM);
        }
        strings->items = items;
        return 0;
}

int sovd_sovd_options_copy(struct sovd_sovd_options *ret, const struct sovd_sovd_options *options,
                           struct sovd_arena *arena) {
        *ret = *options;
        const char **texts[] = { &ret->name,           &ret->type,    &ret->unix_socket,
                                 &ret->bearer_token,   &ret->ca_file, &ret->client_cert_file,
                                 &ret->client_key_file };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                const char *copy = sovd_arena_strdup(arena, *texts[i]);
                if (*texts[i] && !copy)
                        return sovd_error_origin(-ENOMEM);
                *texts[i] = copy;
        }
        ret->base_url = copy_without_slash(arena, options->base_url);
        ret->api_prefix = copy_without_slash(arena, options->api_prefix);
        if (!ret->base_url || !ret->api_prefix)
                return sovd_error_origin(-ENOMEM);
        return copy_strings(arena, &ret->component_ids);
}
