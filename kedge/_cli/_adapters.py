"""`kedge adapters`: documents as adapters of a model, made, listed and pruned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kedge._cli._app import FAILED, JSON_KEYS, PARTLY, BaseOption, JsonOption, complain
from kedge._cli._base import chat_model, open_base
from kedge._cli._output import display, emit
from kedge.errors import InputError

if TYPE_CHECKING:
    from kedge.graphs.encoding import EncodeReport

__all__ = ["register"]

ENCODED = "encoded, unchanged, failed [source, error [message, fix]], bytes, seconds"
LISTED = "key, bytes, used, loss, members, base, recipe"
TARGETS = "down_proj,gate_proj,up_proj"


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Documents as LoRA adapters of a model."
    )
    group.command(epilog=JSON_KEYS + ENCODED)(encode)
    group.command(epilog=JSON_KEYS + ENCODED)(translate)
    group.command(name="list", epilog=f"{JSON_KEYS}for each adapter {LISTED}")(list_adapters)
    group.command(epilog=f"{JSON_KEYS}removed")(prune)
    app.add_typer(group, name="adapters")


def encode(
    model: Annotated[
        str,
        typer.Option(metavar="MODEL", help="The model that is served: its folder, or its name on the hub."),
    ],
    base: BaseOption = None,
    rank: Annotated[int, typer.Option(min=1, help="Rank of an adapter.")] = 2,
    alpha: Annotated[float, typer.Option(min=0.001, help="Changes count alpha/rank times.")] = 32.0,
    targets: Annotated[str, typer.Option(help="Layers that an adapter changes, with commas.")] = TARGETS,
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate.")] = 3e-4,
    epochs: Annotated[int, typer.Option(min=1, help="How often each turn is learnt.")] = 1,
    questions: Annotated[int, typer.Option(min=1, help="Most questions about a passage.")] = 3,
    recall: Annotated[
        bool, typer.Option("--recall", help="Ask every question also without the passage.")
    ] = False,
    answers: Annotated[
        bool, typer.Option("--answers", help="Learn the answers alone, not the prompts as well.")
    ] = False,
    together: Annotated[int, typer.Option(min=1, help="Passages that are trained side by side.")] = 16,
    task: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also an adapter of the task alone: JSON Lines with question, answer and passages.",
        ),
    ] = None,
    cast: Annotated[str, typer.Option(help="Who asks the questions: extractive or llm.")] = "extractive",
    augment_model: Annotated[
        str | None, typer.Option(metavar="URL", help="With --cast llm: the model.  [$KEDGE_MODEL_URL]")
    ] = None,
    model_name: Annotated[
        str | None, typer.Option(help="Its name, if several are served.  [$KEDGE_MODEL_NAME]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train an adapter for every passage, with PRAG's recipe unless told otherwise.

    Needs the extra `parametric` (torch and transformers), and uses a GPU where there is one. The same command
    goes on where an earlier one was stopped, and leaves alone what is encoded.
    """
    from kedge._cli._progress import watching
    from kedge.tools.adapters import Recipe

    chat = chat_model(augment_model, model_name) if cast == "llm" else None
    recipe = Recipe(
        rank=rank,
        alpha=alpha,
        targets=tuple(targets.split(",")),
        learning_rate=rate,
        epochs=epochs,
        questions=questions,
        recall=recall,
        loss="answers" if answers else "all",
        augmented_by=cast if chat is None else f"{cast} {chat.model_name}",
    )
    turns = _task(task) if task else ()
    with open_base(base) as opened, watching(2) as tell:
        report = opened.encode(
            model,
            recipe=recipe,
            task=turns,
            cast=cast,
            augment_model=chat,
            together=together,
            on_progress=tell,
        )
    _tell(report, as_json=as_json)


def translate(
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model that is served, as for encode.")],
    base: BaseOption = None,
    most: Annotated[int, typer.Option(min=1, help="Encoded passages to learn from, at most.")] = 200,
    width: Annotated[int, typer.Option(min=1, help="Width of the translator's hidden layer.")] = 32,
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate of the translator.")] = 1e-5,
    epochs: Annotated[int, typer.Option(min=1, help="How often it learns each passage.")] = 1,
    together: Annotated[int, typer.Option(min=1, help="Passages that are stored at once.")] = 16,
    cast: Annotated[str, typer.Option(help="Who asked the questions: extractive or llm.")] = "extractive",
    augment_model: Annotated[
        str | None, typer.Option(metavar="URL", help="With --cast llm: the model.  [$KEDGE_MODEL_URL]")
    ] = None,
    model_name: Annotated[str | None, typer.Option(help="Its name.  [$KEDGE_MODEL_NAME]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Give every passage an adapter without training each: DyPRAG's translator, DyPRAG's recipe.

    The translator learns once, from passages that `kedge adapters encode` has encoded, and is kept. From then
    on questions use its adapters; `kedge adapters encode` makes them use the trained ones again.
    """
    from kedge._cli._progress import watching
    from kedge.tools.adapters.translating import TranslatorRecipe

    chat = chat_model(augment_model, model_name) if cast == "llm" else None
    recipe = TranslatorRecipe(width=width, learning_rate=rate, epochs=epochs)
    with open_base(base) as opened, watching(2) as tell:
        report = opened.translate(
            model,
            recipe=recipe,
            most=most,
            cast=cast,
            augment_model=chat,
            together=together,
            on_progress=tell,
        )
    _tell(report, as_json=as_json)


def _tell(report: EncodeReport, *, as_json: bool) -> None:
    """Say what became of the passages; fail where some were left out."""
    if as_json:
        emit(report)
    else:
        each = f", {report.bytes / report.encoded / 1e3:,.1f} kB each" if report.encoded else ""
        display(f"{report.encoded:,} passages encoded in {report.seconds:.1f} s{each}")
        display(f"{report.unchanged:,} were encoded before")
    for failure in report.failed:
        complain(failure.error, about=failure.source)
    if report.failed:
        raise typer.Exit(PARTLY if report.encoded or report.unchanged else FAILED)


def list_adapters(base: BaseOption = None, as_json: JsonOption = False) -> None:
    """List the adapters, the least recently used first: those of one passage, then those of several."""
    from datetime import UTC, datetime

    from rich.table import Table

    with open_base(base) as opened:
        stored = [*opened.adapters, *opened.adapters.merged]
    if as_json:
        emit(
            [
                {"key": one.key, "bytes": one.bytes, "used": one.used}
                | one.origin.model_dump(include={"loss", "members", "base", "recipe"})
                for one in stored
            ]
        )
        return
    table = Table("key", "kB", "used", "loss", "of", box=None)
    for one in stored:
        used = datetime.fromtimestamp(one.used, UTC).strftime("%Y-%m-%d %H:%M")
        loss = "" if one.origin.loss is None else f"{one.origin.loss:.3f}"
        of = f"{len(one.origin.members)} adapters" if one.origin.members else "a passage"
        table.add_row(one.key, f"{one.bytes / 1e3:,.1f}", used, loss, of)
    total = sum(one.bytes for one in stored)
    display(table, f"{len(stored):,} adapters, {total / 1e6:,.1f} MB")


def prune(
    megabytes: Annotated[
        float, typer.Option("--to", min=0.0, metavar="MB", help="What the passages' adapters may take.")
    ],
    base: BaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the least recently used adapters until they take no more than this, and all merged ones."""
    with open_base(base) as opened:
        removed = opened.adapters.prune(round(megabytes * 1e6)) + opened.adapters.merged.prune(0)
    if as_json:
        emit({"removed": removed})
    else:
        display(f"{removed:,} adapters removed")


def _task(path: Path) -> list[tuple[str, str]]:
    """What an adapter of the task alone is to learn: questions, with passages to read, and answers."""
    import json

    from kedge.tools.adapters import ANSWER, prompt

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        return [
            (prompt(row["question"], row.get("passages", ())), ANSWER.format(answer=row["answer"]))
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be used: {error}",
            fix='write {"question": …, "answer": …, "passages": […]} a line',
        ) from None
