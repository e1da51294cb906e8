/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/process.h"
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define HEAP_PARTS 4 /* instead of 8 for each CPU */

void sovd_process_bound_heap(void) {
#ifdef M_ARENA_MAX
        (void)mallopt(M_ARENA_MAX, HEAP_PARTS);
#endif
}

size_t sovd_process_open_files(void) {
        size_t n = 0;
        DIR *dir = opendir("/proc/self/fd");

        if (!dir)
                return 0;
        while (readdir(dir))
                n++;
        (void)closedir(dir);
        return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

size_t sovd_process_resident_bytes(void) {
        unsigned long total = 0, resident = 0;
        FILE *f = fopen("/proc/self/statm", "re");

        if (f) {
                if (fscanf(f, "%lu %lu", &total, &resident) != 2)
                        resident = 0;
                (void)fclose(f);
        }
        return resident * (size_t)sysconf(_SC_PAGESIZE);
}

bool sovd_process_allow_files(uint64_t n) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= n)
                return true;
        limit.rlim_cur = n < limit.rlim_max ? (rlim_t)n : limit.rlim_max;
        return !setrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur >= n;
}
