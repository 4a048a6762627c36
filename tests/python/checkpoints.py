"""Tiny random checkpoints written by Hugging Face transformers."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

VOCAB = 264  # 256 bytes, 7 merges, one special token
POSITIONS = 64


def write_llama(folder: Path, shard_size: str = "1GB", **changes: Any) -> Path:
    """Two blocks, d_model 32, 4 heads, 2 kv heads; `changes` go to LlamaConfig."""
    settings: dict[str, Any] = {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": POSITIONS,
    }
    return _write(LlamaForCausalLM(LlamaConfig(**{**settings, **changes})), folder, shard_size)


def write_gpt2(folder: Path, shard_size: str = "1GB", **changes: Any) -> Path:
    """Two blocks, d_model 32, 4 heads; `changes` go to GPT2Config."""
    settings: dict[str, Any] = {
        "vocab_size": VOCAB,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": POSITIONS,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    return _write(GPT2LMHeadModel(GPT2Config(**{**settings, **changes})), folder, shard_size)


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


def _write(model: PreTrainedModel, folder: Path, shard_size: str) -> Path:
    _randomise(model)
    model.save_pretrained(folder, max_shard_size=shard_size)
    return folder


def _randomise(model: PreTrainedModel) -> None:
    """Weights that give each part of the model a say: attention far from uniform, gains and biases far from neutral."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() > 1:
                parameter.copy_(noise * 2 / parameter.shape[-1] ** 0.5)
            else:
                parameter.copy_(0.3 * noise + (0 if name.endswith("bias") else 1))
