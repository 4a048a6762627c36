"""`ma.evaluate`: tasks in one call, with and without interventions."""

import json

import pytest

import libma as ma

pytest.importorskip("transformers")  # writes the model

TASK = """
description: made up
kind: multiple_choice
version: 0
data: colours.jsonl
context: "{question}\\nAnswer:"
choices: "{choices}"
gold: "{gold}"
metrics: [acc, acc_norm]
"""
CHOICES = ["red", "deep blue", "green as grass"]


@pytest.fixture
def task(tmp_path):
    """The file of a task of six documents."""
    rows = [{"question": f"The {i}th?", "choices": CHOICES[: 2 + i % 2], "gold": i % 2} for i in range(6)]
    (tmp_path / "colours.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "colours.yaml").write_text(TASK)
    return str(tmp_path / "colours.yaml")


@pytest.fixture
def edit():
    select = ma.Selection.at([0], [3])
    return ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=50.0)


def test_a_task_by_its_path_is_one_row_and_one_column(model, task):
    result = ma.evaluate(model, task, profile="nobos")
    table = result.table()
    assert result.conditions == ["original"] and result.tasks == ["colours"]
    assert table.rows[0][0] == "original" and table.rows[-1][0] == "chance"
    accuracy = result.results[0][0].metric("acc")
    assert table.rows[0][1].value == pytest.approx(100 * accuracy.value)
    assert result.results[0][0].bos == "nobos" and len(result.results[0][0].documents) == 6


def test_interventions_are_active(model, task, edit):
    plain, edited = (
        [document.requests[0].log_likelihood_nats for document in result.results[0][0].documents]
        for result in (ma.evaluate(model, task, profile="nobos", interventions=i) for i in (None, [edit]))
    )
    with model.add_hook(edit):
        hooked = [
            ma.score_requests(model, [document.requests[0]], profile="nobos")[0].log_likelihood_nats
            for document in ma.load_task(task).documents
        ]
    assert edited == pytest.approx(hooked, abs=1e-4)
    assert all(a != pytest.approx(b, abs=1e-3) for a, b in zip(plain, edited, strict=True))


def test_several_lists_are_rows_of_one_table(model, task, edit):
    both = ma.evaluate(model, [task], profile="nobos", interventions={"plain": [], "edited": [edit]})
    assert both.conditions == ["plain", "edited"]
    for name, result, edits in zip(both.conditions, both.results, ([], [edit]), strict=True):
        alone = ma.evaluate(model, task, profile="nobos", interventions={name: edits}).results[0][0]
        assert [d.requests for d in result[0].documents] == [d.requests for d in alone.documents]


def test_one_intervention_and_a_file_are_lists_of_one(model, task, edit, tmp_path):
    ma.save_interventions(tmp_path / "edit.yaml", [edit])
    listed, single, saved = (
        [
            document.requests
            for document in ma.evaluate(model, task, profile="nobos", interventions=i).results[0][0].documents
        ]
        for i in ([edit], edit, tmp_path / "edit.yaml")
    )
    assert listed == single == saved


def test_no_task_is_an_error(model):
    with pytest.raises(ma.ConfigError, match="names none"):
        ma.evaluate(model, [])


def test_limit_takes_the_first_documents(model, task):
    result = ma.evaluate(model, task, profile="nobos", limit=2).results[0][0]
    assert len(result.documents) == 2
    assert result.chance == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_to_pandas_has_a_line_for_each_metric(model, task, edit):
    pandas = pytest.importorskip("pandas")
    result = ma.evaluate(model, task, profile="nobos", interventions={"plain": [], "edited": [edit]})
    frame = result.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(zip(frame["condition"], frame["metric"], strict=True)) == [
        (condition, metric) for condition in ("plain", "edited") for metric in ("acc", "acc_norm")
    ]
    accuracy = result.results[1][0].metric("acc")
    row = frame[(frame["condition"] == "edited") & (frame["metric"] == "acc")].iloc[0]
    assert (row["value"], row["value std error"]) == pytest.approx((accuracy.value, accuracy.std_error))


def test_an_unknown_task_is_refused_with_the_nearest_names(model):
    with pytest.raises(ma.UnknownNameError, match="piqa"):
        ma.evaluate(model, "piqo")


def test_a_task_without_documents_to_score_is_refused(model, tmp_path):
    (tmp_path / "colours.jsonl").write_text("")
    (tmp_path / "colours.yaml").write_text(TASK)
    with pytest.raises(ma.FileError, match="no document"):
        ma.evaluate(model, str(tmp_path / "colours.yaml"))


def test_scores_that_are_no_numbers_are_counted_in_the_table(model, task):
    nothing = ma.make_intervention("set_value", site="ln_final.scale", select=ma.Selection.at([], [0]), value=0.0)
    table = ma.evaluate(model, task, profile="nobos", interventions=[nothing]).table()
    assert table.columns[-1] == "colours non-finite (requests)"
    assert table.rows[0][-1] == 15


def test_an_edit_that_writes_nothing_is_refused(model):
    select = ma.Selection.criterion(magnitude=1e30)
    clamp = ma.make_intervention("clamp", site="blocks.0.resid_post", select=select, low=0.0)
    with pytest.raises(ma.ConfigError, match="wrote no entry"):
        ma.score_requests(model, [("the one", " in")], profile="nobos", edits=[clamp])
    with pytest.raises(ma.ConfigError, match="wrote no entry"):
        model.generate(["the one"], max_new_tokens=2, edits=[clamp])
