# SPDX-License-Identifier: Apache-2.0
"""What native apps may not do: each is told so where that is possible, is counted, and disturbs nobody else."""
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

import native
import polling
import test_native_apps
from test_native_apps import REGISTER

NOBODY = 65534
STRANGER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import native  # before the user changes: its files may be out of reach then
uid, gid, groups = int(sys.argv[3]), int(sys.argv[4]), [int(g) for g in sys.argv[5].split(',') if g]
os.setgroups(groups); os.setgid(gid); os.setuid(uid)
connection = native.Connection(sys.argv[2])
answer = connection.hello(sys.argv[6])
print(answer.get('code') or answer['type'])
"""


class PeersCase(test_native_apps.NativeCase):
    entities = ('apps/nav', 'apps/other')
    options = {'heartbeat_secs': 60, 'frame_timeout_secs': 0.3, 'max_frame_bytes': 20000, 'max_queue_bytes': 40000,
               'max_in_flight': 4, 'max_connections': 4, 'frames_per_sec': 200, 'timeout_secs': 20}

    def setUp(self):
        super().setUp()
        self.other = self.app({'read': lambda frame: {'value': 1}}, entity='apps/other')

    def tearDown(self):
        """Whatever happened, the other app was not disturbed."""
        if self.gateway:
            self.assertFalse(self.other.is_closed)
            self.assertEqual(self.get('/apps/other/data/speed')['data'], 1)
        super().tearDown()

    def introduced(self):
        connection = self.connection()
        self.assertEqual(connection.hello()['type'], 'welcome')
        return connection


class BadFrames(PeersCase):
    def closed_with(self, connection, code):
        frames = connection.until_closed()
        self.assertEqual([f['code'] for f in frames if f['type'] == 'error'], [code])
        return next(f['message'] for f in frames if f['type'] == 'error')

    def test_another_version_is_refused_with_the_one_that_is_spoken(self):
        connection = self.connection()
        connection.send('hello', v=2, entity='apps/nav', instance='x', something_new={})
        self.assertIn('only 1', self.closed_with(connection, 'bad-version'))

    def test_what_is_no_json_ends_the_connection(self):
        for text in ('{"type":', '[1]', '"hello"', '{"type":"hello","type":"bye"}', b'\xff\xfe', '{} {}', '{"a":NaN}'):
            connection = self.introduced()
            connection.send_text(text)
            self.closed_with(connection, 'not-json')

    def test_a_frame_that_is_too_long_ends_the_connection_before_it_came(self):
        connection = self.introduced()
        connection.send_bytes(struct.pack('>I', 20001))
        self.closed_with(connection, 'too-long')
        connection = self.connection()
        connection.send_bytes(b'GET / HTTP/1.1\r\n\r\n')
        self.closed_with(connection, 'too-long')

    def test_a_frame_of_the_full_length_is_taken(self):
        connection = self.introduced()
        text = json.dumps({'type': 'heartbeat', 'seq': 9, 'pad': ''})
        connection.send_text(text[:-2] + 'x' * (20000 - len(text)) + text[-2:])
        self.assertEqual(connection.answer_to(9)['type'], 'reply')

    def test_an_empty_frame_ends_the_connection(self):
        connection = self.introduced()
        connection.send_text('')
        self.closed_with(connection, 'bad-frame')

    def test_half_a_frame_ends_the_connection_after_a_while(self):
        for bytes_ in (b'\0\0', b'\0\0\0\x10{"type"'):
            connection = self.introduced()
            connection.send_bytes(bytes_)
            self.closed_with(connection, 'timeout')

    def test_who_does_not_say_hello_is_closed(self):
        self.closed_with(self.connection(), 'timeout')

    def test_a_frame_that_comes_byte_by_byte_is_one_frame(self):
        connection = self.connection()
        text = json.dumps({'type': 'hello', 'seq': 1, 'v': 1, 'entity': 'apps/nav', 'instance': 'x'}).encode()
        for byte in struct.pack('>I', len(text)) + text:
            connection.send_bytes(bytes([byte]))
        self.assertEqual(connection.answer_to(1)['type'], 'welcome')

    def test_many_frames_in_one_write_are_many_frames(self):
        connection = self.introduced()
        frame = b''.join(struct.pack('>I', len(t)) + t
                         for t in (json.dumps({'type': 'heartbeat', 'seq': n}).encode() for n in range(50)))
        connection.send_bytes(frame)
        self.assertEqual([connection.receive()['re'] for _ in range(50)], list(range(50)))

    def test_bad_frames_are_named_and_the_connection_stays(self):
        connection = self.introduced()
        cases = [('unknown-type', {'type': 'dance'}), ('bad-frame', {'type': 5}), ('bad-frame', {}),
                 ('bad-frame', {'type': 'fault', 'code': 'X'}), ('bad-frame', {'type': 'fault', 'code': 'X', 'report': 'no'}),
                 ('bad-frame', {'type': 'publish', 'values': 3}), ('bad-frame', {'type': 'exec', 'exec': 'a', 'status': 'b'}),
                 ('bad-frame', {'type': 'exec', 'exec': 'a', 'status': 'running', 'progress': 101}),
                 ('bad-frame', {'type': 'log', 'severity': 'loud', 'msg': 'x'}), ('bad-frame', {'type': 'condition', 'name': 'x'}),
                 ('bad-frame', {'type': 'register', 'data': [{'id': 'a/b', 'name': 'x'}]}),
                 ('bad-frame', {'type': 'register', 'data': [{'id': 'docs', 'name': 'x'}]}),
                 ('bad-frame', {'type': 'register', 'data': [{'id': 'a', 'name': 'x'}] * 2}),
                 ('bad-frame', {'type': 'register', 'data': [{'id': 'a'}]}),
                 ('bad-frame', {'type': 'hello', 'v': 1, 'entity': 'apps/nav', 'instance': 'x'}),
                 ('register-first', {'type': 'publish', 'values': {'a': 1}})]
        refused = self.metric('frames_refused_total')
        for seq, (code, frame) in enumerate(cases, 10):
            connection.send_text(json.dumps({'seq': seq, **frame}))
            answer = connection.answer_to(seq)
            self.assertEqual((answer['type'], answer.get('code')), ('error', code), frame)
        self.assertEqual(self.metric('frames_refused_total') - refused, len(cases))
        self.assertEqual(connection.ask('heartbeat', 99)['type'], 'reply')

    def test_a_seq_that_is_none_is_refused_without_one(self):
        connection = self.introduced()
        connection.send('heartbeat', seq=-1)
        self.assertNotIn('re', connection.error())

    def test_unknown_members_are_ignored(self):
        connection = self.introduced()
        self.assertEqual(connection.ask('heartbeat', 5, more={'a': 1})['type'], 'reply')

    def test_hello_is_the_first_frame(self):
        for frame in ('heartbeat', 'bye', 'dance'):
            connection = self.connection()
            connection.send(frame)
            connection_frames = connection.until_closed()
            self.assertIn(connection_frames[0]['code'], ('hello-first', 'unknown-type'))

    def test_answers_to_what_was_not_asked_are_ignored(self):
        connection = self.introduced()
        connection.send('reply', re=12345, value=1)
        connection.send('error', re=12345, code='x', message='y')
        connection.send('error', code='x', message='y')
        self.assertEqual(connection.ask('heartbeat', 5)['type'], 'reply')

    def test_more_resources_than_allowed_are_refused(self):
        self.stop()
        self.options = {**self.options, 'max_resources': 3}
        self.start()
        self.other = self.app({'read': lambda frame: {'value': 1}}, entity='apps/other',
                              register={'data': REGISTER['data']})
        connection = self.introduced()
        answer = connection.ask('register', 2, data=[{'id': f'd{i}', 'name': 'd'} for i in range(4)])
        self.assertIn('4 resources', answer['message'])


class Counted(PeersCase):
    """Whatever an app does wrong is in the metrics, each time, whether it is told so or not."""
    entities = ('apps/nav', 'apps/other', {'entity': 'apps/theirs', 'uid': NOBODY})

    COUNTERS = ('frames_refused_total', 'peers_refused_total', 'peers_lost_total')

    def counted(self, act, **expected):
        before = {name: self.metric(name) for name in self.COUNTERS}
        act()
        wanted = {name: before[name] + expected.get(name.removesuffix('_total'), 0) for name in self.COUNTERS}
        now = {}

        def are_there():
            now.update({name: self.metric(name) for name in self.COUNTERS})
            return now == wanted
        self.assertTrue(polling.wait_until(are_there, 10), f'{now} instead of {wanted}')

    def says(self, code, connection, act):
        act(connection)
        self.assertEqual([f['code'] for f in connection.until_closed() if f['type'] == 'error'], [code])

    def test_what_ends_a_connection(self):
        cases = [('too-long', lambda c: c.send_bytes(struct.pack('>I', 20001))),
                 ('too-long', lambda c: c.send_bytes(b'\xff' * 8)),
                 ('bad-frame', lambda c: c.send_text('')),
                 ('not-json', lambda c: c.send_text('no json')),
                 ('not-json', lambda c: c.send_text('[' * 5000 + ']' * 5000)),
                 ('not-json', lambda c: c.send_text('{"type":"heartbeat","type":"bye"}')),
                 ('not-json', lambda c: c.send_text(b'{"type":"log","msg":"\x80"}')),
                 ('not-json', lambda c: c.send_text('{"type":"heartbeat","x":"\\u0000"}')),
                 ('not-json', lambda c: c.send_text(json.dumps({str(i): 0 for i in range(1100)}))),
                 ('timeout', lambda c: c.send_bytes(b'\0\0\0')),
                 ('timeout', lambda c: c.send_bytes(b'\0\0\0\x09{"type"'))]
        for code, act in cases:
            self.counted(lambda code=code, act=act: self.says(code, self.introduced(), act),
                         frames_refused=1, peers_refused=1, peers_lost=1)

    def test_what_keeps_an_app_from_connecting(self):
        cases = [('bad-version', {'v': 2}), ('bad-version', {'v': '1'}), ('bad-version', {}), ('unknown-entity', {'entity': 'apps/thief'}),
                 ('not-allowed', {'entity': 'apps/theirs'}), ('in-use', {'entity': 'apps/other'}),
                 ('bad-frame', {'instance': ''}), ('bad-frame', {'located_on': 'a/b'}), ('bad-frame', {'entity': 7})]
        for code, members in cases:
            if 'v' not in members and code != 'bad-version':
                members = {'v': 1, **members}
            frame = {'entity': 'apps/nav', 'instance': 'x', **members}
            self.counted(lambda code=code, frame=frame: self.says(code, self.connection(), lambda c: c.send('hello', **frame)),
                         frames_refused=1, peers_refused=1)
        self.counted(lambda: self.says('timeout', self.connection(), lambda c: None), frames_refused=1, peers_refused=1)
        self.counted(lambda: self.says('hello-first', self.connection(), lambda c: c.send('heartbeat')),
                     frames_refused=1, peers_refused=1)

    def test_frames_that_are_refused_leave_the_connection(self):
        app = self.app(register=REGISTER)
        cases = [('unknown-type', 'dance', {}), ('unknown-fault', 'fault', {'code': 'NOT_IN_IT', 'report': 'failed'}),
                 ('bad-frame', 'fault', {'code': 'GPS_LOST', 'report': 'broken'}), ('bad-frame', 'fault', {'report': 'failed'}),
                 ('bad-frame', 'fault', {'code': 'GPS_LOST', 'report': 'failed', 'n': 0}),
                 ('bad-value', 'fault', {'code': 'GPS_LOST', 'report': 'failed', 'environment': {'x': 'y' * 17000}}),
                 ('bad-frame', 'fault', {'code': 'GPS_LOST', 'report': 'failed', 'environment': [1]}),
                 ('not-allowed', 'cycle', {'kind': 'power'}), ('bad-frame', 'cycle', {}), ('unknown-exec', 'exec', {'exec': 'x', 'status': 'completed'}),
                 ('bad-value', 'publish', {'values': {'speed': 1}}), ('bad-frame', 'condition', {'name': 'x', 'on': 'yes'}),
                 ('bad-frame', 'log', {'severity': 'info'}), ('bad-frame', 'hello', {'v': 1, 'entity': 'apps/nav', 'instance': 'x'})]
        for code, type_, members in cases:
            self.counted(lambda code=code, type_=type_, members=members:
                         self.assertEqual(app.ask(type_, **members).get('code'), code, members), frames_refused=1)
        self.assertFalse(app.is_closed)
        self.assertEqual(self.get('/apps/nav/faults')['items'], [])

    def test_half_a_frame_and_then_nothing(self):
        connection = self.introduced()
        connection.send_bytes(b'\0\0\1\0{"type":"fault"')
        self.counted(connection.close, frames_refused=1, peers_lost=1)
        stranger = self.connection()
        stranger.send_bytes(b'\0\0')
        self.counted(stranger.close, frames_refused=1, peers_refused=1)
        self.counted(self.connection().close)  # it only looked

    def test_an_app_that_reads_no_answers_is_closed(self):
        self.stop()
        self.options = {**self.options, 'frames_per_sec': 1000000, 'frame_timeout_secs': 30}
        self.start()
        self.other = self.app({'read': lambda frame: {'value': 1}}, entity='apps/other')
        connection = self.introduced()
        lost = self.metric('peers_lost_total')
        frame = json.dumps({'type': 'x' * 200, 'seq': 1}).encode()
        frame = struct.pack('>I', len(frame)) + frame
        connection.socket.settimeout(20)
        with self.assertRaises(OSError):  # it is closed while it goes on sending
            while True:
                connection.send_bytes(frame * 50)
        self.until(lambda: self.metric('peers_lost_total') == lost + 1)
        self.assertIn('does not read', self.gateway.log)

    def test_registering_again_and_again_is_limited(self):
        app = self.app(register={})
        codes = [app.ask('register').get('code') for _ in range(30)]
        self.assertIn('rate-limited', codes)
        self.assertFalse(app.is_closed)
        self.until(lambda: app.ask('register')['type'] == 'reply')


class WhoMayBeWho(PeersCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('only root can be somebody else')
        self.entities = ('apps/nav', 'apps/other', {'entity': 'apps/theirs', 'uid': NOBODY},
                         {'entity': 'apps/grouped', 'gid': 4242}, {'entity': 'apps/both', 'user': 'nobody', 'gid': 4242})
        self.options = {**PeersCase.options, 'socket_access': 'group', 'socket_group': 'nogroup', 'max_connections': 50}
        super().setUp()
        os.chmod(self.folder, 0o755)

    def as_user(self, entity, uid=NOBODY, gid=NOBODY, groups=()):
        done = subprocess.run([sys.executable, '-c', STRANGER, os.path.dirname(native.__file__), str(self.socket), str(uid),
                               str(gid), ','.join(map(str, groups)), entity], capture_output=True, text=True, timeout=60)
        return done.stdout.strip() or done.stderr

    def test_who_is_told_by_the_kernel_and_not_by_the_app(self):
        self.assertEqual(self.as_user('apps/theirs'), 'welcome')
        self.assertEqual(self.as_user('apps/nav'), 'not-allowed')
        connection = self.connection()
        self.assertEqual(connection.hello('apps/theirs')['code'], 'not-allowed')
        self.assertEqual(connection.until_closed(), [])

    def test_a_group_may_be_any_of_the_process(self):
        self.assertEqual(self.as_user('apps/grouped', gid=NOBODY, groups=[7, 4242]), 'welcome')
        self.assertEqual(self.as_user('apps/grouped', groups=[7]), 'not-allowed')

    def test_user_and_group_must_both_be_true(self):
        self.assertEqual(self.as_user('apps/both', groups=[4242]), 'welcome')
        self.assertEqual(self.as_user('apps/both'), 'not-allowed')
        self.assertEqual(self.as_user('apps/both', uid=65533, groups=[4242]), 'not-allowed')

    def test_an_entity_that_is_not_configured_is_nobody(self):
        refused = self.metric('peers_refused_total')
        for entity in ('apps/thief', 'components/nav', 'nav', ''.join(['apps/', 'x' * 100])):
            connection = self.connection()
            self.assertEqual(connection.hello(entity)['code'], 'unknown-entity')
            self.assertEqual(connection.until_closed(), [])
        self.assertEqual(self.metric('peers_refused_total') - refused, 4)
        self.assertIn('unknown-entity', self.gateway.log)


def group_folder():
    """Where control groups of units are made, as /proc/PID/cgroup shows them; None: nowhere here."""
    lines = pathlib.Path('/proc/self/cgroup').read_text(encoding='utf-8').splitlines()
    own = any(':name=systemd:' in line for line in lines)
    for line in pathlib.Path('/proc/self/mounts').read_text(encoding='utf-8').splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == 'cgroup' and 'name=systemd' in options.split(',') or kind == 'cgroup2' and not own:
            return pathlib.Path(where)
    return None


class Units(PeersCase):
    """A control group with the name of a unit is made and entered as systemd does it; the rest is the kernel's word."""
    CHILD = 'import os, pathlib, sys; pathlib.Path(sys.argv.pop(1), "cgroup.procs").write_text(str(os.getpid()))\n' + STRANGER

    def setUp(self):
        self.unit = f'sovdtest{os.getpid()}.service'
        slice_ = (group_folder() or pathlib.Path('/nowhere')) / f'sovdtest{os.getpid()}.slice'
        try:
            (slice_ / self.unit / 'below').mkdir(parents=True)
            (slice_ / 'other.service').mkdir()
        except OSError as error:
            self.skipTest(f'no control group can be made here: {error}')
        self.slice = slice_
        self.addCleanup(self.remove_groups)
        self.entities = ('apps/nav', 'apps/other', {'entity': 'apps/unit', 'unit': self.unit},
                         {'entity': 'apps/strict', 'unit': self.unit, 'uid': NOBODY})
        self.options = {**PeersCase.options, 'socket_access': 'group', 'socket_group': 'nogroup', 'max_connections': 50}
        super().setUp()
        os.chmod(self.folder, 0o755)

    def remove_groups(self):
        for folder in (self.slice / self.unit / 'below', self.slice / self.unit, self.slice / 'other.service', self.slice):
            self.until(lambda folder=folder: self.is_removed(folder))

    @staticmethod
    def is_removed(folder):
        try:
            folder.rmdir()
        except OSError:  # its last process is not reaped yet
            pass
        return not folder.exists()

    def within(self, group, entity, uid=0):
        done = subprocess.run([sys.executable, '-c', self.CHILD, str(self.slice / group), os.path.dirname(native.__file__),
                               str(self.socket), str(uid), str(NOBODY), '', entity], capture_output=True, text=True, timeout=60)
        return done.stdout.strip() or done.stderr

    def test_only_a_process_of_the_unit_may_be_the_entity(self):
        self.assertEqual(self.within(self.unit, 'apps/unit'), 'welcome')
        self.assertEqual(self.within(f'{self.unit}/below', 'apps/unit', NOBODY), 'welcome')
        refused = self.metric('peers_refused_total')
        self.assertEqual(self.within('other.service', 'apps/unit'), 'not-allowed')
        connection = self.connection()
        self.assertEqual(connection.hello('apps/unit')['code'], 'not-allowed')
        self.assertIn('does not let this process be this entity: it is in the unit other.service', self.gateway.log)
        self.assertEqual(self.metric('peers_refused_total') - refused, 2)

    def test_unit_and_user_must_both_be_true(self):
        self.assertEqual(self.within(self.unit, 'apps/strict', NOBODY), 'welcome')
        self.assertEqual(self.within(self.unit, 'apps/strict', 65533), 'not-allowed')
        self.assertEqual(self.within('other.service', 'apps/strict', NOBODY), 'not-allowed')

    def test_whoever_connected_and_ended_is_in_no_unit(self):
        """The socket outlives the process that connected it: a child holds it, and says hello."""
        child = self.CHILD.replace('answer =', 'import polling\nparent = os.getpid()\nif os.fork():\n    os._exit(0)\n'
                                   'polling.wait_until(lambda: os.getppid() != parent, 20, 0.01)\nanswer =')
        done = subprocess.run([sys.executable, '-c', child, str(self.slice / self.unit), os.path.dirname(native.__file__),
                               str(self.socket), '0', '0', '', 'apps/unit'], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.strip(), 'not-allowed', done.stderr)


class Floods(PeersCase):
    def test_a_flood_has_to_wait_and_loses_nothing(self):
        connection = self.introduced()
        for n in range(600):  # more than fits into one second
            connection.send('heartbeat', seq=n)
        frames = []
        while len([f for f in frames if f['type'] == 'reply']) < 600:
            frames.append(connection.receive())
        self.assertEqual([f['re'] for f in frames if f['type'] == 'reply'], list(range(600)))
        limited = [f for f in frames if f['type'] == 'error']
        self.assertTrue(limited)
        self.assertEqual({f['code'] for f in limited}, {'rate-limited'})
        self.assertLess(len(limited), 10)

    def test_connecting_again_and_again_is_limited(self):
        codes = []
        for _ in range(30):
            connection = self.connection()
            codes.append(connection.hello().get('code'))
            connection.close()
            if codes[-1] == 'rate-limited':
                break
        self.assertEqual(codes[-1], 'rate-limited')

    def test_a_flood_of_one_fault_is_limited_by_the_fault(self):
        app = self.app(register={'faults': {'faults': [{'code': 'A', 'name': 'a', 'reports_per_sec': 1}]}})
        codes = {app.ask('fault', code='A', report=report).get('code') for report in ('failed', 'passed') * 3}
        self.assertIn('fault-limited', codes)

    def test_an_app_that_does_not_read_is_closed(self):
        self.stop()
        self.options = {**self.options, 'timeout_secs': 0.1}
        self.start()
        self.other = self.app({'read': lambda frame: {'value': 1}}, entity='apps/other')
        connection = self.connection()
        connection.hello()
        connection.ask('register', 2, data=[{'id': 'w', 'name': 'w', 'writable': True}])
        lost = self.metric('peers_lost_total')

        def write():
            self.gateway.bare('PUT', '/sovd/v1/apps/nav/data/w', {'data': 'x' * 15000})
            return self.metric('peers_lost_total') > lost
        self.until(write, timeout=60)
        self.assertIn('does not read', self.gateway.log)

    def test_more_connections_than_allowed_are_told_so(self):
        self.stop()
        self.options = {**self.options, 'frame_timeout_secs': 20}
        self.start()
        self.other = self.app({'read': lambda frame: {'value': 1}}, entity='apps/other')
        kept = [self.connection() for _ in range(3)]
        codes = [self.connection().until_closed()[0]['code'] for _ in range(20)]
        self.assertEqual(codes, ['too-many'] * 20)
        kept[0].close()
        self.assertEqual(kept[1].hello()['type'], 'welcome')

    def test_requests_at_a_time_are_limited(self):
        app = self.app({'read': lambda frame: None})
        connections = []
        for _ in range(4):
            connection = self.gateway.connection()
            connection.request('GET', '/sovd/v1/apps/nav/data/speed')
            connections.append(connection)
        self.until(lambda: len(app.of_type('read')) == 4)
        reply = self.ask(503, 'GET', '/apps/nav/data/speed')
        self.assertIn('retry-after', reply.headers)
        app.close()
        self.assertEqual({c.getresponse().status for c in connections}, {504})
        for connection in connections:
            connection.close()

    def test_a_request_longer_than_a_frame_is_refused(self):
        self.app({'write': lambda frame: {}})
        self.ask(413, 'PUT', '/apps/nav/data/volume', {'data': 'x' * 20001})


class Garbage(PeersCase):
    """Frames that are nearly right, in any order, from several connections at once; the seed makes a failure repeatable."""
    options = {**PeersCase.options, 'frames_per_sec': 1000000, 'max_connections': 20, 'freeze_frame_secs': 0.05,
               'max_log_entries': 5, 'frame_timeout_secs': 5}
    entities = ('apps/nav', 'apps/other', {'entity': 'apps/free', 'cycles': ['power']})
    VALUES = (None, True, 0, -1, 1, 2 ** 63, 1.5, '', 'speed', 'A', 'failed', 'passed', 'info', 'main', 'x' * 5000, [], ['speed'], {},
              {'speed': 1, 'route': 'x'}, [{'id': 'main'}], [{'id': 'speed', 'name': 's'}], [{'id': 'route', 'name': 'r', 'published': True}],
              {'faults': [{'code': 'A', 'name': 'a', 'freeze_frame': ['speed', 'route', 'none'], 'reports_per_sec': 0}]})
    MEMBERS = {'hello': ('v', 'entity', 'instance', 'located_on'), 'register': ('data', 'operations', 'modes', 'logs', 'faults'),
               'publish': ('values',), 'fault': ('code', 'report', 'n', 'environment'), 'condition': ('name', 'on'), 'cycle': ('kind', 'n'),
               'log': ('severity', 'msg', 'context', 'time_ms'), 'exec': ('exec', 'status', 'progress', 'parameters'), 'heartbeat': (),
               'reply': ('re', 'value', 'status'), 'error': ('re', 'code', 'message'), 'dance': ()}

    def frame(self, random_):
        type_ = random_.choice(list(self.MEMBERS)[1:]) if random_.random() < 0.995 else 'hello'
        frame = {'type': type_, 'seq': random_.randrange(100)}
        good = {'report': 'failed', 'code': 'A', 'kind': 'power', 'severity': 'warn', 'msg': 'm', 'name': 'c', 'on': True, 're': random_.randrange(2000),
                'message': 'm', 'data': self.VALUES[-3], 'logs': self.VALUES[-4], 'faults': self.VALUES[-1]}
        for member in self.MEMBERS[type_]:
            choice = random_.random()
            if choice < 0.7 and member in good:
                frame[member] = good[member]
            elif choice < 0.95:
                frame[member] = random_.choice(self.VALUES)
        return json.dumps(frame)

    def talk(self, seed):
        random_ = random.Random(seed)
        connection = native.Connection(self.socket)
        try:
            connection.hello(random_.choice(('apps/nav', 'apps/free')), instance=str(seed))
            for _ in range(random_.randrange(400)):
                connection.send_text(self.frame(random_))
            if random_.random() < 0.3:
                connection.send_bytes(bytes(random_.randrange(256) for _ in range(random_.randrange(40))))
            if random_.random() < 0.5:
                connection.ask('heartbeat', 1000)
        except (native.Closed, OSError):
            pass
        finally:
            connection.close()

    def test_nobody_else_is_disturbed(self):
        before = self.metric('frames_total')
        for round_ in range(15):
            threads = [threading.Thread(target=self.talk, args=(round_ * 10 + i,)) for i in range(3)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                self.assertEqual(self.get('/apps/other/data/speed')['data'], 1)
                for path in ('/data', '/data/speed', '/faults', '/logs/entries', '/logs/config', '/data/docs'):
                    self.assertLess(self.gateway.get(f'/apps/nav{path}').status, 505)
            for thread in threads:
                thread.join()
        self.assertGreater(self.metric('frames_total') - before, 1000)
        self.assertGreater(self.metric('frames_refused_total'), 100)
        self.until(lambda: self.metric('peers') == 1)


class Killed(PeersCase):
    entities = ({'entity': 'apps/nav', 'cycles': ['power']}, 'apps/other')
    options = {**PeersCase.options, 'frames_per_sec': 100000, 'frame_timeout_secs': 5}

    CHILD = """
import os, sys
sys.path.insert(0, sys.argv[1])
import native, polling
def connect():
    app = native.App(sys.argv[2], {'data': [{'id': 'speed', 'name': 's'}],
        'operations': [{'id': 'go', 'name': 'g', 'asynchronous': True, 'stoppable': True}],
        'logs': [{'id': 'main'}],
        'faults': {'faults': [{'code': 'A', 'name': 'a', 'reports_per_sec': 0},
                              {'code': 'FROZEN', 'name': 'f', 'reports_per_sec': 0, 'freeze_frame': ['speed']}]}},
        instance=str(os.getpid()), handlers={'read': lambda f: {'value': 1}, 'start': lambda f: {}})
    if app.registered and app.registered['type'] == 'reply':
        return app
    app.close()
app = polling.wait_until(connect, 20, 0.05)  # who comes too often has to wait
print('registered' if app else 'refused', flush=True)
while app:
    app.send('fault', code='A', report='failed', environment={'pad': 'x' * 5000})
    app.send('fault', code='FROZEN', report='failed')
    app.send('cycle', kind='power')
    app.send('log', severity='error', msg='x' * 3000)
    app.send('fault', code='FROZEN', report='passed')
    app.send('fault', code='A', report='passed')
"""

    def test_kill_at_any_moment_leaves_no_half_state(self):
        path = '/apps/nav/operations/go/executions'
        for _ in range(12):
            child = subprocess.Popen([sys.executable, '-c', self.CHILD, os.path.dirname(native.__file__), str(self.socket)],
                                     stdout=subprocess.PIPE, text=True)
            self.addCleanup(child.stdout.close)
            self.assertEqual(child.stdout.readline().strip(), 'registered')
            id_ = self.ask(202, 'POST', path).json['id']
            child.send_signal(signal.SIGKILL)
            child.wait()
            ended = self.until(lambda: (s := self.get(f'{path}/{id_}'))['status'] == 'failed' and s)
            self.assertIn('went away', str(ended['error']))
            self.ask(504, 'GET', '/apps/nav/data/speed')
        self.assertEqual({f['code'] for f in self.get('/apps/nav/faults')['items']}, {'A', 'FROZEN'})
        self.assertGreater(self.metric('cycles_total'), 0)
        environment = self.get('/apps/nav/faults/FROZEN')['environment_data']
        frame = environment['last_occurrence']['freeze_frame']  # or why not: nobody asks how busy the machine is
        self.assertIn('speed', {**frame, **frame.get('x-gw-not-read', {})})
        self.assertTrue(all(e['msg'] == 'x' * 3000 for e in self.get('/apps/nav/logs/entries')['items'] if e['severity'] == 'error'))


if __name__ == '__main__':
    unittest.main()
