"""Forward passes of SmolLM2-135M-Instruct: libma against transformers, and what hooks, caches and conditions cost.

    python tests/bench/peers.py [--pairs 7] [--threads 2] [--windows 1x2048 4x512] [--dtype float32]

Each line compares two ways, A and B, that alternate in one process (A B A B ...), because machines are shared and only
neighbours in time can be compared. Printed: the median of each, the median of the pairs' ratios A / B, and their range.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "build" / "python"))

import torch
import transformers
from gguf_reference import load_gguf_llama

import libma as ma
from libma.cache import home_folder

MASSIVE_BLOCK, MASSIVE_DIM = 11, 507


@dataclass
class Comparison:
    """Two ways of doing a thing; each call does it once."""

    title: str
    a: Callable[[], object]
    b: Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="alternations of each comparison")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--windows", nargs="+", default=["1x2048", "4x512"], help="batch x length")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--only", default="", help="comparisons whose title has this word")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    file = next((home_folder() / "models" / "smollm2-135m-instruct").glob("*.gguf"))
    ours = ma.load_model(file, device="cpu", dtype=dtype)
    theirs = load_gguf_llama(file, dtype)

    print(f"SmolLM2-135M-Instruct, {options.dtype}, {options.threads} threads, {options.pairs} pairs of each; ")
    print(f"torch {torch.__version__}, transformers {transformers.__version__} (sdpa).\n")
    print("| window | A against B | A, tokens/s | B, tokens/s | A / B, time | range |")
    print("|---|---|---:|---:|---:|---|")
    for window in options.windows:
        batch, length = map(int, window.split("x"))
        ids = torch.randint(0, ours.config.vocab, (batch, length), generator=torch.Generator().manual_seed(0))
        for comparison in comparisons(ours, theirs, ids):
            if options.only in comparison.title:
                print(
                    f"| {window} | {comparison.title} | {measure(comparison, options.pairs, ids.numel())} |", flush=True
                )


def comparisons(ours: ma.Model, theirs: transformers.PreTrainedModel, ids: torch.Tensor) -> list[Comparison]:
    """What is compared for a batch `ids` [batch, pos]."""
    blocks = ours.config.n_layers
    positions = torch.arange(ids.numel()).view(ids.shape)[:, :-1].flatten()
    targets = ids[:, 1:].flatten()

    def stream() -> torch.Tensor:
        return ours.run_blocks(ours.embed(ids), 0, blocks, ids)

    def nll() -> torch.Tensor:
        return ours.score(stream(), positions, targets, ids).nll_nats

    def their_stream() -> torch.Tensor:
        with torch.no_grad():
            return theirs.model(ids, use_cache=False).last_hidden_state

    def their_logits() -> torch.Tensor:
        with torch.no_grad():
            return theirs(ids, use_cache=False).logits

    def their_nll() -> torch.Tensor:
        logits = their_logits()[:, :-1].flatten(0, 1)
        return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")

    def hooked() -> torch.Tensor:
        handles = [ours.add_hook(name, identity) for name in fused]
        try:
            return stream()
        finally:
            for handle in handles:
                handle.remove()

    identity = ma.make_intervention("scale", site="embed", select=ma.Selection.at([0], [0]), factor=1.0)
    fused = ["blocks.*.resid_post"]
    windows = ma.make_windows(ids.flatten(), window=ids.shape[1])
    return [
        Comparison("libma blocks; transformers blocks", stream, their_stream),
        Comparison("libma logits; transformers logits", lambda: ours.forward(ids), their_logits),
        Comparison("libma NLL; transformers logits and cross-entropy", nll, their_nll),
        Comparison(
            "libma cache of every resid_post; libma logits",
            lambda: ours.run_with_cache(ids, "blocks.*.resid_post"),
            lambda: ours.forward(ids),
        ),
        Comparison("libma an edit after every block; libma blocks", hooked, stream),
        Comparison(
            "libma table of 4 conditions at block 11; libma perplexity",
            lambda: ma.run_ablation(ours, four_conditions(), [ma.PerplexityTask("random", windows)]),
            lambda: ma.perplexity(ours, windows),
        ),
    ]


def four_conditions() -> list[ma.Condition]:
    """Original, and three edits after the block at which the massive activation appears."""

    def edit(value: float, dim: int) -> ma.Intervention:
        select = ma.Selection.at([0], [dim])
        return ma.make_intervention("set_value", site=f"blocks.{MASSIVE_BLOCK}.resid_post", select=select, value=value)

    return [
        ma.Condition("original"),
        ma.Condition("zero", edit(0.0, MASSIVE_DIM)),
        ma.Condition("mean", edit(23160.0, MASSIVE_DIM)),
        ma.Condition("control", edit(0.0, 3)),
    ]


def measure(comparison: Comparison, pairs: int, tokens: int) -> str:
    """The cells of a line: tokens/s of A and B, ratio of their times, range of the ratios."""
    comparison.a(), comparison.b()
    a_seconds, b_seconds = [], []
    for _ in range(pairs):
        a_seconds.append(seconds_of(comparison.a))
        b_seconds.append(seconds_of(comparison.b))
    ratios = [a / b for a, b in zip(a_seconds, b_seconds, strict=True)]
    speeds = " | ".join(f"{tokens / statistics.median(seconds):,.0f}" for seconds in (a_seconds, b_seconds))
    return f"{speeds} | {statistics.median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f}"


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
