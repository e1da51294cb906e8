#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Peers - the connections of apps; all of this runs on the io thread
 */
#include "backends/native/backend.h"

struct native_peer {
        struct native_peer *next;
        struct native *b;
        int fd;
        uid_t uid;
        gid_t gid;
        pid_t pid;
        struct native_frames in;
        struct native_queue *queue; /* its contents are under native::mutex */
        struct native_app *app;     /* after hello */
        uint64_t session;           /* of the app */
        uint64_t since_usec;        /* of the connection */
        uint64_t heard_usec;        /* the last whole frame */
        uint64_t pinged_usec;
        uint64_t partial_usec; /* since when a frame is not whole; 0 = none has begun */
        uint64_t paused_usec;  /* until then nothing is read: it sent too much; 0 = it is read */
        uint64_t told_usec;    /* when it was told so */
        uint64_t close_usec;   /* it is closed when all is written, at the latest then; 0 = it stays */
        uint32_t events;       /* that epoll waits for */
        bool hung_up;          /* the other side is gone */
        bool dead;             /* to be freed at the end of the round */
};

/* peer.c */
int native_peer_new(struct native *b, int fd, struct native_peer **ret);
void native_peer_free(struct native_peer *p);
void native_peer_read(struct native_peer *p);
void native_peer_process(struct native_peer *p);
void native_peer_write(struct native_peer *p);
/* Tells epoll what is waited for now. */
void native_peer_watch(struct native_peer *p);
/* What time asks for. Returns when it asks for something again. */
uint64_t native_peer_tick(struct native_peer *p, uint64_t now);
/* The app is not connected any more, for this reason. lost: it did not say so itself. */
void native_peer_detach(struct native_peer *p, const char *why, bool lost);
/* An error frame, then the end of the connection. */
void native_peer_close(struct native_peer *p, struct sovd_int re, const char *code, const char *why);

/* Frames to the peer; nothing is sent for a frame that has no seq, but errors are. */
void native_peer_reply(struct native_peer *p, struct sovd_int re);
void native_peer_error(struct native_peer *p, struct sovd_int re, const char *code, const char *message);
void native_peer_send(struct native_peer *p, struct sovd_json_writer *w);

/* Takes tokens for what costs as much as so many frames; false: there are not enough. */
bool native_tokens_take(const struct native *b, struct native_app *app, double cost, uint64_t now);

/* reports.c: does what reports that wait can do now (UINT64_MAX: nothing is waited for any more). Returns when to call
 * again. */
uint64_t native_reports_go_on(struct native_peer *p, uint64_t now);
/* An answer of the app. false: no report asked for it. What it keeps it takes from *arena. */
bool native_reports_answer(struct native_peer *p, uint64_t seq, const struct native_message *answer,
                           struct sovd_arena **arena);

/* logs.c: a line of a log. */
void native_on_log(struct native_peer *p, struct native_message *m, struct sovd_arena **arena);

/* handlers.c: a whole message. What it keeps it takes from *arena. */
void native_handle(struct native_peer *p, struct native_message *message, struct sovd_arena **arena);
