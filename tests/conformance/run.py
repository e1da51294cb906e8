#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases against any SOVD server.

  run.py --base http://127.0.0.1:8080/sovd/v1                    everything that leaves nothing behind
  run.py --base URL --read-only                                  only cases that change nothing: for a server of others
  run.py --base URL --all --token A --second-token B             also restarts, clearing and updates: for a server of your own

A case whose collection the server does not offer is skipped, not passed. The last line is "N passed, N failed, N skipped"; the
exit status is 0 only when something passed and nothing failed. docs/conformance.md says what this claims, and what not.
"""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from suite import cases, engine, report
from suite.client import Client, Unreachable
from suite.facts import Facts
from suite.schema import Schema


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--base', help='URI of the versioned base, e.g. http://127.0.0.1:8080/sovd/v1')
    parser.add_argument('--token', help='bearer token of the client')
    parser.add_argument('--second-token', help='bearer token of another client, for cases about who may do what')
    parser.add_argument('--insecure', action='store_true', help='accept any certificate')
    parser.add_argument('--only', action='append', default=[], metavar='PATTERN', help='cases whose name has PATTERN in it; may be repeated')
    parser.add_argument('--basis', action='append', default=[], choices=cases.BASES, help='only cases with this basis; may be repeated')
    parser.add_argument('--read-only', action='store_true', help='only cases that read')
    parser.add_argument('--all', action='store_true', help='also cases that leave something behind: restart, clear, update')
    parser.add_argument('--feature', action='append', default=[], metavar='NAME', help='the server is set up so: lock-required, ...')
    parser.add_argument('--script', type=pathlib.Path, metavar='FILE', help='a script that the server accepts')
    parser.add_argument('--script-type', default='application/json', help='its media type')
    parser.add_argument('--update', type=pathlib.Path, metavar='FILE', help='a registration of an update that the server accepts')
    parser.add_argument('--timeout', type=float, default=10, help='seconds for one answer')
    parser.add_argument('--budget', type=float, default=900, help='seconds for everything; what is left then has failed')
    parser.add_argument('--junit', type=pathlib.Path, metavar='FILE')
    parser.add_argument('--list', action='store_true', help='print the cases and end')
    parser.add_argument('--cases', type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument('-v', '--verbose', action='store_true', help='also say what passed, and why a case was skipped')
    options = parser.parse_args(arguments)
    if not options.list and not options.base:
        parser.error('--base is needed')
    if options.all and options.read_only:
        parser.error('--all and --read-only exclude each other')
    return options


def wanted(options):
    chosen = [case for case in cases.load(options.cases) if cases.matches(case, options.only)]
    if options.basis:
        chosen = [case for case in chosen if case.basis in options.basis]
    if options.read_only:
        chosen = [case for case in chosen if case.safe]
    return chosen if options.all else [case for case in chosen if not case.lasting]


def given_files(options):
    given = {'script-type': options.script_type}
    for name in ('script', 'update'):
        path = getattr(options, name)
        if path:
            given[name] = path.read_text(encoding='utf-8')
    return given


def run(options, chosen):
    tokens = {'first': options.token, 'second': options.second_token}
    client = Client(options.base, {name: value for name, value in tokens.items() if value}, options.timeout, options.insecure)
    facts, schema = Facts(client, options.read_only, options.feature, given_files(options)), Schema(cases.shapes())
    facts.discover()
    deadline, results = time.monotonic() + options.budget, []
    for case in chosen:
        if time.monotonic() > deadline:
            result = engine.Result(case, 'failed', f'the budget of {options.budget:g} s was used up')
        else:
            result = engine.run_case(case, client, facts, schema)
        report.show(result, options.verbose)
        results.append(result)
    return results


def main(arguments=None):
    options = parse(arguments)
    chosen = wanted(options)
    if options.list:
        for case in chosen:
            print(f'{case.name:<56} {case.kind:<5} {case.basis:<15} {case.title}')
        print(f'{len(chosen)} cases')
        return 0
    try:
        results = run(options, chosen)
    except Unreachable as error:
        print(f'FAILED  the server cannot be read: {error}\n0 passed, 1 failed, 0 skipped')
        return 1
    report.show_collections(results)
    if options.junit:
        report.write_junit(options.junit, results)
    passed, failed, skipped = report.counts(results)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
