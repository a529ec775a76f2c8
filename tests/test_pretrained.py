"""Pretrained encoders: networks of timm, local checkpoints, torch.hub; with real files, and without a network."""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from omegaconf import OmegaConf
from PIL import Image
from safetensors.torch import save_file

from cleanbench import UserError, zoo
from cleanbench.core import Floats
from cleanbench.encoders import hub, torch_hub
from cleanbench.encoders.base import Encoder
from cleanbench.encoders.checkpoint import Checkpoint
from cleanbench.encoders.inference import preprocessing, usable
from cleanbench.encoders.pretrained import Pretrained, build
from cleanbench.encoders.torch_hub import TorchHub
from cleanbench.encoders.weights import backbone_state, state_digest
from cleanbench.images import Encoded, Images

VIT, RESNET = "vit_tiny_patch16_224", "resnet10t"
RESNET_REPOSITORY = "timm/resnet10t.c3_in1k"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def vit() -> torch.nn.Module:
    """Return a ViT-tiny for 32 pixels with random weights."""
    return build(VIT, 32, seed=1)


def pictures(count: int = 5) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (30 + i, 40, 3), dtype=np.uint8)) for i in range(count)]


def rows(encoder: Encoder, batch: list[Image.Image] | None = None) -> Floats:
    return encoder.prepare(Images(Encoded(())), Path()).encode(batch or pictures())


def digest(encoder: Encoder) -> str:
    return encoder.prepare(Images(Encoded(())), Path()).digest


def refusal(encoder: Encoder) -> str:
    with pytest.raises(UserError) as caught:
        rows(encoder)
    return str(caught.value)


def fill_cache(cache: Path, repository: str, state: dict[str, torch.Tensor]) -> Path:
    """Write weights as the Hugging Face client leaves them after a download."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    commit = "0123456789" * 4
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text(commit)
    save_file(state, folder / "snapshots" / commit / "model.safetensors")
    return folder / "snapshots" / commit / "model.safetensors"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty Hugging Face cache; the hub is a port that nobody listens on."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hub"


# Networks of timm


def test_rows_are_the_networks_own_answers(vit: torch.nn.Module) -> None:
    transform = timm.data.create_transform(
        **timm.data.resolve_model_data_config(vit, {"img_size": 32}), is_training=False
    )
    with torch.inference_mode():
        expected = vit.eval()(torch.stack([transform(image) for image in pictures()])).numpy()
    found = rows(Pretrained(VIT, image_size=32, weights="random", seed=1))
    assert found.dtype == np.float32
    assert found.shape == (5, 192)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", [VIT, RESNET])
def test_rows_do_not_depend_on_the_batch(model: str) -> None:
    encode = Pretrained(model, image_size=32, weights="random").prepare(Images(Encoded(())), Path()).encode
    together, alone = encode(pictures()), np.concatenate([encode([image]) for image in pictures()])
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-4 * np.abs(together).max())


def test_random_weights_follow_their_seed_alone() -> None:
    state = torch.random.get_rng_state()
    first, again, other = (digest(Pretrained(RESNET, weights="random", seed=seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert torch.equal(torch.random.get_rng_state(), state)


def test_pool_size_and_head_are_settings() -> None:
    token = rows(Pretrained(VIT, image_size=32, weights="random"))
    mean = rows(Pretrained(VIT, image_size=32, weights="random", pool="avg"))
    assert mean.shape == token.shape
    assert not np.allclose(mean, token)
    assert rows(Pretrained(RESNET, image_size=64, weights="random")).shape == (5, 512)
    assert rows(Pretrained(RESNET, image_size=64, weights="random", head=True)).shape == (5, 1000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnet10"}, r"timm has no model 'resnet10'; did you mean .*resnet10t"),
        ({"model": "resnet10t.nonsense"}, r"timm has no weights 'nonsense' of resnet10t; it has resnet10t\.c3_in1k"),
        ({"model": VIT, "threads": 0}, "encoder.threads=0 must be at least 1"),
        ({"model": VIT, "seed": 1.5}, "encoder.seed=1.5 must be a whole number"),
        ({"model": VIT, "image_size": -1}, "image_size=-1"),
        ({"model": VIT, "pool": "nonsense"}, "has no pool='nonsense'"),
        ({"model": VIT, "pool": "avg", "head": True}, "exclude each other"),
        ({"model": VIT, "image_size": 32, "pool": ""}, r"expected one vector per image; choose another encoder.pool"),
        ({"model": RESNET, "device": "nonsense"}, "device=nonsense cannot be used here"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        rows(Pretrained(**{"weights": "random", **settings}))


def test_unknown_weights_are_told() -> None:
    with pytest.raises(UserError, match=r"weights='best' is unknown; choose one of pretrained, random"):
        Pretrained(RESNET, weights="best")
    bare = next(name for name in timm.list_models("vit_*") if not timm.get_pretrained_cfg(name).has_weights)
    with pytest.raises(UserError, match=rf"timm has no weights for {bare}.*encoder.weights=random takes it untrained"):
        Pretrained(bare).identity()
    elsewhere = next(
        name for name in timm.list_models("vit_*", pretrained=True) if not timm.get_pretrained_cfg(name).hf_hub_id
    )
    with pytest.raises(UserError, match=r"on no Hugging Face repository; fetch https://.* and use"):
        Pretrained(elsewhere).identity()


def test_a_missing_device_is_told() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is such a device")
    with pytest.raises(UserError, match=r"device=cuda cannot be used here: .*; use device=cpu"):
        usable("cuda")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_mode": "middle"}, "crop_mode='middle' is unknown; choose one of center, squash, border"),
        ({"interpolation": "cubic"}, "interpolation='cubic' is unknown"),
        ({"mean": [0.5]}, "mean=.*three numbers"),
    ],
)
def test_preprocessing_that_makes_no_sense_is_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        preprocessing(changes)


@pytest.mark.parametrize(
    ("name", "width"), [("imagenet_vit_tiny", 192), ("dino_vit_small", 384), ("dinov2", 384), ("clip", 512)]
)
def test_presets_are_networks_of_the_stated_width(name: str, width: int) -> None:
    assert rows(zoo.load(name, "encoder", weights="random"), pictures(1)).shape == (1, width)


# The Hugging Face cache


def test_a_filled_cache_needs_no_network(cache: Path) -> None:
    network = timm.create_model(RESNET, pretrained=False)
    file = fill_cache(cache, RESNET_REPOSITORY, network.state_dict())
    encoder = Pretrained(RESNET, image_size=64)
    network.reset_classifier(0)
    assert digest(encoder) == state_digest(network)
    before = encoder.identity()
    assert encoder.identity() == before
    assert Pretrained(RESNET, image_size=32).identity() != before
    with torch.no_grad():
        network.conv1[0].weight[0, 0, 0, 0] += 1
    file.unlink()
    save_file({**timm.create_model(RESNET).state_dict(), **network.state_dict()}, file)
    assert encoder.identity() != before
    assert digest(encoder) == state_digest(network)


def test_a_damaged_cache_is_told(cache: Path) -> None:
    fill_cache(cache, RESNET_REPOSITORY, {"x": torch.zeros(1)}).write_bytes(b"nonsense")
    assert "model.safetensors" in refusal(Pretrained(RESNET))


def test_without_network_and_cache_it_says_what_to_do_within_seconds(cache: Path) -> None:
    start = time.perf_counter()
    message = refusal(Pretrained(RESNET))
    assert time.perf_counter() - start < 15
    for part in (
        f"Hugging Face repository {RESNET_REPOSITORY} is not in the cache {cache}",
        "http://127.0.0.1:9 cannot be reached",
        f"hf download {RESNET_REPOSITORY}",
        "models--timm--resnet10t.c3_in1k",
        "HF_HUB_OFFLINE=1",
        f"encoder=checkpoint encoder.model={RESNET} encoder.path=FILE",
    ):
        assert part in message


def test_offline_asks_nobody(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_ask_hub", lambda: pytest.fail("somebody was asked"))
    assert "HF_HUB_OFFLINE forbids" in refusal(Pretrained(RESNET))


def test_a_server_that_keeps_silent_counts_as_absent() -> None:
    start = time.perf_counter()
    assert hub.unreachable(lambda: time.sleep(20), patience=0.2) == "no answer within 0.2 seconds"
    assert time.perf_counter() - start < 5
    assert hub.unreachable(lambda: None) == ""


def test_a_download_that_breaks_off_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def broken(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("connection lost")

    def empty(*_: object, **__: object) -> str:
        raise EntryNotFoundError("404")

    monkeypatch.setattr(hub, "_ask_hub", lambda: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", broken)
    assert "the download failed (connection lost)" in refusal(Pretrained(RESNET))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", empty)
    assert "the repository has none of these files" in refusal(Pretrained(RESNET))


# Local checkpoints


def layouts(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return a state dict as different training code keeps it; nobody else's weights are what is asked for."""
    others = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    head = {"head.mlp.0.weight": torch.zeros(3, 192), "head.last_layer.weight_v": torch.zeros(2, 3)}

    def under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {prefix + name: tensor for name, tensor in tensors.items()}

    return {
        "plain": state,
        "classifier": {**state, "head.weight": torch.zeros(9, 192), "head.bias": torch.zeros(9)},
        "distributed": {"state_dict": under("module.", state), "epoch": 3},
        "compiled": {"model": under("_orig_mod.module.", state)},
        "lightning": {"state_dict": {**under("backbone.", state), **under("projection_head.", head)}, "epoch": 3},
        "dino": {
            "student": under("module.", under("backbone.", others) | head),
            "teacher": under("backbone.", state) | head,
            "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
            "epoch": 500,
            "args": argparse.Namespace(arch="vit_tiny"),
            "config": {"model": {"base_model": "vit_tiny", "eval": {"n_last_blocks": 4}}},
        },
    }


@pytest.mark.parametrize("layout", ["plain", "classifier", "distributed", "compiled", "lightning", "dino"])
def test_every_layout_gives_the_same_network(layout: str, vit: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(layouts(vit.state_dict())[layout], path)
    assert digest(Checkpoint(str(path), model=VIT, image_size=32)) == state_digest(vit)


def test_safetensors_give_the_same_network(vit: torch.nn.Module, tmp_path: Path) -> None:
    save_file(vit.state_dict(), tmp_path / "weights.safetensors")
    encoder = Checkpoint(str(tmp_path / "weights.safetensors"), model=VIT, image_size=32)
    assert digest(encoder) == state_digest(vit)
    np.testing.assert_allclose(rows(encoder), rows(Pretrained(VIT, 32, weights="random", seed=1)), rtol=1e-5)


def test_the_entry_can_be_named(vit: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(layouts(vit.state_dict())["dino"], path)
    student = Checkpoint(str(path), model=VIT, image_size=32, entry="student")
    assert digest(student) != state_digest(vit)
    assert student.identity() != Checkpoint(str(path), model=VIT, image_size=32).identity()
    message = refusal(Checkpoint(str(path), model=VIT, entry="ema"))
    assert "no state dict under 'ema'; it has student, teacher, optimizer, config" in message


def test_position_embeddings_fit_another_size(vit: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(vit.state_dict(), path)
    encoder = Checkpoint(str(path), model=VIT, image_size=64)
    assert digest(encoder) != state_digest(vit)
    assert rows(encoder).shape == (5, 192)


def test_the_path_does_not_matter_but_the_bytes_do(vit: torch.nn.Module, tmp_path: Path) -> None:
    for name in ("a.pth", "b.pth"):
        torch.save(vit.state_dict(), tmp_path / name)
    torch.save({"model": vit.state_dict()}, tmp_path / "c.pth")
    # An archive of torch holds its own name.
    (tmp_path / "b.pth").write_bytes((tmp_path / "a.pth").read_bytes())
    first, copy, other = (Checkpoint(str(tmp_path / f"{name}.pth"), model=VIT, image_size=32) for name in "abc")
    assert first.identity() == copy.identity() != other.identity()
    assert digest(first) == digest(other)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.victim),))


def test_pickled_code_is_refused_with_the_reason(vit: torch.nn.Module, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    torch.save({"state_dict": vit.state_dict(), "callback": Trap(victim)}, tmp_path / "weights.pth")
    message = refusal(Checkpoint(str(tmp_path / "weights.pth"), model=VIT))
    assert "refused: reading it would run code from the file" in message
    assert "mkdir" in message
    assert 'torch.save({"state_dict": model.state_dict()}' in message
    assert not victim.exists()


def test_weights_of_another_network_are_told_by_name(vit: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    state = vit.state_dict()
    del state["norm.bias"]
    state["extra.weight"] = torch.zeros(1)
    torch.save(state, path)
    message = refusal(Checkpoint(str(path), model=VIT, image_size=32))
    assert f"not those of {VIT}: 1 missing: norm.bias; 1 unmatched: extra.weight" in message
    message = refusal(Checkpoint(str(path), model="vit_small_patch16_224", image_size=32))
    assert "of another shape: blocks.0.attn.proj.bias (192,) instead of (384,)" in message
    assert "missing: bn1.bias" in refusal(Checkpoint(str(path), model=RESNET))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as weights"),
        (b"nonsense", "refused|cannot be read as weights"),
    ],
)
def test_damaged_files_are_told(content: bytes, message: str, tmp_path: Path) -> None:
    for name in ("weights.pth", "weights.safetensors"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        rows(Checkpoint(str(tmp_path / "weights.pth"), model=VIT))
    with pytest.raises(UserError, match="no safetensors file, or it is damaged"):
        rows(Checkpoint(str(tmp_path / "weights.safetensors"), model=VIT))


def test_files_without_weights_are_told(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"epoch": 3, "lr": 0.1}, path)
    assert "holds no weights; its keys are epoch, lr" in refusal(Checkpoint(str(path), model=VIT))
    torch.save([torch.zeros(1)], path)
    assert "holds a list, expected a state dict" in refusal(Checkpoint(str(path), model=VIT))
    with pytest.raises(UserError, match=r"encoder.path=.*gone.pth: there is no such file"):
        Checkpoint(str(tmp_path / "gone.pth"), model=VIT).identity()
    with pytest.raises(UserError, match="is not a file"):
        Checkpoint(str(tmp_path), model=VIT).identity()


def test_of_two_parts_the_one_that_fits_is_the_backbone() -> None:
    tensor = torch.zeros(1)
    state = {"module.encoder.w": tensor, "module.encoder.b": tensor, "module.w": tensor, "decoder.w": tensor}
    assert backbone_state(state, {"w", "b"}).keys() == {"w", "b"}


@pytest.fixture
def script(tmp_path: Path) -> tuple[Path, torch.nn.Module]:
    """Return a TorchScript archive and the network in it."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(network, torch.zeros(1, 3, 16, 16)).save(tmp_path / "script.pt")
    return tmp_path / "script.pt", network


def test_torchscript_brings_its_own_network(script: tuple[Path, torch.nn.Module]) -> None:
    path, network = script
    squashed = {"image_size": 16, "crop_mode": "squash", "crop_pct": 1.0, "interpolation": "bilinear"}
    encoder = Checkpoint(str(path), mean=[0, 0, 0], std=[1, 1, 1], **squashed)
    small = [image.resize((16, 16), Image.Resampling.BILINEAR) for image in pictures()]
    pixels = torch.tensor(np.stack([np.asarray(image) for image in small])).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        np.testing.assert_allclose(rows(encoder), network(pixels).numpy(), rtol=1e-4, atol=1e-5)
    assert digest(encoder) == state_digest(network)
    plain = Checkpoint(str(path), **squashed)
    assert plain.identity() != encoder.identity()
    assert not np.allclose(rows(plain), rows(encoder))


def test_a_network_that_takes_no_images_of_that_size_is_told(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 4))
        torch.jit.trace(network, torch.zeros(1, 3, 16, 16)).save(tmp_path / "script.pt")
    assert rows(Checkpoint(str(tmp_path / "script.pt"), image_size=16)).shape[1] == 4
    with pytest.raises(UserError, match=r"fails on images of 32x32 pixels .*; choose another encoder.image_size"):
        rows(Checkpoint(str(tmp_path / "script.pt"), image_size=32))


def test_torchscript_and_state_dicts_are_not_confused(
    script: tuple[Path, torch.nn.Module], vit: torch.nn.Module, tmp_path: Path
) -> None:
    assert "set encoder.model=null" in refusal(Checkpoint(str(script[0]), model=VIT))
    torch.save(vit.state_dict(), tmp_path / "weights.pth")
    message = refusal(Checkpoint(str(tmp_path / "weights.pth")))
    assert "no TorchScript archive" in message
    assert "encoder.model=" in message


# torch.hub


HUBCONF = """
import torch

def tiny(width=4):
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, width))

def broken():
    raise OSError("no weights")
"""


def test_a_local_repository_is_loaded_and_keyed_by_its_code(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text(HUBCONF)
    settings: dict[str, Any] = {"source": "local", "trust": True, "image_size": 16}
    encoder = TorchHub(str(tmp_path), "tiny", {"width": 5}, **settings)
    assert rows(encoder).shape == (5, 5)
    again = TorchHub(str(tmp_path), "tiny", {"width": 5}, **settings)
    assert (again.identity(), digest(again)) == (encoder.identity(), digest(encoder))
    (tmp_path / "hubconf.py").write_text(HUBCONF + "# changed\n")
    changed = TorchHub(str(tmp_path), "tiny", {"width": 5}, **settings)
    assert changed.identity() != encoder.identity()
    assert digest(changed) == digest(encoder)
    assert "cannot load broken of" in refusal(TorchHub(str(tmp_path), "broken", **settings))
    assert "cannot load gone of" in refusal(TorchHub(str(tmp_path), "gone", **settings))


def test_code_of_others_runs_only_with_trust() -> None:
    with pytest.raises(UserError, match=r"runs the Python code of me/mine:v1 .* encoder.trust=true"):
        TorchHub("me/mine:v1", "tiny")
    with pytest.raises(UserError, match="must be owner/name:tag"):
        TorchHub("me/mine", "tiny", trust=True)
    with pytest.raises(UserError, match="source='gitlab' is unknown"):
        TorchHub("me/mine:v1", "tiny", source="gitlab", trust=True)


def test_a_repository_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> object:
        raise OSError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch_hub, "_ask_github", nobody)
    message = refusal(TorchHub("me/mine:v1", "tiny", trust=True))
    assert "me/mine:v1 is not in" in message
    assert "github.com cannot be reached (no route)" in message
    assert str(tmp_path / "hub/me_mine_v1") in message


def test_a_fetched_repository_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch_hub, "_ask_github", lambda: pytest.fail("somebody was asked"))
    (tmp_path / "hub/me_mine_v1").mkdir(parents=True)
    (tmp_path / "hub/me_mine_v1/hubconf.py").write_text(HUBCONF)
    assert rows(TorchHub("me/mine:v1", "tiny", trust=True, image_size=16)).shape == (5, 4)


# Configurations and the command line


GIVEN = {"path": "x", "model": "x", "repository": "a/b:c", "entry": "x", "trust": True}


@pytest.mark.parametrize("name", zoo.available("encoder"))
def test_the_yaml_lists_every_setting_with_its_default(name: str) -> None:
    kind = zoo.load_class(name, "encoder")
    settings = zoo.config_of(
        name, "encoder", **{key: GIVEN[key] for key in GIVEN if key in vars(kind).get("__dataclass_fields__", {})}
    )
    target = settings.pop("_target_")
    fields = kind.__dataclass_fields__
    assert settings.keys() == fields.keys()
    presets = {"model", "image_size", "head"} if name not in ("timm", "checkpoint") else set()
    if target.endswith(("Concat", "Whitened")):
        presets |= {"encoder", "encoders"}
    own = OmegaConf.load(Path(__file__).parents[1] / "conf" / "encoder" / f"{name}.yaml")
    if "simclr" in own.get("defaults", []):  # starts from those settings and states what differs
        presets |= own.keys()
    for key, value in settings.items():
        default = fields[key].default_factory() if callable(fields[key].default_factory) else fields[key].default
        assert key in GIVEN or key in presets or value == default


def command(root: Path, *overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    places = {"CLEANBENCH_CACHE": str(root / "cache"), "HF_HOME": str(root / "hf")}
    arguments = ["method=knn_disagreement", "method.k=2", "dataset=folder", f"dataset.root={root / 'images'}"]
    return subprocess.run(
        [sys.executable, "-m", "cleanbench", *arguments, f"output={root / 'runs'}", *overrides],
        env={**os.environ, **places, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, picture in enumerate(pictures(8)):
        (tmp_path / f"images/{'ab'[number % 2]}").mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / f"images/{'ab'[number % 2]}/{number}.png")
    return tmp_path


def test_the_record_names_the_weights(folder: Path) -> None:
    network = timm.create_model(RESNET, pretrained=False)
    fill_cache(folder / "hf/hub", RESNET_REPOSITORY, network.state_dict())
    done = command(folder, "encoder=timm", f"encoder.model={RESNET}", "encoder.image_size=32", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    network.reset_classifier(0)
    (record,) = (folder / "runs").rglob("record.json")
    encoder = json.loads(record.read_text())["records"][0]["encoder_detail"]
    assert encoder["digest"] == state_digest(network)
    assert encoder["settings"]["model"] == RESNET


def test_the_command_says_what_to_do_without_network(folder: Path) -> None:
    done = command(folder, "encoder=imagenet_vit_tiny", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "hf download timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k" in done.stderr
    assert "Traceback" not in done.stderr


def test_modules_import_nothing_heavy() -> None:
    names = "pretrained, checkpoint, clip, torch_hub, given, concat, whitened"
    code = (
        f"import sys; from cleanbench.encoders import {names};"
        "print(sorted({'torch', 'timm', 'huggingface_hub', 'safetensors', 'pyarrow'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
