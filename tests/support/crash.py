# SPDX-License-Identifier: Apache-2.0
"""Kills the daemon at random moments while clients change what has to last, and compares what they were told with what is
there afterwards: in the file as the kill left it, and in the answers of the daemon that was started again.

What lasts is the matter of workloads. Another durable kind is another subclass of Workload."""
import http.client
import json
import pathlib
import random
import shutil
import sqlite3
import tempfile
import threading
import time

import gateway
import native

GONE = (native.Closed, OSError, http.client.HTTPException)  # what a client sees of a daemon that was killed
EARLIEST, LATEST = 0.005, 0.065                             # of a kill, in seconds after the load began
JOIN_SECONDS = 30


class Broken(AssertionError):
    """What was promised does not hold."""


class Ledger:
    """What may be true of each subject: what was acknowledged last, or that with the one change nobody answered any more.
    A subject belongs to one thread."""

    def __init__(self, nothing):
        self.nothing = nothing  # the state of a subject that was never touched
        self.known, self.asked = {}, {}

    def state(self, subject):
        return self.known.get(subject, self.nothing)

    def ask(self, subject, state):
        """Before the request leaves."""
        self.asked[subject] = state

    def acknowledge(self, subject):
        self.known[subject] = self.asked.pop(subject)

    def settle(self, found):
        """found: {subject: state}, of all that there are."""
        for subject in {*found, *self.known, *self.asked}:
            state, known = found.get(subject, self.nothing), self.state(subject)
            if state != known and (subject not in self.asked or state != self.asked[subject]):
                raise Broken(f'{subject} is {state}; acknowledged was {known}, '
                             f'and {self.asked.get(subject, "nothing")} was under way')
            self.known[subject] = state
        self.asked.clear()


class Workload:
    """Clients that change one durable kind, and what they know of it."""
    clients = 1  # each on a thread of its own

    def sections(self, folder):
        """What the configuration needs for it."""
        return {}

    def connect(self, run, number):
        """A client, new after each start: any object; with close(), it is called after the kill."""
        raise NotImplementedError

    def act(self, client):
        """A change or a few, until they are acknowledged. Returns how many; raises one of GONE when the daemon is gone.
        What is asked for is noted before it leaves, and what was acknowledged when the answer is there."""
        raise NotImplementedError

    def check_file(self, database):
        """The state file as the kill left it, opened by another SQLite. Raises Broken."""

    def check(self, gateway_):
        """What the daemon serves after it was started again. Raises Broken."""


class Crashes:
    """The daemon on one state folder, and its kills."""

    def __init__(self, *workloads, seed=None, **sections):
        self.seed = random.randrange(10**6) if seed is None else seed
        self.random = random.Random(self.seed)
        self.workloads, self.more = workloads, sections
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='crash'))
        self.state, self.socket = self.path / 'state', self.path / 'apps.sock'
        self.state.mkdir()
        self.gateway = None
        self.kills = self.acknowledged = 0
        self.ready_seconds, self.trouble = [], []
        self.lock = threading.Lock()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.gateway:
            if kind is None:
                self.gateway.stop()
            else:
                self.gateway.kill()
        if kind is None:
            shutil.rmtree(self.path)  # of a failure, the files are kept

    def settings(self):
        """Sections of all workloads; apps of the section `native` are put together."""
        apps = []
        for workload in self.workloads:
            apps += workload.sections(self.path).get('native', {}).get('apps', [])
        merged = {key: value for w in self.workloads for key, value in w.sections(self.path).items() if key != 'native'}
        return {'storage': {'path': str(self.state)}, 'limits': {'connections': 16, 'fault_events_per_sec': 0},
                'native': {'socket': str(self.socket), 'apps': apps, 'frames_per_sec': 1000000}, **merged, **self.more}

    def start(self):
        self.gateway = gateway.Gateway(**self.settings())
        self.ready_seconds.append(time.monotonic() - self.gateway.started)

    def load(self, workload, client):
        try:
            while True:
                done = workload.act(client)
                with self.lock:
                    self.acknowledged += done
        except GONE:
            pass
        except BaseException as error:  # told by the main thread
            self.trouble.append(error)

    def run_until_killed(self):
        """All clients at once, until the moment has come."""
        clients = [(w, w.connect(self, i)) for w in self.workloads for i in range(w.clients)]
        threads = [threading.Thread(target=self.load, args=pair, daemon=True) for pair in clients]
        delay = self.random.uniform(EARLIEST, LATEST)
        for thread in threads:
            thread.start()
        threading.Event().wait(delay)
        if self.gateway.process.poll() is not None:
            raise Broken(f'the daemon ended by itself:\n{self.gateway.log}')
        log = self.gateway
        self.gateway = None
        log.kill()
        self.kills += 1
        for thread in threads:
            thread.join(JOIN_SECONDS)
        for _, client in clients:
            if hasattr(client, 'close'):
                client.close()
        if gateway.SANITIZER.search(log.log):
            raise Broken(f'a sanitizer reported:\n{log.log}')
        if self.trouble:
            raise self.trouble[0]

    def copied(self):
        """The files of the state as they are now, in a folder of their own."""
        copy = self.path / 'copy'
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for file in self.state.glob('state.db*'):
            if not file.name.endswith('-shm'):
                shutil.copy(file, copy)
        return copy / 'state.db'

    def compare_file(self, path=None):
        database = sqlite3.connect(path or self.copied())
        try:
            verdict = [row[0] for row in database.execute('PRAGMA integrity_check')]
            if verdict != ['ok']:
                raise Broken(f'integrity_check: {verdict}')
            for workload in self.workloads:
                workload.check_file(database)
        finally:
            database.close()

    def round(self):
        """One kill, and everything compared."""
        try:
            self.run_until_killed()
            self.compare_file()
            self.start()
            for workload in self.workloads:
                workload.check(self.gateway)
        except AssertionError as error:
            raise Broken(f'kill {self.kills} of seed {self.seed}, files in {self.path}: {error}') from error


# ---- faults --------------------------------------------------------------------------------------------------------

NOW_FAILED, CLEARED = 1 << 1, 1 << 8  # of fault_event.changed
TEST_FAILED = 1 << 0                  # of the status byte


def fault_rows(database):
    """{(entity, code): (occurrences, failing)} of the file."""
    rows = database.execute('SELECT entity, code, occurrences, status FROM fault')
    return {(entity, code): (n, bool(status & TEST_FAILED)) for entity, code, n, status in rows}


class Events:
    """What fault_event held at the last look: nothing of it may change any more, and what is new comes behind."""

    def __init__(self):
        self.last_id = self.n = 0
        self.occurrences = {}

    def check(self, database, states):
        before, last = database.execute('SELECT count(*), max(id) FROM fault_event WHERE id<=?', (self.last_id,)).fetchone()
        if before != self.n or (last or 0) != self.last_id:
            raise Broken(f'{self.n} events up to {self.last_id} were there; now they are {before} up to {last}')
        rows = database.execute('SELECT id, entity, code, changed FROM fault_event WHERE id>? ORDER BY id', (self.last_id,))
        for self.last_id, entity, code, changed in rows:
            self.n += 1
            self.take(entity, code, changed)
        for subject, (n, _) in states.items():
            if self.occurrences.get(subject, 0) != n:
                raise Broken(f'{subject} has {n} occurrences and {self.occurrences.get(subject, 0)} events of them')

    def take(self, entity, code, changed):
        for subject in [s for s in self.occurrences if s[0] == entity and code in ('', s[1])] if changed & CLEARED else ():
            self.occurrences[subject] = 0
        if changed & NOW_FAILED:
            self.occurrences[entity, code] = self.occurrences.get((entity, code), 0) + 1


class FaultFile:
    """Compares the faults of all workloads that have faults; shared by them."""

    def __init__(self):
        self.ledger = Ledger((0, False))
        self.events = Events()

    def check(self, database):
        found = fault_rows(database)
        self.ledger.settle(found)
        self.events.check(database, found)


class App(native.Connection):
    """An app of one fault workload, registered."""

    def __init__(self, run, entity, codes):
        super().__init__(run.socket)
        self.entity, self.codes, self.seq = entity, codes, 2
        catalog = [{'code': code, 'name': code, 'reports_per_sec': 0} for code in codes]
        self.http = run.gateway.connection()
        answers = self.hello(entity, instance=str(run.kills)), self.ask('register', 2, faults={'faults': catalog})
        if [a['type'] for a in answers] != ['welcome', 'reply']:
            raise Broken(f'{entity} cannot register: {answers}')

    def close(self):
        super().close()
        self.http.close()

    def post(self, code, report):
        self.seq += 1
        self.send('fault', seq=self.seq, code=code, report=report)
        return self.seq


class Faults(Workload):
    """Apps that report failures and their ends, of several faults at a time, one report of each under way."""
    clients = 4
    codes = [f'F{n}' for n in range(6)]

    def __init__(self, file):
        self.file, self.ledger = file, file.ledger

    def entity(self, number):
        return f'apps/reporter{number}'

    def sections(self, folder):
        return {'native': {'apps': [{'entity': self.entity(i)} for i in range(self.clients)]}}

    def connect(self, run, number):
        return App(run, self.entity(number), self.codes)

    def report(self, app, code):
        """Sends the opposite of what is known."""
        n, failing = self.ledger.state((app.entity, code))
        self.ledger.ask((app.entity, code), (n, False) if failing else (n + 1, True))
        return app.post(code, 'passed' if failing else 'failed')

    def act(self, app):
        under_way = {self.report(app, code): code for code in app.codes}
        done = len(under_way)
        while under_way:
            frame = app.receive()
            if frame['type'] != 'reply':
                raise Broken(f'a report was answered by {frame}')
            self.ledger.acknowledge((app.entity, under_way.pop(frame['re'])))
        return done

    def check_file(self, database):
        self.file.check(database)

    def check(self, gateway_):
        for i in range(self.clients):
            check_served(gateway_, self.ledger, self.entity(i))


class ClearedFaults(Workload):
    """A fault that is reported, and cleared by a client: alone, or with all others of its app."""
    clients = 2
    codes = ['ONE', 'OTHER']

    def __init__(self, file):
        self.file, self.ledger = file, file.ledger

    def entity(self, number):
        return f'apps/cleared{number}'

    def sections(self, folder):
        return {'native': {'apps': [{'entity': self.entity(i)} for i in range(self.clients)]}}

    def connect(self, run, number):
        return App(run, self.entity(number), self.codes)

    def report(self, app, code):
        n, failing = self.ledger.state((app.entity, code))
        if failing:
            return 0
        self.ledger.ask((app.entity, code), (n + 1, True))
        frame = app.answer_to(app.post(code, 'failed'))
        if frame['type'] != 'reply':
            raise Broken(f'a report was answered by {frame}')
        self.ledger.acknowledge((app.entity, code))
        return 1

    def clear(self, app, path, codes):
        for code in codes:
            self.ledger.ask((app.entity, code), (0, False))
        app.http.request('DELETE', f'{gateway.BASE}/{app.entity}/faults{path}')
        answer = app.http.getresponse()
        body = answer.read()
        if answer.status != 204:
            raise Broken(f'a clear was answered by {answer.status} {body}')
        for code in codes:
            self.ledger.acknowledge((app.entity, code))
        return len(codes)

    def act(self, app):
        done = sum(self.report(app, code) for code in app.codes)
        return done + self.clear(app, '/ONE', ['ONE']) + self.report(app, 'ONE') + self.clear(app, '', app.codes)

    def check_file(self, database):
        """The workload that reports has compared all there are."""

    def check(self, gateway_):
        for i in range(self.clients):
            check_served(gateway_, self.ledger, self.entity(i))


def check_served(gateway_, ledger, entity):
    """The faults of an app by HTTP; nobody has faults who never had one."""
    reply = gateway_.bare('GET', f'{gateway.BASE}/{entity}/faults')
    items = json.loads(reply.body)['items'] if reply.status == 200 else []
    served = {(entity, item['code']): item['status']['testFailed'] == '1' for item in items}
    expected = {subject: failing for subject, (n, failing) in ledger.known.items() if subject[0] == entity and n}
    if reply.status not in (200, 404) or served != expected:
        raise Broken(f'{entity} has {expected}; served was {reply.status} {served}')
    for subject in list(expected)[:1]:
        detail = gateway_.bare('GET', f'{gateway.BASE}/{entity}/faults/{subject[1]}').json
        if detail['environment_data']['occurrences'] != ledger.known[subject][0]:
            raise Broken(f'{subject} is {ledger.known[subject]}; served was {detail}')


def fault_workloads():
    file = FaultFile()
    return Faults(file), ClearedFaults(file)
