/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/subscriptions.h"

const char *const sovd_interval_names[] = { "fast", "normal", "slow", NULL };
const char *const sovd_protocol_names[] = { "sse", NULL };

#define F(member) offsetof(struct sovd_subscription_new, member)
static const struct sovd_field new_fields[] = {
        { .name = "resource",
          .type = SOVD_FIELD_STRING,
          .offset = F(resource),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 2048,
          .format = "uri-reference",
          .doc = "A resource of the same entity that GET reads: absolute, or relative to the entity (data/x, "
                 "../data/x)." },
        { .name = "interval",
          .type = SOVD_FIELD_ENUM,
          .offset = F(interval),
          .flags = SOVD_REQUIRED,
          .names = sovd_interval_names,
          .doc = "How often it is read; the configuration says what the words mean." },
        { .name = "duration",
          .type = SOVD_FIELD_INT,
          .offset = F(duration),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = INT32_MAX,
          .doc = "Seconds until it ends." },
        { .name = "protocol", .type = SOVD_FIELD_ENUM, .offset = F(protocol), .names = sovd_protocol_names },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_subscription_new = {
        .name = "NewSubscription",
        .size = sizeof(struct sovd_subscription_new),
        .fields = new_fields,
};

static const struct sovd_field change_fields[] = {
        { .name = "interval",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sovd_subscription_change, interval),
          .names = sovd_interval_names },
        { .name = "duration",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sovd_subscription_change, duration),
          .min = 1,
          .max = INT32_MAX,
          .doc = "Seconds from now until it ends." },
        { 0 }
};
const struct sovd_schema sovd_schema_subscription_change = {
        .name = "SubscriptionChange",
        .size = sizeof(struct sovd_subscription_change),
        .fields = change_fields,
};

#define F(member) offsetof(struct sovd_subscription, member)
static const struct sovd_field subscription_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "resource",
          .type = SOVD_FIELD_STRING,
          .offset = F(resource),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference",
          .doc = "The observed resource." },
        { .name = "observed_resource",
          .type = SOVD_FIELD_STRING,
          .offset = F(observed_resource),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference",
          .doc = "The same as resource." },
        { .name = "subscription",
          .type = SOVD_FIELD_STRING,
          .offset = F(subscription),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference",
          .doc = "The same as event_source." },
        { .name = "event_source",
          .type = SOVD_FIELD_STRING,
          .offset = F(event_source),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference",
          .doc = "Where the events are read, as text/event-stream." },
        { .name = "protocol",
          .type = SOVD_FIELD_ENUM,
          .offset = F(protocol),
          .flags = SOVD_REQUIRED,
          .names = sovd_protocol_names },
        { .name = "interval",
          .type = SOVD_FIELD_ENUM,
          .offset = F(interval),
          .flags = SOVD_REQUIRED,
          .names = sovd_interval_names },
        { .name = "expires",
          .type = SOVD_FIELD_STRING,
          .offset = F(expires),
          .flags = SOVD_REQUIRED,
          .format = "date-time" },
        { .name = "last_error",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(last_error),
          .of = &sovd_schema_generic_error,
          .doc = "Of the last reading that failed." },
        { .name = "event_schema",
          .type = SOVD_FIELD_JSON,
          .offset = F(event_schema),
          .flags = SOVD_ANY_OBJECT,
          .doc = "With include-schema: what an event looks like." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_subscription = {
        .name = "CyclicSubscription",
        .size = sizeof(struct sovd_subscription),
        .fields = subscription_fields,
};

static const struct sovd_field list_fields[] = { { .name = "items",
                                                   .type = SOVD_FIELD_LIST,
                                                   .offset = offsetof(struct sovd_subscription_list, items),
                                                   .flags = SOVD_REQUIRED,
                                                   .of = &sovd_schema_subscription },
                                                 { 0 } };
const struct sovd_schema sovd_schema_subscription_list = {
        .name = "CyclicSubscriptionList",
        .size = sizeof(struct sovd_subscription_list),
        .fields = list_fields,
};
