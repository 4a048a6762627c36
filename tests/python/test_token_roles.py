"""Tokens by role in the conditions of an ablation: the same table as with their positions."""

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("PIL")

import vision_families
from PIL import Image

import libma as ma

BINARIES = Path(__file__).resolve().parents[2] / "build" / "experiments"
RECIPE = {
    "do_resize": False,
    "do_center_crop": True,
    "crop_size": {"height": 24, "width": 24},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": False,
    "image_processor_type": "BitImageProcessor",
}
CONDITION = "{{name: {name}, layer: 1, value: 9, select: {{kind: explicit, dims: [3], positions: {positions}}}}}"
IMAGES = """experiment: image_ablation
model: {{name: {model}, device: cpu}}
find: {{path: {images}}}
conditions:
  - original
  - {first}
  - {second}
evaluate:
  - {{name: small, path: {images}, metrics: [cosine]}}
  - {{name: wide, path: {images}, metrics: [cosine], recipe: {wide}}}
output: {output}
"""
TEXT = """experiment: ablation
model: {{name: {model}, dtype: float32, device: cpu}}
find: {{text: {text}, sequences: 2, length: 16}}
conditions:
  - original
  - {first}
  - {second}
evaluate:
  perplexity: [{{task: {text}, name: words, window: 16, max_windows: 4}}]
output: {output}
"""

pytestmark = pytest.mark.usefixtures("one_thread")


def run(experiment, config):
    binary = BINARIES / experiment
    if not binary.exists():
        pytest.skip(f"build/experiments/{experiment} is not built")
    return subprocess.run([binary, config, "--quiet"], capture_output=True, text=True, timeout=300)


def condition(name, positions):
    return CONDITION.format(name=name, positions=positions)


def rows_of(folder):
    return list(csv.DictReader((folder / "table.csv").open(newline="")))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A tiny model with registers whose images have 4 x 4 patches, a recipe for 6 x 8, and three images."""
    root = tmp_path_factory.mktemp("roles")
    for name, height, width in (("model", 24, 24), ("wide", 36, 48)):
        (root / name).mkdir()
        recipe = RECIPE | {"crop_size": {"height": height, "width": width}}
        (root / name / "preprocessor_config.json").write_text(json.dumps(recipe))
    vision_families.write(root / "model", "dinov2_with_registers", "four")
    (root / "images").mkdir()
    generator = np.random.default_rng(0)
    for i in range(3):
        noise = generator.integers(0, 256, (50, 60, 3)).astype(np.uint8)
        Image.fromarray(noise).save(root / "images" / f"{i}.png")
    return root


def write(inputs, folder, first, second):
    path = folder / "config.yaml"
    places = {name: inputs / name for name in ("model", "images", "wide")}
    path.write_text(IMAGES.format(first=first, second=second, output=folder / "out", **places))
    return path


def test_roles_are_resolved_in_the_images_of_each_set(inputs, tmp_path):
    roles = ["cls", "register:1", "patch:1,2"]
    model = ma.load_vision_model(inputs / "model", device="cpu")
    assert model.forward(np.zeros((24, 24, 3), np.uint8)).grid == (4, 4)
    small = [model.position(role, (4, 4)) for role in roles]
    wide = [model.position(role, (6, 8)) for role in roles]
    assert small[:2] == wide[:2] and small[2] != wide[2]
    by_role = condition("roles", str(roles))
    done = run("image_ablation", write(inputs, tmp_path, by_role, condition("numbers", small)))
    assert done.returncode == 0, done.stderr
    original, named, numbered = rows_of(tmp_path / "out")
    assert named["small cosine"] == numbered["small cosine"] != original["small cosine"]
    assert named["wide cosine"] != numbered["wide cosine"]
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    hashes = record["details"]["images"]
    assert hashes["find"] == hashes["evaluate small"] != hashes["evaluate wide"]
    edits = [task["edits"]["roles"] for task in record["details"]["tasks"]]
    assert edits == [[f"blocks.1.resid_post: positions {positions} x dims [3]"] for positions in (small, wide)]

    done = run("image_ablation", write(inputs, tmp_path, by_role, condition("numbers", wide)))
    assert done.returncode == 0, done.stderr
    _, named, numbered = rows_of(tmp_path / "out")
    assert named["wide cosine"] == numbered["wide cosine"]


@pytest.mark.parametrize(
    ("positions", "parts"),
    [
        (
            "[0, clss]",
            ["no token named 'clss'", "cls, register:0, register:1, register:2, register:3, patch:ROW,COLUMN"],
        ),
        ("[register:4]", ["no token named 'register:4'", "register:3"]),
        ("['patch:4,0']", ["'patch:4,0' is outside the image's 4 x 4 patches"]),
        ("[patch:1,2]", ["put it in quotes"]),
    ],
)
def test_a_token_that_there_is_not_gets_a_line(inputs, tmp_path, positions, parts):
    path = write(inputs, tmp_path, condition("zero", "[0]"), condition("other", positions))
    done = run("image_ablation", path)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert all(part in errors[0] for part in [f"{path}:7]", *parts]), errors[0]


def test_of_text_the_start_has_a_name(tiny_folder, tmp_path):
    text, path = tmp_path / "words.txt", tmp_path / "config.yaml"
    text.write_text(" ".join(f"the rain in town {i % 97} on and on" for i in range(200)))

    def write_text(positions):
        first, second = condition("named", positions), condition("number", "[0]")
        fields = {"model": tiny_folder, "text": text, "first": first, "second": second, "output": tmp_path / "out"}
        path.write_text(TEXT.format(**fields))

    write_text("[start]")
    done = run("ablation", path)
    assert done.returncode == 0, done.stderr
    original, named, number = (row["words (perplexity)"] for row in rows_of(tmp_path / "out"))
    assert named == number != original
    write_text("[cls]")
    done = run("ablation", path)
    assert done.returncode == 2
    assert f"{path}:6] no token named 'cls' in a text; give a number (-1 is the last token), or start" in done.stderr
