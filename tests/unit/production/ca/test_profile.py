"""The certificate profile: what a file may say, and that names reach a subject whole or not at all."""

import unicodedata
from pathlib import Path

import pytest
from asn1crypto import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.support.applicant import a_code
from workbench.kernel.clock import now
from workbench.kernel.errors import Invalid
from workbench.production.ca.connector import CaMisconfigured
from workbench.production.ca.profile import CLOCK_TOLERANCE, UPPER_BOUND, Profile, load_profile, subject_of

EVERYTHING = """
validity_days = 365
longest_name = 120
key_usage = ["digitalSignature", "keyEncipherment"]
extended_key_usage = ["clientAuth", "1.3.6.1.4.1.311.20.2.2"]
policies = ["1.2.156.10197.6.1"]
crl_urls = ["http://pki.example.invalid/{name}.crl"]
ocsp_url = "http://ocsp.example.invalid"

[subject]
country = ""
fixed = [{ attribute = "organizationalUnitName", value = "电子认证" }]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "profile.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_there_is_a_profile_that_lets_holders_sign_in() -> None:
    profile = load_profile(None)
    assert profile.usages == {"digital_signature", "non_repudiation"}
    assert profile.purposes == ["1.3.6.1.5.5.7.3.2"]
    began, ends = profile.validity_from(now())
    assert (ends - began).days == profile.validity_days
    assert now() - began >= CLOCK_TOLERANCE


def test_a_file_may_say_everything(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, EVERYTHING))
    assert profile.usages == {"digital_signature", "key_encipherment"}
    assert profile.purposes == ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"]
    assert profile.crl_urls == ("http://pki.example.invalid/{name}.crl",)
    subject = x509.Name.load(subject_of(profile, "示例有限公司", a_code(), "示例甲")).native
    assert list(subject) == ["organization_name", "organizational_unit_name", "common_name", "serial_number"]
    assert subject["organizational_unit_name"] == "电子认证"


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("validity_days = 0", "validity_days", "greater than"),
        ('validity_days = "730"', "validity_days", "integer"),
        ("days = 3", "days", "Extra"),
        ('key_usage = ["nonRepudiation"]', "key_usage", "digitalSignature"),
        ('key_usage = ["digitalSignature", "keyCertSign"]', "key_usage", "keyCertSign"),
        ('extended_key_usage = ["codeSigning"]', "extended_key_usage", "clientAuth"),
        ('extended_key_usage = ["client"]', "extended_key_usage", "'client'"),
        ('policies = ["1.2.x"]', "policies.0", "pattern"),
        ('crl_urls = ["ldap://directory"]', "crl_urls.0", "pattern"),
        ('crl_urls = ["http://x/{serial}"]', "crl_urls.0", "pattern"),
        ('[subject]\ncountry = "China"', "subject.country", "pattern"),
        ('[subject]\nfixed = [{attribute = "commonName", value = "x"}]', "subject.fixed.0.attribute", "one of"),
        ('[subject]\nfixed = [{attribute = "title", value = " "}]', "subject.fixed.0.value", "at least 1"),
        ("validity_days = ", "profile.toml", "can't be read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, place: str, word: str) -> None:
    with pytest.raises(CaMisconfigured) as refusal:
        load_profile(write(tmp_path, text))
    assert place in str(refusal.value)
    assert word in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaMisconfigured, match=r"absent\.toml"):
        load_profile(tmp_path / "absent.toml")


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn")), min_size=1, max_size=UPPER_BOUND)


@given(enterprise=NAMES, holder=NAMES)
def test_names_stand_in_the_subject_as_they_are(enterprise: str, holder: str) -> None:
    try:
        made = subject_of(Profile(), enterprise, a_code(), holder)
    except Invalid:
        assert not enterprise.strip() or not holder.strip()
        return
    parts = {
        each["type"].native: each["value"].chosen for part in x509.Name.load(made, strict=True).chosen for each in part
    }
    assert parts["organization_name"].native == _composed(enterprise)
    assert parts["common_name"].native == _composed(holder)
    assert parts["organization_name"].tag == 12  # UTF8String
    assert parts["serial_number"].tag == parts["country_name"].tag == 19  # PrintableString


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def test_a_name_that_is_too_long_is_refused_and_not_cut() -> None:
    long = "示" * (UPPER_BOUND + 1)
    with pytest.raises(Invalid, match="65"):
        subject_of(Profile(), long, a_code(), "示例甲")
    with pytest.raises(Invalid, match="65"):
        subject_of(Profile(longest_name=200), "示例有限公司", a_code(), long)
    named = x509.Name.load(subject_of(Profile(longest_name=65), long, a_code(), "示例甲"))
    assert named.native["organization_name"] == long


@pytest.mark.parametrize("name", ["", "  ", "示例\n甲", "示例\u202e甲", "示例\x00", "\ue000"])
def test_a_name_no_certificate_can_bear_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        subject_of(Profile(), "示例有限公司", a_code(), name)


def test_a_rare_character_of_a_name_is_no_reason_to_refuse() -> None:
    """CJK extension I was added to Unicode after this interpreter's tables."""
    rare = "示\U0002ebf0"
    assert x509.Name.load(subject_of(Profile(), rare, a_code(), rare)).native["common_name"] == rare


def test_what_is_no_credit_code_is_refused() -> None:
    with pytest.raises(Invalid):
        subject_of(Profile(), "示例有限公司", a_code()[:-1] + "0", "示例甲")
