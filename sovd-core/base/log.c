/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/log.h"
#include "sovd-core/base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would always be this file */
#include <systemd/sd-journal.h>
#endif

#define LINE_SIZE    4096 /* PIPE_BUF: the write of a line into a pipe is never torn apart */
#define MESSAGE_SIZE 2048 /* half of it, so that a long message never pushes the fields out */
#define TAIL_SIZE    24   /* kept free for what ends a line that was cut */
#define NAME_MAX_LEN 64
#define FIELDS_MAX   32

struct line {
        char data[LINE_SIZE];
        size_t len;
        bool json; /* escape by the rules of JSON, else by those of C */
        bool cut;  /* something did not fit; nothing but the tail is taken from then on */
};

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static _Atomic int max_level = SOVD_LOG_INFO;
static _Atomic int current_format = SOVD_LOG_TEXT;

/* All of s or nothing. */
static bool line_put(struct line *line, const char *s, size_t n) {
        if (line->cut || n > LINE_SIZE - TAIL_SIZE - line->len) {
                line->cut = true;
                return false;
        }

        memcpy(line->data + line->len, s, n);
        line->len += n;
        return true;
}

static bool line_puts(struct line *line, const char *s) {
        return line_put(line, s, strlen(s));
}

/* Closes what was opened; may use the room that is kept for it. */
static void line_close(struct line *line, const char *s) {
        size_t n = SOVD_MIN(strlen(s), LINE_SIZE - line->len);

        memcpy(line->data + line->len, s, n);
        line->len += n;
}

/* How long a sequence is by its first byte; 0 for a byte that begins none. */
static size_t sequence_length(unsigned char first) {
        if (first < 0x80)
                return 1;
        if (first < 0xc0 || first >= 0xf8)
                return 0;
        return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The character at s and its length, or 0 when it is no UTF-8 (RFC 3629). A NUL ends any sequence. */
static size_t read_char(const unsigned char *s, uint32_t *ret) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = sequence_length(s[0]);
        uint32_t c = n > 1 ? s[0] & (0x7fu >> n) : s[0];

        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3fu);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return 0;

        *ret = c;
        return n;
}

/* C1 controls drive terminals too, and some viewers break lines at U+2028 and U+2029. */
static bool is_control(uint32_t c) {
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Adds one character, escaped when it must be; returns how many bytes of s it took. */
static size_t line_put_char(struct line *line, const char *s, bool quoted) {
        char escaped[16];
        uint32_t c = 0;
        size_t n = read_char((const unsigned char *)s, &c);

        if (n == 0 && line->json)
                (void)snprintf(escaped, sizeof(escaped), "\\ufffd");
        else if (n == 0)
                (void)snprintf(escaped, sizeof(escaped), "\\x%02x", (unsigned char)*s);
        else if (c == '\\' || (c == '"' && quoted))
                (void)snprintf(escaped, sizeof(escaped), "\\%c", (char)c);
        else if (c == '\n')
                (void)snprintf(escaped, sizeof(escaped), "\\n");
        else if (is_control(c))
                (void)snprintf(escaped, sizeof(escaped), line->json || c > 0xff ? "\\u%04x" : "\\x%02x", c);
        else {
                (void)line_put(line, s, n);
                return n;
        }

        (void)line_puts(line, escaped);
        return SOVD_MAX(n, (size_t)1);
}

static void line_put_escaped(struct line *line, const char *s, bool quoted) {
        while (*s && !line->cut)
                s += line_put_char(line, s, quoted);
}

static void text_add(struct line *line, const struct sovd_log_field *field) {
        bool quoted = !*field->value || strpbrk(field->value, " \"=");
        char head[NAME_MAX_LEN + 8];

        (void)snprintf(head, sizeof(head), " %.*s=%s", NAME_MAX_LEN, field->name, quoted ? "\"" : "");
        if (!line_puts(line, head))
                return;

        line_put_escaped(line, field->value, quoted);
        if (quoted)
                line_close(line, "\"");
}

static void text_line(struct line *line, enum sovd_log_level level, const char *message,
                      const struct sovd_log_field *fields) {
        char time[SOVD_TIMESTAMP_SIZE];

        (void)line_puts(line, sovd_clock_format(time, sovd_realtime_usec()));
        (void)line_puts(line, " ");
        (void)line_puts(line, level_names[level]);
        (void)line_puts(line, " ");
        line_put_escaped(line, message, false);
        for (const struct sovd_log_field *f = fields; f && f->name; f++)
                if (f->value)
                        text_add(line, f);
        line_close(line, line->cut ? " \u2026\n" : "\n");
}

static void json_add(struct line *line, const char *name, const char *value) {
        char head[NAME_MAX_LEN + 8];

        (void)snprintf(head, sizeof(head), "%s\"%.*s\":\"", line->len > 1 ? "," : "", NAME_MAX_LEN, name);
        if (!line_puts(line, head))
                return;

        line_put_escaped(line, value, true);
        line_close(line, "\"");
}

static void json_line(struct line *line, enum sovd_log_level level, const char *message,
                      const struct sovd_log_field *fields) {
        char time[SOVD_TIMESTAMP_SIZE];

        line->json = true;
        (void)line_puts(line, "{");
        json_add(line, "time", sovd_clock_format(time, sovd_realtime_usec()));
        json_add(line, "level", level_names[level]);
        json_add(line, "message", message);
        for (const struct sovd_log_field *f = fields; f && f->name; f++)
                if (f->value)
                        json_add(line, f->name, f->value);
        line_close(line, line->cut ? ",\"truncated\":true}\n" : "}\n");
}

#if HAVE_SYSTEMD
struct journal_entry {
        struct line line; /* the bytes of all fields, one after the other */
        struct iovec fields[FIELDS_MAX];
        size_t n_fields;
};

static bool journal_is_there(void) {
        /* Asked once at setup: without the socket sd_journal_sendv() drops events and reports success. */
        return access("/run/systemd/journal/socket", W_OK) == 0;
}

/* The journal takes A-Z, 0-9 and _ in names. */
static void journal_name(char buf[static NAME_MAX_LEN + 8], const char *prefix, const char *name) {
        (void)snprintf(buf, NAME_MAX_LEN + 8, "%s%.*s=", prefix, NAME_MAX_LEN, name);
        for (char *p = buf; p[0] && p[1]; p++)
                if (*p >= 'a' && *p <= 'z')
                        *p = (char)(*p - 'a' + 'A');
                else if (!(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9'))
                        *p = '_';
}

static void journal_add(struct journal_entry *entry, const char *prefix, const char *name,
                        const char *value) {
        size_t start = entry->line.len;
        char head[NAME_MAX_LEN + 8];

        journal_name(head, prefix, name);
        if (entry->n_fields == FIELDS_MAX - 1 || !line_puts(&entry->line, head)) {
                entry->line.cut = true;
                return;
        }

        line_put_escaped(&entry->line, value, false);
        entry->fields[entry->n_fields++] =
                (struct iovec){ entry->line.data + start, entry->line.len - start };
}

static bool journal_send(enum sovd_log_level level, const char *message,
                         const struct sovd_log_field *fields) {
        static const char *const priorities[] = { "3", "4", "6", "7" };
        static char truncated[] = "SOVD_TRUNCATED=1";
        struct journal_entry entry;

        entry.line.len = entry.n_fields = 0;
        entry.line.json = entry.line.cut = false;
        journal_add(&entry, "", "PRIORITY", priorities[level]);
        journal_add(&entry, "", "MESSAGE", message);
        for (const struct sovd_log_field *f = fields; f && f->name; f++)
                if (f->value)
                        journal_add(&entry, "SOVD_", f->name, f->value);
        if (entry.line.cut)
                entry.fields[entry.n_fields++] = (struct iovec){ truncated, sizeof(truncated) - 1 };
        return sd_journal_sendv(entry.fields, (int)entry.n_fields) >= 0;
}
#else
static bool journal_is_there(void) {
        return false;
}

static bool journal_send(enum sovd_log_level level, const char *message,
                         const struct sovd_log_field *fields) {
        return false;
}
#endif

void sovd_log_setup(enum sovd_log_level level, enum sovd_log_format format) {
        if (format == SOVD_LOG_JOURNAL && !journal_is_there())
                format = SOVD_LOG_TEXT;

        atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
        atomic_store_explicit(&current_format, (int)format, memory_order_relaxed);
}

bool sovd_log_goes_to_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

bool sovd_log_enabled(enum sovd_log_level level) {
        return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

static void write_line(int format, enum sovd_log_level level, const char *message,
                       const struct sovd_log_field *fields) {
        struct line line;
        ssize_t n;

        line.len = 0;
        line.json = line.cut = false;
        if (format == SOVD_LOG_JSON)
                json_line(&line, level, message, fields);
        else
                text_line(&line, level, message, fields);

        /* A line that standard error does not take is lost: there is no better place to say so. */
        do
                n = write(STDERR_FILENO, line.data, line.len);
        while (n < 0 && errno == EINTR);
}

/* Replaces the end of a message that was too long by a mark, and never leaves half a character before it. */
static void mark_cut(char message[static MESSAGE_SIZE]) {
        static const char mark[] = "\u2026";
        size_t n = MESSAGE_SIZE - sizeof(mark);

        while (n > 0 && ((unsigned char)message[n] & 0xc0) == 0x80)
                n--;
        memcpy(message + n, mark, sizeof(mark));
}

/* --- the last ones -------------------------------------------------------------------------------------- */

static struct {
        pthread_mutex_t mutex; /* leaf */
        struct sovd_log_line *lines;
        size_t size, n, next;
} kept = { .mutex = PTHREAD_MUTEX_INITIALIZER };

int sovd_log_keep(size_t n_lines) {
        free(kept.lines);
        kept.lines = n_lines ? calloc(n_lines, sizeof(*kept.lines)) : NULL;
        kept.size = kept.lines ? n_lines : 0;
        kept.n = kept.next = 0;
        return n_lines && !kept.lines ? -ENOMEM : 0; /* not traced: that would log */
}

size_t sovd_log_kept_max(void) {
        return kept.size;
}

enum sovd_log_level sovd_log_level_now(void) {
        return (enum sovd_log_level)atomic_load_explicit(&max_level, memory_order_relaxed);
}

static void keep_line(enum sovd_log_level level, const char *message, const struct sovd_log_field *fields) {
        struct line line;

        line.len = 0;
        line.json = line.cut = false;
        line_put_escaped(&line, message, false);
        for (const struct sovd_log_field *f = fields; f && f->name; f++)
                if (f->value)
                        text_add(&line, f);
        size_t n = SOVD_MIN(line.len, sizeof(kept.lines->text) - 1);
        while (n && n < line.len && ((unsigned char)line.data[n] & 0xc0) == 0x80)
                n--;

        (void)pthread_mutex_lock(&kept.mutex);
        struct sovd_log_line *place = &kept.lines[kept.next];
        place->usec = sovd_realtime_usec();
        place->level = level;
        memcpy(place->text, line.data, n);
        place->text[n] = '\0';
        kept.next = (kept.next + 1) % kept.size;
        kept.n = SOVD_MIN(kept.n + 1, kept.size);
        (void)pthread_mutex_unlock(&kept.mutex);
}

size_t sovd_log_last(struct sovd_log_line *ret, size_t max) {
        (void)pthread_mutex_lock(&kept.mutex);
        size_t n = SOVD_MIN(max, kept.n);
        for (size_t i = 0; i < n; i++)
                ret[i] = kept.lines[(kept.next + kept.size - n + i) % kept.size];
        (void)pthread_mutex_unlock(&kept.mutex);
        return n;
}

void sovd_log_event(enum sovd_log_level level, const struct sovd_log_field *fields, const char *format, ...) {
        int saved_errno = errno, how = atomic_load_explicit(&current_format, memory_order_relaxed);
        char message[MESSAGE_SIZE];
        va_list args;

        if (!sovd_log_enabled(level))
                return;

        va_start(args, format);
        int n = vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        if (n < 0)
                (void)snprintf(message, sizeof(message), "(unprintable message: %s)", format);
        else if ((size_t)n >= sizeof(message))
                mark_cut(message);

        if (how != SOVD_LOG_JOURNAL || !journal_send(level, message, fields))
                write_line(how, level, message, fields);
        if (kept.size)
                keep_line(level, message, fields);
        errno = saved_errno;
}
