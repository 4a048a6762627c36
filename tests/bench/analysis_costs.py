"""What measuring costs beside a bare forward pass: `python tests/bench/analysis_costs.py [--memory]`.

Times magnitudes, attention statistics of all blocks, and a sweep of zeros over all blocks, each in turns with what it
is compared with, in one process; `--memory` adds the peak of a process that measures 100 sequences of 2,048 tokens,
over one that has only loaded torch. Prints Markdown. Needs the extension in build/python and `libma fetch
smollm2-135m-instruct`.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build" / "python"))

import torch  # noqa: E402

MODEL = "smollm2-135m-instruct"
TURNS = 3
MIB = 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", choices=["torch", "magnitudes"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        return print_peak(options.peak)
    times()
    if options.memory:
        memory()
    return 0


def times() -> None:
    import libma as ma

    model = ma.load_model(MODEL, device="cpu")
    n_layers = model.config.n_layers
    ids = torch.randint(5, 40000, (4, 2048), generator=torch.Generator().manual_seed(0))
    profile = ma.find_massive(model, ids[:, :64], classify_tokens=False)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; the smallest of {TURNS} turns\n")
    print("| what | tokens | bare, s | measured, s | ratio |\n|---|---|---|---|---|")
    for shape in ((4, 512), (1, 2048)):
        batch = ids[: shape[0], : shape[1]].contiguous()
        tokens = {"classify_tokens": False, "tokens_per_pass": batch.numel()}
        measured: dict[str, Callable[[], Any]] = {
            "bare": lambda batch=batch: model.run_blocks(model.embed(batch), 0, n_layers, batch),
            "magnitudes": lambda batch=batch, tokens=tokens: ma.measure_magnitudes(model, batch, **tokens),
            "attention": lambda batch=batch, tokens=tokens: ma.attention_sinks(model, batch, profile, **tokens),
        }
        best = in_turns(measured)
        for what in ("magnitudes", "attention"):
            print(line(what, f"{shape[0]} x {shape[1]}", best["bare"], best[what]), flush=True)
    windows = ma.make_windows(ids.flatten()[:1024], window=512)
    site, dim = profile.sites[0], profile.sites[0].dim
    conditions = [ma.Condition("original")] + [
        ma.Condition(f"zero after block {layer}", zero(ma, layer, dim)) for layer in range(n_layers)
    ]
    best = in_turns(
        {
            "bare": lambda: ma.perplexity(model, windows),
            "sweep": lambda: ma.run_ablation(model, conditions, [ma.PerplexityTask("random", windows)]),
        }
    )
    what = f"sweep of zeros (dim {dim}, {site.token_class}) over {n_layers} blocks, perplexities"
    print(line(what, "2 x 512", best["bare"], best["sweep"]))


def zero(ma: Any, layer: int, dim: int) -> Any:
    select = ma.Selection.at([0], [dim])
    return ma.make_intervention("set_value", site=f"blocks.{layer}.resid_post", select=select, value=0)


def in_turns(functions: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The smallest of TURNS times of each, in seconds, taken in turns after one that does not count."""
    best = dict.fromkeys(functions, float("inf"))
    for turn in range(TURNS + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn > 0:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def line(what: str, tokens: str, bare: float, measured: float) -> str:
    return f"| {what} | {tokens} | {bare:.3f} | {measured:.3f} | **{measured / bare:.3f}** |"


def memory() -> None:
    peaks = {}
    for what in ("torch", "magnitudes"):
        command = [sys.executable, __file__, "--peak", what]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        peaks[what] = [float(word) for word in output]
    weights = peaks["magnitudes"][1]
    above = peaks["magnitudes"][0] - peaks["torch"][0]
    print(
        f"\n100 sequences of 2,048 tokens: peak {above:.0f} MiB above a process that has only loaded torch, "
        f"of which weights {weights:.0f} MiB, so {above - weights:.0f} MiB more."
    )


def print_peak(what: str) -> int:
    weights = 0.0
    if what == "magnitudes":
        import libma as ma

        model = ma.load_model(MODEL, device="cpu")
        weights = model.n_parameters * 4 / MIB
        ids = torch.randint(5, 40000, (100, 2048), generator=torch.Generator().manual_seed(0))
        ma.measure_magnitudes(model, ids, tokens_per_pass=2048)
    status = Path("/proc/self/status").read_text()  # ru_maxrss would also count the process that started this one
    print(int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024, weights)
    return 0


if __name__ == "__main__":
    sys.exit(main())
