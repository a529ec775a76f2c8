"""Networks by name: timm's, and a small residual network that a CPU can train."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cleanbench.core import UserError

if TYPE_CHECKING:
    from cleanbench.encoders.ssl.encoder import SelfSupervised

SMALL = "small_resnet"


def build(settings: "SelfSupervised", drop_path: float = 0.0) -> nn.Module:
    """Return a network that maps normalised images ``(n, 3, size, size)`` to features ``(n, num_features)``.

    Args:
        settings: Name, image and patch size, width, pooling.
        drop_path: Stochastic depth, for networks of timm.

    Raises:
        UserError: If there is no such network, or it cannot have these settings.
    """
    if settings.backbone == SMALL:
        # Convolutions on a CPU are faster with channels last.
        return SmallResNet(settings.width).to(memory_format=torch.channels_last)
    import timm

    if not timm.is_model(settings.backbone):
        near = ", ".join(timm.list_models(f"*{settings.backbone.split('_')[0]}*")[:8])
        raise UserError(
            f"backbone={settings.backbone!r} is neither {SMALL} nor a model of timm{f'; near: {near}' if near else ''}"
        )
    options: dict[str, Any] = {"drop_path_rate": drop_path}
    if is_vision_transformer(settings.backbone):
        options |= {"img_size": settings.size, "dynamic_img_size": settings.local_crops > 0}
        if settings.patch:
            options["patch_size"] = settings.patch
        if settings.pool:
            # A norm after pooling would not be trained by objectives that work on tokens.
            options |= {"global_pool": settings.pool, "fc_norm": False}
    elif settings.patch or settings.pool:
        raise UserError(f"patch and pool are settings of vision transformers; {settings.backbone} is none")
    if settings.pretrained:
        from cleanbench.encoders.pretrained import weight_file

        overlay = {"file": str(weight_file(settings.backbone)), "custom_load": False}
        options |= {"pretrained_cfg_overlay": overlay}
    try:
        network: nn.Module = timm.create_model(
            settings.backbone, pretrained=settings.pretrained, num_classes=0, **options
        )
    except (RuntimeError, ValueError, TypeError, AssertionError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"the backbone {settings.backbone} cannot be made with {options}: {reason}") from error
    if is_vision_transformer(settings.backbone):
        patches: Any = network.patch_embed
        # timm's networks pass over the pixels at the border that fill no patch.
        for name in ("size", "local_size") if settings.local_crops else ("size",):
            if getattr(settings, name) % patches.patch_size[0]:
                raise UserError(f"patch={patches.patch_size[0]} must divide {name}={getattr(settings, name)}")
    else:
        _probe(network, settings)
    return network


def _probe(network: nn.Module, settings: "SelfSupervised") -> None:
    """Check that a network takes images of the sizes that are asked for; some are made for one size only.

    Raises:
        UserError: If it does not.
    """
    network.eval()
    for name in ("size", "local_size") if settings.local_crops else ("size",):
        side = getattr(settings, name)
        try:
            with torch.no_grad():
                network(torch.zeros(1, 3, side, side))
        # timm's networks raise what they like about sizes.
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"the backbone {settings.backbone} takes no images of {name}={side}: {reason}") from error
    network.train()


def is_vision_transformer(name: str) -> bool:
    """Return whether a name of timm is a plain vision transformer, which has patches and takes an image size."""
    import timm

    module = timm.models.model_entrypoint(name).__module__ if timm.is_model(name) else ""
    return module.rpartition(".")[2] in {"vision_transformer", "deit"}


class SmallResNet(nn.Module):
    """A residual network of four basic blocks, each half as fine and twice as wide as the one before.

    He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), with one block per stage, and a
    3x3 stem of stride 2 without pooling, for images of 32 to 64 pixels.

    Args:
        width: Channels of the first stage; the features are 8 times as many.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = 8 * width
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.stages = nn.Sequential(
            BasicBlock(width, width, 1),
            BasicBlock(width, 2 * width, 2),
            BasicBlock(2 * width, 4 * width, 2),
            BasicBlock(4 * width, 8 * width, 2),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return features, averaged over the image, shape ``(n, 8 * width)``."""
        features: Tensor = self.stages(self.stem(images.contiguous(memory_format=torch.channels_last)))
        return features.mean(dim=(2, 3))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, images: Tensor) -> Tensor:
        """Return the activations of the block."""
        return torch.relu(self.body(images) + self.shortcut(images))
