# SPDX-License-Identifier: Apache-2.0
"""The part of JSON Schema that the cases use. A keyword that is not known here is an error of the case."""
import datetime
import re
import urllib.parse

TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}
DATE_TIME = re.compile(r'\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)')
KEYWORDS = {'$ref', 'type', 'required', 'properties', 'items', 'enum', 'const', 'format', 'pattern', 'minimum', 'maximum',
            'minItems', 'maxItems', 'contains', 'not', 'anyOf', 'allOf', 'minLength', 'additionalProperties', 'description'}


def same(one, other):
    """Equality of JSON: true is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def is_type(value, name):
    if name in ('integer', 'number'):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return name == 'number' or float(value).is_integer()
    return isinstance(value, TYPES[name])


def is_date_time(text):
    if not DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.datetime.fromisoformat(re.sub(r'\.\d+', '', text.upper()).replace('Z', '+00:00'))
    except ValueError:
        return False
    return True


def is_uri_reference(text):
    if not text or re.search(r'[\s<>"{}|\\^`]', text) or re.search(r'%(?![0-9A-Fa-f]{2})', text):
        return False
    try:
        urllib.parse.urlsplit(text)
    except ValueError:
        return False
    return True


FORMATS = {
    'date-time': is_date_time,
    'date-time-utc': lambda text: is_date_time(text) and text.upper().endswith(('Z', '+00:00')),
    'uri-reference': is_uri_reference,
    'json-pointer': lambda text: re.fullmatch(r'(/([^~/]|~[01])*)*', text) is not None,
}


def shown(value):
    text = repr(value)
    return text if len(text) < 80 else text[:77] + '...'


class Schema:
    """A schema and the shapes that its $ref may name."""

    def __init__(self, shapes):
        self.shapes = shapes

    def problems(self, schema, value, where=''):
        """What is wrong with a value, as sentences; each begins with a JSON pointer."""
        unknown = set(schema) - KEYWORDS
        if unknown:
            raise ValueError(f'the schema has keywords that are not known: {sorted(unknown)}')
        found = []
        if '$ref' in schema:
            found += self.problems(self.shapes[schema['$ref']], value, where)
        for check in (self._type, self._value, self._combined, self._object, self._array):
            found += [f'{where or "/"}: {text}' if not text.startswith('/') else text for text in check(schema, value, where)]
        return found

    def fits(self, schema, value):
        return not self.problems(schema, value)

    def _type(self, schema, value, _):
        names = schema.get('type', [])
        names = [names] if isinstance(names, str) else names
        if names and not any(is_type(value, name) for name in names):
            yield f'is {shown(value)}, not of type {" or ".join(names)}'

    @staticmethod
    def _value(schema, value, _):
        if 'enum' in schema and not any(same(value, one) for one in schema['enum']):
            yield f'is {shown(value)}, not one of {schema["enum"]}'
        if 'const' in schema and not same(value, schema['const']):
            yield f'is {shown(value)}, not {shown(schema["const"])}'
        if isinstance(value, str):
            if 'format' in schema and not FORMATS[schema['format']](value):
                yield f'is {shown(value)}, not a {schema["format"]}'
            if 'pattern' in schema and not re.search(schema['pattern'], value):
                yield f'is {shown(value)}, which does not match {schema["pattern"]}'
            if len(value) < schema.get('minLength', 0):
                yield 'is an empty text'
        elif is_type(value, 'number'):
            if value < schema.get('minimum', value):
                yield f'is {value}, below {schema["minimum"]}'
            if value > schema.get('maximum', value):
                yield f'is {value}, above {schema["maximum"]}'

    def _combined(self, schema, value, where):
        if 'not' in schema and self.fits(schema['not'], value):
            yield f'is {shown(value)}, which fits what it must not fit'
        if 'anyOf' in schema and not any(self.fits(one, value) for one in schema['anyOf']):
            yield f'is {shown(value)}, which fits none of the {len(schema["anyOf"])} forms: ' + '; '.join(
                self.problems(schema['anyOf'][0], value, where))
        for one in schema.get('allOf', []):
            yield from self.problems(one, value, where)

    def _object(self, schema, value, where):
        if not isinstance(value, dict):
            return
        for name in schema.get('required', []):
            if name not in value:
                yield f'has no member {name!r}'
        for name, below in schema.get('properties', {}).items():
            if name in value:
                yield from self.problems(below, value[name], f'{where}/{name}')
        below = schema.get('additionalProperties')
        if isinstance(below, dict):
            for name in value.keys() - schema.get('properties', {}).keys():
                yield from self.problems(below, value[name], f'{where}/{name}')

    def _array(self, schema, value, where):
        if not isinstance(value, list):
            return
        if len(value) < schema.get('minItems', 0):
            yield f'has {len(value)} elements, fewer than {schema["minItems"]}'
        if len(value) > schema.get('maxItems', len(value)):
            yield f'has {len(value)} elements, more than {schema["maxItems"]}'
        if 'contains' in schema and not any(self.fits(schema['contains'], one) for one in value):
            yield f'has no element that fits {shown(schema["contains"])}'
        if 'items' in schema:
            for position, one in enumerate(value):
                yield from self.problems(schema['items'], one, f'{where}/{position}')
