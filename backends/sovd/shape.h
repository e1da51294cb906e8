#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shape - bringing an upstream answer into the form of the model, in place
 *
 * Trees are ours, so what a server says in other words is renamed before the schema tables read it. Nothing
 * is copied, and values stay the nodes that were read.
 */
#include "sovd-core/model/data.h"
#include "sovd-core/model/faults.h"
#include <cjson/cJSON.h>

/* The member or NULL; an absent or wrong object has none. */
cJSON *shape_member(const cJSON *object, const char *name);
/* Its string, or NULL. */
const char *shape_string(const cJSON *object, const char *name);

/* Renames a member unless one of the new name is there, or there is none. -ENOMEM. */
int shape_rename(cJSON *object, const char *from, const char *to);

/* Puts a value in the place of a member; takes the value over (NULL: -ENOMEM). */
int shape_put(cJSON *object, const char *name, cJSON *value);

/* Adds a string member unless there is one that is not null. */
int shape_default(cJSON *object, const char *name, const char *value);

/* Calls f for each object in the list `name` of json; anything else in it is for the schema to refuse. */
int shape_each(cJSON *json, const char *name, int (*f)(cJSON *item));

/* Keep what the filter lets pass. filter NULL = all. */
void shape_filter_data(struct sovd_data_list *list, const struct sovd_data_filter *filter);
void shape_filter_faults(struct sovd_fault_list *list, const struct sovd_fault_filter *filter);
