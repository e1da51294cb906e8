# SPDX-License-Identifier: Apache-2.0
"""Logs made by audit-maker, as exports and as the tables that the gateway keeps; and the verifier as a user runs it."""
import base64
import json
import os
import pathlib
import sqlite3
import subprocess

import audit_reference

SECONDS = 60
TILES_FROM = 2  # the gateway keeps less; more to remove and to change
TABLES = """
CREATE TABLE audit_meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE audit_entry(seq INTEGER PRIMARY KEY, usec INTEGER NOT NULL, body TEXT NOT NULL, leaf BLOB NOT NULL,
  chain BLOB NOT NULL, ev TEXT NOT NULL, sub TEXT, entity TEXT, outcome TEXT, method TEXT, tenant TEXT) STRICT;
CREATE TABLE audit_tile(level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(level, idx)) STRICT;
CREATE TABLE audit_checkpoint(size INTEGER NOT NULL, epoch INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY(size, epoch)) STRICT;
CREATE TABLE audit_key(epoch INTEGER PRIMARY KEY, public BLOB NOT NULL, from_size INTEGER NOT NULL, signature BLOB NOT NULL) STRICT;
"""


def folder():
    return pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build'))


def make(*arguments, **values):
    """What audit-maker writes."""
    words = [*map(str, arguments), *(f'{name}={value}' for name, value in values.items())]
    done = subprocess.run([folder() / 'tests' / 'support' / 'audit-maker', *words], stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    return done.stdout


def run(*arguments, stdin=None, environment=None):
    """(exit status, standard output, standard error) of sovdctl."""
    words = [word if isinstance(word, bytes) else str(word) for word in arguments]
    done = subprocess.run([folder() / 'sovd-rest' / 'sovdctl', *words], input=stdin, capture_output=True,
                          timeout=SECONDS, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def verify(*arguments, **more):
    """The exit status and the JSON of a verification."""
    status, out, err = run('audit', 'verify', '--json', *arguments, **more)
    return status, json.loads(out) if out else err


def milliseconds(text):
    """Of a time as entries have it; the day does not matter, all are of the same one."""
    hours, minutes, seconds = text[11:23].split(':')
    return (int(hours) * 60 + int(minutes)) * 60000 + round(float(seconds) * 1000)


def entry_row(line):
    body = line['body']
    said = json.loads(body)
    usec = (1795305600000 + milliseconds(said['t'])) * 1000 + 7  # 2026-11-22
    leaf = audit_reference.leaf_hash(body.encode())
    return (line['seq'], usec, body, leaf, bytes.fromhex(line['chain']), said['ev'], said.get('sub'), said.get('entity'),
            said.get('outcome'), said.get('method'), said.get('detail', {}).get('tenant'))


def tiles(leaves):
    """(level, index, hash) of the complete subtrees."""
    level, hashes = 0, list(leaves)
    while hashes:
        if level >= TILES_FROM:
            yield from ((level, index, found) for index, found in enumerate(hashes))
        hashes = [audit_reference.sha256(b'\1' + a + b) for a, b in zip(hashes[::2], hashes[1::2])]
        level += 1


def write_database(path, export, before=()):
    """The tables that lead to this export; before: leaves of the entries that were pruned."""
    database = sqlite3.connect(path)
    database.execute('PRAGMA synchronous=OFF')
    database.executescript(TABLES)
    leaves = list(before)
    for line in map(json.loads, export.splitlines()):
        kind = line['type']
        if kind == 'header':
            meta = {'log': line['log'], 'first': line['from'], 'chain': line['first_chain'], 'device': line['device_key'],
                    'range': ' '.join(line['prior'])}
            database.executemany('INSERT INTO audit_meta VALUES(?, ?)', [(name, str(value)) for name, value in meta.items()])
        elif kind == 'key':
            database.execute('INSERT INTO audit_key VALUES(?, ?, ?, ?)', (line['epoch'], base64.b64decode(line['public']),
                             line['from_size'], base64.b64decode(line['signature'])))
        elif kind == 'entry':
            row = entry_row(line)
            leaves.append(row[3])
            database.execute('INSERT INTO audit_entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', row)
        elif kind == 'checkpoint':
            said = line['note'].split('\n')
            database.execute('INSERT INTO audit_checkpoint VALUES(?, ?, ?)', (int(said[1]), int(said[6].split()[1]), line['note']))
    database.executemany('INSERT INTO audit_tile VALUES(?, ?, ?)', tiles(leaves))
    database.commit()
    database.close()
