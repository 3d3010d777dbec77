"""Codes of the app, by RFC 6238."""

import base64

import pytest

from openchair.staff import totp

# RFC 6238, appendix B, SHA-1; the last six of its eight digits.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("at", "code"), RFC_CODES.items())
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, at // 30) == code
    assert totp.step_of(RFC_SECRET, code, at) == at // 30


def test_a_code_is_good_half_a_minute_early_and_late_and_no_longer() -> None:
    code, step = totp.code_at(RFC_SECRET, 1000), 1000
    found = [totp.step_of(RFC_SECRET, code, at * 30) for at in range(998, 1003)]
    assert found == [None, step, step, step, None]


def test_what_the_app_scans_names_the_account() -> None:
    uri = totp.uri("ABC", account="ann & b@x", issuer="OpenChair")
    assert uri == "otpauth://totp/OpenChair%3Aann%20%26%20b%40x?secret=ABC&issuer=OpenChair"


def test_secrets_are_160_random_bits() -> None:
    secrets = {totp.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b32decode(each)) for each in secrets} == {20}
