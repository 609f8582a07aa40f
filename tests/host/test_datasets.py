import numpy as np
import pytest

from pmgd.gateware.errors import DataError
from pmgd.gateware.spec import Data, Network
from pmgd.host.datasets import load

XOR = Network(layers=(2, 2, 1))
CLASSES = Network(layers=(2, 3))


def loaded(path, network=XOR):
    return load(Data(source=str(path)), network)


def test_xor_is_built_in():
    dataset = load(Data(source="xor"), XOR)
    assert dataset.name == "xor"
    assert all(y == (a != b) for (a, b), (y,) in zip(dataset.x, dataset.y, strict=True))
    assert len({tuple(row) for row in dataset.x}) == 4


def test_xor_for_another_network_is_refused():
    with pytest.raises(DataError, match=r"data xor: inputs must have the shape \(samples, 3\)"):
        load(Data(source="xor"), Network(layers=(3, 1)))


def test_npz(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x=[[0.5, 1], [0, 0]], y=[[1], [0]])
    dataset = loaded(path)
    assert dataset.name == "some"
    assert dataset.x.tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert dataset.y.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("titles", ["", "\ufeffleft,right,out\n"])
def test_csv(tmp_path, titles):
    path = tmp_path / "some.csv"
    path.write_text(f"{titles}0,1,1\n\n0.5,0,0\n", encoding="utf-8")
    dataset = loaded(path)
    assert dataset.x.tolist() == [[0.0, 1.0], [0.5, 0.0]]
    assert dataset.y.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("lines", ["0,1,2\n1,1,0\n", "0,1,0,0,1\n1,1,1,0,0\n"])
def test_csv_of_several_outputs_takes_labels_or_columns(tmp_path, lines):
    path = tmp_path / "some.csv"
    path.write_text(lines)
    assert loaded(path, CLASSES).y.tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "at least one sample"),
        ("0,1\n", r"line 1 must have 2 inputs and 1 target\(s\), not 2"),
        ("a,b,c\n0,0,0\n0,x,1\n", r"line 3, column 2 must be a number, not 'x'"),
        ("0,0,0\n0,,1\n", r"line 2, column 2 must be a number, not ''"),
        ("0,0,0\n0,nan,1\n", r"finite numbers, not nan at index \(1, 1\)"),
        ("0,0,0\n1,inf,1\n", r"not inf at index \(1, 1\)"),
    ],
)
def test_csv_errors_say_where(tmp_path, lines, message):
    path = tmp_path / "some.csv"
    path.write_text(lines)
    with pytest.raises(DataError, match=f"{path}.*{message}"):
        loaded(path)


def test_csv_with_lines_of_both_kinds_is_refused(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("0,1,2\n1,1,1,0,0\n")
    with pytest.raises(DataError, match="as many columns in every line, not from 3 to 5"):
        loaded(path, CLASSES)


def test_csv_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "some.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="must be text"):
        loaded(path)


def test_npz_errors_say_what_to_do(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x=[[0, 0]], label=[1])
    with pytest.raises(DataError, match=r"arrays x and y, not x, label; save it with numpy\.savez"):
        loaded(path)
    np.savez(path, x=np.array([{}], dtype=object), y=[1])
    with pytest.raises(DataError, match="npz file of plain arrays"):
        loaded(path)
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="npz file of plain arrays"):
        loaded(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="npz file of plain arrays"):
        loaded(path)
    with path.open("wb") as file:
        np.save(file, np.zeros((4, 3)))
    with pytest.raises(DataError, match="npz file of plain arrays"):
        loaded(path)
    np.savez(path, x=np.zeros((4, 3)), y=np.zeros(4))
    with pytest.raises(DataError, match=rf"{path}: inputs must have the shape \(samples, 2\)"):
        loaded(path)


@pytest.mark.parametrize("name", ["gone.npz", "gone.csv"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(DataError, match=f"{tmp_path / name}: No such file"):
        loaded(tmp_path / name)


def test_an_unknown_task_is_refused():
    with pytest.raises(DataError, match=r"xor or the path of an \.npz or \.csv file, not 'nist'"):
        load(Data(source="nist"), XOR)
