# SPDX-License-Identifier: Apache-2.0
"""The runner of the conformance cases itself: its command line, its files, and servers that are made wrong on purpose."""
import concurrent.futures
import contextlib
import io
import json
import pathlib
import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests' / 'conformance'), str(ROOT / 'tests' / 'support')]
import run
import small_server
from suite import cases, engine, report, values
from suite.client import Client
from suite.facts import Facts
from suite.schema import Schema


class CommandLine(unittest.TestCase):
    def main(self, *arguments):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = run.main(list(map(str, arguments)))
        return status, output.getvalue()

    def test_a_server_that_cannot_be_reached_is_a_failure(self):
        status, output = self.main('--base', 'http://127.0.0.1:1/sovd/v1')
        self.assertEqual((status, output.splitlines()[-1]), (1, '0 passed, 1 failed, 0 skipped'))

    def test_no_case_at_all_is_no_success(self):
        with small_server.SmallServer(small_server.Vehicle()) as server:
            status, output = self.main('--base', server.url, '--only', 'scripts/list')
        self.assertEqual(status, 1)
        self.assertRegex(output.splitlines()[-1], r'^0 passed, 0 failed, \d+ skipped$')

    def test_success_and_failure_are_in_the_last_line_the_status_and_the_junit_file(self):
        with tempfile.TemporaryDirectory() as folder, small_server.SmallServer(small_server.Vehicle()) as server:
            junit = pathlib.Path(folder) / 'report.xml'
            status, output = self.main('--base', server.url, '--only', 'data/read', '--junit', junit)
            self.assertEqual(status, 1)     # it has no docs and describes no value
            passed, failed, skipped = map(int, re.findall(r'\d+', output.splitlines()[-1]))
            suite = ET.parse(junit).getroot()
        self.assertEqual((suite.get('tests'), suite.get('failures'), suite.get('skipped')),
                         (str(passed + failed + skipped), str(failed), str(skipped)))
        self.assertGreater(passed, 3)

    def test_a_failure_prints_request_answer_rule_and_clause(self):
        with small_server.SmallServer(NoAllow()) as server:
            _, output = self.main('--base', server.url, '--only', 'data/post')
        for part in 'FAILED  data/post', 'POST /sovd/v1/components/ecu/data', '-> 405', 'the header allow is missing', 'clause: GET {E}/data':
            self.assertIn(part, output)

    def test_list_names_every_case(self):
        status, output = self.main('--list')
        self.assertEqual(status, 0)
        self.assertEqual(output.splitlines()[-1], f'{len([case for case in cases.load() if not case.lasting])} cases')


class Files(unittest.TestCase):
    def test_every_operation_of_the_template_has_good_and_bad_cases(self):
        kinds = {}
        for case in cases.load():
            kinds.setdefault(re.split(r'[;,]| \(', case.clause)[0].strip(), set()).add(case.kind)
        for operation in (ROOT / 'tests/conformance/operations.txt').read_text().splitlines():
            with self.subTest(operation):
                self.assertEqual(kinds.get(operation), {'good', 'bad'})

    def test_every_collection_has_good_and_bad_cases(self):
        for collection in cases.ORDER:
            kinds = {case.kind for case in cases.load() if case.collection == collection}
            self.assertEqual(kinds, {'bad'} if collection == 'errors' else {'good', 'bad'}, collection)

    def test_titles_are_not_repeated_within_a_clause(self):
        seen = {}
        for case in cases.load():
            key = (case.collection, case.title, case.clause, json.dumps(case.needs), json.dumps(case.steps))
            self.assertNotIn(key, seen, case.name)
            seen[key] = case.name

    def test_a_case_that_says_nothing_or_something_else_is_refused(self):
        good = {'title': 't', 'clause': 'c', 'basis': 'http', 'kind': 'good', 'safe': True,
                'steps': [{'request': {'method': 'GET', 'path': '/'}, 'expect': {'status': 200}}]}
        cases.check('x', good)
        unknown = {'request': {'method': 'GET', 'path': '/'}, 'expect': {'status': 200, 'stautus': 1}}
        writes = {'request': {'method': 'PUT', 'path': '/'}, 'expect': {'status': 200}}
        for change in ({'title2': 1}, {'kind': 'ugly'}, {'basis': 'hope'}, {'steps': []}, {'steps': [unknown]}, {'steps': [writes]},
                       {'steps': [{'request': {'method': 'GET', 'path': '/'}}]}, {'needs': {'luck': 1}}, {'lock': True}):
            with self.subTest(change), self.assertRaises(cases.BadCase):
                cases.check('x', {**good, **change})


class Judging(unittest.TestCase):
    schema = Schema({'Id': {'type': 'object', 'required': ['id'], 'properties': {'id': {'type': 'string'}}}})

    def test_values_that_fit_have_no_problem(self):
        for schema, value in (({'type': 'integer'}, 3.0), ({'type': ['string', 'number']}, 1.5), ({'$ref': 'Id'}, {'id': 'x', 'more': 1}),
                              ({'format': 'date-time-utc'}, '2026-01-02T03:04:05.678Z'), ({'format': 'json-pointer'}, '/a~1b/0'),
                              ({'items': {'type': 'string'}, 'minItems': 1}, ['a']), ({'contains': {'const': 2}}, [1, 2]),
                              ({'anyOf': [{'const': 1}, {'const': 'a'}]}, 'a'), ({'not': {'const': 1}}, 2), ({'pattern': '^a'}, 'ab'),
                              ({'additionalProperties': {'type': 'integer'}}, {'a': 1}), ({'format': 'uri-reference'}, '/a/b?c=d')):
            with self.subTest(schema):
                self.assertEqual(self.schema.problems(schema, value), [])

    def test_values_that_do_not_fit_have_one(self):
        for schema, value in (({'type': 'integer'}, True), ({'type': 'integer'}, 1.5), ({'type': 'number'}, '1'), ({'$ref': 'Id'}, {}),
                              ({'$ref': 'Id'}, {'id': 1}), ({'format': 'date-time'}, '2026-13-01T00:00:00Z'), ({'const': 1}, True),
                              ({'format': 'date-time-utc'}, '2026-01-02T03:04:05+02:00'), ({'format': 'json-pointer'}, 'a'),
                              ({'enum': ['a']}, 'A'), ({'items': {'type': 'string'}}, ['a', 1]), ({'minItems': 1}, []),
                              ({'maxItems': 1}, [1, 2]), ({'contains': {'const': 3}}, [1]), ({'minimum': 1}, 0), ({'maximum': 1}, 2),
                              ({'anyOf': [{'const': 1}]}, 2), ({'not': {'const': 1}}, 1), ({'minLength': 1}, ''),
                              ({'additionalProperties': {'type': 'integer'}}, {'a': 'x'}), ({'format': 'uri-reference'}, 'a b')):
            with self.subTest(schema):
                self.assertEqual(len(self.schema.problems(schema, value)), 1)

    def test_a_keyword_that_is_not_known_is_an_error_of_the_case(self):
        with self.assertRaises(ValueError):
            self.schema.problems({'typ': 'string'}, 1)

    def test_placeholders_keep_their_type_alone_and_become_text_within_one(self):
        known = {'n': 5, 'id': 'a b/c', 'uri': '/x/y'}
        self.assertEqual(values.fill({'{id}': ['{n}', 'n={n}', '{unknown}']}, known), {'a b/c': [5, 'n=5', 'no-such-thing-7f3a']})
        self.assertEqual(values.fill_path('{uri}/data/{id}', known), '/x/y/data/a%20b%2Fc')
        with self.assertRaises(values.Missing):
            values.fill('{nothing}', known)


# ---- servers that are made wrong: one for each family of rules ------------------------------------------------------

class Forgiving(small_server.Vehicle):
    """Changes answers by their status."""
    status = 0

    def finish(self, ask, status, headers, body):
        return self.change(ask, status, dict(headers), body) if status == self.status else (status, headers, body)


class FindsEverything(Forgiving):
    status = 404

    def change(self, ask, status, headers, body):
        return 200, {}, {'id': ask.path.rpartition('/')[2], 'name': 'x', 'data': 1}


class InventsCodes(Forgiving):
    status = 404

    def change(self, ask, status, headers, body):
        return 404, {}, {**body, 'error_code': 'not-found'}


class HidesVendorCode(Forgiving):
    status = 404

    def change(self, ask, status, headers, body):
        return 404, {}, {'error_code': 'vendor-specific', 'message': body['message']}


class SaysNothing(Forgiving):
    status = 404

    def change(self, ask, status, headers, body):
        return 404, {}, {**body, 'message': ''}


class PlainTextErrors(Forgiving):
    status = 404

    def change(self, ask, status, headers, body):
        return 404, {'Content-Type': 'text/plain'}, b'Not Found'


class NoAllow(Forgiving):
    status = 405

    def change(self, ask, status, headers, body):
        return 405, {}, body


class NoLocation(Forgiving):
    status = 202

    def change(self, ask, status, headers, body):
        return 202, {}, body


class NoMemberIsNamed(Forgiving):
    status = 400

    def change(self, ask, status, headers, body):
        return 400, {}, {'error_code': 'incomplete-request', 'message': 'the request is wrong'}


class TalksWith204(Forgiving):
    status = 204

    def change(self, ask, status, headers, body):
        return 200, {}, {'ok': True}


class ReadsEveryType(small_server.Vehicle):
    def judge_type(self, ask):
        pass


class WritesWhateverIsAsked(small_server.Vehicle):
    def judge_accept(self, ask):
        pass


class KnowsEverybody(small_server.Vehicle):
    def judge_token(self, ask):
        pass


class TakesAnySchemaFlag(small_server.Vehicle):
    def wants_schema(self, ask):
        return False


class NeverFilters(small_server.Vehicle):
    def keep(self, items, ask, name, member):
        return items


class PretendsToWrite(small_server.Vehicle):
    def store(self, name, value):
        pass


class StoresAnything(small_server.Vehicle):
    def check_value(self, name, value):
        pass


class NullValues(small_server.Vehicle):
    def datum(self, ask, name):
        status, body = super().datum(ask, name)
        return status, {**body, 'data': None}


class ListWithoutItems(small_server.Vehicle):
    def data_list(self, ask):
        return 200, super().data_list(ask)[1]['items']


class CategoriesAreLost(small_server.Vehicle):
    def data_list(self, ask):
        return 200, {'items': [{'id': item['id'], 'name': item['name']} for item in super().data_list(ask)[1]['items']]}


class SeverityIsText(small_server.Vehicle):
    def faults(self, ask):
        return 200, {'items': [{**item, 'severity': 'high'} for item in super().faults(ask)[1]['items']]}


class FlatFault(small_server.Vehicle):
    def fault(self, ask, code):
        return 200, super().fault(ask, code)[1]['item']


class ModesStay(small_server.Vehicle):
    def mode_value(self, name):
        return self.modes[name][0]


class KeepsStoppedRuns(small_server.Vehicle):
    def remove_run(self, id_):
        pass


class RunsHaveOwnStates(small_server.Vehicle):
    def run(self, ask, name, id_):
        status, body = super().run(ask, name, id_)
        return status, {**body, 'status': 'in-progress'}


class GrantsEveryLock(small_server.Vehicle):
    def conflicts(self, ask, scopes):
        return []


class LocksBelongToAll(small_server.Vehicle):
    def owned(self, ask, one):
        return True


class LocksDoNotHold(small_server.Vehicle):
    def may_write(self, ask, scope):
        pass


class LocksNeverEnd(small_server.Vehicle):
    def live_locks(self):
        return self.locks


class EverybodyReleases(small_server.Vehicle):
    def release(self, ask, id_):
        self.one_lock(id_)
        del self.locks[id_]
        return 204, None


class NoTimestamps(small_server.Vehicle):
    def envelope(self, payload):
        return {'payload': payload}


class OneReadingForAll(small_server.Vehicle):
    def envelope(self, payload):
        return {'timestamp': '2026-01-01T00:00:00Z', 'payload': payload}


class PayloadAndError(small_server.Vehicle):
    def envelope(self, payload):
        return {**super().envelope(payload), 'error': {'error_code': 'sovd-server-failure', 'message': 'x'}}


class StreamsNeverEnd(small_server.Vehicle):
    def stream_is_over(self, stream):
        return False


class NeverFires(small_server.Vehicle):
    def fires(self, condition, old, new):
        return False


class FiresForEver(small_server.Vehicle):
    def after_event(self, stream):
        pass


class CorruptsFiles(small_server.Vehicle):
    def content(self, file):
        return file['bytes'].upper()


class TakesNamelessFiles(small_server.Vehicle):
    def check_upload(self, ask):
        pass


class ShowsEveryEntry(small_server.Vehicle):
    def is_logged(self, severity, wanted):
        return True


class PretendsToConfigure(small_server.Vehicle):
    def configure_log(self, severity):
        pass


class PretendsToClear(small_server.Vehicle):
    def begin_clearing(self, kind):
        pass


MUTANTS = {
    CorruptsFiles: 'bulk-data/upload_is_read_back',
    TakesNamelessFiles: 'bulk-data/upload_without_disposition bulk-data/upload_without_name',
    ShowsEveryEntry: 'logs/entries_fatal logs/entries_warn',
    PretendsToConfigure: 'logs/config_write logs/config_reset',
    PretendsToClear: 'clear-data/learned_data_tells_when',
    FindsEverything: 'data/read_unknown discovery/component_unknown locks/read_unknown operations/stop',
    InventsCodes: 'data/read_unknown errors/entity_has_a_body',
    HidesVendorCode: 'data/read_unknown errors/entity_has_a_body',
    SaysNothing: 'data/read_unknown',
    PlainTextErrors: 'data/read_unknown errors/are_not_problem_json',
    NoAllow: 'data/post faults/put discovery/component_method',
    NoLocation: 'operations/start operations/start_status',
    NoMemberIsNamed: 'data/write_without_data locks/acquire_without_expiration data/list_include_schema_bad',
    TalksWith204: 'data/write_same locks/release operations/stop',
    ReadsEveryType: 'data/write_text http/body_is_text locks/acquire_text',
    WritesWhateverIsAsked: 'http/accept_html http/accept_of_an_entity',
    KnowsEverybody: 'authentication/unknown_token',
    TakesAnySchemaFlag: 'data/list_include_schema data/list_include_schema_bad',
    NeverFilters: 'data/list_tags_unknown data/list_category data/list_category_empty',
    PretendsToWrite: 'data/write',
    StoresAnything: 'data/write_wrong_type data/write_list data/write_out_of_range',
    NullValues: 'data/read',
    ListWithoutItems: 'data/list',
    CategoriesAreLost: 'data/list',
    SeverityIsText: 'faults/list',
    FlatFault: 'faults/read faults/details_wrap_the_fault',
    ModesStay: 'modes/expires',
    KeepsStoppedRuns: 'operations/stop operations/stop_twice',
    RunsHaveOwnStates: 'operations/start_status',
    GrantsEveryLock: 'locks/other_acquires locks/other_acquires_scope',
    LocksBelongToAll: 'locks/other_sees_not_owned',
    LocksDoNotHold: 'locks/other_writes',
    LocksNeverEnd: 'locks/expires locks/other_after_expiry',
    EverybodyReleases: 'locks/other_releases',
    NoTimestamps: 'cyclic-subscriptions/stream',
    OneReadingForAll: 'cyclic-subscriptions/stream_timestamps',
    PayloadAndError: 'cyclic-subscriptions/stream',
    StreamsNeverEnd: 'cyclic-subscriptions/stream_ends_at_delete cyclic-subscriptions/stream_ends_at_expiry',
    NeverFires: 'triggers/fires_on_change triggers/fires_on_change_to',
    FiresForEver: 'triggers/single_shot_terminates',
}


class Mutants(unittest.TestCase):
    """A case that passes against a right server and fails against one that fakes the answer has judged something."""

    known = {case.name: case for case in cases.load()}
    schema = Schema(cases.shapes())

    def outcomes(self, vehicle, names):
        """Facts are found on a right server, so that a wrong one cannot hide by having nothing."""
        with small_server.SmallServer(vehicle) as server:
            client = Client(server.url, {'first': 'token-of-a', 'second': 'token-of-b'})
            facts = Facts(client)
            kind, vehicle.__class__ = vehicle.__class__, small_server.Vehicle
            facts.discover()
            for name in names:
                facts.choose(self.known[name])
            vehicle.__class__ = kind
            results = [engine.run_case(self.known[name], client, facts, self.schema) for name in names]
        return {result.case.name: result for result in results}

    def test_a_right_server_passes_every_case_that_finds_a_wrong_one(self):
        names = sorted({name for text in MUTANTS.values() for name in text.split()})
        for name, result in self.outcomes(small_server.Vehicle(), names).items():
            with self.subTest(name):
                self.assertEqual((result.outcome, result.reason), ('passed', ''))

    def test_every_wrong_server_is_found_by_each_of_its_cases(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:     # most of them wait
            found = pool.map(lambda kind: self.outcomes(kind(), MUTANTS[kind].split()), MUTANTS)
        for kind, outcomes in zip(MUTANTS, found):
            for name, result in outcomes.items():
                with self.subTest(f'{kind.__name__}: {name}'):
                    self.assertEqual(result.outcome, 'failed', result.reason)
                    self.assertNotIn('the case itself is wrong', result.reason)

    def test_a_failure_does_not_stop_the_rest(self):
        names = ['data/write', 'data/read']
        found = self.outcomes(PretendsToWrite(), names)
        self.assertEqual([found[name].outcome for name in names], ['failed', 'passed'])

    def test_what_a_case_makes_is_removed_again(self):
        vehicle = small_server.Vehicle()
        self.outcomes(vehicle, ['locks/acquire', 'cyclic-subscriptions/create_fast', 'triggers/create_on_change', 'operations/start'])
        self.assertEqual((vehicle.locks, vehicle.streams, vehicle.runs), ({}, {}, {}))

    def test_counts_are_those_of_the_results(self):
        found = self.outcomes(NoAllow(), ['data/post', 'data/read'])
        self.assertEqual(report.counts(list(found.values())), (1, 1, 0))


if __name__ == '__main__':
    unittest.main()
