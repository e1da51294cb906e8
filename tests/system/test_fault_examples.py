# SPDX-License-Identifier: Apache-2.0
"""The worked examples of docs/fault-manager.md are what happens."""
import pathlib
import re
import unittest

import test_native_apps

PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'fault-manager.md'
EXAMPLE = re.compile(r'```yaml\n(faults:\n  - \{code: EXAMPLE.*?)```\n(.*?)((?:^\|[^\n]*\n)+)', re.DOTALL | re.MULTILINE)
STEP = re.compile(r'`([a-z ]+)`(?: ×(\d+))?')


def rows_of(table):
    """Each row of a Markdown table as a dictionary of its named columns."""
    lines = [[cell.strip() for cell in line.strip('|\n').split('|')] for line in table.splitlines()]
    return [dict(zip(lines[0], line)) for line in lines[2:]]


class Examples(test_native_apps.NativeCase):
    entities = ({'entity': 'apps/nav', 'cycles': ['drive']},)

    def start(self):
        """Each example has its own gateway."""

    def shown(self):
        reply = self.gateway.request('GET', '/apps/nav/faults/EXAMPLE')
        if reply.status == 404:
            return '-', '-'
        status = reply.json['item']['status']
        return status['mask'], status['aggregatedStatus']

    def do(self, app, step):
        if step.startswith('cycle '):
            answer = app.ask('cycle', kind=step.removeprefix('cycle '))
        else:
            answer = app.ask('fault', code='EXAMPLE', report=step)
        self.assertEqual(answer['type'], 'reply', answer)

    def play(self, catalog, table):
        file = self.folder / 'faults.yaml'
        file.write_text(catalog, encoding='utf-8')
        self.sections = {'faults': {'catalogs': [{'entity': 'apps/nav', 'file': str(file)}]}}
        super().start()
        app = self.app(register={})
        self.ask(204, 'DELETE', '/apps/nav/faults')  # of the example before
        for number, row in enumerate(rows_of(table), 1):
            step, times = STEP.match(next(iter(row.values()))).groups()
            for _ in range(int(times or 1)):
                self.do(app, step)
            self.assertEqual(self.shown(), (row['`mask`'], row['`aggregatedStatus`']), f'row {number} of {table}')
        app.close()
        self.stop()

    def test_every_row_of_every_table_is_what_happens(self):
        examples = EXAMPLE.findall(PAGE.read_text(encoding='utf-8'))
        self.assertEqual(len(examples), 2)
        for catalog, _, table in examples:
            self.play(catalog, table)


if __name__ == '__main__':
    unittest.main()
