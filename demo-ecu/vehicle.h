#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Vehicle - the state of the two ECUs that demo-ecu plays
 *
 * Everything is a function of the seed and of the ticks that passed, 100 ms of simulated time each, plus
 * what clients and tests wrote. The clock is read when somebody asks: vehicle_advance() makes up for the
 * ticks that are due. One mutex guards it all; the functions below and those of data.h, faults.h,
 * operations.h, modes.h and configurations.h expect the caller to hold it.
 */
#include <pthread.h>
#include "demo-ecu/locks.h"
#include "demo-ecu/util.h"

#define TICKS_PER_SECOND 10
#define EXECUTIONS_MAX   64
#define RETENTION_TICKS  (600 * TICKS_PER_SECOND)

enum { BMS_SOC, BMS_VOLTAGE, BMS_CELL_TEMP_MAX, BMS_CHARGE_LIMIT, BMS_ENERGY, BMS_SERIAL };
enum { CLIMATE_CABIN_TEMP, CLIMATE_TARGET_TEMP, CLIMATE_FAN_SPEED };
enum { BMS_IMBALANCE, BMS_HOT };
enum { CLIMATE_SENSOR };
enum { BMS_SELF_TEST, BMS_CELL_BALANCE };
enum { VEHICLE_BMS, VEHICLE_CLIMATE, VEHICLE_N_COMPONENTS };

enum datum_type { DATUM_FLOAT, DATUM_INTEGER, DATUM_STRING };

struct datum {
        const char *id, *name, *unit, *category, *group, *group_name;
        enum datum_type type;
        bool writable;
        unsigned int n_decimals;
        double min, max; /* of a writable number */
        double value;    /* DATUM_FLOAT */
        int64_t count;   /* DATUM_INTEGER: a double would lose digits beyond 2^53 */
        char text[48];   /* DATUM_STRING, and the number text a client wrote; else empty */
        bool held;       /* a test pinned it: the simulation leaves it alone */
};

struct fault {
        const char *id, *code, *name, *description, *scope, *severity_word, *translation_id;
        int severity;
        bool stored;    /* it occurred and was not cleared since */
        bool active;    /* it is present now */
        bool monitored; /* the simulation raises and heals it */
        bool latched;   /* a test raised it: the monitor does not heal it */
        unsigned int n_occurrences;
        char timestamp[40]; /* of the last occurrence, like the frame below */
        struct {
                const char *id;
                char text[48];
        } frame[4];
        size_t n_frame;
};

enum execution_state { EXECUTION_RUNNING, EXECUTION_COMPLETED, EXECUTION_FAILED, EXECUTION_CANCELLED };

struct execution {
        char id[32]; /* empty: the place is free */
        enum execution_state state;
        uint64_t number;                      /* order of starts */
        uint64_t started, finished, deadline; /* ticks; deadline 0: none */
        uint64_t n_ticks;                     /* it takes this long */
        uint64_t failure_tick;                /* it fails after this many; 0: it does not */
        unsigned int progress;
        bool full;    /* parameter mode */
        bool stopped; /* by a client, which changes what it is said to execute */
        char error[128];
        char timestamp[40];
};

struct operation {
        const char *id, *name, *description;
        bool asynchronous;
        unsigned int n_seconds;
        uint64_t n_starts;
        struct execution executions[EXECUTIONS_MAX];
};

struct configuration {
        const char *id, *name;
        char text[64]; /* its value as JSON */
};

struct mode {
        const char *value;
        uint64_t expires; /* tick; 0: never */
        char since[40];
};

#define LOG_ENTRIES_MAX 64

struct log_entry {
        int severity; /* enum logbook_severity */
        char timestamp[40];
        char text[160];
};

struct log {
        struct log_entry entries[LOG_ENTRIES_MAX];
        uint64_t n_written; /* the newest has the place before this one */
        bool configured;
        int level; /* enum logbook_severity, when it is configured */
};

struct component {
        const char *id, *name, *area, *description;
        bool present;
        struct datum data[6];
        size_t n_data;
        struct fault faults[2];
        size_t n_faults;
        struct operation operations[2];
        size_t n_operations;
        struct configuration configuration;
        struct mode session;
        struct log log;
        struct lock locks[LOCKS_MAX];
};

struct area {
        const char *id, *name, *description;
};

struct scenario;

struct vehicle {
        pthread_mutex_t mutex;
        uint64_t seed;
        double time_scale;
        uint64_t started_usec;      /* CLOCK_MONOTONIC */
        uint64_t started_wall_usec; /* CLOCK_REALTIME */
        uint64_t tick;
        uint64_t random;
        double load;                /* -1 discharging .. 1 charging */
        const char *next_self_test; /* "fail", "pass" or NULL: as the seed says */
        struct scenario *scenario;  /* owned by main; may be NULL */
        struct component components[VEHICLE_N_COMPONENTS];
};

extern const struct area vehicle_areas[VEHICLE_N_COMPONENTS]; /* in the order of the components */

/* ecus.c: how they are when the vehicle starts */
extern const struct component *const vehicle_components[VEHICLE_N_COMPONENTS];

int vehicle_new(struct vehicle **ret, uint64_t seed, double time_scale);
void vehicle_advance(struct vehicle *vehicle);
void vehicle_timestamp(const struct vehicle *vehicle, char *buffer, size_t n_buffer);

/* NULL if there is none or if it is not present. */
struct component *vehicle_component(struct vehicle *vehicle, const char *id);
struct component *vehicle_component_any(struct vehicle *vehicle, const char *id);

struct vehicle *vehicle_free(struct vehicle *vehicle);

/* simulation.c */
void simulation_tick(struct vehicle *vehicle);

/* A number in 0..1 that depends on the seed, on what it is for and on a count, not on the ticks before. */
double simulation_lot(const struct vehicle *vehicle, const char *purpose, uint64_t count);

static inline void vehicle_freep(struct vehicle **vehicle) {
        vehicle_free(*vehicle);
}
