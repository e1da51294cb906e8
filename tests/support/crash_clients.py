# SPDX-License-Identifier: Apache-2.0
"""Workloads for kills at random moments (crash.py): what clients are promised of locks, executions and triggers."""
import http.client
import json

import gateway
import keys
from crash import Broken, Crashes, Ledger, Workload

SCOPES = ('data', 'operations', 'modes', 'faults')
CLIENTS = 3
VEHICLE = {'components': [
    {'id': f'{kind}{n}', 'data': [{'id': 'limit', 'value': 1, 'writable': True}],
     'operations': [{'id': 'long', 'asynchronous': True, 'duration_secs': 600, 'parallel_runs': 32},
                    {'id': 'now', 'result': [{'name': 'done', 'value': True}]}]}
    for kind in ('locked', 'run', 'watched') for n in range(CLIENTS)]}


class ClientCrashes(Crashes):
    """With a simulated vehicle that clients use; it ends with the daemon."""

    def start(self):
        scenario = self.path / 'vehicle.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        self.gateway = gateway.Gateway({'name': 'car', 'type': 'sim', 'scenario': str(scenario)}, **self.settings())


class Client:
    """One that is known by its key, on a connection that is kept."""

    def __init__(self, run, name, number):
        self.name, self.number, self.connection = name, number, run.gateway.connection()

    def close(self):
        self.connection.close()

    def ask(self, method, path, body=None, **headers):
        headers = {'Authorization': f'Bearer secret-of-{self.name}-xxxxxxxx', 'Content-Type': 'application/json',
                   **{name.replace('_', '-'): value for name, value in headers.items()}}
        self.connection.request(method, path if path.startswith('/sovd') else gateway.BASE + path,
                                None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        return gateway.Reply(answer.status, answer.getheaders(), answer.read())

    def must(self, status, *arguments, **headers):
        reply = self.ask(*arguments, **headers)
        if reply.status != status:
            raise Broken(f'{arguments} of {self.name} was answered by {reply!r}')
        return reply


class ClientWorkload(Workload):
    clients = CLIENTS
    kind = None

    def __init__(self):
        self.ledger = Ledger(None)

    def name(self, number):
        return f'{self.kind}-{number}'

    def at(self, number):
        return f'/components/{self.kind}{number}'

    def sections(self, folder):
        names = [f'{kind}-{n}' for kind in ('locked', 'run', 'watched') for n in range(CLIENTS)]
        return {'auth': keys.section(*(keys.entry(name, f'secret-of-{name}-xxxxxxxx') for name in names)),
                'locks': {'required': []},
                'limits': {'connections': 16, 'executions': 10000, 'idempotency_keys': 100000,
                           'idempotency_keys_per_client': 100000, 'triggers': 20000, 'triggers_per_client': 20000}}

    def connect(self, run, number):
        return Client(run, self.name(number), number)


class Locks(ClientWorkload):
    """Each client takes, extends and gives back locks on a component of its own; a state is the scopes that it holds."""
    kind = 'locked'

    def __init__(self):
        super().__init__()
        self.uris, self.turns = {}, {}

    def act(self, client):
        if self.ledger.state(client.name) is None:
            self.turns[client.name] = self.turns.get(client.name, 0) + 1
            scopes = (SCOPES[self.turns[client.name] % len(SCOPES)],)
            self.ledger.ask(client.name, scopes)
            reply = client.must(201, 'POST', self.at(client.number) + '/locks', {'lock_expiration': 600, 'scopes': list(scopes)})
            self.uris[client.name] = gateway.Gateway.full(reply.headers['location'])
            self.ledger.acknowledge(client.name)
        uri = self.uris[client.name]
        client.must(204, 'PUT', uri, {'lock_expiration': 900})
        self.ledger.ask(client.name, None)
        client.must(204, 'DELETE', uri)
        self.ledger.acknowledge(client.name)
        return 3

    def check_file(self, database):
        rows = database.execute("SELECT client, scopes, fence FROM lock WHERE state=0").fetchall()
        self.ledger.settle({client.removeprefix('key:'): tuple(scopes.split(',')) for client, scopes, _ in rows})
        last = database.execute("SELECT value FROM counter WHERE name='lock_fence'").fetchone()
        if any(fence > last[0] for _, _, fence in rows):
            raise Broken(f'the fences {rows} are over the last one, {last}')

    def check(self, gateway_):
        for number in range(self.clients):
            self.check_one(gateway_, number)

    def check_one(self, gateway_, number):
        name, held = self.name(number), self.ledger.state(self.name(number))
        who = {'Authorization': f'Bearer secret-of-{name}-xxxxxxxx'}
        items = gateway_.bare('GET', f'{gateway.BASE}{self.at(number)}/locks', headers=who).json['items']
        if [tuple(item['scopes']) for item in items if item['owned']] != ([held] if held else []) or len(items) > 1:
            raise Broken(f'{name} holds {held}; served was {items}')
        if items:
            self.uris[name] = f'{gateway.BASE}{self.at(number)}/locks/{items[0]["id"]}'


class Executions(ClientWorkload):
    """Each client starts with a new key each time. A key that was answered is answered in the same way for ever; one that
    was not is told apart, or starts what never began."""
    kind = 'run'
    checked = 20

    def __init__(self):
        super().__init__()
        self.answers = [[] for _ in range(self.clients)]  # (operation, key, reply)
        self.asked = [None] * self.clients
        self.n = 0

    def start(self, client, operation, key):
        return client.ask('POST', f'{self.at(client.number)}/operations/{operation}/executions', {}, Idempotency_Key=key)

    def act(self, client):
        done = 0
        for operation, status in ('long', 202), ('now', 200):
            self.n += 1
            self.asked[client.number] = (operation, f'key-{client.number}-{self.n}')
            reply = self.start(client, *self.asked[client.number])
            if reply.status == 409 and 'already' in reply.json['message']:
                continue  # as many as may run at the same time
            if reply.status != status:
                raise Broken(f'{operation} was answered by {reply!r}')
            self.answers[client.number].append((*self.asked[client.number], reply))
            self.asked[client.number] = None
            done += 1
        return done

    def check_file(self, database):
        for answers in self.answers:
            for operation, key, reply in answers[-self.checked:] if answers else ():
                if operation == 'long' and not database.execute(
                        'SELECT 1 FROM execution WHERE id=? AND state<>0', (reply.json['id'],)).fetchone():
                    raise Broken(f'{key} was answered by {reply!r}, and there is no such execution')

    def check(self, gateway_):
        for number in range(self.clients):
            client = Client(type('Run', (), {'gateway': gateway_}), self.name(number), number)
            try:
                self.check_one(client, number)
            except http.client.HTTPException as error:
                raise Broken(f'{client.name}: {error}') from error
            finally:
                client.close()

    def check_one(self, client, number):
        for operation, key, before in self.answers[number][-self.checked:]:
            after = self.start(client, operation, key)
            if (after.status, after.body, after.headers.get('location')) != (before.status, before.body,
                                                                             before.headers.get('location')):
                raise Broken(f'{key} was answered by {before!r}, and now by {after!r}')
            if operation == 'long':
                client.must(200, 'GET', gateway.Gateway.full(after.headers['location']))
        if self.asked[number]:
            self.check_interrupted(client, self.start(client, *self.asked[number]))
        self.asked[number] = None

    def check_interrupted(self, client, reply):
        if reply.status in (200, 202):
            return  # it was never begun, or it was answered and the client did not hear it
        if reply.status != 409 or reply.json.get('vendor_code') != 'outcome-unknown':
            raise Broken(f'an interrupted start of {client.name} is answered by {reply!r}')
        if 'parameters' in reply.json:
            client.must(200, 'GET', gateway.Gateway.full(reply.json['parameters']['href']))


class Triggers(ClientWorkload):
    """Each client makes persistent triggers and removes the older ones; a subject is a client and the value it waits for."""
    kind = 'watched'

    def __init__(self):
        super().__init__()
        self.uris, self.n = {}, [0] * self.clients

    def act(self, client):
        self.n[client.number] += 1
        new, old = (client.name, self.n[client.number]), (client.name, self.n[client.number] - 3)
        self.ledger.ask(new, 'there')
        reply = client.must(201, 'POST', self.at(client.number) + '/triggers', {
            'resource': 'data/limit', 'persistent': True,
            'trigger_condition': {'condition_type': 'OnChangeTo', 'value': 1000 + new[1]}})
        self.uris[new] = gateway.Gateway.full(reply.headers['location'])
        self.ledger.acknowledge(new)
        if self.ledger.state(old) is None:
            return 1
        self.ledger.ask(old, None)
        client.must(204, 'DELETE', self.uris[old])
        self.ledger.acknowledge(old)
        return 2

    def check_file(self, database):
        rows = database.execute('SELECT owner, condition, id FROM persistent_trigger').fetchall()
        self.found = {(owner.removeprefix('key:'), json.loads(condition)['value'] - 1000): name for owner, condition, name in rows}
        self.ledger.settle(dict.fromkeys(self.found, 'there'))

    def check(self, gateway_):
        for number in range(self.clients):
            items = gateway_.bare('GET', f'{gateway.BASE}{self.at(number)}/triggers').json['items']
            served = {item['id'] for item in items}
            expected = {name for (owner, _), name in self.found.items() if owner == self.name(number)}
            if served != expected:
                raise Broken(f'{self.name(number)} has {expected}; served was {served}')
            for (owner, n), name in self.found.items():
                if owner == self.name(number):
                    self.uris[owner, n] = f'{gateway.BASE}{self.at(number)}/triggers/{name}'


def client_workloads():
    return Locks(), Executions(), Triggers()
