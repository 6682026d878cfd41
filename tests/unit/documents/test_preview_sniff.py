"""A file's kind comes from its content alone; what poses as a document is refused before any parser sees it."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.documents import samples
from workbench.documents.preview import Kind, RefusalCode, Refused, sniff


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("payload.html", "<script>alert(1)</script>")
    return file.getvalue()


def refusal(untrusted: bytes) -> RefusalCode:
    with pytest.raises(Refused) as refused:
        sniff(untrusted)
    return refused.value.code


def test_every_kind_is_told_by_content() -> None:
    image = samples.picture()
    found = [
        sniff(samples.pdf()),
        sniff(samples.saved(image, "JPEG")),
        sniff(samples.saved(image, "PNG")),
        sniff(samples.tiff(2)),
        sniff(samples.saved(image, "WEBP")),
        sniff(samples.saved(image, "HEIF")),
        sniff(samples.mpo()),
    ]
    assert found == [*Kind, Kind.JPEG]
    assert Kind.JPEG.media_type == "image/jpeg"
    assert Kind.JPEG.extension == ".jpg"
    assert Kind.PDF.media_type == "application/pdf"


def test_white_space_and_a_printer_language_may_stand_before_a_pdf() -> None:
    assert sniff(b"\xef\xbb\xbf\r\n" + samples.pdf()) is Kind.PDF
    assert sniff(b"\x1b%-12345X@PJL SET COPIES=1\r\n" + samples.pdf()) is Kind.PDF


@pytest.mark.parametrize(
    ("untrusted", "code"),
    [
        (b"", RefusalCode.EMPTY),
        (b"%PDF-1.7" + bytes(20 * 1024 * 1024), RefusalCode.TOO_LARGE),
        (b"hello, this is a text", RefusalCode.UNKNOWN_TYPE),
        (b"GIF89a" + bytes(40), RefusalCode.UNKNOWN_TYPE),
        (b"PK\x03\x04" + bytes(40), RefusalCode.UNKNOWN_TYPE),
        (b"\x00\x00\x00\x18ftypavif" + bytes(40), RefusalCode.UNKNOWN_TYPE),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", RefusalCode.ACTIVE_CONTENT),
        (b"<?xml version='1.0'?><svg/>", RefusalCode.ACTIVE_CONTENT),
        (b"  \n<!DOCTYPE html><title>x</title>", RefusalCode.ACTIVE_CONTENT),
        (b"\xef\xbb\xbf<html><script>alert(1)</script>", RefusalCode.ACTIVE_CONTENT),
        ("<html><script>".encode("utf-16"), RefusalCode.ACTIVE_CONTENT),
        (b"words before <script>alert(1)</script>", RefusalCode.ACTIVE_CONTENT),
        (b"#!/bin/sh\necho", RefusalCode.ACTIVE_CONTENT),
        (b"%!PS-Adobe-3.0", RefusalCode.ACTIVE_CONTENT),
        (b"MZ\x90\x00" + bytes(90), RefusalCode.ACTIVE_CONTENT),
    ],
)
def test_strangers_are_refused_with_the_reason(untrusted: bytes, code: RefusalCode) -> None:
    assert refusal(untrusted) is code


def test_polyglots_are_refused() -> None:
    jpeg, png, pdf = samples.saved(samples.picture(), "JPEG"), samples.saved(samples.picture(), "PNG"), samples.pdf()
    webp = samples.saved(samples.picture(), "WEBP")
    two_at_once = {
        "GIF then PDF": b"GIF89a" + pdf,
        "ZIP then PDF": a_zip() + pdf,
        "JPEG with a PDF header in its head": jpeg[:20] + pdf,
        "JPEG then ZIP": jpeg + a_zip(),
        "JPEG then PDF": jpeg + pdf,
        "JPEG then HTML": jpeg + b"<html><script>alert(1)</script></html>",
        "PNG then PHP": png + b"<?php system($_GET['x']); ?>",
        "WebP then HTML": webp + b"<HTML>",
        "PDF then ZIP": pdf + a_zip(),
        "PDF then HTML": pdf + b"<script>alert(1)</script>",
    }
    assert {name: refusal(untrusted) for name, untrusted in two_at_once.items()} == dict.fromkeys(
        two_at_once, RefusalCode.POLYGLOT
    )


@given(st.binary(max_size=300), st.sampled_from([b"", b"%PDF-1.7\n", b"\xff\xd8\xff\xe0", b"RIFFxxxxWEBP", b"MM\x00*"]))
def test_any_bytes_give_a_kind_or_a_refusal(untrusted: bytes, start: bytes) -> None:
    try:
        found: object = sniff(start + untrusted)
    except Refused as refused:
        found = refused.code
    assert isinstance(found, Kind | RefusalCode)
