import argparse
import shlex

import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import SpecError
from pmgd.host.cli.options import add_spec_arguments, spec_from, spec_words


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_spec_arguments(parser)
    return parser.parse_args(arguments)


def test_a_specification_without_settings_is_as_it_is():
    assert spec_from(parsed("xor")) == presets.xor()


def test_the_last_setting_of_a_key_counts_and_other_options_go_before():
    args = parsed("xor", "--set", "training.eta=0.25", "--set", "training.eta = 0.125")
    assert spec_from(args).training.eta == 0.125
    assert spec_from(
        args, {"training.eta": 2.0, "training.seed": 7}
    ) == presets.xor().with_settings({"training.eta": 2.0, "training.seed": 7})
    assert spec_from(parsed("xor")) == presets.xor()  # and none of them stays


@pytest.mark.parametrize("setting", ["training.eta", "=1", "training.speed=1", "training.eta=-1"])
def test_a_wrong_setting_is_refused(setting):
    with pytest.raises(SpecError):
        spec_from(parsed("xor", "--set", setting))


def test_the_words_ask_for_the_same():
    args = parsed("--set", "network.layers=[2, 3, 1]", "xor", "--set", "name=a b")
    words = spec_words(args)
    assert words == "xor --set 'network.layers=[2, 3, 1]' --set 'name=a b'"
    assert parsed(*shlex.split(words)) == args
