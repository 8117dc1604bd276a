"""Starts the system's servers for the tests, from the program that CLAIM_BIN names."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path

DEADLINE = 30.0


def program() -> str:
    """The program under test."""
    return os.environ["CLAIM_BIN"]


def run(*arguments: str) -> str:
    """Run a command of the program to its end and return what it printed."""
    done = subprocess.run(
        [program(), *arguments], capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    return done.stdout


class Server:
    """A server process; its JSON events are read by a thread of its own."""

    def __init__(self, kind: str, folder: Path, *options: str, listen: str = "127.0.0.1:0") -> None:
        self.kind, self.folder = kind, folder
        self.errors = folder / f"{kind}.{time.monotonic_ns()}.stderr"
        command = [program(), kind, "--dir", str(folder), "--listen", listen, "--json", *options]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL
            )
        self._events: queue.Queue[dict[str, object] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            started = self.event("listening")
        except BaseException:
            self.stop()
            raise
        self.origin = str(started["origin"])
        addresses = started["addresses"]
        assert isinstance(addresses, list)
        self.address = str(addresses[0])
        self.metrics = str(started["metrics"])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)

    def event(self, name: str) -> dict[str, object]:
        """The next event of that name, within the deadline."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                event = self._events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{self.kind}: no event {name}") from None
            if event is None:
                raise RuntimeError(f"{self.kind} ended: {self.errors.read_text('utf-8')}")
            if event.get("event") == name:
                return event

    def stop(self, *, kill: bool = False) -> None:
        """End the process; `kill` leaves it no time to tidy up."""
        if self.process.poll() is None:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        if self.process.stdout is not None:
            self.process.stdout.close()
