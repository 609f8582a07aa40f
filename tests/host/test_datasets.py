import subprocess
import sys

import numpy as np
import pytest
from scipy.io import savemat

from pmgd.gateware import presets
from pmgd.gateware.errors import DataError, ToolError
from pmgd.gateware.spec import Data, Network
from pmgd.host.datasets import is_file, load
from pmgd.host.spec_file import dump_spec, load_spec

XOR = Network(layers=(2, 2, 1))
CLASSES = Network(layers=(2, 3))


def loaded(source, network=XOR):
    return load(Data(source=str(source)), network)


def write_idx(folder, images, labels):
    """Write IDX files of one byte for each size, and return the images' path."""
    for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        (folder / name).write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())
    return folder / "images-idx3-ubyte"


# -- Built-in tasks -------------------------------------------------------------------------------


def test_xor_is_built_in():
    dataset = loaded("xor")
    assert dataset.name == "xor"
    assert all(y == (a != b) for (a, b), (y,) in zip(dataset.x, dataset.y, strict=True))
    assert len({tuple(row) for row in dataset.x}) == 4


def test_xor_for_another_network_is_refused():
    with pytest.raises(DataError, match=r"data xor: inputs must have the shape \(samples, 3\)"):
        loaded("xor", Network(layers=(3, 1)))


@pytest.mark.parametrize("bits", range(1, 17))
def test_parity_counts_up(bits):
    dataset = loaded("parity", Network(layers=(bits, 1)))
    assert dataset.name == "parity"
    assert dataset.x.shape == (1 << bits, bits)
    assert set(np.unique(dataset.x)) == {0.0, 1.0}
    words = dataset.x @ (1 << np.arange(bits)[::-1])
    assert (words == np.arange(1 << bits)).all()
    assert dataset.y[:, 0].tolist() == [word.bit_count() % 2 for word in range(1 << bits)]


def test_parity_of_two_bits_is_xor():
    xor, parity = loaded("xor"), loaded("parity")
    assert (xor.x.tolist(), xor.y.tolist()) == (parity.x.tolist(), parity.y.tolist())


def test_parity_of_too_many_bits_or_outputs_is_refused():
    with pytest.raises(DataError, match=r"parity must have at most 16 inputs, .* not 17; change"):
        loaded("parity", Network(layers=(17, 1)))
    with pytest.raises(DataError, match=r"data parity: targets must have the shape \(8, 2\)"):
        loaded("parity", Network(layers=(3, 2)))


def test_nist7x7_is_built_in():
    dataset = loaded("nist7x7", Network(layers=(49, 4, 4)))
    assert (dataset.x.shape, dataset.y.shape) == ((44_136, 49), (44_136, 4))
    with pytest.raises(DataError, match=r"data nist7x7: inputs must have the shape \(samples, 48"):
        loaded("nist7x7", Network(layers=(48, 4, 4)))


def test_digits_are_built_in():
    dataset = loaded("digits", Network(layers=(64, 10)))
    assert (dataset.x.shape, dataset.y.shape) == ((1797, 64), (1797, 10))
    assert dataset.y[:10].tolist() == np.eye(10).tolist()
    with pytest.raises(DataError, match="output for each of its class labels from 0 to 9, not one"):
        loaded("digits", Network(layers=(64, 1)))
    with pytest.raises(DataError, match=r"data digits: .* class labels from 0 to 8"):
        loaded("digits", Network(layers=(64, 9)))


# -- Files ----------------------------------------------------------------------------------------


def test_every_kind_of_file(tmp_path):
    x, y = [[0, 0.5], [0.25, 0], [0.75, 0.5], [0, 0]], [0, 2, 1, 2]
    lines = [f"{a},{b},{label}\n" for (a, b), label in zip(x, y, strict=True)]
    (tmp_path / "some.csv").write_text("".join(lines))
    np.savez(tmp_path / "some.npz", x=x, y=y)
    savemat(tmp_path / "some.mat", {"x": x, "y": y})
    pixels = (np.array(x) * 256).astype(np.uint8)
    images = write_idx(tmp_path, pixels, np.array(y, dtype=np.uint8))
    for path, name in (
        (tmp_path / "some.csv", "some"),
        (tmp_path / "some.npz", "some"),
        (tmp_path / "some.mat", "some"),
        (images, "images-idx3-ubyte"),
    ):
        assert is_file(str(path))
        dataset = loaded(path, CLASSES)
        assert dataset.name == name
        assert dataset.x.tolist() == x
        assert dataset.y.tolist() == np.eye(3)[y].tolist()
        assert dataset.x.dtype == dataset.y.dtype == np.float64


def test_labels_of_two_classes_fit_one_output_and_more_do_not(tmp_path):
    pixels = np.zeros((3, 2), dtype=np.uint8)
    path = write_idx(tmp_path, pixels, np.array([1, 0, 1], dtype=np.uint8))
    assert loaded(path).y.tolist() == [[1], [0], [1]]
    path = write_idx(tmp_path, pixels, np.array([1, 0, 2], dtype=np.uint8))
    with pytest.raises(DataError, match=f"data {path} must have an output .* from 0 to 2, not one"):
        loaded(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "at least one sample"),
        ("0,0,0\n0,nan,1\n", r"finite numbers, not nan at index \(1, 1\)"),
        ("0,0,0\n1,inf,1\n", r"not inf at index \(1, 1\)"),
    ],
)
def test_samples_that_will_not_do_are_refused_with_the_source(tmp_path, lines, message):
    path = tmp_path / "some.csv"
    path.write_text(lines)
    with pytest.raises(DataError, match=f"data {path}: .*{message}"):
        loaded(path)


def test_samples_of_another_shape_are_refused_with_the_source(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x=np.zeros((4, 3)), y=np.zeros(4))
    with pytest.raises(DataError, match=rf"data {path}: inputs must have the shape \(samples, 2\)"):
        loaded(path)


@pytest.mark.parametrize("name", ["gone.npz", "gone.csv", "gone.mat", "gone-images-idx3-ubyte.gz"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(DataError, match=f"{tmp_path / name}: No such file"):
        loaded(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.mat", "sub/train-images-idx3-ubyte.gz"])
def test_files_are_looked_for_beside_the_specification(tmp_path, name):
    path = tmp_path / "spec.toml"
    spec = presets.xor().with_settings({"data.source": name, "data.clip": True})
    path.write_text(dump_spec(spec))
    beside = spec.with_settings({"data.source": str(tmp_path / name)})
    assert load_spec(str(path)) == beside


@pytest.mark.parametrize("name", ["xor", "parity", "nist7x7", "digits", "some.txt", "labels-idx1"])
def test_tasks_and_unknown_names_are_no_files(name):
    assert not is_file(name)


# -- Neither --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("nist", "did you mean nist7x7"),
        ("NIST7x7", "did you mean nist7x7"),
        ("digit", "did you mean digits"),
        ("Parity", "did you mean parity"),
        ("some.txt", "convert the data to one of these"),
        ("train-labels-idx1-ubyte", "convert the data to one of these"),
    ],
)
def test_an_unknown_source_is_refused_with_all_that_are_known(source, hint):
    known = (
        r"xor, parity, nist7x7, digits or the path of a file named \.csv, \.npz, \.mat or \.\.\."
    )
    with pytest.raises(
        DataError, match=rf"{known}images-idx3-ubyte\[\.gz\], not '{source}'; {hint}"
    ):
        loaded(source)


@pytest.mark.parametrize(("source", "package"), [("digits", "sklearn"), ("some.mat", "scipy")])
def test_a_missing_package_is_named(monkeypatch, source, package):
    for name in (package, f"{package}.datasets", f"{package}.io"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError, match=rf"{package}.*pip install 'pmgd\[data\]'"):
        loaded(source)


def test_the_module_needs_numpy_alone():
    program = (
        "import sys; import pmgd.host.datasets; "
        "print([name for name in ('scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
