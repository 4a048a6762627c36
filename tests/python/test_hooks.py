"""Hooks from Python: what they see, what they may do, how their errors travel, when they go."""

import gc
import sys
import threading
import time
import weakref

import pytest
import torch

import libma as ma

IDS = [1, 2, 3, 4]
SITE = "blocks.1.resid_post"


def identity(x, at):
    return x


def test_every_point_fires_once_with_its_documented_shape(model):
    config = model.config
    sizes = {
        "batch": 2,
        "pos": 3,
        "query_pos": 3,
        "key_pos": 3,
        "d_model": config.d_model,
        "head": config.n_heads,
        "kv_head": config.n_kv_heads,
        "d_head": config.d_head,
        "d_mlp": config.d_mlp,
        "vocab": config.vocab,
        "1": 1,
    }
    fired = []

    def check(x, at):
        expected = [sizes[word] for word in at.shape.strip("[]").split(", ")]
        assert list(x.shape) == expected, at.name
        fired.append(at.name)
        return x

    for name in model.hook_names():
        model.add_hook(name, check)
    model.forward([[1, 2, 3], [4, 5, 6]])
    assert sorted(fired) == sorted(model.hook_names())


def test_identity_hooks_leave_logits_bit_identical(model):
    plain = model.forward(IDS)
    for name in model.hook_names():
        if not name.endswith(("attn_scores", "pattern")):  # those ask for the explicit path
            model.add_hook(name, identity)
    assert torch.equal(model.forward(IDS), plain)
    model.remove_hooks()
    assert torch.equal(model.forward(IDS), plain)


def test_a_hook_replaces_the_activation(model):
    with model.add_hook(SITE, lambda x, at: torch.zeros_like(x)):
        stream = model.run_blocks(model.embed(IDS), 0, 2)
    assert stream.abs().max() == 0


def test_the_tensor_is_passed_without_a_copy(model):
    pointers = []

    def note(x, at):
        pointers.append(x.data_ptr())
        return x

    with model.add_hook(SITE, note):
        stream = model.run_blocks(model.embed(IDS), 0, 2)
    assert pointers == [stream.data_ptr()]


def test_a_hook_sees_its_site_and_tokens_and_may_keep_them(model):
    kept = []

    def keep(x, at):
        kept.append(at)
        return x

    with model.add_hook(SITE, keep):
        model.forward([[1, 2, 3], [4, 5, 0]], mask=torch.tensor([[1, 1, 1], [1, 1, 0]]))
    (at,) = kept
    assert (at.name, at.kind, at.layer, at.shape) == (SITE, "resid_post", 1, "[batch, pos, d_model]")
    assert at.batch.ids.tolist() == [[1, 2, 3], [4, 5, 0]]
    assert at.batch.mask.tolist() == [[True, True, True], [True, True, False]]


def test_hooks_run_in_order_of_registration(model):
    order = []

    def numbered(number):
        def hook(x, at):
            order.append(number)
            return x

        return hook

    handles = [model.add_hook(SITE, numbered(i)) for i in range(3)]
    handles[1].remove()
    model.forward(IDS)
    assert order == [0, 2]


def test_an_exception_arrives_unchanged_and_leaves_the_model_usable(model):
    class OwnError(Exception):
        pass

    error = OwnError("no", 7)

    def fail(x, at):
        raise error

    with model.add_hook(SITE, fail), pytest.raises(OwnError) as caught:
        model.forward(IDS)
    assert caught.value is error
    assert caught.traceback[-1].name == "fail"
    assert model.forward(IDS).shape == (1, 4, model.config.vocab)


def test_keyboard_interrupt_passes_through(model):
    def interrupt(x, at):
        raise KeyboardInterrupt

    with model.add_hook(SITE, interrupt), pytest.raises(KeyboardInterrupt):
        model.forward(IDS)


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (lambda x, at: x.add_(1), "in place"),
        (lambda x, at: None, "returned no tensor"),
        (lambda x, at: 3, "returned int"),
        (lambda x, at: x[:, :1], "expected Float"),
        (lambda x, at: x.double(), "expected Float"),
    ],
)
def test_a_hook_that_breaks_the_rules_is_an_error_that_names_the_site(model, hook, message):
    with model.add_hook(SITE, hook), pytest.raises(ma.ShapeError, match=message) as caught:
        model.forward(IDS)
    assert SITE in str(caught.value)


def test_an_unknown_pattern_names_the_nearest_points(model):
    with pytest.raises(ma.UnknownNameError, match=r"blocks\.0\.resid_post"):
        model.add_hook("blocks.0.resid_pst", identity)
    with pytest.raises(LookupError):
        model.run_with_cache(IDS, ["blocks.7.resid_post"])


def test_a_hook_outlives_its_handle_until_it_is_removed(model):
    count = []

    def hook(x, at):
        count.append(1)
        return x

    model.add_hook(SITE, hook)
    gc.collect()
    model.forward(IDS)
    assert len(count) == 1
    model.remove_hooks()
    model.forward(IDS)
    assert len(count) == 1


def test_a_handle_may_outlive_the_model_and_be_removed_twice(tiny_folder):
    model = ma.load_model(tiny_folder, device="cpu")
    handle = model.add_hook(SITE, identity)
    del model
    gc.collect()
    handle.remove()
    handle.remove()


def test_a_removed_hook_is_released(model):
    class Holder:
        pass

    released = []
    holder = Holder()
    weakref.finalize(holder, released.append, 1)
    handle = model.add_hook(SITE, lambda x, at, holder=holder: x)
    del holder
    gc.collect()
    assert not released
    handle.remove()
    gc.collect()
    assert released


def test_a_hook_may_run_another_pass(model):
    logits = []

    def nested(x, at):
        if at.batch.ids.tolist() == [IDS]:
            logits.append(model.forward([5, 6]))
        return x

    with model.add_hook(SITE, nested):
        model.forward(IDS)
    assert torch.equal(logits[0], model.forward([5, 6]))


def test_passes_run_without_the_gil(model):
    """Between two hooks of a pass another thread runs, though Python itself never switches."""
    counter, marks = [0], []

    def mark(x, at):
        marks.append(counter[0])
        return x

    model.add_hook("embed", mark)
    model.add_hook("logits", mark)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        worker = threading.Thread(target=model.forward, args=(torch.ones(4, 512, dtype=torch.int64),))
        worker.start()
        while worker.is_alive():
            counter[0] += 1
            time.sleep(0)
    finally:
        sys.setswitchinterval(interval)
    assert marks[1] > marks[0]


def test_threads_take_turns_on_one_model(model):
    plain = model.forward(IDS)
    results = []
    model.add_hook(SITE, identity)

    def work():
        for _ in range(20):
            results.append(torch.equal(model.forward(IDS), plain))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [True] * 80


def test_hooks_run_without_autograd(model):
    seen = []

    def note(x, at):
        seen.append((torch.is_grad_enabled(), x.requires_grad))
        return x

    with model.add_hook(SITE, note):
        logits = model.forward(IDS)
    assert seen == [(False, False)]
    assert not logits.requires_grad
    assert torch.is_grad_enabled()
