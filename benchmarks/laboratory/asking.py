"""A served model asked exactly: its greedy answer, and how likely it holds a given one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from kedge.errors import ModelError
from kedge.tools.adapters import ANSWER, prompt, said

__all__ = ["Asker", "Said"]

LONGEST = 32  # tokens of an answer
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Said:
    """The greedy answer; the mean log-probability of the gold answer's tokens; tokens of the prompt."""

    answer: str
    likelihood: float
    tokens: int


class Asker:
    """Asks a vLLM server, in the tokens of the model's own chat template.

    Args:
        url: The server's URL, which ends in `/v1`.
        tokenizer: The model's, of transformers.
    """

    def __init__(self, url: str, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._client = httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, model: str, question: str, passages: Sequence[str], gold: str) -> Said:
        """What `model`, which may be an adapter's name, answers, and how likely `gold` is to it.

        Raises:
            ModelError: the server refuses the request, for example because it has lost the adapter.
        """
        head = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt(question, passages)}],
            add_generation_prompt=True,
            tokenize=False,
            enable_thinking=False,
        )
        given, whole = self._ids(head), self._ids(head + ANSWER.format(answer=gold))
        written = await self._complete(model, given, max_tokens=LONGEST)
        judged = await self._complete(model, whole, max_tokens=1, prompt_logprobs=0)
        chances = [
            place[str(token)]["logprob"]
            for place, token in zip(judged["prompt_logprobs"][len(given) :], whole[len(given) :], strict=True)
        ]
        return Said(said(written["text"]), sum(chances) / len(chances), len(given))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    async def _complete(self, model: str, ids: Sequence[int], **options: Any) -> dict[str, Any]:
        body = {"model": model, "prompt": ids, "temperature": 0, **options}
        try:
            reply = await self._client.post("completions", json=body)
        except httpx.HTTPError as error:
            raise ModelError(f"the server failed: {error!r}", fix="look into its log") from error
        if not reply.is_success:
            raise ModelError(f"the server answered {reply.status_code}: {reply.text[:200]}")
        choice: dict[str, Any] = reply.json()["choices"][0]
        return choice
