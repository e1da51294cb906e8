/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/keys.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/secret.h"
#include <dirent.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE   4200
#define SECRET_SIZE 32
#define PEM_MAX     16384
#define EPOCH_FILE  "audit.epoch-"

struct sovd_audit_keys {
        char *folder; /* NULL = none */
        struct sovd_audit_signer *device;
        unsigned char secret[SECRET_SIZE];
};

/* --- files ------------------------------------------------------------------------------------------------ */

static const char *path_of(char buf[static PATH_SIZE], const char *folder, const char *name) {
        (void)snprintf(buf, PATH_SIZE, "%s/%s", folder, name);
        return buf;
}

static int write_all(int fd, const char *data, size_t n) {
        while (n) {
                ssize_t done = write(fd, data, n);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return -(errno ? errno : EIO);
                data += done;
                n -= (size_t)done;
        }
        return fsync(fd) ? -errno : 0;
}

static int sync_folder(const char *folder) {
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 || fsync(fd) ? -errno : 0;

        if (fd >= 0)
                (void)close(fd);
        return r;
}

int sovd_audit_write_file(const char *folder, const char *name, unsigned mode, const void *data, size_t n) {
        char path[PATH_SIZE], fresh[PATH_SIZE + 8];

        (void)snprintf(fresh, sizeof(fresh), "%s.new", path_of(path, folder, name));
        (void)unlink(fresh); /* a crash may have left it */
        int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return sovd_error_origin(-errno);
        int r = write_all(fd, data, n);
        (void)close(fd);
        if (!r && rename(fresh, path))
                r = -errno;
        if (r)
                (void)unlink(fresh);
        return sovd_error_origin(r ? r : sync_folder(folder));
}

static int read_fd(int fd, void *buf, size_t size, size_t *ret_n) {
        size_t n = 0;
        ssize_t got = 1;

        while (got > 0 && n < size) {
                got = read(fd, (char *)buf + n, size - n);
                if (got < 0 && errno != EINTR)
                        return -errno;
                n += got > 0 ? (size_t)got : 0;
                got = got < 0 ? 1 : got;
        }
        *ret_n = n;
        return n == size ? -EFBIG : 0;
}

#define OWN        (S_IRWXG | S_IRWXO)
#define CREDENTIAL (S_IWGRP | S_IRWXO) /* the folder is the service manager's: there a group may be meant */

/* As with other secrets (base/secret.h). */
static int check_private(const char *path, const struct stat *st, mode_t refused) {
        if (st->st_uid != geteuid() && st->st_uid != 0)
                sovd_log(SOVD_LOG_ERROR, "%s belongs to the user %u, not to the one that the gateway runs as, nor to root", path,
                         (unsigned)st->st_uid);
        else if (st->st_mode & refused)
                sovd_log(SOVD_LOG_ERROR, "%s is a key, and others can read or change it (mode %04o); it must be 0600 or stricter", path,
                         (unsigned)(st->st_mode & 07777));
        else
                return 0;
        return -EPERM;
}

/* refused: of its mode; 0 = it is no secret. */
static int read_path(const char *path, mode_t refused, void *buf, size_t size, size_t *ret_n) {
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        int r = fstat(fd, &st) ? -errno : !S_ISREG(st.st_mode) ? -EINVAL : refused ? check_private(path, &st, refused) : 0;
        if (!r)
                r = read_fd(fd, buf, size, ret_n);
        (void)close(fd);
        return r;
}

int sovd_audit_read_file(const char *folder, const char *name, void *buf, size_t size, size_t *ret_n) {
        char path[PATH_SIZE];

        return read_path(path_of(path, folder, name), 0, buf, size, ret_n);
}

static int read_own(const struct sovd_audit_keys *keys, const char *name, void *buf, size_t size, size_t *ret_n) {
        char path[PATH_SIZE];

        return read_path(path_of(path, keys->folder, name), OWN, buf, size, ret_n);
}

/* --- the device key --------------------------------------------------------------------------------------- */

static int take_device(struct sovd_audit_keys *keys, EVP_PKEY *key) {
        unsigned char seed[SOVD_AUDIT_KEY];
        size_t n = sizeof(seed);

        if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
                return -EBADMSG;
        int r = EVP_PKEY_get_raw_private_key(key, seed, &n) == 1 ? sovd_audit_signer_new(&keys->device, seed) : -EIO;
        OPENSSL_cleanse(seed, sizeof(seed));
        return r;
}

static int read_device(struct sovd_audit_keys *keys, const char *path, mode_t refused) {
        char pem[PEM_MAX];
        size_t n = 0;

        int r = read_path(path, refused, pem, sizeof(pem), &n);
        BIO *bio = r ? NULL : BIO_new_mem_buf(pem, (int)n);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, sovd_no_passphrase, NULL) : NULL;
        if (!r)
                r = take_device(keys, key);
        EVP_PKEY_free(key);
        (void)BIO_free(bio);
        OPENSSL_cleanse(pem, sizeof(pem));
        return r;
}

/* *ret: freed with its bytes wiped. */
static int make_pem(EVP_PKEY *key, bool private, BIO **ret, const char **ret_text, size_t *ret_n) {
        BIO *bio = BIO_new(BIO_s_secmem());
        char *text = NULL;

        if (!bio || (private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, key)) != 1) {
                (void)BIO_free(bio);
                return sovd_error_origin(-ENOMEM);
        }
        long n = BIO_get_mem_data(bio, &text);
        *ret = bio;
        *ret_text = text;
        *ret_n = n > 0 ? (size_t)n : 0;
        return 0;
}

static int write_private(const struct sovd_audit_keys *keys, EVP_PKEY *key) {
        const char *text;
        size_t n;
        BIO *bio;

        int r = make_pem(key, true, &bio, &text, &n);
        if (r)
                return r;
        r = sovd_audit_write_file(keys->folder, "audit.key", 0600, text, n);
        (void)BIO_free(bio);
        return r;
}

static int make_device(struct sovd_audit_keys *keys) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        int r = key ? take_device(keys, key) : -EIO;

        if (!r && keys->folder)
                r = write_private(keys, key);
        if (!r && keys->folder)
                sovd_log(SOVD_LOG_INFO, "a device key for the audit log was made: %s/audit.key", keys->folder);
        EVP_PKEY_free(key);
        return r;
}

/* For whoever wants to keep it elsewhere; nothing here needs it, so a start on a full disk goes on without. */
static void write_public(const struct sovd_audit_keys *keys) {
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, sovd_audit_signer_public(keys->device), SOVD_AUDIT_KEY);
        char there[PEM_MAX];
        const char *text;
        size_t n, n_there = 0;
        BIO *bio = NULL;

        int r = key ? make_pem(key, false, &bio, &text, &n) : -EIO;
        bool same = !r && !sovd_audit_read_file(keys->folder, "audit.pub", there, sizeof(there), &n_there) && n == n_there &&
                    memcmp(text, there, n) == 0;
        if (!r && !same)
                r = sovd_audit_write_file(keys->folder, "audit.pub", 0600, text, n);
        if (r)
                sovd_log(SOVD_LOG_WARN, "%s/audit.pub cannot be written: %s", keys->folder, strerror(-r));
        (void)BIO_free(bio);
        EVP_PKEY_free(key);
}

static const char *why(int r) {
        return r == -EBADMSG ? "it is no Ed25519 key in PEM form, without a passphrase" : r == -EPERM ? "others can use it too" : strerror(-r);
}

const char *sovd_audit_check_key(const char *key_file) {
        struct sovd_audit_keys keys = { 0 };
        int r = read_device(&keys, key_file, OWN);

        sovd_audit_signer_free(keys.device);
        return r ? why(r) : NULL;
}

/* Where it is said to be, else the service's credential, else our own. */
static int get_device(struct sovd_audit_keys *keys, const char *key_file) {
        const char *credentials = getenv("CREDENTIALS_DIRECTORY");
        char path[PATH_SIZE];
        int r = -ENOENT;

        if (key_file)
                r = read_device(keys, key_file, OWN);
        else if (credentials)
                r = read_device(keys, path_of(path, credentials, "audit.key"), CREDENTIAL);
        if (r == -ENOENT && !key_file && keys->folder)
                r = read_device(keys, path_of(path, keys->folder, "audit.key"), OWN);
        if (r == -ENOENT && !key_file)
                r = make_device(keys);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the device key of the audit log (%s) cannot be used: %s",
                         key_file ? key_file : "audit.key", why(r));
        else if (keys->folder)
                write_public(keys);
        return r;
}

const struct sovd_audit_signer *sovd_audit_keys_device(const struct sovd_audit_keys *keys) {
        return keys->device;
}

/* --- names of secrets ------------------------------------------------------------------------------------- */

static int get_secret(struct sovd_audit_keys *keys) {
        unsigned char buf[SECRET_SIZE + 1];
        size_t n = 0;
        int r = keys->folder ? read_own(keys, "audit.hmac", buf, sizeof(buf), &n) : -ENOENT;

        if (!r && n != SECRET_SIZE)
                r = -EBADMSG;
        if (!r)
                memcpy(keys->secret, buf, SECRET_SIZE);
        OPENSSL_cleanse(buf, sizeof(buf));
        if (r == -ENOENT) {
                r = RAND_bytes(keys->secret, SECRET_SIZE) == 1 ? 0 : -EIO;
                if (!r && keys->folder)
                        r = sovd_audit_write_file(keys->folder, "audit.hmac", 0600, keys->secret, SECRET_SIZE);
        }
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the audit log's key for names of secrets (audit.hmac) cannot be used: %s",
                         strerror(-r));
        return r;
}

int sovd_audit_keys_name(const struct sovd_audit_keys *keys, const void *data, size_t n, char ret[static SOVD_AUDIT_NAME_SIZE]) {
        unsigned char sum[32];
        unsigned len = sizeof(sum);

        if (!HMAC(EVP_sha256(), keys->secret, SECRET_SIZE, data, n, sum, &len) || len != sizeof(sum))
                return sovd_error_origin(-EIO);
        sovd_hex(ret, sum, sizeof(sum));
        return 0;
}

/* --- epochs ----------------------------------------------------------------------------------------------- */

static const char *epoch_name(char buf[static 64], uint64_t epoch) {
        (void)snprintf(buf, 64, EPOCH_FILE "%llu", (unsigned long long)epoch);
        return buf;
}

int sovd_audit_epoch_make(struct sovd_audit_keys *keys, uint64_t epoch, struct sovd_audit_signer **ret) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *key = NULL;
        unsigned char seed[SOVD_AUDIT_KEY];
        char name[64];

        int r = RAND_priv_bytes(seed, sizeof(seed)) == 1 ? sovd_audit_signer_new(&key, seed) : -EIO;
        if (!r && keys->folder)
                r = sovd_audit_write_file(keys->folder, epoch_name(name, epoch), 0600, seed, sizeof(seed));
        OPENSSL_cleanse(seed, sizeof(seed));
        if (!r)
                *ret = SOVD_TAKE(key);
        return sovd_error_origin(r);
}

int sovd_audit_epoch_load(struct sovd_audit_keys *keys, uint64_t epoch, const unsigned char public[static SOVD_AUDIT_KEY],
                          struct sovd_audit_signer **ret) {
        _cleanup_(sovd_audit_signer_freep) struct sovd_audit_signer *key = NULL;
        unsigned char seed[SOVD_AUDIT_KEY + 1];
        size_t n = 0;
        char name[64];

        int r = keys->folder ? read_own(keys, epoch_name(name, epoch), seed, sizeof(seed), &n) : -ENOKEY;
        if (!r && n == SOVD_AUDIT_KEY)
                r = sovd_audit_signer_new(&key, seed);
        OPENSSL_cleanse(seed, sizeof(seed));
        if (r == -EPERM)
                return r;
        if (r || !key || CRYPTO_memcmp(sovd_audit_signer_public(key), public, SOVD_AUDIT_KEY) != 0)
                return -ENOKEY;
        *ret = SOVD_TAKE(key);
        return 0;
}

/* What the disk really does with a write over an old one nobody can say; it is what can be done. */
static void overwrite(const char *path) {
        static const char nothing[SECRET_SIZE];
        int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0) {
                (void)write_all(fd, nothing, sizeof(nothing));
                (void)close(fd);
        }
        (void)unlink(path);
}

void sovd_audit_epoch_keep_only(struct sovd_audit_keys *keys, uint64_t epoch) {
        char kept[64], path[PATH_SIZE];
        DIR *folder = keys->folder ? opendir(keys->folder) : NULL;
        struct dirent *file;

        if (!folder)
                return;
        (void)epoch_name(kept, epoch);
        while ((file = readdir(folder)))
                if (sovd_has_prefix(file->d_name, EPOCH_FILE) && strcmp(file->d_name, kept) != 0)
                        overwrite(path_of(path, keys->folder, file->d_name));
        (void)closedir(folder);
}

/* --- life ------------------------------------------------------------------------------------------------- */

int sovd_audit_keys_new(struct sovd_audit_keys **ret, const char *folder, const char *key_file) {
        _cleanup_(sovd_audit_keys_freep) struct sovd_audit_keys *keys = calloc(1, sizeof(*keys));
        if (!keys || (folder && !(keys->folder = strdup(folder))))
                return sovd_error_origin(-ENOMEM);

        int r = get_device(keys, key_file);
        if (!r)
                r = get_secret(keys);
        if (r)
                return r;
        *ret = SOVD_TAKE(keys);
        return 0;
}

struct sovd_audit_keys *sovd_audit_keys_free(struct sovd_audit_keys *keys) {
        if (!keys)
                return NULL;
        sovd_audit_signer_free(keys->device);
        OPENSSL_cleanse(keys->secret, sizeof(keys->secret));
        free(keys->folder);
        free(keys);
        return NULL;
}
