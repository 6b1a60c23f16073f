"""Blends as they are written: NAME:WEIGHT[,NAME:WEIGHT]."""

import re
from decimal import Decimal

import pytest

from service.serving.blend import PATTERN, Shares


def test_each_named_style_has_its_weight_and_the_rest_is_left() -> None:
    shares = Shares("dusk:0.25,meadow:.5")
    assert shares.weights == {"dusk": Decimal("0.25"), "meadow": Decimal("0.5")}
    assert shares.rest == Decimal("0.25")


@pytest.mark.parametrize(
    "text", ["meadow:0.3,dusk:0.50", "dusk:0.500,meadow:00.3", "dusk:.5,meadow:.3"]
)
def test_one_blend_is_the_same_however_it_is_written(text: str) -> None:
    assert Shares(text) == Shares("dusk:0.5,meadow:0.3")
    assert str(Shares(text)) == "dusk:0.5,meadow:0.3"


@pytest.mark.parametrize("text", ["dusk:1", "dusk:0.1,meadow:0.2,dawn:0.7"])
def test_weights_may_sum_to_one_and_leave_nothing(text: str) -> None:
    assert Shares(text).rest == 0


def test_a_name_may_hold_a_colon() -> None:
    assert Shares("dusk:late:0.5").weights == {"dusk:late": Decimal("0.5")}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "'' is not NAME:WEIGHT"),
        ("dusk", "'dusk' is not NAME:WEIGHT"),
        (":0.5", "':0.5' is not NAME:WEIGHT"),
        ("dusk:0.5,", "'' is not NAME:WEIGHT"),
        ("dusk:0.0", "above 0"),
        ("dusk:-0.5", "above 0"),
        ("dusk:nan", "decimal"),
        ("dusk:1e-3", "decimal"),
        ("dusk:½", "decimal"),
        ("dusk:0.6,meadow:0.400001", "1.000001, which is more than 1"),
        ("dusk:0.1,dusk:0.1", "'dusk' is in it twice"),
        (",".join(f"style{n}:0.1" for n in range(9)), "at most 8"),
    ],
)
def test_what_is_no_blend_is_refused_saying_why(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        Shares(text)


def test_the_pattern_of_its_description_takes_eight_styles_and_no_ninth() -> None:
    entries = [f"style{n}:0.1" for n in range(9)]
    assert re.match(PATTERN, ",".join(entries[:8]))
    assert not re.match(PATTERN, ",".join(entries))
