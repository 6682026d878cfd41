"""Pixels and downloads of attachments. The browser never gets an applicant's bytes to show: only pictures made of them.

Every address is fenced by authority (404 for another's) and asks for the permission to read documents.
"""

import io
from typing import Final

from flask import Response, jsonify, request, send_file
from flask.typing import ResponseReturnValue
from flask_admin import expose

from workbench.documents.access import SITTING, record_download, record_view, turn_page
from workbench.documents.attachments import FAILED, get_attachment, get_page
from workbench.documents.limits import ZOOM_DPI
from workbench.documents.models import Attachment, Page
from workbench.documents.preview import RefusalCode, Refused
from workbench.documents.rendering import renderer
from workbench.documents.tasks import keep_picture, shows_identity
from workbench.documents.uploads import LIMIT_VALUES
from workbench.documents.words import REFUSAL_REASONS
from workbench.kernel.errors import Invalid, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.shell.context import current_actor, db, parts
from workbench.shell.edge import records_access
from workbench.shell.gate import DeskView

PICTURE_POLICY: Final = "default-src 'none'; sandbox"
CACHING: Final = f"private, max-age={int(SITTING.total_seconds())}"
"""As long as one audit entry speaks for the view: after that the browser asks again, and access is checked again."""


class CannotBeShown(WorkbenchError):
    """The sandbox could not show the file; its bytes can still be downloaded."""

    status = 422


class DocumentView(DeskView):
    """Pages and files. No page of its own: the desks' screens point here."""

    permission = Permission.DOCUMENT_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Files have no list of their own: they are reached from their case."""
        return self.see_other("home.index")

    @expose("/pages/<int:page_id>/image")
    @records_access
    def image(self, page_id: int) -> ResponseReturnValue:
        """The page as a JPEG about 1600 pixels wide, before any turning; made now if the background has not yet."""
        page, attachment = get_page(db(), current_actor(), page_id)
        ensure_picture(page, attachment)
        record_view(db(), attachment, current_actor())
        return picture_answer(page.image_sha256, "image/jpeg")

    @expose("/pages/<int:page_id>/thumbnail")
    @records_access
    def thumbnail(self, page_id: int) -> ResponseReturnValue:
        """The page 200 pixels wide, as a WebP; blurred where the document shows an identity number."""
        page, attachment = get_page(db(), current_actor(), page_id)
        ensure_picture(page, attachment)
        return picture_answer(page.thumbnail_sha256, "image/webp")

    @expose("/pages/<int:page_id>/zoom")
    @records_access
    def zoom(self, page_id: int) -> ResponseReturnValue:
        """The page at 300 dpi as a JPEG.

        Rendered each time and not kept: it takes a tenth of a second, is asked for rarely, stays in the browser's own
        cache for ten minutes, and would triple what the store holds.
        """
        page, attachment = get_page(db(), current_actor(), page_id)
        _refuse_failed(attachment)
        content = parts().blobs.get(attachment.sha256)
        record_view(db(), attachment, current_actor())
        try:
            (picture,) = renderer().render(content, [page.index], dpi=ZOOM_DPI)
        except Refused as refused:
            raise _cannot_be_shown(refused.code.value) from refused
        return fenced(Response(picture.image, mimetype="image/jpeg"))

    @expose("/pages/<int:page_id>/rotation", methods=("POST",))
    def rotation(self, page_id: int) -> ResponseReturnValue:
        """Remember how the page stands: `rotation` is 0, 90, 180 or 270 degrees clockwise."""
        wanted = request.form.get("rotation", type=int)
        if wanted is None:
            raise Invalid(N_("A page is turned by 0, 90, 180 or 270 degrees."))
        page = turn_page(db(), page_id, wanted, current_actor())
        return jsonify(page=page.id, rotation=page.rotation)

    @expose("/attachments/<int:attachment_id>/download")
    @records_access
    def download(self, attachment_id: int) -> ResponseReturnValue:
        """The file as it came, bit for bit, to be saved and never shown."""
        attachment = get_attachment(db(), current_actor(), attachment_id)
        content = parts().blobs.get(attachment.sha256)
        record_download(db(), attachment, current_actor())
        response = send_file(
            io.BytesIO(content),
            mimetype="application/octet-stream",
            as_attachment=True,
            download_name=attachment.untrusted_name,
            etag=False,
        )
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response.headers["Cache-Control"] = "private, no-store"
        return response


def ensure_picture(page: Page, attachment: Attachment) -> None:
    """Make the page's pictures when somebody looks before the background job came to it."""
    if page.image_sha256 is not None:
        return
    _refuse_failed(attachment)
    content = parts().blobs.get(attachment.sha256)
    try:
        (made,) = renderer().render(content, [page.index], blur_thumbnail=shows_identity(db(), attachment))
    except Refused as refused:
        raise _cannot_be_shown(refused.code.value) from refused
    keep_picture(db(), parts().blobs, attachment.id, made)
    db().refresh(page)


def _refuse_failed(attachment: Attachment) -> None:
    if attachment.preview == FAILED:
        raise _cannot_be_shown(attachment.preview_problem or RefusalCode.CRASHED.value)


def _cannot_be_shown(code: str) -> CannotBeShown:
    return CannotBeShown(REFUSAL_REASONS[RefusalCode(code)], **LIMIT_VALUES)


def picture_answer(digest: str | None, mimetype: str) -> Response:
    """A stored picture, or 304 when the browser still holds it. The name is its hash, so it never changes."""
    assert digest is not None
    if request.if_none_match.contains(digest):
        response = Response(status=304)
    else:
        response = Response(parts().blobs.get(digest), mimetype=mimetype)
    response.set_etag(digest)
    return fenced(response)


def fenced(response: Response) -> Response:
    """The same answer, kept by this browser only and for a sitting, allowed to do nothing."""
    response.headers["Cache-Control"] = CACHING
    response.headers["Content-Security-Policy"] = PICTURE_POLICY
    return response
