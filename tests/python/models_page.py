"""`python tests/python/models_page.py`: writes docs/models.md, the families libma reads and how far they are from transformers.

Builds nothing: it loads the extension in build/python, and writes tiny random checkpoints of every configuration in
families.py, vision_families.py and timm_reference.py, as the parity tests do.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "models.md"
sys.path.insert(0, str(ROOT / "build" / "python"))

import timm_reference as timm  # noqa: E402
import torch  # noqa: E402
import vision_families  # noqa: E402
import vision_reference  # noqa: E402
from checkpoints import VOCAB, write  # noqa: E402
from families import FAMILIES  # noqa: E402
from hf_reference import load_reference, run_reference  # noqa: E402
from vision_watch import vision_config  # noqa: E402

import libma as ma  # noqa: E402

LENGTH = 24
BATCH = 2
Activations = dict[str, torch.Tensor]
Errors = Iterator[tuple[str, float]]  # each site with its error, no unit
Write = Callable[[Path], object]
Compare = Callable[[Path, torch.dtype], Errors]
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
VISION = """
Mistral's and Mixtral's GGUF files say `llama`.

## Vision transformers

The same on tiny random vision transformers ([vision.md](vision.md)), 2 images of every size that the class takes: 4 x 4 patches, and where
positions are interpolated 6 x 6, 2 x 2 and 3 x 7 too. timm is {timm}; its models go by `architecture` of config.json.

| `model_type` | configurations | sites | error, float64 | error, float32 |
|---|---|---|---|---|
"""
CHECKPOINTS = """
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
    lines.append(VISION.format(timm=timm.import_timm().__version__))
    for line in vision_rows():
        lines.append(line)
        print(line, end="")
    PAGE.write_text("".join(lines) + CHECKPOINTS, encoding="utf-8")
    return 0


def row(model_type: str, gguf: list[str]) -> str:
    """The table's line on one family of language models."""
    names = ", ".join(f"`{name}`" for name in gguf) or "-"
    cases = [(partial(write, model_type=model_type, **tiny), text_errors) for tiny in FAMILIES[model_type].values()]
    return f"| `{model_type}` | {names} | {figures(cases)} |\n"


def vision_rows() -> Iterator[str]:
    for model_type, family in vision_families.FAMILIES.items():
        cases = [(partial(vision_families.write, model_type=model_type, name=name), vision_errors) for name in family]
        yield f"| `{model_type}` | {figures(cases)} |\n"
    cases = [(partial(timm.write, name=name), partial(timm_errors, name=name)) for name in timm.CONFIGURATIONS]
    yield f"| timm's `vit_*` | {figures(cases)} |\n"


def figures(cases: list[tuple[Write, Compare]]) -> str:
    """The cells on a family's configurations."""
    sites: set[str] = set()
    errors = {torch.float64: 0.0, torch.float32: 0.0}
    for write_to, compare in cases:
        with tempfile.TemporaryDirectory() as folder:
            write_to(Path(folder))
            for dtype, largest in errors.items():
                found = list(compare(Path(folder), dtype))
                sites |= {site.split(".", 2)[-1] if site.startswith("blocks.") else site for site, _ in found}
                errors[dtype] = max(largest, *(error for _, error in found))
    return f"{len(cases)} | {len(sites)} | " + " | ".join(f"{error:.1e}" for error in errors.values())


def text_errors(folder: Path, dtype: torch.dtype) -> Errors:
    ids = torch.randint(0, VOCAB, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    reference = run_reference(load_reference(folder, dtype), ids)
    _, ours = ma.load_model(folder, device="cpu", dtype=dtype).run_with_cache(ids, list(reference))
    yield from errors_of(ours, reference)


def vision_errors(folder: Path, dtype: torch.dtype) -> Errors:
    model = vision_reference.load_reference(folder, dtype)
    channels = vision_config(model.config).num_channels
    for size in vision_reference.image_sizes(model).values():
        pixels = vision_families.random_pixels(BATCH, channels, size)
        yield from pixel_errors(folder, dtype, pixels, vision_reference.run_reference(model, pixels).kept)


def timm_errors(folder: Path, dtype: torch.dtype, name: str) -> Errors:
    model = timm.load_reference(folder, name, dtype)
    for size in timm.image_sizes(name).values():
        pixels = vision_families.random_pixels(BATCH, 3, size)
        yield from pixel_errors(folder, dtype, pixels, timm.run_reference(model, pixels))


def pixel_errors(folder: Path, dtype: torch.dtype, pixels: torch.Tensor, kept: Activations) -> Errors:
    """Of the sites among `kept`; the outputs beside them are left to the tests."""
    model = ma.load_vision_model(folder, device="cpu", dtype=dtype)
    reference = {site: kept[site] for site in model.hook_names() if site in kept}
    _, ours = model.run_with_cache(pixels, list(reference))
    yield from errors_of(ours, reference)


def errors_of(ours: ma.ActivationCache, reference: Activations) -> Errors:
    for site, expected in reference.items():
        exact = expected.double()
        yield site, ((ours[site].double() - exact).abs().max() / exact.abs().max().clamp_min(1)).item()


if __name__ == "__main__":
    sys.exit(main())
