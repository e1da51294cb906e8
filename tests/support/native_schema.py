# SPDX-License-Identifier: Apache-2.0
"""Frames against docs/native-app.schema.json, with the part of JSON Schema that the file uses."""
import json
import pathlib

import openapi

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'native-app.schema.json').read_text(encoding='utf-8'))


class Judge(openapi.Schemas):
    """Knows $defs beside what an OpenAPI document uses."""

    def __init__(self, schema):
        super().__init__({})
        self.named = schema['$defs']

    def resolve(self, schema, where):
        if '$ref' not in schema:
            return schema
        return self.named[schema['$ref'].removeprefix('#/$defs/')]

    def check_const(self, schema, value, where):
        if value != schema['const']:
            openapi.refuse(where, f'is {value!r}, not {schema["const"]!r}')


JUDGE = Judge(SCHEMA)


def types(direction):
    """The types of frames 'from_app' or 'from_gateway'."""
    return sorted(ref['$ref'].removeprefix('#/$defs/').split('.')[-1] for ref in SCHEMA['$defs'][direction]['oneOf'])


def check(direction, frame):
    """Raises unless the frame is one of this direction."""
    name = f'{direction}.{frame["type"]}'
    if name not in SCHEMA['$defs']:
        openapi.refuse(name, 'is not in the schema')
    JUDGE.check(SCHEMA['$defs'][name], frame, name)
