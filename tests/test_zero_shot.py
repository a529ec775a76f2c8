"""CLIP's text tower, with weights as they are published and without a network; and the method that reads it."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.special import log_softmax
from timm.data import create_transform

from cleanbench import Issue, NotApplicable, UserError, View
from cleanbench.core import Floats
from cleanbench.encoders import hub
from cleanbench.encoders.clip import Clip
from cleanbench.encoders.hog import HOG
from cleanbench.encoders.hub import OutOfReach
from cleanbench.encoders.inference import preprocessing
from cleanbench.encoders.pretrained import Pretrained
from cleanbench.images import Encoded, Images
from cleanbench.methods.zero_shot import ZeroShot

MODEL = "vit_xsmall_patch16_clip_224.tinyclip_yfcc15m"  # the smallest CLIP of timm
REPOSITORY = f"timm/{MODEL}"
SETTINGS: dict[str, Any] = {
    "embed_dim": 512,
    "vision_cfg": {"image_size": 224, "layers": 10, "width": 256, "head_width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2},
}
NAMES = ("cat", "golden_retriever", "dog")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty Hugging Face cache; the hub is a port that nobody listens on."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf/hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hf/hub"


@pytest.fixture(scope="module")
def network() -> open_clip.CLIP:
    """Return a CLIP with random weights that are not nearly zero, as OpenCLIP makes it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = open_clip.CLIP(**SETTINGS)
        for parameter in network.parameters():
            parameter.data += 0.02 * torch.randn_like(parameter)
    return network.eval()


def fill_cache(cache: Path, network: open_clip.CLIP, settings: dict[str, Any] = SETTINGS, suffix: str = "") -> Path:
    """Write both towers as OpenCLIP publishes them and timm reads them; return the folder."""
    folder = cache / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("0123456789" * 4)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text("0123456789" * 4)
    (snapshot / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings, "preprocess_cfg": {}}, indent=2))
    if suffix == ".bin":
        torch.save(network.state_dict(), snapshot / "open_clip_pytorch_model.bin")
    else:
        save_file(network.state_dict(), snapshot / "open_clip_model.safetensors")
    save_file(network.state_dict(), snapshot / "model.safetensors")
    return snapshot


def expected(network: open_clip.CLIP, *prompts: str) -> Floats:
    """Return the mean of normalised embeddings of texts, as the paper has it."""
    rows = []
    for name in ("cat", "golden retriever", "dog"):
        with torch.inference_mode():
            texts = network.encode_text(open_clip.tokenize([prompt.format(name) for prompt in prompts])).numpy()
        mean = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.array(rows)


# The text tower


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("prompts", [["a photo of a {}."], ["a photo of a {}.", "a {}, close up"]])
def test_classes_are_means_of_their_prompts(
    cache: Path, network: open_clip.CLIP, suffix: str, prompts: list[str]
) -> None:
    fill_cache(cache, network, suffix=suffix)
    found = Clip(MODEL, head=True, prompts=prompts).embed_classes(NAMES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(network, *prompts), atol=1e-6)
    assert np.ptp(found @ found.T) > 0.01  # they are different


def test_images_are_embedded_in_the_same_space(cache: Path, network: open_clip.CLIP) -> None:
    fill_cache(cache, network)
    noise = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    images = [Image.fromarray(pixels) for pixels in noise]
    found = Clip(MODEL, head=True).prepare(Images(Encoded(())), Path()).encode(images)
    # timm crops a little off the border, which OpenCLIP does not; both take the same pixels here.
    transform = create_transform(**preprocessing({}, timm.get_pretrained_cfg(MODEL).to_dict()), is_training=False)
    with torch.inference_mode():
        whole = network.encode_image(torch.stack([transform(image) for image in images])).numpy()
    np.testing.assert_allclose(found, whole, atol=1e-3 * np.abs(whole).max())


def test_the_activation_is_the_one_that_the_file_states(cache: Path, network: open_clip.CLIP) -> None:
    quick = {**SETTINGS, "quick_gelu": True}
    fill_cache(cache, network, quick)
    other = open_clip.CLIP(**quick)
    other.load_state_dict(network.state_dict())
    found = Clip(MODEL, head=True).embed_classes(NAMES)
    np.testing.assert_allclose(found, expected(other.eval(), "a photo of a {}."), atol=1e-6)
    assert not np.allclose(found, expected(network, "a photo of a {}."), atol=1e-4)


def test_a_tower_under_a_name_of_its_own_is_the_same(cache: Path, network: open_clip.CLIP) -> None:
    snapshot = fill_cache(cache, network)
    text = ("transformer.", "token_embedding", "positional_embedding", "ln_final", "text_projection")
    state = {f"text.{name}" if name.startswith(text) else name: value for name, value in network.state_dict().items()}
    save_file(state, snapshot / "open_clip_model.safetensors")
    np.testing.assert_allclose(
        Clip(MODEL, head=True).embed_classes(NAMES), expected(network, "a photo of a {}."), atol=1e-6
    )


def test_random_numbers_of_the_caller_stay_as_they_were(cache: Path, network: open_clip.CLIP) -> None:
    fill_cache(cache, network)
    state = torch.random.get_rng_state()
    Clip(MODEL, head=True).embed_classes(NAMES)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_identities_cover_what_decides_each_tower(cache: Path, network: open_clip.CLIP) -> None:
    snapshot = fill_cache(cache, network)
    encoder, other = Clip(MODEL, head=True), Clip(MODEL, head=True, prompts=["{}"])
    assert encoder.identity() == other.identity() == Pretrained(MODEL, head=True).identity()
    first = encoder.class_identity()
    assert first == Clip(MODEL, head=True, threads=2, device="meta").class_identity() != other.class_identity()
    assert other.settings()["prompts"] == ["{}"]
    config = snapshot / "open_clip_config.json"
    config.write_text(config.read_text().replace('"model_cfg": {', '"model_cfg": {"quick_gelu": true,'))
    assert encoder.class_identity() != first
    second = encoder.class_identity()
    save_file({**network.state_dict(), "ln_final.bias": torch.ones(64)}, snapshot / "open_clip_model.safetensors")
    assert encoder.class_identity() not in (first, second)


def test_settings_without_a_space_in_common_are_told() -> None:
    with pytest.raises(NotApplicable, match="untrained network"):
        Clip(MODEL, head=True, weights="random").embed_classes(NAMES)
    with pytest.raises(UserError, match=r"encoder.head=false leaves out the projection"):
        Clip(MODEL).embed_classes(NAMES)
    for prompts in ([], ["a photo"], "a {}"):
        with pytest.raises(UserError, match=r"encoder.prompts=.*must be a list of texts, each with \{\}"):
            Clip(MODEL, prompts=prompts)
    with pytest.raises(NotApplicable, match="HOG has no text tower; encoder=clip has one"):
        HOG().embed_classes(NAMES)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    for ask in (Clip(MODEL, head=True).class_identity, lambda: Clip(MODEL, head=True).embed_classes(NAMES)):
        with pytest.raises(NotApplicable, match=re.escape("pip install 'cleanbench[clip]'")):
            ask()


def test_without_network_and_cache_it_says_what_to_do_within_seconds(cache: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(OutOfReach) as caught:
        Clip(MODEL, head=True).embed_classes(NAMES)
    assert time.perf_counter() - start < 15
    for part in (f"open_clip_config.json of the Hugging Face repository {REPOSITORY}", f"hf download {REPOSITORY}"):
        assert part in str(caught.value)


def test_a_filled_cache_asks_nobody(cache: Path, network: open_clip.CLIP, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(cache, network)
    monkeypatch.setattr(hub, "_ask_hub", lambda: pytest.fail("somebody was asked"))
    assert Clip(MODEL, head=True).embed_classes(NAMES).shape == (3, 512)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"embed_dim": 256}, UserError, "not those that .* describes: 1 of another shape: text_projection"),
        ({"text_cfg": {**SETTINGS["text_cfg"], "layers": 3}}, UserError, "missing: transformer.resblocks.2"),
        ({"text_cfg": {"hf_tokenizer_name": "timm/ViT-B-16-SigLIP"}}, NotApplicable, "tokenizer timm/ViT-B-16-SigLIP"),
        ({"text_cfg": None}, UserError, "does not describe a CLIP"),
    ],
)
def test_other_towers_are_told(
    cache: Path, network: open_clip.CLIP, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    fill_cache(cache, network, {**SETTINGS, **change})
    with pytest.raises(error, match=message):
        Clip(MODEL, head=True).embed_classes(NAMES)


# The method


def labelled(count: int = 60) -> tuple[Floats, np.ndarray, np.ndarray]:
    """Return images around the means of three classes and their labels, every tenth of them wrong."""
    rng = np.random.default_rng(0)
    classes = rng.integers(3, size=count)
    means = rng.normal(size=(3, 16))
    labels = np.where(np.arange(count) % 10 == 0, (classes + 1) % 3, classes)
    return means[classes] + 0.2 * rng.normal(size=(count, 16)), labels, means


@pytest.mark.parametrize("temperature", [None, 0.01])
def test_a_planted_class_is_found(temperature: float | None) -> None:
    rows, labels, means = labelled()
    view = View.from_arrays(embeddings=rows, labels=labels, class_embeddings=means)
    scores = ZeroShot(temperature).rank(Issue.LABEL_ERROR, view).scores
    wrong = np.arange(60) % 10 == 0
    assert scores[wrong].min() > scores[~wrong].max()


def test_scores_are_those_of_their_definition() -> None:
    rows, labels, means = labelled()
    view = View.from_arrays(embeddings=rows * 7, labels=labels, class_embeddings=means * 3)
    cosines = (rows @ means.T) / np.linalg.norm(rows, axis=1)[:, None] / np.linalg.norm(means, axis=1)
    others = np.array([np.delete(row, label).max() - row[label] for row, label in zip(cosines, labels, strict=True)])
    np.testing.assert_allclose(ZeroShot().rank(Issue.LABEL_ERROR, view).scores, others, atol=1e-12)
    believed = -log_softmax(cosines / 0.05, axis=1)[np.arange(60), labels]
    np.testing.assert_allclose(ZeroShot(0.05).rank(Issue.LABEL_ERROR, view).scores, believed, rtol=1e-9, atol=1e-14)
    assert np.isfinite(ZeroShot(1e-9).rank(Issue.LABEL_ERROR, view).scores).all()


def test_what_cannot_be_compared_is_refused() -> None:
    rows, labels, means = labelled()
    with pytest.raises(NotApplicable, match="images have 16 values, those of class names 8"):
        ZeroShot().rank(
            Issue.LABEL_ERROR, View.from_arrays(embeddings=rows, labels=labels, class_embeddings=means[:, :8])
        )
    with pytest.raises(NotApplicable, match="one class"):
        ZeroShot().rank(
            Issue.LABEL_ERROR, View.from_arrays(embeddings=rows, labels=labels * 0, class_embeddings=means[:1])
        )
    with pytest.raises(UserError, match="temperature=0 must be greater than 0"):
        ZeroShot(0)


# The command line


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(8):
        path = tmp_path / "images" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(path)
    return tmp_path


def command(root: Path, *overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    places = {"CLEANBENCH_CACHE": str(root / "cache"), "HF_HOME": str(root / "hf")}
    arguments = ["method=zero_shot", "dataset=folder", f"dataset.root={root / 'images'}", f"output={root / 'runs'}"]
    return subprocess.run(
        [sys.executable, "-m", "cleanbench", *arguments, *overrides],
        env={**os.environ, **places, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_is_found_again_unless_the_prompts_change(pictures: Path, network: open_clip.CLIP, cache: Path) -> None:
    fill_cache(cache, network)
    runs = []
    for prompt in ("a photo of a {}.", "a photo of a {}.", "a drawing of a {}."):
        done = command(pictures, f"encoder.model={MODEL}", f'encoder.prompts=["{prompt}"]', HF_HUB_OFFLINE="1")
        assert done.returncode == 0, done.stderr
        runs.append(len(list((pictures / "runs").rglob("record.json"))))
    assert runs == [1, 1, 2]
    record = json.loads(next((pictures / "runs").rglob("record.json")).read_text())["records"][0]
    assert record["encoder"] == record["paper_encoder"] == "clip"
    assert record["encoder_detail"]["settings"]["prompts"] in (["a photo of a {}."], ["a drawing of a {}."])


def test_without_weights_or_a_text_tower_the_table_says_so(pictures: Path) -> None:
    done = command(pictures, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert "not run: open_clip_config.json of the Hugging Face repository" in " ".join(done.stdout.split())
    done = command(pictures, "encoder=hog")
    assert done.returncode == 0, done.stderr
    assert "has no text tower" in " ".join(done.stdout.split())
