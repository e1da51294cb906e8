# SPDX-License-Identifier: Apache-2.0
"""Compares an answer with what a step expects. Every sentence that comes out is a rule that does not hold."""
import json
import re

from .schema import same, shown
from .values import pointer

ERROR_CODES = ('error-response', 'incomplete-request', 'insufficient-access-rights', 'invalid-response-content', 'invalid-signature',
               'lock-broken', 'not-responding', 'precondition-not-fulfilled', 'sovd-server-failure', 'sovd-server-misconfigured',
               'update-automated-not-supported', 'update-execution-in-progress', 'update-preparation-in-progress',
               'update-process-in-progress', 'vendor-specific')
TOLERATED = ('preconditions-not-fulfilled',)    # the plural of a widely used server
IDENTITIES = ('id', 'code')


def as_list(value):
    return value if isinstance(value, list) else [value]


def error_problems(answer):
    """The shape of a GenericError, wherever a body comes with a status from 400 on."""
    if not answer.body:
        return
    if answer.media_type != 'application/json':
        yield f'the body of an error is application/json, not {answer.media_type or "without a type"}'
    if not answer.is_json or not isinstance(answer.json, dict):
        yield 'the body of an error is a JSON object'
        return
    body = answer.json
    code = body.get('error_code', (body.get('error') or {}).get('error_code') if isinstance(body.get('error'), dict) else None)
    message = body.get('message', (body.get('error') or {}).get('message') if isinstance(body.get('error'), dict) else None)
    if code not in ERROR_CODES + TOLERATED:
        yield f'error_code is {code!r}, which the standard does not have'
    if not isinstance(message, str) or not message.strip():
        yield 'message is a text for people and may not be empty'
    vendor = body.get('vendor_code', (body.get('error') or {}).get('vendor_code') if isinstance(body.get('error'), dict) else None)
    if code == 'vendor-specific' and (not isinstance(vendor, str) or not vendor):
        yield 'vendor_code has to be filled when error_code is vendor-specific'


def member_of_error(answer, name):
    """error_code and the like of a GenericError, or of the one inside a DataError."""
    body = answer.json if answer.is_json and isinstance(answer.json, dict) else {}
    inner = body.get('error') if isinstance(body.get('error'), dict) else {}
    return body.get(name, inner.get(name))


def names_problems(word, answer):
    if str(word).lower() not in answer.body.decode('utf-8', 'replace').lower():
        yield f'the error does not name {word!r}'


def header_problems(expected, answer):
    for name, pattern in expected.items():
        value = answer.headers.get(name.lower())
        if pattern is None:
            if value is not None:
                yield f'the header {name} is {value!r}, it may not be there'
        elif value is None:
            yield f'the header {name} is missing'
        elif not re.search(str(pattern), value, re.IGNORECASE):
            yield f'the header {name} is {value!r}, which does not match {pattern!r}'


def is_one(element, wanted):
    """An element of a list is meant by its value, or by its id."""
    if isinstance(element, dict) and not isinstance(wanted, dict):
        return any(same(element.get(name), wanted) for name in IDENTITIES)
    return same(element, wanted)


def document_problems(expect, document, schema):
    """Rules about a JSON document: an answer's body, or an event."""
    if 'schema' in expect:
        yield from schema.problems(expect['schema'], document)
    for where, value in expect.get('json', {}).items():
        try:
            found = pointer(document, where)
        except KeyError:
            yield f'{where} is missing, it has to be {shown(value)}'
            continue
        if not same(found, value):
            yield f'{where or "/"} is {shown(found)}, not {shown(value)}'
    for where in expect.get('absent', []):
        try:
            pointer(document, where)
            yield f'{where} may not be there'
        except KeyError:
            pass
    for rule in ('has', 'lacks'):
        for where, wanted in expect.get(rule, {}).items():
            try:
                found = pointer(document, where)
            except KeyError:
                found = None
            if not isinstance(found, list):
                yield f'{where or "/"} is no list'
            elif any(is_one(one, wanted) for one in found) is not (rule == 'has'):
                yield f'{where or "/"} {"has no" if rule == "has" else "still has"} {wanted!r}'


def answer_problems(expect, answer, schema):
    """All sentences at once: one look at a failure shall tell everything."""
    found = []
    statuses = as_list(expect.get('status', 200))
    if answer.status not in statuses:
        found.append(f'the status is {answer.status}, not {" or ".join(map(str, statuses))}')
    if answer.status >= 400:
        found += error_problems(answer)
    found += header_problems(expect.get('headers', {}), answer)
    for name in ('error_code', 'vendor_code'):
        if name in expect and member_of_error(answer, name) not in as_list(expect[name]):
            found.append(f'{name} is {member_of_error(answer, name)!r}, not {" or ".join(as_list(expect[name]))}')
    if 'names' in expect:
        found += names_problems(expect['names'], answer)
    if expect.get('body') == 'none' and answer.body:
        found.append(f'there is a body of {len(answer.body)} bytes, there has to be none')
    if expect.get('body') == 'some' and not answer.body:
        found.append('there is no body')
    if 'text' in expect and answer.body != str(expect['text']).encode():
        found.append(f'the body is {shown(answer.body)}, not {shown(expect["text"])}')
    if {'schema', 'json', 'absent', 'has', 'lacks'} & set(expect) and answer.status in statuses:
        if not answer.is_json:
            found.append('the body is no JSON')
        else:
            found += document_problems(expect, answer.json, schema)
    return found


def event_problems(expect, event, schema):
    """Every event is an envelope, whatever else is asked of it."""
    try:
        document = json.loads(event.get('data', ''))
    except ValueError:
        return ['the data of an event is one JSON document'], None
    found = schema.problems({'$ref': 'EventEnvelope'}, document)
    if isinstance(document, dict) and ('payload' in document) is ('error' in document):
        found.append('an envelope has either payload or error')
    return found + list(document_problems(expect, document, schema)), document
