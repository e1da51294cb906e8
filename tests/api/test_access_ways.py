# SPDX-License-Identifier: Apache-2.0
"""Ways around a rule: what another resource would do on behalf of who may not do it himself."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_access
from test_access import entry

LOGGING = {'resource': '/sovd/v1/components/bms/data/soc', 'trigger_condition': {'condition_type': 'OnChange'}, 'multishot': True,
           'log_settings': {'log_severity': 'fatal', 'log_marker_text': 'forged'}}


class Logs(test_access.AccessCase):
    policy = {'roles': {'no-logs': {'inherits': ['tester'], 'deny': [{'collections': ['logs']}]},
                        'log-reader': {'inherits': ['tester'], 'deny': [{'collections': ['logs'], 'methods': ['POST']}]},
                        'values-only': {'allow': [{'collections': ['data', 'triggers']}]}}}
    more = {'events': {'trigger_secs': 0.05}}
    clients = [entry('no-logs', 'no-logs'), entry('log-reader', 'log-reader'), entry('values-only', 'values-only'), entry('tester', 'tester'),
               entry('changing', 'tester')]

    def test_who_may_not_use_the_log_writes_into_it_by_no_trigger(self):
        for name in 'no-logs', 'log-reader', 'values-only':
            with self.subTest(name):
                reply = self.ask(name, 403, 'POST', '/components/bms/triggers', LOGGING)
                self.assertIn('logs', reply.json['message'])
                self.ask(name, 201, 'POST', '/components/bms/triggers', {key: value for key, value in LOGGING.items() if key != 'log_settings'})
        self.ask('tester', 201, 'POST', '/components/bms/triggers', LOGGING)

    def test_a_trigger_writes_no_more_when_its_client_may_not(self):
        uri = self.ask('changing', 201, 'POST', '/components/bms/triggers', LOGGING).headers['location']
        roles = [entry('changing', 'no-logs') if client['name'] == 'changing' else client for client in self.clients]
        self.gateway.reload(self.gateway.settings(test_access.VEHICLE, **self.sections(roles)), 'the configuration was read again')
        found = self.until(lambda: self.gateway.bare('GET', self.gateway.full(uri), headers=test_access.who('changing')).json.get('last_error'))
        self.assertIn('roles and scopes', found['message'])


if __name__ == '__main__':
    unittest.main()
