#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Schema - the member `schema` that include-schema=true adds to an answer of the ISO dialect
 */
struct call;

void schema_add(struct call *call);
