"""What a request does: its row of a Painter, its refusals, its fingerprint for ETag and journal."""

from pathlib import Path

import numpy as np
import pytest

from service.models import catalog
from service.models.catalog import Catalog
from service.problems import MalformedRequest, UnknownModel
from service.serving.blend import Shares
from service.serving.operation import Operation, stylizing, upscaling
from service.serving.transformation import Stylization, Transformation, Upscaling
from tests.support.painter_store import STYLES, write_painter, write_style

BODY = b"a photograph"


@pytest.fixture(scope="module")
def networks(wave_store: Path) -> Catalog:
    return catalog.read(wave_store)


@pytest.fixture(scope="module")
def painters(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Two, of which one has the styles of STYLES and the other one of its own."""
    store = tmp_path_factory.mktemp("painters")
    painter, other = write_painter(store / "painter"), write_painter(store / "other")
    for name, rows in STYLES.items():
        write_style(painter, name, rows)
    write_style(other, "elsewhere", STYLES["dusk"])
    return catalog.read(store)


def wave(networks: Catalog, transformation: Stylization) -> Operation:
    return stylizing(networks, networks.style("wave"), transformation)


def painted(
    painters: Catalog, style: str, blend: str | None = None, stroke: float = 1.0
) -> Operation:
    shares = None if blend is None else Shares(blend)
    return stylizing(painters, painters.style(style), Stylization(blend=shares, stroke=stroke))


def row(operation: Operation) -> list[float]:
    given = operation.inputs["style"]
    assert isinstance(given, np.ndarray)
    return [float(number) for number in given]


def test_an_upscaling_has_the_network_of_its_factor_and_objective(upscaler_store: Path) -> None:
    read = catalog.read(upscaler_store)
    wanted = Upscaling.model_validate({"factor": 4, "model": "pixel"})
    assert upscaling(read, wanted).model is read.get("upscale_x4_pixel")


# Rows


@pytest.mark.parametrize(("stroke", "place"), [(0.5, 0), (1.0, 1), (2.0, 2)])
def test_a_style_is_painted_by_its_row_of_the_stroke_size(
    painters: Catalog, stroke: float, place: int
) -> None:
    expected = STYLES["dusk"][place]
    assert row(painted(painters, "dusk", stroke=stroke)) == pytest.approx(expected)


def test_a_blend_is_the_convex_combination_at_the_stroke_size_of_each(painters: Catalog) -> None:
    blended = row(painted(painters, "dusk", "meadow:0.25,negative:0.5", stroke=2))
    parts = [STYLES["dusk"][2], STYLES["meadow"][2], STYLES["negative"][0]]
    assert blended == pytest.approx(np.average(parts, axis=0, weights=[0.25, 0.25, 0.5]))


def test_a_style_with_all_the_weight_is_painted_as_it_is_by_itself(painters: Catalog) -> None:
    assert row(painted(painters, "dusk", "meadow:1")) == row(painted(painters, "meadow"))


def test_a_network_of_one_style_is_given_no_row(networks: Catalog) -> None:
    assert wave(networks, Stylization()).inputs.keys() == {"strength", "preserve_color"}


# Refusals


@pytest.mark.parametrize("asked", [Stylization(blend=Shares("dusk:0.5")), Stylization(stroke=0.5)])
def test_a_network_of_one_style_refuses_blends_and_strokes(
    networks: Catalog, asked: Stylization
) -> None:
    with pytest.raises(MalformedRequest, match="'wave' is a network of its own: it neither blends"):
        wave(networks, asked)


def test_styles_of_different_networks_do_not_blend(painters: Catalog) -> None:
    with pytest.raises(MalformedRequest, match="'dusk' and 'elsewhere' do not blend"):
        painted(painters, "dusk", "elsewhere:0.5")


def test_a_style_is_not_blended_with_itself(painters: Catalog) -> None:
    with pytest.raises(MalformedRequest, match="'dusk' is not blended in"):
        painted(painters, "dusk", "dusk:0.5")


def test_an_unknown_style_of_a_blend_is_named_with_those_there_are(painters: Catalog) -> None:
    with pytest.raises(UnknownModel, match="'dawn'; there are: dusk"):
        painted(painters, "dusk", "dawn:0.5")


def test_a_style_of_one_row_has_no_other_strokes(painters: Catalog) -> None:
    with pytest.raises(MalformedRequest, match="'negative' has one stroke size"):
        painted(painters, "negative", stroke=0.9)


# Fingerprints


def test_a_default_that_is_given_does_not_change_the_fingerprint(networks: Catalog) -> None:
    given = Stylization(strength=1.0, quality=90, stroke=1.0)
    assert wave(networks, given).fingerprint(BODY) == wave(networks, Stylization()).fingerprint(
        BODY
    )


@pytest.mark.parametrize(
    "other",
    [
        Stylization(strength=0.5),
        Stylization(preserve_color=True),
        Stylization(max_side=100),
        Stylization(format="png"),
        Stylization(quality=80),
    ],
)
def test_every_parameter_changes_the_fingerprint(networks: Catalog, other: Transformation) -> None:
    assert isinstance(other, Stylization)
    plain = wave(networks, Stylization())
    assert wave(networks, other).fingerprint(BODY) != plain.fingerprint(BODY)


def test_the_image_changes_the_fingerprint(networks: Catalog) -> None:
    operation = wave(networks, Stylization())
    assert operation.fingerprint(BODY) != operation.fingerprint(BODY + b"s")


def test_styles_strokes_and_blends_of_one_network_have_fingerprints_of_their_own(
    painters: Catalog,
) -> None:
    operations = [
        painted(painters, "dusk"),
        painted(painters, "meadow"),
        painted(painters, "dusk", stroke=0.9),
        painted(painters, "dusk", "meadow:0.5"),
        painted(painters, "dusk", "meadow:0.4"),
        painted(painters, "dusk", "negative:0.5"),
    ]
    assert len({operation.fingerprint(BODY) for operation in operations}) == len(operations)


def test_a_blend_has_one_fingerprint_however_it_is_written(painters: Catalog) -> None:
    one = painted(painters, "dusk", "meadow:0.50,negative:.25")
    other = painted(painters, "dusk", "negative:0.25,meadow:0.5")
    assert one.fingerprint(BODY) == other.fingerprint(BODY)


def test_changed_rows_change_the_fingerprints_of_all_that_is_painted_by_them(
    tmp_path: Path,
) -> None:
    version = write_painter(tmp_path / "painter")
    write_style(version, "dusk", STYLES["dusk"])
    before = painted(catalog.read(tmp_path), "dusk").fingerprint(BODY)
    write_style(version, "dusk", STYLES["meadow"])
    assert painted(catalog.read(tmp_path), "dusk").fingerprint(BODY) != before
