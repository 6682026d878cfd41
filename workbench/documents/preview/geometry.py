"""How large a page is rendered: the wanted scale, clamped so that no page of any claimed size costs too much."""

import math

from workbench.documents.limits import RenderLimits
from workbench.documents.preview.model import PageSize


def pixel_size(page: PageSize, scale: float, limits: RenderLimits) -> tuple[int, int]:
    """The page's width and height in pixels at `scale` pixels per unit, or at the largest scale the limits allow."""
    by_side = limits.page_side / max(page.width, page.height)
    by_area = math.sqrt(limits.page_pixels / page.width / page.height)
    clamped = min(scale, by_side, by_area)
    width, height = max(1, round(page.width * clamped)), max(1, round(page.height * clamped))
    width = min(width, limits.page_side)
    return width, min(height, limits.page_side, max(1, limits.page_pixels // width))
