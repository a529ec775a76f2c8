"""The effective rank, and the random views of self-supervision."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cleanbench.encoders.ssl.augmentation import blur, recolour, uniforms, views, warp  # noqa: E402
from cleanbench.encoders.ssl.encoder import SelfSupervised  # noqa: E402
from cleanbench.encoders.ssl.rank import effective_rank  # noqa: E402

EVERYTHING = SelfSupervised(
    objective="dino", size=24, local_crops=2, local_size=12, rotation=0.5, blur=0.8, blur_second=0.3, blur_local=0.5,
    solarize=0.5, hue=0.1, jitter=0.5,
)  # fmt: skip
PLAIN = SelfSupervised(size=24, crop_smallest=1, flip=0, jitter_probability=0, gray=0)


def pictures(count: int, side: int = 24) -> "torch.Tensor":
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8))


def test_effective_rank_of_known_cases() -> None:
    axes = np.vstack([np.eye(5), -np.eye(5)])
    assert effective_rank(axes) == pytest.approx(5)
    assert effective_rank(axes + 100) == pytest.approx(5), "the mean does not count"
    assert effective_rank(np.outer(np.arange(8.0), [1, 2, 3])) == pytest.approx(1)
    assert effective_rank(np.full((8, 3), 0.1)) == 0
    assert np.isnan(effective_rank([[0.0, np.nan], [1.0, 2.0]]))
    # Variances 9 and 1 have shares .9 and .1.
    two = np.vstack([np.diag([3.0, 1.0]), -np.diag([3.0, 1.0])])
    assert effective_rank(two) == pytest.approx(np.exp(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1))))
    dominated = np.diag(np.sqrt([0.99, *np.full(255, 0.01 / 255)]))
    assert 1 < effective_rank(np.vstack([dominated, -dominated])) < 1.2
    noise = np.random.default_rng(0).normal(size=(2000, 16))
    assert 15.9 < effective_rank(noise) <= 16


def test_random_numbers_are_uniform_and_depend_on_their_index_alone() -> None:
    some = uniforms(0, 3, 1, np.arange(4000), 16)
    assert some.dtype == np.float32
    assert 0 <= some.min() <= some.max() < 1
    assert abs(some.mean() - 0.5) < 0.01
    assert abs(some.var() - 1 / 12) < 0.002
    assert np.abs(np.corrcoef(some.T) - np.eye(16)).max() < 0.08
    assert np.array_equal(uniforms(0, 3, 1, np.array([17, 5]), 16), some[[17, 5]])
    for other in ((1, 3, 1), (0, 4, 1), (0, 3, 0)):
        assert not np.array_equal(uniforms(*other, np.arange(4), 16), some[:4])


def test_views_depend_on_seed_epoch_and_index_not_on_the_batch() -> None:
    images, indices = pictures(8), np.arange(8)
    torch.manual_seed(1)
    together = views(EVERYTHING, images, indices, epoch=2)
    torch.manual_seed(2)
    again = views(EVERYTHING, images, indices, epoch=2)
    assert [tuple(view.shape) for view in together] == [(8, 3, 24, 24)] * 2 + [(8, 3, 12, 12)] * 2
    assert all(torch.equal(one, other) for one, other in zip(together, again, strict=True))
    apart = views(EVERYTHING, images[[6, 3]], indices[[6, 3]], epoch=2)
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one[[6, 3]], other, rtol=0, atol=1e-5)
    assert not torch.equal(views(EVERYTHING, images, indices, epoch=3)[0], together[0])
    assert not torch.equal(together[0], together[1])


def test_nothing_changes_where_nothing_is_asked() -> None:
    images = pictures(4)
    first, second = views(PLAIN, images, np.arange(4), epoch=0)
    # Even a crop of the whole image has an aspect ratio of its own; only the colours stay.
    colours = recolour(images / 255, torch.rand(4, 6), PLAIN)
    torch.testing.assert_close(colours, images / 255, rtol=0, atol=1e-5)
    assert first.shape == second.shape == (4, 3, 24, 24)
    draws = torch.tensor([[1.0, 0.5, 0.5, 0.5, 1, 1, 0]])
    torch.testing.assert_close(warp(images[:1] / 255, draws, 24, 0.2, 1, 0.5, 0.5), images[:1] / 255, rtol=0, atol=1e-5)


def test_parts_of_the_augmentation_do_what_they_say() -> None:
    images = pictures(2) / 255
    whole = [1.0, 0.5, 0.5, 0.5]
    flipped = warp(images, torch.tensor([[*whole, 0, 1, 0]] * 2), 24, 0.2, 1, 0.5, 0)
    torch.testing.assert_close(flipped, images.flip(3), rtol=0, atol=1e-5)
    turned = warp(images, torch.tensor([[*whole, 1, 0, 0.5]] * 2), 24, 0.2, 1, 0.5, 0.5)
    quarter = [torch.rot90(images, times, (2, 3)) for times in (1, 3)]
    assert min(float((turned - one).abs().max()) for one in quarter) < 1e-4
    gray = recolour(images, torch.tensor([[0.5, 0.5, 0.5, 0.5, 1.0, 0.0]] * 2), EVERYTHING)
    luma = (images * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(gray, luma.expand_as(gray), rtol=0, atol=1e-4)
    bright = recolour(images / 2, torch.tensor([[1.0, 0.5, 0.5, 0.5, 0.0, 1.0]] * 2), EVERYTHING)
    torch.testing.assert_close(bright, images * 0.75, rtol=0, atol=1e-4)
    soft = blur(images, torch.tensor([[0.0, 1.0], [1.0, 1.0]]), 0.5, 2.0)
    assert soft[0].var() < images[0].var() / 4
    assert torch.equal(soft[1], images[1])
