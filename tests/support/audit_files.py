# SPDX-License-Identifier: Apache-2.0
"""The audit log as the files of a state hold it, read by another SQLite and checked with hashlib alone."""
import base64
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import audit_reference as reference


def copied(state):
    """A copy of the files that nobody writes: the folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='audit-copy'))
    for file in pathlib.Path(state).iterdir():
        if file.is_file() and not file.name.endswith('-shm'):
            shutil.copy(file, folder)
    return folder


def entries(state):
    """All of them, oldest first."""
    folder = copied(state)
    database = sqlite3.connect(folder / 'state.db')
    try:
        return [json.loads(body) for body, in database.execute('SELECT body FROM audit_entry ORDER BY seq')]
    finally:
        database.close()
        shutil.rmtree(folder)


def trouble(database):
    """What is wrong with a log that nobody shortened, or None: numbers, leaves, chain, and the root of the last checkpoint."""
    meta = dict(database.execute('SELECT name, value FROM audit_meta'))
    chain, leaves = reference.chain_begin(meta['log']), []
    if meta['first'] != '1':
        return 'it was shortened'
    for seq, body, leaf, own in database.execute('SELECT seq, body, leaf, chain FROM audit_entry ORDER BY seq'):
        entry = json.loads(body)
        leaves.append(reference.leaf_hash(body.encode()))
        chain = reference.chain_next(chain, len(leaves), leaves[-1])
        if (seq, entry['seq'], entry['log'], leaf, own) != (len(leaves), len(leaves), meta['log'], leaves[-1], chain):
            return f'entry {seq}'
    note = database.execute('SELECT note FROM audit_checkpoint ORDER BY size DESC, epoch DESC LIMIT 1').fetchone()[0].split('\n')
    told = (note[0], int(note[1]), base64.b64decode(note[2]), note[3])
    if told != ('sovd-audit/' + meta['log'], len(leaves), reference.root(leaves), 'chain ' + chain.hex()):
        return f'the checkpoint of {told[1]} entries; there are {len(leaves)}'
    return None


def verify(file, *arguments):
    """The exit status and the words of sovdctl audit verify."""
    path = pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'sovd-rest' / 'sovdctl'
    done = subprocess.run([str(path), 'audit', 'verify', *map(str, (file, *arguments))], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def verified(state):
    """The same of a copy of a state's files."""
    folder = copied(state)
    try:
        return verify(folder / 'state.db', '--key', folder / 'audit.pub')
    finally:
        shutil.rmtree(folder)
