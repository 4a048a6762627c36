"""Output folders of experiments, run on tiny checkpoints: what figures and reports are made from."""

import json
from pathlib import Path

import numpy as np

RECIPE = {
    "image_processor_type": "BitImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 26},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 24, "width": 24},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
FIND = "{{text: {text}, sequences: 4, length: 16, magnitude: 0.01, ratio: 2}}"
CONFIGS = {
    "find_massive": f"""
models:
  - {{{{name: {{model}}, label: one}}}}
  - {{{{name: {{model}}, label: "two $x$ <b>"}}}}
device: cpu
find: {FIND}
""",
    "ablation": f"""
model: {{{{name: {{model}}, device: cpu}}}}
find: {FIND}
conditions:
  - original
  - {{{{name: zero, layer: auto, select: {{{{kind: massive, top: 1}}}}, value: 0}}}}
evaluate:
  perplexity: [{{{{task: {{text}}, name: words, window: 32, max_windows: 4}}}}]
  zero_shot: {{{{tasks: [{{task}}], profile: nobos}}}}
""",
    "magnitudes": f"""
model: {{{{name: {{model}}, device: cpu}}}}
find: {FIND}
bos: without
prompts: ["the rain in $x$", "on and on"]
""",
    "attention": f"""
model: {{{{name: {{model}}, device: cpu}}}}
find: {FIND}
sinks: {{{{sequences: 4, length: 16, tokens: [natural, random], eps: [0.3]}}}}
prompts: ["the rain in $x$", "on and on"]
""",
    "trajectory": f"""
model: {{{{name: {{model}}, device: cpu}}}}
find: {FIND}
prompts: ["the rain in $x$"]
""",
    "implicit_bias": """
model: {{name: {model}, device: cpu}}
find: {{text: {text}, sequences: 4, length: 32, magnitude: 100, ratio: 1000}}
bias: {{null_sets: 10}}
replace: {{first_layer: auto, last_layer: auto}}
prompts: ["the rain", "on and on"]
evaluate:
  perplexity: [{{task: {text}, name: words, window: 32, max_windows: 4}}]
""",
    "sweep": f"""
model: {{{{name: {{model}}, device: cpu}}}}
find: {FIND}
sweeps:
  - {{{{kind: blocks, value: 0}}}}
  - {{{{kind: blocks, value: mean, name: blocks_mean}}}}
  - {{{{kind: scale, factors: [1, 0, 0.5]}}}}
  - {{{{kind: tokens}}}}
evaluate:
  perplexity:
    - {{{{task: {{text}}, name: words, window: 32, max_windows: 2}}}}
    - {{{{task: {{text}}, name: more, window: 16, max_windows: 2}}}}
""",
    "weights": f"""
model: {{{{name: {{model}}, device: cpu}}}}
find: {FIND}
search: {{{{sequences: 2, threshold: 0.5, share: 0.5}}}}
evaluate:
  perplexity: [{{{{task: {{text}}, name: words, window: 32, max_windows: 4}}}}]
""",
    "register_neurons": """
model: {{name: {vision}, device: cpu}}
images: {{path: {images}, batch: 3, workers: 1}}
outliers: {{layer: 1, ratio: 1.05}}
neurons: {{top_k: 2}}
""",
    "image_tokens": """
model: {{name: {vision}, device: cpu}}
images: {{path: {images}, batch: 3, workers: 1}}
""",
    "image_ablation": """
model: {{name: {vision}, device: cpu}}
folder: {images}
find: {{path: .}}
conditions:
  - original
  - {{name: zero, layer: 1, select: {{kind: top_k, positions: [0], count: 1}}, value: 0}}
evaluate:
  - {{name: all, path: ., metrics: [cosine, nearest]}}
""",
}
TASK = """
description: made up
kind: multiple_choice
version: 0
data: colours.jsonl
context: "{question}"
choices: "{choices}"
gold: "{gold}"
metrics: [acc]
"""


def write_inputs(folder: Path) -> dict[str, Path]:
    """A tiny LLaMA, a text, a task; a tiny vision model with registers, images of noise."""
    import checkpoints
    import vision_families
    from PIL import Image

    model = checkpoints.write_llama(folder / "tiny-llama")
    checkpoints.write_tokenizer(model)
    vision = folder / "tiny-vision"
    vision.mkdir()
    vision_families.write(vision, "dinov2_with_registers", "four")
    (vision / "preprocessor_config.json").write_text(json.dumps(RECIPE))
    text = folder / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 97} on and on" for i in range(200)))
    task = folder / "colours.yaml"
    task.write_text(TASK)
    questions = [{"question": f"The {i}th?", "choices": [" red", " blue"], "gold": i % 2} for i in range(8)]
    (folder / "colours.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    images = folder / "images"
    images.mkdir()
    noise = np.random.default_rng(0)
    for index in range(5):
        Image.fromarray(noise.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(images / f"{index}.png")
    return {"model": model, "text": text, "task": task, "vision": vision, "images": images}


def run(experiment: str, inputs: dict[str, Path], folder: Path) -> Path:
    """Runs one experiment and returns its output folder."""
    from libma import cli

    config = folder / f"{experiment}.yaml"
    config.write_text(
        f"experiment: {experiment}\noutput: {folder / experiment}\n" + CONFIGS[experiment].format(**inputs)
    )
    assert cli.main(["run", experiment, str(config), "--quiet"]) == 0
    return folder / experiment
