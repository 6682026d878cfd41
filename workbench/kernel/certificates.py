"""Certificates as other houses and strangers send them. The library has several ways of saying that it can't read one;
here they are all a ValueError.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509


def read_der(content: bytes) -> x509.Certificate:
    """The certificate in these bytes.

    Raises:
        ValueError: there is none.
    """
    with _readable():
        return x509.load_der_x509_certificate(content)


def read_pem(content: bytes) -> list[x509.Certificate]:
    """The certificates in a PEM text, at least one.

    Raises:
        ValueError: there is none, or one that can't be read.
    """
    with _readable():
        return x509.load_pem_x509_certificates(content)


def read_extensions(certificate: x509.Certificate) -> x509.Extensions:
    """What a certificate says in its extensions, which are read only when asked for.

    Raises:
        ValueError: they can't be read, or one stands there twice.
    """
    with _readable():
        return certificate.extensions


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from error
