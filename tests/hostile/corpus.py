"""All that is sent, by family."""

from collections.abc import Callable, Iterator, Mapping

from tests.hostile.bodies import lies, multiparts, slow
from tests.hostile.bombs import bombs, floods
from tests.hostile.case import Case
from tests.hostile.damage import empty, flipped, truncated, with_wrong_magic
from tests.hostile.heads import heads
from tests.hostile.sizes import sizes
from tests.hostile.strangers import programs
from tests.hostile.tensors import tensors

FAMILIES: Mapping[str, Callable[[], Iterator[Case]]] = {
    "cut off at every kilobyte": truncated,
    "flipped bits": flipped,
    "wrong magic number": with_wrong_magic,
    "zero bytes": empty,
    "headers of up to 65,535 pixels a side": sizes,
    "decompression bombs": bombs,
    "floods of metadata": floods,
    "SVG, PS, PDF and others, in disguise": programs,
    "multipart": multiparts,
    "lengths that lie": lies,
    "slow bodies": slow,
    "broken heads": heads,
    "tensors": tensors,
}
