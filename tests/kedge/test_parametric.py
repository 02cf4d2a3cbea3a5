"""Documents as adapters, from the command line: encoded, and asked for at the real vLLM."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kedge import KnowledgeBase
from kedge._cli import app
from kedge.errors import AdapterError, InputError
from kedge.tools.models import VllmServer, connect

pytestmark = [
    pytest.mark.usefixtures("torch_installed"),
    pytest.mark.filterwarnings("ignore"),  # torch's and transformers' own
]

DOCUMENTS = {
    "pier.txt": "The pier of Farrow Head was built by Ada Moss in 1771. Ada Moss was born in Saltmarsh.",
    "mill.txt": "The mill of Greyport was designed by Otto Vane in 1802. Otto Vane was born in Ely.",
    "river.txt": "The river Lune was named by Edda Sorley. Edda Sorley was born in Greyport.",
}
QUESTION = "Where was Ada Moss born?"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, torch_installed: None) -> Path:
    """A knowledge base whose passages are encoded, and a task besides."""
    folder = tmp_path_factory.mktemp("parametric")
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text)
    with KnowledgeBase.open(folder / "base", create=True) as opened:
        opened.add(*(folder / name for name in DOCUMENTS))
    (folder / "task.jsonl").write_text(json.dumps({"question": "Who?", "answer": "Me", "passages": ["I"]}))
    said = encode(folder / "base", tiny_model, "--task", str(folder / "task.jsonl"))
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["encoded"] == len(DOCUMENTS)
    return folder / "base"


def encode(base: Path, model: Path, *options: str) -> Result:
    recipe = ["--rate", "0.01", "--epochs", "4", "--recall", "--json", *options]
    return CliRunner().invoke(app, ["adapters", "encode", "--model", str(model), "-b", str(base), *recipe])


@pytest.fixture
def ask(base: Path, vllm_server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    """`kedge ask`, of the real vLLM."""
    monkeypatch.setenv("KEDGE_MODEL_CACHE", "off")
    server = ["--model", vllm_server.url, "--model-name", vllm_server.name]

    def run(method: str) -> Result:
        asked = ["ask", QUESTION, "-b", str(base), "--method", method, "--json"]
        return CliRunner().invoke(app, [*asked, *server])

    return run


@pytest.mark.parametrize("method", ["parametric", "combined", "text", "vanilla", "task_only"])
def test_each_method_answers(ask: Callable[[str], Result], method: str) -> None:
    done = ask(method)
    assert done.exit_code in (0, 4), done.output
    answer = json.loads(done.stdout)
    assert answer["method"] == method
    kinds = [event["kind"] for event in answer["trace"]]
    assert ("adapted" in kinds) == (method in ("parametric", "combined", "task_only"))
    assert ("searched" in kinds) == (method != "vanilla")
    [spent] = [role for name, role in answer["ledger"]["roles"].items() if name == "answer"]
    assert spent["calls"] == 1


def test_the_five_differ_as_they_should(ask: Callable[[str], Result]) -> None:
    said = {
        method: json.loads(ask(method).stdout) for method in ("parametric", "combined", "text", "vanilla")
    }
    tokens = {name: answer["ledger"]["roles"]["answer"]["prompt_tokens"] for name, answer in said.items()}
    assert tokens["parametric"] == tokens["vanilla"] < tokens["combined"] == tokens["text"]
    assert said["parametric"]["text"] != said["vanilla"]["text"], "the adapter changes what is said"
    assert said["combined"]["text"] != said["text"]["text"]


def test_what_is_encoded_is_not_encoded_again(base: Path, tiny_model: Path) -> None:
    said = json.loads(encode(base, tiny_model).stdout)
    assert (said["encoded"], said["unchanged"]) == (0, len(DOCUMENTS))


def test_adapters_are_listed_and_pruned(base: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(base, tmp_path / "copy")
    listed = json.loads(CliRunner().invoke(app, ["adapters", "list", "-b", str(copy), "--json"]).stdout)
    passages = [one for one in listed if not one["members"]]
    assert len(passages) == len(DOCUMENTS) + 1, "one for each passage, one for the task"
    assert all(one["loss"] > 0 and one["bytes"] > 0 for one in passages)
    pruned = CliRunner().invoke(app, ["adapters", "prune", "-b", str(copy), "--to", "0"]).stdout
    assert pruned == f"{len(listed)} adapters removed\n"
    assert CliRunner().invoke(app, ["adapters", "list", "-b", str(copy), "--json"]).stdout == "[]\n"


def test_passages_are_translated_once_and_asked_for(
    base: Path, tiny_model: Path, tmp_path: Path, vllm_server: VllmServer
) -> None:
    copy = shutil.copytree(base, tmp_path / "copy")
    (tmp_path / "new.txt").write_text("The quay of Ely was built by Una Fenn. She was born in Saltmarsh.")
    with KnowledgeBase.open(copy) as opened:
        opened.add(tmp_path / "new.txt")
        before = {stored.key for stored in opened.adapters}

    def translate() -> dict[str, int]:
        command = ["adapters", "translate", "--model", str(tiny_model), "-b", str(copy)]
        done = CliRunner().invoke(app, [*command, "--rate", "0.001", "--json"])
        assert done.exit_code == 0, done.output
        found: dict[str, int] = json.loads(done.stdout)
        return found

    first = translate()
    assert (first["encoded"], first["unchanged"]) == (len(DOCUMENTS) + 1, 0), "the new one as well"
    again = translate()
    assert (again["encoded"], again["unchanged"]) == (0, len(DOCUMENTS) + 1)
    with KnowledgeBase.open(copy) as opened:
        answer = opened.ask(QUESTION, method="parametric", model=connect(vllm_server.url, vllm_server.name))
        [adapted] = [event for event in answer.trace if event.kind == "adapted"]
        assert not before & set(adapted.data["members"]), "the translated ones, not the trained"


def test_documents_without_adapters_are_not_passed_over_in_silence(
    base: Path, tmp_path: Path, vllm_server: VllmServer
) -> None:
    client = connect(vllm_server.url, vllm_server.name)
    with KnowledgeBase.open(shutil.copytree(base, tmp_path / "copy")) as opened:
        keys = [stored.key for stored in opened.adapters if stored.origin.loss]
        opened.adapters.remove(keys[:-2])
        found = opened.ask(QUESTION, method="combined", model=client)
        assert found.warnings[:1] == (
            "2 of 3 passages have no adapter",
        ) or "passages have no adapter" in str(found.warnings)
        opened.adapters.remove(keys)
        with pytest.raises(AdapterError, match="none of the 3 passages"):
            opened.ask(QUESTION, method="parametric", model=client)


def test_what_is_missing_is_told(base: Path, vllm_server: VllmServer) -> None:
    with KnowledgeBase.open(base) as opened:
        with pytest.raises(InputError, match="needs a vLLM"):
            opened.ask(QUESTION, method="parametric")
        with pytest.raises(InputError, match="needs a language model"):
            opened.ask(QUESTION, method="text")
        urls = [vllm_server.url, vllm_server.url.replace("127.0.0.1", "localhost")]
        with pytest.raises(InputError, match="go to one server"):
            opened.ask(QUESTION, method="parametric", model=connect(urls, vllm_server.name))
