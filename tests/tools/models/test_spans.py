"""Calls as OpenTelemetry sees them."""

from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from kedge.errors import MissingExtra, ModelError
from kedge.testing import Reply, StubServer
from kedge.tools.models import Meter, connect, open_tracer


async def test_every_call_is_a_span() -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with StubServer(["a fair wind", Reply.error(401)]) as server:
        model = connect(server.url, "tiny", tracer=provider.get_tracer("kedge"))
        await Meter().play("read", model.ainvoke, "?")
        with pytest.raises(ModelError):
            await model.ainvoke("?")
    fine, failed = memory.get_finished_spans()
    assert fine.name == "chat tiny"
    assert fine.end_time > fine.start_time
    assert fine.attributes["gen_ai.operation.name"] == "chat"
    assert fine.attributes["gen_ai.usage.output_tokens"] == 3
    assert fine.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert fine.attributes["server.address"] == "127.0.0.1"
    assert fine.attributes["kedge.role"] == "read"
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "ModelError"


def test_without_opentelemetry_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_tracer() is not None
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(MissingExtra, match=r"kedge\[otel\]"):
        open_tracer()
