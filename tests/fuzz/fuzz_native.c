/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is what an app sends: a stream of frames; the first byte says where it is cut into two reads
 *
 * Beside the sanitizers' findings: how the stream is cut does not change what is read, and what is refused has a code and
 * a reason.
 */
#include "backends/native/frame.h"
#include "backends/native/message.h"
#include "backends/native/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void feed(struct native_frames *f, const uint8_t *bytes, size_t n) {
        unsigned char *room;

        must(!native_frames_room(f, n, &room));
        if (n)
                memcpy(room, bytes, n);
        native_frames_add(f, n);
}

static void read_message(const char *text, size_t len) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct native_message message;
        struct native_refusal refusal;

        must(!sovd_arena_new(&arena, 1024));
        int r = native_message_read(text, len, arena, &message, &refusal);
        must(r == 0 || (r > 0 && refusal.code && refusal.reason));
        if (!r && message.type == NATIVE_REGISTER)
                (void)native_register_check(&message.reg, 3, arena);
}

/* Returns the number of frames; *ret_sum depends on each of their bytes. */
static size_t read_all(struct native_frames *f, uint64_t *sum, bool decode) {
        const char *text;
        size_t len, n = 0;

        while (native_frames_next(f, &text, &len) == NATIVE_FRAME_WHOLE) {
                for (size_t i = 0; i < len; i++)
                        *sum = (*sum ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
                if (decode)
                        read_message(text, len);
                n++;
        }
        return n;
}

/* The same bytes as a text of control groups. */
static void read_unit(const uint8_t *data, size_t size) {
        char unit[NATIVE_UNIT_SIZE], *text = malloc(size + 1);

        must(text);
        memcpy(text, data, size);
        text[size] = '\0';
        if (native_unit_parse(text, unit))
                must(*unit && strlen(unit) < sizeof(unit) && !strchr(unit, '/') && !strchr(unit, '\n'));
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct native_frames whole, cut;
        uint64_t sum_whole = 0, sum_cut = 0;

        if (!size)
                return 0;
        read_unit(data + 1, size - 1);
        const size_t at = data[0] * (size - 1) / 255;
        native_frames_init(&whole, 4096);
        native_frames_init(&cut, 4096);
        feed(&whole, data + 1, size - 1);
        size_t n = read_all(&whole, &sum_whole, true);
        feed(&cut, data + 1, at);
        size_t m = read_all(&cut, &sum_cut, false);
        feed(&cut, data + 1 + at, size - 1 - at);
        m += read_all(&cut, &sum_cut, false);
        must(n == m && sum_whole == sum_cut);
        native_frames_done(&whole);
        native_frames_done(&cut);
        return 0;
}
