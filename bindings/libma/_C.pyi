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
    "AttentionMaps",
    "AttentionSinks",
    "BlockNorms",
    "BlockWrite",
    "ClsAttention",
    "Condition",
    "DecoderConfig",
    "Document",
    "DocumentResult",
    "DocumentScore",
    "EmergenceCurve",
    "Encoding",
    "Estimate",
    "Generation",
    "HeadBias",
    "HighNormCount",
    "HookHandle",
    "HookSite",
    "ImageBatch",
    "ImageHead",
    "ImageLoader",
    "ImageRecipe",
    "ImageSet",
    "ImplicitBias",
    "Intervention",
    "InterventionStats",
    "LayerBias",
    "LayerMagnitudes",
    "MagnitudeSurface",
    "Magnitudes",
    "MassiveProfile",
    "MassiveSite",
    "MatrixSpectrum",
    "MlpPeak",
    "Model",
    "ModelSummary",
    "NeuronWrite",
    "NormGain",
    "NormStats",
    "NormTrajectory",
    "PerplexityResult",
    "PerplexityTask",
    "RegisterEntry",
    "RegisterMeans",
    "RegisterNeuron",
    "RegisterNeurons",
    "RegisterSummary",
    "Repetition",
    "RequestScore",
    "Selection",
    "SliceNorm",
    "SuperWeight",
    "SuperWeightSearch",
    "Table",
    "Task",
    "TaskDocument",
    "TaskMetric",
    "TokenBatch",
    "TokenMeasurements",
    "TokenNorms",
    "TokenScores",
    "Tokenizer",
    "TrajectoryGroups",
    "Valley",
    "VisionConfig",
    "VisionModel",
    "VisionOutput",
    "WeightSpectrum",
    "WindowSet",
    "WriteContributions",
    "ZeroShotResult",
    "ZeroShotTask",
    "architectures",
    "attention_maps",
    "attention_sinks",
    "bias_conditions",
    "builtin_task_names",
    "calibration_means",
    "cls_attention",
    "comparison_layers_table",
    "comparison_sites_table",
    "comparison_table",
    "cut_sequences",
    "decompose_attention",
    "divergence",
    "embed_texts",
    "evaluate_conditions",
    "evaluate_images",
    "except_at",
    "experiments",
    "find_massive",
    "find_massive_in_images",
    "find_massive_tokens",
    "find_register_neurons",
    "find_super_weights",
    "fix_registers",
    "gains_table",
    "hook_catalogue",
    "image_recipe_names",
    "implicit_bias",
    "intervention_kinds",
    "linear_head",
    "load_interventions",
    "load_model",
    "load_task",
    "load_tokenizer",
    "load_vision_model",
    "magnitude_surface",
    "magnitudes_table",
    "make_intervention",
    "make_windows",
    "measure_magnitudes",
    "measure_model",
    "measure_repetition",
    "measure_tokens",
    "norm_gains",
    "norm_trajectory",
    "pairs_table",
    "parameter_names",
    "perplexity",
    "perplexity_protocols",
    "project_to_attn_out",
    "prompt_head",
    "read_image",
    "read_parameter",
    "register_means",
    "repetition_of",
    "replace_part",
    "rolling_log_likelihoods",
    "run_ablation",
    "run_experiment",
    "save_interventions",
    "score_document",
    "score_requests",
    "slices_table",
    "spectra_table",
    "summarize_task",
    "sweep_conditions",
    "sweep_kinds",
    "test_time_registers",
    "trajectory_groups",
    "vision_architectures",
    "weight_spectra",
    "weight_spectrum",
    "wikitext_documents",
    "with_restore",
    "write_contributions",
    "zero_weights",
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
    @property
    def recipe(self) -> ImageRecipe:
        """
        How its folder says that images become pixels, an ImageRecipe.

        Raises:
            FileError: When the folder does not say.
            ConfigError: When it asks for what is not supported.
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
        Register tokens, added ones included.
        """
    @property
    def n_test_registers(self) -> int:
        """
        How many of them, the last ones, were added at loading.
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

class EmergenceCurve:
    """
    A value over the blocks, and which block writes it.
    """
    def __repr__(self) -> str: ...
    @property
    def eraser(self) -> int | None:
        """
        Block (0-based) of the largest fall; None when it stays to the end.
        """
    @property
    def kind(self) -> str | None:
        """
        "rapid" (one block writes 80 % of the plateau), "several" (two), "gradual" (more); None when a value is not finite.
        """
    @property
    def name(self) -> str:
        """
        "largest", or the dim and token class of a site.
        """
    @property
    def plateau(self) -> float | None:
        """
        Median of the values at least half as large as the largest.
        """
    @property
    def values(self) -> list[float]:
        """
        Before block 0, then after each block; mean over sequences, signed where it is a site's.
        """
    @property
    def writer_share(self) -> float | None:
        """
        Share of the plateau that the first of them writes.
        """
    @property
    def writers(self) -> list[int]:
        """
        The fewest blocks (0-based; -1: the embedding) that write 80 % of the plateau, the one that writes most first.
        """

class Magnitudes:
    """
    What `measure_magnitudes` found.

    Streams are the one before block 0, then that after each block.

    Example:
        >>> found = ma.measure_magnitudes(model, torch.arange(64).view(4, 16), classify_tokens=False)
        >>> found.arrays["top"].shape, len(found.table())  # [stream, 5]
        (torch.Size([3, 5]), 3)
    """
    def __repr__(self) -> str: ...
    def constancy_table(self, layer: typing.SupportsInt | typing.SupportsIndex | None = None) -> Table:
        """
        Spread of signed values at fixed places after block `layer` (0-based; None: the peak): the paper's Table 2.
        """
    def continuous_table(self) -> Table:
        """
        One row a stream: metrics without threshold.
        """
    def emergence_table(self) -> Table:
        """
        One row a curve: which block writes it and which erases it.
        """
    def largest_table(self) -> Table:
        """
        One row a stream: the five largest (the paper's Table 1).
        """
    def locations_table(self) -> Table:
        """
        One row a site.
        """
    def outlier_features_table(self, most: typing.SupportsInt | typing.SupportsIndex = 0) -> Table:
        """
        One row a massive dim, then one an outlier feature that is not massive: the `most` of the most positions, or all when it is 0.
        """
    def table(self, top: typing.SupportsInt | typing.SupportsIndex = 3) -> Table:
        """
        One row a stream: `top` largest magnitudes, what the largest 1 % and 10 % reach, median, with standard deviations.
        """
    @property
    def arrays(self) -> dict[str, torch.Tensor]:
        """
        All numbers by name, tensors: `top` [stream, 5], `median` [stream], `class_means` [stream, class, d_model] and others; `_std` behind a name is its standard deviation over sequences.
        """
    @property
    def emergence(self) -> list[EmergenceCurve]:
        """
        EmergenceCurve of the largest magnitude, and of each site at the start or the first strong delimiter.
        """
    @property
    def outlier_features(self) -> list[int]:
        """
        Dims that are outlier features (Dettmers et al. 2022).
        """
    @property
    def peak_layer(self) -> int:
        """
        0-based block after which the strongest site is largest.
        """
    @property
    def profile(self) -> MassiveProfile:
        """
        What `find_massive` finds in the same passes.
        """

class MagnitudeSurface:
    """
    The streams of one prompt over tokens and dims.

    Example:
        >>> surface = ma.magnitude_surface(model, "the rain", layers=[-1, 0, 1])
        >>> surface.values.shape == (3, len(surface.tokens), 32)  # [layer, pos, d_model]
        True
    """
    def __repr__(self) -> str: ...
    def table(
        self,
        top: typing.SupportsInt | typing.SupportsIndex = 3,
        *,
        magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
        ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
    ) -> Table:
        """
        One row a layer, token and dim: the `top` largest dims of each token.
        """
    @property
    def has_bos(self) -> bool:
        """
        Whether a BOS is in front.
        """
    @property
    def ids(self) -> list[int]:
        """
        Token ids.
        """
    @property
    def layers(self) -> list[int]:
        """
        0-based blocks; -1: before block 0.
        """
    @property
    def medians(self) -> list[float]:
        """
        Median magnitude of each layer.
        """
    @property
    def prompt(self) -> str:
        """
        The text.
        """
    @property
    def tokens(self) -> list[str]:
        """
        Their texts.
        """
    @property
    def values(self) -> torch.Tensor:
        """
        float [layer, pos, d_model] on the CPU, signed.
        """

class AttentionSinks:
    """
    How much attention single tokens draw; tensors are float64 [layer, head], means over sequences.

    alpha_k is the mean attention on key k of the queries from k on (Gu et al. 2025).

    Example:
        >>> sinks = ma.attention_sinks(model, torch.arange(64).view(4, 16), eps=[0.3], layers=[1])
        >>> sinks.sink_first.shape  # [layer, head, eps]
        torch.Size([1, 4, 1])
    """
    def __repr__(self) -> str: ...
    def heads_table(self) -> Table:
        """
        One row a block and head.
        """
    def outliers_table(self) -> Table:
        """
        One row a block and class of tokens with attention outliers.
        """
    def summary_table(self) -> Table:
        """
        One row an eps: the sink metric over all blocks and heads.
        """
    def table(self) -> Table:
        """
        One row a block, means over heads.
        """
    @property
    def entropy(self) -> torch.Tensor:
        """
        Mean over queries of the entropy of their row, nats.
        """
    @property
    def eps(self) -> list[float]:
        """
        A key is a sink of a head when alpha_k > eps.
        """
    @property
    def first(self) -> torch.Tensor:
        """
        alpha of the first token: the mean attention on it.
        """
    @property
    def largest(self) -> torch.Tensor:
        """
        The largest alpha_k.
        """
    @property
    def layers(self) -> list[int]:
        """
        Blocks, 0-based.
        """
    @property
    def massive(self) -> torch.Tensor:
        """
        Mean attention on all massive tokens together.
        """
    @property
    def massive_score(self) -> torch.Tensor | None:
        """
        Mean softmax input at massive keys that a query sees; None without scores=True.
        """
    @property
    def n_massive(self) -> int:
        """
        Massive tokens in all sequences.
        """
    @property
    def n_sequences(self) -> int:
        """
        Sequences.
        """
    @property
    def other_score(self) -> torch.Tensor | None:
        """
        The same at all other keys.
        """
    @property
    def sink_any(self) -> torch.Tensor:
        """
        [layer, head, eps]: share of sequences with a sink.
        """
    @property
    def sink_first(self) -> torch.Tensor:
        """
        [layer, head, eps]: share of sequences whose first token is a sink.
        """

class AttentionMaps:
    """
    Attention of one sequence, as heat maps are drawn of.

    Example:
        >>> maps = ma.attention_maps(model, "Hi there.", layers=[1])
        >>> maps.pattern.shape == (1, len(maps.tokens), len(maps.tokens))
        True
    """
    def __repr__(self) -> str: ...
    def table(self) -> Table:
        """
        One row a block, head and key.
        """
    @property
    def ids(self) -> torch.Tensor:
        """
        int64 [key_pos].
        """
    @property
    def key_pattern(self) -> torch.Tensor:
        """
        float64 [layer, head, key_pos]: the same of the softmax output.
        """
    @property
    def key_scores(self) -> torch.Tensor:
        """
        float64 [layer, head, key_pos]: mean over the queries that see the key.
        """
    @property
    def layers(self) -> list[int]:
        """
        Blocks, 0-based.
        """
    @property
    def massive(self) -> torch.Tensor:
        """
        bool [key_pos].
        """
    @property
    def massive_share(self) -> torch.Tensor:
        """
        float64 [layer, head]: mean attention on all massive tokens.
        """
    @property
    def pattern(self) -> torch.Tensor:
        """
        float32 [layer, query_pos, key_pos]: softmax output, mean over heads.
        """
    @property
    def scores(self) -> torch.Tensor:
        """
        float32 [layer, query_pos, key_pos]: softmax input, mean over heads; -inf where a query does not see the key.
        """
    @property
    def tokens(self) -> list[str]:
        """
        Their texts.
        """

class NormTrajectory:
    """
    One sequence on its way through a block's norm to queries, keys and values.

    Example:
        >>> way = ma.norm_trajectory(model, [1, 2, 3, 4], layer=1)
        >>> sorted(way.vectors), way.vectors["with gain"].shape
        (['k', 'normalized', 'q', 'resid', 'v', 'with gain'], torch.Size([4, 32]))
    """
    def __repr__(self) -> str: ...
    def pairs_table(self) -> Table:
        """
        One row a pair of massive tokens: cosines on the way.
        """
    def table(self) -> Table:
        """
        One row a token.
        """
    @property
    def ids(self) -> torch.Tensor:
        """
        int64 [pos].
        """
    @property
    def layer(self) -> int:
        """
        The block, 0-based.
        """
    @property
    def massive(self) -> torch.Tensor:
        """
        bool [pos].
        """
    @property
    def tokens(self) -> list[str]:
        """
        Their texts.
        """
    @property
    def vectors(self) -> dict[str, torch.Tensor]:
        """
        By name: resid, normalized, with gain [pos, d_model]; q [pos, head, d_head]; k, v [pos, kv_head, d_head]; before rotary.
        """

class TrajectoryGroups:
    """
    Massive and other tokens of many sequences on that way.

    Example:
        >>> groups = ma.trajectory_groups(model, torch.arange(64).view(4, 16))
        >>> len(groups.table().rows), len(groups.shapes_table().rows)
        (12, 2)
    """
    def __repr__(self) -> str: ...
    def shapes_table(self) -> Table:
        """
        One row a group: lengths of the stream, shape of the normalised vector.
        """
    def table(self) -> Table:
        """
        One row for each vector and group: mean cosine of pairs, length.
        """
    @property
    def layer(self) -> int:
        """
        The block, 0-based.
        """
    @property
    def n_sequences(self) -> int:
        """
        Sequences.
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

class RegisterNeuron:
    """
    One neuron of an MLP.
    """
    def __repr__(self) -> str: ...
    @property
    def at_outliers(self) -> float:
        """
        Mean magnitude at patches of high norm.
        """
    @property
    def elsewhere(self) -> float:
        """
        Mean magnitude at the other patches of the same images.
        """
    @property
    def layer(self) -> int:
        """
        The block, 0-based.
        """
    @property
    def neuron(self) -> int:
        """
        0-based.
        """
    @property
    def ratio(self) -> float:
        """
        The one by the other.
        """

class RegisterNeurons:
    """
    Neurons that are active where patches have a high norm; `find_register_neurons` finds them.

    Example:
        >>> found = ma.find_register_neurons(vision_model, torch.rand(4, 3, 16, 16), ratio=100)
        >>> found.n_images, found.n_outliers, found.neurons
        (4, 0, [])
    """
    def __repr__(self) -> str: ...
    def table(self) -> Table:
        """
        One row a neuron.
        """
    @property
    def at_outliers(self) -> torch.Tensor:
        """
        float64 [layer, neuron]: mean magnitudes at outliers, of every block that was searched.
        """
    @property
    def detect_layer(self) -> int:
        """
        The block after which norms were taken, 0-based.
        """
    @property
    def elsewhere(self) -> torch.Tensor:
        """
        float64 [layer, neuron]: at the other patches of the same images.
        """
    @property
    def highest_layer(self) -> int | None:
        """
        The last block that was searched, 0-based.
        """
    @property
    def max_norm(self) -> float:
        """
        Largest norm of a patch.
        """
    @property
    def max_ratio(self) -> float:
        """
        Largest norm / median norm of its image's patches.
        """
    @property
    def n_images(self) -> int:
        """
        Images.
        """
    @property
    def n_outlier_images(self) -> int:
        """
        Images with at least one outlier.
        """
    @property
    def n_outliers(self) -> int:
        """
        Patches that were outliers.
        """
    @property
    def n_patches(self) -> int:
        """
        Patches.
        """
    @property
    def neurons(self) -> list[RegisterNeuron]:
        """
        RegisterNeuron, largest mean first; none when no patch was an outlier.
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
    def agreement(self) -> float | None:
        """
        Share of the scored tokens with the original's most likely token, likewise.
        """
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
    def kl_nats(self) -> float | None:
        """
        Mean over the scored tokens of KL(original || edited), where it was asked for.
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
    A column of an ablation table: a name and its windows; with `divergence`, also KL to the original and agreement with it.
    """
    def __init__(self, name: str, windows: WindowSet, *, divergence: bool = False) -> None: ...
    @property
    def divergence(self) -> bool:
        """
        Whether predictions are compared with the original's.
        """
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

class MlpPeak:
    """
    The largest entry that a block's MLP writes in one pass, and the largest neuron at the same token.
    """
    def __repr__(self) -> str: ...
    @property
    def dim(self) -> int:
        """
        Of the stream.
        """
    @property
    def input(self) -> float:
        """
        Signed entry of mlp.post.
        """
    @property
    def is_spike(self) -> bool:
        """
        Whether |input| and |output| are beyond the thresholds.
        """
    @property
    def layer(self) -> int:
        """
        0-based block.
        """
    @property
    def neuron(self) -> int:
        """
        Of the MLP.
        """
    @property
    def output(self) -> float:
        """
        Signed entry of mlp_out.
        """
    @property
    def position(self) -> int:
        """
        In the sequence, 0-based.
        """
    @property
    def sequence(self) -> int:
        """
        Of those looked at.
        """
    @property
    def stream(self) -> float:
        """
        Largest |x| of the stream after the block, at any token.
        """
    @property
    def token_id(self) -> int:
        """
        The token there.
        """

class SuperWeight:
    """
    An entry of blocks.{layer}.mlp.down.weight[dim, neuron] without which a spike is not.
    """
    def __repr__(self) -> str: ...
    @property
    def contribution(self) -> float:
        """
        weight * input, in the units of mlp_out.
        """
    @property
    def input(self) -> float:
        """
        Entry of mlp.post.
        """
    @property
    def is_largest_input(self) -> bool:
        """
        Whether no neuron of that token is larger.
        """
    @property
    def peak(self) -> MlpPeak:
        """
        The spike, an MlpPeak, with the weights before this one gone.
        """
    @property
    def place(self) -> tuple[int, int, int]:
        """
        (layer, dim, neuron), 0-based.
        """
    @property
    def rank(self) -> int:
        """
        By magnitude in its matrix, from 1.
        """
    @property
    def share(self) -> float:
        """
        Of the spike's output.
        """
    @property
    def stream_without(self) -> float:
        """
        `peak.stream` once it is gone too.
        """
    @property
    def weight(self) -> float:
        """
        The entry.
        """

class SuperWeightSearch:
    """
    Result of `find_super_weights`.
    """
    def __repr__(self) -> str: ...
    def peaks_table(self) -> Table:
        """
        One row a block of the unedited model, a Table.
        """
    def table(self) -> Table:
        """
        One row a weight, a Table.
        """
    @property
    def has_more(self) -> bool:
        """
        Whether the search ended at its limit with spikes left.
        """
    @property
    def input_threshold(self) -> float:
        """
        A spike's |input| is above it.
        """
    @property
    def output_threshold(self) -> float:
        """
        A spike's |output| is above it.
        """
    @property
    def peaks(self) -> list[MlpPeak]:
        """
        An MlpPeak for each block, nothing removed.
        """
    @property
    def weights(self) -> list[SuperWeight]:
        """
        SuperWeights in the order of their removal.
        """

class BlockWrite:
    """
    What a block adds to one dim of the stream at one token.
    """
    @property
    def after(self) -> float:
        """
        resid_post.
        """
    @property
    def attention(self) -> float:
        """
        attn_out.
        """
    @property
    def before(self) -> float:
        """
        resid_pre.
        """
    @property
    def layer(self) -> int:
        """
        0-based block.
        """
    @property
    def mlp(self) -> float:
        """
        mlp_out.
        """
    @property
    def rest(self) -> float:
        """
        after - before - attention - mlp: norms of the stream itself, or rounding.
        """
    @property
    def step(self) -> int:
        """
        1: the magnitude steps up here, -1: down, 0: neither.
        """

class NeuronWrite:
    """
    What a neuron adds to one dim of the stream.
    """
    @property
    def contribution(self) -> float:
        """
        weight * post.
        """
    @property
    def cumulative_share(self) -> float:
        """
        With those before it.
        """
    @property
    def neuron(self) -> int:
        """
        Of the MLP.
        """
    @property
    def post(self) -> float:
        """
        The neuron's activation.
        """
    @property
    def pre(self) -> float:
        """
        Before the nonlinearity (the gate).
        """
    @property
    def pre_linear(self) -> float:
        """
        The other branch; NaN without gate.
        """
    @property
    def share(self) -> float:
        """
        Of what the MLP writes.
        """
    @property
    def weight(self) -> float:
        """
        Entry of the down-projection.
        """

class WriteContributions:
    """
    Result of `write_contributions`; means over the sequences.
    """
    def __repr__(self) -> str: ...
    def blocks_table(self) -> Table:
        """
        One row a block, a Table.
        """
    def table(self) -> Table:
        """
        One row a neuron, a Table.
        """
    @property
    def bias(self) -> float:
        """
        What the bias of the down-projection adds.
        """
    @property
    def blocks(self) -> list[BlockWrite]:
        """
        A BlockWrite for each block of the model.
        """
    @property
    def contributions(self) -> torch.Tensor | None:
        """
        float64 [d_mlp], of all neurons; None with a mixture of experts.
        """
    @property
    def dim(self) -> int:
        """
        Of the stream.
        """
    @property
    def layer(self) -> int:
        """
        0-based block.
        """
    @property
    def neurons(self) -> list[NeuronWrite]:
        """
        NeuronWrites of the layer, largest magnitude first.
        """
    @property
    def positions(self) -> list[int]:
        """
        Of the token, in each sequence.
        """

class SliceNorm:
    """
    A row or column of a matrix among all of them.
    """
    @property
    def count(self) -> int:
        """
        Rows (columns) there are.
        """
    @property
    def index(self) -> int:
        """
        Row or column.
        """
    @property
    def max_over_mean(self) -> float:
        """
        Largest |w| / mean |w| in it (An et al. 2025).
        """
    @property
    def median_norm(self) -> float:
        """
        Of all rows (columns).
        """
    @property
    def norm(self) -> float:
        """
        L2.
        """
    @property
    def rank(self) -> int:
        """
        By norm, from 1.
        """
    @property
    def top_share(self) -> float:
        """
        Squared component of the first singular vector, of 1.
        """
    @property
    def z(self) -> float:
        """
        (norm - mean) / standard deviation (n - 1).
        """

class MatrixSpectrum:
    """
    Result of `weight_spectrum`.
    """
    @property
    def column_norms(self) -> list[SliceNorm]:
        """
        A SliceNorm for each column that was asked for.
        """
    @property
    def columns(self) -> int:
        """
        Number of columns.
        """
    @property
    def frobenius(self) -> float:
        """
        Frobenius norm.
        """
    @property
    def row_norms(self) -> list[SliceNorm]:
        """
        A SliceNorm for each row that was asked for.
        """
    @property
    def rows(self) -> int:
        """
        Number of rows.
        """
    @property
    def singular_values(self) -> torch.Tensor:
        """
        float64 [min(rows, columns)], descending.
        """
    @property
    def stable_rank(self) -> float:
        """
        frobenius^2 / sigma_1^2.
        """

class WeightSpectrum:
    """
    A matrix of a model that reads the stream, or writes to it.
    """
    @property
    def layer(self) -> int:
        """
        0-based block.
        """
    @property
    def name(self) -> str:
        """
        "attn.out", "mlp.down", "mlp.gate" or "mlp.up".
        """
    @property
    def spectrum(self) -> MatrixSpectrum:
        """
        A MatrixSpectrum.
        """
    @property
    def writes(self) -> bool:
        """
        Whether rows are dims of the stream; else columns are.
        """

class NormGain:
    """
    The gain of a norm at one dim among all of its gains.
    """
    @property
    def count(self) -> int:
        """
        Dims.
        """
    @property
    def dim(self) -> int:
        """
        Of the stream.
        """
    @property
    def gain(self) -> float:
        """
        As applied: with the offset of 1 + w.
        """
    @property
    def layer(self) -> int:
        """
        0-based block; -1: the final norm.
        """
    @property
    def median_gain(self) -> float:
        """
        Median |gain| over dims.
        """
    @property
    def norm(self) -> str:
        """
        "ln1", "ln2", "ln1_post", "ln2_post" or "ln_final".
        """
    @property
    def rank(self) -> int:
        """
        By |gain|, from 1.
        """

class Repetition:
    """
    How much texts repeat themselves.
    """
    def __repr__(self) -> str: ...
    @property
    def n_tokens(self) -> int:
        """
        Tokens of all texts.
        """
    @property
    def repeated(self) -> typing.Annotated[list[float], "FixedSize(4)"]:
        """
        For n = 1 to 4: share of the n-grams that stood earlier in the same text.
        """

class HeadBias:
    """
    How constant u_k, what query k takes from the massive tokens, is in one head.
    """
    @property
    def attention(self) -> float:
        """
        Mean attention on the massive tokens.
        """
    @property
    def cos_all(self) -> float:
        """
        Mean cosine of pairs of u_k of all sequences.
        """
    @property
    def cos_between(self) -> float:
        """
        Mean cosine of pairs of sequences' mean u.
        """
    @property
    def cos_mean(self) -> float:
        """
        Mean over sequences of the mean cosine of pairs of u_k; 1 where one token is massive.
        """
    @property
    def cos_std(self) -> float:
        """
        Its standard deviation over sequences (n - 1).
        """
    @property
    def dispersion(self) -> float:
        """
        RMS ||u_k - mean u|| / ||mean u|| over the queries of all sequences.
        """
    @property
    def dispersion_mean(self) -> float:
        """
        The same within a sequence, mean over sequences.
        """
    @property
    def drain(self) -> float:
        """
        Mean ||v|| of massive tokens / mean ||v|| of the others.
        """
    @property
    def null_cos_mean(self) -> float:
        """
        Mean over random sets of their cos_all.
        """
    @property
    def null_cos_std(self) -> float:
        """
        Its standard deviation over sets (n - 1).
        """
    @property
    def null_mean(self) -> float:
        """
        Mean over random sets of their dispersion.
        """
    @property
    def null_std(self) -> float:
        """
        Its standard deviation over sets (n - 1).
        """
    @property
    def p(self) -> float:
        """
        Share of random sets whose dispersion is as small; NaN without any.
        """
    @property
    def p_cos(self) -> float:
        """
        Share of random sets whose cos_all is as large; NaN without any.
        """
    @property
    def share(self) -> float:
        """
        RMS ||u_k|| / RMS ||z_k||.
        """
    @property
    def variance(self) -> float:
        """
        Mean ||u_k - mean u||^2 over the queries of all sequences.
        """

class LayerBias:
    """
    The implicit bias in one block.
    """
    @property
    def dispersion(self) -> float:
        """
        RMS ||u_k - mean u|| / ||mean u|| of all heads as one vector.
        """
    @property
    def heads(self) -> list[HeadBias]:
        """
        One HeadBias per head.
        """
    @property
    def layer(self) -> int:
        """
        0-based block.
        """
    @property
    def share(self) -> float:
        """
        RMS ||u_k|| / RMS ||z_k|| of all heads as one vector.
        """

class ImplicitBias:
    """
    Result of `implicit_bias`.
    """
    def __repr__(self) -> str: ...
    def layers_table(self) -> Table:
        """
        One row per block, a Table.
        """
    def table(self) -> Table:
        """
        One row per block and head, a Table.
        """
    def to_pandas(self) -> typing.Any:
        """
        One row per block and head, a pandas.DataFrame. Needs pandas.
        """
    @property
    def constants(self) -> torch.Tensor:
        """
        Mean u_k, float64 [layer, head, d_head].
        """
    @property
    def layers(self) -> list[LayerBias]:
        """
        One LayerBias per block.
        """
    @property
    def n_members(self) -> int:
        """
        Massive tokens of all sequences.
        """
    @property
    def n_queries(self) -> int:
        """
        Queries that count, of all sequences.
        """
    @property
    def n_sequences(self) -> int:
        """
        Sequences with a massive token.
        """
    @property
    def n_without(self) -> int:
        """
        Sequences without one, left out.
        """
    @property
    def other_constants(self) -> torch.Tensor | None:
        """
        The same of the random sets together; None without any.
        """

class ImageHead:
    """
    A classifier on top of what a vision model says of images; see `linear_head` and `prompt_head`.
    """
    def __call__(self, output: VisionOutput) -> torch.Tensor:
        """
        Logits [batch, class], float32 on the CPU, of a `VisionOutput`.
        """
    def __repr__(self) -> str: ...
    @property
    def n_classes(self) -> int:
        """
        Number of classes.
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

def attention_maps(
    model: Model,
    prompt: str
    | TokenBatch
    | torch.Tensor
    | collections.abc.Sequence[int]
    | collections.abc.Sequence[collections.abc.Sequence[int]],
    profile: MassiveProfile | None = None,
    *,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
) -> AttentionMaps:
    """
    Attention of one prompt, averaged over heads and by key.

    Args:
        model: With the hooks that it has.
        prompt: A text, no BOS added, or its token ids.
        profile: Says which tokens are massive, a MassiveProfile; None: found in the prompt.
        layers: Blocks, 0-based; empty: the one after which tokens are massive (its attention does not see that yet), the
            next one, and the last.

    Returns:
        AttentionMaps.

    Example:
        >>> ma.attention_maps(model, [1, 2, 3, 4]).scores.shape
        torch.Size([2, 4, 4])
    """

def attention_sinks(
    model: Model,
    sequences: torch.Tensor | collections.abc.Sequence[str],
    profile: MassiveProfile | None = None,
    *,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    eps: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] = [0.3, 0.8],
    concentrated: typing.SupportsFloat | typing.SupportsIndex = 0.5,
    outlier: typing.SupportsFloat | typing.SupportsIndex = 0.1,
    fewest_queries: typing.SupportsInt | typing.SupportsIndex = 16,
    scores: bool = False,
    classify_tokens: bool = True,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 1024,
    progress: collections.abc.Callable | None = None,
) -> AttentionSinks:
    """
    Attention sinks, entropy, and attention on massive tokens, in each block and head, in one pass.

    Args:
        model: With the hooks that it has.
        sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default.
        profile: Says which tokens are massive, a MassiveProfile; None: found in these sequences.
        layers: Blocks, 0-based; empty: all. The others keep fused attention.
        eps: A key is a sink of a head when alpha_k > eps: 0.3 in Gu et al. 2025, 0.8 in Barbero et al. 2025.
        concentrated: A head is concentrated when it gives more than this to massive tokens.
        outlier: A token is an attention outlier when it receives at least this times the number of tokens (An et al. 2025).
        fewest_queries: Keys that fewer queries see do not count for `sink_any` and `largest`.
        scores: Also average softmax inputs on massive and on other tokens.
        classify_tokens: False for a model without a tokenizer.
        tokens_per_pass: Upper bound of batch * pos in one pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        AttentionSinks.

    Example:
        >>> sinks = ma.attention_sinks(model, torch.arange(64).view(4, 16))
        >>> sinks.n_sequences, len(sinks.table().rows), len(sinks.heads_table().rows)
        (4, 2, 8)
    """

def bias_conditions(
    bias: ImplicitBias,
    profile: MassiveProfile,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> list[Condition]:
    """
    The rows of the test, for `run_ablation`: original, constant, removed and, with random sets, control.

    What attention takes from the massive tokens is replaced by its mean (constant) or by nothing (removed) in the blocks
    `layers`, 0-based and behind `profile.edit_layer`; control replaces what it takes from as many random other tokens by
    its mean.

    Example:
        >>> sequences = torch.arange(64).view(4, 16)
        >>> profile = ma.find_massive(model, sequences, classify_tokens=False)
        >>> profile.edit_layer
        0
        >>> bias = ma.implicit_bias(model, sequences)
        >>> [condition.name for condition in ma.bias_conditions(bias, profile, [1])]
        ['original', 'constant', 'removed', 'control']
    """

def builtin_task_names() -> list[str]:
    """
    Names of the tasks that libma brings along.
    """

def calibration_means(
    model: Model,
    sequences: torch.Tensor,
    counts: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    *,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 4096,
    progress: collections.abc.Callable | None = None,
) -> dict[int, torch.Tensor]:
    """
    The mean of the stream after each block over the first n sequences, for several n in one pass.

    Args:
        model: A loaded model.
        sequences: int64 [all, length].
        counts: The numbers n.
        tokens_per_pass: Upper bound of batch * pos in one pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        By n: float64 [layer, 2, d_model], the mean at the first position and at all others.

    Example:
        >>> means = ma.calibration_means(model, torch.arange(64).view(4, 16), [1, 4])
        >>> means[4].shape
        torch.Size([2, 2, 32])
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

def decompose_attention(
    model: Model,
    ids: TokenBatch
    | torch.Tensor
    | collections.abc.Sequence[int]
    | collections.abc.Sequence[collections.abc.Sequence[int]],
    layer: typing.SupportsInt | typing.SupportsIndex,
    positions: torch.Tensor | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    *,
    mask: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    What attention in one block takes from the tokens at `positions`, and from all others (Sun et al. 2024, Eq. 2).

    Args:
        model: With the hooks that it has.
        ids: Token ids, as for `Model.forward`.
        layer: Block, 0-based.
        positions: Positions in each row, -1 the last one; or bool [batch, pos].
        mask: False at padding, as for `Model.forward`.

    Returns:
        (massive, rest), [batch, pos, head, d_head] each; they add up to `blocks.{layer}.attn.z`.

    Raises:
        ConfigError: When there is no such block.
        ShapeError: When there is no such position.

    Example:
        >>> massive, rest = ma.decompose_attention(model, [1, 2, 3, 4], layer=1, positions=[0])
        >>> massive.shape
        torch.Size([1, 4, 4, 8])
    """

def divergence(
    model: Model,
    windows: WindowSet,
    edits: collections.abc.Sequence[Intervention] | Intervention,
    *,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 0,
    progress: collections.abc.Callable | None = None,
) -> PerplexityResult:
    """
    How far a model's predictions are, under edits, from those without.

    Args:
        model: A loaded model.
        windows: Made by `make_windows`.
        edits: An Intervention or a list of them.
        tokens_per_pass: As for `perplexity`.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A PerplexityResult of the edited model with `kl_nats`, the mean of KL(original || edited) over the scored tokens,
        and `agreement`, the share of them whose most likely token is the same.

    Example:
        >>> windows = ma.make_windows(list(range(64)), window=16)
        >>> select = ma.Selection.at([0], [3])
        >>> same = ma.make_intervention("scale", site="blocks.0.resid_post", select=select, factor=1)
        >>> result = ma.divergence(model, windows, same)
        >>> result.kl_nats, result.agreement
        (0.0, 1.0)
    """

def embed_texts(text_model: Model, texts: collections.abc.Sequence[str]) -> torch.Tensor:
    """
    Embeddings of texts by the text tower of CLIP, not normalised.

    Args:
        text_model: `load_model` of a CLIP folder.
        texts: Strings; of one that is too long the beginning counts.

    Returns:
        float32 [text, d_text] on the CPU.

    Raises:
        ConfigError: When the model gives no embeddings of texts.

    Example:
        >>> ma.embed_texts(text_model, ["a photo of a tench."])  # doctest: +SKIP
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
    recipe: ImageRecipe | os.PathLike | str | bytes | None = None,
    *,
    metrics: collections.abc.Sequence[str] = ["cosine"],
    name: str = "images",
    k: typing.SupportsInt | typing.SupportsIndex = 10,
    head: ImageHead | os.PathLike | str | bytes | None = None,
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
        recipe: How images become pixels, an ImageRecipe or what it takes; None for the checkpoint's own.
        metrics: "cosine" (of the pooled vector with the unedited one), "nearest" (images that keep their nearest neighbour),
            "knn" and "probe" (accuracy of neighbours, and of linear probes trained on the unedited model), "top" (top-1 and
            top-5 accuracy of the classifier).
        name: Of the images, in the headings.
        k: Neighbours of "knn".
        head: A classifier for "top" in place of the model's own: an ImageHead, or the file of a linear one (`linear_head`).
        batch: Images of a pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A Table, and a line for each image that was left out.

    Raises:
        ConfigError: When a metric needs labels or a classifier that is not there, the head does not fit, or an edit wrote
            nothing.
        FileError: When the head cannot be read, or no image could.

    Example:
        >>> ma.evaluate_images(vision_model, [ma.Condition("original")], ma.ImageSet("photographs"))  # doctest: +SKIP
    """

def except_at(
    edit: Intervention, positions: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
) -> Intervention:
    """
    An edit that leaves the entries at some positions of each sequence as they are.

    Args:
        edit: An Intervention.
        positions: Counted from the start.
    """

def experiments() -> list[str]:
    """
    Names of all experiments.

    Example:
        >>> "ablation" in ma.experiments()
        True
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
    recipe: ImageRecipe | os.PathLike | str | bytes | None = None,
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
        recipe: How images become pixels, an ImageRecipe or what it takes; None for the checkpoint's own.
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

def find_massive_tokens(
    model: Model, sequences: torch.Tensor, profile: MassiveProfile, *, progress: collections.abc.Callable | None = None
) -> torch.Tensor:
    """
    Which tokens of `sequences`, int64 [n, length], are massive: bool [n, length].

    They have an entry that meets the criterion of `profile` at the dims of its sites, in the stream after block
    `profile.edit_layer`. Where nothing meets it, the token of each sequence's largest entry.

    Example:
        >>> sequences = torch.arange(64).view(4, 16)
        >>> profile = ma.find_massive(model, sequences, classify_tokens=False)
        >>> ma.find_massive_tokens(model, sequences, profile).sum(1)
        tensor([1, 1, 1, 1])
    """

def find_register_neurons(
    model: VisionModel,
    images: torch.Tensor | collections.abc.Iterable[typing.Any] | typing.Any,
    *,
    threshold: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ratio: typing.SupportsFloat | typing.SupportsIndex = 5.0,
    detect_layer: typing.SupportsInt | typing.SupportsIndex = -2,
    highest_layer: typing.SupportsInt | typing.SupportsIndex | None = None,
    top_k: typing.SupportsInt | typing.SupportsIndex = 10,
    recipe: ImageRecipe | os.PathLike | str | bytes | None = None,
    batch: typing.SupportsInt | typing.SupportsIndex = 50,
    progress: collections.abc.Callable | None = None,
) -> RegisterNeurons:
    """
    The MLP neurons with the largest mean magnitudes at patches of high norm (Jiang et al. 2025, algorithm 1).

    Magnitudes are those of `mlp.post`; each image's mean at its outliers first, then the mean over images with outliers.

    Args:
        model: A VisionModel; its hooks stay active.
        images: As for `measure_tokens`. Memory does not grow with their number.
        threshold: A patch is an outlier when its norm is above.
        ratio: Without a threshold: when it is above so many times the median norm of its image's patches.
        detect_layer: The block after which norms are taken, 0-based; negative numbers count from the last one, -1.
        highest_layer: The last block to search, likewise; None: `detect_layer`.
        top_k: Neurons to return.
        recipe: As for `measure_tokens`.
        batch: As for `measure_tokens`.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        RegisterNeurons; without `neurons` when no patch is an outlier.

    Raises:
        ConfigError: When an option is out of its range.

    Example:
        >>> found = ma.find_register_neurons(vision_model, torch.rand(4, 3, 16, 16), ratio=1, detect_layer=-1, top_k=3)
        >>> len(found.neurons), found.at_outliers.shape  # [layer, neuron]
        (3, torch.Size([2, 64]))
    """

def find_super_weights(
    model: Model,
    sequences: TokenBatch
    | torch.Tensor
    | collections.abc.Sequence[int]
    | collections.abc.Sequence[collections.abc.Sequence[int]],
    *,
    threshold: typing.SupportsFloat | typing.SupportsIndex = 50.0,
    share: typing.SupportsFloat | typing.SupportsIndex = 0.1,
    max_weights: typing.SupportsInt | typing.SupportsIndex = 10,
    progress: collections.abc.Callable | None = None,
) -> SuperWeightSearch:
    """
    Single weights of down-projections without which a massive activation is not (Yu et al. 2024).

    Looks at one pass, removes a weight, and looks again, until no block has a spike: a largest |mlp_out| and, at the same token,
    a largest |mlp.post| beyond the thresholds. Removed is, of the first such block, the weight that does most for that output.

    Args:
        model: With the hooks that it has; loaded from files.
        sequences: Tokens [pos] or [n, pos].
        threshold: Of |mlp.post| and |mlp_out| of a spike.
        share: Of the unedited model's largest |mlp_out|: a spike's is above that too. 0: the threshold alone.
        max_weights: Removals at most.
        progress: Called as `progress(stage, done, total)`; total is 0, because the number of passes is not known.

    Returns:
        A SuperWeightSearch.

    Raises:
        ConfigError: For mixtures of experts.

    Example:
        >>> found = ma.find_super_weights(model, [1, 2, 3, 4], threshold=0.1, share=0.5, max_weights=1)
        >>> len(found.peaks), len(found.weights)
        (2, 1)
    """

def fix_registers(model: VisionModel, means: RegisterMeans) -> Intervention:
    """
    The Intervention that overwrites every register with its mean at the input of every block ("Fix-Reg-Mean").

    Raises:
        ShapeError: When the means are not of such a model.
    """

def gains_table(gains: collections.abc.Sequence[NormGain]) -> Table:
    """
    One row for each NormGain; a Table.

    Args:
        gains: From `norm_gains`.
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

def implicit_bias(
    model: Model,
    sequences: torch.Tensor,
    members: torch.Tensor | None = None,
    *,
    null_sets: typing.SupportsInt | typing.SupportsIndex = 100,
    seed: typing.SupportsInt | typing.SupportsIndex = 0,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 2048,
    progress: collections.abc.Callable | None = None,
) -> ImplicitBias:
    """
    How constant what queries take from the massive tokens is, in each block and head (Sun et al. 2024, section 4.2).

    u_k is the sum of p_ki v_i over massive tokens i. A query counts when it sees a massive token and is none. The same is
    computed for random sets of as many other tokens.

    Args:
        model: With the hooks that it has.
        sequences: int64 [n, length].
        members: The massive tokens, bool [n, length]; None: as `find_massive` and `find_massive_tokens` find them.
        null_sets: Random sets to compare with; 0: none.
        seed: Of the random sets.
        tokens_per_pass: Upper bound of batch * pos in one pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        An ImplicitBias.

    Raises:
        ShapeError: When no sequence has a massive token, or one has too few others.

    Example:
        >>> bias = ma.implicit_bias(model, torch.arange(64).view(4, 16), null_sets=20)
        >>> bias.constants.shape
        torch.Size([2, 4, 8])
    """

def intervention_kinds() -> list[str]:
    """
    Names of all kinds of intervention.

    Example:
        >>> "set_value" in ma.intervention_kinds()
        True
    """

def linear_head(path: os.PathLike | str | bytes, model: VisionModel) -> ImageHead:
    """
    A linear classifier from a file, onto the class token, or class token and mean of the patches (DINOv2's heads).

    Args:
        path: A safetensors file with `weight` [class, d] and `bias` [class]; d is d_model or twice that.
        model: The VisionModel that it is for.

    Returns:
        An ImageHead, for `evaluate_images(head=...)` or to be called on a `VisionOutput`.

    Raises:
        FileError: When weight or bias is not in the file.
        ConfigError: When their width fits no such input of the model.

    Example:
        >>> head = ma.linear_head("head.safetensors", vision_model)  # doctest: +SKIP
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
    n_test_registers: typing.SupportsInt | typing.SupportsIndex = 0,
) -> VisionModel:
    """
    Loads a vision model that `libma fetch` has brought, or a Hugging Face folder.

    Of a checkpoint that pairs images with texts, the vision part. Other arguments and errors are those of `load_model`.

    Args:
        n_test_registers: Tokens of zeros to add between the other tokens and the patches, the last of the model's registers; no
            head reads them. `test_time_registers` gives them something to hold.

    Example:
        >>> ma.load_vision_model(vision_folder, dtype="float64")
        VisionModel('vit', n_layers=2, d_model=32, patch=4x4, image=16x16, dtype=float64, device=cpu)
    """

def magnitude_surface(
    model: Model,
    prompt: str,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    *,
    add_bos: bool = False,
) -> MagnitudeSurface:
    """
    The streams of a prompt after some blocks, in one pass (Sun et al. 2024, Figures 1 to 3).

    Args:
        model: With the hooks that it has.
        prompt: A text.
        layers: Blocks, 0-based; -1 is the stream before block 0.
        add_bos: Put the tokenizer's BOS in front.

    Returns:
        A MagnitudeSurface.

    Example:
        >>> ma.magnitude_surface(model, "the rain", [1]).layers
        [1]
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
    to: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    keep: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    others: str = "",
) -> Intervention:
    """
    Makes an intervention.

    Args:
        kind: "set_value", "scale", "clamp", "add", "replace_tokens" or "shift_neurons".
        site: Hook name or pattern: "blocks.11.resid_post", "blocks.*.resid_post".
        select: Which entries.
        value: set_value: the constant. add: the amount.
        means: set_value: [layer, n + 1, d_model], mean at each of the first n positions of each block, and at all others.
        vectors: replace_tokens: [layer, position, d_model], one for each selected position.
        factor: scale.
        low: clamp: lower bound.
        high: clamp: upper bound.
        to: shift_neurons: positions that get a neuron's activation of largest magnitude over the row.
        keep: shift_neurons: positions that stay as they are.
        others: shift_neurons: what all other tokens get: "zero" (unless given), "mean", "only_outliers" or "same".

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

def measure_magnitudes(
    model: Model,
    sequences: torch.Tensor | collections.abc.Sequence[str],
    *,
    detail: bool = False,
    magnitude: typing.SupportsFloat | typing.SupportsIndex = 100.0,
    ratio: typing.SupportsFloat | typing.SupportsIndex = 1000.0,
    outlier_magnitude: typing.SupportsFloat | typing.SupportsIndex = 6.0,
    outlier_layers: typing.SupportsFloat | typing.SupportsIndex = 0.25,
    outlier_positions: typing.SupportsFloat | typing.SupportsIndex = 0.06,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 2048,
    classify_tokens: bool = True,
    progress: collections.abc.Callable | None = None,
) -> Magnitudes:
    """
    How large activations are before block 0 and after each block, where, and how constant.

    Args:
        model: With the hooks that it has.
        sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default, 32 of 512 tokens.
        detail: Kurtosis and INT8 errors too, which read each stream three times more.
        magnitude: An entry x is massive when |x| is above it, and
        ratio: above so many times the median magnitude of the sequence's hidden state.
        outlier_magnitude: A dim is an outlier feature when |x| reaches it
        outlier_layers: after this share of the blocks
        outlier_positions: and at this share of all positions.
        tokens_per_pass: Upper bound of batch * pos in one pass.
        classify_tokens: False for a model without a tokenizer: only starts are told apart.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        Magnitudes.

    Example:
        >>> found = ma.measure_magnitudes(model, torch.arange(64).view(4, 16), detail=True, classify_tokens=False)
        >>> found.arrays["kurtosis"].shape
        torch.Size([3])
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

def measure_repetition(
    model: Model,
    prompts: collections.abc.Sequence[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]],
    edits: collections.abc.Sequence[Intervention] | Intervention = (),
    *,
    new_tokens: typing.SupportsInt | typing.SupportsIndex = 64,
    progress: collections.abc.Callable | None = None,
) -> Repetition:
    """
    The repetition of what a model writes greedily after prompts, the prompts left out.

    Args:
        model: A loaded model.
        prompts: Lists of ids.
        edits: An Intervention or a list of them.
        new_tokens: Of each continuation.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A Repetition.
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

def norm_gains(
    model: Model, dims: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
) -> list[NormGain]:
    """
    Gains at some dims of all norms of the stream, in the order of a forward pass.

    Args:
        model: Loaded from files.
        dims: Of the stream.

    Returns:
        A list of NormGain, empty where the architecture has none.

    Example:
        >>> [(gain.layer, gain.norm) for gain in ma.norm_gains(model, [5])]
        [(0, 'ln1'), (0, 'ln2'), (1, 'ln1'), (1, 'ln2'), (-1, 'ln_final')]
    """

def norm_trajectory(
    model: Model,
    prompt: str
    | TokenBatch
    | torch.Tensor
    | collections.abc.Sequence[int]
    | collections.abc.Sequence[collections.abc.Sequence[int]],
    profile: MassiveProfile | None = None,
    *,
    layer: typing.SupportsInt | typing.SupportsIndex | None = None,
) -> NormTrajectory:
    """
    Follows a prompt's tokens from the stream through the norm before attention to q, k and v.

    Args:
        model: With the hooks that it has.
        prompt: A text, no BOS added, or its token ids.
        profile: Says which tokens are massive, a MassiveProfile; None: found in the prompt.
        layer: Block, 0-based; None: the next one behind that after which tokens are massive.

    Returns:
        A NormTrajectory.

    Raises:
        ConfigError: When there is no such block, or no norm stands before its attention.

    Example:
        >>> ma.norm_trajectory(model, [1, 2, 3, 4]).vectors["k"].shape
        torch.Size([4, 2, 8])
    """

def pairs_table(models: collections.abc.Sequence[ModelSummary]) -> Table:
    """
    One row a model with a base: the dims of both and of each alone, a Table.
    """

def parameter_names(model: Model) -> list[str]:
    """
    Names of a model's parameters in the order of a forward pass; a tied output head is "embed.weight" alone.

    Example:
        >>> ma.parameter_names(model)[:3]
        ['embed.weight', 'blocks.0.ln1.weight', 'blocks.0.attn.qkv.weight']
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

def project_to_attn_out(model: Model, constants: torch.Tensor) -> torch.Tensor | None:
    """
    What constants [layer, head, d_head] at `attn.z` add to `attn_out`: [layer, d_model].

    None where attention's output is normed before it joins the stream, so that parts do not add up.

    Example:
        >>> ma.project_to_attn_out(model, torch.ones(2, 4, 8)).shape
        torch.Size([2, 32])
    """

def prompt_head(
    text_model: Model,
    model: VisionModel,
    classes: collections.abc.Sequence[str],
    templates: collections.abc.Sequence[str] = ["a photo of a {}."],
) -> ImageHead:
    """
    Zero-shot classification by CLIP: cosines of an image with the embeddings of classes' prompts.

    A class's embedding is the normalised mean of the normalised embeddings of its prompts (Radford et al. 2021, section 3.1).
    CLIP's temperature, which changes no ranking, is left out.

    Args:
        text_model: `load_model` of the CLIP folder: its text tower.
        model: `load_vision_model` of the same folder.
        classes: Names of the classes; underscores become spaces.
        templates: Prompts with "{}" where the name goes.

    Returns:
        An ImageHead, for `evaluate_images(head=...)` or to be called on a `VisionOutput`.

    Raises:
        ConfigError: When a template has no "{}", or the towers are not of one model.

    Example:
        >>> head = ma.prompt_head(text_model, vision_model, ["tench", "goldfish"])  # doctest: +SKIP
    """

def read_image(path: os.PathLike | str | bytes) -> torch.Tensor:
    """
    The image of a JPEG or PNG file, uint8 [height, width, 3]: the bytes of Pillow's `Image.open(path).convert("RGB")`.

    Raises:
        FileError: When the file is of another type, broken or truncated, or its image is larger than Pillow allows.
    """

def read_parameter(model: Model, name: str) -> torch.Tensor:
    """
    A copy of a parameter, read again from the model's files: a matrix [out, in], or [n]; the model's dtype, on the CPU.

    Args:
        model: Loaded from files.
        name: As `parameter_names` lists it.

    Raises:
        UnknownNameError: When there is none.

    Example:
        >>> ma.read_parameter(model, "blocks.1.mlp.down.weight").shape
        torch.Size([32, 48])
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

def repetition_of(
    texts: collections.abc.Sequence[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]],
) -> Repetition:
    """
    The repetition of texts in their tokens.

    Args:
        texts: Lists of ids.

    Example:
        >>> ma.repetition_of([[1, 2, 1, 2, 1]]).repeated
        [0.6, 0.5, 0.3333333333333333, 0.0]
    """

def replace_part(
    select: Selection,
    *,
    marked_after: typing.SupportsInt | typing.SupportsIndex,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    constants: torch.Tensor | None = None,
    others: typing.SupportsInt | typing.SupportsIndex | None = None,
) -> list[Intervention]:
    """
    Edits that replace what attention takes from some tokens by a constant; they belong together.

    Args:
        select: The tokens are those with a selected entry ...
        marked_after: ... in the stream after this block, 0-based.
        layers: Blocks whose attention is edited, behind `marked_after`.
        constants: [layer, head, d_head], row L for block L; None: nothing instead.
        others: A seed: as many random other tokens in their place.

    Returns:
        A list of Intervention: one that marks the tokens, and one or two for each block.

    Raises:
        ConfigError: When a block does not come after `marked_after`, or constants do not fit.

    Example:
        >>> edits = ma.replace_part(ma.Selection.at([0], []), marked_after=0, layers=[1])
        >>> [edit.kind for edit in edits]
        ['mark_tokens', 'drop_keys']
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

def slices_table(spectra: collections.abc.Sequence[WeightSpectrum]) -> Table:
    """
    One row for each dim and neuron that `weight_spectra` was asked for, of each matrix; a Table.

    Args:
        spectra: From `weight_spectra`.
    """

def spectra_table(
    spectra: collections.abc.Sequence[WeightSpectrum], top: typing.SupportsInt | typing.SupportsIndex = 3
) -> Table:
    """
    One row for each WeightSpectrum, with `top` singular values; a Table.

    Args:
        spectra: From `weight_spectra`.
        top: Singular values to show.
    """

def summarize_task(task: Task, scores: collections.abc.Sequence[DocumentScore]) -> list[TaskMetric]:
    """
    TaskMetric list from the DocumentScore of each document.
    """

def sweep_conditions(
    profile: MassiveProfile,
    kind: str,
    *,
    top: typing.SupportsInt | typing.SupportsIndex = 1,
    value: typing.SupportsFloat | typing.SupportsIndex | str | None = None,
    factors: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] = [],
    after: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    means: collections.abc.Mapping[typing.SupportsInt | typing.SupportsIndex, torch.Tensor] = {},
) -> list[Condition]:
    """
    Conditions for `run_ablation` along one line: the original, then one for each block, factor, token or mean.

    Args:
        profile: What `find_massive` found.
        kind: "blocks" (the edit after each block), "spans" (after the first massive block, after it and all that follow,
            after all), "scale" (times each factor), "places" (massive entries at the start, elsewhere, both), "tokens" (the
            entry, its token, its dim at all and at all other tokens), "restore" (set, and put back after a later block),
            "mean_from" (means over numbers of sequences), "mean_of" (the mean at its position, the mean at all others).
        top: The strongest so many massive entries of their token are edited; 0 for all that were found.
        value: blocks, spans, places, restore: a number or "mean"; 0 unless given.
        factors: scale; 0 to 2 in quarters unless given.
        after: restore: blocks from the edit to the restoration; all unless given.
        means: mean_from: what `calibration_means` returns.

    Raises:
        UnknownNameError: When there is no such kind.
        ConfigError: When an option is not of the kind.

    Example:
        >>> sequences = torch.arange(64).view(4, 16)
        >>> profile = ma.find_massive(model, sequences, magnitude=0.01, ratio=2, classify_tokens=False)
        >>> [condition.name for condition in ma.sweep_conditions(profile, "blocks", value=0)]
        ['original', 'block 0', 'block 1']
    """

def sweep_kinds() -> list[str]:
    """
    Names of all kinds of sweep.

    Example:
        >>> ma.sweep_kinds()
        ['blocks', 'spans', 'scale', 'places', 'tokens', 'restore', 'mean_from', 'mean_of']
    """

def test_time_registers(
    model: VisionModel,
    neurons: RegisterNeurons
    | collections.abc.Sequence[RegisterNeuron]
    | collections.abc.Sequence[
        tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
    ],
    *,
    others: str = "zero",
    keep: collections.abc.Sequence[str] = [],
) -> list[Intervention]:
    """
    The interventions that move the activations of register neurons to added tokens (Jiang et al. 2025).

    Each neuron gets, at every added token, its activation of largest magnitude over all tokens of the image.

    Args:
        model: A VisionModel loaded with `n_test_registers`.
        neurons: RegisterNeurons, some of its `.neurons`, or pairs (block, neuron).
        others: What all other tokens get: "zero"; "mean", of the three quarters of smallest magnitude; "only_outliers", their
            mean where the magnitude is more than a standard deviation above its mean; "same".
        keep: Roles of tokens that stay as they are: ["cls"].

    Returns:
        A list of Interventions, one for each block.

    Raises:
        ConfigError: When the model has no added tokens, or there are no neurons or not such ones.
        UnknownNameError: When there is no such role or choice.

    Example:
        >>> model = ma.load_vision_model(vision_folder, n_test_registers=1)
        >>> ma.test_time_registers(model, [(0, 5), (0, 3)])
        [Intervention(shift_neurons to [1], others zero at blocks.0.mlp.post: all positions x dims [3, 5])]
    """

def trajectory_groups(
    model: Model,
    sequences: torch.Tensor | collections.abc.Sequence[str],
    profile: MassiveProfile | None = None,
    *,
    layer: typing.SupportsInt | typing.SupportsIndex | None = None,
    tokens_per_pass: typing.SupportsInt | typing.SupportsIndex = 2048,
    progress: collections.abc.Callable | None = None,
) -> TrajectoryGroups:
    """
    What `norm_trajectory` shows, over many sequences: massive tokens against all others.

    Args:
        model: With the hooks that it has.
        sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default.
        profile: As for `norm_trajectory`; None: found in these sequences.
        layer: As for `norm_trajectory`.
        tokens_per_pass: Upper bound of batch * pos in one pass.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        TrajectoryGroups.

    Example:
        >>> groups = ma.trajectory_groups(model, torch.arange(64).view(4, 16), layer=1)
        >>> groups.layer, groups.n_sequences
        (1, 4)
    """

def vision_architectures() -> list[str]:
    """
    The families of vision models that can be loaded: each `model_type` of config.json, and "timm_vit" for timm's.

    Example:
        >>> "vit" in ma.vision_architectures()
        True
    """

def weight_spectra(
    model: Model,
    *,
    layers: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    dims: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    neurons: collections.abc.Mapping[
        typing.SupportsInt | typing.SupportsIndex, collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    ] = {},
    progress: collections.abc.Callable | None = None,
) -> list[WeightSpectrum]:
    """
    Spectra of the matrices that write the stream and of those of the MLP that read it.

    Args:
        model: Loaded from files.
        layers: 0-based blocks; empty: all.
        dims: Dims of the stream to look at.
        neurons: By block, neurons to look at.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        A list of WeightSpectrum: of each block "attn.out", "mlp.down", "mlp.gate" and "mlp.up".

    Example:
        >>> found = ma.weight_spectra(model, layers=[1], dims=[5], neurons={1: [7]})
        >>> [each.name for each in found]
        ['attn.out', 'mlp.down', 'mlp.gate', 'mlp.up']
    """

def weight_spectrum(
    matrix: torch.Tensor,
    *,
    rows: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    columns: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
) -> MatrixSpectrum:
    """
    Singular values of a matrix, in float64, and how rows and columns stand out.

    Args:
        matrix: Floating [rows, columns], such as `read_parameter` gives.
        rows: Those to look at.
        columns: Those to look at.

    Example:
        >>> spectrum = ma.weight_spectrum(torch.eye(3), rows=[1])
        >>> spectrum.singular_values.tolist(), spectrum.stable_rank, spectrum.row_norms[0].norm
        ([1.0, 1.0, 1.0], 3.0, 1.0)
    """

def wikitext_documents(raw: str) -> list[Document]:
    """
    The pages of WikiText's raw file as lm-evaluation-harness makes them, a list of Document.
    """

def with_restore(edit: Intervention, site: str) -> list[Intervention]:
    """
    An edit, and one that writes back what it overwrote: each entry gets the value it had before, in the same pass.

    The two belong together: give both, in this order, to one Condition, or add both as hooks.

    Args:
        edit: An Intervention at one hook point.
        site: The hook point at which it is undone.

    Returns:
        Both edits, a list.

    Raises:
        ConfigError: When a site is a pattern.

    Example:
        >>> select = ma.Selection.at([0], [3])
        >>> zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=0)
        >>> ma.with_restore(zero, "blocks.1.resid_post")[1]
        Intervention(restore at blocks.1.resid_post: positions [0] x dims [3])
    """

def write_contributions(
    model: Model,
    sequences: TokenBatch
    | torch.Tensor
    | collections.abc.Sequence[int]
    | collections.abc.Sequence[collections.abc.Sequence[int]],
    *,
    layer: typing.SupportsInt | typing.SupportsIndex,
    dim: typing.SupportsInt | typing.SupportsIndex,
    position: typing.SupportsInt | typing.SupportsIndex | None = None,
    top: typing.SupportsInt | typing.SupportsIndex = 10,
    step_share: typing.SupportsFloat | typing.SupportsIndex = 0.1,
    progress: collections.abc.Callable | None = None,
) -> WriteContributions:
    """
    Who writes one dim of the stream at one token: each block's attention and MLP, and the neurons of one block.

    Args:
        model: With the hooks that it has; loaded from files.
        sequences: Tokens [pos] or [n, pos]; means are over sequences.
        layer: 0-based block whose output, and whose neurons.
        dim: Of the stream.
        position: Of the token in each sequence; None: where |x| of that dim is largest after the block.
        top: Neurons to list.
        step_share: A block steps up or down when it changes the entry's magnitude by this share of its largest.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        WriteContributions.

    Example:
        >>> found = ma.write_contributions(model, [1, 2, 3, 4], layer=1, dim=5)
        >>> abs(found.contributions.sum().item() - found.blocks[1].mlp) < 1e-4
        True
    """

def zero_weights(
    model: Model,
    weights: SuperWeightSearch
    | collections.abc.Sequence[
        typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"]
    ],
) -> list[Intervention]:
    """
    Edits that act as if entries of down-projections were zero; the model's parameters are not touched.

    Two Interventions for each block, of no use apart: register all of them, or put all into one Condition.

    Args:
        model: Loaded from files.
        weights: (layer, dim, neuron), 0-based, each: blocks.{layer}.mlp.down.weight[dim, neuron]. Or a SuperWeightSearch.

    Example:
        >>> ma.Condition("zeroed", ma.zero_weights(model, [(1, 5, 7)]))
        Condition('zeroed', 2 edits)
    """
