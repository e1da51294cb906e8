# SPDX-License-Identifier: Apache-2.0
"""Runs one case: finds what it needs, does its steps, judges each answer, and takes back what it made."""
import dataclasses
import pathlib
import queue
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'support'))
import polling

from . import judge, values
from .client import Unreachable
from .values import Missing

LOCK_SECONDS = 60
READY_SECONDS = 60
END_SECONDS = 10


@dataclasses.dataclass
class Result:
    case: object
    outcome: str                        # passed, failed, skipped
    reason: str = ''
    seconds: float = 0.0


class Failed(Exception):
    """A rule that does not hold."""


class Run:
    """The state of one case while it runs."""

    def __init__(self, case, client, facts, schema):
        self.case, self.client, self.facts, self.schema = case, client, facts, schema
        self.known, self.made, self.streams = {}, [], {}
        self.lock = None

    # ---- steps -----------------------------------------------------------------------------------------------------

    def send(self, request):
        target = self.client.target(values.fill_path(request['path'], self.known))
        headers = values.fill(request.get('headers', {}), self.known)
        body = values.fill(request['body'], self.known) if 'body' in request else None
        if 'text' in request:
            body = values.fill(request['text'], self.known).encode()
        token = request.get('token', 'first')
        answer = self.client.request(request['method'], target, body, headers, token)
        if request['method'] == 'POST' and answer.status in (200, 201, 202) and 'location' in answer.headers:
            self.made.append((self.client.target(answer.headers['location'], target), token))
        return answer

    def judged(self, step, answer):
        """Everything that is wrong with an answer."""
        expect = values.fill({name: part for name, part in step.get('expect', {}).items() if name != 'comment'}, self.known)
        return judge.answer_problems(expect, answer, self.schema)

    def request(self, step):
        last = {}

        def attempt():
            last['answer'] = self.send(step['request'])
            last['problems'] = self.judged(step, last['answer'])
            return not last['problems']
        polling.wait_until(attempt, step.get('within', 0), 0.1)
        if last['problems']:
            waited = f' (asked again for {step["within"]} s)' if 'within' in step else ''
            self.fail(last['answer'].asked, last['answer'], last['problems'], waited)
        self.save(step, last['answer'])

    def save(self, step, answer):
        for name, where in step.get('save', {}).items():
            try:
                if where.startswith('header:'):
                    value = answer.headers[where.partition(':')[2].lower()]
                else:
                    value = values.pointer(answer.json, where)
            except (KeyError, ValueError) as error:
                self.fail(answer.asked, answer, [f'{where} is not in the answer: {error}'])
            self.known[name] = self.client.target(value, '/') if where == 'header:location' else value

    def open(self, step):
        wanted = step['open']
        stream = self.client.stream(self.client.target(values.fill_path(wanted['path'], self.known)),
                                    values.fill(wanted.get('headers', {}), self.known), wanted.get('token', 'first'))
        self.streams[wanted['stream']] = stream
        problems = self.judged(step, stream.answer)
        if problems:
            self.fail(stream.answer.asked, stream.answer, problems)

    def next_event(self, name, within):
        try:
            return self.streams[name].events.get(timeout=within)
        except queue.Empty:
            return False

    def event(self, step):
        """The next event has to come in time and be right."""
        name, within = step['event']['stream'], step['event'].get('within', 5)
        event, asked = self.next_event(name, within), self.streams[name].answer.asked
        if event is False:
            self.fail(asked, f'no event within {within} s', ['an event has to come'])
        if event is None:
            self.fail(asked, 'the stream ended', ['an event has to come'])
        problems, document = judge.event_problems(values.fill(step.get('expect', {}), self.known), event, self.schema)
        if problems:
            self.fail(asked, event.get('data'), problems)
        for saved, where in step.get('save', {}).items():
            self.known[saved] = values.pointer(document, where)

    def ends(self, step):
        """The server closes the stream in time; events that are under way may still come."""
        name, within = step['ends']['stream'], step['ends'].get('within', 5)
        deadline = time.monotonic() + within
        while (event := self.next_event(name, max(0.01, deadline - time.monotonic()))) is not None:
            if event is False or time.monotonic() > deadline:
                self.fail(self.streams[name].answer.asked, f'still open after {within} s', ['the server has to close the stream'])

    def close(self, step):
        self.streams[step['close']['stream']].close()

    def step(self, step):
        for kind in ('request', 'open', 'event', 'ends', 'close'):
            if kind in step:
                getattr(self, kind)(step)

    @staticmethod
    def fail(asked, answer, problems, waited=''):
        rules = '\n'.join('  ' + text for text in problems)
        raise Failed(f'{asked}\n-> {answer}{waited}\nrule:\n{rules}')

    # ---- around the steps ------------------------------------------------------------------------------------------

    def take_lock(self, entity):
        if not self.case.lock or not self.facts.offers(entity, 'locks'):
            return
        answer = self.client.request('POST', entity.path + '/locks', {'lock_expiration': LOCK_SECONDS})
        if answer.status != 201 or 'location' not in answer.headers:
            self.fail(answer.asked, answer, ['the lock under which the case runs has to be granted'])
        self.lock = self.client.target(answer.headers['location'], entity.path + '/locks')

    def await_ready(self, entity):
        """An earlier case may have restarted it: it comes back by itself."""
        if entity.type == 'server' or 'status' not in entity.body:
            return
        if not polling.wait_until(lambda: (self.facts.get(entity.path + '/status') or {}).get('status') != 'notReady', READY_SECONDS, 0.2):
            self.fail('GET ' + entity.path + '/status', f'notReady for {READY_SECONDS} s', ['the entity has to be ready'])

    def remove(self, target, token):
        """Deletes what a case made. A script that runs has to be ended before."""
        answer = self.client.request('DELETE', target, token=token)
        if answer.status == 409 and '/scripts/' in target:
            self.client.request('PUT', target, {'action': 'forced_termination'}, token=token)
            polling.wait_until(lambda: self.client.request('DELETE', target, token=token).status != 409, END_SECONDS, 0.1)

    def clean_up(self):
        """Undoes in reverse order what the steps made. Nothing is judged here but that there is an answer."""
        for stream in self.streams.values():
            stream.close()
        for step in self.case.cleanup:
            try:
                self.send(step['request'])
            except Missing:
                pass
        for target, token in reversed(self.made):
            self.remove(target, token)
        if self.lock:
            self.client.request('DELETE', self.lock)

    def run(self):
        entity, found = self.facts.choose(self.case)
        self.known = {**found, 'entity': entity.path}
        try:
            self.await_ready(entity)
            self.take_lock(entity)
            for number, step in enumerate(self.case.steps, 1):
                try:
                    self.step(step)
                except (Failed, Unreachable) as failure:
                    raise Failed(f'step {number}: {failure}') from failure
        finally:
            self.clean_up()


def run_case(case, client, facts, schema):
    started = time.monotonic()
    result = Result(case, 'passed')
    try:
        Run(case, client, facts, schema).run()
    except Missing as missing:
        result.outcome, result.reason = 'skipped', str(missing)
    except (Failed, Unreachable) as failure:
        result.outcome, result.reason = 'failed', str(failure)
    except (KeyError, ValueError, TypeError, re.error) as error:
        result.outcome, result.reason = 'failed', f'the case itself is wrong: {type(error).__name__}: {error}'
    result.seconds = time.monotonic() - started
    return result
