"""Demo papers: the six required documents of an invented enterprise, as files that look like a clerk's real day.

Every page carries the watermark 演示样本 · 非真实证件 and names only 示例… people and companies; no state emblem and no
agency's seal is drawn.
"""

from workbench.demo.papers.facts import Document, Fault, Form, Paper, PaperFacts, Quirk
from workbench.demo.papers.inventions import (
    InventedEnterprise,
    InventedHolder,
    invented_enterprise,
    invented_holder,
)
from workbench.demo.papers.making import PaperRequest, make_many, make_paper

__all__ = [
    "Document",
    "Fault",
    "Form",
    "InventedEnterprise",
    "InventedHolder",
    "Paper",
    "PaperFacts",
    "PaperRequest",
    "Quirk",
    "invented_enterprise",
    "invented_holder",
    "make_many",
    "make_paper",
]
