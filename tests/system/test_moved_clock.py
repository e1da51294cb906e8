# SPDX-License-Identifier: Apache-2.0
"""What the state keeps for a time, on a machine whose clock begins in 1970 and is set later, or is set back."""
import calendar
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import clocks
import events
import gateway
import keys
import polling
from restarts import A, NAMES, RestartCase

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'api'))
from test_tokens import make_key

VEHICLE = {'components': [{'id': 'ecu', 'data': [{'id': 'limit', 'value': 1, 'writable': True}],
                           'operations': [{'id': 'brief', 'asynchronous': True, 'duration_secs': 0.05}]}]}
ECU = '/components/ecu'
STARTS = ECU + '/operations/brief/executions'
TRIGGER = {'resource': 'data/limit', 'trigger_condition': {'condition_type': 'OnChange'}, 'persistent': True, 'multishot': True}
YEAR = 365 * 86400


class MovedClock(RestartCase):
    sections = {'events': {'trigger_secs': 0.03, 'lifetime_max_secs': 1000}}
    enabled, expires = False, None

    def setUp(self):
        super().setUp()
        scenario = self.folder / 'vehicle.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        self.backends = [{'name': 'car', 'type': 'sim', 'scenario': str(scenario)}]
        self.mint = {'key': make_key(self.folder / 'mint.pem'), 'issuer': 'https://gw.test', 'audience': 'sovd'}
        self.clock = clocks.Clock(self.folder / 'clock')

    def start(self, **more):
        more_of_keys = {'expires': self.expires} if self.expires else {}
        auth = keys.section(*(keys.entry(name, f'secret-of-{name}-xxxxxxxx', 'admin', **more_of_keys) for name in NAMES[:2]), mint=self.mint,
                            enabled=self.enabled, public_metrics=True)
        super().start(environment=self.clock.environment(), auth=auth, ready=False, **more)
        self.gateway.wait_ready()

    def ask(self, status, method, path, body=None, who=None):
        if not self.enabled:
            return super().ask(status, method, path, body, who)
        reply = self.gateway.bare(method, gateway.BASE + path, body, who)
        self.assertEqual(reply.status, status, reply)
        return reply

    def make(self, **members):
        return self.ask(201, 'POST', ECU + '/triggers', {**TRIGGER, **members}, A).json

    def trigger(self, made, status=200):
        return self.ask(status, 'GET', f'{ECU}/triggers/{made["id"]}', who=A).json

    def token(self):
        return self.ask(200, 'POST', '/token', {'grant_type': 'client_credentials'}, A).json

    def start_once(self):
        return self.ask(202, 'POST', STARTS, {}, {**A, 'Idempotency-Key': 'once'}).headers['location']

    def completed(self, uri):
        return self.ask(200, 'GET', uri, who=A).json['status'] == 'completed'

    def hold(self, token, status=200):
        self.ask(status, 'GET', '/components', who=keys.bearer(token))

    def test_what_was_made_before_the_clock_was_set_is_there_after_it_was(self):
        self.clock.unset()
        self.start()
        made, uri, granted = self.make(lifetime=900), self.start_once(), self.token()
        self.assertEqual(made['expires'][:4], '1970')
        self.assertTrue(polling.wait_until(lambda: self.completed(uri), 10))
        self.clock.set()
        self.hold(granted['access_token'])
        for _ in range(2):
            again = self.trigger(made)
            left = calendar.timegm(time.strptime(again['expires'][:19], '%Y-%m-%dT%H:%M:%S')) - time.time()
            self.assertTrue(700 < left <= 901, left)
            self.assertEqual(self.trigger(made), again)  # and to the millisecond the same until somebody sets the clock
            self.assertTrue(self.completed(uri))
            self.assertEqual(self.start_once(), uri)
            self.hold(granted['access_token'])
            self.restart()
        self.ask(200, 'POST', '/token', {'grant_type': 'refresh_token', 'refresh_token': granted['refresh_token']})

    def test_what_was_over_is_not_there_again_when_the_clock_is_lost(self):
        self.mint = {**self.mint, 'access_secs': 1, 'refresh_secs': 1}
        self.sections = {**self.sections, 'limits': {'execution_retention_secs': 1, 'idempotency_retention_secs': 1}}
        self.clock.set()
        self.start()
        made, uri, granted = self.make(lifetime=1), self.start_once(), self.token()
        self.assertTrue(polling.wait_until(lambda: self.completed(uri), 10))
        self.kill()
        until = time.monotonic() + 2.1
        self.assertTrue(polling.wait_until(lambda: time.monotonic() > until, 10))  # nobody runs who could be asked
        self.clock.unset()
        self.start()
        self.trigger(made, 404)
        self.ask(404, 'GET', uri, who=A)
        self.hold(granted['access_token'], 401)
        self.assertNotEqual(self.start_once(), uri)

    def test_a_clock_that_is_set_forward_while_it_runs_ends_nothing(self):
        self.clock.set()
        self.start()
        made, granted = self.make(lifetime=900), self.token()
        self.clock.move(YEAR)
        self.hold(granted['access_token'])
        self.restart()
        self.trigger(made)
        self.hold(granted['access_token'])

    def stream(self, made, token):
        stream = events.Stream(events.connect(self.gateway), gateway.Gateway.full(f'{ECU}/triggers/{made["id"]}/events'), **keys.bearer(token))
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def test_a_stream_that_rests_on_a_token_goes_on_when_the_clock_is_set(self):
        self.enabled = True
        self.clock.set()
        self.start()
        made = self.make()
        stream = self.stream(made, self.token()['access_token'])
        for moved in YEAR, 0:
            self.clock.move(moved)
            until = time.monotonic() + 1.5
            self.assertTrue(polling.wait_until(lambda: time.monotonic() > until, 10))  # streams are looked at each second
            self.ask(204, 'PUT', ECU + '/data/limit', {'data': moved + 7}, A)
            event = stream.next()
            self.assertIsNotNone(event, self.gateway.log)
            self.assertEqual(event.payload, moved + 7)

    def test_a_stream_that_rests_on_a_token_ends_with_it_when_the_clock_is_set_back(self):
        self.mint = {**self.mint, 'access_secs': 2}
        self.enabled = True
        self.clock.set()
        self.start()
        stream = self.stream(self.make(), self.token()['access_token'])
        self.clock.move(-3600)
        stream.wait_end(10)

    def test_a_stream_that_rests_on_a_token_ends_when_the_clock_says_that_its_key_has_ended(self):
        self.enabled, self.expires = True, time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + YEAR / 2))
        self.clock.set()
        self.start()
        stream = self.stream(self.make(), self.token()['access_token'])
        self.clock.move(YEAR)
        stream.wait_end(10)


if __name__ == '__main__':
    unittest.main()
