/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/secret.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "CREDENTIALS_DIRECTORY"
#define NAME_MAX_BYTES 255

struct sovd_secret {
        unsigned n_refs; /* atomic */
        size_t n, size;  /* size: of the mapping */
        char bytes[];
};

/* --- memory -------------------------------------------------------------------------------------------------- */

/* With space for n bytes and a NUL. Neither of the two requests to the system is needed for it to work. */
static struct sovd_secret *map(size_t n) {
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);
        const size_t size = (sizeof(struct sovd_secret) + n + page) / page * page;
        struct sovd_secret *secret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (secret == MAP_FAILED)
                return NULL;
        (void)madvise(secret, size, MADV_DONTDUMP);
        (void)mlock(secret, size);
        secret->n_refs = 1;
        secret->n = n;
        secret->size = size;
        return secret;
}

struct sovd_secret *sovd_secret_ref(struct sovd_secret *secret) {
        (void)__atomic_add_fetch(&secret->n_refs, 1, __ATOMIC_RELAXED);
        return secret;
}

struct sovd_secret *sovd_secret_unref(struct sovd_secret *secret) {
        if (!secret || __atomic_sub_fetch(&secret->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        const size_t size = secret->size;
        explicit_bzero(secret, size);
        (void)munmap(secret, size);
        return NULL;
}

int sovd_secret_new(struct sovd_secret **ret, const char *bytes, size_t n) {
        if (n == 0)
                return -ENODATA;
        if (n > SOVD_SECRET_BYTES_MAX)
                return -EMSGSIZE;
        struct sovd_secret *secret = map(n);
        if (!secret)
                return sovd_error_origin(-ENOMEM);
        memcpy(secret->bytes, bytes, n);
        *ret = secret;
        return 0;
}

const char *sovd_secret_bytes(const struct sovd_secret *secret, size_t *ret_n) {
        *ret_n = secret->n;
        return secret->bytes;
}

bool sovd_secret_same(const struct sovd_secret *a, const struct sovd_secret *b) {
        volatile unsigned char differences = 0;

        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                differences |= (unsigned char)(a->bytes[i] ^ b->bytes[i]);
        return differences == 0;
}

/* --- the notation -------------------------------------------------------------------------------------------- */

/* What stands behind the prefix, or NULL. */
static const char *after(const char *notation, const char *prefix) {
        return sovd_has_prefix(notation, prefix) ? notation + strlen(prefix) : NULL;
}

static bool is_name(const char *s) {
        return *s && *s != '.' && strlen(s) <= NAME_MAX_BYTES &&
               s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@")] == '\0';
}

/* PATH#FIELD; the path goes into a URL. */
static bool is_vault_place(const char *s) {
        const char *mark = strchr(s, '#');
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/");

        return mark && mark != s && s + n == mark && *s != '/' && mark[-1] != '/' && !strstr(s, "//") && !strstr(s, "..") &&
               is_name(mark + 1) && strlen(s) <= 512;
}

const char *sovd_secret_check(const char *notation) {
        const char *rest;

        if ((rest = after(notation, "credential:")))
                return is_name(rest) ? NULL : "a credential has letters, digits and -._@ in its name, and no . in front";
        if ((rest = after(notation, "env:")))
                return is_name(rest) ? NULL : "an environment variable has letters, digits and _ in its name";
        if ((rest = after(notation, SOVD_SECRET_VAULT)))
                return is_vault_place(rest) ? NULL : "must be vault:PATH#FIELD, with letters, digits and -._/ in the path";
        return *notation == '/' ? NULL : "must be the full path of a file, credential:NAME, env:NAME or vault:PATH#FIELD";
}

/* --- files --------------------------------------------------------------------------------------------------- */

struct reading {
        struct sovd_arena *arena;
        const char *why;
};

_printf_(3, 4)
static int fail(struct reading *r, int error, const char *format, ...) {
        va_list args;

        va_start(args, format);
        r->why = sovd_arena_vprintf(r->arena, format, args);
        va_end(args);
        return error;
}

/* Who else could read or change it? The folder of credentials is the service manager's: there a group may be meant. */
static int check_file(struct reading *r, const char *path, const struct stat *st, mode_t refused) {
        if (!S_ISREG(st->st_mode))
                return fail(r, -EINVAL, "%s is no file", path);
        if (st->st_uid != geteuid() && st->st_uid != 0)
                return fail(r, -EPERM, "%s belongs to the user %u, not to the one that the gateway runs as, nor to root", path,
                            (unsigned)st->st_uid);
        if (st->st_mode & refused)
                return fail(r, -EPERM, "%s may be read or changed by others (mode %04o); it must be 0600 or stricter", path,
                            (unsigned)(st->st_mode & 07777));
        if (st->st_size > SOVD_SECRET_BYTES_MAX)
                return fail(r, -EMSGSIZE, "%s has more than %d bytes", path, SOVD_SECRET_BYTES_MAX);
        return 0;
}

/* Without the line break at its end. */
static int finish(struct reading *r, struct sovd_secret *secret, const char *name) {
        if (secret->n && secret->bytes[secret->n - 1] == '\n')
                secret->n--;
        if (secret->n && secret->bytes[secret->n - 1] == '\r')
                secret->n--;
        secret->bytes[secret->n] = '\0';
        return secret->n ? 0 : fail(r, -ENODATA, "%s is empty", name);
}

static int read_bytes(struct reading *r, struct sovd_secret **ret, int fd, size_t size, const char *path) {
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = map(size + 1);
        size_t n = 0;
        ssize_t got = 1;

        if (!secret)
                return fail(r, -ENOMEM, "out of memory");
        while (n <= size && (got = read(fd, secret->bytes + n, size + 1 - n)) > 0)
                n += (size_t)got;
        if (got < 0)
                return fail(r, -errno, "%s cannot be read: %s", path, strerror(errno));
        if (n != size)
                return fail(r, -EBUSY, "%s changed while it was read", path);
        secret->n = n;
        int error = finish(r, secret, path);
        if (!error)
                *ret = SOVD_TAKE(secret);
        return error;
}

static int read_file(struct reading *r, struct sovd_secret **ret, const char *path, int flags, mode_t refused) {
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);

        if (fd < 0 && errno == EACCES)
                return fail(r, -EACCES, "%s cannot be opened by the user %u that the gateway runs as; a service is given secrets as credential:NAME",
                            path, (unsigned)geteuid());
        if (fd < 0)
                return fail(r, -errno, "%s cannot be opened: %s", path, strerror(errno));
        int error = fstat(fd, &st) ? fail(r, -errno, "%s: %s", path, strerror(errno)) : check_file(r, path, &st, refused);
        if (!error)
                error = read_bytes(r, ret, fd, (size_t)st.st_size, path);
        (void)close(fd);
        return error;
}

static int read_credential(struct reading *r, struct sovd_secret **ret, const char *name) {
        const char *folder = getenv(FOLDER), *path;

        if (!folder || *folder != '/')
                return fail(r, -ENOENT, "the service manager gave no credentials ($" FOLDER " is not set)");
        path = sovd_arena_printf(r->arena, "%s/%s", folder, name);
        if (!path)
                return fail(r, -ENOMEM, "out of memory");
        return read_file(r, ret, path, O_NOFOLLOW, S_IRWXO | S_IWGRP);
}

static int read_variable(struct reading *r, struct sovd_secret **ret, const char *name) {
        const char *value = getenv(name);
        struct sovd_secret *secret;

        if (!value || !*value)
                return fail(r, -ENOENT, "the environment variable %s is not set, or empty", name);
        int error = sovd_secret_new(&secret, value, strlen(value));
        if (error)
                return fail(r, error, "the environment variable %s cannot be taken: %s", name, strerror(-error));
        error = finish(r, secret, name);
        if (error)
                sovd_secret_unref(secret);
        else
                *ret = secret;
        return error;
}

static int read_any(struct reading *r, struct sovd_secret **ret, const char *notation) {
        const char *why = sovd_secret_check(notation), *rest;

        if (why)
                return fail(r, -EINVAL, "%s", why);
        if ((rest = after(notation, "credential:")))
                return read_credential(r, ret, rest);
        if ((rest = after(notation, "env:")))
                return read_variable(r, ret, rest);
        if (after(notation, SOVD_SECRET_VAULT))
                return fail(r, -ENOTSUP, "this cannot be in Vault");
        return read_file(r, ret, notation, 0, S_IRWXG | S_IRWXO);
}

int sovd_secret_read(struct sovd_secret **ret, const char *notation, struct sovd_arena *arena, const char **ret_why) {
        struct reading reading = { .arena = arena };
        int error = read_any(&reading, ret, notation);

        if (error)
                *ret_why = reading.why ? reading.why : "out of memory";
        return error;
}

int sovd_no_passphrase(char *buf, int size, int writing, void *data) {
        return -1;
}
