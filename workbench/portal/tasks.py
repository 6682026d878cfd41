"""What the front door clears away by itself: uploads nobody finished, and links and captchas that have expired."""

from sqlalchemy import delete

from workbench.kernel import tasks
from workbench.kernel.clock import now
from workbench.portal.models import SpentToken
from workbench.portal.uploads import uploading


@tasks.app.periodic(cron="17 * * * *")
@tasks.app.task(name="sweep_uploads", queueing_lock="sweep_uploads")
def sweep_uploads(timestamp: int) -> None:
    """Remove uploads older than a day with their files, and what was spent and would open nothing any more."""
    parts = tasks.parts()
    with parts.work() as session:
        uploading.sweep(session, parts.settings.upload_dir)
    with parts.work() as session:
        session.execute(delete(SpentToken).where(SpentToken.expires_at < now()))
