#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configuration - a YAML file and environment variables, decoded by schema tables
 *
 * The file is YAML (JSON is YAML too), read by libyaml. Its tables are ordinary schemas (schema.h): type,
 * range, default and documentation of every key stand there and nowhere else. Everything wrong is reported as
 * "file:line:column: key: why"; nothing is guessed, nothing unknown is ignored. One document, no anchors,
 * aliases or tags, no key twice, at most 32 levels and 10,000 values. Text that looks like a number, true,
 * false or null stands in quotes.
 *
 * Environment variables override scalar keys: SOVD__SERVER__PORT=9090 or SOVD_SERVER__PORT=9090 set
 * server.port; "__" separates levels and case does not matter. A variable with one of the two prefixes that
 * names no scalar key is an error, unless it has no "__" after the prefix SOVD_ (so SOVD_BUILD_DIR is
 * nobody's business). The value is text as it stands where the key is text; a list of strings is separated by
 * commas. Lists of objects are not reached from the environment.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/schema.h"
#include <stdio.h>

#define SOVD_CONFIG_BYTES_MAX (1024 * 1024)

/* What was read: knows where every key came from. In the arena that it was read into. */
struct sovd_config_tree;

/* Reads file (NULL = defaults only), applies the environment (NULL-terminated "NAME=value" array, or NULL)
 * and the defaults of the schema, and fills *object. All memory is in the arena. *tree is for
 * sovd_config_where(); tree may be NULL. Returns 0; SOVD_E_BAD_REQUEST with *message set (in the arena; one
 * line per problem, the first 20); -errno with *message set when the file cannot be read. A missing file is
 * an error. */
int sovd_config_load(const struct sovd_schema *schema, void *object, const char *file,
                     char *const *environment, struct sovd_arena *arena, struct sovd_config_tree **tree,
                     const char **message);

/* The same from text; name stands for the file in messages. */
int sovd_config_parse(const struct sovd_schema *schema, void *object, const char *name, const char *text,
                      size_t len, char *const *environment, struct sovd_arena *arena,
                      struct sovd_config_tree **tree, const char **message);

/* A position, for checks that a table cannot say: "file:line:column: key" for a JSON pointer such as
 * "/backends/0/name" ("environment:VARIABLE: key" when it came from there), or for its nearest parent that
 * is in the file. In the arena; NULL when memory is out. */
const char *sovd_config_where(const struct sovd_config_tree *tree, const char *pointer,
                              struct sovd_arena *arena);

/* "where: why" for a check that a table cannot say; pointer may be NULL when memory was out. Never NULL. */
const char *sovd_config_complain(const struct sovd_config_tree *tree, struct sovd_arena *arena, const char *pointer,
                                 const char *why);

/* Is there a value of its own at this pointer, not a default? */
bool sovd_config_has(const struct sovd_config_tree *tree, const char *pointer, struct sovd_arena *arena);

/* Reads a whole file of at most SOVD_CONFIG_BYTES_MAX, and one byte more of a larger one; NUL-terminated, in the
 * arena. -errno. */
int sovd_config_read_file(const char **ret, size_t *ret_len, const char *file, struct sovd_arena *arena);

/* Prints the reference page of the schema as Markdown: key, type, range, default, meaning. */
void sovd_config_print_docs(const struct sovd_schema *schema, FILE *out);

/* The same for another file: under this title, and without the environment. A section that comes a second time
 * is named only. */
void sovd_config_print_reference(const char *title, const struct sovd_schema *schema, FILE *out);
