"""What schemathesis sends where the description says binary: photographs, and anything."""

import schemathesis
from hypothesis import strategies as st

from tests.hostile.pictures import thumbnails

schemathesis.openapi.format(
    "binary", st.sampled_from(list(thumbnails().values())) | st.binary(max_size=4096)
)
