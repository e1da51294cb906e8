#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trigger log - what a trigger with log_settings writes when it fires (ISO 17978-3 7.11)
 *
 * The entry goes into the log of the trigger's entity, through the backend that provides it.
 */
#include "sovd-core/observations.h"

/* Does the entity have a log that takes entries of the gateway? */
bool sovd_entity_takes_log(const struct sovd_entity *e);

/* The text of the entry: the marker, the trigger, and what the settings ask for. NULL: no memory. */
const char *sovd_trigger_log_text(const struct sovd_firing *firing);

/* A sovd_log_firing; data is struct sovd_rest. */
int sovd_trigger_log_write(void *data, struct sovd_firing *firing);
