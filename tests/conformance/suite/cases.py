# SPDX-License-Identifier: Apache-2.0
"""Reads the files under cases/ and refuses one that says less, or something else, than it seems to."""
import dataclasses
import fnmatch
import json
import pathlib

from . import values

FOLDER = pathlib.Path(__file__).resolve().parents[1]
ORDER = ('discovery', 'http', 'errors', 'docs', 'authentication', 'data', 'data-lists', 'faults', 'modes', 'configurations',
         'operations', 'locks', 'cyclic-subscriptions', 'triggers', 'logs', 'communication-logs', 'bulk-data', 'scripts',
         'updates', 'clear-data', 'status')
BASES = ('template', 'text', 'http', 'recommendation')
MEMBERS = {'title', 'clause', 'basis', 'kind', 'needs', 'safe', 'lasting', 'lock', 'steps', 'cleanup'}
NEEDS = {'collections', 'on', 'tokens', 'features'}
STEPS = {'request', 'open', 'event', 'ends', 'close'}
STEP_MEMBERS = STEPS | {'expect', 'save', 'within'}
REQUEST = {'method', 'path', 'body', 'text', 'headers', 'token'}
EXPECT = {'status', 'headers', 'error_code', 'vendor_code', 'names', 'schema', 'json', 'absent', 'has', 'lacks', 'body', 'text', 'comment'}
READING = ('GET', 'HEAD', 'OPTIONS')


class BadCase(Exception):
    pass


@dataclasses.dataclass
class Case:
    """One file. Its name is collection/name, without .json."""
    name: str
    title: str
    clause: str
    basis: str
    kind: str
    safe: bool
    steps: list
    needs: dict = dataclasses.field(default_factory=dict)
    lasting: bool = False
    lock: bool = False
    cleanup: list = dataclasses.field(default_factory=list)

    @property
    def collection(self):
        return self.name.split('/')[0]

    @property
    def placeholders(self):
        """What has to be found on the server before the first step."""
        found, saved = set(), set()
        for step in self.steps:
            found |= values.names_in({name: part for name, part in step.items() if name != 'save'}) - saved
            saved |= set(step.get('save', {}))
        found |= values.names_in(self.cleanup) - saved
        return {name for name in found if values.builtin(name) is None}


def demand(condition, name, text):
    if not condition:
        raise BadCase(f'{name}: {text}')


def check_step(name, step):
    kinds = STEPS & set(step)
    demand(len(kinds) == 1, name, f'a step has one of {sorted(STEPS)}, this one has {sorted(kinds)}')
    demand(set(step) <= STEP_MEMBERS, name, f'a step has unknown members: {sorted(set(step) - STEP_MEMBERS)}')
    demand(set(step.get('expect', {})) <= EXPECT, name, f'expect has unknown members: {sorted(set(step.get("expect", {})) - EXPECT)}')
    if 'request' in step:
        demand(set(step['request']) <= REQUEST, name, f'a request has unknown members: {sorted(set(step["request"]) - REQUEST)}')
        demand({'method', 'path'} <= set(step['request']), name, 'a request needs method and path')
        demand('status' in step.get('expect', {}), name, 'a request without an expected status checks nothing')


def check(name, data):
    demand(set(data) <= MEMBERS, name, f'unknown members: {sorted(set(data) - MEMBERS)}')
    for member in ('title', 'clause', 'basis', 'kind', 'safe', 'steps'):
        demand(member in data, name, f'{member} is missing')
    demand(data['kind'] in ('good', 'bad'), name, 'kind is good or bad')
    demand(data['basis'] in BASES, name, f'basis is one of {BASES}')
    demand(set(data.get('needs', {})) <= NEEDS, name, 'needs has unknown members')
    demand(data['steps'], name, 'there is no step')
    for step in data['steps']:
        check_step(name, step)
    reads = all(step['request']['method'] in READING for step in data['steps'] if 'request' in step)
    demand(data['safe'] == reads, name, 'safe is true for a case that only reads, and for no other')
    demand(not (data['safe'] and (data.get('lasting') or data.get('lock'))), name, 'a safe case neither locks nor lasts')


def read(path, root):
    name = path.relative_to(root).with_suffix('').as_posix()
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
        check(name, data)
    except ValueError as error:
        raise BadCase(f'{name}: {error}') from error
    return Case(name=name, **data)


def position(case):
    known = ORDER.index(case.collection) if case.collection in ORDER else len(ORDER)
    return case.lasting, known, case.name


def load(root=None):
    """All cases: those that leave something behind come last."""
    root = pathlib.Path(root or FOLDER / 'cases')
    return sorted((read(path, root) for path in root.rglob('*.json')), key=position)


def matches(case, patterns):
    """A pattern is a part of the name, or has * and matches the whole of it."""
    return not patterns or any(fnmatch.fnmatch(case.name, one) if '*' in one else one in case.name for one in patterns)


def shapes():
    return json.loads((FOLDER / 'shapes.json').read_text(encoding='utf-8'))
