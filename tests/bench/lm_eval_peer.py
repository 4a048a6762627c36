"""Zero-shot accuracy of SmolLM2-135M-Instruct: libma against lm-evaluation-harness's Hugging Face backend.

    libma fetch smollm2-135m-instruct arc_easy piqa hellaswag
    python tests/bench/lm_eval_peer.py [--documents 200] [--rounds 3] [--threads 2] [--tasks arc_easy piqa hellaswag]

Both score the same requests, from text to log-likelihoods, float32. The documents of each task are cut into rounds;
libma and lm-eval take turns in each (A B A B ...), because machines are shared and only neighbours in time can be
compared. Then come the three conditions original, zero and mean in one table, against the original alone.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "build" / "python"))

import lm_eval
import torch
import transformers
from gguf_reference import load_gguf_llama
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizer_reference import smollm2

import libma as ma
from libma.cache import home_folder

BATCH_SIZE = 16  # of lm-eval
SITE, DIM, MEAN = "blocks.11.resid_post", 507, 23160.0


@dataclass
class Turns:
    """Seconds of A and B, turn by turn."""

    a: list[float] = field(default_factory=list)
    b: list[float] = field(default_factory=list)

    def ratio(self) -> str:
        """B / A of all turns together, and the range of single ones."""
        each = [b / a for a, b in zip(self.a, self.b, strict=True)]
        return f"{sum(self.b) / sum(self.a):.2f} ({min(each):.2f} to {max(each):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=200, help="of each task")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each task, pairs of tables")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", default=["arc_easy", "piqa", "hellaswag"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    file = next((home_folder() / "models" / "smollm2-135m-instruct").glob("*.gguf"))
    ours = ma.load_model(file, device="cpu")
    theirs = load_harness(file)
    tasks = [ma.load_task(name, limit=options.documents) for name in options.tasks]

    print(f"SmolLM2-135M-Instruct, float32, {options.threads} threads, {options.documents} documents of each task.")
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, lm-eval {lm_eval.__version__} (HF backend,"
    )
    print(f"batch_size {BATCH_SIZE}).\n")
    compare_with_harness(ours, theirs, tasks, options.rounds)
    compare_conditions(ours, tasks, options.rounds)


def load_harness(file: Path) -> HFLM:
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=smollm2(file).tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>"
    )
    return HFLM(
        pretrained=load_gguf_llama(file, torch.float32), tokenizer=tokenizer, batch_size=BATCH_SIZE, device="cpu"
    )


def compare_with_harness(ours: ma.Model, theirs: HFLM, tasks: list[ma.Task], rounds: int) -> None:
    print(
        "| task | documents | libma, documents/s | lm-eval, documents/s | times as fast | max difference, nats | other choices |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    everything = Turns()
    n_documents = 0
    for task in tasks:
        turns, worst, other = Turns(), 0.0, 0
        for part in rounds_of(task.documents, rounds):
            requests = [request for document in part for request in document.requests]
            mine = timed(turns.a, lambda requests=requests: score(ours, requests))
            harness = timed(
                turns.b, lambda requests=requests: theirs.loglikelihood(instances(requests), disable_tqdm=True)
            )
            lists = [iter(mine), iter([value for value, _ in harness])]
            for document in part:
                a, b = ([next(values) for _ in document.requests] for values in lists)
                worst = max(worst, *(abs(x - y) for x, y in zip(a, b, strict=True)))
                other += a.index(max(a)) != b.index(max(b))
        n = len(task.documents)
        print_speeds(task.name, n, turns, f"{worst:.1e} | {other}")
        everything.a += turns.a
        everything.b += turns.b
        n_documents += n
    print_speeds("all", n_documents, everything, "|")
    print()


def compare_conditions(ours: ma.Model, tasks: list[ma.Task], rounds: int) -> None:
    original = [ma.Condition("original")]
    table = [*original, ma.Condition("zero", edit(0.0)), ma.Condition("mean", edit(MEAN))]
    columns = [ma.ZeroShotTask(ours, task) for task in tasks]
    turns = Turns()
    for _ in range(rounds):
        timed(turns.a, lambda: ma.evaluate_conditions(ours, original, columns))
        timed(turns.b, lambda: ma.evaluate_conditions(ours, table, columns))
    print(f"Three conditions in one table against the original alone, {rounds} pairs: {turns.ratio()} times the time.")


def score(model: ma.Model, requests: list[tuple[str, str]]) -> list[float]:
    return [found.log_likelihood_nats for found in ma.score_requests(model, requests)]


def edit(value: float) -> ma.Intervention:
    return ma.make_intervention("set_value", site=SITE, select=ma.Selection.at([0], [DIM]), value=value)


def instances(requests: list[tuple[str, str]]) -> list[Instance]:
    return [
        Instance(request_type="loglikelihood", doc={}, arguments=request, idx=i) for i, request in enumerate(requests)
    ]


def rounds_of(documents: list[Any], rounds: int) -> Iterator[list[Any]]:
    size = -(-len(documents) // rounds)
    for first in range(0, len(documents), size):
        yield documents[first : first + size]


def timed(seconds: list[float], work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    seconds.append(time.perf_counter() - start)
    return result


def print_speeds(name: str, n: int, turns: Turns, rest: str) -> None:
    speeds = " | ".join(f"{n / sum(seconds):.2f}" for seconds in (turns.a, turns.b))
    print(f"| {name} | {n} | {speeds} | {turns.ratio()} | {rest} |", flush=True)


if __name__ == "__main__":
    main()
