/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two ECUs - what they are called, what they offer, and where they stand when the vehicle starts
 */
#include "demo-ecu/vehicle.h"

const struct area vehicle_areas[VEHICLE_N_COMPONENTS] = {
        { "powertrain", "Powertrain", "Powertrain domain ECUs" },
        { "body", "Body", "Body domain ECUs" },
};

/* clang-format off */
static const struct component bms = {
        .id = "bms", .name = "Battery Management System", .area = "powertrain",
        .description = "HV battery management ECU", .present = true,
        .n_data = 6,
        .data = {
                [BMS_SOC] = {
                        .id = "soc", .name = "State of Charge", .unit = "%", .category = "currentData",
                        .group = "battery-pack", .group_name = "Battery Pack",
                        .type = DATUM_FLOAT, .n_decimals = 1, .value = 78.5,
                },
                [BMS_VOLTAGE] = {
                        .id = "voltage", .name = "Pack Voltage", .unit = "V", .category = "currentData",
                        .group = "battery-pack", .group_name = "Battery Pack",
                        .type = DATUM_FLOAT, .n_decimals = 1, .value = 396.2,
                },
                [BMS_CELL_TEMP_MAX] = {
                        .id = "cell-temp-max", .name = "Max Cell Temperature", .unit = "°C",
                        .category = "currentData", .group = "battery-cells", .group_name = "Battery Cells",
                        .type = DATUM_FLOAT, .n_decimals = 1, .value = 34.1,
                },
                [BMS_CHARGE_LIMIT] = {
                        .id = "charge-limit", .name = "Charge Limit", .unit = "%", .category = "currentData",
                        .group = "battery-pack", .group_name = "Battery Pack",
                        .type = DATUM_INTEGER, .writable = true, .min = 50, .max = 100, .count = 80,
                },
                [BMS_ENERGY] = {
                        .id = "energy-throughput-mws", .name = "Energy Throughput", .unit = "mWs",
                        .category = "storedData", .group = "battery-life", .group_name = "Battery Life",
                        .type = DATUM_INTEGER, .count = 9007199254740993,   /* 2^53 + 1: no double holds it */
                },
                [BMS_SERIAL] = {
                        .id = "serial-number", .name = "Serial Number", .category = "identData",
                        .group = "identification", .group_name = "Identification",
                        .type = DATUM_STRING, .text = "BMS-0001-4711",
                },
        },
        .n_faults = 2,
        .faults = {
                [BMS_IMBALANCE] = {
                        .id = "bms-f001", .code = "P0A80", .name = "Cell Voltage Imbalance",
                        .description = "Cell voltage imbalance detected in module 3",
                        .translation_id = "fault.p0a80", .scope = "primary",
                        .severity = 2, .severity_word = "high",
                },
                [BMS_HOT] = {
                        .id = "bms-f002", .code = "P0A7F", .name = "Battery Temperature High",
                        .description = "A cell is hotter than 45 °C", .translation_id = "fault.p0a7f",
                        .scope = "secondary", .severity = 1, .severity_word = "critical", .monitored = true,
                },
        },
        .n_operations = 2,
        .operations = {
                [BMS_SELF_TEST] = {
                        .id = "self-test", .name = "Battery Self Test", .asynchronous = true, .n_seconds = 3,
                        .description = "Run full cell balance and isolation test",
                },
                [BMS_CELL_BALANCE] = {
                        .id = "cell-balance", .name = "Cell Balancing", .asynchronous = true, .n_seconds = 5,
                        .description = "Trigger active cell balancing cycle",
                },
        },
        .configuration = {
                .id = "cell-balancing", .name = "Cell Balancing Parameters",
                .text = "{\"enabled\":true,\"threshold_mv\":15}",
        },
        .session = { .value = "default" },
};

static const struct component climate = {
        .id = "climate", .name = "Cabin Climate Controller", .area = "body",
        .description = "HVAC and cabin comfort ECU", .present = true,
        .n_data = 3,
        .data = {
                [CLIMATE_CABIN_TEMP] = {
                        .id = "cabin-temp", .name = "Cabin Temperature", .unit = "°C",
                        .category = "currentData", .group = "cabin", .group_name = "Cabin",
                        .type = DATUM_FLOAT, .n_decimals = 1, .value = 22.3,
                },
                [CLIMATE_TARGET_TEMP] = {
                        .id = "target-temp", .name = "Target Temperature", .unit = "°C",
                        .category = "currentData", .group = "cabin", .group_name = "Cabin",
                        .type = DATUM_FLOAT, .n_decimals = 1, .value = 21.0,
                        .writable = true, .min = 16, .max = 28,
                },
                [CLIMATE_FAN_SPEED] = {
                        .id = "fan-speed", .name = "Fan Speed", .category = "currentData",
                        .group = "blower", .group_name = "Blower",
                        .type = DATUM_INTEGER, .writable = true, .min = 0, .max = 7, .count = 3,
                },
        },
        .n_faults = 1,
        .faults = {
                [CLIMATE_SENSOR] = {
                        .id = "climate-f001", .code = "B1234", .name = "Cabin Sensor Implausible",
                        .description = "Cabin temperature sensor answers implausible values",
                        .translation_id = "fault.b1234", .scope = "primary", .severity = 3,
                        .severity_word = "medium", .monitored = true,
                },
        },
        .n_operations = 1,
        .operations = {
                {
                        .id = "recirculate", .name = "Recirculation Flush",
                        .description = "Flush cabin air through recirculation filter",
                },
        },
        .configuration = { .id = "display-unit", .name = "Display Unit", .text = "\"celsius\"" },
        .session = { .value = "default" },
};
/* clang-format on */

const struct component *const vehicle_components[VEHICLE_N_COMPONENTS] = {
        [VEHICLE_BMS] = &bms,
        [VEHICLE_CLIMATE] = &climate,
};
