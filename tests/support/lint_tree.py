# SPDX-License-Identifier: Apache-2.0
"""What the checks in tests/lint share: the list of files, the report, and the proof that a check can fail.

A check is a function check(tree) which yields (file, line, why). Its self-test plants a small tree in a
temporary folder and says which lines have to be found there - those, and no other.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def clean_environment():
    """A git hook sets GIT_DIR and the like, which would point git at another tree."""
    return {name: value for name, value in os.environ.items() if not name.startswith('GIT_')}


class Tree:
    """The files of a source tree: tracked, or new and not ignored."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        listed = subprocess.run(['git', '-c', 'safe.directory=*', 'ls-files', '-z', '-co', '--exclude-standard'], cwd=self.root,
                                env=clean_environment(), stdout=subprocess.PIPE, check=True).stdout
        names = {os.fsdecode(name) for name in listed.split(b'\0') if name}
        self.files = sorted(name for name in names if (self.root / name).is_file())

    def lines(self, name):
        """The numbered lines of a file; none for one that is not text."""
        try:
            text = (self.root / name).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            return []
        return list(enumerate(text.splitlines(), 1))

    def first_line(self, name):
        with open(self.root / name, 'rb') as file:
            return file.readline(200).decode('utf-8', 'replace')

    def is_script(self, name):
        return self.first_line(name).startswith('#!')


def plant(root, planted):
    for name, text in planted.items():
        path = pathlib.Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    subprocess.run(['git', 'init', '-q'], cwd=root, env=clean_environment(), check=True)


def self_test(check, planted, expected):
    """planted: file name -> text; expected: the set of (file, line) that check has to report."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, planted)
        found = {(name, line) for name, line, _ in check(Tree(root))}
    for name, line in sorted(expected - found):
        print(f'self-test: {name}:{line} is wrong and was not found')
    for name, line in sorted(found - expected):
        print(f'self-test: {name}:{line} is right and was reported')
    return found == expected


def report(check):
    found = sorted(check(Tree(ROOT)))
    for name, line, why in found:
        print(f'{name}:{line}: {why}')
    return not found


def main(check, planted, expected):
    """The main() of every check: no argument, or --self-test."""
    if sys.argv[1:] == ['--self-test']:
        good = self_test(check, planted, expected)
    elif not sys.argv[1:]:
        good = report(check)
    else:
        sys.exit(f'usage: {sys.argv[0]} [--self-test]')
    sys.exit(0 if good else 1)
