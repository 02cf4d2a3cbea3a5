"""Doubles for tests of code that uses Kedge: fast, deterministic, offline."""

from __future__ import annotations

from kedge.testing._encoder import FakeEncoder

__all__ = ["FakeEncoder"]
