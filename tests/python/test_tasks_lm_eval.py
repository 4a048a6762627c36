"""Every built-in task against lm-evaluation-harness itself: the same rows give the same requests, scores and metrics.

lm-eval's own task files are used, with its download replaced by rows of the cache, or by rows that are made up to be
hard: odd white space, Unicode case, brackets, braces.
"""

import json
import logging
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import libma as ma
from libma.cache import home_folder

datasets = pytest.importorskip("datasets")
lm_eval = pytest.importorskip("lm_eval.tasks")

MOST_ROWS = 300  # of a data set, evenly spread
HARD = [
    "Plain words, and more.",
    " \u00a0Lead and trail\u2003 \u3000",
    "\u200bnot a space\x1f",
    "tab\tline\r\nfeed\x0b\x0c\x85end\n",
    "four    spaces  and   three",
    "one [title] two [title][step] three [substeps]  four",
    "unclosed [bracket\nover] a line] and ] again []",
    "[header] ÉCOLE ÀÇÉ ß ŒUVRE",
    "ǆUNGLA ǆ ß",
    "ßtraße",
    "ﬁSH ŉ ǰ",
    "\u0130STANBUL I \u0131",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ. Σ Σ' ΑΣ\u0301 ΑΣ\u00ad",
    "\U0001d400\U00010400 \U0001f600 emoji",
    "e\u0301 combining",
    "{braces} {{two}} %s \\n {% raw %}",
    "quote ' and \" both",
    "100",
    "trailing newline\n",
]


def pick(random_: random.Random, n: int) -> list[str]:
    return [random_.choice(HARD) for _ in range(n)]


def with_choices(row: dict, **fields: object) -> dict:
    """The row of a data set whose choices have labels, from ours."""
    labels = "ABCDEFGH"[: len(row["choices"])]
    gold = row.get("gold", 0)
    return {**fields, "choices": {"text": row["choices"], "label": list(labels)}, "answerKey": labels[gold]}


@dataclass(frozen=True)
class Case:
    """A task: where lm-eval keeps it, its rows there from ours, and a hard row of ours."""

    folder: str
    hard: Callable[[random.Random], dict]
    to_lm_eval: Callable[[dict], dict] = dict
    lm_eval_name: Callable[[dict], str] | None = None  # where a task here is several there


def indexed(row: dict, random_: random.Random, n: int, key: str = "gold") -> dict:
    return {**row, "choices": pick(random_, n), key: random_.randrange(n)}


def hard_question(r: random.Random) -> dict:
    return indexed({"question": pick(r, 1)[0]}, r, r.randrange(3, 6))


def hard_hellaswag(r: random.Random) -> dict:
    label, ctx_a, ctx_b, *endings = pick(r, 7)
    ctx_b = ctx_b if r.random() < 0.8 else ""
    return {"activity_label": label, "ctx_a": ctx_a, "ctx_b": ctx_b, "endings": endings, "label": str(r.randrange(4))}


def hard_winogrande(r: random.Random) -> dict:
    before, after, option1, option2 = pick(r, 4)
    sentence = f"{before}_{after}{r.choice(['', '_again_'])}"
    return {"sentence": sentence, "option1": option1, "option2": option2, "answer": r.choice("12")}


def hard_sciq(r: random.Random) -> dict:
    keys = ("support", "question", "distractor1", "distractor2", "distractor3", "correct_answer")
    return dict(zip(keys, pick(r, 6), strict=True))


def hard_siqa(r: random.Random) -> dict:
    return {
        **dict(zip(("context", "question", "answerA", "answerB", "answerC"), pick(r, 5), strict=True)),
        "label": "2",
    }


def hard_copa(r: random.Random) -> dict:
    premise, choice1, choice2 = r.sample(HARD, 3)  # lm-eval finds the gold one by its text
    question = r.choice(["cause", "effect"])
    return {"premise": premise, "choice1": choice1, "choice2": choice2, "question": question, "label": r.randrange(2)}


def hard_mmlu(r: random.Random) -> dict:
    subject = r.choice(["anatomy", "high_school_us_history"])
    return indexed({"subject": subject, "question": pick(r, 1)[0]}, r, 4, "answer")


CASES = {
    "piqa": Case("piqa", lambda r: dict(zip(("goal", "sol1", "sol2"), pick(r, 3), strict=True)) | {"label": 1}),
    "winogrande": Case("winogrande", hard_winogrande),
    "arc_easy": Case("arc", hard_question, lambda row: with_choices(row, question=row["question"])),
    "arc_challenge": Case("arc", hard_question, lambda row: with_choices(row, question=row["question"])),
    "hellaswag": Case("hellaswag", hard_hellaswag),
    "openbookqa": Case(
        "openbookqa",
        lambda r: indexed({"question_stem": pick(r, 1)[0] + "."}, r, 4),
        lambda row: with_choices(row, question_stem=row["question_stem"]),
    ),
    "sciq": Case("sciq", hard_sciq),
    "boolq": Case(
        "super_glue/boolq",
        lambda r: {"passage": pick(r, 1)[0], "question": pick(r, 1)[0], "gold": r.randrange(2)},
        lambda row: {"passage": row["passage"], "question": row["question"], "label": 1 - row["gold"]},
    ),
    "commonsense_qa": Case(
        "commonsense_qa",
        lambda r: indexed({"question": pick(r, 1)[0]}, r, 5),
        lambda row: with_choices(row, question=row["question"]),
    ),
    "social_iqa": Case("siqa", hard_siqa),
    "copa": Case("super_glue/copa", hard_copa),
    "mmlu": Case("mmlu/default", hard_mmlu, lm_eval_name=lambda row: f"mmlu_{row['subject']}"),
    "lambada_openai": Case("lambada", lambda r: {"text": " ".join(pick(r, 3)) + r.choice(["", "!", " end"])}),
}


class Splits(dict):
    """A data set with the same rows in every split."""

    def __init__(self, rows: list[dict]) -> None:
        super().__init__()
        self._rows = datasets.Dataset.from_list(rows)

    def __missing__(self, _split: str) -> "datasets.Dataset":
        return self._rows


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No progress bars, no log lines."""
    datasets.disable_progress_bars()
    monkeypatch.setattr("lm_eval.api.task.tqdm", lambda iterable, **_: iterable)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def their_task(name: str, folder: str, rows: list[dict], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: Splits(rows))
    root = Path(lm_eval.__file__).parent / folder
    return lm_eval.TaskManager(include_defaults=False, include_path=root).load(name)["tasks"][name]


def our_task(name: str, rows: list[dict], home: Path) -> ma.Task:
    path = home / "datasets" / f"{name}.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    path.with_suffix(".source.json").write_text("{}")
    return ma.load_task(name, home=home)


def by_their_task(case: Case, name: str, rows: list[dict]) -> dict[str, list[int]]:
    """Indices of the rows of each of lm-eval's tasks."""
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(case.lm_eval_name(row) if case.lm_eval_name else name, []).append(index)
    return groups


def compare(name: str, rows: list[dict], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    ours = our_task(name, rows, home)
    assert len(ours.documents) == len(rows)
    for their_name, indices in by_their_task(case, name, rows).items():
        theirs = their_task(their_name, case.folder, [case.to_lm_eval(rows[i]) for i in indices], monkeypatch)
        assert list(ours.metrics) == sorted(theirs.higher_is_better())
        theirs.build_all_requests()
        instances: dict[int, list] = {}
        for instance in theirs.instances:
            instances.setdefault(instance.doc_id, []).append(instance)
        for doc_id, index in enumerate(indices):
            document = ours.documents[index]
            assert document.requests == [instance.args for instance in instances[doc_id]]
            compare_scores(ours, document, theirs, instances[doc_id][0].doc)


def compare_scores(ours: ma.Task, document, theirs, their_document: dict) -> None:
    """Our right choice as the likeliest one, all alike, and random values."""
    n = len(document.requests)
    draw = random.Random(document.index)
    right = [-1.0 if i == document.gold else -9.0 for i in range(n)]
    for values in (right, [-2.5] * n, [-draw.random() for _ in range(n)]):
        greedy = draw.random() < 0.5
        scores = [ma.RequestScore(value, is_greedy=greedy) for value in values]
        result = theirs.process_results(their_document, [(value, greedy) for value in values])
        ours_result = ma.score_document(ours, document, scores).values
        assert {metric: ours_result[metric] for metric in ours.metrics} == result


@pytest.mark.parametrize("name", [name for name in CASES if name != "lambada_openai"])
def test_fetched_rows_are_asked_and_scored_as_by_lm_eval(name: str, tmp_path: Path, monkeypatch) -> None:
    path = home_folder() / "datasets" / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"the cache has no data set '{name}'; run `libma fetch {name}`")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    compare(name, rows[:: math.ceil(len(rows) / MOST_ROWS)], tmp_path, monkeypatch)


@pytest.mark.parametrize("name", CASES)
def test_hard_rows_are_asked_and_scored_as_by_lm_eval(name: str, tmp_path: Path, monkeypatch) -> None:
    draw = random.Random(name)
    compare(name, [CASES[name].hard(draw) for _ in range(120)], tmp_path, monkeypatch)


@pytest.mark.parametrize("name", CASES)
def test_versions_and_splits_are_lm_evals(name: str, tmp_path: Path, monkeypatch) -> None:
    row = CASES[name].hard(random.Random(1))
    their_name = next(iter(by_their_task(CASES[name], name, [row])))
    theirs = their_task(their_name, CASES[name].folder, [CASES[name].to_lm_eval(row)], monkeypatch)
    ours = our_task(name, [row], tmp_path)
    split = "test" if theirs.has_test_docs() and name != "sciq" else "validation"
    assert split in ours.description
    assert ours.version == (0 if theirs.VERSION == "Yaml" else theirs.VERSION)  # "Yaml": it has none
