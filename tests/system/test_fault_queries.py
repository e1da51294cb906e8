# SPDX-License-Identifier: Apache-2.0
"""What a query asks of faults has the same meaning on every route, or is refused: it is nowhere without a word."""
from test_fault_pages import PageCase

ENTITY, VEHICLE = '/apps/nav/faults', '/faults'
EVERYWHERE = [path + more for path in (ENTITY, VEHICLE) for more in ('', '/history', '/subscribe')] + ['/export/faults']


class Queries(PageCase):
    def refused(self, path, parameter, method='GET'):
        message = self.ask(400, method, path).json['message']
        self.assertIn(f"query parameter '{parameter}'", message, path)
        return message

    def test_a_severity_that_nothing_is_below_is_400_on_every_route_and_names_the_range(self):
        self.fill(n=2)
        for path in EVERYWHERE:
            for value in ('0', '-1', '-9223372036854775808'):
                self.assertIn('1 or more, is ' + value, self.refused(f'{path}?severity={value}', 'severity'))
            if 'subscribe' not in path:
                self.ask(200, 'GET', path + '?severity=1')

    def test_a_trigger_or_subscription_with_such_a_severity_is_refused(self):
        self.fill(n=1)
        made = self.ask(400, 'POST', '/apps/nav/cyclic-subscriptions',
                        {'resource': '/sovd/v1/apps/nav/faults?severity=0', 'interval': 'normal', 'duration': 60})
        self.assertIn("'severity'", made.json['message'])

    def test_what_only_other_routes_of_faults_know_is_400_and_not_without_effect(self):
        self.fill(n=2)
        for path, parameters in ((ENTITY, 'code order entity kind snapshot'), (VEHICLE, 'code order kind snapshot'),
                                 (ENTITY + '/history', 'tags entity kind snapshot'), (VEHICLE + '/history', 'tags kind snapshot'),
                                 (ENTITY + '/subscribe', 'tags entity from to limit after order kind'),
                                 (VEHICLE + '/subscribe', 'tags from to limit after order kind'),
                                 ('/export/faults', 'limit after code order snapshot')):
            for parameter in parameters.split():
                self.refused(f'{path}?{parameter}=1', parameter)
        self.refused('/export/faults?kind=history&tags=odd', 'tags')

    def test_a_clear_with_a_filter_that_it_has_not_clears_nothing(self):
        self.fill(n=3)
        for query in ('severity=2', 'status[testFailed]=1', 'tags=odd', 'code=F00', 'from=5'):
            self.refused(f'{ENTITY}?{query}', query.split('[')[0].split('=')[0], 'DELETE')
        self.refused(ENTITY + '/F00?scope=x', 'scope', 'DELETE')
        self.assertEqual(len(self.get(ENTITY)['items']), 3)
        self.ask(204, 'DELETE', ENTITY)

    def test_what_no_route_of_faults_knows_is_ignored(self):
        self.fill(n=2)
        for path in (ENTITY, VEHICLE, ENTITY + '/history', VEHICLE + '/history', '/export/faults'):
            self.ask(200, 'GET', path + '?trace-id=7&sort=x')
