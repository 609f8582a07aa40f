import pytest

from pmgd.host.cli.text import rate, table


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(0, "0"), (0.0123, "0.0123"), (95.62, "95.6"), (100, "100"), (999.9, "1,000"),
     (6629.2, "6,630"), (131_123.8, "131,000"), (2.5e6, "2,500,000")],
)  # fmt: skip
def test_speeds_have_three_digits(per_s, text):
    assert rate(per_s) == text


def test_columns_are_aligned():
    rows = [("name", "bits", ""), ("a", 12, "x"), ("long name", 3, "")]
    assert table(rows, "lr") == "\n".join(
        ["  name       bits", "  a            12  x", "  long name     3"]
    )
