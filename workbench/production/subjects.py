"""Whose certificate it will be: the case's enterprise and holder, in the words of the certificate profile."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application, Holder, Submission
from workbench.kernel.parts import Parts
from workbench.production.ca.profile import Profile, load_profile, subject_of


@dataclass(frozen=True)
class Subject:
    """A case's number, its enterprise's code, and the subject of its certificate (DER Name)."""

    number: str
    uscc: str
    name: bytes


def profile_of(parts: Parts) -> Profile:
    """The installation's certificate profile.

    Raises:
        CaMisconfigured: its file can't be used.
    """
    return load_profile(parts.settings.certificate_profile)


def holder_of(session: Session, application: Application) -> Holder:
    """The holder (授权用户) named in the case's current round."""
    return session.scalars(
        select(Holder)
        .join(Submission, Submission.id == Holder.submission_id)
        .where(Submission.application_id == application.id, Submission.round == application.round)
    ).one()


def subject_for(session: Session, parts: Parts, application_id: int) -> Subject:
    """Whose certificate a case's will be.

    Raises:
        Invalid: a name can't stand in a certificate.
        CaMisconfigured: the profile can't be used.
    """
    number, uscc, enterprise_name, holder_name = session.execute(
        select(Application.number, Application.uscc, Application.enterprise_name, Holder.name)
        .join(Submission, (Submission.application_id == Application.id) & (Submission.round == Application.round))
        .join(Holder, Holder.submission_id == Submission.id)
        .where(Application.id == application_id)
    ).one()
    return Subject(number, uscc, subject_of(profile_of(parts), enterprise_name, uscc, holder_name))
