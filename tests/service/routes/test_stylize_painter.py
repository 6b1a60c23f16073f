"""POST /stylize/{style} where a Painter has the styles: rows, blends, stroke sizes, batches."""

import re
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.application import Connect
from tests.support.painter_store import STYLES, painted
from tests.support.pictures import decoded, encoded

pytestmark = pytest.mark.anyio

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def model_store(
    painter_store: Path, wave_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiny Painter, and a network of one style beside it."""
    store = tmp_path_factory.mktemp("both") / "store"
    shutil.copytree(painter_store, store)
    shutil.copytree(wave_store / "wave", store / "wave")
    return store


@pytest.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(threads=1) as opened:
        yield opened


async def post(
    client: httpx.AsyncClient, pixels: Pixels, path: str, **headers: str
) -> httpx.Response:
    files = {"image": ("photograph.png", encoded(pixels))}
    return await client.post(f"/stylize/{path}", files=files, headers=headers)


async def refusal(client: httpx.AsyncClient, pixels: Pixels, path: str) -> tuple[int, str]:
    answer = await post(client, pixels, path)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["detail"]


def mean(*rows: Sequence[float], weights: Sequence[float]) -> Sequence[float]:
    return [float(number) for number in np.average(rows, axis=0, weights=weights)]


DUSK, MEADOW, NEGATIVE = STYLES["dusk"], STYLES["meadow"], STYLES["negative"]


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("dusk", DUSK[1]),
        ("negative", NEGATIVE[0]),
        ("dusk?stroke=0.5", DUSK[0]),
        ("dusk?stroke=2", DUSK[2]),
        ("dusk?stroke=1.41421356237", mean(DUSK[1], DUSK[2], weights=[0.5, 0.5])),
        ("dusk?blend=meadow:0.25", mean(DUSK[1], MEADOW[1], weights=[0.75, 0.25])),
        ("dusk?blend=meadow:1", MEADOW[1]),
        (
            "dusk?blend=meadow:0.2,negative:0.3&stroke=2",
            mean(DUSK[2], MEADOW[2], NEGATIVE[0], weights=[0.5, 0.2, 0.3]),
        ),
    ],
)
async def test_a_photograph_is_painted_by_the_row_that_was_asked_for(
    client: httpx.AsyncClient, photograph: Pixels, path: str, row: Sequence[float]
) -> None:
    answer = decoded(await post(client, photograph, path))
    assert np.abs(answer.astype(int) - painted(photograph, row)).max() <= 1


async def test_strength_and_colours_go_with_every_style(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    bright = photograph // 2 + 128  # so that nothing is clipped
    kept = decoded(await post(client, bright, "dusk?preserve_color=true")).astype(int)
    gentle = decoded(await post(client, photograph, "dusk?strength=0"))
    assert np.ptp(kept - bright, axis=2).max() <= 1
    assert np.array_equal(gentle, photograph)


async def test_an_answer_names_the_style_and_the_digest_of_the_network(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    answers = [await post(client, photograph, style) for style in ("dusk", "meadow")]
    assert [answer.headers["x-model"] for answer in answers] == ["dusk", "meadow"]
    assert len({answer.headers["x-model-digest"] for answer in answers}) == 1
    assert 'filename="dusk.png"' in answers[0].headers["content-disposition"]


async def test_a_blend_that_is_written_otherwise_is_the_same_answer(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    first = await post(client, photograph, "dusk?blend=meadow:0.5,negative:0.25")
    tag = first.headers["etag"]
    again = "dusk?blend=negative:.250,meadow:0.50&stroke=1"
    assert (await post(client, photograph, again, **{"If-None-Match": tag})).status_code == 304
    for other in ("dusk", "meadow", "dusk?blend=meadow:0.5", "dusk?stroke=1.1"):
        answer = await post(client, photograph, other, **{"If-None-Match": tag})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("dusk?blend=meadow", 400, "'meadow' is not NAME:WEIGHT"),
        ("dusk?blend=meadow:0", 400, "above 0"),
        ("dusk?blend=meadow:0.8,negative:0.3", 400, "more than 1"),
        ("dusk?blend=meadow:0.1,meadow:0.1", 400, "'meadow' is in it twice"),
        ("dusk?blend=dusk:0.5", 400, "'dusk' is not blended in"),
        ("dusk?blend=wave:0.5", 400, "'dusk' and 'wave' do not blend"),
        ("wave?blend=dusk:0.5", 400, "'wave' is a network of its own: it neither blends nor"),
        ("wave?stroke=0.9", 400, "'wave' is a network of its own"),
        ("negative?stroke=0.9", 400, "'negative' has one stroke size"),
        ("dusk?stroke=0.4", 400, "query.stroke"),
        ("dusk?stroke=2.1", 400, "query.stroke"),
        ("dusk?stroke=nan", 400, "query.stroke"),
        ("dusk?blend=dawn:0.5", 404, "no style 'dawn'; there are: dusk, meadow, negative, wave"),
        ("painter", 404, "no style 'painter'"),
        ("dusk?strokes=1", 400, "there are: blend, format, max_side, preserve_color, quality, st"),
    ],
)
async def test_what_cannot_be_painted_is_refused_saying_why(
    client: httpx.AsyncClient, photograph: Pixels, path: str, status: int, detail: str
) -> None:
    refused, said = await refusal(client, photograph, path)
    assert refused == status
    assert detail in said


async def test_a_network_of_one_style_is_painted_with_as_ever(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    answer = await post(client, photograph, "wave?stroke=1")
    assert decoded(answer).shape == photograph.shape


async def test_requests_for_different_styles_share_a_batch_and_each_gets_its_own(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    answers: dict[str, httpx.Response] = {}

    async def ask(style: str) -> None:
        answers[style] = await post(client, photograph, style)

    with anyio.fail_after(60):
        while await styles_a_batch(client) <= 1:  # as batches come to be is a matter of time
            async with anyio.create_task_group() as group:
                for style in STYLES:
                    group.start_soon(ask, style)
            for style, rows in STYLES.items():
                expected = painted(photograph, rows[len(rows) // 2]).astype(int)
                assert np.abs(decoded(answers[style]) - expected).max() <= 1
    assert max(int(answer.headers["x-batch-size"]) for answer in answers.values()) > 1


async def styles_a_batch(client: httpx.AsyncClient) -> float:
    """On average."""
    exposition = (await client.get("/metrics")).text
    found = dict(
        re.findall(r'^perceptual_batch_styles_(\w+)\{model="painter"\} (\S+)$', exposition, re.M)
    )
    return float(found["sum"]) / float(found["count"]) if found else 0.0


async def test_metrics_of_requests_have_the_style_s_name_and_those_of_batches_the_network_s(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    await post(client, photograph, "dusk")
    await post(client, photograph, "dusk?blend=meadow:0.5")
    await post(client, photograph, "wave")
    await post(client, photograph, "dusk?blend=dusk:0.5")
    exposition = (await client.get("/metrics")).text
    for sample in (
        'perceptual_requests_total{model="dusk",route="/stylize/{style}",status="200"} 2.0',
        'perceptual_requests_total{model="dusk",route="/stylize/{style}",status="400"} 1.0',
        'perceptual_refusals_total{model="dusk",reason="malformed_request"} 1.0',
        'perceptual_stage_seconds_count{model="dusk",stage="infer"} 2.0',
        'perceptual_batch_images_count{model="painter"} 2.0',
        'perceptual_batch_styles_sum{model="painter"} 2.0',
    ):
        assert sample in exposition
    assert 'perceptual_batch_styles_count{model="wave"}' not in exposition
    assert 'perceptual_batch_images_count{model="dusk"}' not in exposition
