# SPDX-License-Identifier: Apache-2.0
"""The conformance cases against the demo vehicle."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import conformance
import gateway

NOT_OFFERED = ('authentication',)  # by any server here: /authorize and /token
ANY_PORT = {'SOVD_SERVER__PORT': '0'}


class DemoVehicle(unittest.TestCase):
    maxDiff = None

    def test_no_case_fails_against_the_demo_vehicle(self):
        with gateway.Gateway(arguments=['--demo'], environment=ANY_PORT) as demo:
            more = ['--all', *conformance.FEATURES, *conformance.TRIGGER_LOG, *conformance.GIVEN]
            passed = conformance.judge(self, *conformance.run_cases(*conformance.arguments_for(demo, *more)))
        self.assertLessEqual({'triggers/create_log', 'triggers/log_is_written'}, passed)
        self.assertGreaterEqual(len(passed), 380)
        for folder in (conformance.ROOT / 'tests' / 'conformance' / 'cases').iterdir():
            if folder.name not in NOT_OFFERED:
                self.assertTrue([name for name in passed if name.startswith(folder.name + '/')], folder.name)

    def test_reading_cases_leave_no_trace(self):
        with gateway.Gateway(arguments=['--demo'], environment=ANY_PORT) as demo:
            conformance.judge(self, *conformance.run_cases(*conformance.arguments_for(demo, '--read-only')))
            answered = re.findall(r'sovd_http_requests_total\{([^}]*)\}', demo.bare('GET', '/metrics').body.decode())
        self.assertTrue(answered)
        self.assertEqual([labels for labels in answered if re.search(r'-(write|start|delete|clear|control)"|status="20[124]"', labels)], [])


if __name__ == '__main__':
    unittest.main()
