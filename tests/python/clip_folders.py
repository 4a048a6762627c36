"""Tiny random CLIP checkpoints, both towers with a tokenizer, as transformers saves them."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from vision_families import WITH_MLP, randomise

SENTENCES = [
    "a photo of a {}. a blurry photo of the {}, in the dark.",
    "Two red squares don't overlap; 37 blue circles do!",
    "an image with nothing but noise: #1, #2 and #3...",
] * 3
CLASSES = ["red_square", "green circle", "blue", "noise", "Café 7"]
TEMPLATES = ["a photo of a {}.", "the {}, or rather: a {}!"]
LENGTH = 40  # positions of the text tower


def train_tokenizer() -> transformers.CLIPTokenizer:
    """CLIP's own stages, with merges learnt from SENTENCES."""
    stages = transformers.CLIPTokenizer().backend_tokenizer
    trained = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    trained.normalizer, trained.pre_tokenizer = stages.normalizer, stages.pre_tokenizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        show_progress=False,
    )
    trained.train_from_iterator(SENTENCES, trainer)
    vocab = trained.get_vocab()
    for letter in sorted(alphabet):  # CLIP's vocabulary ends words with every byte
        vocab.setdefault(f"{letter}</w>", len(vocab))
    merges = [tuple(merge) for merge in json.loads(trained.to_str())["model"]["merges"]]
    return transformers.CLIPTokenizer(vocab=vocab, merges=merges)


def write_clip(folder: Path, text: dict[str, Any] | None = None) -> transformers.CLIPModel:
    """Saves a random model, whose text tower differs by `text`, with its tokenizer."""
    tokenizer = train_tokenizer()
    config = transformers.CLIPConfig(
        vision_config=WITH_MLP,
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "max_position_embeddings": LENGTH,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            **(text or {}),
        },
        projection_dim=20,
    )
    model = transformers.CLIPModel(config).eval()
    randomise(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def framed(tokenizer: transformers.CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """Padded ids of `texts` between BOS and EOS, [text, pos]."""
    ids = tokenizer(texts, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt").input_ids
    assert isinstance(ids, torch.Tensor)
    return ids
