/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/ctl/ctl.h"
#include "sovd-core/audit/export.h"
#include "sovd-core/audit/trust.h"
#include "sovd-core/audit/verify_db.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/json_writer.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define LLU (unsigned long long)

const char sovd_ctl_audit_verify_help[] =
        "[OPTIONS] FILE\n"
        "\n"
        "Proves that an audit log is what was once written: FILE is an export, '-' an export on standard "
        "input, or the\n"
        "state database of a gateway. Nothing is written to it, and no gateway needs to run.\n"
        "\n"
        "  --key FILE          the device key that the log must begin with: PEM, or 32 bytes as base64 or "
        "hex\n"
        "  --fingerprint HEX   the same, by the SHA-256 of its 32 bytes; without either, only that the log "
        "agrees with\n"
        "                      itself is proven\n"
        "  --head FILE|TEXT    a head that was kept elsewhere: a file with a checkpoint or lines 'SIZE "
        "ROOT', or such a\n"
        "                      line itself (SOVD-Audit-Head); may be given again. Without one, nobody sees "
        "that the end\n"
        "                      is missing\n"
        "  --partial           the export was asked for from a later entry on: what is before it is not "
        "missed\n"
        "  --json              print the result as JSON\n"
        "  --help              print this\n"
        "\n"
        "Exit status: 0 it is proven; 1 it was tampered with, and the first bad entry is named; 2 its end or "
        "its beginning\n"
        "is missing; 3 it could not be read; 4 entries at its end are not signed; 64 wrong arguments.\n";

struct job {
        const struct sovd_ctl_command *command;
        const char *path;
        unsigned char key[SOVD_AUDIT_KEY];
        struct sovd_audit_hash fingerprint;
        struct sovd_audit_heads heads;
        struct sovd_audit_trust trust;
        struct sovd_audit_report report;
        bool json, copied;
};

/* --- arguments ------------------------------------------------------------------------------------------ */

static int take_key(struct job *j, const char *path) {
        j->trust.device_key = j->key;
        return sovd_ctl_take_key(j->command, path, j->key);
}

static int take_fingerprint(struct job *j, const char *text) {
        if (!sovd_audit_take_fingerprint(text, &j->fingerprint))
                return sovd_ctl_usage(j->command, "--fingerprint '%s' is not 64 digits of hex", text);
        j->trust.fingerprint = &j->fingerprint;
        return 0;
}

/* What begins like a size and has a second word is the head itself, unless there is such a file. */
static int take_head(struct job *j, const char *argument) {
        _cleanup_(sovd_freep) char *text = sovd_ctl_read_text(argument);
        char name[80];

        if (!text && (errno != ENOENT || !strchr(argument, ' ')))
                return sovd_ctl_usage(j->command, "--head %s: %s", argument, strerror(errno));
        (void)snprintf(name, sizeof(name), "%s%.60s", text ? "the head in " : "the head ", argument);
        const char *why = sovd_audit_take_heads(&j->heads, name, text ? text : argument);
        return why ? sovd_ctl_usage(j->command, "--head %s: %s", argument, why) : 0;
}

static const struct option options[] = { { "key", required_argument, NULL, 'k' },
                                         { "fingerprint", required_argument, NULL, 'f' },
                                         { "head", required_argument, NULL, 'H' },
                                         { "partial", no_argument, NULL, 'p' },
                                         { "json", no_argument, NULL, 'j' },
                                         { "help", no_argument, NULL, 'h' },
                                         { 0 } };

#define ASKED_FOR_HELP -1

static int apply(struct job *j, int option) {
        switch (option) {
        case 'k':
                return take_key(j, optarg);
        case 'f':
                return take_fingerprint(j, optarg);
        case 'H':
                return take_head(j, optarg);
        case 'p':
                j->trust.partial = true;
                return 0;
        case 'j':
                j->json = true;
                return 0;
        case 'h':
                (void)sovd_ctl_help(j->command);
                return ASKED_FOR_HELP;
        default:
                return SOVD_CTL_USAGE; /* getopt has said why */
        }
}

static int parse(struct job *j, int argc, char **argv) {
        int option, r = 0;

        while (!r && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
                r = apply(j, option);
        if (r)
                return r;
        if (optind + 1 != argc)
                return sovd_ctl_usage(j->command, optind == argc ? "which file?" : "one file at a time");
        j->path = argv[optind];
        j->trust.heads = j->heads.items;
        j->trust.n_heads = j->heads.n;
        return 0;
}

/* --- the work ------------------------------------------------------------------------------------------- */

static int unreadable(struct job *j, int r) {
        j->report = (struct sovd_audit_report){ .verdict = SOVD_AUDIT_SOUND };
        (void)sovd_audit_verdict(&j->report, SOVD_AUDIT_UNREADABLE, 0, "it cannot be read: %s", strerror(-r));
        return r;
}

static int verify_stream(struct job *j, FILE *f) {
        int r = sovd_audit_verify_export(f, &j->trust, &j->report);

        return r ? unreadable(j, r) : 0;
}

static int verify(struct job *j) {
        struct sovd_db_file file = { 0 };

        if (sovd_streq(j->path, "-"))
                return verify_stream(j, stdin);
        int r = sovd_db_identify(j->path, &file);
        if (r)
                return unreadable(j, r);
        if (file.is_database) {
                r = sovd_audit_verify_database(j->path, &j->trust, &j->report, &j->copied);
                return r == -ENOMEM ? unreadable(j, r) : r;
        }
        FILE *f = fopen(j->path, "re");
        if (!f)
                return unreadable(j, -errno);
        r = verify_stream(j, f);
        (void)fclose(f);
        return r;
}

/* --- the result ----------------------------------------------------------------------------------------- */

static const char *const verdicts[] = { "proven", "tampered", "truncated", "unreadable", "unsigned-tail" };

/* What was not asked of a log that is in order: whoever reads the first line only must read it there. */
static const char *verdict_of(const struct job *j) {
        return j->report.verdict == SOVD_AUDIT_SOUND && !j->report.trusted ? "consistent"
                                                                           : verdicts[j->report.verdict];
}

static void print_open(const struct sovd_audit_report *report) {
        if (!report->n_open || report->verdict == SOVD_AUDIT_TAMPERED ||
            report->verdict == SOVD_AUDIT_UNREADABLE)
                return; /* reading stopped in the middle: outcomes may follow */
        (void)printf("  %llu changes have no outcome on record: entry", LLU report->n_open);
        for (size_t i = 0; i < report->n_open && i < SOVD_AUDIT_OPEN_SHOWN; i++)
                (void)printf("%s %llu", i ? "," : "", LLU report->open[i]);
        (void)puts(report->n_open > SOVD_AUDIT_OPEN_SHOWN ? ", ..." : "");
}

static void print_findings(const struct sovd_audit_report *r) {
        for (size_t i = 0; i < r->n_findings && i < SOVD_AUDIT_OPEN_SHOWN; i++) {
                const struct sovd_audit_finding *f = &r->findings[i];
                char why[SOVD_AUDIT_TEXT_MAX + 1], by[SOVD_AUDIT_TEXT_MAX + 1];
                (void)sovd_ctl_plain(why, sizeof(why), f->why);
                (void)sovd_ctl_plain(by, sizeof(by), f->by);
                if (f->seq)
                        (void)printf("    entry %llu: %s; ", LLU f->seq, why);
                if (!f->seen_seq)
                        (void)puts("nobody has acknowledged it");
                else if (f->seq)
                        (void)printf("acknowledged by %s in entry %llu\n", by, LLU f->seen_seq);
                else
                        (void)printf("    entry %llu: %s acknowledges what no entry before it tells of: %s\n", LLU f->seen_seq, by, why);
        }
        if (r->n_findings > SOVD_AUDIT_OPEN_SHOWN)
                (void)puts("    ...");
}

static void print_known(const struct job *j) {
        const struct sovd_audit_report *r = &j->report;

        if (!*r->log)
                return;
        (void)printf("  log %s, device key %s\n", r->log, r->fingerprint);
        if (r->n_entries)
                (void)printf("  entries %llu to %llu, %s to %s\n", LLU r->first, LLU r->last, r->first_time,
                             r->last_time);
        (void)printf("  %llu keys, %llu checkpoints; signed up to entry %llu%s%s\n", LLU r->n_keys,
                     LLU r->n_checkpoints, LLU r->signed_size, *r->signed_time ? ", at " : "",
                     r->signed_time);
        if (r->pruned_to)
                (void)printf("  entries 1 to %llu were pruned, says entry %llu\n", LLU r->pruned_to,
                             LLU r->prune_seq);
        else if (r->first > 1)
                (void)printf("  entries 1 to %llu are not here\n", LLU(r->first - 1));
        if (j->trust.n_heads)
                (void)printf("  %zu of %zu heads kept elsewhere are of this log%s\n", r->n_heads_met,
                             j->trust.n_heads,
                             r->n_heads_older ? "; older ones are of entries that are gone, and prove nothing"
                                              : "");
        print_open(r);
        if (r->n_clock_back)
                (void)printf("  the time of day went back %llu times, first at entry %llu\n",
                             LLU r->n_clock_back, LLU r->clock_back);
        if (r->n_tampers)
                (void)printf("  the gateway itself reports tampering %llu times, first in entry %llu\n",
                             LLU r->n_tampers, LLU r->tamper);
        if (r->n_findings)
                (void)printf("  the gateway itself has found:\n");
        print_findings(r);
}

static void print_limits(const struct job *j) {
        if (!*j->report.log)
                return;
        if (!j->report.trusted)
                (void)puts("  Only that it agrees with itself was looked at: whoever made it up could have "
                           "signed it. Say whose log it is "
                           "with --key or --fingerprint.");
        if (!j->trust.n_heads)
                (void)puts("  Whether entries are missing at its end is not known: that needs a --head which "
                           "was kept elsewhere.");
        if (j->copied)
                (void)puts("  The database has a journal beside it: a copy of both was read.");
}

static void print_text(const struct job *j) {
        const struct sovd_audit_report *r = &j->report;

        (void)printf("%s: %s", j->path, verdict_of(j));
        (void)printf(*r->reason ? ": %s\n" : "%s\n", r->reason);
        print_known(j);
        print_limits(j);
}

static void put_findings(struct sovd_json_writer *w, const struct sovd_audit_report *r) {
        sovd_json_key(w, "findings");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < r->n_findings && i < SOVD_AUDIT_OPEN_SHOWN; i++) {
                const struct sovd_audit_finding *f = &r->findings[i];
                sovd_json_object_begin(w);
                if (f->seq)
                        sovd_json_key_int(w, "entry", (int64_t)f->seq);
                sovd_json_key_string(w, "why", f->why);
                if (f->seen_seq) {
                        sovd_json_key_int(w, "acknowledged_in", (int64_t)f->seen_seq);
                        sovd_json_key_string(w, "acknowledged_by", f->by);
                }
                sovd_json_object_end(w);
        }
        sovd_json_array_end(w);
}

static void put_known(struct sovd_json_writer *w, const struct sovd_audit_report *r) {
        char root[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];

        sovd_audit_to_base64(root, r->signed_root.bytes, SOVD_AUDIT_HASH);
        sovd_json_key_string(w, "log", r->log);
        sovd_json_key_string(w, "device_key_sha256", r->fingerprint);
        sovd_json_key_bool(w, "trusted", r->trusted);
        sovd_json_key_int(w, "first", (int64_t)r->first);
        sovd_json_key_int(w, "last", (int64_t)r->last);
        sovd_json_key_int(w, "entries", (int64_t)r->n_entries);
        sovd_json_key_int(w, "keys", (int64_t)r->n_keys);
        sovd_json_key_int(w, "checkpoints", (int64_t)r->n_checkpoints);
        sovd_json_key_int(w, "signed_size", (int64_t)r->signed_size);
        if (*r->signed_time) {
                sovd_json_key_string(w, "signed_root", root);
                sovd_json_key_string(w, "signed_time", r->signed_time);
        }
        sovd_json_key_int(w, "pruned_to", (int64_t)r->pruned_to);
        sovd_json_key_int(w, "heads_met", (int64_t)r->n_heads_met);
        sovd_json_key_int(w, "heads_older", (int64_t)r->n_heads_older);
        sovd_json_key_int(w, "clock_went_back", (int64_t)r->n_clock_back);
        sovd_json_key_int(w, "tampering_reported", (int64_t)r->n_tampers);
        put_findings(w, r);
        sovd_json_key_int(w, "open", (int64_t)r->n_open);
        sovd_json_key(w, "open_entries");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < r->n_open && i < SOVD_AUDIT_OPEN_SHOWN; i++)
                sovd_json_uint(w, r->open[i]);
        sovd_json_array_end(w);
}

/* A path need not be UTF-8; JSON must. */
static void put_text(struct sovd_json_writer *w, const char *key, const char *text) {
        char clipped[4200];

        sovd_json_key_string(w, key, sovd_audit_clip(clipped, sizeof(clipped), text));
}

static int print_json(const struct job *j) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        put_text(&w, "file", j->path);
        sovd_json_key_string(&w, "verdict", verdict_of(j));
        if (*j->report.reason)
                put_text(&w, "reason", j->report.reason);
        if (j->report.bad_seq)
                sovd_json_key_int(&w, "first_bad", (int64_t)j->report.bad_seq);
        if (j->report.bad_to)
                sovd_json_key_int(&w, "last_bad", (int64_t)j->report.bad_to);
        if (*j->report.log)
                put_known(&w, &j->report);
        sovd_json_object_end(&w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                (void)puts(text);
        sovd_json_writer_done(&w);
        return r;
}

int sovd_ctl_audit_verify(const struct sovd_ctl_command *command, int argc, char **argv) {
        struct job j = { .command = command };

        int r = parse(&j, argc, argv);
        if (!r) {
                (void)verify(&j);
                r = (int)j.report.verdict;
                if (!j.json)
                        print_text(&j);
                else if (print_json(&j))
                        r = SOVD_AUDIT_UNREADABLE;
        }
        sovd_audit_heads_done(&j.heads);
        if (fflush(stdout) && r == SOVD_AUDIT_SOUND)
                return SOVD_AUDIT_UNREADABLE; /* whoever reads did not get the result */
        return r == ASKED_FOR_HELP ? 0 : r;
}
