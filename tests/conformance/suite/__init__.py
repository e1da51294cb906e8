# SPDX-License-Identifier: Apache-2.0
"""Runs cases against any SOVD server. See docs/conformance.md."""
