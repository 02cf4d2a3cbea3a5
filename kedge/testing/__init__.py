"""Doubles for tests of code that uses Kedge: fast, deterministic, offline."""

from __future__ import annotations

from kedge.testing._encoder import FakeEncoder
from kedge.testing._replies import Reply, StubRequest
from kedge.testing._server import StubServer
from kedge.testing._tiny import make_tiny_model

__all__ = ["FakeEncoder", "Reply", "StubRequest", "StubServer", "make_tiny_model"]
