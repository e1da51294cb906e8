# SPDX-License-Identifier: Apache-2.0
"""Says what happened: a line per case that is not plain, and JUnit for machines."""
import xml.etree.ElementTree as ET


def counts(results):
    return tuple(sum(result.outcome == outcome for result in results) for outcome in ('passed', 'failed', 'skipped'))


def indented(text):
    return '\n'.join('    ' + line for line in text.splitlines())


def show(result, verbose):
    case = result.case
    if result.outcome == 'failed':
        print(f'FAILED  {case.name}: {case.title}\n    clause: {case.clause} ({case.basis})\n{indented(result.reason)}', flush=True)
    elif verbose and result.outcome == 'skipped':
        print(f'skipped {case.name}: {result.reason}', flush=True)
    elif verbose:
        print(f'passed  {case.name} ({result.seconds:.2f} s)', flush=True)


def show_collections(results):
    """One line per collection: a collection without a passed case has shown nothing."""
    print(f'\n{"collection":<24}{"passed":>8}{"failed":>8}{"skipped":>8}')
    for name in dict.fromkeys(result.case.collection for result in results):
        row = counts([result for result in results if result.case.collection == name])
        print(f'{name:<24}{row[0]:>8}{row[1]:>8}{row[2]:>8}')


def write_junit(path, results):
    passed, failed, skipped = counts(results)
    suite = ET.Element('testsuite', name='sovd-conformance', tests=str(passed + failed + skipped), failures=str(failed),
                       skipped=str(skipped), time=f'{sum(result.seconds for result in results):.3f}')
    for result in results:
        element = ET.SubElement(suite, 'testcase', classname=result.case.collection, name=f'{result.case.name}: {result.case.title}',
                                time=f'{result.seconds:.3f}')
        if result.outcome == 'failed':
            text = ''.join(c for c in result.reason if c in '\n\t' or ord(c) >= 32)
            ET.SubElement(element, 'failure', message=result.case.clause).text = text
        elif result.outcome == 'skipped':
            ET.SubElement(element, 'skipped', message=result.reason)
    ET.ElementTree(suite).write(path, encoding='utf-8', xml_declaration=True)
