# SPDX-License-Identifier: Apache-2.0
"""The page about limits names every limit there is, with its default, and metrics that exist."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

ROOT = pathlib.Path(__file__).resolve().parents[2]


def rows(text):
    return [[cell.strip() for cell in line.strip().strip('|').split('|')] for line in text.splitlines() if line.startswith('| ')]


class LimitsPage(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.page = (ROOT / 'docs' / 'limits.md').read_text(encoding='utf-8')

    def test_every_setting_stands_there_with_its_default_and_no_other(self):
        settings, section = {}, None
        for line in gateway.run('--print-config-docs')[1].splitlines():
            if found := re.match(r'## `([\w.]+)`', line):
                section = found[1]
            elif section and (cells := rows(line)) and len(cells[0]) == 5:
                name, kind, _, default, _ = cells[0]
                if kind not in ('Type', 'section'):
                    settings[f'{section}.{name.strip("`")}'] = default.strip('`')
        listed = {row[0].strip('`'): row[1].strip('`') for row in rows(self.page) if re.match(r'`[a-z_]+\.', row[0])}
        self.assertEqual({name: settings.get(name) for name in listed}, listed)
        self.assertEqual({name for name in settings if name.split('.')[0] in ('limits', 'rate')} - set(listed), set())

    def test_every_metric_that_is_named_exists(self):
        with gateway.Gateway() as daemon:
            names = set(re.findall(r'^# TYPE (\w+) ', daemon.bare('GET', '/metrics').body.decode(), re.MULTILINE))
        self.assertEqual(set(re.findall(r'`(sovd_\w+)`', self.page)) - names, set())

    def test_what_does_not_change_is_what_the_source_says(self):
        listed = {row[3].strip('`'): row[1] for row in rows(self.page) if len(row) == 4 and row[3].startswith('`SOVD_')}
        self.assertGreaterEqual(len(listed), 9)
        text = '\n'.join(path.read_text(encoding='utf-8') for folder in ('sovd-core', 'sovd-rest') for path in (ROOT / folder).rglob('*.h'))
        self.assertEqual({name: (re.search(rf'#define {name} +(\d+)', text) or ('', ''))[1] for name in listed}, listed)


if __name__ == '__main__':
    unittest.main()
