"""The required documents a fresh system starts with, per service (DOMAIN: required documents). Data from then on.

Six documents are asked for a new key. An additional key and a replacement ask for the same six, because a second
certificate and seal are made: the form's reason (and the key replaced) is checked on the form itself, and an authority
that wants a separate statement of loss adds it as its own. A renewal makes no new key and nobody comes to a counter, so
no originals are compared there; the letter of authorisation is only needed when the authorised user has changed.
"""

from dataclasses import replace
from typing import Final

from workbench.cases.words import Service
from workbench.documents.drafts import DocumentDraft, ItemDraft

LEGIBLE: Final = ItemDraft(
    "legible",
    "清晰完整",
    "Legible and complete",
    "图像不清晰或内容不完整，请重新扫描，保证四角齐全、文字可辨。",
    "not legible or not complete; please scan it again with all four corners and every word readable.",
)
SEALED: Final = ItemDraft(
    "sealed",
    "加盖公章",
    "Company seal",
    "未加盖公章，请加盖公章后重新扫描上传。",
    "the company seal is missing; please stamp it, scan it again and upload it.",
)
SIGNED_BY_LEGAL: Final = ItemDraft(
    "signed",
    "法定代表人签字",
    "Signed by the legal representative",
    "缺少法定代表人签字，请签字后重新扫描上传。",
    "the legal representative's signature is missing; please have it signed, scan it again and upload it.",
)
SIGNED_BY_USER: Final = ItemDraft(
    "signed",
    "授权用户签字",
    "Signed by the authorised user",
    "缺少授权用户签字，请签字后重新扫描上传。",
    "the authorised user's signature is missing; please sign it, scan it again and upload it.",
)
NAME: Final = ItemDraft(
    "name_matches",
    "企业名称一致",
    "Enterprise name matches",
    "企业名称与申请信息不一致，请核对后更正并重新提交。",
    "the enterprise name differs from the application; please correct whichever is wrong and send it again.",
    compares="enterprise_name",
)
CODE: Final = ItemDraft(
    "code_matches",
    "统一社会信用代码一致",
    "Credit code matches",
    "统一社会信用代码与申请信息不一致，请核对后更正并重新提交。",
    "the unified social credit code differs from the application; please correct whichever is wrong and send it again.",
    compares="uscc",
)
HOLDER: Final = ItemDraft(
    "holder_matches",
    "授权用户姓名一致",
    "Authorised user matches",
    "授权用户姓名与申请信息不一致，请核对后更正并重新提交。",
    "the authorised user's name differs from the application; please correct whichever is wrong and send it again.",
    compares="holder_name",
)
VALID: Final = ItemDraft(
    "within_validity",
    "在有效期内",
    "Within validity",
    "已过有效期，请上传有效期内的证件。",
    "it is out of date; please upload one that is still valid.",
)
BOTH_SIDES: Final = ItemDraft(
    "both_sides",
    "正反面齐全",
    "Both sides",
    "缺少正面或反面，请将正反面扫描在同一文件或分别上传。",
    "one side is missing; please upload both sides, in one file or in two.",
)
IMPRINT: Final = ItemDraft(
    "seal_imprint",
    "印模清晰可用",
    "Seal imprint usable",
    "印模不清晰、不完整或被文字遮挡，无法制作电子签章，请重新盖章扫描。",
    "the imprint is faint, incomplete or covered by writing, so no electronic seal can be made; please stamp it again.",
)
AUTHORISED: Final = ItemDraft(
    "matter_authorised",
    "授权事项相符",
    "Authorises this matter",
    "授权事项不包含办理和领取电子钥匙，请重新出具授权委托书。",
    "it does not authorise applying for and collecting the e-key; please issue it again.",
)
REASON: Final = ItemDraft(
    "reason_matches",
    "理由填写相符",
    "Reason matches",
    "未写明理由或与申请信息不一致，请补充后重新提交。",
    "the reason is missing or differs from the application; please complete it and send it again.",
    compares="reason",
)
PRIOR_KEY: Final = ItemDraft(
    "prior_key_matches",
    "原电子钥匙相符",
    "Prior key matches",
    "未写明遗失或损坏的电子钥匙或与申请信息不一致，请补充后重新提交。",
    "the lost or damaged key is not named or differs from the application; please complete it and send it again.",
    compares="prior_key",
)

APPLICATION_FORM: Final = DocumentDraft(
    "application_form",
    "申请表",
    "Application form",
    "《货物进出口行政许可电子认证证书和电子钥匙申请表》，法定代表人签字，加盖公章",
    "The application form for the electronic certificate and key, signed by the legal representative, company seal",
    (LEGIBLE, SEALED, SIGNED_BY_LEGAL, NAME, CODE, HOLDER),
)
SEAL_CONFIRMATION: Final = DocumentDraft(
    "seal_confirmation",
    "电子签章申请确认函",
    "Seal confirmation letter",
    "《电子签章申请确认函》，授权用户签字，加盖公章；电子签章图样取自此页",
    "The seal confirmation letter, signed by the authorised user, company seal; the seal's image is taken from it",
    (LEGIBLE, SEALED, SIGNED_BY_USER, NAME, IMPRINT),
)
BUSINESS_LICENCE: Final = DocumentDraft(
    "business_licence",
    "营业执照",
    "Business licence",
    "企业法人营业执照复印件，须显示统一社会信用代码，加盖公章",
    "A copy of the business licence showing the unified social credit code, company seal",
    (LEGIBLE, SEALED, NAME, CODE, VALID),
)
USER_ID_CARD: Final = DocumentDraft(
    "user_id_card",
    "授权用户身份证",
    "Authorised user's identity card",
    "授权用户身份证正反面复印件，加盖公章",
    "A copy of both sides of the authorised user's identity card, company seal",
    (LEGIBLE, BOTH_SIDES, SEALED, HOLDER, VALID),
    shows_identity=True,
)
AUTHORISATION: Final = DocumentDraft(
    "authorisation",
    "授权委托书",
    "Letter of authorisation",
    "授权用户的授权委托书，加盖公章",
    "The authorised user's letter of authorisation, company seal",
    (LEGIBLE, SEALED, NAME, HOLDER, AUTHORISED),
)
USER_AGREEMENT: Final = DocumentDraft(
    "user_agreement",
    "数字证书用户协议书",
    "User agreement",
    "数字证书用户协议书，授权用户签字，加盖公章",
    "The certificate user agreement, signed by the authorised user, company seal",
    (LEGIBLE, SEALED, SIGNED_BY_USER, NAME),
)
_SIX: Final = (
    APPLICATION_FORM,
    SEAL_CONFIRMATION,
    BUSINESS_LICENCE,
    USER_ID_CARD,
    AUTHORISATION,
    USER_AGREEMENT,
)


def _form_with(*items: ItemDraft) -> tuple[DocumentDraft, ...]:
    form = replace(APPLICATION_FORM, items=(*APPLICATION_FORM.items, *items))
    return (form, *_SIX[1:])


def _for_renewal(document: DocumentDraft) -> DocumentDraft:
    if document is AUTHORISATION:
        document = replace(
            document,
            required=False,
            bracket_zh="授权用户变更时提供，加盖公章",
            bracket_en="Only when the authorised user has changed, company seal",
        )
    return replace(document, original_at_counter=False)


FIRST_VERSION: Final[dict[Service, tuple[DocumentDraft, ...]]] = {
    Service.NEW: _SIX,
    Service.ADDITIONAL: _form_with(REASON),
    Service.REPLACEMENT: _form_with(REASON, PRIOR_KEY),
    Service.RENEWAL: tuple(_for_renewal(document) for document in _SIX),
}
