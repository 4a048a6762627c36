"""Zero-shot tasks against lm-evaluation-harness's published request lists: texts by SHA-256, scores to the last digit.

The lists are those of its own test data: documents shuffled by `random.Random(42)`, choices in order, and
log-likelihoods drawn with `random.seed(42)`.
"""

import ast
import hashlib
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

import libma as ma
from libma.cache import home_folder


@dataclass(frozen=True)
class Golden:
    """What is published for a task, or follows from it."""

    in_order: str  # SHA-256 of the requests in the order of the data set
    shuffled: str = ""
    n_requests: int = 0
    acc: float = math.nan
    acc_norm: float | None = None
    reversed_choices: bool = False  # lm-eval's first version asked the last choice first


GOLDEN = {
    "piqa": Golden(
        in_order="5a782cd449aa875a7f837e15268fac2d27005e1d030c5124e3bec88cdb8a5977",
        shuffled="6048a3a2bb3ad1e6a3d98139618e06b4d7de766edd685bd38837596199c3f69f",
        n_requests=3676,
        acc=0.514145810663765,
        acc_norm=0.5114254624591947,
    ),
    "winogrande": Golden(
        in_order="2cc3cecbcee61b541a4e75ca0e270c190016b847772717936d51154c5100f834",
        shuffled="90a3eff49de9173964d46f5ed57bcf9a78a72dd1bfe0e5323b25cebb40b49ea9",
        n_requests=2534,
        acc=0.516179952644041,
    ),
    "arc_easy": Golden(
        in_order="17efe5cb96db0a727c2cf0b15d07d94781fcd7319e4e1f0161751289fee21026",
        shuffled="ffa6e39a35a16299dcb015f17f986aaa598ad8b4840c4cebe0339a7042232741",
        n_requests=9501,
        acc=0.2474747474747475,
        acc_norm=0.24074074074074073,
    ),
    "arc_challenge": Golden(
        in_order="8aee000e0686c439b65045da81544a40d721c5ee59f185b594580907f3b65066",
        shuffled="41c34c96cca8ace661911d0033d630c554b283f5a3953bcdc50720ae6b00a9c1",
        n_requests=4687,
        acc=0.24488054607508533,
        acc_norm=0.2440273037542662,
    ),
    "boolq": Golden(
        in_order="0828a8591e6c07e94cf3f87314a154b0ee164bf31884a2b0e8bc619059c9a99e",
        shuffled="6577e0d88572772ef08e64f624c0e3df0953286ae1f118ccef15623b59ffeabf",
        n_requests=6540,
        acc=0.5048929663608562,
        reversed_choices=True,
    ),
    "boolq_notitle": Golden(
        in_order="2dc93b3f921b89d886fa46508917006cbffd27b7f5d832162e4ef7e1ab65f368",
        n_requests=6540,
        reversed_choices=True,
    ),
    "hellaswag": Golden(
        in_order="61c897e8f259419a1bfceedf3cb7b9095813a744589f93f8d1be5d813f2f48b0",
        shuffled="abb808c97d6529eda6c11067837a132c62d25cba0394d720f80cca6df9f7196e",
        n_requests=40168,
        acc=0.24965146385182235,
        acc_norm=0.24756024696275641,
    ),
}
SHUFFLED = [name for name, golden in GOLDEN.items() if golden.shuffled]


@pytest.fixture(scope="module")
def fetched_task():
    """Loads a task whose data set is in the cache; skips without it."""

    def load(name: str) -> ma.Task:
        if not (home_folder() / "datasets" / f"{name}.jsonl").exists():
            pytest.skip(f"the cache has no data set '{name}'; run `libma fetch {name}`")
        return ma.load_task(name)

    return load


def shuffle(task: ma.Task) -> list:
    documents = list(task.documents)
    random.Random(42).shuffle(documents)
    return documents


def ask(document, golden: Golden) -> list[tuple[str, str]]:
    return document.requests[::-1] if golden.reversed_choices else document.requests


def digest(requests: list) -> str:
    return hashlib.sha256(json.dumps([list(request) for request in requests], sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("name", GOLDEN)
def test_requests_in_the_order_of_the_data_set_hash_to_the_golden_list(fetched_task, name: str) -> None:
    requests = [r for document in fetched_task(name).documents for r in ask(document, GOLDEN[name])]
    assert (len(requests), digest(requests)) == (GOLDEN[name].n_requests, GOLDEN[name].in_order)


@pytest.mark.parametrize("name", SHUFFLED)
def test_shuffled_requests_hash_to_the_published_list(fetched_task, name: str) -> None:
    requests = [r for document in shuffle(fetched_task(name)) for r in ask(document, GOLDEN[name])]
    assert digest(requests) == GOLDEN[name].shuffled


def score_at_random(task: ma.Task, golden: Golden) -> dict[str, "ma.TaskMetric"]:
    draw = random.Random(42)
    scores = []
    for document in shuffle(task):
        drawn = [ma.RequestScore(-draw.random()) for _ in document.requests]
        scores.append(ma.score_document(task, document, drawn[::-1] if golden.reversed_choices else drawn))
    return {metric.name: metric for metric in ma.summarize_task(task, scores)}


@pytest.mark.parametrize("name", SHUFFLED)
def test_random_scores_give_the_published_accuracies_to_the_last_digit(fetched_task, name: str) -> None:
    golden = GOLDEN[name]
    metrics = score_at_random(fetched_task(name), golden)
    assert metrics["acc"].value == golden.acc
    assert ("acc_norm" in metrics) == (golden.acc_norm is not None)
    if golden.acc_norm is not None:
        assert metrics["acc_norm"].value == golden.acc_norm


def test_the_standard_error_is_the_published_one(fetched_task) -> None:
    metrics = score_at_random(fetched_task("boolq"), GOLDEN["boolq"])
    assert metrics["acc"].std_error == pytest.approx(0.00874463623355505, rel=1e-13)


def test_accuracies_of_a_task_with_unequal_choices_have_their_own_chance(fetched_task) -> None:
    documents = fetched_task("arc_easy").documents
    assert {len(document.choices) for document in documents} == {3, 4, 5}
    expected = math.fsum(1 / len(document.choices) for document in documents) / len(documents)
    assert fetched_task("arc_easy").chance == pytest.approx(expected, rel=1e-13)


def test_lambada_hashes_to_the_published_list(fetched_task) -> None:
    """Each request stands twice: lm-eval's first version asked for the score and for its being greedy apart."""
    documents = shuffle(fetched_task("lambada_openai"))
    requests = [request for document in documents for request in document.requests * 2]
    assert digest(requests) == "6829e6a8aa5922e6c92dd31403cc060f242dc0ede4a775e085a70da095ab2e20"


def test_random_scores_give_lambadas_published_perplexity(fetched_task) -> None:
    """The perplexity does not depend on the texts: the flattened ones will do."""
    task = fetched_task("lambada_flat")
    draw = random.Random(42)
    scores = []
    for document in shuffle(task):
        scores.append(ma.score_document(task, document, [ma.RequestScore(-draw.random())]))
        draw.random()
    metrics = {metric.name: metric.value for metric in ma.summarize_task(task, scores)}
    assert metrics["perplexity"] == pytest.approx(1.6479047769869253, rel=1e-14)


def test_every_built_in_task_file_is_valid(tmp_path) -> None:
    """What is left to complain about is the data set, which the cache given here lacks."""
    for name in ma.builtin_task_names():
        with pytest.raises(ma.FileError, match=f"run: libma fetch {name}"):
            ma.load_task(name, home=tmp_path)


def test_the_example_of_the_documentation_is_a_task(tmp_path, monkeypatch) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "adding_a_task.md").read_text(encoding="utf-8")
    task_file, rows, code = (block.split("\n", 1)[1] for block in text.split("```")[1:6:2])
    monkeypatch.chdir(tmp_path)
    Path("capitals.yaml").write_text(task_file)
    Path("capitals.jsonl").write_text(rows)
    example, shown = code.split("\n")[1].split("  # ")
    requests = eval(example, {"task": ma.load_task("capitals.yaml")})
    assert requests[:1] == ast.literal_eval(shown.replace(", ...", ""))


# Sums over all requests of the tokens of contexts and of continuations, without special tokens. A continuation's are
# those that its context and it have more together than the context alone.
TOKENS = {
    "piqa": {"gpt2": (49520, 84384), "llama2": (54736, 97919)},
    "winogrande": {"gpt2": (41661, 14214), "llama2": (48348, 15824)},
    "arc_easy": {"gpt2": (261175, 42771), "llama2": (287500, 51414)},
    "arc_challenge": {"gpt2": (146142, 28089), "llama2": (161482, 33002)},
    "boolq": {"gpt2": (927066, 6540), "llama2": (1089226, 6540)},
    "boolq_notitle": {"gpt2": (890328, 6540), "llama2": (1046306, 6540)},
    "hellaswag": {"gpt2": (1996520, 1187429), "llama2": (2256468, 1336827)},
}


@pytest.fixture(scope="module")
def tokenizer(request, reference_data):
    """A tokenizer of the reference data."""
    path = reference_data(f"tokenizers/{request.param}/tokenizer.json")
    return request.param, ma.load_tokenizer(path.parent)


@pytest.mark.parametrize("tokenizer", ["gpt2", "llama2"], indirect=True)
@pytest.mark.parametrize("name", TOKENS)
def test_requests_have_the_published_number_of_tokens(fetched_task, tokenizer, name: str) -> None:
    tokenizer_name, encoder = tokenizer
    n_context = n_whole = 0
    for document in fetched_task(name).documents:
        for context, continuation in document.requests:
            n_context += len(encoder.encode_with_offsets(context))
            n_whole += len(encoder.encode_with_offsets(context + continuation))
    assert (n_context, n_whole - n_context) == TOKENS[name][tokenizer_name]
