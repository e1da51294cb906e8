#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Faulty I/O - a disk that fails when a test says so
 *
 * Stands in front of the C library for the calls that a database makes, and fails those on files below one folder.
 * Linked into a unit test it is led by faulty_io_plan(). Loaded before a program (LD_PRELOAD) it reads its plan, before
 * each call, from the file that SOVD_FAULTY_IO names: "ERRNO CALLS FOLDER"; without the file nothing fails.
 *
 * CALLS are letters: w write, s sync, t truncate, o open for writing, u unlink, r read.
 */

/* Fails the calls with the numbers first to last, counted from 1 since now. folder NULL: none. */
void faulty_io_plan(const char *folder, const char *calls, int error, unsigned first, unsigned last);

/* Calls of the plan's kinds since then. */
unsigned faulty_io_count(void);
