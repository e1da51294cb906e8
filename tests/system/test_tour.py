# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/tour.md against the demo vehicle, one after the other in one shell, and compares what comes out."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import gateway

ON_THE_PAGE = '127.0.0.1:8080'
ANYTHING = '…'
SECONDS = 200


class Step:
    """A command and the output that the page shows for it."""

    def __init__(self, command, line):
        self.command, self.line, self.shown = command, line, []


def steps_of(page):
    """The lines that begin with $ in blocks of the kind console. A \\ at the end goes on in the next line."""
    steps, inside, goes_on = [], False, False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith('```'):
            inside = line == '```console'
        elif inside and goes_on:
            steps[-1].command += '\n' + line.removeprefix('> ')
        elif inside and line.startswith('$ '):
            steps.append(Step(line[2:], number))
        elif inside and steps:
            steps[-1].shown.append(line)
        goes_on = inside and not steps[-1].shown and steps[-1].command.endswith('\\') if steps else False
    return steps


def joined(lines):
    """The page wraps long lines: what begins with spaces belongs to the line before."""
    text = ''
    for line in lines:
        text += line.lstrip() if line.startswith('  ') else '\n' + line
    return text.strip()


def pattern(shown):
    """What is shown, as an expression: an ellipsis stands for anything."""
    return '.*?'.join(re.escape(part) for part in joined(shown).split(ANYTHING))


def run(steps, address, folder=None):
    """[(output, exit status)] of all commands, run by one shell."""
    mark = '@@end of a command@@'
    script = ''.join(f'{step.command.replace(ON_THE_PAGE, address)}\nprintf "\\n{mark} %d\\n" $?\n' for step in steps)
    done = subprocess.run(['bash', '-o', 'pipefail'], input=script, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
    found = re.findall(rf'(.*?)\n{mark} (\d+)\n', done.stdout, re.DOTALL)
    return [(output.replace('\r', '').strip(), int(status)) for output, status in found], done.stderr


class Tour(unittest.TestCase):
    maxDiff = None

    def test_every_command_of_the_tour_answers_as_the_page_says(self):
        steps = steps_of((ROOT / 'docs' / 'tour.md').read_text(encoding='utf-8'))
        self.assertGreater(len(steps), 40)
        with gateway.Gateway(arguments=['--demo'], environment={'SOVD_SERVER__PORT': '0'}) as demo:
            found, errors = run(steps, f'127.0.0.1:{demo.port}')
        self.assertEqual(len(found), len(steps), errors)
        for step, (output, status) in zip(steps, found):
            with self.subTest(f'docs/tour.md:{step.line}: {step.command}'):
                self.assertEqual(status, 0, output)
                self.assertRegex(output, re.compile(rf'\A{pattern(step.shown)}\Z', re.DOTALL))

    def test_the_comparison_finds_what_differs(self):
        page = '```console\n$ echo one\none\n$ echo \'{"a":1,\' \\\n>  two\n{"a":…,\n  two\n$ echo x\ny\n```\n'
        steps = steps_of(page)
        self.assertEqual([step.command for step in steps], ['echo one', 'echo \'{"a":1,\' \\\n two', 'echo x'])
        found, _ = run(steps, 'nowhere')
        fits = [bool(re.fullmatch(pattern(step.shown), output.replace(', two', ',two'), re.DOTALL)) for step, (output, _) in zip(steps, found)]
        self.assertEqual(fits, [True, True, False])

    def test_every_collection_of_the_page_is_asked_for(self):
        page = (ROOT / 'docs' / 'tour.md').read_text(encoding='utf-8')
        for word in '/data/', '/faults', '/operations/', '/modes/', '/configurations', '/docs', '/health', '/metrics', '/version-info', \
                '/data-lists', '/locks', '/cyclic-subscriptions', '/triggers', '/bulk-data', '/communication-logs', '/scripts', '/logs', \
                '/clear-data', '/status/', '/updates':
            self.assertIn(word, ' '.join(step.command for step in steps_of(page)))


if __name__ == '__main__':
    unittest.main()
