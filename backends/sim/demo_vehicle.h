#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vehicle that is built in - the text of demo_vehicle.yaml, put here by embed.py
 */
extern const char sim_demo_vehicle[];
