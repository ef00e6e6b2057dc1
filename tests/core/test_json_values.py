"""What counts as a number in JSON, and how a wrong value is named."""

from __future__ import annotations

from typing import Any

import pytest

from sa3d_blender.core.json_values import are_numbers, is_number, is_whole, not_as_expected, shown


@pytest.mark.parametrize("value", [0, -3, 2.5, 1e299])
def test_numbers(value: Any) -> None:
    assert is_number(value)
    assert is_whole(value) == (value != 2.5)


@pytest.mark.parametrize("value", [True, None, "1", [1], 10**400, float("nan"), float("inf")])
def test_no_numbers(value: Any) -> None:
    assert not is_number(value)
    assert not is_whole(value)
    assert not are_numbers([1, value], 2)


def test_lists_of_numbers_have_their_length() -> None:
    assert are_numbers([1, 2.5], 2)
    assert not are_numbers([1, 2.5, 3], 2)
    assert not are_numbers((1, 2.5), 2), "JSON has lists only"


def test_a_value_is_named_in_short() -> None:
    assert shown(None) == "nothing"
    assert shown("ä\udcff") == '"ä?"'
    assert len(shown(list(range(100)))) < 50
    said = str(not_as_expected("A camera's 'w'", "a whole number", "200"))
    assert said.endswith('it must be a whole number, not "200".')
