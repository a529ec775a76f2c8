"""Self-supervised encoders: five objectives, resuming, failing clearly."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleanbench import UserError
from cleanbench.encoders.extraction import Embeddings, extract
from cleanbench.encoders.ssl.encoder import SelfSupervised
from cleanbench.images import Encoded, Images
from cleanbench.store import Store

torch = pytest.importorskip("torch")

TINY = SelfSupervised(
    width=8, size=16, epochs=3, warmup=1, batch_size=16, head_width=32, head_outputs=16, rank_floor=1.2
)
VIT = {"backbone": "vit_tiny_patch16_224", "patch": 8, "epochs": 2}
PRESETS = {
    "simclr": TINY,
    "byol": replace(TINY, objective="byol"),
    "vicreg": replace(TINY, objective="vicreg"),
    "dino": replace(TINY, objective="dino", local_crops=2, local_size=8, clip=3.0),
    "mae": replace(TINY, objective="mae", pool="avg", **VIT),
    "dino_vit": replace(TINY, objective="dino", local_crops=3, local_size=8, drop_path=0.1, accumulate=2, **VIT),
    "simclr_timm": replace(TINY, backbone="resnet18", epochs=2, precision="bf16-mixed"),
}
CHILD = """
import json, os, signal, sys
from pathlib import Path
from test_ssl_training import pictures
from cleanbench.encoders.ssl import objectives
from cleanbench.encoders.ssl.encoder import SelfSupervised

settings, folder, last = SelfSupervised(**json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
kind = objectives.OBJECTIVES[settings.objective]
forward, passes = kind.forward, 0


def forward_until(self, views):
    global passes
    passes += 1
    if passes == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return forward(self, views)


kind.forward = forward_until
print(settings.prepare(pictures(), folder).digest)
"""


def pictures(count: int = 48) -> Images:
    """Return soft patches of colour, unlike each other."""
    import io

    files = []
    for values in np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8):
        buffer = io.BytesIO()
        Image.fromarray(values).resize((20, 18), Image.Resampling.BICUBIC).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return Images(Encoded(tuple(files)))


def child(settings: SelfSupervised, folder: Path, last: int = 0) -> "subprocess.CompletedProcess[str]":
    """Train in another process, which kills itself in forward pass number ``last``."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", CHILD, json.dumps(asdict(settings)), str(folder), str(last)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path})


@pytest.mark.parametrize("name", PRESETS)
def test_objectives_train(name: str, tmp_path: Path) -> None:
    settings, images = PRESETS[name], pictures()
    fitted = settings.prepare(images, tmp_path)
    history = fitted.history
    assert set(history) == {"loss", "learning_rate", "effective_rank", "seconds", "cpu_seconds"}
    assert all(len(values) == settings.epochs for values in history.values())
    assert np.isfinite(history["loss"]).all()
    assert min(history["effective_rank"]) > settings.rank_floor
    assert history["learning_rate"][-1] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.json", "weights.safetensors"]
    embedded = fitted.encode([images[index] for index in range(10)])
    assert embedded.dtype == np.float32
    assert embedded.shape == (10, {"mae": 192, "dino_vit": 192, "simclr_timm": 512}.get(name, 64))
    singly = np.concatenate([fitted.encode([images[index]]) for index in range(10)])
    np.testing.assert_allclose(singly, embedded, rtol=0, atol=1e-4 * np.abs(embedded).max())
    assert np.array_equal(fitted.encode([images[index] for index in range(10)]), embedded), "encoding changes nothing"


def test_loss_goes_down(tmp_path: Path) -> None:
    # Views that are easy to match, or so small a network needs long.
    settings = replace(TINY, epochs=30, batch_size=48, jitter=0.0, hue=0.0, gray=0.0, crop_smallest=0.6)
    history = settings.prepare(pictures(), tmp_path).history
    assert np.mean(history["loss"][-5:]) < np.mean(history["loss"][:5]) - 0.5


def test_seed_decides_the_weights_and_other_randomness_does_not(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = TINY.prepare(pictures(), tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), before), "the caller's random state stays"
    torch.manual_seed(6)
    assert TINY.prepare(pictures(), tmp_path / "b").digest == first.digest
    assert replace(TINY, seed=1).prepare(pictures(), tmp_path / "c").digest != first.digest
    other = child(TINY, tmp_path / "d")
    assert other.stdout.strip() == first.digest, other.stderr


@pytest.mark.parametrize("name", ["dino_vit", "mae"])
def test_killed_training_resumes_to_the_same_weights(name: str, tmp_path: Path) -> None:
    settings, images = PRESETS[name], pictures()
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = settings.prepare(images, tmp_path / "whole")
    # Three batches an epoch: the fifth is the second of the second epoch.
    killed = child(settings, tmp_path / "killed", last=5)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    names = {path.name for path in (tmp_path / "killed").iterdir()}
    assert names == {"checkpoint.pt", "pixels.npy"}
    # What a kill in the middle of writing leaves.
    for half in ("checkpoint.pt.tmp", "weights.safetensors.tmp", "pixels.npy.tmp"):
        (tmp_path / "killed" / half).write_bytes(b"half")
    resumed = settings.prepare(images, tmp_path / "killed")
    assert resumed.digest == whole.digest
    assert resumed.history["loss"] == whole.history["loss"]
    assert resumed.history["effective_rank"] == whole.history["effective_rank"]


def test_finished_training_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = TINY.prepare(pictures(), tmp_path)
    from cleanbench.encoders.ssl import training

    monkeypatch.setattr(training, "_work", None)
    again = TINY.prepare(pictures(), tmp_path)
    assert (again.digest, again.history) == (first.digest, first.history)


def test_no_epochs_keep_the_random_weights(tmp_path: Path) -> None:
    fitted = replace(TINY, epochs=0).prepare(pictures(), tmp_path)
    assert fitted.history["loss"] == []
    assert fitted.encode([pictures()[0]]).shape == (1, 64)


def test_accumulation_takes_fewer_steps_of_more_images(tmp_path: Path) -> None:
    fitted = replace(TINY, accumulate=2).prepare(pictures(), tmp_path)
    assert np.isfinite(fitted.history["loss"]).all()


def test_loss_that_is_not_finite_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not finite in epoch \d of 3; lower learning_rate=1e\+30, set clip"):
        replace(TINY, learning_rate=1e30, warmup=0).prepare(pictures(), tmp_path)


def test_collapse_is_told_again_and_again(tmp_path: Path) -> None:
    settings = replace(TINY, rank_floor=40.0, rank_patience=2)
    for _ in range(2):
        with pytest.raises(UserError, match=r"simclr collapsed: .* below rank_floor=40 for 2 epochs, .* after epoch 2"):
            settings.prepare(pictures(), tmp_path)
    # A lower floor goes on with the same training.
    assert len(replace(settings, rank_floor=1.0).prepare(pictures(), tmp_path).history["loss"]) == 3


@pytest.mark.parametrize("count", [2, 3])
def test_too_few_images_are_told_from_a_collapse(count: int, tmp_path: Path) -> None:
    settings = replace(TINY, rank_floor=2.0)
    with pytest.raises(UserError, match=f"training needs at least 4 images, there are {count}: .* encoder=hog"):
        settings.prepare(pictures(count), tmp_path)
    assert not list(tmp_path.iterdir()), "told before anything is done"
    replace(settings, epochs=0).prepare(pictures(count), tmp_path)


def test_the_fewest_images_train(tmp_path: Path) -> None:
    assert len(replace(TINY, rank_floor=2.0, epochs=6).prepare(pictures(4), tmp_path).history["loss"]) == 6


def test_a_floor_is_held_against_embeddings_that_are_found(tmp_path: Path) -> None:
    def embedded(floor: float) -> Embeddings:
        return extract(replace(TINY, rank_floor=floor), pictures(), "pixels", Store(tmp_path))

    assert embedded(0.0).computed
    with pytest.raises(UserError, match="collapsed: their effective rank was below rank_floor=40 for 3 epochs"):
        embedded(40.0)
    assert not embedded(1.2).computed


def test_network_that_ignores_its_images_collapses(tmp_path: Path) -> None:
    black = Images(Encoded(pictures().source.files[:1] * 32))
    with pytest.raises(UserError, match="collapsed: their effective rank was below"):
        TINY.prepare(black, tmp_path)


def test_teacher_follows_with_statistics_of_its_own(tmp_path: Path) -> None:
    from cleanbench.encoders.ssl.objectives import DINO

    torch.manual_seed(0)
    objective = DINO(PRESETS["dino"])
    start = {name: value.clone() for name, value in objective.teacher.state_dict().items()}
    assert all(torch.equal(value, objective.backbone.state_dict()[name]) for name, value in start.items())
    objective.train()
    crops = [torch.randn(16, 3, side, side) for side in (16, 16, 8, 8)]
    objective(crops).backward()
    assert all(weights.grad is None for weights in objective.teacher.parameters())
    state = objective.teacher.state_dict()
    moved = {name for name, value in state.items() if not torch.equal(value, start[name])}
    assert moved == {name for name in state if "running" in name or "num_batches" in name}
    assert not torch.equal(state["stem.1.running_mean"], objective.backbone.state_dict()["stem.1.running_mean"]), (
        "the student's statistics come from small crops too"
    )
    with torch.no_grad():
        for weights in objective.backbone.parameters():
            weights.add_(1)
    objective.after_update(step=0, steps=100)
    expected = start["stem.0.weight"] + (1 - PRESETS["dino"].momentum)
    torch.testing.assert_close(objective.teacher.state_dict()["stem.0.weight"], expected)
    assert objective.embedder() is objective.teacher


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "dyno"}, "objective='dyno' is none of 'byol', 'dino'"),
        ({"precision": "16"}, "precision='16' is none of"),
        ({"epochs": -1}, "epochs=-1 must not be negative"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"flip": 2.0}, "flip=2.0 must be between 0 and 1"),
        ({"epochs": "many"}, "encoder.epochs='many' must be a whole number"),
        ({"epochs": 2.5}, r"encoder.epochs=2.5 must be a whole number"),
        ({"learning_rate": float("nan")}, "encoder.learning_rate=nan must be a number"),
        ({"pretrained": 1}, "encoder.pretrained=1 must be true or false"),
        ({"device": None}, "encoder.device=None must be a text"),
        ({"temperature": 0}, "temperature=0 must be above 0"),
        ({"teacher_temperature": 0.0}, "teacher_temperature=0 must be above 0"),
        ({"crop_smallest": 1.5}, "crop_smallest=1.5 must be between 0 and 1"),
        ({"crop_smallest": 0.0}, "crop_smallest=0 must be above 0"),
        ({"size": 0}, "size=0 must be at least 1"),
        ({"mask_ratio": 1.0}, "mask_ratio=1 must be below 1"),
        ({"objective": "mae", "mask_ratio": 0.0}, "mask_ratio=0 hides no patch"),
        ({"blur_sigma": 0.0}, "blur_sigma=0 must be at least 0.1 pixels"),
        ({"local_smallest": 0.5}, "local_smallest=0.5 must not be above local_largest=0.25"),
        ({"local_crops": 2}, "only dino compares crops of two sizes"),
        ({"pretrained": True}, "no pretrained weights of small_resnet"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SelfSupervised(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "resnet17"}, "backbone='resnet17' is neither small_resnet nor a model of timm"),
        ({"backbone": "resnet18", "patch": 4}, "patch and pool are settings of vision transformers"),
        ({"backbone": "vit_tiny_patch16_224", "size": 20, "patch": 8}, "patch=8 must divide size=20"),
        ({"objective": "mae"}, "mae hides patches, which small_resnet has not"),
        ({"precision": "16-mixed"}, "precision=16-mixed needs a GPU"),
        ({"device": "cuda:9"}, "device='cuda:9' cannot be used"),
        ({"device": "cpu:1"}, "device='cpu:1' cannot train; choose cpu, mps, cuda"),
        ({"device": "meta"}, "device='meta' cannot train; choose cpu, mps, cuda"),
        ({"backbone": "swin_tiny_patch4_window7_224"}, "takes no images of size=16: Input height"),
        ({"objective": "mae", "head_width": 33, **VIT}, "head_width=33 does not fit 1 heads"),
        ({"batch_size": 2, "devices": 2}, "less than two images for a device"),
    ],
)
def test_what_cannot_be_trained_is_told(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        replace(TINY, **settings).prepare(pictures(), tmp_path)


def test_settings_of_the_encoder_import_no_torch() -> None:
    code = (
        "import sys; from cleanbench.encoders.ssl.encoder import SelfSupervised; SelfSupervised().identity();"
        "print(sorted({'torch', 'lightly', 'timm', 'lightning'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_presets_compose_and_simclr_states_the_defaults() -> None:
    from cleanbench import zoo

    assert zoo.load("simclr", "encoder") == SelfSupervised()
    for name in ("byol", "dino", "mae", "vicreg"):
        assert zoo.load(name, "encoder").objective == name
    paper = zoo.load("dino_selfclean", "encoder")
    assert (paper.objective, paper.epochs, paper.local_crops, paper.size) == ("dino", 500, 12, 224)
