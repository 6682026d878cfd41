"""One renderer for the preview tests: starting it costs a second."""

from collections.abc import Iterator

import pytest

from workbench.documents.preview import Renderer


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    renderer = Renderer()
    yield renderer
    renderer.close()
