import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import SpecError
from pmgd.gateware.spec import Data
from pmgd.host.spec_file import dump_spec, load_spec, parse_setting, parse_value


def rewritten(spec, tmp_path, comment=""):
    path = tmp_path / "spec.toml"
    path.write_text(dump_spec(spec, comment), encoding="utf-8")
    return load_spec(str(path))


def test_a_preset_is_found_by_name():
    assert load_spec("xor") == presets.xor()


def test_what_is_written_reads_back_equal(tmp_path):
    spec = presets.xor().with_settings(
        {
            "network.layers": [3, 5, 2],
            "formats.cost": "U3.9",
            "training.eta": 1e-05,
            "training.seed": (1 << 64) - 1,
            "training.order": "sequential",
        }
    )
    assert rewritten(spec, tmp_path, "two\nlines") == spec


@pytest.mark.parametrize("name", ['a "b"\\c.csv', "tab\tnew\nline\x7f\x00\u20ac\U0001f600.npz"])
def test_strings_survive_whatever_they_hold(tmp_path, name):
    spec = presets.xor().replace(data=Data(source=f"/{name}"))
    assert rewritten(spec, tmp_path) == spec


def test_a_data_file_is_looked_for_beside_the_specification(tmp_path):
    spec = presets.xor().replace(data=Data(source="some.csv"))
    assert rewritten(spec, tmp_path).data.source == str(tmp_path / "some.csv")


def test_sections_may_be_left_out(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text('name = "small"\n[network]\nlayers = [2, 1]\n')
    assert load_spec(str(path)).network.layers == (2, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\n[network\n', "must be valid TOML: .*line 2"),
        ('name = "x"\n', "must give network"),
        ('name = "x"\n[network]\nlayers = [2, 1]\ncolour = 1\n', r"not 'network\.colour'"),
        (
            'name = "x"\n[network]\nlayers = [2, 1]\n[training]\ntau_x = 1.5\n',
            r"training\.tau_x .* 1\.5",
        ),
    ],
)
def test_errors_name_the_file_and_the_reason(tmp_path, text, message):
    path = tmp_path / "some.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=f"{path}.* {message}"):
        load_spec(str(path))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "some.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(SpecError, match="must be valid TOML"):
        load_spec(str(path))


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 2000], ids=["long", "deep"])
def test_what_is_too_long_or_too_deep_is_refused(tmp_path, value):
    path = tmp_path / "some.toml"
    path.write_text(f"name = {value}")
    with pytest.raises(SpecError, match=r"must be valid TOML: .*; correct the file"):
        load_spec(str(path))


def test_what_does_not_exist_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"one of xor, xor_fast, .*digits, not 'nor'"):
        load_spec("nor")
    with pytest.raises(SpecError, match=r"readable TOML file, not .*gone\.toml: No such file"):
        load_spec(str(tmp_path / "gone.toml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.25", 0.25),
        ("1_000", 1000),
        ("[2, 3, 1]", [2, 3, 1]),
        ("random", "random"),
        ('"random"', "random"),
        ("S4.8", "S4.8"),
        ("", ""),
        ("1\nother = 2", "1\nother = 2"),
        pytest.param("9" * 5000, "9" * 5000, id="long"),
        pytest.param("[" * 2000, "[" * 2000, id="deep"),
    ],
)
def test_values_are_toml_or_words(text, value):
    assert parse_value(text) == value
    assert parse_setting(f"a.b={text}") == ("a.b", value)


@pytest.mark.parametrize("text", ["a.b", "=1", ""])
def test_a_setting_needs_a_key_and_a_value(text):
    with pytest.raises(SpecError, match="KEY=VALUE"):
        parse_setting(text)
