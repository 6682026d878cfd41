"""What the screens say about files: each refusal with its remedy, in one place for uploads, desks and intake."""

from collections.abc import Mapping
from typing import Final

from workbench.documents.preview import RefusalCode
from workbench.kernel.messages import N_

REFUSAL_REASONS: Final[Mapping[RefusalCode, str]] = {
    RefusalCode.EMPTY: N_("The file is empty. Please save or scan it again."),
    RefusalCode.TOO_LARGE: N_(
        "The file is larger than %(limit_mb)d MB. Please scan it at 200 to 300 dpi, or split it."
    ),
    RefusalCode.UNKNOWN_TYPE: N_("This is no PDF, JPEG, PNG, TIFF, WebP or HEIC. Please save it as a PDF or scan it."),
    RefusalCode.ACTIVE_CONTENT: N_(
        "This is a web page, drawing or program, whatever its name says. Please print it to PDF, or scan the paper."
    ),
    RefusalCode.POLYGLOT: N_("The file hides a second file. Please open it, print it to PDF and upload that."),
    RefusalCode.ENCRYPTED: N_("The file is protected by a password. Please remove the password and upload it again."),
    RefusalCode.BROKEN: N_("The file is damaged or incomplete. Please open it to see, save it anew or scan it again."),
    RefusalCode.TOO_MANY_PAGES: N_(
        "The file has more than %(limit_pages)d pages. Please upload only the pages asked for."
    ),
    RefusalCode.TOO_MANY_PIXELS: N_(
        "The picture has more than %(limit_megapixels)d million pixels. Please scan it at 200 to 300 dpi."
    ),
    RefusalCode.TOO_COMPLEX: N_("The file takes too long to show. Please print it to PDF, or scan the paper."),
    RefusalCode.CRASHED: N_("The file cannot be shown. Please print it to PDF, or scan the paper, and upload that."),
}
"""Why a file is refused or cannot be shown, and the remedy. Filled with `workbench.documents.uploads.LIMIT_VALUES`."""
