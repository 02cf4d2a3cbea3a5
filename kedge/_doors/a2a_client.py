"""Carrying questions to agents over A2A: lost, late, repeated and malformed messages are survived."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.helpers import get_data_parts, new_text_message
from a2a.types import Artifact, CancelTaskRequest, Role, SendMessageRequest, StreamResponse, TaskState
from a2a.utils.errors import A2AError
from pydantic import ValidationError

from kedge._doors.a2a_agents import Envelope
from kedge._doors.schemas import Reply
from kedge._views.clean import one_line
from kedge.errors import KedgeError

__all__ = ["A2APost"]

TRIES: Final = 2
ENDED: Final = (
    TaskState.TASK_STATE_COMPLETED,
    TaskState.TASK_STATE_FAILED,
    TaskState.TASK_STATE_CANCELED,
    TaskState.TASK_STATE_REJECTED,
)


class A2APost:
    """Sends a question to the agent that has a URL, and reads its reply.

    A message that brings no reply in its time, or none that can be read, is sent once more under the same
    id: an agent that did get it does not work twice. Work whose reply nobody waits for any more is cancelled.

    Args:
        agents: The agents' URLs by their names.
        token: What they ask for.
        patience: Seconds that a reply may take besides what the question may.
    """

    def __init__(self, agents: Mapping[str, str], token: str | None = None, *, patience: float = 5.0) -> None:
        self._agents = agents
        self._patience = patience
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(headers=headers, timeout=None, trust_env=False)  # noqa: S113
        self._clients: dict[str, Client] = {}

    async def __call__(self, agent: str, question: str, given: Envelope) -> Reply:
        """The reply of an agent.

        Raises:
            KedgeError: there is none, or none that can be read.
        """
        if agent not in self._agents:
            raise KedgeError(f"no agent is called {agent!r}", fix=f"choose from {', '.join(self._agents)}")
        message, why = uuid.uuid4().hex, ""
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(given.seconds + self._patience):
                    return await self._sent(agent, message, question, given)
            except TimeoutError:
                why = f"no reply within {given.seconds + self._patience:g} s"
            except ValidationError:
                why = "a reply that cannot be read"
            except (A2AError, httpx.HTTPError, ValueError) as error:
                why = one_line(str(error), 200) or type(error).__name__
        raise KedgeError(f"the {agent} agent gave {why}" if why.startswith("a ") else f"{agent}: {why}")

    async def aclose(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def _sent(self, agent: str, message: str, question: str, given: Envelope) -> Reply:
        client = await self._client(agent)
        letter = new_text_message(question, role=Role.ROLE_USER)
        letter.message_id = message
        request = SendMessageRequest(message=letter)
        request.metadata.update(given.model_dump(mode="json"))
        task, state, answer = "", TaskState.TASK_STATE_UNSPECIFIED, None
        try:
            async for event in client.send_message(request):
                task = task or _task_of(event)
                state, answer = _read(event, task, state, answer)
                if state in ENDED:
                    break
        finally:
            if task and state not in ENDED:
                await self._cancel(client, task)
        if answer is None:
            raise ValueError(f"the task ended as {TaskState.Name(state)}, without an answer")
        records = [data for data in get_data_parts(answer.parts) if isinstance(data, dict)]
        return Reply.model_validate(records[0] if records else None)

    async def _cancel(self, client: Client, task: str) -> None:
        """Tell an agent that nobody waits; whether it hears is its own business."""
        with suppress(A2AError, httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(self._patience):
                await client.cancel_task(CancelTaskRequest(id=task))

    async def _client(self, agent: str) -> Client:
        if agent not in self._clients:
            factory = ClientFactory(ClientConfig(httpx_client=self._http))
            self._clients[agent] = await factory.create_from_url(self._agents[agent])
        return self._clients[agent]


def _task_of(event: StreamResponse) -> str:
    kind = event.WhichOneof("payload")
    if kind == "task":
        return event.task.id
    if kind in ("status_update", "artifact_update"):
        return str(getattr(event, kind).task_id)
    return ""


def _read(
    event: StreamResponse, task: str, state: TaskState, answer: Artifact | None
) -> tuple[TaskState, Artifact | None]:
    """The state of the task and its answer after an event; events of other tasks change neither."""
    if _task_of(event) != task:
        return state, answer
    kind = event.WhichOneof("payload")
    if kind == "status_update":
        return event.status_update.status.state, answer
    if kind == "artifact_update" and event.artifact_update.artifact.name == "answer":
        return state, event.artifact_update.artifact
    if kind == "task":
        named = [artifact for artifact in event.task.artifacts if artifact.name == "answer"]
        return event.task.status.state, named[0] if named else answer
    return state, answer
