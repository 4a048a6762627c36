"""Tiny random checkpoints written by Hugging Face transformers."""

import json
from pathlib import Path
from typing import Any

import torch
from family_bases import BASES, POSITIONS, VOCAB
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["POSITIONS", "VOCAB", "write", "write_bos_tokenizer", "write_gpt2", "write_llama", "write_tokenizer"]


def write(
    folder: Path,
    model_type: str,
    shard_size: str = "1GB",
    config_json: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Saves a randomised model of `BASES[model_type]` and `changes`.

    `config_json` edits the file afterwards: keys to `drop`, keys to `set`.
    """
    config = AutoConfig.for_model(model_type, **{**BASES[model_type], **changes})
    model = AutoModelForCausalLM.from_config(config)
    _randomise(model)
    model.save_pretrained(folder, max_shard_size=shard_size)
    if config_json:
        path = folder / "config.json"
        settings = json.loads(path.read_text())
        for key in config_json["drop"]:
            del settings[key]
        path.write_text(json.dumps({**settings, **config_json["set"]}))
    return folder


def write_llama(folder: Path, **changes: Any) -> Path:
    """Two blocks, d_model 32, 4 heads, 2 kv heads; `changes` as in `write`."""
    return write(folder, "llama", **changes)


def write_gpt2(folder: Path, **changes: Any) -> Path:
    """Two blocks, d_model 32, 4 heads; `changes` as in `write`."""
    return write(folder, "gpt2", **changes)


def write_tokenizer(folder: Path) -> None:
    """A byte-level BPE tokenizer of VOCAB tokens, the last of them `<s>`."""
    _byte_level(["<s>"]).save(str(folder / "tokenizer.json"))


def write_bos_tokenizer(folder: Path) -> None:
    """The same with `<s>` and `</s>` last, as transformers saves it: `<s>` goes in front of each text by default."""
    tokenizer = _byte_level(["<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)


def _byte_level(special: list[str]) -> Tokenizer:
    tokens = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ġ", "a"), ("e", "r"), ("o", "n")]
    merges = merges[: VOCAB - len(tokens) - len(special)]
    tokens += ["".join(merge) for merge in merges]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return tokenizer


def _randomise(model: PreTrainedModel) -> None:
    """Weights that give each part of the model a say: attention far from uniform, gains and biases far from neutral.

    A vector starts neutral: 1 for a gain, 0 for a bias and for the gains of families that apply 1 + gain.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() > 1:
                parameter.copy_(noise * 2 / parameter.shape[-1] ** 0.5)
            else:
                parameter.add_(0.3 * noise)
