"""A model for lm-evaluation-harness: any of its tasks on a libma model, with interventions active.

From the shell: `lm_eval --model libma --model_args model=NAME,interventions=edit.yaml --tasks ...`. In Python, importing
this module registers the name. Needs `pip install lm-eval`.
"""

import importlib
import inspect
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _extension
from .errors import ConfigError, unknown_name

try:
    import lm_eval.models  # noqa: F401  (fills the registry before libma joins it)
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model
    from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs
    from tqdm import tqdm
except ImportError as error:
    raise ImportError(f"libma.lm_eval needs lm-evaluation-harness: pip install lm-eval ({error})") from error

if TYPE_CHECKING:
    from ._C import Intervention, Model

_LOG = logging.getLogger(__name__)
_DEFAULT_DEVICE = "cuda:0"  # of lm-eval's command line
_GENERATION_KEYS = ("until", "max_gen_toks", "do_sample", "temperature", "top_k", "top_p")


@register_model("libma")
class LibmaLM(LM):  # type: ignore[misc]
    """A libma model as lm-evaluation-harness sees it; scores are those of its `hf` model.

    Args:
        model: Name, Hugging Face folder or `.gguf` file, as for `load_model`; or a loaded Model.
        interventions: Path of a YAML file (docs/lm_eval.md), or a list of Intervention; active in all requests.
        dtype: float64, float32 (None), bfloat16 or float16. Not for a loaded Model, nor `home`.
        device: "auto" (CUDA where there is one), "cpu", "cuda:1". "cuda:0" is what lm-eval's command line passes unasked,
            so without CUDA it means the CPU, as for `hf`, and says so in the log.
        profile: Of BOS: "lm-eval-current", "lm-eval-2023" or "bos".
        max_length: Tokens of context and continuation; 0: the model's positions.
        max_gen_toks: New tokens at most, where a task does not say.
        tokens_per_pass: Bounds the memory of a pass; 0: chosen by device.
        seed: Of sampling, where a task asks for it.
        home: Cache of fetched models; None for `$LIBMA_HOME`, or else `~/.cache/libma`.
        batch_size: Taken because lm-eval passes it, without effect: passes are filled by `tokens_per_pass`.
        max_batch_size: Likewise.

    Raises:
        ConfigError, UnknownNameError, FileError: As `load_model` and `load_interventions`.
    """

    def __init__(  # noqa: PLR0913  (lm-eval passes each by its name)
        self,
        model: "str | os.PathLike[str] | Model",
        *,
        interventions: "str | os.PathLike[str] | Sequence[Intervention] | None" = None,
        dtype: str | None = None,
        device: str = "auto",
        profile: str = "lm-eval-current",
        max_length: int = 0,
        max_gen_toks: int = 256,
        tokens_per_pass: int = 0,
        seed: int = 0,
        home: str | None = None,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        for name in unknown:
            raise unknown_name("model_args", "argument", name, inspect.signature(LibmaLM).parameters)
        self._native = _extension.load()
        self.model = self._load(model, dtype=dtype, device=device, home=home)
        self.edits = self._read(interventions)
        self.profile = profile
        self.seed = seed
        self.tokens_per_pass = tokens_per_pass
        self.batch_size = batch_size
        self._name = str(model) if isinstance(model, str | os.PathLike) else str(self.model.files[0])
        self._max_length = max_length
        self._max_gen_toks = max_gen_toks
        self._check()

    @property
    def device(self) -> Any:
        """Where the weights are."""
        return self.model.device

    @property
    def max_length(self) -> int:
        """Tokens of context and continuation."""
        return self._max_length or int(self.model.config.max_positions)

    @property
    def max_gen_toks(self) -> int:
        """New tokens at most, where a task does not say."""
        return self._max_gen_toks

    @property
    def eot_token_id(self) -> int | None:
        """The tokenizer's EOS."""
        return self.model.tokenizer.eos_id

    @property
    def prefix_token_id(self) -> int | None:
        """What stands before the first scored token of an empty context, as the profile has it."""
        tokenizer = self.model.tokenizer
        has_bos = self.profile != "lm-eval-2023" and tokenizer.bos_id is not None
        return tokenizer.bos_id if has_bos else tokenizer.eos_id

    @property
    def tokenizer_name(self) -> str:
        """Tells this model's cached requests from others'."""
        return self._name.replace("/", "__")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Not offered: raises ConfigError."""
        raise ConfigError("[apply_chat_template] libma has no chat templates; leave --apply_chat_template out")

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """None; raises ConfigError when one is asked for."""
        return self.apply_chat_template([]) if chat_template else None

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """(log p(continuation | context) in nats, whether it is the greedy one) of each request."""
        pairs = [request.args for request in requests]

        def keep(index: int, score: Any) -> None:
            self.cache_hook.add_partial("loglikelihood", pairs[index], (score.log_likelihood_nats, score.is_greedy))

        with _bar("libma: loglikelihood", disable_tqdm) as progress:
            scores = self._native.score_requests(
                self.model, pairs, max_length=self.max_length, on_score=keep, progress=progress, **self._common()
            )
        return [(score.log_likelihood_nats, score.is_greedy) for score in scores]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """log p(text) of each request by itself, in nats."""
        texts = [request.args[0] for request in requests]

        def keep(index: int, log_likelihood: float) -> None:
            self.cache_hook.add_partial("loglikelihood_rolling", (texts[index],), log_likelihood)

        with _bar("libma: loglikelihood_rolling", disable_tqdm) as progress:
            sums = self._native.rolling_log_likelihoods(
                self.model, texts, max_length=self.max_length, on_text=keep, progress=progress, **self._common()
            )
        return list(sums)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """What the model writes after each context, up to a stop string. Raises ConfigError on unknown arguments."""
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(json.dumps(self._generation_options(request.args[1])), []).append(index)
        texts = [""] * len(requests)
        with _bar("libma: generate_until", disable_tqdm) as progress:
            for options, members in groups.items():
                self._generate(requests, members, json.loads(options), (texts, progress))
        return texts

    def get_model_info(self) -> dict[str, Any]:
        """What lm-eval records beside its results."""
        return {
            "model_dtype": str(self.model.dtype),
            "libma_profile": self.profile,
            "libma_interventions": [edit.describe() for edit in self.edits],
        }

    def _generate(self, requests: list[Any], members: list[int], options: dict[str, Any], out: Any) -> None:
        """Fills in the texts of the requests `members`, which have the same options."""
        texts, progress = out

        def keep(place: int, made: Any) -> None:
            index = members[place]
            texts[index] = made.text
            if options["temperature"] == 0:
                self.cache_hook.add_partial("generate_until", requests[index].args, made.text)

        self.model.generate(
            [requests[index].args[0] for index in members],
            **options,
            seed=self.seed,
            max_length=self.max_length,
            on_generation=keep,
            progress=progress,
            **self._common(),
        )

    def _generation_options(self, asked: dict[str, Any]) -> dict[str, Any]:
        """lm-eval's generation arguments as those of `Model.generate`."""
        options = dict(normalize_gen_kwargs(asked, self.max_gen_toks))
        unknown = sorted(key for key in options if key not in _GENERATION_KEYS)
        if unknown:
            known = ", ".join(_GENERATION_KEYS)
            raise ConfigError(f"[gen_kwargs] libma has no {', '.join(unknown)}; it takes {known} and their aliases")
        temperature = float(options.get("temperature") or 0.0)
        if options["do_sample"] and temperature == 0.0:
            raise ConfigError("[gen_kwargs] do_sample asks for sampling at temperature 0; give a temperature above 0")
        eos = self.eot_token_id
        text = None if eos is None else self.model.tokenizer.decode([eos])
        return {
            "max_new_tokens": options["max_gen_toks"],
            "stop": [stop for stop in handle_stop_sequences(options["until"], eos=text) if stop],
            "temperature": temperature if options["do_sample"] else 0.0,
            "top_k": int(options.get("top_k") or 0),
            "top_p": 1.0 if options.get("top_p") is None else float(options["top_p"]),
        }

    def _common(self) -> dict[str, Any]:
        return {"edits": self.edits, "profile": self.profile, "tokens_per_pass": self.tokens_per_pass}

    def _load(self, model: Any, **options: Any) -> "Model":
        if not isinstance(model, str | os.PathLike):
            given = [name for name in ("dtype", "home") if options[name] is not None]
            if given:
                raise ConfigError(f"[LibmaLM] a loaded model has its {given[0]} already; leave it out")
            return model  # type: ignore[no-any-return]
        options["dtype"] = options["dtype"] or "float32"
        options["device"] = _device(options["device"])
        options["home"] = None if options["home"] is None else Path(options["home"])
        return self._native.load_model(os.fspath(model), **options)  # type: ignore[no-any-return]

    def _read(self, interventions: Any) -> "list[Intervention]":
        if isinstance(interventions, str | os.PathLike):
            return list(self._native.load_interventions(interventions))
        return list(interventions or [])

    def _check(self) -> None:
        """Raises before any request when there is no such site or profile."""
        self._native.score_requests(self.model, [], max_length=self.max_length, **self._common())


def _device(asked: str) -> str:
    torch = importlib.import_module("torch")
    if asked != _DEFAULT_DEVICE or torch.cuda.is_available():
        return asked
    _LOG.warning("no CUDA here: libma runs on the CPU")
    return "cpu"


@contextmanager
def _bar(title: str, disable: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar as a libma progress callback; stages that follow each other add up."""
    with tqdm(desc=title, total=0, disable=disable) as bar:
        state = {"stage_done": 0, "stage_total": 0}

        def progress(_stage: str, done: int, total: int) -> None:
            if done == 0 and state["stage_done"] == state["stage_total"]:
                bar.total = (bar.total or 0) + total
                state.update(stage_done=0, stage_total=total)
            bar.update(done - state["stage_done"])
            state["stage_done"] = done

        yield progress
