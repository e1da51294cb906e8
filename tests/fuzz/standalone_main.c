/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A driver for fuzz targets without libFuzzer: runs every file of the folders (or files) on the command line
 * once, so that a corpus is an ordinary test with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_run;

/* The input gets an allocation of exactly its size: a sanitizer sees a read past its end. */
static int run_file(const char *name, size_t size) {
        uint8_t *data = malloc(size ? size : 1);
        FILE *f = fopen(name, "re");
        int r = -1;

        if (data && f && fread(data, 1, size, f) == size)
                r = LLVMFuzzerTestOneInput(data, size);
        else
                perror(name);
        if (f)
                (void)fclose(f);
        free(data);
        n_run++;
        return r;
}

static int run_path(const char *name);

static int run_folder(const char *name) {
        char path[4096];
        int r = 0;

        DIR *folder = opendir(name);
        if (!folder) {
                perror(name);
                return -1;
        }

        for (struct dirent *entry; !r && (entry = readdir(folder));) {
                if (entry->d_name[0] == '.')
                        continue;
                if ((size_t)snprintf(path, sizeof(path), "%s/%s", name, entry->d_name) < sizeof(path))
                        r = run_path(path);
        }
        (void)closedir(folder);
        return r;
}

static int run_path(const char *name) {
        struct stat st;

        if (stat(name, &st) < 0) {
                perror(name);
                return -1;
        }
        return S_ISDIR(st.st_mode) ? run_folder(name) : run_file(name, (size_t)st.st_size);
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (run_path(argv[i]) != 0)
                        return EXIT_FAILURE;

        (void)printf("%u inputs\n", n_run);
        return n_run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
