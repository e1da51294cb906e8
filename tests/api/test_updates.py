# SPDX-License-Identifier: Apache-2.0
"""Updates of a simulated vehicle: registration, the sequence of the phases, one at a time, and what really changes."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling


def version(value):
    return {'id': 'software-version', 'category': 'identData', 'type': 'string', 'value': value}


FAST = {'prepare_secs': 0.2, 'execute_secs': 0.4}
ONE = {'id': 'one-2.0', 'name': 'One 2.0', 'version': '2.0', 'automated': True, 'components': [{'component': 'one'}], **FAST,
       'prepare_steps': ['download'], 'execute_steps': ['program']}
VEHICLE = {
    'updates_max': 7, 'autonomous_update': 'one-2.0',
    'updates': [
        ONE,
        {'id': 'both', 'version': '3.1.4', 'origins': ['proximity'], 'components': [{'component': 'one'}, {'component': 'two'}],
         'affects': ['components/three'], 'size_kb': 77, 'notes': 'n', 'notes_translation_id': 'n.t', 'user_activity': 'u',
         'preconditions': 'p', 'preconditions_translation_id': 'p.t', 'execution_conditions': 'e', **FAST},
        {'id': 'slow', 'version': '9', 'automated': True, 'components': [{'component': 'two'}], 'prepare_secs': 600},
        {'id': 'slow-to-execute', 'version': '9', 'components': [{'component': 'two'}], 'prepare_secs': 0, 'execute_secs': 600},
        {'id': 'fails', 'version': '9', 'automated': True, 'components': [{'component': 'two'}], **FAST, 'fails_in': 'prepare',
         'fails_at': 40, 'error': 'checksum'},
        {'id': 'careful', 'version': '9', 'components': [{'component': 'two'}], **FAST,
         'needs': [{'entity': 'components/two', 'mode': 'session', 'value': 'programming'}]}],
    'components': [{'id': 'one', 'data': [version('1.0')], 'status': {'restart_secs': 0.3, 'supports': ['restart', 'force-restart']}},
                   {'id': 'two', 'data': [version('1.0')], 'status': {'restart_secs': 0.1, 'supports': ['restart', 'force-restart']},
                    'modes': [{'id': 'session', 'values': ['default', 'programming']}]},
                   {'id': 'three', 'data': [{'id': 'x', 'value': 1}]}]}
UPDATES = '/updates'


class UpdateCase(unittest.TestCase):
    scenario = VEHICLE

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        scenario = pathlib.Path(folder.name) / 'vehicle.yaml'
        scenario.write_text(json.dumps(self.scenario), encoding='utf-8')
        self.gateway = gateway.Gateway(arguments=[f'--demo={scenario}'], environment={'SOVD_SERVER__PORT': '0', 'SOVD_LOCKS__REQUIRED': ''})
        self.addCleanup(self.gateway.stop)

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def ids(self, query=''):
        return self.get(UPDATES + query)['items']

    def state(self, name):
        status = self.get(f'{UPDATES}/{name}/status')
        return status['phase'], status['status']

    def until(self, name, *state):
        if not polling.wait_until(lambda: self.state(name) == state, 20):
            self.fail(f'{name} is {self.state(name)}, not {state}')

    def control(self, name, action, status=202, code=None):
        reply = self.ask(status, 'PUT', f'{UPDATES}/{name}/{action}')
        if status == 202:
            self.assertTrue(reply.headers['location'].endswith(f'/updates/{name}/status'), reply)
        if code:
            self.assertEqual(reply.json['error_code'], code)
        return reply

    def version(self, component):
        reply = self.gateway.get(f'/components/{component}/data/software-version')
        return reply.json['data'] if reply.status == 200 else None


class Reading(UpdateCase):
    def test_the_root_names_the_collection(self):
        self.assertTrue(self.get('/')['updates'].endswith('/updates'))

    def test_the_list_has_what_comes_remotely_unless_another_origin_is_asked_for(self):
        self.assertEqual(self.ids(), ['one-2.0', 'slow', 'slow-to-execute', 'fails', 'careful'])
        self.assertIn('both', self.ids('?origin=proximity'))
        self.assertNotIn('both', self.ids('?origin=x-own'))
        self.ask(400, 'GET', UPDATES + '?origin=satellite')

    def test_the_target_version_is_exact_or_a_pattern(self):
        self.assertEqual(self.ids('?target-version=2.0'), ['one-2.0'])
        self.assertEqual(self.ids('?target-version=2'), [])
        self.assertEqual(self.ids('?target-version=3.*.4&origin=proximity'), ['both'])
        self.assertEqual(len(self.ids('?target-version=*')), 5)

    def test_the_detail_has_the_members_of_the_standard_in_both_spellings(self):
        detail = self.get(UPDATES + '/both')
        for key in 'updated_components', 'affected_components':
            detail[key] = [uri[uri.index('/components'):] for uri in detail[key]]
        self.assertEqual(detail, {
            'id': 'both', 'update_name': 'both', 'size': 77, 'automated': False, 'origin': ['proximity'], 'notes': 'n',
            'notes_translation_id': 'n.t', 'user_activity': 'u', 'preconditions': 'p', 'preconditions_translation_id': 'p.t',
            'preconditions_transaltion_id': 'p.t', 'execution_conditions': 'e', 'duration': 0,
            'updated_components': ['/components/one', '/components/two'], 'affected_components': ['/components/three']})
        self.assertIn('schema', self.get(UPDATES + '/both?include-schema=true'))

    def test_the_reserved_id_stands_for_the_package_that_the_server_chooses(self):
        self.assertEqual(self.get(UPDATES + '/autonomous')['id'], 'one-2.0')
        reply = self.ask(405, 'DELETE', UPDATES + '/autonomous')
        self.assertEqual(reply.headers['allow'], 'GET, HEAD')
        self.control('autonomous', 'automated')
        self.until('one-2.0', 'execute', 'completed')

    def test_what_is_not_there_is_404(self):
        for method, path in (('GET', ''), ('DELETE', ''), ('GET', '/status'), ('PUT', '/prepare'), ('PUT', '/execute'), ('PUT', '/automated')):
            self.ask(404, method, f'{UPDATES}/nothing{path}')


class Running(UpdateCase):
    def test_a_package_waits_until_it_is_prepared(self):
        self.assertEqual(self.state('one-2.0'), ('prepare', 'pending'))
        self.control('one-2.0', 'execute', 409, 'precondition-not-fulfilled')

    def test_prepare_then_execute_changes_the_version_and_restarts_the_component(self):
        self.control('one-2.0', 'prepare')
        status = self.get(UPDATES + '/one-2.0/status')
        self.assertEqual((status['phase'], status['status'], status['step']), ('prepare', 'inProgress', 'download'))
        self.until('one-2.0', 'prepare', 'completed')
        self.assertEqual(self.version('one'), '1.0')
        self.control('one-2.0', 'execute')
        self.assertTrue(polling.wait_until(lambda: self.get('/components/one/status')['status'] == 'notReady', 20))
        self.until('one-2.0', 'execute', 'completed')
        self.assertTrue(polling.wait_until(lambda: self.version('one') == '2.0', 20))
        status = self.get(UPDATES + '/one-2.0/status')
        self.assertEqual([(part['status'], part['progress']) for part in status['subprogress']], [('completed', 100)])
        self.assertTrue(status['subprogress'][0]['entity'].endswith('/components/one'))
        self.control('one-2.0', 'execute', 409, 'precondition-not-fulfilled')
        self.control('one-2.0', 'prepare', 409, 'precondition-not-fulfilled')

    def test_components_are_done_one_after_the_other(self):
        self.control('both', 'prepare')
        self.until('both', 'prepare', 'completed')
        self.control('both', 'execute')
        seen = set()
        def ended():
            status = self.get(UPDATES + '/both/status')
            seen.add(tuple(part['status'] for part in status['subprogress']))
            return status['status'] == 'completed'
        self.assertTrue(polling.wait_until(ended, 20))
        self.assertIn(('completed', 'inProgress'), seen)
        self.assertNotIn(('inProgress', 'completed'), seen)
        for component in 'one', 'two':
            self.assertTrue(polling.wait_until(lambda: self.version(component) == '3.1.4', 20))

    def test_automated_does_both_and_only_where_the_package_allows_it(self):
        self.control('both', 'automated', 409, 'update-automated-not-supported')
        self.control('one-2.0', 'automated')
        self.until('one-2.0', 'execute', 'completed')
        self.assertTrue(polling.wait_until(lambda: self.version('one') == '2.0', 20))

    def test_one_at_a_time_and_the_code_says_what_the_other_one_does(self):
        self.control('slow', 'prepare')
        self.control('one-2.0', 'prepare', 409, 'update-preparation-in-progress')
        self.control('slow', 'prepare', 409, 'update-preparation-in-progress')
        self.control('one-2.0', 'automated', 409, 'update-process-in-progress')
        self.assertEqual(self.ask(409, 'DELETE', UPDATES + '/slow').json['error_code'], 'update-process-in-progress')

    def test_an_execution_stands_against_the_others_and_against_a_restart(self):
        self.control('slow-to-execute', 'prepare')
        self.until('slow-to-execute', 'prepare', 'completed')
        self.control('slow-to-execute', 'execute')
        self.control('one-2.0', 'prepare', 409, 'update-execution-in-progress')
        self.assertIn('slow-to-execute', self.ask(409, 'PUT', '/components/two/status/restart').json['message'])
        self.ask(202, 'PUT', '/components/two/status/force-restart')
        status = self.get(UPDATES + '/slow-to-execute/status')
        self.assertEqual((status['status'], status['error']['error_code']), ('failed', 'error-response'))
        self.assertIn('interrupted', status['error']['message'])
        self.control('one-2.0', 'prepare')

    def test_a_failure_says_why_and_may_be_tried_again(self):
        self.control('fails', 'prepare')
        self.until('fails', 'prepare', 'failed')
        status = self.get(UPDATES + '/fails/status')
        self.assertEqual((status['error']['message'], status['progress']), ('checksum', 40))
        self.control('fails', 'execute', 409, 'precondition-not-fulfilled')
        self.control('fails', 'prepare')
        self.until('fails', 'prepare', 'completed')
        self.assertEqual(self.version('two'), '1.0')

    def test_what_must_hold_is_checked_before_it_is_executed(self):
        self.control('careful', 'prepare')
        self.until('careful', 'prepare', 'completed')
        self.assertIn('"programming"', self.control('careful', 'execute', 409, 'precondition-not-fulfilled').json['message'])
        self.ask(200, 'PUT', '/components/two/modes/session', {'value': 'programming'})
        self.control('careful', 'execute')
        self.until('careful', 'execute', 'completed')

    def test_a_body_is_not_expected(self):
        self.ask(400, 'PUT', UPDATES + '/one-2.0/prepare', {'now': True})


class Registration(UpdateCase):
    NEW = {'id': 'new', 'version': '5.0', 'automated': True, 'components': [{'component': 'one'}], **FAST}

    def test_a_registered_package_is_a_package_like_the_others(self):
        reply = self.ask(201, 'POST', UPDATES, self.NEW)
        self.assertEqual(reply.json, {'id': 'new'})
        self.assertTrue(reply.headers['location'].endswith('/updates/new/status'))
        self.assertIn('new', self.ids('?target-version=5.*'))
        self.control('new', 'automated')
        self.until('new', 'execute', 'completed')
        self.assertTrue(polling.wait_until(lambda: self.version('one') == '5.0', 20))
        self.ask(204, 'DELETE', UPDATES + '/new')
        self.assertNotIn('new', self.ids())
        self.ask(404, 'GET', UPDATES + '/new')

    def test_descriptions_that_cannot_be_used_are_400_and_name_the_member(self):
        for more, path in (({'id': None}, '/id'), ({'id': 'a/b'}, '/id'), ({'id': 'autonomous'}, '/id'), ({'version': 5}, '/version'),
                           ({'components': []}, '/components'), ({'components': [{'component': 'nine'}]}, '/components/0'),
                           ({'components': [{'component': 'three', 'data': 'x'}]}, '/components/0'),
                           ({'origins': ['satellite']}, '/origins/0'), ({'affects': ['nine']}, '/affects/0'),
                           ({'needs': [{'entity': 'components/two', 'mode': 'x', 'value': 'y'}]}, '/needs/0'),
                           ({'needs': [{'mode': 'session', 'value': 'y'}]}, '/needs/0'),
                           ({'prepare_secs': -1}, '/prepare_secs'), ({'color': 'red'}, '/color')):
            with self.subTest(more):
                self.assertEqual(self.ask(400, 'POST', UPDATES, {**self.NEW, **more}).json['path'], path)
        self.ask(400, 'POST', UPDATES, b'{')
        self.ask(400, 'POST', UPDATES, b'[]')
        self.ask(400, 'POST', UPDATES, b'', {'Content-Type': 'application/json'})
        self.assertEqual(len(self.ids()), 5)

    def test_other_types_are_415(self):
        body = json.dumps(self.NEW).encode()
        self.ask(415, 'POST', UPDATES, body, {'Content-Type': 'application/octet-stream'})
        self.ask(201, 'POST', UPDATES, body, {'Content-Type': 'application/json; charset=utf-8'})

    def test_an_id_comes_once(self):
        self.assertIn('already', self.ask(409, 'POST', UPDATES, {**self.NEW, 'id': 'both'}).json['message'])

    def test_no_more_than_the_limit_are_kept_and_the_metric_counts_them(self):
        self.ask(201, 'POST', UPDATES, self.NEW)
        reply = self.ask(503, 'POST', UPDATES, {**self.NEW, 'id': 'newer'})
        self.assertIn('7 update packages are kept', reply.json['message'])
        self.assertIn('retry-after', reply.headers)
        self.assertEqual(self.gateway.metrics()['sovd_backend_updates{backend="demo"}'], 7)
        self.ask(204, 'DELETE', UPDATES + '/slow')
        self.ask(201, 'POST', UPDATES, {**self.NEW, 'id': 'newer'})


class Absent(UpdateCase):
    scenario = {'components': [{'id': 'one'}]}

    def test_a_vehicle_without_updates_does_not_offer_them(self):
        self.assertNotIn('updates', self.get('/'))
        for method, path in (('GET', ''), ('GET', '/x'), ('PUT', '/x/prepare'), ('DELETE', '/autonomous')):
            self.assertEqual(self.ask(404, method, UPDATES + path).json['vendor_code'], 'resource-not-found')
        self.ask(404, 'POST', UPDATES, {'id': 'x'})


if __name__ == '__main__':
    unittest.main()
