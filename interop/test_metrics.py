"""The metrics of both servers, read by the parser of Prometheus' own Python library."""

from __future__ import annotations

import http.client
import ssl
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from servers import Server

# Labels whose values are words of the program's own, or numbers.
LABELS = {"reason", "route", "status", "slug", "certificate", "le"}


class Metrics(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def start(self, kind: str, *options: str) -> tuple[Server, str]:
        """A server, and where it says that its metrics are."""
        server = Server(kind, self.folder, *options, "--metrics", "127.0.0.1:0")
        self.addCleanup(server.stop)
        self.assertRegex(server.metrics, r"^127\.0\.0\.1:[1-9][0-9]*$")
        return server, server.metrics

    def families(self, metrics: str) -> dict[str, Metric]:
        connection = http.client.HTTPConnection(metrics, timeout=30)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8")
        connection.close()
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.headers["content-type"],
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )
        return {family.name: family for family in text_string_to_metric_families(text)}

    def disturb(self, server: Server) -> None:
        """Requests with whatever a stranger may choose in them."""
        address = urlsplit(f"https://{server.address}")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, context=context, timeout=30
        )
        for number in range(20):
            connection.request(
                f"STRANGE{number}", f"/stranger-{number}?x=%22%0a", headers={"X-Stranger": "stranger"}
            )
            connection.getresponse().read()
        connection.close()

    def check(self, server: Server, metrics: str, *, own: set[str]) -> None:
        before = self.families(metrics)
        self.disturb(server)
        families = self.families(metrics)
        for name, family in families.items():
            self.assertTrue(name.startswith("claim_"), name)
            self.assertGreater(len(family.documentation), 5, name)
            for sample in family.samples:
                self.assertLessEqual(set(sample.labels), LABELS, sample)
                self.assertNotIn("strange", str(sample).lower())
        self.assertLessEqual(own, set(families))
        requests = {tuple(s.labels.values()): s.value for s in families["claim_requests"].samples}
        self.assertEqual(requests["none", "404"], 20, "one series for all that is not there")
        accepted = [
            found["claim_connections_accepted"].samples[0].value for found in (before, families)
        ]
        self.assertEqual(accepted[1] - accepted[0], 1)
        times = families["claim_request_seconds"]
        self.assertEqual(times.type, "histogram")
        expiry = families["claim_certificate_expires_seconds"]
        self.assertEqual((expiry.type, expiry.unit), ("gauge", "seconds"))
        self.assertTrue(all(sample.value > 1.7e9 for sample in expiry.samples))

    def test_both_servers(self) -> None:
        cuhk, metrics = self.start("cuhk")
        self.check(cuhk, metrics, own=set())
        blackboard, metrics = self.start("blackboard", "--cuhk", cuhk.origin)
        self.check(
            blackboard, metrics, own={"claim_challenges", "claim_sessions", "claim_messages"}
        )


if __name__ == "__main__":
    unittest.main()
