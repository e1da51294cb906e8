# SPDX-License-Identifier: Apache-2.0
"""The committed reference pages are what the daemon prints."""
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEWAY = ROOT / os.environ.get("SOVD_BUILD_DIR", "build") / "sovd-rest" / "sovd-gatewayd"


def printed(option):
    return subprocess.run([GATEWAY, option], check=True, capture_output=True, text=True, timeout=60).stdout


class GeneratedDocs(unittest.TestCase):
    maxDiff = None

    def test_configuration_page_is_what_the_daemon_prints(self):
        self.assertEqual((ROOT / "docs" / "configuration.md").read_text(), printed("--print-config-docs"))

    def test_openapi_document_is_what_the_daemon_prints(self):
        self.assertEqual((ROOT / "docs" / "openapi.json").read_text(), printed("--print-openapi"))

    def test_scenario_page_is_what_the_daemon_prints(self):
        self.assertEqual((ROOT / "docs" / "scenarios.md").read_text(), printed("--print-scenario-docs"))

    def test_page_of_fault_catalogues_is_what_the_daemon_prints(self):
        self.assertEqual((ROOT / "docs" / "fault-catalogs.md").read_text(), printed("--print-fault-docs"))

    def test_page_of_roles_and_routes_is_what_the_daemon_prints(self):
        self.assertEqual((ROOT / "docs" / "access-matrix.md").read_text(), printed("--print-access-docs"))


if __name__ == "__main__":
    unittest.main()
