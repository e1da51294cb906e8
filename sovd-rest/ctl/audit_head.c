/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a running gateway's log, proven as far as that goes without the entries, and kept where the vehicle cannot reach. */
#include "sovd-rest/ctl/ctl.h"
#include "sovd-core/audit/export.h"
#include "sovd-core/audit/trust.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/secret.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define API           "/sovd/v1"
#define CONNECT_USEC  (10 * SOVD_USEC_PER_SEC)
#define DEADLINE_USEC (120 * SOVD_USEC_PER_SEC)
#define ANSWER_MAX    ((size_t)1 << 20)
#define LLU           (unsigned long long)

const char sovd_ctl_audit_head_help[] =
        "[OPTIONS] URL\n"
        "\n"
        "Asks a running gateway for the head of its audit log, and proves that the device key stands behind its signature, "
        "and\nthat the log begins with the head that was remembered before. URL is https://HOST[:PORT], or with the path of "
        "the API\nbehind it. Prints SIZE, ROOT, log and time, as --head of 'audit verify' takes them.\n"
        "\n"
        "  --key FILE          the device key that the log must begin with: PEM, or 32 bytes as base64 or hex\n"
        "  --fingerprint HEX   the same, by the SHA-256 of its 32 bytes; without either, only that the log agrees with\n"
        "                      itself is proven\n"
        "  --remember FILE     compare with the last head in this file, and append the new one\n"
        "  --token-file FILE   a token or API key for the role auditor; 0600 or stricter\n"
        "  --cacert FILE       the only authorities that are trusted for the server's certificate, PEM\n"
        "  --cert FILE         the client's certificate, PEM\n"
        "  --cert-key FILE     its key\n"
        "  --unix-socket PATH  connect there\n"
        "  --help              print this\n"
        "\n"
        "Exit status: 0 it is proven; 1 the log is another one, or was tampered with; 2 its end is missing; 3 it could not "
        "be\nread; 4 it has no signature; 64 wrong arguments. Nothing is remembered but with 0.\n";

struct job {
        const struct sovd_ctl_command *command;
        const char *url, *remember, *token_file, *prefix;
        struct sovd_http_pool_options options;
        struct sovd_http_pool *pool;
        struct sovd_arena *arena;
        unsigned char key[SOVD_AUDIT_KEY];
        struct sovd_audit_hash fingerprint;
        struct sovd_audit_heads heads; /* remembered */
        const struct sovd_audit_head *before; /* the last of them, or NULL */
        struct sovd_audit_trust trust;
        struct sovd_audit_report report;
        struct sovd_audit_checkpoint now;
        struct sovd_audit_head head;
};

/* --- arguments ------------------------------------------------------------------------------------------ */

static const struct option options[] = { { "key", required_argument, NULL, 'k' },
                                         { "fingerprint", required_argument, NULL, 'f' },
                                         { "remember", required_argument, NULL, 'r' },
                                         { "token-file", required_argument, NULL, 't' },
                                         { "cacert", required_argument, NULL, 'a' },
                                         { "cert", required_argument, NULL, 'c' },
                                         { "cert-key", required_argument, NULL, 'K' },
                                         { "unix-socket", required_argument, NULL, 'u' },
                                         { "help", no_argument, NULL, 'h' },
                                         { 0 } };

#define ASKED_FOR_HELP -1

static int apply(struct job *j, int option) {
        switch (option) {
        case 'k':
                j->trust.device_key = j->key;
                return sovd_ctl_take_key(j->command, optarg, j->key);
        case 'f':
                j->trust.fingerprint = &j->fingerprint;
                return sovd_audit_take_fingerprint(optarg, &j->fingerprint)
                               ? 0
                               : sovd_ctl_usage(j->command, "--fingerprint '%s' is not 64 digits of hex", optarg);
        case 'r':
                j->remember = optarg;
                return 0;
        case 't':
                j->token_file = optarg;
                return 0;
        case 'a':
                j->options.ca_file = optarg;
                return 0;
        case 'c':
                j->options.client_cert_file = optarg;
                return 0;
        case 'K':
                j->options.client_key_file = optarg;
                return 0;
        case 'u':
                j->options.unix_socket = optarg;
                return 0;
        case 'h':
                (void)sovd_ctl_help(j->command);
                return ASKED_FOR_HELP;
        default:
                return SOVD_CTL_USAGE; /* getopt has said why */
        }
}

/* Rules for files of secrets are those of the gateway, which names them with their whole path. */
static int take_token(struct job *j) {
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = NULL;
        _cleanup_(sovd_freep) char *path = j->token_file ? realpath(j->token_file, NULL) : NULL;
        const char *why = NULL;
        size_t n;

        if (!j->token_file)
                return 0;
        if (!path)
                return sovd_ctl_usage(j->command, "--token-file %s: %s", j->token_file, strerror(errno));
        if (sovd_secret_read(&secret, path, j->arena, &why))
                return sovd_ctl_usage(j->command, "--token-file: %s", why ? why : "out of memory");
        j->options.bearer_token = sovd_arena_strdup(j->arena, sovd_secret_bytes(secret, &n));
        return 0;
}

static int take_url(struct job *j) {
        const char *scheme = strstr(j->url, "://"), *path = scheme ? strchr(scheme + 3, '/') : NULL, *member = NULL;

        j->options.base_url = j->url;
        j->prefix = path && path[1] ? "" : path ? API + 1 : API;
        const char *why = sovd_http_pool_options_check(&j->options, &member);
        if (why)
                return sovd_ctl_usage(j->command, "%s: %s", j->url, why);
        return sovd_http_pool_new(&j->pool, &j->options) ? sovd_ctl_usage(j->command, "%s cannot be asked", j->url) : 0;
}

/* A file that is not there yet is a new one. */
static int take_remembered(struct job *j) {
        _cleanup_(sovd_freep) char *text = j->remember ? sovd_ctl_read_text(j->remember) : NULL;

        if (!j->remember || (!text && errno == ENOENT) || (text && !*text))
                return 0;
        const char *why = text ? sovd_audit_take_heads(&j->heads, j->remember, text) : strerror(errno);
        if (why)
                return sovd_ctl_usage(j->command, "--remember %s: %s", j->remember, why);
        for (size_t i = 0; i < j->heads.n; i++)
                if (!j->before || j->heads.items[i].size >= j->before->size)
                        j->before = &j->heads.items[i];
        return 0;
}

static int parse(struct job *j, int argc, char **argv) {
        int option, r = 0;

        while (!r && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
                r = apply(j, option);
        if (r)
                return r;
        if (optind + 1 != argc)
                return sovd_ctl_usage(j->command, optind == argc ? "which gateway?" : "one gateway at a time");
        j->url = argv[optind];
        r = take_token(j);
        if (!r)
                r = take_url(j);
        return r ? r : take_remembered(j);
}

/* --- asking --------------------------------------------------------------------------------------------- */

#define fail(j, verdict, ...) sovd_audit_verdict(&(j)->report, SOVD_AUDIT_##verdict, 0, __VA_ARGS__)

static const char *const results[SOVD_HTTP_N_RESULTS] = {
        [SOVD_HTTP_BUSY] = "it cannot be asked",          [SOVD_HTTP_REFUSED] = "it is not reachable",
        [SOVD_HTTP_TIMEOUT] = "it did not answer in time", [SOVD_HTTP_LOST] = "the connection broke off",
        [SOVD_HTTP_BROKEN] = "what it answers is not HTTP", [SOVD_HTTP_TOO_LARGE] = "its answer is too long",
        [SOVD_HTTP_TLS] = "no TLS connection came about, or its certificate is not trusted",
};

static cJSON *json_of(struct job *j, const struct sovd_http_answer *answer) {
        const struct sovd_json_limits limits = { .max_nodes = 1000 };
        struct sovd_json_fault fault;
        cJSON *json = NULL;

        return sovd_json_parse_in(j->arena, &json, answer->body, answer->body_len, &limits, &fault) ? NULL : json;
}

static bool is_good(struct job *j, int result, const struct sovd_http_answer *answer) {
        if (result < 0)
                return fail(j, UNREADABLE, "%s", strerror(-result));
        if (result != SOVD_HTTP_OK)
                return fail(j, UNREADABLE, "%s", results[result] ? results[result] : "it cannot be asked");
        if (answer->status == 200)
                return true;
        const cJSON *message = cJSON_GetObjectItemCaseSensitive(json_of(j, answer), "message");
        char text[200];
        return fail(j, UNREADABLE, "it answers with HTTP status %u%s%s", answer->status, cJSON_IsString(message) ? ": " : "",
                    sovd_ctl_plain(text, sizeof(text), cJSON_IsString(message) ? message->valuestring : ""));
}

static struct sovd_http_request request_of(struct job *j, const char *target) {
        static const char *const headers[] = { "Accept: */*", NULL };

        return (struct sovd_http_request){ .method = "GET",
                                           .target = target ? sovd_arena_printf(j->arena, "%s/audit/%s", j->prefix, target) : NULL,
                                           .headers = headers,
                                           .deadline_usec = sovd_now_usec() + DEADLINE_USEC };
}

static bool get(struct job *j, const char *target, struct sovd_http_answer *ret) {
        const struct sovd_http_request request = request_of(j, target);
        int result = request.target ? sovd_http_call(j->pool, &request, ret, j->arena) : -ENOMEM;

        return is_good(j, result, ret);
}

static bool get_note(struct job *j) {
        struct sovd_http_answer answer = { 0 };

        if (!get(j, "checkpoint", &answer))
                return false;
        if (strlen(answer.body) != answer.body_len || sovd_audit_note_read(answer.body, &j->now, NULL))
                return fail(j, UNREADABLE, "what it gives for its head is no checkpoint of an audit log");
        j->head = (struct sovd_audit_head){ .name = "its checkpoint", .size = j->now.size, .root = j->now.root };
        (void)strcpy(j->head.note, answer.body);
        return true;
}

static ssize_t read_stream(void *data, char *buf, size_t size) {
        struct sovd_source *stream = data;
        size_t n = 0;

        if (stream->read(stream, buf, size, sovd_now_usec() + DEADLINE_USEC, &n)) {
                errno = EIO;
                return -1;
        }
        return (ssize_t)n;
}

static bool verify_stream(struct job *j, struct sovd_source *stream) {
        const cookie_io_functions_t functions = { .read = read_stream };
        FILE *file = fopencookie(stream, "r", functions);
        int r = file ? sovd_audit_verify_export(file, &j->trust, &j->report) : -ENOMEM;

        if (file)
                (void)fclose(file);
        return r ? fail(j, UNREADABLE, "%s", strerror(-r)) : j->report.verdict == SOVD_AUDIT_SOUND;
}

/* Its last entries with all keys: so each signature back to the device key's is looked at, and that of the head. */
static bool prove_head(struct job *j) {
        const char *target = sovd_arena_printf(j->arena, "export?seq=%llu", LLU j->now.size);
        const struct sovd_http_request request = request_of(j, target);
        _cleanup_(sovd_source_closep) struct sovd_source *stream = NULL;
        struct sovd_http_transfer transfer = { .idle_usec = DEADLINE_USEC };
        struct sovd_http_answer answer = { 0 };

        int result = request.target ? sovd_http_open(j->pool, &request, &transfer, &answer, j->arena, &stream) : -ENOMEM;
        if (!is_good(j, result, &answer))
                return false;
        j->trust.heads = &j->head;
        j->trust.n_heads = 1;
        j->trust.partial = true;
        return stream ? verify_stream(j, stream) : fail(j, UNREADABLE, "it gives no export");
}

/* --- what was remembered -------------------------------------------------------------------------------- */

static bool take_proof(const cJSON *json, struct sovd_audit_proof *ret) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "proof"), *item;

        ret->n = 0;
        if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > SOVD_AUDIT_PROOF_MAX)
                return false;
        cJSON_ArrayForEach(item, list)
                if (!cJSON_IsString(item) || !sovd_audit_from_base64(item->valuestring, ret->hashes[ret->n++].bytes, SOVD_AUDIT_HASH))
                        return false;
        return true;
}

/* No answer to this is a reason to believe: a gateway that cannot prove it is one whose log may be another. */
static bool prove_growth(struct job *j) {
        const struct sovd_audit_head *old = j->before;
        struct sovd_http_answer answer = { 0 };
        struct sovd_audit_proof proof;

        if (old->size == j->now.size)
                return sovd_audit_same(&old->root, &j->now.root) ||
                       fail(j, TAMPERED, "it has other %llu entries than those that %s remembers", LLU old->size, j->remember);
        if (!get(j, sovd_arena_printf(j->arena, "consistency?from=%llu&to=%llu", LLU old->size, LLU j->now.size), &answer))
                return false;
        if (!take_proof(json_of(j, &answer), &proof))
                return fail(j, UNREADABLE, "its proof makes no sense");
        int r = sovd_audit_check_consistency(&proof, old->size, &old->root, j->now.size, &j->now.root);
        return !r || (r == -EIO ? fail(j, UNREADABLE, "the library failed")
                                : fail(j, TAMPERED, "its first %llu entries are not those that %s remembers", LLU old->size, j->remember));
}

static bool compare(struct job *j) {
        if (!j->before)
                return true;
        if (j->now.size < j->before->size)
                return fail(j, TRUNCATED, "it has %llu entries, and %s remembers %llu", LLU j->now.size, j->remember, LLU j->before->size);
        return prove_growth(j);
}

static const char *line_of(struct job *j) {
        char root[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];

        sovd_audit_to_base64(root, j->now.root.bytes, SOVD_AUDIT_HASH);
        return sovd_arena_printf(j->arena, "%llu %s %s %s\n", LLU j->now.size, root, j->now.log, j->now.time);
}

/* A line is there whole, and on the disk, before anybody is told. Two at a time: the second one may be the older. */
static bool remember(struct job *j) {
        const char *line = line_of(j);

        if (!line)
                return fail(j, UNREADABLE, "out of memory");
        if (!j->remember || (j->before && j->before->size == j->now.size))
                return true;
        int fd = open(j->remember, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        struct stat st;
        bool ready = fd >= 0 && !flock(fd, LOCK_EX) && !fstat(fd, &st);
        bool ok = ready && write(fd, line, strlen(line)) == (ssize_t)strlen(line) && !fsync(fd);
        int error = errno;
        if (ready && !ok && ftruncate(fd, st.st_size))
                error = errno;
        if (fd >= 0)
                (void)close(fd);
        return ok || fail(j, UNREADABLE, "%s cannot be written: %s", j->remember, strerror(error));
}

/* --- the result ----------------------------------------------------------------------------------------- */

static int tell(struct job *j) {
        const struct sovd_audit_report *r = &j->report;

        if (r->verdict != SOVD_AUDIT_SOUND) {
                (void)fprintf(stderr, "%s: %s\n", j->url, r->reason);
                return (int)r->verdict;
        }
        (void)fputs(line_of(j), stdout);
        (void)fprintf(stderr, "%s: %s: device key %s%s", j->url, r->trusted ? "proven" : "consistent", r->fingerprint,
                      j->before ? "" : j->remember ? "; the first head that is remembered\n" : "\n");
        if (j->before)
                (void)fprintf(stderr, "; begins with the %llu entries that are remembered\n", LLU j->before->size);
        return fflush(stdout) ? SOVD_AUDIT_UNREADABLE : 0;
}

int sovd_ctl_audit_head(const struct sovd_ctl_command *command, int argc, char **argv) {
        struct job j = { .command = command,
                         .options = { .max_in_flight = 1, .connect_timeout_usec = CONNECT_USEC, .max_answer = ANSWER_MAX } };

        if (sovd_http_global_init() || sovd_arena_new(&j.arena, 4096))
                return SOVD_AUDIT_UNREADABLE;
        int r = parse(&j, argc, argv);
        if (!r) {
                (void)(get_note(&j) && prove_head(&j) && compare(&j) && remember(&j));
                r = tell(&j);
        }
        sovd_http_pool_free(j.pool);
        sovd_audit_heads_done(&j.heads);
        sovd_arena_free(j.arena);
        return r == ASKED_FOR_HELP ? 0 : r;
}
