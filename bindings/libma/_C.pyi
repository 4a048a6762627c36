"""
The compiled part of libma; `import libma` brings its names.
"""

from __future__ import annotations

import collections.abc
import os
import pathlib
import typing

import torch

__all__: list[str] = [
    "AblationResult",
    "ActivationCache",
    "BlockNorms",
    "ClsAttention",
    "Condition",
    "DecoderConfig",
    "Document",
    "DocumentResult",
    "DocumentScore",
    "Encoding",
    "Estimate",
    "Generation",
    "HighNormCount",
    "HookHandle",
    "HookSite",
    "ImageBatch",
    "ImageLoader",
    "ImageRecipe",
    "ImageSet",
    "Intervention",
    "InterventionStats",
    "LayerMagnitudes",
    "MassiveProfile",
    "MassiveSite",
    "Model",
    "ModelSummary",
    "NormStats",
    "PerplexityResult",
    "PerplexityTask",
    "RegisterEntry",
    "RegisterMeans",
    "RegisterSummary",
    "RequestScore",
    "Selection",
    "Table",
    "Task",
    "TaskDocument",
    "TaskMetric",
    "TokenBatch",
    "TokenMeasurements",
    "TokenNorms",
    "TokenScores",
    "Tokenizer",
    "Valley",
    "VisionConfig",
    "VisionModel",
    "VisionOutput",
    "WindowSet",
    "ZeroShotResult",
    "ZeroShotTask",
    "architectures",
    "builtin_task_names",
    "cls_attention",
    "comparison_layers_table",
    "comparison_sites_table",
    "comparison_table",
    "cut_sequences",
    "evaluate_conditions",
    "evaluate_images",
    "experiments",
    "find_massive",
    "find_massive_in_images",
    "fix_registers",
    "hook_catalogue",
    "image_recipe_names",
    "intervention_kinds",
    "load_interventions",
    "load_model",
    "load_task",
    "load_tokenizer",
    "load_vision_model",
    "magnitudes_table",
    "make_intervention",
    "make_windows",
    "measure_model",
    "measure_tokens",
    "pairs_table",
    "perplexity",
    "perplexity_protocols",
    "read_image",
    "register_means",
    "rolling_log_likelihoods",
    "run_ablation",
    "run_experiment",
    "save_interventions",
    "score_document",
    "score_requests",
    "summarize_task",
    "vision_architectures",
    "wikitext_documents",
]

class Model:
    """
    A loaded network with its tokenizer and hooks; `load_model` makes one.

    Passes run without autograd and without the GIL. Threads may share a model: they take turns.

    Example:
        >>> model
        Model('llama', n_layers=2, d_model=32, vocab=264, dtype=float32, device=cpu)
    """
    def __repr__(self) -> str: ...
    @typing.overload
    def add_hook(self, intervention: Intervention) -> HookHandle: ...
    @typing.overload
    def add_hook(self, pattern: str, fn: Intervention) -> HookHandle: ...
    @typing.overload
    def add_hook(
        self, pattern: str, fn: collections.abc.Callable[[torch.Tensor, HookSite], torch.Tensor]
    ) -> HookHandle:
        """
        Registers a hook at every point that matches `pattern`. Hooks at a point run in order of registration.

        Args:
            pattern: Hook name; `*` stands for one dot-separated part. Left out for an Intervention: its own site.
            fn: Called as `fn(x, at)` with the activation and a HookSite; returns the activation to use: `x` itself to
                only read, a new tensor of the same shape, dtype and device to replace it. Or an Intervention.

        Returns:
            A handle; the hook stays until its `remove()` or the end of a `with` block.

        Raises:
            UnknownNameError: When the pattern matches nothing; the message offers the nearest names.
            ShapeError: In the pass, when the hook changes shape, dtype or device, writes in place or returns no tensor.

        Example:
            >>> with model.add_hook("blocks.1.resid_post", lambda x, at: x.clamp(-1, 1)):
            ...     _, cache = model.run_with_cache([1, 2, 3], ["blocks.1.resid_post"])
            >>> bool(cache["blocks.1.resid_post"].abs().max() <= 1)
            True
        """
    def embed(
        self,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]],
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Residual stream before block 0, [batch, pos, d_model].

        Example:
            >>> model.embed([1, 2, 3]).shape
            torch.Size([1, 3, 32])
        """
    def forward(
        self,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]],
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Logits [batch, pos, vocab].

        Args:
            ids: int64 tensor [pos] or [batch, pos], a list of ids, a list of rows, or a TokenBatch.
            mask: [batch, pos], zero at padding; None when all tokens are real.

        Raises:
            ShapeError: When ids are out of range or shapes do not fit.

        Example:
            >>> model.forward([1, 2, 3]).shape
            torch.Size([1, 3, 264])
        """
    def generate(
        self,
        prompts: collections.abc.Sequence[str]
        | collections.abc.Sequence[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]],
        *,
        max_new_tokens: typing.SupportsInt | typing.SupportsIndex = 64,
        stop: collections.abc.Sequence[str] = (),
        temperature: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        top_k: typing.SupportsInt | typing.SupportsIndex = 0,
        top_p: typing.SupportsFloat | typing.SupportsIndex = 1.0,
        seed: typing.SupportsInt | typing.SupportsIndex = 0,
        edits: collections.abc.Sequence[Intervention] = (),
        use_cache: bool = True,
        profile: str = "nobos",
        max_length: typing.SupportsInt | typing.SupportsIndex = 0,
        tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
        on_generation: collections.abc.Callable | None = None,
        progress: collections.abc.Callable | None = None,
    ) -> list[Generation]:
        """
        What the model writes after each prompt, with its hooks active.

        Args:
            prompts: Texts, or lists of token ids.
            max_new_tokens: At most so many tokens each.
            stop: Texts that end a generation and are cut off; they may span tokens.
            temperature: Divides the logits; 0: always the most likely token.
            top_k: Only the k most likely tokens; 0: all.
            top_p: Only the most likely tokens that together have this probability; 1: all.
            seed: Of sampling. Each prompt has a stream of its own, whatever batch it stands in.
            edits: Interventions that are active. Positions count from the first token of the prompt. Those that depend on the
                whole row (position -1, the largest entries, a median) make each step read its whole sequences again, so that
                the result is exact.
            use_cache: False: each step reads its whole sequences again. With a cache, hooks see the prompts and then the new
                token of each step, at `at.batch.positions`.
            profile: Of BOS, for prompts that are texts: "nobos", "bos", "lm-eval-2023" or "lm-eval-current".
            max_length: Tokens of a sequence; longer prompts are cut on their left to leave room. 0: the model's positions.
            tokens_per_pass: Bounds rows x (prompt + new tokens) of a batch; 0: 4,096 on the CPU, 16,384 elsewhere.
            on_generation: Called as `on_generation(index, generation)` with each result as it comes.
            progress: Called as `progress(stage, done, total)`, prompts being counted.

        Returns:
            Generation objects, in the order of the prompts.

        Raises:
            ConfigError: When an option is out of its range, or a prompt has no token.
            Error: When logits are not numbers.

        Example:
            >>> [made] = model.generate(["Summer is"], max_new_tokens=5)
            >>> made.reason, len(made.ids)
            ('length', 5)
        """
    def hook_names(self) -> list[str]:
        """
        Names of all hook points in forward order.

        Example:
            >>> model.hook_names()[:2]
            ['embed', 'blocks.0.resid_pre']
        """
    def remove_hooks(self) -> None:
        """
        Removes every hook that Python has registered.

        Example:
            >>> _ = model.add_hook("embed", lambda x, at: x)
            >>> model.remove_hooks()
        """
    def run_blocks(
        self,
        x: torch.Tensor,
        first: typing.SupportsInt | typing.SupportsIndex,
        last: typing.SupportsInt | typing.SupportsIndex,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]]
        | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Residual stream [batch, pos, d_model] after blocks [first, last).

        Args:
            x: The stream before block `first`, [batch, pos, d_model].
            first: 0-based.
            last: One past the last block to run.
            ids: The tokens given to `embed`: they supply padding, and what hooks see as `at.batch`.
            mask: As for `forward`.

        Example:
            >>> half = model.run_blocks(model.embed([1, 2, 3]), 0, 1)
            >>> whole = model.run_blocks(half, 1, 2)
            >>> torch.equal(model.unembed(whole), model.forward([1, 2, 3]))
            True
        """
    def run_with_cache(
        self,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]],
        patterns: str | collections.abc.Sequence[str],
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ActivationCache]:
        """
        Logits [batch, pos, vocab] and the activations at all points that match `patterns`.

        Args:
            ids: As for `forward`.
            patterns: Hook names; `*` stands for one dot-separated part.
            mask: As for `forward`.

        Raises:
            UnknownNameError: When a pattern matches nothing.

        Example:
            >>> logits, cache = model.run_with_cache([1, 2, 3], ["blocks.*.attn.pattern"])
            >>> cache["blocks.0.attn.pattern"].shape  # [batch, head, query_pos, key_pos]
            torch.Size([1, 4, 3, 3])
        """
    def score(
        self,
        x: torch.Tensor,
        positions: torch.Tensor,
        targets: torch.Tensor,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]]
        | None = None,
        mask: torch.Tensor | None = None,
    ) -> TokenScores:
        """
        Scores of the tokens `targets` int64 [n] at the flat `positions` int64 [n] of the stream `x`.

        Logits are never stored: the softmax runs over slices of the vocabulary.

        Example:
            >>> stream = model.run_blocks(model.embed([1, 2, 3]), 0, 2)
            >>> scores = model.score(stream, torch.tensor([0]), torch.tensor([2]))
            >>> expected = -model.forward([1, 2, 3])[0, 0].log_softmax(-1)[2]
            >>> torch.allclose(scores.nll_nats[0], expected)
            True
        """
    def unembed(
        self,
        x: torch.Tensor,
        positions: torch.Tensor | None = None,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]]
        | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Logits of the stream after the last block.

        Args:
            x: [batch, pos, d_model].
            positions: int64 [n], flat indices into batch x pos; None for all.
            ids: As for `run_blocks`.
            mask: As for `forward`.

        Returns:
            [batch, pos, vocab], or [n, vocab] with `positions`.

        Example:
            >>> stream = model.run_blocks(model.embed([1, 2, 3]), 0, 2)
            >>> model.unembed(stream, torch.tensor([2])).shape
            torch.Size([1, 264])
        """
    @property
    def config(self) -> DecoderConfig:
        """
        Sizes and options, a DecoderConfig.
        """
    @property
    def device(self) -> torch.device:
        """
        Where tokens go in: the first device of a model on several.
        """
    @property
    def dtype(self) -> torch.dtype:
        """
        torch.dtype of weights.
        """
    @property
    def files(self) -> list[pathlib.Path]:
        """
        Files the weights and the configuration came from.
        """
    @property
    def n_parameters(self) -> int:
        """
        Number of parameters; a tied output head counts once.
        """
    @property
    def tokenizer(self) -> Tokenizer:
        """
        The checkpoint's tokenizer, read at the first use.
        """

class VisionModel:
    """
    A loaded vision transformer with its hooks; `load_vision_model` makes one.

    Images go in; passes run without autograd and without the GIL. Hooks are those of a Model.

    Example:
        >>> vision_model
        VisionModel('vit', n_layers=2, d_model=32, patch=4x4, image=16x16, dtype=float32, device=cpu)
    """
    def __repr__(self) -> str: ...
    @typing.overload
    def add_hook(self, intervention: Intervention) -> HookHandle: ...
    @typing.overload
    def add_hook(self, pattern: str, fn: Intervention) -> HookHandle: ...
    @typing.overload
    def add_hook(
        self, pattern: str, fn: collections.abc.Callable[[torch.Tensor, HookSite], torch.Tensor]
    ) -> HookHandle:
        """
        Registers a hook at every point that matches `pattern`. Hooks at a point run in order of registration.

        Args:
            pattern: Hook name; `*` stands for one dot-separated part. Left out for an Intervention: its own site.
            fn: Called as `fn(x, at)` with the activation and a HookSite; returns the activation to use: `x` itself to
                only read, a new tensor of the same shape, dtype and device to replace it. Or an Intervention.

        Returns:
            A handle; the hook stays until its `remove()` or the end of a `with` block.

        Raises:
            UnknownNameError: When the pattern matches nothing; the message offers the nearest names.
            ShapeError: In the pass, when the hook changes shape, dtype or device, writes in place or returns no tensor.

        Example:
            >>> with model.add_hook("blocks.1.resid_post", lambda x, at: x.clamp(-1, 1)):
            ...     _, cache = model.run_with_cache([1, 2, 3], ["blocks.1.resid_post"])
            >>> bool(cache["blocks.1.resid_post"].abs().max() <= 1)
            True
        """
    def embed(self, images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any) -> torch.Tensor:
        """
        Residual stream before block 0, [batch, pos, d_model].

        Example:
            >>> vision_model.embed(torch.zeros(1, 3, 16, 24)).shape  # 4 x 6 patches
            torch.Size([1, 25, 32])
        """
    def forward(self, images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any) -> VisionOutput:
        """
        Features, pooled vector and logits of images.

        Args:
            images: Normalised pixels, float [batch, channel, height, width] or [channel, height, width]; or a PIL image, a
                uint8 array [height, width, 3], or a list of them, which go through the checkpoint's own preprocessing.

        Raises:
            ShapeError: When the pixels are no images of at least one patch.

        Example:
            >>> vision_model.forward(torch.zeros(2, 3, 16, 16)).pooled.shape
            torch.Size([2, 32])
        """
    def hook_names(self) -> list[str]:
        """
        Names of all hook points in forward order.

        Example:
            >>> model.hook_names()[:2]
            ['embed', 'blocks.0.resid_pre']
        """
    def patch_map(
        self,
        x: torch.Tensor,
        grid: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
        dim: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> torch.Tensor:
        """
        The patches of an activation along `dim`, as rows and columns; a view.

        Example:
            >>> out, cache = vision_model.run_with_cache(torch.zeros(1, 3, 16, 16), "blocks.1.attn.pattern")
            >>> from_cls = cache["blocks.1.attn.pattern"][:, :, 0]  # [batch, head, key_pos]
            >>> vision_model.patch_map(from_cls, out.grid, dim=-1).shape
            torch.Size([1, 4, 4, 4])
        """
    def position(
        self,
        role: str,
        grid: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    ) -> int:
        """
        The position of a token by its role in an image of `grid` = (rows, columns) patches; all count from 0.

        Example:
            >>> vision_model.position("cls", (4, 4)), vision_model.position("patch:1,2", (4, 4))
            (0, 7)
        """
    def read_out(self, x: torch.Tensor) -> VisionOutput:
        """
        What the stream after the last block says of the images, a VisionOutput without a grid.

        Example:
            >>> stream = vision_model.run_blocks(vision_model.embed(torch.zeros(1, 3, 16, 16)), 0, 2)
            >>> vision_model.read_out(stream).features.shape
            torch.Size([1, 17, 32])
        """
    def remove_hooks(self) -> None:
        """
        Removes every hook that Python has registered.

        Example:
            >>> _ = model.add_hook("embed", lambda x, at: x)
            >>> model.remove_hooks()
        """
    def role(
        self,
        position: typing.SupportsInt | typing.SupportsIndex,
        grid: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    ) -> str:
        """
        The role of the token at a position.

        Example:
            >>> vision_model.role(7, (4, 4))
            'patch:1,2'
        """
    def run_blocks(
        self,
        x: torch.Tensor,
        first: typing.SupportsInt | typing.SupportsIndex,
        last: typing.SupportsInt | typing.SupportsIndex,
    ) -> torch.Tensor:
        """
        Residual stream after blocks [first, last) from `x` [batch, pos, d_model] before block `first`.

        Example:
            >>> stream = vision_model.embed(torch.zeros(1, 3, 16, 16))
            >>> vision_model.run_blocks(stream, 0, 2).shape
            torch.Size([1, 17, 32])
        """
    def run_with_cache(
        self,
        images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any,
        patterns: str | collections.abc.Sequence[str],
    ) -> tuple[VisionOutput, ActivationCache]:
        """
        The output and the activations at all points that match `patterns`.

        Args:
            images: As for `forward`.
            patterns: Hook names; `*` stands for one dot-separated part.

        Raises:
            UnknownNameError: When a pattern matches nothing.

        Example:
            >>> out, cache = vision_model.run_with_cache(torch.zeros(1, 3, 16, 16), "blocks.*.attn.pattern")
            >>> cache["blocks.1.attn.pattern"].shape  # [batch, head, query_pos, key_pos]
            torch.Size([1, 4, 17, 17])
        """
    @property
    def config(self) -> VisionConfig:
        """
        Sizes and options, a VisionConfig.
        """
    @property
    def device(self) -> torch.device:
        """
        Where images go in: the first device of a model on several.
        """
    @property
    def dtype(self) -> torch.dtype:
        """
        torch.dtype of weights.
        """
    @property
    def files(self) -> list[pathlib.Path]:
        """
        Files the weights and the configuration came from.
        """
    @property
    def n_parameters(self) -> int:
        """
        Number of parameters.
        """

class Estimate:
    """
    A number with its standard error.
    """
    def __float__(self) -> float: ...
    def __repr__(self) -> str: ...
    @property
    def std_error(self) -> float:
        """
        In the same unit; NaN: none.
        """
    @property
    def value(self) -> float:
        """
        The number.
        """

class Table:
    """
    Results: named columns, rows of numbers and words.

    Printed as text, shown as a table by notebooks.

    Example:
        >>> windows = ma.make_windows(list(range(64)), window=16)
        >>> table = ma.run_ablation(model, [ma.Condition("original")], [ma.PerplexityTask("counting", windows)])
        >>> table.columns[0], table.rows[0][0]
        ('condition', 'original')
    """
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    def _repr_markdown_(self) -> str: ...
    def at(self, row: typing.SupportsInt | typing.SupportsIndex, column: str) -> str | int | float | Estimate | None:
        """
        The cell of a row (from 0) and a column (its name without unit).
        """
    def to_csv(self) -> str:
        """
        RFC 4180, numbers in full.
        """
    def to_json(self) -> str:
        """
        JSON, numbers in full.
        """
    def to_markdown(self) -> str:
        """
        A GitHub table.
        """
    def to_pandas(self) -> typing.Any:
        """
        A pandas.DataFrame with the columns of `to_csv`. Needs pandas.
        """
    def to_text(self) -> str:
        """
        Aligned with spaces, for a terminal.
        """
    @property
    def columns(self) -> list[str]:
        """
        Names of the columns, with units.
        """
    @property
    def rows(self) -> list[list[str | int | float | Estimate | None]]:
        """
        Cells: str, int, float, Estimate or None.
        """

class TokenBatch:
    """
    Token ids of a pass, with padding.

    Args:
        ids: int64 [batch, pos] or [pos], or lists of ids.
        mask: Of the same shape, nonzero at real tokens, zero at padding; None when all are real.

    Raises:
        ShapeError: When the shapes differ, ids are not int64, or a row has no real token.

    Example:
        >>> ma.TokenBatch([[5, 6, 7], [0, 8, 9]], mask=torch.tensor([[1, 1, 1], [0, 1, 1]]))
        TokenBatch(batch=2, pos=3, padding=1)
    """
    def __init__(
        self,
        ids: TokenBatch
        | torch.Tensor
        | collections.abc.Sequence[int]
        | collections.abc.Sequence[collections.abc.Sequence[int]],
        mask: torch.Tensor | None = None,
    ) -> None: ...
    def __repr__(self) -> str: ...
    @property
    def ids(self) -> torch.Tensor | None:
        """
        int64 [batch, pos].
        """
    @property
    def mask(self) -> torch.Tensor | None:
        """
        bool [batch, pos], true at real tokens; None when all are real.
        """
    @property
    def pixels(self) -> torch.Tensor | None:
        """
        float [batch, channel, height, width] of a vision model's pass, which has no ids; else None.
        """
    @property
    def positions(self) -> torch.Tensor | None:
        """
        int64 [batch, pos], each token's place in its sequence from 0; None when a row is one sequence from its first real token.
        """
    @property
    def visible(self) -> torch.Tensor | None:
        """
        bool [batch, query_pos, key_pos], the keys that a token sees; None when those are the row's real tokens up to itself.
        """

class HookSite:
    """
    Where a hook is being called; the second argument of every hook.

    Example:
        >>> seen = []
        >>> def note(x, at):
        ...     seen.append((at.name, at.kind, at.layer, at.shape))
        ...     return x
        >>> with model.add_hook("blocks.1.resid_post", note):
        ...     _ = model.forward([1, 2, 3])
        >>> seen
        [('blocks.1.resid_post', 'resid_post', 1, '[batch, pos, d_model]')]
    """
    def __repr__(self) -> str: ...
    @property
    def batch(self) -> TokenBatch | None:
        """
        The tokens of the pass; None when it started from a stream without them.
        """
    @property
    def kind(self) -> str:
        """
        The name without `blocks.{i}.`.
        """
    @property
    def layer(self) -> int:
        """
        0-based block; -1 outside the blocks.
        """
    @property
    def name(self) -> str:
        """
        "blocks.11.resid_post".
        """
    @property
    def shape(self) -> str:
        """
        The documented shape.
        """

class ActivationCache:
    """
    Activations that `run_with_cache` kept, a mapping from hook name to tensor.

    Tensors are the pass's own, not copies: the cache holds their memory.

    Example:
        >>> _, cache = model.run_with_cache([1, 2, 3], ["blocks.*.resid_post"])
        >>> list(cache)
        ['blocks.0.resid_post', 'blocks.1.resid_post']
        >>> cache["blocks.1.resid_post"].shape  # [batch, pos, d_model]
        torch.Size([1, 3, 32])
    """
    def __contains__(self, name: str) -> bool: ...
    def __getitem__(self, name: str) -> torch.Tensor: ...
    def __iter__(self) -> collections.abc.Iterator: ...
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    def items(self) -> list[tuple[str, torch.Tensor]]:
        """
        Names and activations in forward order.
        """
    def keys(self) -> list[str]:
        """
        Kept names in forward order.
        """
    @property
    def bytes(self) -> int:
        """
        Bytes of all kept tensors.
        """

class Encoding:
    """
    Ids of a text and the bytes each one came from.

    Example:
        >>> model.tokenizer.encode_with_offsets("Hi.").offsets[0][0]
        0
    """
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    @property
    def ids(self) -> list[int]:
        """
        Token ids.
        """
    @property
    def offsets(self) -> list[tuple[int, int]]:
        """
        [first, last) byte of each id in the UTF-8 text.
        """

class Tokenizer:
    """
    Text to ids and back, exactly as Hugging Face `tokenizers` does it.

    Example:
        >>> ids = model.tokenizer.encode("Hi.")
        >>> model.tokenizer.decode(ids)
        'Hi.'
    """
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    @typing.overload
    def decode(self, ids: torch.Tensor, *, skip_special: bool = False) -> str: ...
    @typing.overload
    def decode(
        self, ids: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], *, skip_special: bool = False
    ) -> str:
        """
        Text of `ids`, an int64 tensor [pos] or a list; bytes that are not UTF-8 become U+FFFD.
        """
    def encode(self, text: str, *, add_bos: bool = False, parse_special: bool = True) -> torch.Tensor:
        """
        Ids of `text`, int64 [pos].

        Args:
            text: Any string.
            add_bos: Put `bos_id` in front. Never done unasked.
            parse_special: Special tokens written out in the text become their ids.

        Raises:
            ConfigError: When `add_bos` is set and the tokenizer has no BOS.

        Example:
            >>> model.tokenizer.encode("Hi.").dtype
            torch.int64
        """
    def encode_with_offsets(self, text: str, *, add_bos: bool = False, parse_special: bool = True) -> Encoding:
        """
        Ids of `text` with the byte range of each; arguments as `encode`.
        """
    def token(self, id: typing.SupportsInt | typing.SupportsIndex) -> str:
        """
        The vocabulary's own spelling of `id`.
        """
    @property
    def adds_bos_by_default(self) -> bool:
        """
        Whether the checkpoint asks for a BOS before each text.
        """
    @property
    def bos_id(self) -> int | None:
        """
        Id of the beginning-of-text token, or None.
        """
    @property
    def eos_id(self) -> int | None:
        """
        Id of the end-of-text token, or None.
        """
    @property
    def vocab_size(self) -> int:
        """
        Number of ids, added tokens included.
        """

class ImageRecipe:
    """
    How an image becomes a model's input: resize, crop, rescale, normalise.

    Example:
        >>> ma.ImageRecipe("timm-vit").crop
        (224, 224)
    """
    def __init__(self, name_or_folder: os.PathLike | str | bytes) -> None:
        """
        The recipe of that name, or of a checkpoint's folder.

        Args:
            name_or_folder: One of `image_recipe_names()`; or a folder with `preprocessor_config.json` of a Hugging Face image
                processor (ViT, DeiT, CLIP, BiT, SigLIP), or with a timm `config.json`.

        Raises:
            UnknownNameError: When it is neither a name nor a folder.
            FileError: When the folder has no such file.
            ConfigError: When the file asks for what is not supported; the message names the key.
        """
    def __repr__(self) -> str: ...
    @property
    def crop(self) -> tuple[int, int] | None:
        """
        (height, width) cut from the centre, or None.
        """
    @property
    def mean(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        Subtracted, red first.
        """
    @property
    def name(self) -> str:
        """
        Its name, or the file it comes from.
        """
    @property
    def resample(self) -> str:
        """
        Name of the filter.
        """
    @property
    def rescale_factor(self) -> float:
        """
        What 8-bit values are multiplied by.
        """
    @property
    def resize(self) -> str:
        """
        'shortest_edge', 'exact' or 'none'.
        """
    @property
    def size(self) -> tuple[int, int]:
        """
        (height, width) to resize to; the same number twice for 'shortest_edge'.
        """
    @property
    def std(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        Divided by, red first.
        """

class ImageSet:
    """
    Images with labels, decoded when they are read.

    Example:
        >>> images = ma.ImageSet("val", class_names="imagenet_synsets.txt", per_class=1)  # doctest: +SKIP
        >>> images.read(0).shape  # doctest: +SKIP
        torch.Size([375, 500, 3])
    """
    def __init__(
        self,
        path: os.PathLike | str | bytes,
        *,
        class_names: os.PathLike | str | bytes | None = None,
        per_class: typing.SupportsInt | typing.SupportsIndex = 0,
        limit: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None:
        """
        Lists the images of `path`.

        Args:
            path: A folder of images or of class folders, an uncompressed tar of one, or a `.bin` file of CIFAR-10 or CIFAR-100.
            class_names: A file whose line n names class n, such as ImageNet's synsets. The class of an image is its folder, or
                else what stands before the first underscore of its name. None: class folders, sorted.
            per_class: Only the first of each class; 0: all.
            limit: Only the first; 0: all.

        Raises:
            FileError: When there is no image, or the set is damaged.
            ConfigError: When an option does not fit the set.
        """
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    def read(self, index: typing.SupportsInt | typing.SupportsIndex) -> torch.Tensor:
        """
        Image `index`, uint8 [height, width, 3].
        """
    @property
    def classes(self) -> list[str]:
        """
        Name of each class, by label.
        """
    @property
    def labels(self) -> torch.Tensor:
        """
        Index of each image's class, int64 [image]; -1 without classes.
        """
    @property
    def names(self) -> list[str]:
        """
        Path of each image inside the set.
        """

class ImageBatch:
    """
    Images that go through the model together.
    """
    @property
    def indices(self) -> torch.Tensor:
        """
        int64 [batch], into the set.
        """
    @property
    def labels(self) -> torch.Tensor:
        """
        int64 [batch], -1 without classes.
        """
    @property
    def pixels(self) -> torch.Tensor:
        """
        float32 [batch, 3, h, w].
        """

class ImageLoader:
    """
    Iterates over batches of a set, decoded and preprocessed ahead in threads.

    The order is the set's. Images that cannot be read are left out and listed in `problems`.

    Example:
        >>> loader = ma.ImageLoader(ma.ImageSet("val"), ma.ImageRecipe("timm-vit"))  # doctest: +SKIP
        >>> sum(len(batch.labels) for batch in loader)  # doctest: +SKIP
        50000
    """
    def __init__(
        self,
        images: ImageSet,
        recipe: ImageRecipe,
        *,
        batch: typing.SupportsInt | typing.SupportsIndex = 50,
        workers: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None:
        """
        Starts the threads.

        Args:
            images: The set.
            recipe: Preprocessing; it must make images of one size.
            batch: Images in a batch; the last one may have fewer.
            workers: Threads; 0: one for each core, at most 8.

        Raises:
            ConfigError: When an option is out of range or the recipe makes images of different sizes.
        """
    def __iter__(self) -> typing.Any: ...
    def __next__(self) -> ImageBatch: ...
    @property
    def n_read(self) -> int:
        """
        Images given out so far.
        """
    @property
    def problems(self) -> list[str]:
        """
        One line for each image left out so far.
        """

class Selection:
    """
    Which entries of an activation [batch, pos, d_model] an intervention touches.

    Positions count from the first real token of each row (padding excluded); -1 is the last one.

    Example:
        >>> ma.Selection.at([0], [42])
        Selection(positions [0] x dims [42])
    """
    @staticmethod
    def at(
        positions: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        dims: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    ) -> Selection:
        """
        Given positions x dims.

        Args:
            positions: Empty means all positions.
            dims: Empty means all dims.
        """
    @staticmethod
    def criterion(
        *,
        magnitude: typing.SupportsFloat | typing.SupportsIndex = 100,
        ratio: typing.SupportsFloat | typing.SupportsIndex = 1000,
    ) -> Selection:
        """
        |x| > magnitude and |x| > ratio * median(|x|), per row.
        """
    @staticmethod
    def median_magnitude(count: typing.SupportsInt | typing.SupportsIndex) -> Selection:
        """
        The `count` entries of each row whose |x| is closest to the median.
        """
    @staticmethod
    def random(
        count: typing.SupportsInt | typing.SupportsIndex, *, seed: typing.SupportsInt | typing.SupportsIndex
    ) -> Selection:
        """
        `count` entries of each row, drawn with `seed`.
        """
    @staticmethod
    def top_k(count: typing.SupportsInt | typing.SupportsIndex) -> Selection:
        """
        The `count` largest |x| of each row.
        """
    def __repr__(self) -> str: ...
    @property
    def dims(self) -> list[int]:
        """
        Given dims; empty means all.
        """
    @property
    def positions(self) -> list[int]:
        """
        Given positions; empty means all.
        """

class InterventionStats:
    """
    What an intervention did, summed over calls.
    """
    def __repr__(self) -> str: ...
    @property
    def calls(self) -> int:
        """
        Times the hook fired.
        """
    @property
    def edited(self) -> int:
        """
        Entries written.
        """

class Intervention:
    """
    An edit of activations as data: where, which entries, what.

    Example:
        >>> select = ma.Selection.at([0], [3])
        >>> zero = ma.make_intervention("set_value", site="blocks.1.resid_post", select=select, value=0.0)
        >>> with model.add_hook(zero):
        ...     _, cache = model.run_with_cache([1, 2, 3], ["blocks.1.resid_post"])
        >>> cache["blocks.1.resid_post"][0, 0, 3].item(), zero.stats.edited
        (0.0, 1)
    """
    def __call__(self, x: torch.Tensor, at: HookSite) -> torch.Tensor:
        """
        `x` with the selected entries edited; `x` itself is not written.
        """
    def __repr__(self) -> str: ...
    def describe(self) -> str:
        """
        One line for tables and records.
        """
    @property
    def kind(self) -> str:
        """
        Name in the list of interventions.
        """
    @property
    def site(self) -> str:
        """
        Hook name or pattern.
        """
    @property
    def stats(self) -> InterventionStats:
        """
        What it did so far, an InterventionStats.
        """

class DecoderConfig:
    """
    The sizes and options of a decoder.

    Example:
        >>> model.config.n_layers, model.config.d_model
        (2, 32)
    """
    def __repr__(self) -> str: ...
    @property
    def activation(self) -> str:
        """
        Name of the MLP's nonlinearity.
        """
    @property
    def architecture(self) -> str:
        """
        Name in the list of architectures.
        """
    @property
    def d_head(self) -> int:
        """
        Width of a head.
        """
    @property
    def d_mlp(self) -> int:
        """
        Width of the MLP.
        """
    @property
    def d_model(self) -> int:
        """
        Width of the residual stream.
        """
    @property
    def has_learned_positions(self) -> bool:
        """
        Whether each place has a learned vector; else rotary or ALiBi.
        """
    @property
    def has_tied_unembedding(self) -> bool:
        """
        Output head is the embedding.
        """
    @property
    def max_positions(self) -> int:
        """
        Longest context, tokens.
        """
    @property
    def n_heads(self) -> int:
        """
        Query heads.
        """
    @property
    def n_kv_heads(self) -> int:
        """
        Key and value heads.
        """
    @property
    def n_layers(self) -> int:
        """
        Number of blocks.
        """
    @property
    def vocab(self) -> int:
        """
        Number of token ids.
        """

class TokenScores:
    """
    Negative log-likelihood of given tokens.

    Example:
        >>> stream = model.run_blocks(model.embed([1, 2, 3]), 0, 2)
        >>> model.score(stream, torch.tensor([0, 1]), torch.tensor([2, 3])).nll_nats.shape  # [n]
        torch.Size([2])
    """
    @property
    def is_greedy(self) -> torch.Tensor:
        """
        bool [n]: the target is the most likely token.
        """
    @property
    def nll_nats(self) -> torch.Tensor:
        """
        float32 (float64 for float64 models) [n], nats.
        """

class VisionConfig:
    """
    The sizes and options of a vision transformer.

    Example:
        >>> vision_model.config.patch_height, vision_model.config.n_registers
        (4, 0)
    """
    def __repr__(self) -> str: ...
    @property
    def architecture(self) -> str:
        """
        Name in the list of architectures.
        """
    @property
    def d_head(self) -> int:
        """
        Width of a head.
        """
    @property
    def d_mlp(self) -> int:
        """
        Width of the MLP.
        """
    @property
    def d_model(self) -> int:
        """
        Width of the residual stream.
        """
    @property
    def image_height(self) -> int:
        """
        Height that the table of positions is for, pixels.
        """
    @property
    def image_width(self) -> int:
        """
        The width, pixels.
        """
    @property
    def n_classes(self) -> int:
        """
        Classes of the head; 0 without one.
        """
    @property
    def n_heads(self) -> int:
        """
        Heads.
        """
    @property
    def n_layers(self) -> int:
        """
        Number of blocks.
        """
    @property
    def n_prefix(self) -> int:
        """
        Tokens before the patches.
        """
    @property
    def n_registers(self) -> int:
        """
        Register tokens.
        """
    @property
    def patch_height(self) -> int:
        """
        Height of a patch, pixels.
        """
    @property
    def patch_width(self) -> int:
        """
        Width, pixels.
        """
    @property
    def token_kinds(self) -> list[str]:
        """
        Kinds of tokens in the order in which they stand: 'cls', 'register:0', 'patch'.
        """

class VisionOutput:
    """
    What a vision model says of a batch of images.

    Example:
        >>> out = vision_model.forward(torch.zeros(1, 3, 16, 16))
        >>> out.features.shape, out.grid  # [batch, pos, d_model]; a class token and 4 x 4 patches
        (torch.Size([1, 17, 32]), (4, 4))
    """
    @property
    def feature_map(self) -> torch.Tensor:
        """
        [batch, row, column, d_model]: the features of the patches.
        """
    @property
    def features(self) -> torch.Tensor:
        """
        [batch, pos, d_model], after the final norm where that is of the tokens.
        """
    @property
    def grid(self) -> tuple[int, int]:
        """
        Rows and columns of patches, the last tokens of each row.
        """
    @property
    def logits(self) -> torch.Tensor | None:
        """
        [batch, class]; None without a classifier.
        """
    @property
    def pooled(self) -> torch.Tensor:
        """
        [batch, d_pooled], the head's input.
        """
    @property
    def projected(self) -> torch.Tensor | None:
        """
        [batch, d_projected], the space that images share with texts; None when there is none.
        """

class HookHandle:
    """
    A registered hook. The hook stays until `remove()`, or until a `with` block ends.

    Example:
        >>> handle = model.add_hook("blocks.0.mlp_out", lambda x, at: torch.zeros_like(x))
        >>> handle.remove()
    """
    def __enter__(self) -> HookHandle: ...
    def __exit__(self, *args) -> None: ...
    def remove(self) -> None:
        """
        Takes the hook away. Does nothing the second time.
        """

class Generation:
    """
    What a model wrote after one prompt.
    """
    def __repr__(self) -> str: ...
    @property
    def ids(self) -> list[int]:
        """
        New token ids, an EOS or stop string among them.
        """
    @property
    def is_truncated(self) -> bool:
        """
        The prompt lost tokens on its left.
        """
    @property
    def reason(self) -> str:
        """
        Why it ended: "eos", "stop_string" or "length".
        """
    @property
    def text(self) -> str:
        """
        Their text, special tokens left out, up to the stop string.
        """

class LayerMagnitudes:
    """
    The stream after one block, over all sequences.
    """
    def __repr__(self) -> str: ...
    @property
    def layer(self) -> int:
        """
        0-based block.
        """
    @property
    def massive_share(self) -> float:
        """
        Share of sequences with a massive entry.
        """
    @property
    def max_over_median(self) -> float:
        """
        Mean over sequences of top / median.
        """
    @property
    def median(self) -> float:
        """
        Mean over sequences of the median magnitude.
        """
    @property
    def median_std(self) -> float:
        """
        Its standard deviation (n - 1).
        """
    @property
    def top(self) -> typing.Annotated[list[float], "FixedSize(5)"]:
        """
        Mean over sequences of the five largest magnitudes.
        """
    @property
    def top_10_percent(self) -> float:
        """
        The same for the largest 10 %.
        """
    @property
    def top_1_percent(self) -> float:
        """
        Mean over sequences of the magnitude that the largest 1 % reach.
        """
    @property
    def top_std(self) -> typing.Annotated[list[float], "FixedSize(5)"]:
        """
        Their standard deviations (n - 1).
        """

class MassiveSite:
    """
    A feature dim that is massive at one class of tokens.
    """
    def __repr__(self) -> str: ...
    @property
    def count(self) -> int:
        """
        Hits.
        """
    @property
    def dim(self) -> int:
        """
        Feature dimension.
        """
    @property
    def first_layer(self) -> int:
        """
        0-based, first block after which it is massive.
        """
    @property
    def last_layer(self) -> int:
        """
        0-based, last such block.
        """
    @property
    def max(self) -> float:
        """
        Largest signed value.
        """
    @property
    def max_over_median(self) -> float:
        """
        Mean over hits of magnitude / median.
        """
    @property
    def mean(self) -> float:
        """
        Signed value over its hits after the peak block.
        """
    @property
    def min(self) -> float:
        """
        Smallest signed value.
        """
    @property
    def peak_layer(self) -> int:
        """
        0-based, such block of the largest mean magnitude.
        """
    @property
    def sequence_share(self) -> float:
        """
        Share of sequences in which it is massive.
        """
    @property
    def std(self) -> float:
        """
        Its standard deviation (n - 1).
        """
    @property
    def token_class(self) -> str:
        """
        "start", "strong_delimiter", "delimiter", "weak_word" or "word".
        """
    @property
    def token_ids(self) -> list[int]:
        """
        Their ids.
        """
    @property
    def tokens(self) -> list[str]:
        """
        Up to five commonest token texts at its hits.
        """

class MassiveProfile:
    """
    Result of `find_massive`.

    Example:
        >>> profile = ma.find_massive(model, torch.arange(64).view(4, 16), classify_tokens=False)
        >>> profile.meets_criterion, len(profile.layers)
        (False, 2)
    """
    def __repr__(self) -> str: ...
    def layers_table(self) -> Table:
        """
        One row per block, a Table.
        """
    def massive(self) -> Selection:
        """
        Selection of whatever meets the criterion at the dims of all sites.
        """
    def means_for(self, selection: Selection) -> torch.Tensor:
        """
        The means [layer, n + 1, d_model] with which set_value leaves a selection as it is on average.
        """
    def table(self) -> Table:
        """
        One row per site, a Table.
        """
    def to_pandas(self) -> typing.Any:
        """
        One row per site, a pandas.DataFrame. Needs pandas.
        """
    def top(self, count: typing.SupportsInt | typing.SupportsIndex = 1) -> Selection:
        """
        Selection of at most `count` first sites at the starting token, as positions x dims; 0 for all.
        """
    @property
    def edit_layer(self) -> int:
        """
        0-based block to edit at.
        """
    @property
    def hit_means(self) -> torch.Tensor:
        """
        As means, over the hits alone where there are any.
        """
    @property
    def layers(self) -> list[LayerMagnitudes]:
        """
        One LayerMagnitudes per block.
        """
    @property
    def length(self) -> int:
        """
        Real tokens of the longest sequence.
        """
    @property
    def magnitude(self) -> float:
        """
        Absolute threshold.
        """
    @property
    def means(self) -> torch.Tensor:
        """
        float64 [layer, n + 1, d_model]: mean at each of the n positions of their own (the start; class token and registers), and at all others.
        """
    @property
    def meets_criterion(self) -> bool:
        """
        False: nothing is massive; the site is the one of the largest max / median.
        """
    @property
    def n_sequences(self) -> int:
        """
        Sequences looked at.
        """
    @property
    def ratio(self) -> float:
        """
        Threshold in medians.
        """
    @property
    def sites(self) -> list[MassiveSite]:
        """
        Largest mean magnitude first.
        """

class ModelSummary:
    """
    One model of a comparison.

    Example:
        >>> summary = ma.measure_model(folder, ["One two three four five six."] * 9, sequences=2, length=8)
        >>> summary.architecture, summary.n_layers, summary.profile.n_sequences
        ('llama', 2, 2)
    """
    def __repr__(self) -> str: ...
    @property
    def architecture(self) -> str:
        """
        "llama".
        """
    @property
    def base(self) -> str:
        """
        Label of the model that it makes a pair with, or "".
        """
    @property
    def d_model(self) -> int:
        """
        Width of the stream.
        """
    @property
    def device(self) -> str:
        """
        As used: "cuda:0".
        """
    @property
    def dtype(self) -> str:
        """
        "float32".
        """
    @property
    def has_bos(self) -> bool:
        """
        A BOS was in front of each sequence.
        """
    @property
    def label(self) -> str:
        """
        Its name in the tables.
        """
    @property
    def n_layers(self) -> int:
        """
        Blocks.
        """
    @property
    def n_parameters(self) -> int:
        """
        A tied output head counted once.
        """
    @property
    def profile(self) -> MassiveProfile:
        """
        What was found, a MassiveProfile.
        """

class NormStats:
    """
    Norms of one kind of token.
    """
    @property
    def count(self) -> int:
        """
        Tokens.
        """
    @property
    def max(self) -> float:
        """
        Largest norm.
        """
    @property
    def mean(self) -> float:
        """
        Mean norm.
        """
    @property
    def min(self) -> float:
        """
        Least norm.
        """
    @property
    def std(self) -> float:
        """
        Standard deviation, with n - 1.
        """

class Valley:
    """
    Where the norms of patches part into two modes.
    """
    @property
    def above(self) -> int:
        """
        Patches above the valley.
        """
    @property
    def at(self) -> float:
        """
        The lowest place between the modes.
        """
    @property
    def high_mode(self) -> float:
        """
        Centre of the mode above.
        """
    @property
    def low_mode(self) -> float:
        """
        Centre of the mode below.
        """

class HighNormCount:
    """
    Patches of high norm by one rule.
    """
    @property
    def images(self) -> int:
        """
        Images with at least one.
        """
    @property
    def patches(self) -> int:
        """
        How many.
        """

class BlockNorms:
    """
    The tokens after one block.

    Example:
        >>> block = ma.measure_tokens(vision_model, torch.rand(4, 3, 16, 16)).norms.layers[1]
        >>> block.kinds[-1].count, block.above_threshold.patches  # 4 images of 16 patches
        (64, 0)
    """
    def histogram(self, per_octave: typing.SupportsInt | typing.SupportsIndex = 8) -> list[tuple[float, float, int]]:
        """
        Bins (from, to, patches) of the patches' norms, `per_octave` (1, 2, 4 ... 32) between x and 2 x; norms of 0 are in none.
        """
    @property
    def above_ratio(self) -> HighNormCount:
        """
        Patches whose norm is above `ratio` times the median of their image's patches.
        """
    @property
    def above_threshold(self) -> HighNormCount:
        """
        Patches whose norm is above the threshold.
        """
    @property
    def bimodality(self) -> float:
        """
        Sarle's coefficient of the logarithms of the patches' norms: 5/9 for a uniform distribution, 1/3 for a normal one, 1 for two points.
        """
    @property
    def excess_kurtosis(self) -> float:
        """
        Their sample excess kurtosis, corrected for bias.
        """
    @property
    def kinds(self) -> list[NormStats]:
        """
        NormStats by kind of token.
        """
    @property
    def skewness(self) -> float:
        """
        Sample skewness of those logarithms, corrected for bias.
        """
    @property
    def valley(self) -> Valley | None:
        """
        The Valley between two clear modes, or None.
        """

class TokenNorms:
    """
    L2 norms of an image's tokens after each block.

    Example:
        >>> norms = ma.measure_tokens(vision_model, torch.rand(4, 3, 16, 16)).norms
        >>> norms.kinds, norms.n_images, len(norms.layers)
        (['cls', 'patch'], 4, 2)
    """
    def __repr__(self) -> str: ...
    def histogram_table(self, per_octave: typing.SupportsInt | typing.SupportsIndex = 8) -> Table:
        """
        One row a block and bin.
        """
    def patch_table(self) -> Table:
        """
        One row a block: bimodality, valley, patches of high norm.
        """
    def table(self) -> Table:
        """
        One row a block and kind of token.
        """
    @property
    def kinds(self) -> list[str]:
        """
        'cls', 'register:0', ..., 'patch'.
        """
    @property
    def layers(self) -> list[BlockNorms]:
        """
        A BlockNorms each.
        """
    @property
    def n_images(self) -> int:
        """
        Images.
        """

class ClsAttention:
    """
    Where the class token looks, on average over images.

    Example:
        >>> attention = ma.cls_attention(vision_model, torch.rand(4, 3, 16, 16), layers=[1])
        >>> attention.shares.shape, attention.kinds  # [layer, head, kind]
        (torch.Size([1, 4, 2]), ['cls', 'patch'])
    """
    def __repr__(self) -> str: ...
    def table(self, *, by_head: bool = False) -> Table:
        """
        One row a block, means over heads; or a block and head.
        """
    @property
    def kinds(self) -> list[str]:
        """
        'cls', 'register:0', ..., 'patch'.
        """
    @property
    def layers(self) -> list[int]:
        """
        Blocks, 0-based.
        """
    @property
    def n_images(self) -> int:
        """
        Images.
        """
    @property
    def per_patch(self) -> torch.Tensor:
        """
        float64 [layer, head]: mean share of a single patch.
        """
    @property
    def shares(self) -> torch.Tensor:
        """
        float64 [layer, head, kind]: that of all patches summed; each row sums to 1.
        """

class RegisterEntry:
    """
    An entry of register means.
    """
    def __repr__(self) -> str: ...
    @property
    def dim(self) -> int:
        """
        0-based.
        """
    @property
    def register_index(self) -> int:
        """
        0-based.
        """
    @property
    def value(self) -> float:
        """
        Signed.
        """

class RegisterSummary:
    """
    Register means before one block.
    """
    @property
    def layer(self) -> int:
        """
        The block, 0-based.
        """
    @property
    def max_over_median(self) -> float:
        """
        Largest magnitude / median.
        """
    @property
    def median(self) -> float:
        """
        torch.median of the magnitudes of all registers and dims.
        """
    @property
    def meets_criterion(self) -> bool:
        """
        Whether the largest entry is massive.
        """
    @property
    def top(self) -> list[RegisterEntry]:
        """
        RegisterEntry, largest first.
        """

class RegisterMeans:
    """
    Register tokens on average over images, at the input of each block.

    Args:
        means: float [layer, register, d_model], row L at the input of block L (0-based).
        n_images: Images they are of; 0 when that is not known.

    Example:
        >>> means = ma.RegisterMeans(torch.tensor([[[1.0, -2.0, 900.0]]]))
        >>> means.summary(top=1)[0].top
        [RegisterEntry(register:0, dim 2, 900)]
    """
    @staticmethod
    def load(path: os.PathLike | str | bytes) -> RegisterMeans:
        """
        Reads what `save` wrote; `load_register_means` reads other files too.
        """
    def __init__(self, means: torch.Tensor, n_images: typing.SupportsInt | typing.SupportsIndex = 0) -> None: ...
    def __repr__(self) -> str: ...
    def save(self, path: os.PathLike | str | bytes) -> None:
        """
        Writes the tensor `register_means` to a safetensors file.
        """
    def summary(
        self,
        *,
        magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
        ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
        top: typing.SupportsInt | typing.SupportsIndex = 3,
    ) -> list[RegisterSummary]:
        """
        The largest entries before each block, a RegisterSummary each.
        """
    def table(
        self,
        *,
        magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
        ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
        top: typing.SupportsInt | typing.SupportsIndex = 3,
    ) -> Table:
        """
        The same as a Table.
        """
    @property
    def means(self) -> torch.Tensor:
        """
        float32 [layer, register, d_model].
        """
    @property
    def n_images(self) -> int:
        """
        Images; 0: not known.
        """

class TokenMeasurements:
    """
    What `measure_tokens` found.
    """
    @property
    def cls_attention(self) -> ClsAttention | None:
        """
        ClsAttention, or None.
        """
    @property
    def n_images(self) -> int:
        """
        Images.
        """
    @property
    def norms(self) -> TokenNorms | None:
        """
        TokenNorms, or None.
        """
    @property
    def register_means(self) -> RegisterMeans | None:
        """
        RegisterMeans, or None.
        """

class Document:
    """
    A text to score and the size of what it stands for.
    """
    def __init__(self, text: str) -> None: ...
    @property
    def bytes(self) -> int:
        """
        Bytes of the original text.
        """
    @property
    def text(self) -> str:
        """
        What is tokenised.
        """
    @property
    def words(self) -> int:
        """
        Words of the original text, split at whitespace.
        """

class WindowSet:
    """
    All windows of a perplexity evaluation, and what its result depends on.
    """
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    @property
    def bos(self) -> str:
        """
        BOS profile.
        """
    @property
    def has_bos(self) -> bool:
        """
        Whether a BOS was put anywhere.
        """
    @property
    def protocol(self) -> str:
        """
        Name of the protocol.
        """
    @property
    def stride(self) -> int:
        """
        Tokens from one window's start to the next one's.
        """
    @property
    def text_tokens(self) -> int:
        """
        Tokens of the text.
        """
    @property
    def window(self) -> int:
        """
        Tokens.
        """

class PerplexityResult:
    """
    Perplexity under a protocol, with everything it depends on.

    Infinite and NaN values are results: they are shown as such, and their tokens are counted.
    """
    def __repr__(self) -> str: ...
    @property
    def bits_per_byte(self) -> float | None:
        """
        lm-eval-rolling only.
        """
    @property
    def bos(self) -> str:
        """
        BOS profile.
        """
    @property
    def byte_perplexity(self) -> float | None:
        """
        lm-eval-rolling only.
        """
    @property
    def has_bos(self) -> bool:
        """
        Whether a BOS was put anywhere.
        """
    @property
    def mean_nll_nats(self) -> float:
        """
        Over windows or tokens, by the protocol.
        """
    @property
    def n_nonfinite(self) -> int:
        """
        Tokens with an infinite or NaN NLL.
        """
    @property
    def n_tokens(self) -> int:
        """
        Tokens scored.
        """
    @property
    def n_windows(self) -> int:
        """
        Windows scored.
        """
    @property
    def perplexity(self) -> float:
        """
        exp(mean_nll_nats).
        """
    @property
    def protocol(self) -> str:
        """
        Name of the protocol.
        """
    @property
    def std_error_nats(self) -> float:
        """
        Of that mean; NaN for a single one.
        """
    @property
    def stride(self) -> int:
        """
        Tokens.
        """
    @property
    def window(self) -> int:
        """
        Tokens.
        """
    @property
    def window_nll_nats(self) -> list[float]:
        """
        Mean NLL of each window.
        """
    @property
    def word_perplexity(self) -> float | None:
        """
        lm-eval-rolling only.
        """

class RequestScore:
    """
    What a model makes of a context and a continuation.
    """

    __hash__: typing.ClassVar[None] = None
    def __eq__(self, other: RequestScore) -> bool: ...
    def __init__(
        self,
        log_likelihood_nats: typing.SupportsFloat | typing.SupportsIndex,
        n_tokens: typing.SupportsInt | typing.SupportsIndex = 1,
        is_greedy: bool = False,
        is_truncated: bool = False,
    ) -> None: ...
    def __repr__(self) -> str: ...
    @property
    def is_greedy(self) -> bool:
        """
        Each of its tokens is the model's first choice.
        """
    @property
    def is_truncated(self) -> bool:
        """
        The context lost tokens on its left.
        """
    @property
    def log_likelihood_nats(self) -> float:
        """
        Of the continuation, in nats.
        """
    @property
    def n_tokens(self) -> int:
        """
        Of the continuation.
        """

class DocumentScore:
    """
    What the scores of a document's requests amount to.
    """
    @property
    def chosen(self) -> int:
        """
        Index of the choice; -1: none.
        """
    @property
    def is_tie(self) -> bool:
        """
        Another choice is as likely.
        """
    @property
    def values(self) -> dict[str, float]:
        """
        By metric: {'acc': 1.0}.
        """

class TaskMetric:
    """
    A figure over a task's documents.
    """
    def __repr__(self) -> str: ...
    @property
    def name(self) -> str:
        """
        'acc'
        """
    @property
    def std_error(self) -> float:
        """
        In that unit; NaN: none.
        """
    @property
    def unit(self) -> str:
        """
        'share' or 'perplexity'
        """
    @property
    def value(self) -> float:
        """
        In that unit.
        """

class TaskDocument:
    """
    One document of a task.
    """
    @property
    def choices(self) -> list[str]:
        """
        Without the delimiter.
        """
    @property
    def gold(self) -> int:
        """
        Index of the right choice.
        """
    @property
    def index(self) -> int:
        """
        Row in the data, from 0.
        """
    @property
    def requests(self) -> list[tuple[str, str]]:
        """
        (context, continuation), one per choice.
        """

class Task:
    """
    A task with its documents; see `load_task`.
    """
    def __repr__(self) -> str: ...
    @property
    def chance(self) -> float | None:
        """
        Accuracy of guessing, share; or None.
        """
    @property
    def data(self) -> str:
        """
        Path of the JSONL file.
        """
    @property
    def description(self) -> str:
        """
        One line.
        """
    @property
    def documents(self) -> list[TaskDocument]:
        """
        TaskDocument objects.
        """
    @property
    def kind(self) -> str:
        """
        Of scorer: 'multiple_choice'.
        """
    @property
    def metrics(self) -> list[str]:
        """
        Names.
        """
    @property
    def name(self) -> str:
        """
        Of its file.
        """
    @property
    def version(self) -> int:
        """
        Of the prompt.
        """

class DocumentResult:
    """
    What a model made of one document.
    """
    @property
    def requests(self) -> list[RequestScore]:
        """
        RequestScore objects.
        """
    @property
    def score(self) -> DocumentScore:
        """
        A DocumentScore.
        """

class ZeroShotResult:
    """
    A task's metrics, with what they depend on.
    """
    def __repr__(self) -> str: ...
    def metric(self, name: str) -> TaskMetric:
        """
        The TaskMetric of that name.
        """
    @property
    def bos(self) -> str:
        """
        BOS profile.
        """
    @property
    def chance(self) -> float | None:
        """
        Accuracy of guessing, or None.
        """
    @property
    def documents(self) -> list[DocumentResult]:
        """
        DocumentResult objects.
        """
    @property
    def metrics(self) -> list[TaskMetric]:
        """
        TaskMetric objects.
        """
    @property
    def n_nonfinite(self) -> int:
        """
        Requests with an infinite or NaN score.
        """
    @property
    def n_ties(self) -> int:
        """
        Documents with a tie on top.
        """
    @property
    def n_truncated(self) -> int:
        """
        Requests cut left.
        """
    @property
    def task(self) -> str:
        """
        Name.
        """
    @property
    def version(self) -> int:
        """
        Of the prompt.
        """

class ZeroShotTask:
    """
    A task in a model's tokens: a column of an ablation.
    """
    def __init__(self, model: Model, task: Task, *, profile: str = "lm-eval-current", name: str = "") -> None: ...
    def __repr__(self) -> str: ...
    @property
    def name(self) -> str:
        """
        Shown in the table.
        """
    @property
    def task(self) -> Task:
        """
        The Task.
        """

class Condition:
    """
    A row of an ablation table: the model under some edits, or under none.

    Args:
        name: Shown in the table.
        edits: Interventions; at one site they act in this order, after the model's other hooks.

    Example:
        >>> select = ma.Selection.at([0], [3])
        >>> zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=0)
        >>> ma.Condition("zero", zero)
        Condition('zero', 1 edit)
    """
    def __init__(self, name: str, edits: collections.abc.Sequence[Intervention] | Intervention = ()) -> None: ...
    def __repr__(self) -> str: ...
    @property
    def edits(self) -> list[Intervention]:
        """
        Interventions.
        """
    @property
    def name(self) -> str:
        """
        Shown in the table.
        """

class PerplexityTask:
    """
    A column of an ablation table: a name and its windows.
    """
    def __init__(self, name: str, windows: WindowSet) -> None: ...
    @property
    def name(self) -> str:
        """
        Shown in the table.
        """
    @property
    def windows(self) -> WindowSet:
        """
        A WindowSet.
        """

class AblationResult:
    """
    Every condition's result on every task.
    """
    def __repr__(self) -> str: ...
    def metrics_table(self) -> Table:
        """
        Every zero-shot metric with its standard error; a Table.
        """
    def table(self) -> Table:
        """
        Rows are conditions, columns tasks; a Table.
        """
    def to_pandas(self) -> typing.Any:
        """
        `metrics_table`, or `table` without tasks, as a DataFrame.
        """
    @property
    def conditions(self) -> list[str]:
        """
        Names, in the order given.
        """
    @property
    def results(self) -> list[list[PerplexityResult | ZeroShotResult]]:
        """
        PerplexityResult or ZeroShotResult, [condition][task].
        """
    @property
    def tasks(self) -> list[str]:
        """
        Names, in the order given.
        """

def _preprocess(image: torch.Tensor, recipe: ImageRecipe) -> torch.Tensor: ...
def _preprocess_pixels(image: torch.Tensor, recipe: ImageRecipe) -> torch.Tensor: ...
def _resize_image(
    image: torch.Tensor,
    height: typing.SupportsInt | typing.SupportsIndex,
    width: typing.SupportsInt | typing.SupportsIndex,
    resample: str,
) -> torch.Tensor: ...
def architectures() -> dict[str, list[str]]:
    """
    The families of language models that can be loaded.

    Returns:
        For each `model_type` of config.json the names that its GGUF files have in `general.architecture`; none for a family
        that is read from Hugging Face folders alone, or whose GGUF files bear another family's name (Mistral's say "llama").

    Example:
        >>> ma.architectures()["qwen2"]
        ['qwen2']
    """

def builtin_task_names() -> list[str]:
    """
    Names of the tasks that libma brings along.
    """

def cls_attention(
    model: VisionModel,
    images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any,
    *,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    recipe: ImageRecipe | os.PathLike | str | bytes | None = None,
    batch: typing.SupportsInt | typing.SupportsIndex = 50,
    progress: collections.abc.Callable | None = None,
) -> ClsAttention:
    """
    Mean attention of the class token onto itself, each register and the patches.

    Args:
        model: A VisionModel with a class token.
        images: As for `measure_tokens`.
        layers: Blocks, 0-based; empty: all. The others keep fused attention.
        recipe: As for `measure_tokens`.
        batch: As for `measure_tokens`.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A ClsAttention.

    Example:
        >>> ma.cls_attention(vision_model, torch.rand(4, 3, 16, 16)).shares.sum(-1).allclose(torch.ones(2, 4).double())
        True
    """

def comparison_layers_table(models: collections.abc.Sequence[ModelSummary]) -> Table:
    """
    One row a model and block, a Table.
    """

def comparison_sites_table(models: collections.abc.Sequence[ModelSummary]) -> Table:
    """
    One row a model and site, a Table.
    """

def comparison_table(models: collections.abc.Sequence[ModelSummary]) -> Table:
    """
    One row a model: size, whether anything is massive, where and how large, a Table.
    """

def cut_sequences(
    tokenizer: Tokenizer,
    texts: collections.abc.Sequence[str],
    *,
    sequences: typing.SupportsInt | typing.SupportsIndex = 32,
    length: typing.SupportsInt | typing.SupportsIndex = 512,
    add_bos: bool = False,
    mode: str = "joined",
) -> torch.Tensor:
    """
    Calibration sequences of `texts`: int64 [sequences, length].

    Args:
        tokenizer: A model's tokenizer.
        texts: Strings, used in order; nothing is drawn at random.
        sequences: How many.
        length: Tokens of each, a BOS included.
        add_bos: Put the tokenizer's BOS in front of each.
        mode: "joined" (texts joined by blank lines and cut into chunks) or "documents" (the beginning of each text).

    Raises:
        ConfigError: When the texts are too short.

    Example:
        >>> ma.cut_sequences(model.tokenizer, ["One two three four five six."] * 9, sequences=2, length=8).shape
        torch.Size([2, 8])
    """

def evaluate_conditions(
    model: Model,
    conditions: collections.abc.Sequence[Condition],
    tasks: collections.abc.Sequence[PerplexityTask | ZeroShotTask],
    *,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
    progress: collections.abc.Callable | None = None,
) -> AblationResult:
    """
    As `run_ablation`, with the results in full: an AblationResult.
    """

def evaluate_images(
    model: VisionModel,
    conditions: collections.abc.Sequence[Condition],
    images: ImageSet,
    recipe: ImageRecipe | None = None,
    *,
    metrics: collections.abc.Sequence[str] = ["cosine"],
    name: str = "images",
    k: typing.SupportsInt | typing.SupportsIndex = 10,
    batch: typing.SupportsInt | typing.SupportsIndex = 32,
    progress: collections.abc.Callable | None = None,
) -> tuple[Table, list[str]]:
    """
    What editing a vision model costs: a table with a row for each condition.

    All conditions share what they have in common of each pass.

    Args:
        model: A VisionModel.
        conditions: Condition objects; one without edits is compared with.
        images: An ImageSet.
        recipe: How images become pixels; None for the checkpoint's own.
        metrics: "cosine" (of the pooled vector with the unedited one), "nearest" (images that keep their nearest neighbour),
            "knn" and "probe" (accuracy of neighbours, and of linear probes trained on the unedited model), "top" (top-1 and
            top-5 accuracy of the classifier).
        name: Of the images, in the headings.
        k: Neighbours of "knn".
        batch: Images of a pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A Table, and a line for each image that was left out.

    Raises:
        ConfigError: When a metric needs labels or a classifier that is not there, or an edit wrote nothing.

    Example:
        >>> ma.evaluate_images(vision_model, [ma.Condition("original")], ma.ImageSet("photographs"))  # doctest: +SKIP
    """

def experiments() -> list[str]:
    """
    Names of all experiments.

    Example:
        >>> ma.experiments()
        ['ablation', 'find_massive', 'image_ablation', 'image_tokens']
    """

def find_massive(
    model: Model,
    sequences: torch.Tensor | collections.abc.Sequence[str],
    *,
    magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
    ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 4096,
    classify_tokens: bool = True,
    progress: collections.abc.Callable | None = None,
) -> MassiveProfile:
    """
    Finds the massive activations of `model`: entries x of the stream after a block with
    |x| > magnitude and |x| > ratio * median(|x|).

    Args:
        model: With the hooks that it has.
        sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default, 32 of 512 tokens.
        magnitude: Absolute threshold, activation units.
        ratio: Times the median magnitude of the sequence's hidden state.
        tokens_per_pass: Upper bound of batch * pos in one pass.
        classify_tokens: False for a model without a tokenizer: only starts are told apart.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A MassiveProfile.

    Example:
        >>> profile = ma.find_massive(model, torch.arange(64).view(4, 16), magnitude=2, ratio=4, classify_tokens=False)
        >>> profile.n_sequences
        4
    """

def find_massive_in_images(
    model: VisionModel,
    images: ImageSet,
    recipe: ImageRecipe | None = None,
    *,
    magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
    ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
    batch: typing.SupportsInt | typing.SupportsIndex = 32,
    progress: collections.abc.Callable | None = None,
) -> tuple[MassiveProfile, list[str]]:
    """
    Where a vision model's massive activations are, over a set of images.

    Args:
        model: A VisionModel.
        images: An ImageSet.
        recipe: How images become pixels; None for the checkpoint's own.
        magnitude: An entry is massive when it is larger than this ...
        ratio: ... and than this many times the median magnitude of its image.
        batch: Images of a pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A MassiveProfile, whose sites are at "cls", "register:k" or "patch", and a line for each image that was left out.

    Raises:
        FileError: When no image could be read.

    Example:
        >>> profile, left_out = ma.find_massive_in_images(vision_model, ma.ImageSet("photographs"))  # doctest: +SKIP
    """

def fix_registers(model: VisionModel, means: RegisterMeans) -> Intervention:
    """
    The Intervention that overwrites every register with its mean at the input of every block ("Fix-Reg-Mean").

    Raises:
        ShapeError: When the means are not of such a model.
    """

def hook_catalogue() -> list[tuple[str, str, str]]:
    """
    Every hook name that an architecture may offer: (name, shape, meaning), in the order of a forward pass.

    Example:
        >>> ma.hook_catalogue()[0]
        ('embed', '[batch, pos, d_model]', 'token or patch embedding')
    """

def image_recipe_names() -> list[str]:
    """
    Names that `ImageRecipe` takes, in alphabetical order.
    """

def intervention_kinds() -> list[str]:
    """
    Names of all kinds of intervention.

    Example:
        >>> "set_value" in ma.intervention_kinds()
        True
    """

def load_interventions(path: os.PathLike | str | bytes) -> list[Intervention]:
    """
    The interventions of a YAML file.

    Args:
        path: A file with the list `interventions`; `save_interventions` writes one.

    Raises:
        FileError: When it cannot be read.
        ConfigError: When a key or value is wrong; the message has its line.
    """

def load_model(
    name_or_path: os.PathLike | str | bytes,
    *,
    device: str | collections.abc.Sequence[str] = "auto",
    dtype: torch.dtype | str = ...,
    home: os.PathLike | str | bytes | None = None,
) -> Model:
    """
    Loads a model that `libma fetch` has brought, a Hugging Face folder, or a `.gguf` file.

    Args:
        name_or_path: "smollm2-135m-instruct", a folder with config.json and safetensors, or a file.
        device: "auto" (GPUs where there are any), "cpu", "cuda:0", or a list of devices that share the blocks.
        dtype: float64, float32, bfloat16 or float16, as torch.dtype or by name.
        home: Cache of fetched models; None for $LIBMA_HOME, or else ~/.cache/libma.

    Raises:
        FileError: When files are missing or damaged.
        UnknownNameError: When there is no such model, architecture or dtype; the message offers the nearest ones.
        ConfigError: When the configuration is not supported.

    Example:
        >>> ma.load_model(folder, dtype="float64")
        Model('llama', n_layers=2, d_model=32, vocab=264, dtype=float64, device=cpu)
    """

def load_task(
    name: str, *, limit: typing.SupportsInt | typing.SupportsIndex = 0, home: os.PathLike | str | bytes | None = None
) -> Task:
    """
    The task that a file describes, or a built-in one by name.

    Args:
        name: 'piqa', or the path of a `.yaml` file.
        limit: Only the first documents; 0: all.
        home: Cache of fetched data sets; None for $LIBMA_HOME, or else ~/.cache/libma.

    Raises:
        UnknownNameError: When there is no such task.
        ConfigError: When the file is wrong.
        FileError: When the data set is missing or one of its rows is wrong.

    Example:
        >>> "piqa" in ma.builtin_task_names()
        True
    """

def load_tokenizer(model_path: os.PathLike | str | bytes) -> Tokenizer:
    """
    Reads the tokenizer of a folder (tokenizer.json or tokenizer.model) or of a `.gguf` file.

    Raises:
        FileError: When there is none.
        ConfigError: When its kind is not supported.
    """

def load_vision_model(
    name_or_path: os.PathLike | str | bytes,
    *,
    device: str | collections.abc.Sequence[str] = "auto",
    dtype: torch.dtype | str = ...,
    home: os.PathLike | str | bytes | None = None,
) -> VisionModel:
    """
    Loads a vision model that `libma fetch` has brought, or a Hugging Face folder.

    Of a checkpoint that pairs images with texts, the vision part. Arguments and errors are those of `load_model`.

    Example:
        >>> ma.load_vision_model(vision_folder, dtype="float64")
        VisionModel('vit', n_layers=2, d_model=32, patch=4x4, image=16x16, dtype=float64, device=cpu)
    """

def magnitudes_table(models: collections.abc.Sequence[ModelSummary]) -> Table:
    """
    One row a model: the five largest magnitudes, the largest 1 % and 10 %, and the median after its peak block, a Table.
    """

def make_intervention(
    kind: str,
    *,
    site: str,
    select: Selection,
    value: typing.SupportsFloat | typing.SupportsIndex | None = None,
    means: torch.Tensor | None = None,
    vectors: torch.Tensor | None = None,
    factor: typing.SupportsFloat | typing.SupportsIndex | None = None,
    low: typing.SupportsFloat | typing.SupportsIndex | None = None,
    high: typing.SupportsFloat | typing.SupportsIndex | None = None,
) -> Intervention:
    """
    Makes an intervention.

    Args:
        kind: "set_value", "scale", "clamp", "add" or "replace_tokens".
        site: Hook name or pattern: "blocks.11.resid_post", "blocks.*.resid_post".
        select: Which entries.
        value: set_value: the constant. add: the amount.
        means: set_value: [layer, n + 1, d_model], mean at each of the first n positions of each block, and at all others.
        vectors: replace_tokens: [layer, position, d_model], one for each selected position.
        factor: scale.
        low: clamp: lower bound.
        high: clamp: upper bound.

    Raises:
        UnknownNameError: When there is no such kind.
        ConfigError: When an option is missing or not of this kind.

    Example:
        >>> largest = ma.Selection.top_k(4)
        >>> clamp = ma.make_intervention("clamp", site="blocks.*.resid_post", select=largest, low=-1, high=1)
        >>> clamp.kind
        'clamp'
    """

def make_windows(
    text: str
    | collections.abc.Sequence[str]
    | collections.abc.Sequence[Document]
    | torch.Tensor
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    tokenizer: Tokenizer = None,
    *,
    protocol: str = "paper",
    bos: str | None = None,
    window: typing.SupportsInt | typing.SupportsIndex = 0,
    stride: typing.SupportsInt | typing.SupportsIndex = 0,
    max_windows: typing.SupportsInt | typing.SupportsIndex = 0,
    max_documents: typing.SupportsInt | typing.SupportsIndex = 0,
) -> WindowSet:
    """
    The windows of a text by a protocol.

    Args:
        text: A string, strings or Documents (`lm-eval-rolling` scores each by itself, the others read one text), or
            ids.
        tokenizer: For strings and Documents.
        protocol: "paper", "gptq", "hf-sliding", "lm-eval-rolling", ...: `perplexity_protocols` lists them.
        bos: "nobos", "bos", "lm-eval-2023" or "lm-eval-current"; None for the protocol's own.
        window: Tokens; 0 for the protocol's own.
        stride: Tokens, `hf-sliding` only; 0 for the window.
        max_windows: The first so many; 0 for all.
        max_documents: `lm-eval-rolling` only; 0 for all.

    Raises:
        UnknownNameError: For the protocol.
        ConfigError: For an option that it does not have, or a text without a single window.

    Example:
        >>> ma.make_windows(list(range(64)), window=16)
        WindowSet('paper', 4 windows of 16 tokens, bos='nobos')
    """

def measure_model(
    name_or_path: os.PathLike | str | bytes,
    texts: str | collections.abc.Sequence[str],
    *,
    label: str = "",
    base: str = "",
    device: str = "auto",
    dtype: str = "float32",
    sequences: typing.SupportsInt | typing.SupportsIndex = 32,
    length: typing.SupportsInt | typing.SupportsIndex = 512,
    bos: bool = False,
    magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
    ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
    home: os.PathLike | str | bytes | None = None,
    progress: collections.abc.Callable | None = None,
) -> ModelSummary:
    """
    Loads a model, looks for massive activations, and frees it.

    Args:
        name_or_path: As for `load_model`.
        texts: Name of a fetched text, a file, or the texts themselves.
        label: Its name in the tables; the name or the folder's name unless given.
        base: Label of the model that it makes a pair with.
        device: As for `load_model`.
        dtype: By name.
        sequences: How many, as for `cut_sequences`.
        length: Tokens of each.
        bos: Put a BOS in front of each.
        magnitude: As for `find_massive`.
        ratio: As for `find_massive`.
        home: Cache of fetched models and texts; None for $LIBMA_HOME, or else ~/.cache/libma.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A ModelSummary; `comparison_table` and others take a list of them.

    Example:
        >>> texts = ["One two three four five six."] * 9
        >>> models = [ma.measure_model(folder, texts, label=l, sequences=2, length=8) for l in ("a", "b")]
        >>> len(ma.comparison_table(models).rows)
        2
    """

def measure_tokens(
    model: VisionModel,
    images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any,
    *,
    cls_attention: bool | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = False,
    register_means: bool = False,
    threshold: typing.SupportsFloat | typing.SupportsIndex = 150.0,
    ratio: typing.SupportsFloat | typing.SupportsIndex = 5.0,
    recipe: ImageRecipe | os.PathLike | str | bytes | None = None,
    batch: typing.SupportsInt | typing.SupportsIndex = 50,
    progress: collections.abc.Callable | None = None,
) -> TokenMeasurements:
    """
    Norms of an image's tokens after each block, and whatever else is to be seen in the same passes.

    Args:
        model: A VisionModel; its hooks stay active.
        images: Normalised pixels, float [image, channel, height, width]; an iterable of batches of them, tensors or what an
            ImageLoader gives; or an ImageSet. Memory does not grow with their number.
        cls_attention: Whether to look at the class token's attention, or the blocks (0-based) where.
        register_means: Whether to average registers at the input of each block.
        threshold: A patch is of high norm above it (150: Darcet et al. 2024, for DINOv2 ViT-L).
        ratio: Or above so many times the median norm of its image's patches.
        recipe: How an ImageSet is prepared, an ImageRecipe or what it takes; None: as the model's folder says.
        batch: Images of a tensor or an ImageSet that pass together.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        TokenMeasurements: `.norms`, `.cls_attention`, `.register_means`.

    Example:
        >>> found = ma.measure_tokens(vision_model, torch.rand(4, 3, 16, 16), cls_attention=True)
        >>> len(found.norms.table().rows), found.cls_attention.layers  # 2 blocks, 2 kinds of token
        (4, [0, 1])
    """

def pairs_table(models: collections.abc.Sequence[ModelSummary]) -> Table:
    """
    One row a model with a base: the dims of both and of each alone, a Table.
    """

def perplexity(
    model: Model,
    windows: WindowSet,
    *,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
    progress: collections.abc.Callable | None = None,
) -> PerplexityResult:
    """
    Perplexity of `model`, with whatever hooks it has, on `windows`.

    Args:
        model: A loaded model.
        windows: Made by `make_windows`.
        tokens_per_pass: Windows share a pass up to this many tokens; 0: 512 on the CPU, 16,384 elsewhere.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A PerplexityResult.

    Example:
        >>> result = ma.perplexity(model, ma.make_windows(list(range(64)), window=16))
        >>> result.n_windows, result.n_tokens
        (4, 60)
    """

def perplexity_protocols() -> list[tuple[str, str]]:
    """
    Every perplexity protocol: (name, rule).

    Example:
        >>> "paper" in dict(ma.perplexity_protocols())
        True
    """

def read_image(path: os.PathLike | str | bytes) -> torch.Tensor:
    """
    The image of a JPEG or PNG file, uint8 [height, width, 3]: the bytes of Pillow's `Image.open(path).convert("RGB")`.

    Raises:
        FileError: When the file is of another type, broken or truncated, or its image is larger than Pillow allows.
    """

def register_means(
    model: VisionModel,
    images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any,
    *,
    recipe: ImageRecipe | os.PathLike | str | bytes | None = None,
    batch: typing.SupportsInt | typing.SupportsIndex = 50,
    progress: collections.abc.Callable | None = None,
) -> RegisterMeans:
    """
    Register tokens on average over images, at the input of each block.

    Args:
        model: A VisionModel with registers.
        images: As for `measure_tokens`.
        recipe: As for `measure_tokens`.
        batch: As for `measure_tokens`.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        RegisterMeans.

    Raises:
        ConfigError: When the model has no registers.
    """

def rolling_log_likelihoods(
    model: Model,
    texts: collections.abc.Sequence[str],
    *,
    edits: collections.abc.Sequence[Intervention] = (),
    profile: str = "lm-eval-current",
    max_length: typing.SupportsInt | typing.SupportsIndex = 0,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
    on_text: collections.abc.Callable | None = None,
    progress: collections.abc.Callable | None = None,
) -> list[float]:
    """
    log p(text) of each text by itself, in nats, in the windows of protocol lm-eval-rolling.

    Args:
        model: A loaded model.
        texts: Strings.
        edits: Interventions that are active; positions count from the start of each window.
        profile: Of BOS: 'lm-eval-2023', 'lm-eval-current' or 'bos'.
        max_length: Tokens of a window; 0: the model's positions.
        tokens_per_pass: Bounds the memory; 0: 512 on the CPU, 16,384 elsewhere.
        on_text: Called as `on_text(index, log_likelihood)` once a text is complete.
        progress: Called as `progress(stage, done, total)`, windows being counted.

    Returns:
        One number for each text; 0 for one without tokens.

    Raises:
        ConfigError: When the profile names no prefix token.
    """

def run_ablation(
    model: Model,
    conditions: collections.abc.Sequence[Condition],
    tasks: collections.abc.Sequence[PerplexityTask | ZeroShotTask],
    *,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
    progress: collections.abc.Callable | None = None,
) -> Table:
    """
    Evaluates every condition on every task in one pass over each text; what conditions share is computed once.

    Args:
        model: A loaded model.
        conditions: Rows, Condition objects.
        tasks: Columns, PerplexityTask and ZeroShotTask objects.
        tokens_per_pass: As for `perplexity`.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A Table.

    Raises:
        ConfigError: When an edit wrote no entry in the whole run, or two rows or columns have the same name.

    Example:
        >>> windows = ma.make_windows(list(range(64)), window=16)
        >>> select = ma.Selection.at([0], [3])
        >>> zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=0)
        >>> conditions = [ma.Condition("original"), ma.Condition("zero", zero)]
        >>> [row[0] for row in ma.run_ablation(model, conditions, [ma.PerplexityTask("counting", windows)]).rows]
        ['original', 'zero']
    """

def run_experiment(name: str, arguments: collections.abc.Sequence[str]) -> int:
    """
    Runs an experiment on its command line, as the binary of the same name does.

    Args:
        name: One of `experiments()`.
        arguments: "CONFIG.yaml", "--set", "a.b=c", ...

    Returns:
        The exit status: 0 success, 2 a user's error (one line on standard error), 1 a defect.

    Raises:
        UnknownNameError: When there is no such experiment.

    Example:
        >>> ma.run_experiment("ablation", ["--version"])
        0
    """

def save_interventions(path: os.PathLike | str | bytes, edits: collections.abc.Sequence[Intervention]) -> None:
    """
    Writes interventions to a YAML file, which replaces an older one.

    Means become values: one edit for each block, kind of position (start or other) and dim. Vectors stay in the file they came from.

    Args:
        path: The file.
        edits: Interventions.

    Raises:
        ConfigError: For means of a selection other than given, non-negative positions x given dims.
        FileError: When it cannot be written.

    Example:
        >>> select = ma.Selection.at([0], [3])
        >>> zero = ma.make_intervention("set_value", site="blocks.1.resid_post", select=select, value=0.0)
        >>> ma.save_interventions(folder / "edit.yaml", [zero])
        >>> ma.load_interventions(folder / "edit.yaml")
        [Intervention(set_value 0 at blocks.1.resid_post: positions [0] x dims [3])]
    """

def score_document(task: Task, document: TaskDocument, scores: collections.abc.Sequence[RequestScore]) -> DocumentScore:
    """
    DocumentScore of a document from the RequestScore of each request.
    """

def score_requests(
    model: Model,
    requests: collections.abc.Sequence[tuple[str, str]],
    *,
    edits: collections.abc.Sequence[Intervention] = [],
    profile: str = "lm-eval-current",
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
    max_length: typing.SupportsInt | typing.SupportsIndex = 0,
    on_score: collections.abc.Callable | None = None,
    progress: collections.abc.Callable | None = None,
) -> list[RequestScore]:
    """
    How likely each continuation is after its context.

    Args:
        model: A loaded model.
        requests: Pairs (context, continuation).
        edits: Interventions that are active.
        profile: Of BOS: 'lm-eval-2023', 'lm-eval-current', 'bos' or 'nobos'.
        tokens_per_pass: Bounds the memory; 0: 512 on the CPU, 16,384 elsewhere.
        max_length: Tokens that the model reads at most, contexts losing what is too much on their left; 0: its positions.
        on_score: Called as `on_score(index, score)` with each score as it comes.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        RequestScore objects, in order.

    Raises:
        ConfigError: When a continuation has no token, or more than the model's window.

    Example:
        >>> [score] = ma.score_requests(model, [("Summer is", " warm")], profile="nobos")
        >>> score.n_tokens
        5
    """

def summarize_task(task: Task, scores: collections.abc.Sequence[DocumentScore]) -> list[TaskMetric]:
    """
    TaskMetric list from the DocumentScore of each document.
    """

def vision_architectures() -> list[str]:
    """
    The families of vision models that can be loaded: each `model_type` of config.json, and "timm_vit" for timm's.

    Example:
        >>> "vit" in ma.vision_architectures()
        True
    """

def wikitext_documents(raw: str) -> list[Document]:
    """
    The pages of WikiText's raw file as lm-evaluation-harness makes them, a list of Document.
    """
