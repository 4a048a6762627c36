"""Zero-shot tasks on SmolLM2-135M-Instruct under edits, document by document against lm-eval 0.4.13's record."""

import json
import os

import pytest

import libma as ma

FILES = {
    "boolq_notitle": "boolq_validation",
    "piqa": "piqa_validation",
    "winogrande": "winogrande_xl_validation",
    "arc_easy": "arc_easy_test",
    "arc_challenge": "arc_challenge_test",
}
CONDITIONS = ("original", "zero", "mean")
DOCUMENTS = 100 if os.environ.get("LIBMA_SLOW_TESTS") else 40  # of the record's 100 of each task


@pytest.fixture(scope="module")
def home(tmp_path_factory, reference_data):
    """A cache that holds the data sets."""
    home = tmp_path_factory.mktemp("home")
    (home / "datasets").mkdir()
    for task, file in FILES.items():
        (home / "datasets" / f"{task}.jsonl").symlink_to(reference_data(f"tasks/{file}.jsonl"))
        (home / "datasets" / f"{task}.source.json").write_text("{}")
    return home


@pytest.fixture(scope="module")
def records(reference_data):
    return [
        json.loads(reference_data(f"reference/smollm2/zeroshot_first100_{condition}.json").read_text())
        for condition in CONDITIONS
    ]


@pytest.fixture(scope="module")
def results(smollm2_gguf, home, records):
    """ZeroShotResult by condition and task."""
    model = ma.load_model(smollm2_gguf, device="cpu")
    rows = {record["condition"]: edits_of(record["edit"]) for record in records}
    found = ma.evaluate(model, list(FILES), interventions=rows, limit=DOCUMENTS, home=home)
    assert found.conditions == list(CONDITIONS)
    return [dict(zip(FILES, row, strict=True)) for row in found.results]


def edits_of(edit):
    if edit is None:
        return []
    select = ma.Selection.at([edit["pos"]], [edit["dim"]])
    return [ma.make_intervention("set_value", site=edit["site"], select=select, value=edit["value"])]


@pytest.mark.parametrize("task", FILES)
def test_log_likelihoods_and_choices_equal_the_record(results, records, task):
    for found, record in zip(results, records, strict=True):
        for document, expected in zip(found[task].documents, record["samples"][task], strict=False):
            ours = [request.log_likelihood_nats for request in document.requests]
            assert ours == pytest.approx(expected["loglikelihoods"], abs=1e-3), (record["condition"], expected)
            for metric in ("acc", "acc_norm"):
                if expected[metric] is not None:
                    assert document.score.values[metric] == expected[metric], (record["condition"], expected)


@pytest.mark.parametrize("task", FILES)
def test_accuracies_equal_the_record(results, records, task):
    for found, record in zip(results, records, strict=True):
        samples = record["samples"][task][:DOCUMENTS]
        for metric in record["scores"][task]:
            expected = sum(sample[metric] for sample in samples) / DOCUMENTS
            assert found[task].metric(metric).value == pytest.approx(expected, abs=1e-12)
