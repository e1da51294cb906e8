/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/http_handle.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#ifndef SOVD_VERSION
#define SOVD_VERSION "0"
#endif

/* More memory than this does not stay with an idle handle. */
#define KEEP_BODY_SIZE ((size_t)65536)

/* A write goes out on a kept-alive connection only if that was used so recently: servers close idle ones, and
 * a write that meets the closing comes back as LOST, with no way to know whether it was carried out. */
#define WRITE_IDLE_USEC (250 * SOVD_USEC_PER_MSEC)

/* libcurl counts milliseconds: its timeout may come this much before the deadline. */
#define TIMEOUT_SLACK_USEC (2 * SOVD_USEC_PER_MSEC)

/* Its buffers have had credentials in them. */
static void wipe_and_free(void *p) {
        if (p)
                explicit_bzero(p, malloc_usable_size(p));
        free(p);
}

static void *wipe_and_move(void *p, size_t size) {
        void *moved = malloc(size);

        if (moved && p)
                memcpy(moved, p, SOVD_MIN(size, malloc_usable_size(p)));
        if (moved)
                wipe_and_free(p);
        return moved;
}

int sovd_http_global_init(void) {
        CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free, wipe_and_move, strdup, calloc);

        return code == CURLE_OK ? 0 : sovd_error_origin(-ENOMEM);
}

/* What libcurl calls while a transfer runs. */

static size_t on_header(char *line, size_t size, size_t n, void *userdata) {
        struct handle *h = userdata;

        if (sovd_http_head_line(&h->head, line, size * n) == 0) {
                if (h->stream)
                        sovd_http_stream_header(h, line, size * n);
                return size * n;
        }
        h->verdict = VERDICT_BROKEN;
        return 0;
}

static bool body_reserve(struct handle *h, size_t n) {
        if (h->body_len + n <= h->body_size)
                return true;

        const struct sovd_http_pool_options *o = &h->pool->options;
        size_t size = o->forgets ? o->max_answer : SOVD_MAX(h->body_len + n, SOVD_MIN(2 * h->body_size, o->max_answer));
        char *body = realloc(h->body, size);
        if (!body)
                return false;
        h->body = body;
        h->body_size = size;
        return true;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata) {
        struct handle *h = userdata;
        size_t len = size * n;

        if (h->stream && sovd_http_stream_takes(h))
                return sovd_http_stream_body(h, data, len);
        if (len > h->pool->options.max_answer - h->body_len)
                h->verdict = VERDICT_TOO_LARGE;
        else if (!body_reserve(h, len))
                h->verdict = VERDICT_NO_MEMORY;
        if (h->verdict != VERDICT_NONE)
                return CURL_WRITEFUNC_ERROR;

        memcpy(h->body + h->body_len, data, len);
        h->body_len += len;
        return len;
}

/*
 * Called when the connection stands and the request is about to be written: while it was not called nothing
 * was sent. And it makes each call at-most-once. When a reused connection dies before one byte of the answer,
 * libcurl sends any request again on a fresh one, a POST too (Curl_retry_request in its transfer.c), although
 * the server may have carried out the first. There is no option against that, but the second call of this
 * can say no in time. A fresh connection for each write would do as well: 0.1 ms of CPU, or a TLS handshake.
 * Reads are not repeated here either: how often is the caller's business.
 */
static int on_connected(void *userdata, char *ip, char *local_ip, int port, int local_port) {
        struct handle *h = userdata;

        if (h->n_sent > 0)
                return CURL_PREREQFUNC_ABORT;
        h->n_sent++;
        return CURL_PREREQFUNC_OK;
}

/* Handles. */

static bool set_wire_options(struct handle *h, const struct sovd_http_pool_options *o) {
        uint64_t connect_msec = SOVD_MIN((o->connect_timeout_usec + 999) / 1000, (uint64_t)INT_MAX);

        return SET(h, CURLOPT_URL, o->base_url) && SET(h, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket) &&
               SET(h, CURLOPT_PROTOCOLS_STR, "http,https") && SET(h, CURLOPT_PROXY, "") &&
               SET(h, CURLOPT_FOLLOWLOCATION, 0L) && SET(h, CURLOPT_NOSIGNAL, 1L) &&
               SET(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(h, CURLOPT_TCP_NODELAY, 1L) &&
               SET(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_msec ? connect_msec : INT_MAX)) &&
               SET(h, CURLOPT_USERAGENT, "sovd-gateway/" SOVD_VERSION) &&
               /* else a name server that hangs holds the call past its deadline */
               SET(h, CURLOPT_QUICK_EXIT, 1L);
}

static CURLcode forget_plaintext(CURL *easy, void *context, void *data) {
        (void)SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
        return CURLE_OK;
}

/* CAPATH is /etc/ssl/certs by default, and a file of authorities would only be added to those. */
static bool set_tls_options(struct handle *h, const struct sovd_http_pool_options *o) {
        return (!o->ca_file ||
                (SET(h, CURLOPT_CAINFO, o->ca_file) && SET(h, CURLOPT_CAPATH, (char *)NULL))) &&
               SET(h, CURLOPT_SSLCERT, o->client_cert_file) && SET(h, CURLOPT_SSLKEY, o->client_key_file) &&
               (!o->forgets || SET(h, CURLOPT_SSL_CTX_FUNCTION, forget_plaintext)) &&
               SET(h, CURLOPT_SSL_VERIFYPEER, 1L) && SET(h, CURLOPT_SSL_VERIFYHOST, 2L) &&
               SET(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static bool set_callbacks(struct handle *h) {
        return SET(h, CURLOPT_HEADERFUNCTION, on_header) && SET(h, CURLOPT_HEADERDATA, h) &&
               SET(h, CURLOPT_WRITEFUNCTION, on_body) && SET(h, CURLOPT_WRITEDATA, h) &&
               SET(h, CURLOPT_PREREQFUNCTION, on_connected) && SET(h, CURLOPT_PREREQDATA, h) &&
               SET(h, CURLOPT_ERRORBUFFER, h->error);
}

static void handle_release(struct handle *h) {
        curl_easy_cleanup(h->easy);
        (void)curl_multi_cleanup(h->multi);
        free(h->target);
        free(h->body);
}

/* Makes the handle at its first use. It is all or nothing: half a handle is made anew by the next call. */
int sovd_http_handle_prepare(struct handle *h, struct sovd_http_pool *pool) {
        CURLM *multi = NULL;

        if (h->easy)
                return 0;

        h->pool = pool;
        h->socket = CURL_SOCKET_BAD;
        h->easy = curl_easy_init();
        multi = curl_multi_init();
        if (!h->easy || !multi || curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK ||
            !set_wire_options(h, &pool->options) || !set_tls_options(h, &pool->options) ||
            !set_callbacks(h)) {
                curl_easy_cleanup(h->easy);
                h->easy = NULL;
                (void)curl_multi_cleanup(multi);
                return sovd_error_origin(-ENOMEM);
        }

        (void)pthread_mutex_lock(&pool->mutex);
        h->multi = multi;
        (void)pthread_mutex_unlock(&pool->mutex);
        return 0;
}

/* The request: only what differs from the call before is set. */

static enum shape shape_of(const struct sovd_http_request *request) {
        const char *method = request->method;

        if (request->body || sovd_streq(method, "POST") || sovd_streq(method, "PUT") ||
            sovd_streq(method, "PATCH"))
                return SHAPE_BODY;
        if (sovd_streq(method, "HEAD"))
                return SHAPE_HEAD;
        return sovd_streq(method, "GET") ? SHAPE_GET : SHAPE_BARE;
}

static bool set_shape(struct handle *h, enum shape shape) {
        if (h->shape == shape)
                return true;

        h->shape = SHAPE_UNSET; /* until all is set */
        if (!(shape == SHAPE_BODY   ? SET(h, CURLOPT_POST, 1L)
              : shape == SHAPE_HEAD ? SET(h, CURLOPT_NOBODY, 1L)
                                    : SET(h, CURLOPT_HTTPGET, 1L)))
                return false;
        h->shape = shape;
        return true;
}

/* The word in the request line, where it is not the shape's own. */
static bool set_verb(struct handle *h, const char *method) {
        const char *own = h->shape == SHAPE_GET    ? "GET"
                          : h->shape == SHAPE_HEAD ? "HEAD"
                          : h->shape == SHAPE_BODY ? "POST"
                                                   : "";
        const char *verb = strcmp(method, own) == 0 ? "" : method;

        if (strcmp(h->verb, verb) == 0)
                return true;
        if (!SET(h, CURLOPT_CUSTOMREQUEST, *verb ? verb : NULL))
                return false;
        memcpy(h->verb, verb, strlen(verb) + 1);
        return true;
}

static bool set_body(struct handle *h, const struct sovd_http_request *request) {
        if (h->shape != SHAPE_BODY)
                return true;
        if (h->stream && sovd_http_stream_sends(h))
                return sovd_http_stream_set_body(h);
        return SET(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_len : 0)) &&
               SET(h, CURLOPT_POSTFIELDS, request->body ? request->body : "");
}

/* The target goes into the request line byte for byte: libcurl would resolve dot segments of a URL. */
static bool set_target(struct handle *h, const char *target) {
        const char *path = h->pool->base_path;
        size_t path_len = strlen(path), len = strlen(target) + 1;

        if (!path_len)
                return SET(h, CURLOPT_REQUEST_TARGET, target);
        if (path_len + len > h->target_size) {
                char *buffer = realloc(h->target, path_len + len + 128);
                if (!buffer)
                        return false;
                h->target = buffer;
                h->target_size = path_len + len + 128;
                memcpy(buffer, path, path_len);
        }
        memcpy(h->target + path_len, target, len);
        return SET(h, CURLOPT_REQUEST_TARGET, h->target);
}

/* libcurl only reads the strings of a header list. */
static void line_push(struct curl_slist **list, struct curl_slist *line, const char *text) {
        line->data = (char *)(uintptr_t)text;
        line->next = *list;
        *list = line;
}

/* In front of the pool's own lines come those of this call, so that the lists need no copying. */
static bool lines_of(struct handle *h, const struct sovd_http_request *request, struct sovd_arena *arena,
                     struct curl_slist **ret) {
        bool plain_json = request->body && !request->content_type;
        bool typed = h->shape == SHAPE_BODY && !plain_json;
        size_t n = 0;

        while (request->headers && request->headers[n])
                n++;
        *ret = h->shape != SHAPE_BODY ? h->pool->lines[LINE_EXPECT].next
                                      : &h->pool->lines[plain_json ? LINE_JSON : LINE_EXPECT];
        if (!n && !typed)
                return true;

        struct curl_slist *lines = sovd_arena_array(arena, struct curl_slist, n + 1);
        if (!lines)
                return false;
        for (size_t i = 0; i < n; i++)
                line_push(ret, &lines[i], request->headers[i]);
        if (!typed)
                return true;

        /* an empty value: libcurl leaves out the line, which it would have made itself */
        const char *type = request->body ? request->content_type : "";
        char *text = sovd_arena_printf(arena, "Content-Type: %s", type);
        if (text)
                line_push(ret, &lines[n], text);
        return text;
}

static bool set_lines(struct handle *h, const struct sovd_http_request *request, struct sovd_arena *arena) {
        struct curl_slist *lines;

        if (!lines_of(h, request, arena, &lines))
                return false;
        if (h->lines == lines)
                return true;
        if (!SET(h, CURLOPT_HTTPHEADER, lines))
                return false;
        h->lines = lines;
        return true;
}

/*
 * Is the idle connection fit for this request? One that can be read from is not: the server closed it or,
 * worse, sent bytes that nobody asked for, which would become the answer to this request. (libcurl sees only
 * the first.) The descriptor is ours alone between calls, so it cannot have been closed and opened anew.
 */
static bool set_connection(struct handle *h, uint64_t now_usec) {
        bool fresh = false;
        char byte;

        if (h->socket != CURL_SOCKET_BAD)
                fresh = recv(h->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN ||
                        (!h->is_read && now_usec - h->idle_since_usec > WRITE_IDLE_USEC);
        if (fresh == h->fresh)
                return true;
        if (!SET(h, CURLOPT_FRESH_CONNECT, (long)fresh))
                return false;
        h->fresh = fresh;
        return true;
}

bool sovd_http_handle_set(struct handle *h, const struct sovd_http_request *request, uint64_t now_usec,
                        struct sovd_arena *arena) {
        uint64_t left_msec = SOVD_MIN((request->deadline_usec - now_usec) / 1000, (uint64_t)INT_MAX);

        h->is_read = sovd_streq(request->method, "GET") || sovd_streq(request->method, "HEAD");
        h->n_sent = 0;
        h->verdict = VERDICT_NONE;
        h->body_len = 0;
        h->error[0] = '\0';
        h->head = (struct sovd_http_head){ 0 };

        return set_shape(h, shape_of(request)) && set_verb(h, request->method) && set_body(h, request) &&
               set_target(h, request->target) && set_lines(h, request, arena) &&
               set_connection(h, now_usec) && SET(h, CURLOPT_TIMEOUT_MS, (long)left_msec);
}

/* The transfer and what became of it. */

/* As curl_easy_perform(), but pool_stop can end it at once, and it does not poll before it has written. */
static CURLcode transfer(struct handle *h) {
        CURLcode code = CURLE_ABORTED_BY_CALLBACK;
        int running = 1, n_messages;

        if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
                return CURLE_OUT_OF_MEMORY;

        while (running && !atomic_load(&h->pool->stopping)) {
                if (curl_multi_perform(h->multi, &running) != CURLM_OK)
                        break;
                if (running && curl_multi_poll(h->multi, NULL, 0, 1000, NULL) != CURLM_OK)
                        break;
        }

        const CURLMsg *message = curl_multi_info_read(h->multi, &n_messages);
        if (message && message->msg == CURLMSG_DONE)
                code = message->data.result;
        return code;
}

/* Ends the transfer; looks what is left of the connection, which libcurl tells only before that. */
void sovd_http_handle_end(struct handle *h) {
        if (curl_easy_getinfo(h->easy, CURLINFO_ACTIVESOCKET, &h->socket) != CURLE_OK)
                h->socket = CURL_SOCKET_BAD;
        (void)curl_multi_remove_handle(h->multi, h->easy);
}

static enum sovd_http_result result_of_timeout(const struct handle *h, uint64_t deadline_usec) {
        if (sovd_clock_left_usec(deadline_usec) <= TIMEOUT_SLACK_USEC)
                return SOVD_HTTP_TIMEOUT;
        return h->n_sent ? SOVD_HTTP_LOST : SOVD_HTTP_REFUSED; /* it was the connect timeout */
}

/* After the request went out. In doubt LOST: it claims the least. */
static enum sovd_http_result result_of_sent(const struct handle *h, CURLcode code) {
        switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, unknown version */
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_WRITE_ERROR:
        case CURLE_OUT_OF_MEMORY: /* also a header line of more than 100 KiB, which is likelier */
                return SOVD_HTTP_BROKEN;
        case CURLE_RECV_ERROR: /* a reset; but bad chunked coding has no code of its own */
                return strstr(h->error, "chunked-encoding") ? SOVD_HTTP_BROKEN : SOVD_HTTP_LOST;
        default: /* SEND_ERROR, GOT_NOTHING, PARTIAL_FILE, a second connect that failed, no second POST ... */
                return SOVD_HTTP_LOST;
        }
}

/* Before the request went out: was there a server, with which no TLS came about? A file of ours that libcurl
 * cannot use counts too. */
static bool is_tls_failure(CURLcode code) {
        switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
        case CURLE_SSL_CLIENTCERT:
                return true;
        default:
                return false;
        }
}

int sovd_http_handle_result(const struct handle *h, CURLcode code, uint64_t deadline_usec) {
        if (h->verdict == VERDICT_NO_MEMORY)
                return sovd_error_origin(-ENOMEM);
        if (h->verdict == VERDICT_TOO_LARGE)
                return SOVD_HTTP_TOO_LARGE;
        if (h->verdict == VERDICT_BROKEN)
                return SOVD_HTTP_BROKEN;
        if (code == CURLE_OK && !h->head.ended)
                return SOVD_HTTP_LOST; /* libcurl takes a head that was cut off for a whole one */
        if (code == CURLE_OK)
                return h->head.status >= 200 && h->head.status <= 599 ? SOVD_HTTP_OK : SOVD_HTTP_BROKEN;
        if (atomic_load(&h->pool->stopping))
                return SOVD_HTTP_TIMEOUT;
        if (code == CURLE_OPERATION_TIMEDOUT)
                return result_of_timeout(h, deadline_usec);
        if (h->n_sent)
                return result_of_sent(h, code);
        if (code == CURLE_OUT_OF_MEMORY)
                return sovd_error_origin(-ENOMEM);
        return is_tls_failure(code) ? SOVD_HTTP_TLS : SOVD_HTTP_REFUSED;
}

int sovd_http_handle_answer(const struct handle *h, struct sovd_http_answer *answer, struct sovd_arena *arena) {
        struct sovd_http_answer a = { .status = h->head.status,
                                      .retry_after_sec = h->head.retry_after_sec,
                                      .body_len = h->body_len };

        const char *type = NULL;

        a.body = h->body_len ? sovd_arena_strndup(arena, h->body, h->body_len) : "";
        (void)curl_easy_getinfo(h->easy, CURLINFO_CONTENT_TYPE, &type);
        a.content_type = sovd_arena_strdup(arena, type);
        if (!a.body || (type && !a.content_type))
                return sovd_error_origin(-ENOMEM);

        *answer = a;
        return SOVD_HTTP_OK;
}

void sovd_http_handle_rest(struct handle *h) {
        h->idle_since_usec = sovd_now_usec();
        if (h->pool->options.forgets && h->body)
                explicit_bzero(h->body, h->body_len);
        if (h->body_size > KEEP_BODY_SIZE) {
                free(h->body);
                h->body = NULL;
                h->body_size = 0;
        }
}

static int call_by_handle(struct handle *h, const struct sovd_http_request *request,
                          struct sovd_http_answer *answer, struct sovd_arena *arena) {
        uint64_t now_usec = sovd_now_usec();
        int r;

        /* less than a millisecond is no time for a call, and to libcurl 0 ms are "for ever" */
        if (now_usec + SOVD_USEC_PER_MSEC > request->deadline_usec)
                return SOVD_HTTP_BUSY;
        if (!sovd_http_handle_set(h, request, now_usec, arena))
                return sovd_error_origin(-ENOMEM);

        CURLcode code = transfer(h);
        sovd_http_handle_end(h);
        r = sovd_http_handle_result(h, code, request->deadline_usec);
        if (r == SOVD_HTTP_OK)
                r = sovd_http_handle_answer(h, answer, arena);
        else
                sovd_log(SOVD_LOG_DEBUG, "%s %s%s: result %d: %s (%s)", request->method,
                         h->pool->options.base_url, request->target, r, curl_easy_strerror(code), h->error);

        sovd_http_handle_rest(h);
        return r;
}

static void forget(struct handle *h) {
        struct handle used = *h;

        (void)pthread_mutex_lock(&used.pool->mutex);
        *h = (struct handle){ 0 }; /* pool_stop wakes it no more */
        (void)pthread_mutex_unlock(&used.pool->mutex);
        handle_release(&used);
}

bool sovd_http_request_is_valid(const struct sovd_http_request *request) {
        if (request->body && sovd_streq(request->method, "HEAD"))
                return false;
        if (!sovd_http_method_is_valid(request->method) || !sovd_http_target_is_valid(request->target) ||
            (request->content_type && !sovd_http_field_is_valid(request->content_type)))
                return false;
        for (const char *const *line = request->headers; line && *line; line++)
                if (!sovd_http_field_is_valid(*line))
                        return false;
        return true;
}

int sovd_http_call(struct sovd_http_pool *pool, const struct sovd_http_request *request,
                   struct sovd_http_answer *answer, struct sovd_arena *arena) {
        int r = SOVD_HTTP_BUSY;
        unsigned i;

        if (!sovd_http_request_is_valid(request))
                return sovd_error_origin(-EINVAL);

        if (sovd_slots_take(pool->slots, request->deadline_usec, &i)) {
                r = sovd_http_handle_prepare(&pool->handles[i], pool);
                if (r == 0)
                        r = call_by_handle(&pool->handles[i], request, answer, arena);
                if (pool->options.forgets && pool->handles[i].easy)
                        forget(&pool->handles[i]);
                sovd_slots_give(pool->slots, i);
        }
        return r;
}

/* The pool. */

static bool part_is_absent(CURLU *url, CURLUPart part) {
        char *value = NULL;
        bool absent = curl_url_get(url, part, &value, 0) != CURLUE_OK;

        curl_free(value);
        return absent;
}

static bool base_url_is_valid(const char *base_url) {
        CURLU *url = curl_url();
        bool web = strncasecmp(base_url, "http://", 7) == 0 || strncasecmp(base_url, "https://", 8) == 0;
        /* from the second slash on only bytes that a target may have too */
        bool valid = url && web && sovd_http_target_is_valid(strstr(base_url, "://") + 2) &&
                     curl_url_set(url, CURLUPART_URL, base_url, CURLU_PATH_AS_IS) == CURLUE_OK &&
                     part_is_absent(url, CURLUPART_USER) && part_is_absent(url, CURLUPART_QUERY) &&
                     part_is_absent(url, CURLUPART_FRAGMENT);

        curl_url_cleanup(url);
        return valid;
}

const char *sovd_http_pool_options_check(const struct sovd_http_pool_options *o, const char **ret_member) {
        const struct {
                const char *member, *reason;
                bool good;
        } checks[] = {
                { "base_url", "must be an http:// or https:// URL of a host, without user, query or fragment",
                  o->base_url && base_url_is_valid(o->base_url) },
                { "max_in_flight", "must be 1 to 256", o->max_in_flight >= 1 && o->max_in_flight <= 256 },
                { "max_waiting", "must be at most 4096", o->max_waiting <= 4096 },
                { "bearer_token", "may have no control characters",
                  !o->bearer_token || sovd_http_field_is_valid(o->bearer_token) },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(checks); i++)
                if (!checks[i].good) {
                        *ret_member = checks[i].member;
                        return checks[i].reason;
                }
        return NULL;
}

static const char *copy(struct sovd_http_pool *pool, const char *s, bool *complete) {
        const char *own = sovd_arena_strdup(pool->memory, s);

        if (s && !own)
                *complete = false;
        return own;
}

static bool copy_options(struct sovd_http_pool *pool, const struct sovd_http_pool_options *o) {
        bool complete = true;

        pool->options = *o;
        pool->options.base_url = copy(pool, o->base_url, &complete);
        pool->options.unix_socket = copy(pool, o->unix_socket, &complete);
        pool->options.ca_file = copy(pool, o->ca_file, &complete);
        pool->options.client_cert_file = copy(pool, o->client_cert_file, &complete);
        pool->options.client_key_file = copy(pool, o->client_key_file, &complete);
        pool->options.bearer_token = NULL; /* it is in the line, once */
        return complete;
}

/* JSON -> Expect -> Authorization: a call begins at the first line that it needs. Without "Expect:" libcurl
 * would ask for 100-continue before a large body, and wait a second at servers that do not know it. */
static bool make_lines(struct sovd_http_pool *pool, const char *bearer_token) {
        struct curl_slist *list = NULL;

        if (bearer_token) {
                pool->authorization =
                        sovd_arena_printf(pool->memory, "Authorization: Bearer %s", bearer_token);
                if (!pool->authorization)
                        return false;
                line_push(&list, &pool->lines[LINE_AUTHORIZATION], pool->authorization);
        }
        line_push(&list, &pool->lines[LINE_EXPECT], "Expect:");
        line_push(&list, &pool->lines[LINE_JSON], "Content-Type: application/json");
        return true;
}

/* The path of base_url without slashes at its end. */
static bool find_base_path(struct sovd_http_pool *pool) {
        const char *authority = strstr(pool->options.base_url, "://") + 3;
        char *path = sovd_arena_strdup(pool->memory, authority + strcspn(authority, "/"));

        if (!path)
                return false;
        for (size_t n = strlen(path); n && path[n - 1] == '/'; n--)
                path[n - 1] = '\0';
        pool->base_path = path;
        return true;
}

int sovd_http_pool_new(struct sovd_http_pool **ret, const struct sovd_http_pool_options *options) {
        _cleanup_(sovd_http_pool_freep) struct sovd_http_pool *pool = NULL;
        const char *member;
        int r;

        if (sovd_http_pool_options_check(options, &member))
                return sovd_error_origin(-EINVAL);

        pool = calloc(1, sizeof(*pool) + options->max_in_flight * sizeof(pool->handles[0]));
        if (!pool)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&pool->mutex, NULL);
        r = sovd_slots_new(&pool->slots, options->max_in_flight, options->max_waiting);
        if (r)
                return r;
        r = sovd_arena_new(&pool->memory, 1024);
        if (r)
                return r;
        if (!copy_options(pool, options) || !make_lines(pool, options->bearer_token) || !find_base_path(pool))
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(pool);
        return 0;
}

void sovd_http_pool_stop(struct sovd_http_pool *pool) {
        atomic_store(&pool->stopping, true);
        sovd_slots_stop(pool->slots);

        (void)pthread_mutex_lock(&pool->mutex);
        for (unsigned i = 0; i < pool->options.max_in_flight; i++)
                if (pool->handles[i].multi)
                        (void)curl_multi_wakeup(pool->handles[i].multi);
        (void)pthread_mutex_unlock(&pool->mutex);
}

struct sovd_http_pool *sovd_http_pool_free(struct sovd_http_pool *pool) {
        if (!pool)
                return NULL;

        for (unsigned i = 0; i < pool->options.max_in_flight; i++)
                handle_release(&pool->handles[i]);
        if (pool->authorization)
                explicit_bzero(pool->authorization, strlen(pool->authorization));
        (void)sovd_arena_free(pool->memory);
        (void)sovd_slots_free(pool->slots);
        (void)pthread_mutex_destroy(&pool->mutex);
        free(pool);
        return NULL;
}

void sovd_http_pool_counters(struct sovd_http_pool *pool, struct sovd_http_counters *ret) {
        sovd_slots_count(pool->slots, &ret->in_flight, &ret->waiting);
}
