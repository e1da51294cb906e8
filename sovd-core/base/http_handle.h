#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP client, inside - the pool and its handles, for http_client.c and http_stream.c alone
 */
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/http_text.h"
#include "sovd-core/base/slots.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

struct sovd_http_stream;

/* Why a callback ended the transfer. */
enum verdict { VERDICT_NONE, VERDICT_NO_MEMORY, VERDICT_BROKEN, VERDICT_TOO_LARGE };

/* What the handle's method options are set to. */
enum shape { SHAPE_UNSET, SHAPE_GET, SHAPE_HEAD, SHAPE_BARE, SHAPE_BODY };

/* One handle with its connection. Belongs to the thread that has taken it, but for multi. */
struct handle {
        struct sovd_http_pool *pool;
        CURL *easy;
        CURLM *multi; /* written under pool::mutex: pool_stop wakes it from another thread */
        enum shape shape;
        char verb[16]; /* CUSTOMREQUEST; "" = unset */
        const struct curl_slist *lines;
        bool fresh;               /* FRESH_CONNECT is set */
        curl_socket_t socket;     /* the kept-alive connection, or CURL_SOCKET_BAD */
        uint64_t idle_since_usec; /* of the connection */
        char *target;             /* scratch for base path + target */
        size_t target_size;
        /* of the present call: */
        bool is_read;    /* GET or HEAD */
        unsigned n_sent; /* how often the request went out, or began to */
        enum verdict verdict;
        struct sovd_http_head head;
        char *body;
        size_t body_len, body_size;
        struct sovd_http_stream *stream; /* http_stream.c; NULL for a call whose bodies are held whole */
        char error[CURL_ERROR_SIZE];     /* libcurl's words, for the log */
};

enum { LINE_JSON, LINE_EXPECT, LINE_AUTHORIZATION, N_LINES };

struct sovd_http_pool {
        struct sovd_slots *slots;
        pthread_mutex_t mutex; /* handle::multi */
        atomic_bool stopping;
        struct sovd_arena *memory; /* of all strings below */
        struct sovd_http_pool_options options;
        const char *base_path;            /* "" = none */
        char *authorization;              /* a header line, or NULL */
        struct curl_slist lines[N_LINES]; /* the header lines of every call, chained: make_lines() */
        struct handle handles[];
};

/* Sets an option once; the result is collected, as any failure is one of memory or of the build. */
#define SET(h, option, value) (curl_easy_setopt((h)->easy, (option), (value)) == CURLE_OK)

/* The steps of one call. */
bool sovd_http_request_is_valid(const struct sovd_http_request *request);
int sovd_http_handle_prepare(struct handle *h, struct sovd_http_pool *pool);
bool sovd_http_handle_set(struct handle *h, const struct sovd_http_request *request, uint64_t now_usec,
                          struct sovd_arena *arena);
void sovd_http_handle_end(struct handle *h);
int sovd_http_handle_result(const struct handle *h, CURLcode code, uint64_t deadline_usec);
int sovd_http_handle_answer(const struct handle *h, struct sovd_http_answer *answer,
                            struct sovd_arena *arena);
void sovd_http_handle_rest(struct handle *h);

/* http_stream.c: what the callbacks of a call with a stream do. */
void sovd_http_stream_header(struct handle *h, const char *line, size_t len);
bool sovd_http_stream_takes(const struct handle *h);
size_t sovd_http_stream_body(struct handle *h, const char *data, size_t len);
bool sovd_http_stream_sends(const struct handle *h);
bool sovd_http_stream_set_body(struct handle *h);
