/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/ctl/ctl.h"
#include "sovd-core/audit/trust.h"
#include <errno.h>
#include <stdio.h>

#define TEXT_MAX (1 << 20) /* of a file of keys or heads */

char *sovd_ctl_read_text(const char *path) {
        FILE *f = fopen(path, "re");
        char *text = f ? malloc(TEXT_MAX + 1) : NULL;
        if (!f || !text) {
                if (f)
                        (void)fclose(f);
                return NULL;
        }

        size_t n = fread(text, 1, TEXT_MAX + 1, f);
        bool ok = !ferror(f) && n <= TEXT_MAX && !memchr(text, 0, n);
        (void)fclose(f);
        if (!ok) {
                free(text);
                errno = EINVAL;
                return NULL;
        }
        text[n] = '\0';
        return text;
}

const char *sovd_ctl_plain(char *buf, size_t size, const char *text) {
        (void)sovd_audit_clip(buf, size, text);
        for (unsigned char *p = (unsigned char *)buf; *p; p++) {
                if (*p < ' ' || *p == 0x7f)
                        *p = '?';
                if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* U+0080 to U+009F */
                        p[0] = p[1] = '?';
        }
        return buf;
}

int sovd_ctl_take_key(const struct sovd_ctl_command *command, const char *path, unsigned char *ret) {
        _cleanup_(sovd_freep) char *text = sovd_ctl_read_text(path);
        if (!text)
                return sovd_ctl_usage(command, "--key %s: %s", path, strerror(errno));

        const char *why = sovd_audit_take_key(text, ret);
        return why ? sovd_ctl_usage(command, "--key %s: %s", path, why) : 0;
}
