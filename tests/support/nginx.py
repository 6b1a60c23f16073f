"""Tests that need the real load balancer."""

import pytest

from tests.chaos import balancer

needs_nginx = pytest.mark.skipif(
    balancer.INSTALLED is None, reason="nginx is not installed (Debian: apt-get install nginx)"
)
