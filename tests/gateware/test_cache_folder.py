"""The folder of what can be made again."""

import sys
from pathlib import Path

import pytest

from pmgd.gateware.cache_folder import cache_folder
from pmgd.gateware.errors import ToolError


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="has a place of its own")
def test_it_follows_the_freedesktop_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pmgd"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "pmgd"


def test_each_platform_has_a_place_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "pmgd"
    monkeypatch.delenv("LOCALAPPDATA")
    assert cache_folder() == Path.home() / "AppData" / "Local" / "pmgd"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "pmgd"


@pytest.mark.skipif(sys.platform == "win32", reason="has no list of users")
@pytest.mark.parametrize(
    ("system", "variable"),
    [("linux", "XDG_CACHE_HOME"), ("darwin", "HOME"), ("win32", "LOCALAPPDATA")],
)
def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, tmp_path, system, variable):
    def nobody(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.setattr(sys, "platform", system)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ToolError, match=f"has no home; set {variable} to a folder that can"):
        cache_folder()
    monkeypatch.setenv(variable, str(tmp_path))
    assert tmp_path in cache_folder().parents
