"""Doubles for tests of code that uses Kedge: fast, deterministic, offline."""

from __future__ import annotations

from kedge.testing._encoder import FakeEncoder
from kedge.testing._replies import Reply, StubRequest
from kedge.testing._server import StubServer

__all__ = ["FakeEncoder", "Reply", "StubRequest", "StubServer"]
