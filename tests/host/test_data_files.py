import sys

import numpy as np
import pytest
from scipy.io import savemat

from pmgd.gateware.errors import DataError, ToolError
from pmgd.gateware.spec import Network
from pmgd.host.data_files import read_csv, read_mat, read_npz

XOR = Network(layers=(2, 2, 1))
CLASSES = Network(layers=(2, 3))


@pytest.fixture
def csv(tmp_path):
    return tmp_path / "some.csv"


@pytest.fixture
def npz(tmp_path):
    return tmp_path / "some.npz"


@pytest.fixture
def mat(tmp_path):
    return tmp_path / "some.mat"


# -- Comma-separated text -------------------------------------------------------------------------


@pytest.mark.parametrize("titles", ["", "\ufeffleft,right,out\n"])
def test_csv(csv, titles):
    csv.write_text(f"{titles}0,1,1\n\n0.5,0,0\n", encoding="utf-8")
    x, y = read_csv(str(csv), XOR)
    assert x.tolist() == [[0.0, 1.0], [0.5, 0.0]]
    assert y.tolist() == [1.0, 0.0]


def test_csv_of_several_outputs_takes_labels_or_columns(csv):
    csv.write_text("0,1,2\n1,1,0\n")
    assert read_csv(str(csv), CLASSES)[1].tolist() == [2, 0]
    csv.write_text("0,1,0,0,1\n1,1,1,0,0\n")
    assert read_csv(str(csv), CLASSES)[1].tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("0,1\n", r"line 1 must have 2 inputs and 1 target\(s\), separated by commas, not 2"),
        ("0;1;1\n1;0;1\n", r"line 1 must have .* separated by commas, not 1"),
        ("a,b,c\n0,0,0\n0,x,1\n", r"line 3, column 2 must be a number, not 'x'"),
        ("0,0,0\n0,,1\n", r"line 2, column 2 must be a number, not ''"),
    ],
)
def test_csv_errors_say_where(csv, lines, message):
    csv.write_text(lines)
    with pytest.raises(DataError, match=f"{csv}.*{message}"):
        read_csv(str(csv), XOR)


def test_csv_with_lines_of_both_kinds_is_refused(csv):
    csv.write_text("0,1,2\n1,1,1,0,0\n")
    with pytest.raises(DataError, match="as many columns in every line, not from 3 to 5"):
        read_csv(str(csv), CLASSES)


def test_csv_that_is_no_text_is_refused(csv):
    csv.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="must be text"):
        read_csv(str(csv), XOR)


# -- NumPy's archives -----------------------------------------------------------------------------


def test_npz(npz):
    np.savez(npz, x=[[0.5, 1], [0, 0]], y=[[1], [0]], other=1)
    x, y = read_npz(str(npz))
    assert x.tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert y.tolist() == [[1], [0]]


def test_npz_errors_say_what_to_do(npz):
    np.savez(npz, x=[[0, 0]], label=[1])
    with pytest.raises(DataError, match=r"arrays x and y, not x, label; save it with numpy\.savez"):
        read_npz(str(npz))
    np.savez(npz, x=np.array([{}], dtype=object), y=[1])
    with pytest.raises(DataError, match="npz file of plain arrays"):
        read_npz(str(npz))
    for content in (b"PK\x03\x04 and no more", b""):
        npz.write_bytes(content)
        with pytest.raises(DataError, match="npz file of plain arrays"):
            read_npz(str(npz))
    with npz.open("wb") as file:
        np.save(file, np.zeros((4, 3)))
    with pytest.raises(DataError, match="npz file of plain arrays"):
        read_npz(str(npz))


# -- MATLAB's files -------------------------------------------------------------------------------

X = np.array([[0, 0.5], [0.25, 1], [1, 0], [0.75, 0], [1, 1]])
Y = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize("inputs", [X, X.T])
@pytest.mark.parametrize("targets", [Y, Y.T])
@pytest.mark.parametrize("compressed", [False, True])
def test_mat_is_read_in_either_orientation(mat, inputs, targets, compressed):
    others = {"title": "letters", "sizes": [5, 6], "names": np.array(["a"], dtype=object)}
    savemat(mat, {"P": inputs, "T": targets, **others}, do_compression=compressed)
    x, y = read_mat(str(mat), CLASSES)
    assert x.tolist() == X.tolist()
    assert y.tolist() == Y.tolist()


@pytest.mark.parametrize("targets", [Y[:, :1], Y[:, :1].T, Y[:, :1].astype(bool)])
def test_mat_of_one_output(mat, targets):
    savemat(mat, {"x": X, "y": targets})
    assert read_mat(str(mat), XOR)[1].tolist() == [[0], [1], [0], [0], [0]]


def test_mat_of_one_sample(mat):
    savemat(mat, {"x": [[0, 1]], "y": [[1]]})
    x, y = read_mat(str(mat), XOR)
    assert (x.tolist(), y.tolist()) == ([[0, 1]], [[1]])


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
@pytest.mark.parametrize(
    ("labels", "from_0"),
    [([1, 0, 2, 2, 1], [1, 0, 2, 2, 1]), ([2, 1, 3, 3, 2], [1, 0, 2, 2, 1]), ([0] * 5, [0] * 5)],
)
def test_mat_labels_count_from_0_or_from_1(mat, kind, labels, from_0):
    for vector in (np.array([labels], dtype=kind), np.array([labels], dtype=kind).T):
        savemat(mat, {"x": X, "y": vector})
        assert read_mat(str(mat), CLASSES)[1].tolist() == from_0


@pytest.mark.parametrize("labels", [[1, 2, 2, 1, 1], [2, 3, 3, 2, 2], [-1, 0, 1, 2, 0]])
def test_mat_labels_of_doubtful_origin_are_refused(mat, labels):
    savemat(mat, {"x": X, "y": [labels]})
    low, high = min(labels), max(labels)
    message = rf"start from 0, or that run from 1 to 3 .* not labels from {low} to {high}; renumber"
    with pytest.raises(DataError, match=rf"{mat} must have class labels that {message}"):
        read_mat(str(mat), CLASSES)


def test_mat_labels_of_one_kind_that_are_all_true_are_refused(mat):
    savemat(mat, {"x": X, "y": np.ones((5, 1), dtype=bool)})
    with pytest.raises(DataError, match="not labels from 1 to 1"):
        read_mat(str(mat), CLASSES)


def test_mat_prefers_columns_to_labels_that_say_the_same(mat):
    savemat(mat, {"x": X, "labels": [[1, 0, 2, 2, 1]], "y": Y})
    assert read_mat(str(mat), CLASSES)[1].tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, r"but no choices fit the arrays found: none; change the layers"),
        ({"x": X}, r"no choices .* x \(5, 2\); .* numpy\.savez"),
        ({"x": X, "y": Y[:4]}, r"no choices .* x \(5, 2\), y \(4, 3\)"),
        ({"x": X, "y": np.zeros((5, 4))}, r"no choices .* x \(5, 2\), y \(5, 4\)"),
        ({"x": X.reshape(1, 5, 2), "y": Y}, r"no choices .* x \(1, 5, 2\), y \(5, 3\)"),
        ({"x": X * 1j, "y": Y}, "no choices"),
        ({"x": np.zeros((0, 2)), "y": np.zeros((0, 3))}, "no choices"),
        ({"x": X, "y": Y, "z": Y}, r"several choices .* x \(5, 2\), y \(5, 3\), z \(5, 3\)"),
        ({"x": X, "z": X, "y": Y}, "several choices"),
        ({"x": X[:2], "y": Y[:2]}, "several choices"),  # square: either way round
    ],
)
def test_mat_errors_list_the_arrays(mat, arrays, message):
    savemat(mat, arrays)
    required = r"exactly one array with 2 columns or rows, the inputs, and one with 3, .* \[2, 3\]"
    with pytest.raises(DataError, match=f"{mat} must hold {required} say, .*{message}"):
        read_mat(str(mat), CLASSES)


@pytest.mark.parametrize(
    "content",
    [b"", b"no such thing", bytes(200), b"MATLAB 7.3".ljust(124) + b"\x00\x02IM" + bytes(384)],
)
def test_mat_that_is_none_is_refused(mat, content):
    mat.write_bytes(content)
    with pytest.raises(
        DataError, match=f"{mat} must be a MATLAB file before version 7.3, and whole"
    ):
        read_mat(str(mat), CLASSES)


def test_a_truncated_mat_is_refused(mat):
    savemat(mat, {"x": X, "y": Y}, do_compression=True)
    content = mat.read_bytes()
    for length in range(0, len(content), 7):
        mat.write_bytes(content[:length])
        with pytest.raises(DataError, match=f"data {mat} must"):
            read_mat(str(mat), CLASSES)


def test_without_scipy_the_message_says_what_to_install(mat, monkeypatch):
    for name in ("scipy", "scipy.io"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError, match=rf"{mat} needs the package scipy, .*'pmgd\[data\]'"):
        read_mat(str(mat), CLASSES)


# -- All ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [lambda path: read_csv(path, XOR), read_npz, lambda path: read_mat(path, XOR)],
)
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(DataError, match=f"readable .* not {tmp_path}/gone: No such file"):
        read(f"{tmp_path}/gone")
    with pytest.raises(DataError, match=f"readable .* not {tmp_path}: Is a directory"):
        read(str(tmp_path))
