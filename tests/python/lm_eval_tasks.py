"""Three small tasks, for lm-evaluation-harness and for libma, over the same rows."""

import json
from pathlib import Path

WORDS = [
    "the",
    "one",
    "and",
    "the",
    "other",
    "went",
    "in",
    "and",
    "out",
    "at",
    "the",
    "end",
    "of",
    "another",
    "winter",
    "in",
    "the",
    "north",
]

ROWS = {
    "colours": [
        {
            "question": f"The {i}th colour?",
            "choices": ["red", "deep blue", "green as grass"][: 2 + i % 2],
            "gold": i % 2,
        }
        for i in range(6)
    ],
    "passages": [
        {"passage": " ".join(WORDS[i:]), "question": f"is {WORDS[i]} in it", "label": i % 2} for i in range(5)
    ],
    "endings": [{"context": " ".join(WORDS[: 3 + i]), "word": WORDS[3 + i]} for i in range(5)],
}

_THEIRS = {
    "colours": """
output_type: multiple_choice
doc_to_text: "{{question}}\\nAnswer:"
doc_to_choice: choices
doc_to_target: gold
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
""",
    "passages": """
output_type: multiple_choice
doc_to_text: "{{passage}}\\nQuestion: {{question}}?\\nAnswer:"
doc_to_choice: ["no", "yes"]
doc_to_target: label
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
""",
    "endings": """
output_type: loglikelihood
doc_to_text: "{{context}}"
doc_to_target: " {{word}}"
metric_list:
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
  - {metric: acc, aggregation: mean, higher_is_better: true}
""",
}

_OURS = {
    "colours": """
kind: multiple_choice
context: "{question}\\nAnswer:"
choices: "{choices}"
gold: "{gold}"
metrics: [acc]
""",
    "passages": """
kind: multiple_choice
context: "{passage}\\nQuestion: {question}?\\nAnswer:"
choices: ["no", "yes"]
gold: "{label}"
metrics: [acc]
""",
    "endings": """
kind: loglikelihood
context: "{context}"
continuation: "{word}"
metrics: [acc, perplexity]
""",
}


def write_tasks(folder: Path) -> dict[str, str]:
    """Writes `lm_eval_<name>.yaml` (for --include_path) and `<name>.yaml`; returns the paths of the latter by name."""
    ours = {}
    for name, rows in ROWS.items():
        data = folder / f"{name}.jsonl"
        data.write_text("\n".join(map(json.dumps, rows)) + "\n")
        source = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {data}}}}}\ntest_split: test\n"
        (folder / f"lm_eval_{name}.yaml").write_text(f"task: made_up_{name}\n{source}{_THEIRS[name].lstrip()}")
        mine = folder / "ours" / f"{name}.yaml"
        mine.parent.mkdir(exist_ok=True)
        mine.write_text(f"description: made up\nversion: 0\ndata: {data}\n{_OURS[name].lstrip()}")
        ours[name] = str(mine)
    return ours
