"""Every answer to hostile input is a documented refusal, and the service goes on.

Some of each family; all of them, with a table of what came of it: make fuzz.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from service.images import codec
from tests.hostile.attack import OPTIONS, Attack
from tests.hostile.corpus import FAMILIES
from tests.hostile.strangers import files
from tests.support.server import serving

# One in so many, where a family is large or its cases take seconds.
STEPS = {
    "cut off at every kilobyte": 29,
    "flipped bits": 211,
    "wrong magic number": 7,
    "headers of up to 65,535 pixels a side": 17,
    "decompression bombs": 6,
    "floods of metadata": 3,
    "SVG, PS, PDF and others, in disguise": 3,
    "slow bodies": 3,
    "tensors": 2,
}


@pytest.fixture(scope="module")
def attack(pair_store: Path) -> Iterator[Attack]:
    with serving("--model-store", str(pair_store), *OPTIONS) as server:
        yield Attack(server)


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_input_is_refused_as_documented_and_the_next_good_request_is_answered(
    attack: Attack, family: str
) -> None:
    tally = attack.run(islice(FAMILIES[family](), 0, None, STEPS.get(family, 1)))
    assert tally.wrongs == []
    assert tally.statuses.total() >= 2
    assert "Traceback" not in "".join(attack.server.log)


@pytest.mark.parametrize("kind", files())
def test_programs_and_documents_reach_no_decoder(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(Image, "open", opened)
    with pytest.raises(codec.UnsupportedImage), codec.open_image(files()[kind], 1 << 20):
        pass
