# SPDX-License-Identifier: Apache-2.0
"""The conformance cases against a gateway in front of the demo vehicle: what passes through two is as right as what passes through one."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import conformance
import gateway
import keys

TOKENS = ('first-client-of-the-front', 'second-client-of-the-front')
ANY_PORT = {'SOVD_SERVER__PORT': '0'}


class Forwarded(unittest.TestCase):
    maxDiff = None

    def test_no_case_fails_against_a_gateway_in_front_of_the_demo_vehicle(self):
        with gateway.Gateway(arguments=['--demo'], environment=ANY_PORT) as demo:
            behind = gateway.backend_of(demo, bearer_token=conformance.DEMO_TOKENS[0])
            clients = keys.section(*(keys.entry(token, token) for token in TOKENS))
            with gateway.Gateway(behind, auth=clients) as front:
                more = conformance.arguments_for(front, '--all', *conformance.FEATURES, *conformance.GIVEN, tokens=TOKENS)
                passed = conformance.judge(self, *conformance.run_cases(*more))
        self.assertGreaterEqual(len(passed), 380)


if __name__ == '__main__':
    unittest.main()
