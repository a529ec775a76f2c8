"""What the networks are trained for: five objectives, of lightly's losses, heads and masked transformers.

An objective is one module that holds all that training changes (networks, heads, teacher, centre), so that its state
is the state of the training. Its forward pass takes the views of a batch and returns the loss.
"""

import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from lightly.loss import DINOLoss, NegativeCosineSimilarity, NTXentLoss, VICRegLoss
from lightly.models import utils as tokens
from lightly.models.modules import MaskedVisionTransformerDecoderTIMM, MaskedVisionTransformerTIMM
from lightly.models.modules.heads import (
    BYOLPredictionHead,
    BYOLProjectionHead,
    DINOProjectionHead,
    SimCLRProjectionHead,
    VICRegProjectionHead,
)
from lightly.models.utils import update_momentum
from lightly.utils.scheduler import cosine_schedule
from torch import Tensor, nn

from cleanbench.core import UserError
from cleanbench.encoders.ssl.backbones import build, is_vision_transformer

if TYPE_CHECKING:
    from cleanbench.encoders.ssl.encoder import SelfSupervised


Network = TypeVar("Network", bound=nn.Module)


class Objective(nn.Module):
    """A network and a loss to train it by.

    Attributes:
        backbone: The network that the optimiser trains.
    """

    def __init__(self, settings: "SelfSupervised") -> None:
        super().__init__()
        self.settings = settings
        self.epoch = 0
        self.backbone = build(settings, settings.drop_path)
        self.features = int(getattr(self.backbone, "num_features"))  # noqa: B009 (modules type attributes as tensors)

    def embedder(self) -> nn.Module:
        """Return the network whose features are the embeddings."""
        return self.backbone

    def before_update(self) -> None:
        """Change gradients before the optimiser uses them."""

    def after_update(self, step: int, steps: int) -> None:
        """Follow the optimiser's update number ``step`` of ``steps``, counted from 0."""

    def momentum(self, step: int, steps: int) -> float:
        """Return how much of a teacher remains at this step; rises to 1 along a cosine."""
        return float(cosine_schedule(step, steps, self.settings.momentum, 1.0))


class SimCLR(Objective):
    """Tell the other view of an image from the views of all others in the batch.

    Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (ICML 2020).
    """

    def __init__(self, settings: "SelfSupervised") -> None:
        super().__init__(settings)
        self.head = SimCLRProjectionHead(self.features, settings.head_width, settings.head_outputs)
        self.loss = NTXentLoss(settings.temperature, gather_distributed=settings.devices > 1)

    def forward(self, views: list[Tensor]) -> Tensor:
        """Return the normalised temperature-scaled cross-entropy of two views."""
        first, second = self.head(self.backbone(torch.cat(views))).float().chunk(2)
        loss: Tensor = self.loss(first, second)
        return loss


class VICReg(Objective):
    """Make two views agree while every output varies and no two outputs correlate.

    Bardes, Ponce and LeCun, "VICReg" (ICLR 2022), with its weights 25, 25 and 1.
    """

    def __init__(self, settings: "SelfSupervised") -> None:
        super().__init__(settings)
        self.head = VICRegProjectionHead(self.features, settings.head_width, settings.head_outputs)
        self.loss = VICRegLoss(gather_distributed=settings.devices > 1)

    def forward(self, views: list[Tensor]) -> Tensor:
        """Return invariance, variance and covariance terms of two views, weighted."""
        first, second = self.head(self.backbone(torch.cat(views))).float().chunk(2)
        loss: Tensor = self.loss(first, second)
        return loss


class BYOL(Objective):
    """Predict what a slowly following copy of the network says about the other view.

    Grill et al., "Bootstrap Your Own Latent" (NeurIPS 2020). The copy stays in training mode: its weights are averages,
    but the statistics of its batch normalisation come from its own passes.
    """

    def __init__(self, settings: "SelfSupervised") -> None:
        super().__init__(settings)
        width, outputs = settings.head_width, settings.head_outputs
        self.head = BYOLProjectionHead(self.features, width, outputs)
        self.predictor = BYOLPredictionHead(outputs, width, outputs)
        self.teacher = _following(self.backbone, build(settings))
        self.teacher_head = _following(self.head, BYOLProjectionHead(self.features, width, outputs))
        self.loss = NegativeCosineSimilarity()

    def forward(self, views: list[Tensor]) -> Tensor:
        """Return the negative cosine between prediction and target, both ways."""
        images = torch.cat(views)
        first, second = self.predictor(self.head(self.backbone(images))).float().chunk(2)
        with torch.no_grad():
            target_first, target_second = self.teacher_head(self.teacher(images)).float().chunk(2)
        loss: Tensor = (self.loss(first, target_second) + self.loss(second, target_first)) / 2
        return loss

    def after_update(self, step: int, steps: int) -> None:
        """Let the copy follow."""
        update_momentum(self.backbone, self.teacher, self.momentum(step, steps))
        update_momentum(self.head, self.teacher_head, self.momentum(step, steps))


class DINO(Objective):
    """Predict, from any crop, the sharpened and centred output of a slowly following teacher on the large crops.

    Caron et al., "Emerging Properties in Self-Supervised Vision Transformers" (ICCV 2021). The teacher embeds; it stays
    in training mode while training, as its batch normalisation (if any) takes statistics from its own passes only.
    """

    def __init__(self, settings: "SelfSupervised") -> None:
        super().__init__(settings)
        self.head = self._head()
        self.teacher = _following(self.backbone, build(settings))
        # A second head, not a deep copy: torch refuses to copy a module with weight normalisation.
        self.teacher_head = _following(self.head, self._head())
        self.loss = DINOLoss(
            settings.head_outputs,
            warmup_teacher_temp=settings.teacher_temperature_start,
            teacher_temp=settings.teacher_temperature,
            warmup_teacher_temp_epochs=settings.teacher_warmup,
        )

    def embedder(self) -> nn.Module:
        """Return the teacher's network."""
        return self.teacher

    def forward(self, views: list[Tensor]) -> Tensor:
        """Return the cross-entropy between teacher and student over all pairs of different crops."""
        count = self.settings.global_crops
        with torch.no_grad():
            targets = self.teacher_head(self.teacher(torch.cat(views[:count]))).float().chunk(count)
        said = list(self.head(self.backbone(torch.cat(views[:count]))).float().chunk(count))
        if len(views) > count:  # crops of another size make a batch of their own
            local = self.head(self.backbone(torch.cat(views[count:]))).float()
            said.extend(local.chunk(len(views) - count))
        loss: Tensor = self.loss(list(targets), said, epoch=self.epoch)
        return loss

    def before_update(self) -> None:
        """Keep the last layer as it is during the first epochs, which steadies the start."""
        self.head.cancel_last_layer_gradients(self.epoch)

    def after_update(self, step: int, steps: int) -> None:
        """Let the teacher follow."""
        update_momentum(self.backbone, self.teacher, self.momentum(step, steps))
        update_momentum(self.head, self.teacher_head, self.momentum(step, steps))

    def _head(self) -> DINOProjectionHead:
        with warnings.catch_warnings():
            # lightly's head uses the older of torch's two weight normalisations.
            warnings.filterwarnings("ignore", message=".*weight_norm.*", category=FutureWarning)
            return DINOProjectionHead(
                self.features,
                hidden_dim=self.settings.head_width,
                output_dim=self.settings.head_outputs,
                freeze_last_layer=self.settings.freeze_last_layer,
            )


class MAE(Objective):
    """Fill in the patches of an image that the network was not shown; vision transformers only.

    He et al., "Masked Autoencoders Are Scalable Vision Learners" (CVPR 2022), with normalised patches as targets.
    """

    def __init__(self, settings: "SelfSupervised") -> None:
        super().__init__(settings)
        if not is_vision_transformer(settings.backbone):
            raise UserError(f"mae hides patches, which {settings.backbone} has not; use a vision transformer")
        self.masked = MaskedVisionTransformerTIMM(
            self.backbone, weight_initialization="skip" if settings.pretrained else "",
            pos_embed_initialization="skip" if settings.pretrained else "sincos",
        )  # fmt: skip
        # Hidden patches do not reach the encoder; several devices would wait for the gradient of their token.
        self.masked.mask_token.requires_grad_(False)
        patches: Any = self.backbone.patch_embed
        self.patch = int(patches.patch_size[0])
        width, heads = settings.head_width, max(1, settings.head_width // 32)
        if width % (4 * heads):  # sine and cosine of two coordinates, in every head
            raise UserError(
                f"head_width={width} does not fit {heads} heads of the decoder of mae; use a multiple of 32"
            )
        self.to_decoder = nn.Linear(self.features, width)
        self.decoder = MaskedVisionTransformerDecoderTIMM(
            num_patches=patches.num_patches,
            embed_dim=width,
            depth=settings.decoder_depth,
            num_heads=heads,
            num_prefix_tokens=self.backbone.num_prefix_tokens,
        )
        self.to_pixels = nn.Linear(width, 3 * self.patch**2)

    def forward(self, views: list[Tensor]) -> Tensor:
        """Return the mean squared error over the hidden patches."""
        (images,) = views
        shape = (len(images), self.masked.sequence_length)
        keep, hidden = tokens.random_token_mask(shape, self.settings.mask_ratio, device=images.device)
        seen = self.to_decoder(self.masked.encode(images, idx_keep=keep))
        filled = tokens.repeat_token(self.decoder.mask_token, shape)
        filled = tokens.set_at_index(filled, keep, seen.type_as(filled))
        decoded = self.decoder.decode(self.decoder.add_pos_embed(filled))
        guess = self.to_pixels(tokens.get_at_index(decoded, hidden)).float()
        # Tokens before the patches (the class token) are not patches.
        patches = tokens.get_at_index(tokens.patchify(images, self.patch), hidden - self.backbone.num_prefix_tokens)
        return nn.functional.mse_loss(guess, tokens.normalize_mean_var(patches, dim=-1))


OBJECTIVES: dict[str, type[Objective]] = {"byol": BYOL, "dino": DINO, "mae": MAE, "simclr": SimCLR, "vicreg": VICReg}


def _following(leader: nn.Module, follower: Network) -> Network:
    """Return ``follower`` with the state of ``leader``, never touched by the optimiser."""
    follower.load_state_dict(leader.state_dict())
    return follower.requires_grad_(False)
