"""Images through dinov2-s-saliency: libma against transformers with and without hooks, and a table of conditions.

    python tests/bench/vision_peers.py [--pairs 5] [--threads 2] [--batch 2]

A and B alternate in one process, as in peers.py. Pixels are random: only time is measured.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
import transformers
from peers import Comparison, seconds_of
from PIL import Image

import libma as ma
from libma.cache import home_folder

EDITED_BLOCK = 2  # 0-based; the third of twelve
MODEL = "dinov2-s-saliency"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="alternations of each comparison")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2, help="images of a pass")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = home_folder() / "models" / MODEL
    ours = ma.load_vision_model(folder, device="cpu")
    theirs = transformers.Dinov2Model.from_pretrained(folder).eval()
    pixels = torch.randn(options.batch, 3, 224, 224, generator=torch.Generator().manual_seed(0))

    print(
        f"{MODEL}, float32, {options.threads} threads, {options.batch} images a pass, {options.pairs} pairs of each; "
    )
    print(f"torch {torch.__version__}, transformers {transformers.__version__} (sdpa).\n")
    print("| A against B | A, images/s | B, images/s | A / B, time | range |")
    print("|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as images:
        for i in range(options.batch):
            Image.effect_noise((224, 224), 80 + i).convert("RGB").save(Path(images) / f"{i}.png")
        for comparison in comparisons(ours, theirs, pixels, ma.ImageSet(images)):
            print(f"| {comparison.title} | {measure(comparison, options.pairs, options.batch)} |", flush=True)


def measure(comparison: Comparison, pairs: int, images: int) -> str:
    """The cells of a line: images/s of A and B, ratio of their times, range of the ratios."""
    comparison.a(), comparison.b()
    times = [(seconds_of(comparison.a), seconds_of(comparison.b)) for _ in range(pairs)]
    ratios = [a / b for a, b in times]
    speeds = " | ".join(f"{images / statistics.median(seconds):.2f}" for seconds in zip(*times, strict=True))
    return f"{speeds} | {statistics.median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f}"


def comparisons(
    ours: "ma.VisionModel", theirs: torch.nn.Module, pixels: torch.Tensor, images: "ma.ImageSet"
) -> list[Comparison]:
    def forward() -> object:
        return ours.forward(pixels)

    def theirs_forward() -> object:
        with torch.no_grad():
            return theirs(pixels)

    def theirs_with_hooks() -> object:
        kept = {}
        handles = [
            layer.register_forward_hook(lambda _module, _inputs, result, i=i: kept.__setitem__(i, result))
            for i, layer in enumerate(theirs.encoder.layer)
        ]
        with torch.no_grad():
            theirs(pixels)
        for handle in handles:
            handle.remove()
        return kept

    return [
        Comparison("libma; transformers", forward, theirs_forward),
        Comparison(
            "libma, every resid_post kept; transformers + hooks",
            lambda: ours.run_with_cache(pixels, "blocks.*.resid_post"),
            theirs_with_hooks,
        ),
        Comparison(
            "libma table of 3 conditions at block 3; libma table of the original",
            lambda: table(ours, images, 3),
            lambda: table(ours, images, 1),
        ),
    ]


def table(model: "ma.VisionModel", images: "ma.ImageSet", n_conditions: int) -> object:
    """The first conditions of a table, images decoded and prepared."""
    select = ma.Selection.at([0], [278])
    site = f"blocks.{EDITED_BLOCK}.resid_post"
    edits = [[], *([ma.make_intervention("set_value", site=site, select=select, value=value)] for value in (0.0, 1.8))]
    conditions = [ma.Condition(str(i), edit) for i, edit in enumerate(edits[:n_conditions])]
    recipe = ma.ImageRecipe("imagenet-224-whole")
    return ma.evaluate_images(model, conditions, images, recipe, metrics=["cosine"], batch=len(images))


if __name__ == "__main__":
    main()
