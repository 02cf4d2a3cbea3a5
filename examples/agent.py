"""Give a chat model the tools of a knowledge base, and let it work: a LangChain agent.

Needs `pip install langchain`, and a model that calls tools at any OpenAI-compatible URL:

    KEDGE_MODEL_URL=http://127.0.0.1:8000/v1 KEDGE_MODEL_NAME=… python examples/agent.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

from kedge import KnowledgeBase
from kedge.langchain import tools

WORLD = Path(__file__).resolve().parent / "world"
QUESTION = "Which ferry lies at berth 9 of Averrin, and who was her master?"


def main() -> None:
    """Build a throw-away knowledge base and let the agent search it."""
    model = ChatOpenAI(
        base_url=os.environ["KEDGE_MODEL_URL"], model=os.environ["KEDGE_MODEL_NAME"], api_key="none"
    )
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.open(Path(folder), create=True) as base:
        base.add(WORLD)
        agent = create_agent(model, tools(base), system_prompt="Answer from the documents only.")
        for message in agent.invoke({"messages": [("user", QUESTION)]})["messages"]:
            message.pretty_print()


if __name__ == "__main__":
    main()
