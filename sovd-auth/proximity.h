#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Proximity - proof that a client is at the vehicle, asked for by the gateway itself
 *
 * Rules say for which operations and scripts. A challenge is 128 random bits, for one client and one resource; it is
 * answered once, soon, and with few tries. What an answer is worth says a verifier: a key that a device at the vehicle has
 * too, or a process of this machine. Whatever cannot be checked is no proof. Wrong answers make the client wait, longer each
 * time, also with new challenges. Thread-safe; rules are exchanged as a whole.
 */
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/schema.h"
#include "sovd-core/base/id.h"

struct sovd_arena;
struct sovd_auth_settings;
struct sovd_db;
struct sovd_proximity;
struct sovd_secrets;

struct sovd_proximity_verifier_settings {
        const char *key;            /* a secret's notation; or NULL */
        const char *socket;         /* path; or NULL: one of the two */
        struct sovd_int uid;        /* of the process behind the socket; not set: ours, or root */
        struct sovd_number timeout; /* seconds */
};
struct sovd_proximity_rule_settings {
        struct sovd_strings resources; /* patterns */
        struct sovd_proximity_verifier_settings *verifier;
        struct sovd_int valid_secs, tries;
};
struct sovd_proximity_settings {
        struct sovd_list rules; /* struct sovd_proximity_rule_settings */
        struct sovd_int challenges_max;
};
extern const struct sovd_schema sovd_schema_proximity_rule;

#define SOVD_PROXIMITY_RULES_MAX    256
#define SOVD_PROXIMITY_RESPONSE_MAX 1024 /* bytes */
#define SOVD_PROXIMITY_PER_CLIENT   16   /* challenges that one client may have open */

/* What the table cannot say: NULL, or why, with a JSON pointer from the list (in the arena, or static). */
const char *sovd_proximity_settings_check(const struct sovd_list *rules, bool has_vault,
                                          struct sovd_arena *arena, const char **ret_pointer);

/* No rules until they are applied. secrets: not owned, or NULL; max: of challenges. db: where wrong answers outlive the
 * process, not owned; or NULL. -ENOMEM, -ENOSPC, errors of the database. */
int sovd_proximity_new(struct sovd_proximity **ret, struct sovd_secrets *secrets, size_t max, struct sovd_db *db);
struct sovd_proximity *sovd_proximity_free(struct sovd_proximity *p);
SOVD_DEFINE_CLEANUP(struct sovd_proximity *, sovd_proximity_free)

/* Makes these rules hold, which passed the check; they are copied. Challenges that are open end, and who has to wait still
 * has to. -ENOMEM, -errno (a key that cannot be read; logged): the old ones stay. */
int sovd_proximity_apply(struct sovd_proximity *p, const struct sovd_list *rules);

/* What is asked about. segments: "components", "bms", "operations", "flush". */
struct sovd_proximity_of {
        const char *client; /* id of the principal */
        const char *segments[4];
};

/* Is there a rule for it? */
bool sovd_proximity_demands(struct sovd_proximity *p, const struct sovd_proximity_of *of);

/* A challenge: the one that is open, while a third of its time is left, else a fresh one, and the one before ends. *ret_usec: how long it may be answered; *ret_wait:
 * seconds, when the client has to wait. SOVD_E_CONFLICT (it has to wait), SOVD_E_OVERLOAD (too many are open), SOVD_E_NOT_FOUND
 * (there is no rule), -errno (no random numbers, no memory). */
int sovd_proximity_challenge(struct sovd_proximity *p, const struct sovd_proximity_of *of,
                             char ret[static SOVD_ID_SIZE], uint64_t *ret_usec, unsigned *ret_wait);

enum sovd_proximity_verdict {
        SOVD_PROXIMITY_PROVED,
        SOVD_PROXIMITY_WRONG,
        SOVD_PROXIMITY_NOT_OPEN, /* no challenge, or not any more */
        SOVD_PROXIMITY_BUSY,     /* another answer to it is looked at */
        SOVD_PROXIMITY_WAIT,     /* wrong ones came before */
        SOVD_PROXIMITY_UNKNOWN,  /* nobody can tell now */
        SOVD_PROXIMITY_N_VERDICTS
};
extern const char *const sovd_proximity_verdict_names[]; /* as the audit log and the metrics have them */

/* Looks at an answer; may take as long as the verifier's timeout. *ret_wait: seconds until the next try. */
enum sovd_proximity_verdict sovd_proximity_prove(struct sovd_proximity *p, const struct sovd_proximity_of *of,
                                                 const char *response, uint64_t deadline_usec,
                                                 unsigned *ret_wait);

/* Writes the metrics. */
void sovd_proximity_write_metrics(struct sovd_proximity *p, struct sovd_json_writer *w);
