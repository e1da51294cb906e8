/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load of fault reports: many native apps with many faults each, one report of each fault under way
 *
 *   fault_load SOCKET APPS FAULTS SECONDS [BURST]
 *
 * Apps are apps/load0, apps/load1, …. Each report changes the state of its fault: failed and passed in turn. BURST: bytes of
 * environment data with each failure (0). Prints one line of JSON: reports that were acknowledged within the time, and the
 * time from the write of a report to the arrival of its acknowledgement.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FAULTS_MAX  1024
#define APPS_MAX    256
#define BUFFER      (1 << 20)
#define SAMPLES_MAX (1 << 24)

struct app {
        int fd;
        char *in, *out;
        size_t n_in, n_out;
        uint64_t sent_usec[FAULTS_MAX];
        unsigned n_reports[FAULTS_MAX];
};

static struct app apps[APPS_MAX];
static unsigned n_apps, n_faults;
static size_t n_environment;
static uint64_t end_usec;
static uint32_t *samples;
static size_t n_samples, n_refused;

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void die(const char *what) {
        fprintf(stderr, "fault_load: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void put_frame(struct app *a, const char *text, size_t len) {
        uint32_t length = htonl((uint32_t)len);

        if (a->n_out + 4 + len > BUFFER)
                die("the output is full");
        memcpy(a->out + a->n_out, &length, 4);
        memcpy(a->out + a->n_out + 4, text, len);
        a->n_out += 4 + len;
}

static void flush(struct app *a) {
        size_t done = 0;

        while (done < a->n_out) {
                ssize_t n = write(a->fd, a->out + done, a->n_out - done);
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        die("write");
                done += n > 0 ? (size_t)n : 0;
        }
        a->n_out = 0;
}

static void report(struct app *a, unsigned fault) {
        unsigned n = a->n_reports[fault]++;
        char text[1024];
        int len = snprintf(text, sizeof(text), "{\"type\":\"fault\",\"seq\":%llu,\"code\":\"F%u\",\"report\":\"%s\"%s%.*s%s}",
                           (unsigned long long)(n + 1) * FAULTS_MAX + fault, fault, n % 2 ? "passed" : "failed",
                           n % 2 || !n_environment ? "" : ",\"environment\":{\"x\":\"", n % 2 ? 0 : (int)n_environment,
                           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                           n % 2 || !n_environment ? "" : "\"}");

        a->sent_usec[fault] = now_usec();
        put_frame(a, text, (size_t)len);
}

static void take_frame(struct app *a, char *frame, size_t len) {
        char end = frame[len];

        frame[len] = '\0';
        const char *re = strstr(frame, "\"re\":");
        uint64_t seq = re ? strtoull(re + 5, NULL, 10) : 0;
        const unsigned fault = (unsigned)(seq % FAULTS_MAX);
        if (strstr(frame, "\"error\"") && n_refused++ == 0)
                fprintf(stderr, "fault_load: %s\n", frame);
        frame[len] = end;
        if (seq < FAULTS_MAX)
                return; /* hello, register; pings */
        uint64_t now = now_usec();
        if (n_samples < SAMPLES_MAX && now < end_usec)
                samples[n_samples++] = (uint32_t)(now - a->sent_usec[fault]);
        report(a, fault);
}

/* Whole frames of what has come. */
static void receive(struct app *a) {
        ssize_t n = read(a->fd, a->in + a->n_in, BUFFER - a->n_in);
        size_t at = 0;
        uint32_t length;

        if (n <= 0)
                die("the gateway is gone");
        a->n_in += (size_t)n;
        while (a->n_in - at >= 4) {
                memcpy(&length, a->in + at, 4);
                length = ntohl(length);
                if (a->n_in - at - 4 < length)
                        break;
                take_frame(a, a->in + at + 4, length);
                at += 4 + length;
        }
        memmove(a->in, a->in + at, a->n_in - at);
        a->n_in -= at;
        flush(a);
}

static void connect_app(struct app *a, unsigned number, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char *text = malloc(BUFFER);

        a->in = malloc(BUFFER + 1);
        a->out = malloc(BUFFER);
        a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (!text || !a->in || !a->out || a->fd < 0 || connect(a->fd, (struct sockaddr *)&address, sizeof(address)))
                die("connect");
        size_t n = (size_t)snprintf(text, BUFFER, "{\"type\":\"hello\",\"seq\":1,\"v\":1,\"entity\":\"apps/load%u\",\"instance\":\"i\"}",
                                    number);
        put_frame(a, text, n);
        n = (size_t)snprintf(text, BUFFER, "{\"type\":\"register\",\"seq\":2,\"faults\":{\"faults\":[");
        for (unsigned i = 0; i < n_faults; i++)
                n += (size_t)snprintf(text + n, BUFFER - n, "%s{\"code\":\"F%u\",\"name\":\"Fault %u\",\"severity\":%u,\"reports_per_sec\":0}",
                                      i ? "," : "", i, i, i % 4 + 1);
        n += (size_t)snprintf(text + n, BUFFER - n, "]}}");
        put_frame(a, text, n);
        flush(a);
        free(text);
}

/* Until hello and register were answered. */
static void wait_registered(struct app *a) {
        size_t n = 0;

        while (n < 2) {
                ssize_t got = read(a->fd, a->in, BUFFER);
                if (got <= 0)
                        die("registering");
                a->in[got] = '\0';
                for (ssize_t i = 0; i + 5 < got; i++)
                        n += memcmp(a->in + i, "\"re\":", 5) == 0;
                if (memmem(a->in, (size_t)got, "\"error\"", 7))
                        die("registering was refused");
        }
}

static int compare(const void *a, const void *b) {
        const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
        struct epoll_event events[64];

        if (argc < 5) {
                fprintf(stderr, "usage: fault_load SOCKET APPS FAULTS SECONDS [ENVIRONMENT_BYTES]\n");
                return 2;
        }
        n_apps = (unsigned)atoi(argv[2]);
        n_faults = (unsigned)atoi(argv[3]);
        n_environment = argc > 5 ? (size_t)atoi(argv[5]) : 0;
        if (!n_apps || n_apps > APPS_MAX || !n_faults || n_faults > FAULTS_MAX || n_environment > 100)
                return 2;
        samples = malloc(sizeof(*samples) * SAMPLES_MAX);
        int poll = epoll_create1(EPOLL_CLOEXEC);
        for (unsigned i = 0; i < n_apps; i++) {
                connect_app(&apps[i], i, argv[1]);
                wait_registered(&apps[i]);
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = &apps[i] };
                if (epoll_ctl(poll, EPOLL_CTL_ADD, apps[i].fd, &event))
                        die("epoll");
        }
        uint64_t start_usec = now_usec();
        end_usec = start_usec + (uint64_t)(atof(argv[4]) * 1e6);
        for (unsigned i = 0; i < n_apps; i++) {
                for (unsigned k = 0; k < n_faults; k++)
                        report(&apps[i], k);
                flush(&apps[i]);
        }
        while (now_usec() < end_usec) {
                int n = epoll_wait(poll, events, 64, 100);
                for (int i = 0; i < n; i++)
                        receive(events[i].data.ptr);
        }
        double seconds = (double)(now_usec() - start_usec) / 1e6;
        qsort(samples, n_samples, sizeof(*samples), compare);
        printf("{\"reports\": %zu, \"refused\": %zu, \"seconds\": %.3f, \"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
               "\"max_ms\": %.3f}\n", n_samples, n_refused, seconds, (double)n_samples / seconds,
               n_samples ? samples[n_samples / 2] / 1e3 : 0, n_samples ? samples[n_samples * 99 / 100] / 1e3 : 0,
               n_samples ? samples[n_samples - 1] / 1e3 : 0);
        return 0;
}
