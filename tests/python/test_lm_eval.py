"""The lm-evaluation-harness plugin: scores of its own `hf` model, of libma's engine, and the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed")
pytest.importorskip("accelerate", reason="lm-eval's hf model needs accelerate")
pytest.importorskip("transformers")

import checkpoints
import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager
from lm_eval_tasks import write_tasks

import libma as ma

BOS, EOS = 262, 263
PAIRS = [
    ("The one and the other", " went in"),
    ("The one and the other", " stayed"),
    ("", "Without a context"),
    ("", "<s>which brings its own"),
    ("Ends in spaces  ", "and goes on"),
    ("<s>Has its own start", " already"),
    ("Much too long for the model. " * 6, " What now?"),
    ("x", "y"),
]
TEXTS = ["Short.", "", "the other " * 40, "<s>Starts with a BOS", "in the end " * 17]
# Profile -> what makes lm-eval's hf model do the same.
PROFILES = {"lm-eval-current": {}, "lm-eval-2023": {"add_bos_token": False, "prefix_token_id": EOS}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny LLaMA with a tokenizer that adds `<s>` by default."""
    folder = checkpoints.write_llama(tmp_path_factory.mktemp("lm_eval"), bos_token_id=BOS, eos_token_id=EOS)
    checkpoints.write_bos_tokenizer(folder)
    return folder


@pytest.fixture(scope="module", params=PROFILES)
def both(request, folder):
    """(libma's, lm-eval's hf) model of one checkpoint under one profile, in float32."""
    from lm_eval.models.huggingface import HFLM

    from libma.lm_eval import LibmaLM

    options = {"pretrained": str(folder), "device": "cpu", "dtype": "float32", "batch_size": 1, "backend": "causal"}
    return LibmaLM(folder, device="cpu", profile=request.param), HFLM(**options, **PROFILES[request.param])


@pytest.fixture
def edit_file(tmp_path):
    select = ma.Selection.at([0], [3])
    edit = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=50.0)
    ma.save_interventions(tmp_path / "edit.yaml", [edit])
    return tmp_path / "edit.yaml"


def instances(kind, arguments):
    return [Instance(request_type=kind, doc={}, arguments=each, idx=i) for i, each in enumerate(arguments)]


class KeepingHook:
    """Stands in for lm-eval's cache of results."""

    def __init__(self):
        self.kept = {}

    def add_partial(self, kind, request, result):
        self.kept[kind, json.dumps(request)] = result


def test_loglikelihoods_equal_lm_evals_own(both):
    ours, theirs = both
    requests = instances("loglikelihood", PAIRS)
    found, expected = ours.loglikelihood(requests, disable_tqdm=True), theirs.loglikelihood(requests, disable_tqdm=True)
    assert [ll for ll, _ in found] == pytest.approx([ll for ll, _ in expected], abs=1e-3)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


def test_rolling_loglikelihoods_equal_lm_evals_own(both):
    ours, theirs = both
    requests = instances("loglikelihood_rolling", [(text,) for text in TEXTS])
    found = ours.loglikelihood_rolling(requests, disable_tqdm=True)
    assert found == pytest.approx(theirs.loglikelihood_rolling(requests, disable_tqdm=True), abs=2e-3)


@pytest.mark.parametrize("until", [["\n\n"], ["t", "e "], []], ids=str)
def test_greedy_texts_equal_lm_evals_own(both, until):
    ours, theirs = both
    asked = {"until": until, "max_gen_toks": 24, "do_sample": False, "temperature": 0.0}
    contexts = [context for context, _ in PAIRS if context]
    requests = instances("generate_until", [(context, asked) for context in contexts])
    found = ours.generate_until(requests, disable_tqdm=True)
    assert found == theirs.generate_until(requests, disable_tqdm=True)


def test_prefix_and_end_tokens_are_lm_evals(both):
    ours, theirs = both
    assert (ours.prefix_token_id, ours.eot_token_id) == (theirs.prefix_token_id, theirs.eot_token_id)
    assert (ours.max_length, ours.max_gen_toks) == (theirs.max_length, theirs.max_gen_toks)


def test_results_are_kept_as_they_come(both):
    ours, _ = both
    ours.set_cache_hook(hook := KeepingHook())
    scores = ours.loglikelihood(instances("loglikelihood", PAIRS), disable_tqdm=True)
    assert hook.kept == {("loglikelihood", json.dumps(pair)): score for pair, score in zip(PAIRS, scores, strict=True)}
    hook.kept.clear()
    sums = ours.loglikelihood_rolling(instances("loglikelihood_rolling", [(t,) for t in TEXTS if t]), disable_tqdm=True)
    assert list(hook.kept.values()) == sums
    hook.kept.clear()
    asked = {"until": ["x"], "max_gen_toks": 3}
    texts = ours.generate_until(instances("generate_until", [("a", asked), ("b", asked)]), disable_tqdm=True)
    assert hook.kept == {("generate_until", json.dumps((c, asked))): t for c, t in zip("ab", texts, strict=True)}


def test_requests_of_one_context_are_read_together(both):
    ours, _ = both
    edit = ma.make_intervention("add", site="embed", select=ma.Selection.at([0], [0]), value=0.0)
    context = "the other " * 5
    pairs = [(context, f" choice {word}") for word in ("one", "two", "three", "four")]
    ma.score_requests(ours.model, pairs, edits=[edit], profile=ours.profile)
    assert edit.stats.calls == 1 and edit.stats.edited == 1


@pytest.mark.parametrize("edited", [False, True], ids=["original", "edited"])
def test_tasks_have_the_scores_of_libmas_own_engine(folder, tmp_path, edit_file, edited, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    paths = write_tasks(tmp_path)
    import libma.lm_eval  # noqa: F401  (registers the name)

    results = lm_eval.simple_evaluate(
        model="libma",
        model_args={"model": str(folder), "device": "cpu", **({"interventions": str(edit_file)} if edited else {})},
        tasks=[f"made_up_{name}" for name in paths],
        task_manager=TaskManager(include_path=str(tmp_path)),
        log_samples=True,
        bootstrap_iters=0,
    )
    model = ma.load_model(folder, device="cpu")
    edits = ma.load_interventions(edit_file) if edited else []
    ours = ma.evaluate(model, list(paths.values()), interventions=edits)
    for name, result in zip(paths, ours.results[0], strict=True):
        samples = sorted(results["samples"][f"made_up_{name}"], key=lambda sample: sample["doc_id"])
        theirs = [score[0][0] for sample in samples for score in sample["resps"]]
        found = [request.log_likelihood_nats for document in result.documents for request in document.requests]
        assert theirs == pytest.approx(found, abs=1e-4)
        assert results["results"][f"made_up_{name}"]["acc,none"] == pytest.approx(result.metric("acc").value)
    assert results["config"]["libma_interventions"] == [edit.describe() for edit in edits]


def test_generation_arguments_are_normalised_or_refused(folder):
    from libma.lm_eval import LibmaLM

    lm = LibmaLM(folder, device="cpu", max_gen_toks=5)

    def write(**asked):
        return lm.generate_until(instances("generate_until", [("the", asked)]), disable_tqdm=True)[0]

    whole = write()
    assert write(max_new_tokens=3) == write(max_gen_toks=3) == write(max_tokens=3, until=None)
    assert whole.startswith(write(max_gen_toks=3))
    assert write(until=whole[2]) == whole[: whole.index(whole[2])]
    assert write(do_sample=True, temperature=5.0) == write(do_sample=True, temperature=5.0)
    assert write(do_sample=False, temperature=5.0) == whole
    with pytest.raises(ma.ConfigError, match="num_beams"):
        write(num_beams=4)
    with pytest.raises(ma.ConfigError, match="temperature"):
        write(do_sample=True)


def test_requests_of_different_arguments_keep_their_places(both):
    ours, _ = both
    asked = [("the", {"max_gen_toks": 3}), ("in", {"max_gen_toks": 6}), ("on", {"max_gen_toks": 3, "until": ["zz"]})]
    asked += [("at", {"max_gen_toks": 6}), ("", {"max_gen_toks": 3})][: 2 if ours.profile == "lm-eval-current" else 1]
    together = ours.generate_until(instances("generate_until", asked), disable_tqdm=True)
    assert together == [ours.generate_until(instances("generate_until", [one]), disable_tqdm=True)[0] for one in asked]
    assert len(set(together)) == len(together)


def test_wrong_arguments_are_refused_before_any_request(folder, tmp_path):
    from libma.lm_eval import LibmaLM

    edit = ma.make_intervention("add", site="blocks.9.mlp_out", select=ma.Selection.at([0], [0]), value=1.0)
    with pytest.raises(ma.UnknownNameError, match=r"blocks\.1\.mlp_out"):
        LibmaLM(folder, device="cpu", interventions=[edit])
    with pytest.raises(ma.FileError, match="absent"):
        LibmaLM(folder, device="cpu", interventions=tmp_path / "absent.yaml")
    with pytest.raises(ma.ConfigError, match="chat"):
        LibmaLM(folder, device="cpu").chat_template(True)
    with pytest.raises(ma.UnknownNameError, match="profile"):
        LibmaLM(folder, device="cpu", profile="lm-eval-2022")


def run_python(*arguments, cwd):
    package = Path(ma.__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(package),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(cwd / "datasets"),
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=300)


def test_the_command_line_knows_libma(folder, tmp_path, edit_file):
    """Through the .pth file of the environment, as `scripts/environment.py` and the wheel write it."""
    loaded = run_python("-c", "import sys; print('libma_lm_eval_hook' in sys.modules)", cwd=tmp_path)
    if loaded.stdout.strip() != "True":
        pytest.skip("this environment has no libma_lm_eval_hook.pth: `make test` writes one into .venv")
    write_tasks(tmp_path)
    arguments = f"--model libma --model_args model={folder},interventions={edit_file} --batch_size 2"
    arguments += f" --tasks made_up_colours --include_path {tmp_path} --output_path out --log_samples"
    done = run_python("-m", "lm_eval", *arguments.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "made_up_colours" in done.stdout
    (samples,) = (tmp_path / "out").rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    score = float(rows[0]["resps"][0][0][0])
    context, continuation = (rows[0]["arguments"]["gen_args_0"][f"arg_{i}"] for i in (0, 1))
    model = ma.load_model(folder, device="cpu")
    [expected] = ma.score_requests(model, [(context, continuation)], edits=ma.load_interventions(edit_file))
    assert score == pytest.approx(expected.log_likelihood_nats, abs=1e-4)


def test_the_hook_waits_for_lm_eval_and_imports_no_torch(tmp_path):
    """And it is harmless twice, without lm-eval's registry, and without libma."""
    code = """
import sys
import libma_lm_eval_hook
before = set(sys.modules)
import json
assert "lm_eval" not in sys.modules and "torch" not in sys.modules and "libma" not in sys.modules
libma_lm_eval_hook.install()
assert sum(type(f).__module__ == "libma_lm_eval_hook" for f in sys.meta_path) == 1
import lm_eval.models
from lm_eval.api.registry import model_registry
assert "libma" in model_registry and "hf" in model_registry
assert "libma.lm_eval" not in sys.modules
print(model_registry.get("libma").__name__)
"""
    done = run_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "LibmaLM"


def test_an_argument_that_does_not_exist_is_refused_with_the_nearest(folder):
    from libma.lm_eval import LibmaLM

    with pytest.raises(ma.UnknownNameError, match="nearest: interventions"):
        LibmaLM(folder, device="cpu", intervention="edit.yaml")
