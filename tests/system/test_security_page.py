# SPDX-License-Identifier: Apache-2.0
"""Goes the way of docs/security.md, from an empty folder to a log that is proven and one that is not."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import gateway
from test_backend_life import free_port
from test_tour import ANYTHING, steps_of

PAGE = ROOT / 'docs' / 'security.md'
SECONDS = 60
MARK = '@@end of a command@@'


def files_of(page):
    """{name: text} of the blocks of YAML, which begin with the name of their file."""
    return dict(re.findall(r'```yaml\n# (\S+)\n(.*?)```', page, re.DOTALL))


def pattern(shown):
    return '.*?'.join(re.escape(part) for part in '\n'.join(shown).strip().split(ANYTHING))


class Page(unittest.TestCase):
    maxDiff = None

    def test_every_command_answers_as_the_page_says(self):
        page = PAGE.read_text(encoding='utf-8')
        steps, files, port = steps_of(page), files_of(page), str(free_port())
        self.assertGreater(len(steps), 20)
        script = 'trap "kill %1 2> /dev/null; wait" EXIT\n'
        for step in steps:
            if '--check-config' in step.command:
                script += ''.join(f"cat > {name} <<'END'\n{text}END\n" for name, text in files.items())
            script += f'{step.command}\nprintf "\\n{MARK} %d\\n" $?\n'
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(['bash'], input=script.replace('8443', port), capture_output=True, text=True, timeout=SECONDS, cwd=folder,
                                  env={**os.environ, 'PATH': f'{gateway.binary().resolve().parent}:{os.environ["PATH"]}'})
        found = re.findall(rf'(.*?)\n{MARK} (\d+)\n', done.stdout, re.DOTALL)
        self.assertEqual(len(found), len(steps), done.stderr)
        for step, (output, status) in zip(steps, found):
            with self.subTest(f'docs/security.md:{step.line}: {step.command}'):
                self.assertEqual(status, '0', output + done.stderr)
                self.assertRegex(output.strip(), re.compile(rf'\A{pattern(step.shown)}\Z', re.DOTALL))


if __name__ == '__main__':
    unittest.main()
