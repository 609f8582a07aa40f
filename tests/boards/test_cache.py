import errno
import os
import zipfile
from pathlib import Path

import pytest

from pmgd.boards.cache import BuildCache
from pmgd.gateware.errors import ToolError

FILES = {"a.bin": bytes(range(256)) * 50, "b.json": b"{}"}


def test_what_was_put_is_got(tmp_path):
    cache = BuildCache(tmp_path / "new" / "folder")
    assert cache.get("k") is None
    cache.put("k", FILES)
    assert cache.get("k") == FILES
    assert cache.get("j") is None
    assert BuildCache(cache.folder).get("k") == FILES


def test_an_entry_is_the_same_file_whenever_it_is_put(tmp_path):
    for folder in ("one", "two"):
        BuildCache(tmp_path / folder).put("k", FILES)
    (one,), (two,) = ((tmp_path / folder).iterdir() for folder in ("one", "two"))
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()
    assert zipfile.ZipFile(one).testzip() is None


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_entry_is_missed_and_removed(tmp_path, damage):
    cache = BuildCache(tmp_path)
    cache.put("k", FILES)
    (entry,) = tmp_path.iterdir()
    content = entry.read_bytes()
    changed = bytes([content[100] ^ 1])
    entry.write_bytes(
        {"cut": content[:-1], "changed": content[:100] + changed + content[101:], "empty": b""}[
            damage
        ]
    )
    assert cache.get("k") is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "full folder", "dangling link", "link in a circle"])
def test_what_cannot_be_read_is_missed_and_replaced(tmp_path, kind):
    cache = BuildCache(tmp_path)
    cache.put("k", FILES)
    (entry,) = tmp_path.iterdir()
    entry.unlink()
    if "link" in kind:
        entry.symlink_to("gone" if kind == "dangling link" else entry.name)
    else:
        entry.mkdir()
    if kind == "full folder":
        (entry / "file").touch()
    assert cache.get("k") is None
    cache.put("k", FILES)
    assert cache.get("k") == FILES


def test_an_entry_that_another_process_removes_is_missed(tmp_path, monkeypatch):
    cache = BuildCache(tmp_path)
    cache.put("k", FILES)
    entries = list(tmp_path.iterdir())
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(entries))
    entries[0].unlink()
    assert cache.get("k") is None


def test_what_can_neither_be_read_nor_removed_is_missed(tmp_path, monkeypatch):
    cache = BuildCache(tmp_path)
    cache.put("k", FILES)

    def refuse(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert cache.get("k") is None


def test_a_scratch_folder_is_removed_with_what_is_in_it(tmp_path):
    cache = BuildCache(tmp_path)
    with cache.scratch() as folder:
        assert list(tmp_path.iterdir())
        (tmp_path / folder / "x").touch()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ToolError, match=r"not .*file: .*; set XDG_CACHE_HOME"):
        BuildCache(tmp_path / "file").scratch()
