/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/json_reader.h"

/* One pass over the text. The keys of the open objects are compared by their decoded bytes, kept per object as
 * hashes in a small set; a hash that comes twice is compared in full, so nothing is refused by accident. */
struct scanner {
        const char *text;
        size_t len, pos;
        unsigned max_depth;
        size_t nodes_left;
        const char *reason;
};

static bool refuse(struct scanner *s, const char *reason) {
        if (!s->reason)
                s->reason = reason;
        return false;
}

static int peek(const struct scanner *s) {
        return s->pos < s->len ? (unsigned char)s->text[s->pos] : -1;
}

static void skip_space(struct scanner *s) {
        while (s->pos < s->len && strchr(" \t\r\n", s->text[s->pos]) && s->text[s->pos])
                s->pos++;
}

/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 if there is none. */
static size_t utf8_len(const unsigned char *p, size_t left) {
        static const struct {
                unsigned char first_min, first_max, second_min, second_max, len;
        } forms[] = {
                { 0x00, 0x7f, 0, 0, 1 },          { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 },    { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 },    { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(forms); i++) {
                size_t n = forms[i].len;
                if (*p < forms[i].first_min || *p > forms[i].first_max)
                        continue;
                if (n > left || (n > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max)))
                        return 0;
                for (size_t k = 2; k < n; k++)
                        if ((p[k] & 0xc0) != 0x80)
                                return 0;
                return n;
        }
        return 0;
}

bool sovd_utf8_is_valid(const char *text, size_t len) {
        for (size_t i = 0; i < len;) {
                size_t n = utf8_len((const unsigned char *)text + i, len - i);
                if (!n)
                        return false;
                i += n;
        }
        return true;
}

static int hex4(const struct scanner *s, size_t pos) {
        int v = 0;

        if (pos + 4 > s->len)
                return -1;
        for (size_t i = 0; i < 4; i++) {
                char c = s->text[pos + i];
                int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
                if (digit < 0)
                        return -1;
                v = v * 16 + digit;
        }
        return v;
}

/* At the 'u' of an escape. Surrogates come in pairs; U+0000 would cut the string short in C. */
static bool scan_unicode_escape(struct scanner *s, unsigned *ret) {
        int high = hex4(s, s->pos + 1);

        if (high < 0)
                return refuse(s, "\\u needs four hexadecimal digits");
        if (high == 0)
                return refuse(s, "the character U+0000 is not allowed");
        s->pos += 5;
        *ret = (unsigned)high;
        if (high < 0xd800 || high > 0xdfff)
                return true;

        int low = peek(s) == '\\' && s->pos + 1 < s->len && s->text[s->pos + 1] == 'u' ? hex4(s, s->pos + 2) : -1;
        if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
                return refuse(s, "a surrogate without its partner");
        s->pos += 6;
        *ret = 0x10000 + (((unsigned)high - 0xd800) << 10) + ((unsigned)low - 0xdc00);
        return true;
}

static bool scan_escape(struct scanner *s, unsigned *ret) {
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";

        s->pos++;
        int c = peek(s);
        if (c == 'u')
                return scan_unicode_escape(s, ret);

        const char *at = c > 0 ? strchr(names, c) : NULL;
        if (!at)
                return refuse(s, "unknown escape");
        *ret = (unsigned char)values[at - names];
        s->pos++;
        return true;
}

/* A decoded string, as much of it as keys need. */
struct decoded {
        char bytes[SOVD_JSON_KEY_MAX + 4];
        size_t len;
};

static void decoded_put(struct decoded *d, const char *p, size_t n) {
        if (d && d->len + n <= sizeof(d->bytes))
                memcpy(d->bytes + d->len, p, n);
        if (d)
                d->len += n;
}

static void decoded_put_code(struct decoded *d, unsigned code) {
        char b[4];
        size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

        if (n == 1) {
                b[0] = (char)code;
        } else {
                static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
                for (size_t i = n; i-- > 1; code >>= 6)
                        b[i] = (char)(0x80 | (code & 0x3f));
                b[0] = (char)(lead[n] | code);
        }
        decoded_put(d, b, n);
}

/* At the opening quote; d may be NULL. */
static bool scan_string(struct scanner *s, struct decoded *d) {
        s->pos++;
        for (;;) {
                int c = peek(s);
                if (c < 0)
                        return refuse(s, "the text ends inside a string");
                if (c == '"') {
                        s->pos++;
                        return true;
                }
                if (c < 0x20)
                        return refuse(s, "a control character inside a string");
                if (c == '\\') {
                        unsigned code = 0;
                        if (!scan_escape(s, &code))
                                return false;
                        decoded_put_code(d, code);
                        continue;
                }
                size_t n = utf8_len((const unsigned char *)s->text + s->pos, s->len - s->pos);
                if (!n)
                        return refuse(s, "not valid UTF-8");
                decoded_put(d, s->text + s->pos, n);
                s->pos += n;
        }
}

static size_t scan_digits(struct scanner *s) {
        size_t start = s->pos;

        while (peek(s) >= '0' && peek(s) <= '9')
                s->pos++;
        return s->pos - start;
}

#define NUMBER_MAX 64 /* longest number text: cJSON's own buffer */

static bool scan_number(struct scanner *s) {
        size_t start = s->pos;

        if (peek(s) == '-')
                s->pos++;
        bool zero = peek(s) == '0';
        size_t whole = scan_digits(s);
        if (!whole || (zero && whole > 1))
                return refuse(s, "not a number as JSON writes it");
        if (peek(s) == '.') {
                s->pos++;
                if (!scan_digits(s))
                        return refuse(s, "a fraction needs a digit");
        }
        if (peek(s) == 'e' || peek(s) == 'E') {
                s->pos++;
                if (peek(s) == '+' || peek(s) == '-')
                        s->pos++;
                if (!scan_digits(s))
                        return refuse(s, "an exponent needs a digit");
        }

        char copy[NUMBER_MAX];
        if (s->pos - start >= sizeof(copy))
                return refuse(s, "a number of more than 63 characters");
        memcpy(copy, s->text + start, s->pos - start);
        copy[s->pos - start] = '\0';
        if (!__builtin_isfinite(strtod(copy, NULL)))
                return refuse(s, "a number beyond the range of a double");
        return true;
}

static bool scan_word(struct scanner *s, const char *word) {
        size_t n = strlen(word);

        if (s->len - s->pos < n || memcmp(s->text + s->pos, word, n) != 0)
                return refuse(s, "not a JSON value");
        s->pos += n;
        return true;
}

static bool scan_value(struct scanner *s, unsigned depth);

static uint64_t hash_key(const struct decoded *key) {
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

        for (size_t i = 0; i < key->len; i++)
                h = (h ^ (unsigned char)key->bytes[i]) * UINT64_C(0x100000001b3);
        return h;
}

/* The key at `pos` again, to compare it with another one whose hash is the same. */
static bool same_key(const struct scanner *s, size_t pos, const struct decoded *key) {
        struct scanner again = *s;
        struct decoded other = { .len = 0 };

        again.pos = pos;
        return scan_string(&again, &other) && other.len == key->len && memcmp(other.bytes, key->bytes, key->len) == 0;
}

/* The keys of one object, searched in order: SOVD_JSON_MEMBERS bounds the cost. Grows onto the heap. */
struct keys {
        struct {
                uint64_t hash;
                size_t pos;
        } inline_slots[16], *slots;
        size_t n, size;
};

static bool keys_add(struct scanner *s, struct keys *keys, size_t pos, const struct decoded *key) {
        uint64_t hash = hash_key(key);

        if (keys->n == SOVD_JSON_MEMBERS)
                return refuse(s, "more than 1024 members in one object");
        for (size_t i = 0; i < keys->n; i++)
                if (keys->slots[i].hash == hash && same_key(s, keys->slots[i].pos, key))
                        return refuse(s, "the same member twice");
        if (keys->n == keys->size) {
                size_t size = keys->size * 2;
                void *slots = keys->slots == keys->inline_slots ? malloc(size * sizeof(*keys->slots))
                                                                : realloc(keys->slots, size * sizeof(*keys->slots));
                if (!slots)
                        return refuse(s, "out of memory");
                if (keys->slots == keys->inline_slots)
                        memcpy(slots, keys->inline_slots, sizeof(keys->inline_slots));
                keys->slots = slots;
                keys->size = size;
        }
        keys->slots[keys->n].hash = hash;
        keys->slots[keys->n++].pos = pos;
        return true;
}

static bool scan_member(struct scanner *s, struct keys *keys, unsigned depth) {
        struct decoded key = { .len = 0 };
        size_t pos = s->pos;

        if (peek(s) != '"')
                return refuse(s, "a member needs a name in quotes");
        if (!scan_string(s, &key))
                return false;
        if (key.len > SOVD_JSON_KEY_MAX)
                return refuse(s, "a member name of more than 128 bytes");
        if (!keys_add(s, keys, pos, &key))
                return false;
        skip_space(s);
        if (peek(s) != ':')
                return refuse(s, "a colon is missing");
        s->pos++;
        return scan_value(s, depth);
}

/* After an element: true = another one follows, false = the container has ended or the text is refused. */
static bool scan_next(struct scanner *s, char closing) {
        skip_space(s);
        if (peek(s) == ',') {
                s->pos++;
                skip_space(s);
                return true;
        }
        if (peek(s) == closing)
                s->pos++;
        else
                refuse(s, closing == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
        return false;
}

static bool scan_object(struct scanner *s, unsigned depth) {
        struct keys keys = { .size = SOVD_N_ELEMENTS(keys.inline_slots) };
        keys.slots = keys.inline_slots;

        do {
                if (!scan_member(s, &keys, depth))
                        break;
        } while (scan_next(s, '}'));

        if (keys.slots != keys.inline_slots)
                free(keys.slots);
        return !s->reason;
}

static bool scan_array(struct scanner *s, unsigned depth) {
        do {
                if (!scan_value(s, depth))
                        break;
        } while (scan_next(s, ']'));
        return !s->reason;
}

static bool scan_container(struct scanner *s, unsigned depth, char closing) {
        if (depth >= s->max_depth)
                return refuse(s, "nested too deeply");
        s->pos++;
        skip_space(s);
        if (peek(s) == closing) {
                s->pos++;
                return true;
        }
        return closing == '}' ? scan_object(s, depth + 1) : scan_array(s, depth + 1);
}

static bool scan_value(struct scanner *s, unsigned depth) {
        skip_space(s);
        if (!s->nodes_left--)
                return refuse(s, "too many values");

        switch (peek(s)) {
        case '{':
                return scan_container(s, depth, '}');
        case '[':
                return scan_container(s, depth, ']');
        case '"':
                return scan_string(s, NULL);
        case 't':
                return scan_word(s, "true");
        case 'f':
                return scan_word(s, "false");
        case 'n':
                return scan_word(s, "null");
        case '-':
        case '0' ... '9':
                return scan_number(s);
        case -1:
                return refuse(s, "the text ends where a value is needed");
        default:
                return refuse(s, "not a JSON value");
        }
}

bool sovd_json_validate(const char *text, size_t len, const struct sovd_json_limits *limits,
                        struct sovd_json_fault *fault) {
        struct scanner s = {
                .text = text,
                .len = len,
                .max_depth = limits && limits->max_depth ? limits->max_depth : SOVD_JSON_DEPTH,
                .nodes_left = limits && limits->max_nodes ? limits->max_nodes : SOVD_JSON_NODES,
        };

        if (scan_value(&s, 0)) {
                skip_space(&s);
                if (s.pos < s.len)
                        refuse(&s, "something follows the value");
        }
        *fault = (struct sovd_json_fault){ .offset = s.pos, .reason = s.reason };
        return !s.reason;
}
