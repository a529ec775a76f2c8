"""Reading images: every kind of file gives RGB or a reason, without a warning and without waiting."""

import io
import os
import pickle
import struct
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from cleanbench.images import LARGEST, Encoded, Files, Images, UnreadableImage, decode, suffixes
from cleanbench.reducing import reduced, stack

PHOTO = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    image = decode(data)
    assert image.mode == "RGB"
    assert not image.info
    assert not image.getexif()
    return np.asarray(image)


def gray(values: npt.NDArray[np.generic], kind: str = "TIFF") -> list[list[int]]:
    """Return what gray ``values`` become after writing and decoding; they must be gray."""
    red, green, blue = np.moveaxis(pixels(encoded(Image.fromarray(values), kind)), -1, 0)
    np.testing.assert_array_equal(red, green)
    np.testing.assert_array_equal(red, blue)
    return red.tolist()


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """Return a PNG file written by hand, for what Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA", "GIF", "WEBP"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    if kind == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    options = {"lossless": True} if kind == "WEBP" else {}
    image = Image.fromarray(PHOTO)
    data = encoded(image.quantize(64) if kind == "GIF" else image, kind, **options)
    expected = np.asarray(image.quantize(64).convert("RGB")) if kind == "GIF" else PHOTO
    np.testing.assert_array_equal(pixels(data), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = Image.fromarray(PHOTO)
    if mode in {"I;16", "I", "F"}:
        image = image.convert("L")
    # Older versions of Pillow write a YCbCr TIFF that they cannot read.
    assert pixels(encoded(image.convert(mode), "JPEG" if mode == "YCbCr" else "TIFF")).shape == PHOTO.shape


def test_one_bit_is_black_and_white() -> None:
    bits = np.array([[True, False, True]])
    assert pixels(encoded(Image.fromarray(bits)))[..., 0].tolist() == [[255, 0, 255]]


def test_one_pixel() -> None:
    assert pixels(encoded(Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]


def test_transparency_is_dropped() -> None:
    colours = np.array([[[9, 8, 7, 0], [6, 5, 4, 128], [3, 2, 1, 255]]], np.uint8)
    assert pixels(encoded(Image.fromarray(colours))).tolist() == colours[..., :3].tolist()
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for transparency in (1, bytes([0, 128, 255])):  # one colour, or an opacity for each
        found = pixels(encoded(palette, transparency=transparency))
        assert found.tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]


def test_cmyk_jpeg() -> None:
    ink = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    red, green, blue = pixels(encoded(ink, "JPEG", quality=95))[4, 4].astype(int)
    assert red < 20
    assert min(green, blue) > 235


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled(kind: str) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    assert gray(values, kind) == [[0, 0, 1, 1, 128, 255]]
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(gray(every, kind), np.round(every / 257))


def test_sixteen_bit_colour_is_scaled() -> None:
    colours = np.array([[[0, 32768, 65535], [1000, 40000, 60000]]], ">u2")
    found = pixels(png(2, 1, 16, 2, b"\0" + colours.tobytes()))
    assert np.abs(found - colours / 257).max() <= 1
    opaque = np.dstack([colours, np.full((1, 2), 65535, ">u2")])
    np.testing.assert_array_equal(pixels(png(2, 1, 16, 6, b"\0" + opaque.astype(">u2").tobytes())), found)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_tiffs_are_scaled(order: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    for values, layout in (
        (np.array([[[0, 32768, 65535], [1000, 40000, 60000]]], np.uint16), "rgb"),
        (np.array([[0, 32768, 65535]], np.uint16), "minisblack"),
    ):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values, photometric=layout, byteorder=order)
        found = pixels(buffer.getvalue())
        assert np.abs(found - values.reshape(*found.shape[:2], -1) / 257).max() <= 1
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.array([[-1000, 0, 1000]], np.int16), byteorder=order)
    assert pixels(buffer.getvalue())[0, :, 0].tolist() == [0, 128, 255], "signed ones are stretched"


def test_integers_within_sixteen_bits_share_one_scale() -> None:
    assert gray(np.array([[0, 257, 65535]], np.int32)) == [[0, 1, 255]]
    assert gray(np.array([[0, 257, 514]], np.int32)) == [[0, 1, 2]], "an image alone must not be stretched"


def test_other_integers_are_stretched() -> None:
    assert gray(np.array([[-1000, 0, 1000]], np.int32)) == [[0, 128, 255]]
    assert gray(np.array([[0, 65536]], np.int32)) == [[0, 255]]
    assert gray(np.array([[-(2**31), 2**31 - 1]], np.int32)) == [[0, 255]]
    assert gray(np.full((1, 2), -5, np.int32)) == [[0, 0]]


def test_floats_are_stretched() -> None:
    assert gray(np.array([[0.0, 0.5, 1.0]], np.float32)) == [[0, 128, 255]]
    assert gray(np.array([[-3.0, 7.0]], np.float32)) == [[0, 255]]
    assert gray(np.full((2, 1), 0.7, np.float32)) == [[0], [0]]
    largest = np.finfo(np.float32).max
    assert gray(np.array([[-largest, largest]], np.float32)) == [[0, 255]]
    odd = np.array([[np.nan, 1, 2, 3, np.inf, -np.inf]], np.float32)
    assert gray(odd) == [[0, 0, 128, 255, 255, 0]]
    assert gray(np.array([[np.nan, np.inf, -np.inf]], np.float32)) == [[0, 0, 0]]


def test_bands_do_not_show() -> None:
    ramp = np.arange(600 * 3, dtype=np.float32).reshape(600, 3)
    np.testing.assert_array_equal(gray(ramp), np.round(ramp / 1799 * 255))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.unique(pixels(data).reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(PHOTO), kind, exif=exif, **options)
    upright = {
        2: PHOTO[:, ::-1],
        3: PHOTO[::-1, ::-1],
        4: PHOTO[::-1],
        5: PHOTO.swapaxes(0, 1),
        6: PHOTO[::-1].swapaxes(0, 1),
        7: PHOTO[::-1, ::-1].swapaxes(0, 1),
        8: PHOTO[:, ::-1].swapaxes(0, 1),
    }.get(orientation, PHOTO)
    np.testing.assert_array_equal(pixels(data), upright)


def test_damaged_exif_is_passed_over() -> None:
    image = Image.fromarray(PHOTO)
    sound = encoded(image, "JPEG", quality=100)
    for exif in (b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"):
        np.testing.assert_array_equal(pixels(encoded(image, "JPEG", quality=100, exif=exif)), pixels(sound))


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode(data)
    return str(caught.value)


def test_what_is_no_image_is_told() -> None:
    assert refusal(b"") == "the file is empty"
    assert refusal(b"just a text, called a.jpg") == "not an image, or of an unknown format"
    assert refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "not an image, or of an unknown format"
    assert "nothing to see" in refusal(b"P6 0 4 255\n") or "not an image" in refusal(b"P6 0 4 255\n")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_truncated_files_are_told(kind: str) -> None:
    data = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 90, 3)).astype(np.uint8)), kind)
    for length in (len(data) // 20, len(data) // 2):
        assert refusal(data[:length])


@pytest.mark.parametrize("size", [(14_000, 14_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs_are_told_at_once(size: tuple[int, int]) -> None:
    assert size[0] * size[1] > LARGEST
    start = time.process_time()
    assert refusal(png(*size, 8, 2, bytes(100)))
    assert time.process_time() - start < 0.5


@settings(max_examples=300, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=400),
        st.tuples(
            st.sampled_from([b"BM", b"GIF89a", b"\xff\xd8\xff", b"II*\0", b"RIFF", b"P5 ", b"P6 9 9 65535\n", b"8BPS"]),
            st.binary(max_size=300),
        ).map(b"".join),
    )
)
def test_any_bytes_give_an_image_or_a_reason(data: bytes) -> None:
    try:
        image = decode(data)
    except UnreadableImage:
        assert refusal(data).strip()
        return
    assert image.mode == "RGB"


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "TGA", "ICO", "PCX", "SGI"]),
    place=st.floats(0, 1),
    damage=st.binary(min_size=1, max_size=6),
)
def test_damaged_files_give_an_image_or_a_reason(kind: str, place: float, damage: bytes) -> None:
    whole = encoded(Image.fromarray(PHOTO), kind)
    start = int(place * len(whole))
    data = whole[:start] + damage + whole[start + len(damage) :]
    try:
        image = decode(data)
    except UnreadableImage:
        return
    assert image.mode == "RGB"


def test_warnings_are_neither_raised_nor_left_off() -> None:
    """Pillow warns of this palette, and of damaged EXIF; filters are the process's, whatever the threads do."""
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    noisy = encoded(palette, transparency=bytes([0, 128]))
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(decode, [noisy] * 200))
    assert len(found) == 200
    assert warnings.filters == before


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    (tmp_path / "good.png").write_bytes(encoded(Image.fromarray(PHOTO)))
    (tmp_path / "link.png").symlink_to(tmp_path / "good.png")
    with (tmp_path / "large.png").open("wb") as stream:
        stream.truncate(2 * 10**9)  # a hole, which takes no room on the disk
    names = ["broken", "circle", "folder", "good", "large", "link", "missing"]
    images = Images(Files(tuple(tmp_path / f"{name}.png" for name in names)))
    told = dict(zip(names, map(images.problem, range(len(names))), strict=True))
    assert told["good"] == told["link"] == ""
    assert told["broken"] == told["missing"] == "No such file or directory"
    assert "symbolic links" in told["circle"]
    assert told["folder"] == "a folder, a pipe or a device, not a file"
    assert told["large"].startswith("2,000,000,000 bytes are too many")
    digests = images.digests()
    assert digests[3] == digests[5] != digests[0] == digests[2] == digests[6]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert Images(Files((tmp_path / "pipe.png",))).problem(0) == "a folder, a pipe or a device, not a file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(Image.fromarray(PHOTO)))
    path.chmod(0)
    assert Images(Files((path,))).problem(0) == "Permission denied"


def test_refused_reads_are_told() -> None:
    class Refusing(Encoded):
        def read(self, index: int) -> bytes:
            raise PermissionError(13, "Permission denied")

    assert Images(Refusing((b"",))).problem(0) == "Permission denied"


def test_taking_and_pickling_keep_the_order() -> None:
    files = tuple(encoded(Image.new("RGB", (1, 1), (value, 0, 0))) for value in range(5))
    chosen = pickle.loads(pickle.dumps(Images(Encoded(files)).take([4, 2, 0]).take([2, 0])))
    assert [image.getpixel((0, 0))[0] for image in chosen] == [0, 4]
    assert [chosen.describe(index) for index in range(2)] == ["image 0", "image 4"]


def test_results_are_stacked_in_order() -> None:
    images = Images(Encoded(tuple(encoded(Image.new("RGB", (2, 2), (value, 0, 0))) for value in range(150))))
    (reds,) = stack([lambda image: np.asarray(image)[0, 0, 0]], images, threads=3)
    assert reds.tolist() == list(range(150))


def test_several_results_of_one_decode_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    images = Images(Encoded(tuple(encoded(Image.new("RGB", (2, 2), (value, 0, 0))) for value in range(150))))
    decoded = []
    monkeypatch.setattr("cleanbench.images.decode", lambda data: decoded.append(0) or decode(data))
    blocks = list(reduced([lambda image: np.asarray(image)[0, 0, 0], np.asarray], images, threads=2))
    assert len(decoded) == 150
    assert [start for start, _ in blocks] == [0, 64, 128]
    assert [rows.shape for _, block in blocks for rows in block[1:]] == [(64, 2, 2, 3), (64, 2, 2, 3), (22, 2, 2, 3)]
    assert np.concatenate([reds for _, (reds, _) in blocks]).tolist() == list(range(150))


def test_results_of_another_shape_name_their_image() -> None:
    files = (encoded(Image.new("RGB", (2, 2))), encoded(Image.new("RGB", (3, 2))))
    with pytest.raises(ValueError, match=r"uint8 \(2, 3, 3\) of image 1 does not fit uint8 \(2, 2, 3\) of the first"):
        stack([np.asarray], Images(Encoded(files)))
    with pytest.raises(ValueError, match="there are no images"):
        stack([np.asarray], Images(Encoded(())))


def test_suffixes() -> None:
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm"} <= suffixes()
    assert not {".csv", ".txt", ".pdf", ".eps", ".ps", ".h5", ".hdf", ".mpg", ".wmf", ".md"} & suffixes()
