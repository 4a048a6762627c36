"""`python tests/python/models_page.py`: writes docs/models.md, the families libma reads and how far they are from transformers.

Builds nothing: it loads the extension in build/python, and writes tiny random checkpoints of every configuration in
tests/python/families.py, as the parity test does.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
sys.path.insert(0, str(ROOT / "build" / "python"))

import torch  # noqa: E402
from checkpoints import VOCAB, write  # noqa: E402
from families import FAMILIES  # noqa: E402
from hf_reference import load_reference, run_reference  # noqa: E402

import libma as ma  # noqa: E402

LENGTH = 24
INTRODUCTION = """# Models

<!-- Written by `python tests/python/models_page.py`; edit that. -->

libma reads the families below from Hugging Face folders (safetensors, single or sharded, by `model_type` of config.json) and
from GGUF files (by `general.architecture`). Every tensor of a checkpoint must be accounted for, and options
of config.json that are known and not implemented are refused. What is read in which format, with which quantised types: [formats.md](formats.md).
A family is one file: [adding_an_architecture.md](adding_an_architecture.md).

The figures compare libma with transformers {transformers} on tiny random checkpoints: one for each option that changes the forward
pass, 2 rows of {length} tokens, every activation that transformers lets one see (`tests/python/families.py`). "Error" is the largest
|difference| at any site, divided by the largest magnitude there or by 1 if that is more; the tests demand 1e-9 and 5e-5.

| `model_type` | GGUF | configurations | sites | error, float64 | error, float32 |
|---|---|---|---|---|---|
"""
CHECKPOINTS = """
Mistral's and Mixtral's GGUF files say `llama`.

## Checkpoints tried

| checkpoint | format | what was compared |
|---|---|---|
| SmolLM2-135M-Instruct | GGUF (Q4_1) | logits, perplexity, zero-shot log-likelihoods: `tests/python/test_parity_smollm2.py`, [results](results/smollm2.md) |
| stories260K | llama2.c, by `libma convert` | every site with NumPy and transformers, greedy text: `tests/python/test_small_models.py` |
| gpt2-tarotble | pickled folder, by `libma convert` | logits with transformers: same file |
| gpt-nano-sort | recorded activations | 21 sites, 729 sorted inputs: same file |

Other published weights are not covered by these tests; please report a checkpoint that is refused or differs.
"""


def main() -> int:
    torch.set_num_threads(1)  # tiny models gain nothing from more
    import transformers

    lines = [INTRODUCTION.format(transformers=transformers.__version__, length=LENGTH)]
    gguf = ma.architectures()
    for model_type in sorted(gguf):
        lines.append(row(model_type, gguf[model_type]))
        print(lines[-1], end="")
    PAGE.write_text("".join(lines) + CHECKPOINTS, encoding="utf-8")
    return 0


def row(model_type: str, gguf: list[str]) -> str:
    """The table's line on one family."""
    names = ", ".join(f"`{name}`" for name in gguf) or "-"
    sites: set[str] = set()
    errors = {torch.float64: 0.0, torch.float32: 0.0}
    for settings in FAMILIES[model_type].values():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), model_type, **settings)
            for dtype, largest in errors.items():
                found = dict(differences(Path(folder), dtype))
                sites |= {site.split(".", 2)[-1] if site.startswith("blocks.") else site for site in found}
                errors[dtype] = max(largest, *found.values())
    figures = " | ".join(f"{error:.1e}" for error in errors.values())
    return f"| `{model_type}` | {names} | {len(FAMILIES[model_type])} | {len(sites)} | {figures} |\n"


def differences(folder: Path, dtype: torch.dtype) -> Iterator[tuple[str, float]]:
    """Each site with its error, no unit."""
    ids = torch.randint(0, VOCAB, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    reference = run_reference(load_reference(folder, dtype), ids)
    _, ours = ma.load_model(folder, device="cpu", dtype=dtype).run_with_cache(ids, list(reference))
    for site, expected in reference.items():
        exact = expected.double()
        yield site, ((ours[site].double() - exact).abs().max() / exact.abs().max().clamp_min(1)).item()


if __name__ == "__main__":
    sys.exit(main())
