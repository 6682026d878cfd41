"""The algorithm profiles of keys, certificates and seals. A profile is chosen by configuration, never by a case."""

from enum import StrEnum


class Algorithm(StrEnum):
    """What key pairs are made of and what their owners sign with.

    RSA_2048 and P_256 sign with SHA-256; SM2 signs with SM3 under the distinguishing identifier of GM/T 0009.
    """

    RSA_2048 = "rsa-2048"
    P_256 = "p-256"
    SM2 = "sm2"


SM2_IDENTIFIER = "1234567812345678"
"""The signer's distinguishing identifier (GM/T 0009-2012); without it no SM2 signature verifies."""
