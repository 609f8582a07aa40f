import zipfile

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
