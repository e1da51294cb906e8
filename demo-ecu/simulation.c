/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Simulation - what changes in 100 ms of a vehicle's life
 *
 * The random numbers are drawn in the same order in every tick, whatever clients did, so that a run repeats.
 */
#include <math.h>
#include "demo-ecu/faults.h"
#include "demo-ecu/logbook.h"
#include "demo-ecu/modes.h"
#include "demo-ecu/operations.h"
#include "demo-ecu/vehicle.h"

#define TEMP_REST    34.1 /* °C; where an idle battery settles */
#define TEMP_BALANCE 46.0
#define TEMP_QUICK   44.0
#define TEMP_FULL    60.0 /* two full self-tests in a row make it too hot */
#define HOT_ABOVE    45.0
#define HOT_UNTIL    40.0

/* splitmix64: small, seedable with any number, good enough for noise */
static uint64_t mix(uint64_t state) {
        state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
        state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
        return state ^ (state >> 31);
}

static double draw(struct vehicle *vehicle) {
        vehicle->random += 0x9e3779b97f4a7c15u;
        return (double)(mix(vehicle->random) >> 11) * 0x1p-53;
}

static double draw_noise(struct vehicle *vehicle, double size) {
        return (draw(vehicle) * 2 - 1) * size;
}

double simulation_lot(const struct vehicle *vehicle, const char *purpose, uint64_t count) {
        uint64_t state = mix(vehicle->seed + 0x9e3779b97f4a7c15u);

        for (; *purpose; ++purpose)
                state = mix(state ^ (unsigned char)*purpose);
        return (double)(mix(state + count * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

static void datum_move(struct datum *datum, double value) {
        if (!datum->held)
                datum->value = value;
}

static double clamp(double value, double min, double max) {
        return fmin(fmax(value, min), max);
}

static void bms_charge(struct vehicle *vehicle, struct component *bms) {
        struct datum *soc = &bms->data[BMS_SOC], *energy = &bms->data[BMS_ENERGY];
        double limit = (double)bms->data[BMS_CHARGE_LIMIT].count;

        vehicle->load = clamp(vehicle->load + draw_noise(vehicle, 0.05), -1, 1);
        if ((soc->value >= limit && vehicle->load > 0) || (soc->value <= 0 && vehicle->load < 0))
                vehicle->load = -vehicle->load;

        datum_move(soc, clamp(soc->value + vehicle->load * 0.002, 0, 100));
        datum_move(&bms->data[BMS_VOLTAGE], 325.55 + 0.9 * soc->value + draw_noise(vehicle, 0.3));
        if (!energy->held)
                energy->count += 1000 + (int64_t)(fabs(vehicle->load) * 4000000);
}

static double bms_temp_goal(const struct component *bms) {
        const struct execution *test = operation_running(&bms->operations[BMS_SELF_TEST]);

        if (test)
                return test->full ? TEMP_FULL : TEMP_QUICK;
        return operation_running(&bms->operations[BMS_CELL_BALANCE]) ? TEMP_BALANCE : TEMP_REST;
}

static void bms_tick(struct vehicle *vehicle, struct component *bms) {
        struct datum *temp = &bms->data[BMS_CELL_TEMP_MAX];
        struct fault *hot = &bms->faults[BMS_HOT];

        bms_charge(vehicle, bms);
        datum_move(temp, temp->value + (bms_temp_goal(bms) - temp->value) * 0.01 + draw_noise(vehicle, 0.05));
        fault_monitor(vehicle, bms, hot, temp->value > (hot->active ? HOT_UNTIL : HOT_ABOVE));
}

/* The sensor's bad contact: some seconds in every minute, beginning at a moment that the seed decides. */
static bool sensor_is_implausible(const struct vehicle *vehicle) {
        uint64_t first = (20 + (uint64_t)(simulation_lot(vehicle, "sensor", 0) * 20)) * TICKS_PER_SECOND;
        uint64_t period = 60 * TICKS_PER_SECOND;

        return vehicle->tick >= first && (vehicle->tick - first) % period < 5 * TICKS_PER_SECOND;
}

static void climate_tick(struct vehicle *vehicle, struct component *climate) {
        struct datum *cabin = &climate->data[CLIMATE_CABIN_TEMP];
        double target = climate->data[CLIMATE_TARGET_TEMP].value;
        double speed = 0.0005 + 0.001 * (double)climate->data[CLIMATE_FAN_SPEED].count;

        datum_move(cabin, cabin->value + (target - cabin->value) * speed + draw_noise(vehicle, 0.01));
        fault_monitor(vehicle, climate, &climate->faults[CLIMATE_SENSOR], sensor_is_implausible(vehicle));
}

static void operation_pass(struct vehicle *vehicle, struct component *component, struct operation *operation) {
        const struct execution *running = operation_running(operation);

        operation_tick(vehicle, operation);
        if (!running || running->state == EXECUTION_RUNNING)
                return;
        logbook_write(vehicle, component, running->state == EXECUTION_FAILED ? LOGBOOK_ERROR : LOGBOOK_INFO,
                      "operation %s ended%s%s", operation->id, *running->error ? ": " : "", running->error);
}

void simulation_tick(struct vehicle *vehicle) {
        bms_tick(vehicle, &vehicle->components[VEHICLE_BMS]);
        climate_tick(vehicle, &vehicle->components[VEHICLE_CLIMATE]);

        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i) {
                struct component *component = &vehicle->components[i];

                mode_tick(vehicle, &component->session);
                for (size_t k = 0; k < component->n_operations; ++k)
                        operation_pass(vehicle, component, &component->operations[k]);
                logbook_tick(vehicle, component);
        }
}
