"""What a run computes on: what `hardware=auto` chooses, and a network that torch compiles."""

import pytest
import torch
from hyperplane.devices import detection
from hyperplane.tasks.task import Task
from hyperplane.validation import check


@pytest.fixture
def chosen(train, monkeypatch):
    """`chosen("model=mlp", gpus=2)`: what is chosen for these settings on a machine with so many GPUs."""

    def chosen(*overrides, gpus=0, has_bf16=False, has_mps=False):
        with monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
            patch.setattr(torch.cuda, "device_count", lambda: gpus)
            patch.setattr(torch.cuda, "get_device_name", lambda: "H100")
            patch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_bf16)
            patch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
            patch.setattr("my_research.train.train", lambda config: found.append(check(config)))
            found = []
            train("hardware=auto", *overrides)
            hardware = detection.choose(found[0])
        return hardware.accelerator, hardware.devices, hardware.precision

    return chosen


def test_auto_takes_what_the_machine_has(chosen, monkeypatch):
    assert chosen() == ("cpu", 1, "32-true")
    assert chosen(has_mps=True) == ("mps", 1, "32-true")
    assert chosen(gpus=1) == ("gpu", 1, "32-true")
    assert chosen(gpus=4, has_bf16=True, has_mps=True) == ("gpu", 4, "bf16-mixed")
    assert chosen("hardware.devices=2", "hardware.precision=64-true", gpus=4) == ("gpu", 2, "64-true")
    monkeypatch.setenv(detection.SLOT, "1")
    assert chosen(gpus=4) == ("gpu", 1, "32-true"), "jobs side by side take a GPU each"


def test_auto_knows_what_model_and_optimizer_can_use(chosen):
    assert chosen("optimizer=lbfgs", gpus=4, has_bf16=True) == ("gpu", 1, "32-true")
    assert chosen("model=kernel_svm", "data=moons", gpus=4, has_bf16=True) == ("cpu", 1, "32-true")


def test_a_run_says_what_was_chosen_and_records_it(train, command):
    done = train("hardware=auto", "data=moons", "hardware.accelerator=cpu", "hardware.matmul_precision=high")
    said = [line for line in done.stderr.splitlines() if "Hardware: " in line]
    assert len(said) == 1 and "devices=1 (there is one), precision=32-true (" in said[0]
    found = {"accelerator": "cpu", "devices": 1, "precision": "32-true", "matmul_precision": "high", "compile": False}
    assert found.items() <= done.summary["hardware"].items()
    assert command("evaluate", f"run={done.folder}").stderr.count("as in summary.json") == 2


def test_a_compiled_network_learns_the_same_under_the_same_names(train, command, monkeypatch):
    # 720 samples: the last batch of an epoch is smaller than the others.
    settings = ("data=moons", "data.batch_size=100", "trainer.max_epochs=2", "trainer.gradient_clip_val=1")
    plain = train(*settings)
    calls, compile_in_place = [], torch.nn.Module.compile

    def without_code(network):  # as torch.compile does it, up to the code that a C++ compiler would take a minute for
        calls.append(type(network).__name__)
        compile_in_place(network, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", without_code)
    compiled = train(*settings, "hardware.compile=true")
    assert calls == ["MLP"] and compiled.summary["hardware"]["compile"] is True
    assert compiled.summary["metrics"] == plain.summary["metrics"]
    states = [torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True) for done in (plain, compiled)]
    first, second = (state["state_dict"] for state in states)
    assert list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)
    assert command("evaluate", f"run={compiled.folder}").stderr.count("as in summary.json") == 2


def test_a_missing_compiler_is_named_before_the_training(train, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = train("data=moons", "hardware.compile=true", status=2)
    assert "needs a C++ compiler (no-such-compiler, or" in done.stderr and "hardware.compile=false" in done.stderr
    assert not done.folders


def test_what_torch_cannot_compile_is_a_sentence(train, monkeypatch):
    failed = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})

    def step(self, batch, batch_idx):
        raise failed("CppCompileError: Python.h is missing\nand a long listing")

    monkeypatch.setattr(Task, "training_step", step)
    done = train("data=moons", status=1)
    assert "could not compile the network (CppCompileError: Python.h is missing)" in done.summary["error"]
    assert "hardware.compile=false" in done.stderr and "listing" not in done.stderr


def test_gradients_that_are_spread_over_ranks_are_clipped_by_the_norm_of_all(tmp_path):
    from hyperplane.devices.strategies import ShardedPrecision

    gradients = [torch.tensor([3.0, 0.0, 0.0]), torch.tensor([]), torch.tensor([0.0, 4.0])]
    parameters = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'ranks'}", rank=0, world_size=1)
    try:
        ShardedPrecision("32-true").clip_grad_by_norm(optimizer, 10.0)
        assert parameters[0].grad[0] == 3 and parameters[2].grad[1] == 4, "a norm of 5 is below 10"
        ShardedPrecision("32-true").clip_grad_by_norm(optimizer, 1.0)
    finally:
        torch.distributed.destroy_process_group()
    assert parameters[0].grad[0].item() == pytest.approx(0.6) and parameters[2].grad[1].item() == pytest.approx(0.8)
