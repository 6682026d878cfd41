"""Settings from the environment, typed: the program refuses to start on a bad value and names the variable.

Every default is safe in production; the only variable most installations set is DATABASE_URL.
"""

from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyUrl, Field, StringConstraints, UrlConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DatabaseUrl = Annotated[str, StringConstraints(pattern=r"^postgres(ql)?://\S+$")]
WebUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["http", "https"], host_required=True)]
SmtpUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["smtp", "smtps"], host_required=True)]


class BadSettings(Exception):
    """One or more environment variables hold a value the program cannot work with."""


class Settings(BaseSettings):
    """What an installation may configure. Environment names are WORKBENCH_<FIELD>, apart from DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="WORKBENCH_", frozen=True, extra="ignore")

    database_url: DatabaseUrl | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="The owner's connection to PostgreSQL 15+; unset means the embedded server in var/postgres.",
    )
    app_database_url: DatabaseUrl | None = Field(
        default=None,
        description="The application role's own connection; unset means `migrate` makes the role beside the owner's.",
    )
    var_dir: Path = Field(default=Path("var"), description="Where data, keys, blobs and mail files live.")
    host: str = Field(default="127.0.0.1", description="Address the web server listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the web server listens on.")
    web_workers: int = Field(default=2, ge=1, le=64, description="Web server processes.")
    web_threads: int = Field(default=4, ge=1, le=64, description="Threads in each web server process.")
    https: bool = Field(default=False, description="Set when users come by HTTPS: Secure cookies and HSTS.")
    trusted_proxies: int = Field(
        default=0, ge=0, le=5, description="How many reverse proxies in front may set X-Forwarded-For."
    )
    public_url: WebUrl | None = Field(
        default=None, description="Where applicants reach the site, for links in messages; unset means host and port."
    )
    key_url: WebUrl | None = Field(
        default=None,
        description="The site's address that asks for an e-key's certificate, such as a reverse proxy's; unset means "
        "the site's own host and the key port.",
    )
    key_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the listener that asks for the key's certificate; unset: none.",
    )
    key_certificate: Path | None = Field(default=None, description="PEM: that listener's own certificate chain.")
    key_private_key: Path | None = Field(default=None, description="PEM: the private key that goes with it.")
    client_ca: Path | None = Field(
        default=None,
        description="PEM: the very authorities that issue for e-keys; unset: none, in the demo its trial authority.",
    )
    client_certificate_proxy: str | None = Field(
        default=None, description="Address or network of the reverse proxy that passes on a client's certificate."
    )
    client_certificate_header: str = Field(
        default="X-Client-Certificate", pattern=r"^[A-Za-z0-9-]+$", description="The header in which it does."
    )
    sms_url: WebUrl | None = Field(
        default=None, description="The short message gateway; unset writes messages to var/sms.log."
    )
    webhooks_inside: bool = Field(
        default=False,
        description="Set to let webhooks go to private addresses and, by plain HTTP, to this machine.",
    )
    smtp_url: SmtpUrl | None = Field(
        default=None, description="smtp(s)://user:password@host:port; unset writes var/mail/*.eml."
    )
    mail_from: str = Field(default="noreply@workbench.invalid", pattern=r"^[^@\s]+@[^@\s]+$")
    session_idle_minutes: int = Field(default=30, ge=1, le=24 * 60, description="Sign-in ends after this idle time.")
    session_hours: int = Field(default=10, ge=1, le=24, description="Sign-in ends after this time, idle or not.")
    claim_minutes: int = Field(default=20, ge=1, le=8 * 60, description="A claim without activity ends after this.")
    worker_silence_seconds: float = Field(
        default=30.0, ge=3, le=600, description="A worker silent for so long counts as dead; its jobs go to another."
    )
    checkpoint_copy: Path | None = Field(
        default=None, description="A second file for signed audit checkpoints, best on another machine's disk."
    )
    key_algorithm: Literal["rsa-2048", "p-256", "sm2"] = Field(
        default="rsa-2048", description="What key pairs, certificates and seals are made with."
    )
    ca: Literal["embedded", "cmp"] = Field(
        default="embedded", description="Who issues certificates: the embedded trial authority, or a CA asked by CMP."
    )
    ca_token_library: Path | None = Field(
        default=None,
        description="PKCS #11 library of the token with the embedded authority's issuing key; unset: it is in a file.",
    )
    ca_token_serial: str | None = Field(default=None, description="Serial number of that token.")
    ca_token_pin_file: Path | None = Field(default=None, description="Its user PIN, in a file.")
    certificate_profile: Path | None = Field(
        default=None,
        description="TOML: subject, key usage, validity and addresses of certificates; unset: the default.",
    )
    cmp_server: WebUrl | None = Field(default=None, description="The CA's CMP address (RFC 4210, RFC 9483).")
    cmp_reference: str | None = Field(default=None, description="Reference under which the CA knows the shared secret.")
    cmp_secret_file: Path | None = Field(default=None, description="The secret shared with the CA, in a file.")
    cmp_certificate: Path | None = Field(default=None, description="PEM: the registration authority's certificate.")
    cmp_private_key: Path | None = Field(default=None, description="PEM: the private key that goes with it.")
    cmp_trusted: Path | None = Field(default=None, description="PEM: what the CA's answers must be vouched for by.")
    cmp_tls_trusted: Path | None = Field(
        default=None, description="PEM: who vouches for the CA's HTTPS address; unset: the system's authorities."
    )
    cmp_unprotected_errors: bool = Field(
        default=False, description="Set to believe refusals that the CA has not signed, as EJBCA's often are; by HTTPS."
    )
    cmp_recipient: str | None = Field(default=None, description="The CA's name as the messages address it: /CN=...")
    cmp_timeout_seconds: float = Field(default=10.0, ge=1, le=300, description="How long one asking may take.")
    seal_certificate: Path | None = Field(default=None, description="PEM: whose certificate vouches for seals.")
    seal_private_key: Path | None = Field(default=None, description="PEM: the private key that signs seals.")
    pin_delivery: Literal["letter", "email"] = Field(
        default="letter", description="How the user PIN of a key reaches its holder."
    )
    renewal_key: Literal["same", "new"] = Field(
        default="new", description="Whether a renewal certifies the key's own pair again or a new one on the token."
    )
    renewed_certificate: Literal["expires", "revoked"] = Field(
        default="expires", description="What the CA does with the certificate that a renewal has replaced."
    )
    low_stock: int = Field(default=100, ge=0, le=100_000, description="Blank tokens below which the stock is low.")
    uncollected_days: int = Field(
        default=90, ge=1, le=3650, description="Days after which a key nobody collected may be returned or destroyed."
    )
    reminder_days: int = Field(
        default=15, ge=1, le=365, description="Days between two reminders to collect a key; three are sent at most."
    )
    second_packing_check: bool = Field(
        default=False, description="Set when a second person has to check each pack before it is sealed."
    )
    carrier_url: WebUrl | None = Field(
        default=None, description="Tracking interface of the courier, asked by waybill number; unset: none is asked."
    )
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("var_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("client_certificate_proxy", mode="after")
    @classmethod
    def _network(cls, value: str | None) -> str | None:
        return str(ip_network(value, strict=False)) if value is not None else None

    @property
    def site_url(self) -> str:
        """Where applicants reach the site, without a slash at the end. Never taken from a request."""
        return str(self.public_url).rstrip("/") if self.public_url else f"http://{self.host}:{self.port}"

    @property
    def upload_dir(self) -> Path:
        """Files on their way in, piece by piece."""
        return self.var_dir / "uploads"

    @property
    def blob_dir(self) -> Path:
        """Content-addressed files."""
        return self.var_dir / "blobs"

    @property
    def mail_dir(self) -> Path:
        """Where e-mail lands as *.eml while no SMTP server is configured."""
        return self.var_dir / "mail"

    @property
    def key_dir(self) -> Path:
        """Secrets made at the first start, readable by the owner alone."""
        return self.var_dir / "keys"

    @property
    def ca_dir(self) -> Path:
        """Revocation lists as they were published, and what was exchanged with a CA."""
        return self.var_dir / "ca"

    @property
    def audit_dir(self) -> Path:
        """Signed audit checkpoints, outside the database."""
        return self.var_dir / "audit"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        BadSettings: a variable is not usable; the message names each one and what is wrong with it.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"  {_variable(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise BadSettings("These environment variables cannot be used:\n" + "\n".join(lines)) from error


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name.isupper() else f"WORKBENCH_{name.upper()}"
