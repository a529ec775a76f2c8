"""CLIP: timm's image tower, and OpenCLIP's text tower for names of classes."""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from cleanbench.core import Floats, UserError, digest_of
from cleanbench.encoders.files import file_digest
from cleanbench.encoders.hub import hub_file
from cleanbench.encoders.inference import torch_threads, usable
from cleanbench.encoders.pretrained import Pretrained, check_name, published
from cleanbench.encoders.weights import mismatch, read_state
from cleanbench.view import NotApplicable, source_digest

# As OpenCLIP publishes both towers, in the repositories from which timm takes the image towers.
CONFIG = "open_clip_config.json"
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

BATCH = 256  # texts at once

# A CLIP is made as a whole; its image tower is timm's here, so this one is as small as can be and thrown away.
NO_IMAGES = {"image_size": 32, "patch_size": 32, "width": 64, "layers": 1}


@dataclass(frozen=True)
class Clip(Pretrained):
    """Embeds images as `Pretrained` does, and class names in the same space.

    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (ICML 2021). A class is
    embedded as in section 3.1.4: its name in each of the prompts, each embedding scaled to length 1, their mean scaled
    to length 1. Underscores in names become spaces. The text tower and its tokenizer are those of OpenCLIP
    (https://github.com/mlfoundations/open_clip), with the weights that it publishes beside timm's.

    Attributes:
        prompts: Texts with ``{}`` in place of a class name. They do not touch the embeddings of images.
    """

    prompts: Sequence[str] = field(default_factory=lambda: ["a photo of a {}."], metadata={"identity": False})

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a setting makes no sense.
        """
        super().__post_init__()
        if isinstance(self.prompts, str) or not self.prompts or not all("{}" in prompt for prompt in self.prompts):
            raise UserError(
                f"encoder.prompts={self.prompts!r} must be a list of texts, each with {{}} for the name of a class"
            )

    def identity(self) -> str:
        """Return the identity of the image tower, which is that of ``encoder=timm`` with these settings."""
        return self._image_tower().identity()

    def settings(self) -> dict[str, Any]:
        """Return what records say of it."""
        return {**super().settings(), "prompts": list(self.prompts)}

    def class_identity(self) -> str:
        """Return a digest of the prompts, the text tower's weights and configuration, and code.

        Raises:
            NotApplicable: If OpenCLIP is not installed, or the tower needs another tokenizer.
            UserError: If the settings leave no space in common, or the weights cannot be had.
        """
        config, weights = self._text_files()
        files = (file_digest(file) for file in (config, weights))
        return digest_of([source_digest(Clip), _open_clip_version(), *files, *self.prompts])

    def embed_classes(self, classes: Sequence[str]) -> Floats:
        """Return an embedding of length 1 of each class name, float32, shape ``(len(classes), D)``.

        Raises:
            NotApplicable: As for `class_identity`.
            UserError: As for `class_identity`.
        """
        import torch

        config, weights = self._text_files()
        tower, tokenizer = _text_tower(config, weights)
        place = usable(self.device)
        tower.to(place)
        names = [name.replace("_", " ") for name in classes]
        with torch_threads(self.threads), torch.inference_mode():
            total = torch.zeros((), device=place)
            for prompt in self.prompts:
                tokens = tokenizer([prompt.replace("{}", name) for name in names]).to(place)
                total = total + torch.cat([tower.encode_text(part, normalize=True) for part in tokens.split(BATCH)])
            mean = torch.nn.functional.normalize(total, dim=-1)
        embeddings: Floats = mean.float().cpu().numpy().astype(np.float32, copy=False)
        return embeddings

    def _image_tower(self) -> Pretrained:
        return Pretrained(**{item.name: getattr(self, item.name) for item in fields(Pretrained)})

    def _text_files(self) -> tuple[Path, Path]:
        """Return the files of the text tower's configuration and weights."""
        _open_clip_version()
        if self.weights == "random":
            raise NotApplicable("encoder.weights=random: an untrained network shares no space with texts")
        if not self.head:
            raise UserError(
                "encoder.head=false leaves out the projection into the space that images share with texts; set it true"
            )
        check_name(self.model)
        repository = published(self.model).hf_hub_id
        cure = f"it holds the text tower of {self.model}"
        return hub_file(repository, (CONFIG,), cure), hub_file(repository, WEIGHTS, cure)


def _open_clip_version() -> str:
    try:
        return importlib.metadata.version("open_clip_torch")
    except importlib.metadata.PackageNotFoundError:
        raise NotApplicable(
            "the text tower of CLIP needs open_clip_torch, which is not installed: pip install 'cleanbench[clip]'"
        ) from None


def _text_tower(config: Path, weights: Path) -> tuple[Any, Any]:
    """Return a CLIP that embeds texts alone, and its tokenizer."""
    import open_clip
    import torch

    try:
        settings = json.loads(config.read_text("utf-8"))["model_cfg"]
        text, width, quick = dict(settings["text_cfg"]), settings["embed_dim"], settings.get("quick_gelu", False)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{config} does not describe a CLIP: {type(error).__name__} {error}") from error
    if foreign := text.get("hf_tokenizer_name") or text.get("hf_model_name"):
        raise NotApplicable(f"its text tower needs the tokenizer {foreign}; only those with CLIP's own can be used")
    # Weights are drawn before they are loaded: the caller's random numbers stay as they were.
    with torch.random.fork_rng(devices=[]):
        tower = open_clip.CLIP(width, NO_IMAGES, text, quick_gelu=quick)
    tower.visual = torch.nn.Identity()
    # Newer towers lie under a name of their own.
    state = {name.removeprefix("text."): tensor for name, tensor in read_state(weights).items()}
    state = {name: tensor for name, tensor in state.items() if not name.startswith(("visual.", "logit_"))}
    state["logit_scale"] = tower.logit_scale.detach()  # temperature of the loss, which no embedding depends on
    if problem := mismatch(state, tower):
        raise UserError(f"the weights in {weights} are not those that {config} describes: {problem}")
    tower.load_state_dict(state)
    tokenizer = open_clip.SimpleTokenizer(context_length=tower.context_length, **(text.get("tokenizer_kwargs") or {}))
    return tower.eval(), tokenizer
