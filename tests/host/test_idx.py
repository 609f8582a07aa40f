import gzip
import math
import struct

import numpy as np
import pytest

from pmgd.gateware.errors import DataError
from pmgd.host.idx import is_idx, read_idx, read_images


def idx(shape, data=None, kind=8):
    data = bytes(i % 256 for i in range(math.prod(shape))) if data is None else bytes(data)
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + data


def write_pair(folder, shape=(2, 3, 4), labels=(7, 1), name="some-images-idx3-ubyte"):
    """Write images and labels as in MNIST, and return the images' path."""
    for path, content in (
        (folder / name, idx(shape)),
        (folder / name.replace("images", "labels").replace("idx3", "idx1"),
         idx((len(labels),), labels)),
    ):  # fmt: skip
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder / name


@pytest.mark.parametrize(
    "name",
    ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "train-images.idx3-ubyte"],
)
def test_images_find_their_labels(tmp_path, name):
    folder = tmp_path / "images-idx3-ubyte"  # only the file's name is changed, not the folder's
    folder.mkdir()
    x, labels = read_images(str(write_pair(folder, name=name)))
    assert x.tolist() == (np.arange(24).reshape(2, 12) / 256).tolist()
    assert x.dtype == np.float64
    assert labels.tolist() == [7, 1]


def test_a_pixel_of_255_is_255_256ths(tmp_path):
    x, _ = read_images(str(write_pair(tmp_path, (1, 16, 16), (0,))))
    assert x[0, -1] == 255 / 256


@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 4, 5)])
def test_any_rank_from_2_is_flattened(tmp_path, shape):
    x, _ = read_images(str(write_pair(tmp_path, shape)))
    assert x.shape == (2, math.prod(shape[1:]))


def test_random_arrays_read_back(tmp_path, random_seed):
    rng = np.random.default_rng(random_seed)
    for rank in range(1, 6):
        array = rng.integers(0, 256, rng.integers(1, 6, rank), dtype=np.uint8)
        (tmp_path / "some.gz").write_bytes(gzip.compress(idx(array.shape, array.tobytes())))
        read = read_idx(tmp_path / "some.gz")
        assert read.shape == array.shape
        assert (read == array).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("some/train-images-idx3-ubyte", True),
        ("images-idx4-ubyte.gz", True),
        ("train-labels-idx1-ubyte", False),
        ("images-idx3-ubyte/xor", False),
        ("images-idx3-ubyte.zip", False),
    ],
)
def test_images_are_known_by_their_name(name, expected):
    assert is_idx(name) is expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with two zero bytes, a type and a rank, not with nothing"),
        (b"\x1f\x8b\x08\x00\x00", "not with 1f 8b 08 00"),
        (b"\0\0\x08", "not with 00 00 08"),
        (idx((2,), b"\0" * 8, kind=0x0D), r"IDX type 0x08, not type 0x0d; .* numpy\.savez"),
        (idx((), b""), r"rank from 1 to 32 .* not rank 0 and 4 byte\(s\)"),
        (b"\0\0\x08\xff" + bytes(1020), "rank from 1 to 32 .* not rank 255"),
        (idx((2, 3))[:9], r"as many sizes, not rank 2 and 9 byte\(s\) in all; fetch it again"),
        (idx((2, 3))[:-1], r"18 bytes that its sizes \[2, 3\] make, not 17 bytes; fetch"),
        (idx((2, 3)) + b"\0", "not 19 bytes"),
        (idx((0, 3)), r"sizes of at least 1 .* \[0, 3\]"),
        (idx((1 << 31, 1 << 31, 1 << 31), b"\0"), "9,903,520,314,283,042,199,192,993,808 bytes"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path, content, message):
    path = tmp_path / "some-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"data {path} must .*{message}"):
        read_images(str(path))


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "some"
    for name, content in (("some", idx((2, 3))), ("some.gz", gzip.compress(idx((2, 3))))):
        path = tmp_path / name
        for length in range(len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(DataError, match=f"data {path} must"):
                read_idx(path)


def test_what_only_claims_to_be_compressed_is_refused(tmp_path):
    path = tmp_path / "images-idx3-ubyte.gz"
    path.write_bytes(idx((2, 3)))
    with pytest.raises(DataError, match=r"compressed with gzip, and whole, .*: Not a gzipped file"):
        read_idx(path)
    content = bytearray(gzip.compress(idx((2, 3))))
    content[12] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="compressed with gzip, and whole"):
        read_idx(path)


def test_a_missing_file_is_named(tmp_path):
    path = write_pair(tmp_path)
    labels = tmp_path / "some-labels-idx1-ubyte"
    labels.unlink()
    with pytest.raises(DataError, match=f"readable IDX file, not {labels}: No such file"):
        read_images(str(path))
    path.unlink()
    with pytest.raises(DataError, match=f"readable IDX file, not {path}: No such file"):
        read_images(str(path))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ((2, 3, 4), (3,), r"shapes \(2, 3, 4\) and \(3,\)"),
        ((2,), (2,), r"shapes \(2,\) and \(2,\)"),
        ((2, 3), (2, 1), r"shapes \(2, 3\) and \(2, 1\)"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, images, labels, message):
    (tmp_path / "images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "labels-idx1-ubyte").write_bytes(idx(labels))
    with pytest.raises(DataError, match=f"one label for each, not arrays of the {message}"):
        read_images(str(tmp_path / "images-idx3-ubyte"))
