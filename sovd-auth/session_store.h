#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session store - sessions in the state; work for the writer (base/db.h)
 */
#include "sovd-auth/sessions.h"
#include "sovd-core/base/db.h"

struct session {
        char id[40];
        unsigned char key[SOVD_SESSION_DIGEST];
        unsigned char access[SOVD_SESSION_DIGEST], refresh[SOVD_SESSION_DIGEST], before[SOVD_SESSION_DIGEST];
        uint64_t access_ends_usec, ends_usec; /* of the state (state_clock.h) */
        char *scopes;                         /* owned; NULL: all of the key */
};

int session_store_put(struct sovd_db_conn *conn, const struct session *session);
/* Puts other tokens in the place of those with this refresh token; SOVD_E_UNAUTHORIZED: there are none any more. */
int session_store_exchange(struct sovd_db_conn *conn, const struct session *session, const unsigned char refresh[static SOVD_SESSION_DIGEST]);
int session_store_remove(struct sovd_db_conn *conn, const char *id);
/* Those that go on; each() takes the session over. Others are removed. */
int session_store_load(struct sovd_db_conn *conn, uint64_t now_usec, int (*each)(struct session *session, void *data), void *data);
/* Removes those that have ended. */
int session_store_drop(struct sovd_db_conn *conn, uint64_t now_usec);
