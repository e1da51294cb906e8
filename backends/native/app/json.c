/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/app/app.h"

/* Length of the character at p (RFC 3629), or 0. */
static size_t character(const unsigned char *p) {
        if (p[0] < 0x80)
                return 1;
        if (p[0] >= 0xc2 && p[0] <= 0xdf)
                return (p[1] & 0xc0) == 0x80 ? 2 : 0;
        if ((p[0] & 0xf0) == 0xe0) {
                if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
                        return 0;
                return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ? 0 : 3;
        }
        if (p[0] < 0xf0 || p[0] > 0xf4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
            (p[3] & 0xc0) != 0x80)
                return 0;
        return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
}

bool app_utf8(const char *text) {
        for (const unsigned char *p = (const unsigned char *)text; *p;) {
                size_t n = character(p);
                if (!n)
                        return false;
                p += n;
        }
        return true;
}

/* Gateways refuse names that come twice, and limit names and depth. */
static bool is_readable(const cJSON *json, unsigned depth) {
        size_t n = 0;

        if (depth > APP_DEPTH_MAX)
                return false;
        for (const cJSON *child = json->child; child; child = child->next) {
                if (!is_readable(child, depth + 1) ||
                    (cJSON_IsObject(json) && (n++ > 1000 || strlen(child->string) > 128)))
                        return false;
                for (const cJSON *other = child->next; cJSON_IsObject(json) && other; other = other->next)
                        if (strcmp(child->string, other->string) == 0)
                                return false;
        }
        return true;
}

char *app_json(const char *text, size_t max, bool object) {
        if (!text || strlen(text) > max || !app_utf8(text))
                return NULL;

        cJSON *json = cJSON_ParseWithOpts(text, NULL, true);
        char *printed = NULL;
        if (json && !cJSON_IsNull(json) && (!object || cJSON_IsObject(json)) && is_readable(json, 0))
                printed = cJSON_PrintUnformatted(json);
        cJSON_Delete(json);
        return printed;
}
