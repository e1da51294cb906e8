# SPDX-License-Identifier: Apache-2.0
"""Faults of an entity through the gateway: lists with filters, details, clearing."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

FAULTS = '/components/bms/faults'
HOT = 'P0A7F'       # severity 1, secondary
IMBALANCE = 'P0A80'  # severity 2, primary, there from the start


class FaultCase(gateway.GatewayCase):
    def codes(self, query=''):
        return sorted(item['code'] for item in self.get(FAULTS + query)['items'])

    def heat(self):
        """Raises the fault of a hot battery."""
        self.ecu.set(component='bms', data='cell-temp-max', value=50, hold=True)
        self.until(lambda: HOT in self.codes())

    def cool(self):
        """Heals it; it stays in the list."""
        self.ecu.set(component='bms', data='cell-temp-max', value=30, hold=True)
        self.until(lambda: self.get(f'{FAULTS}/{HOT}')['item']['status']['aggregatedStatus'] == 'passive')


class Reading(FaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.heat(cls('codes'))

    def test_the_list_has_the_members_of_the_standard(self):
        fault = next(item for item in self.get(FAULTS)['items'] if item['code'] == IMBALANCE)
        status = fault.pop('status')
        self.assertEqual(fault, {'code': IMBALANCE, 'display_code': IMBALANCE, 'scope': 'primary', 'severity': 2,
                                 'fault_name': 'Cell Voltage Imbalance', 'fault_translation_id': 'fault.p0a80'})
        self.assertEqual((status['testFailed'], status['confirmedDTC'], status['mask']), ('1', '1', '2F'))

    def test_without_a_filter_all_are_listed(self):
        self.assertEqual(self.codes(), [HOT, IMBALANCE])

    def test_severity_keeps_what_is_below_the_number(self):
        for number, wanted in ('1', []), ('2', [HOT]), ('3', [HOT, IMBALANCE]), ('99', [HOT, IMBALANCE]):
            self.assertEqual(self.codes('?severity=' + number), wanted, number)

    def test_a_severity_that_nothing_is_below_is_400(self):
        for number in '0', '-1':
            self.assertIn('1 or more', self.ask(400, 'GET', FAULTS + '?severity=' + number).json['message'])

    def test_severity_must_be_an_integer(self):
        for number in 'x', '', '1.5', '1%20', '%2B2', '0x2', '99999999999999999999':
            self.assertIn('severity', self.ask(400, 'GET', f'{FAULTS}?severity={number}').json['message'])

    def test_pages_of_a_backend_go_by_code(self):
        first = self.ask(200, 'GET', FAULTS + '?limit=1&severity=9')
        self.assertEqual([f['code'] for f in first.json['items']], [HOT])
        uri, rel = first.headers['link'].split('; ')
        self.assertEqual(rel, 'rel="next"')
        second = self.ask(200, 'GET', uri[1:-1].split('/sovd/v1', 1)[1])
        self.assertEqual([f['code'] for f in second.json['items']], [IMBALANCE])
        self.assertNotIn('link', second.headers)
        self.assertNotIn('link', self.ask(200, 'GET', FAULTS + '?limit=2').headers)

    def test_times_cannot_choose_where_a_list_says_none(self):
        self.assertIn('times', self.ask(501, 'GET', FAULTS + '?from=0&limit=1&to=5').json['message'])
        self.assertIn("'limit'", self.ask(400, 'GET', FAULTS + '?limit=0').json['message'])

    def test_scope_picks_a_memory(self):
        self.assertEqual(self.codes('?scope=primary'), [IMBALANCE])
        self.assertEqual(self.codes('?scope=secondary'), [HOT])
        self.assertEqual(self.codes('?scope=none'), [])

    def test_status_compares_a_key_with_a_value_and_several_are_ored(self):
        self.assertEqual(self.codes('?status[testFailed]=1'), [HOT, IMBALANCE])
        self.assertEqual(self.codes('?status[testFailed]=0'), [])
        self.assertEqual(self.codes('?status[mask]=2'), [])
        self.assertEqual(self.codes('?status[testFailed]=0&status[aggregatedStatus]=active'), [HOT, IMBALANCE])
        self.assertEqual(self.codes('?status[none]=1'), [])

    def test_brackets_may_be_encoded(self):
        self.assertEqual(self.codes('?status%5BtestFailed%5D=1'), [HOT, IMBALANCE])

    def test_status_needs_a_key_and_the_others_take_none(self):
        for query, why in (('status=1', 'needs a key'), ('status[]=1', 'needs a key'), ('severity[x]=1', 'takes no key'),
                           ('scope[x]=primary', 'takes no key')):
            with self.subTest(query):
                self.assertIn(why, self.ask(400, 'GET', f'{FAULTS}?{query}').json['message'])

    def test_filters_of_different_kind_go_together(self):
        self.assertEqual(self.codes('?severity=3&scope=secondary'), [HOT])
        self.assertEqual(self.codes('?severity=2&scope=primary'), [])

    def test_a_fault_comes_with_its_environment_data(self):
        detail = self.get(f'{FAULTS}/{HOT}')
        self.assertEqual(detail['item']['code'], HOT)
        environment = detail['environment_data']
        self.assertEqual(environment['freeze_frame']['cell-temp-max'], 50.0)
        self.assertEqual(environment['occurrence_counter'], 1)

    def test_include_schema_adds_the_schema_of_list_and_detail(self):
        for path in FAULTS, f'{FAULTS}/{HOT}':
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object')

    def test_an_unknown_fault_is_404(self):
        for path in f'{FAULTS}/P0000', f'/components/climate/faults/{HOT}', f'{FAULTS}/{HOT.lower()}':
            self.assertEqual(self.ask(404, 'GET', path).json['vendor_code'], 'resource-not-found')


class Clearing(FaultCase):
    def setUp(self):
        self.ecu.set(component='bms', fault=IMBALANCE, active=True)
        self.until(lambda: IMBALANCE in self.codes())

    def test_a_fault_whose_cause_is_present_is_not_cleared(self):
        self.heat()
        error = self.ask(409, 'DELETE', f'{FAULTS}/{HOT}').json
        self.assertEqual(error['error_code'], 'precondition-not-fulfilled')
        self.assertIn('still present', error['message'])
        self.assertIn(HOT, self.codes())

    def test_a_fault_that_healed_is_cleared_alone(self):
        self.heat()
        self.cool()
        self.ask(204, 'DELETE', f'{FAULTS}/{HOT}')
        self.assertEqual(self.codes(), [IMBALANCE])
        self.ask(404, 'GET', f'{FAULTS}/{HOT}')

    def test_clearing_a_scope_leaves_the_others(self):
        self.heat()
        self.cool()
        self.ask(204, 'DELETE', FAULTS + '?scope=secondary')
        self.assertEqual(self.codes(), [IMBALANCE])

    def test_clearing_all_leaves_none(self):
        self.ask(204, 'DELETE', FAULTS)
        self.assertEqual(self.codes(), [])

    def test_clearing_an_unknown_fault_is_404(self):
        self.assertEqual(self.ask(404, 'DELETE', FAULTS + '/P0000').json['vendor_code'], 'resource-not-found')

    def test_clearing_takes_no_body(self):
        self.ask(400, 'DELETE', f'{FAULTS}/P0000', {'x': 1})


if __name__ == '__main__':
    unittest.main()
