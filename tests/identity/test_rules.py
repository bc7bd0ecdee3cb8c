"""What user names, addresses and passwords may be."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genji_graphql.errors import Invalid
from genji_graphql.identity import names, passwords


@pytest.mark.parametrize("name", ["sei", "murasaki.shikibu", "a-b_c", "紫式部", "Žižek", "123"])
def test_user_names_have_letters_digits_and_three_marks(name: str) -> None:
    assert names.username(name) == name


def test_a_user_name_is_kept_in_its_compatible_form() -> None:
    assert names.username("ｓｅｉ") == "sei"
    assert names.username("Andre\u0301") == "André"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ab", "TOO_SHORT"),
        ("", "TOO_SHORT"),
        ("   ab   ", "TOO_SHORT"),
        ("a" * 65, "TOO_LONG"),
        ("\ufdfa" * 30, "TOO_LONG"),  # one character that becomes eighteen
        ("sei shonagon", "INVALID_CHARACTERS"),
        ("sei@example.org", "INVALID_CHARACTERS"),
        ("sei\u200bshonagon", "INVALID_CHARACTERS"),
        ("sei\x00", "INVALID_CHARACTERS"),
        ("sei\r\nBcc", "INVALID_CHARACTERS"),
        ("sei\u202enagon", "INVALID_CHARACTERS"),
        ("sei\ud800", "INVALID_CHARACTERS"),
    ],
)
def test_other_user_names_are_refused_by_field_and_code(name: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        names.username(name)
    assert (refusal.value.field, refusal.value.code) == ("username", code)


@given(st.text())
def test_whatever_user_name_is_taken_keeps_the_rules(text: str) -> None:
    try:
        name = names.username(text)
    except Invalid:
        return
    assert re.fullmatch(r"[\w.-]{3,64}", name)
    assert unicodedata.is_normalized("NFKC", name)
    assert names.username(name) == name


@pytest.mark.parametrize("address", ["sei@example.org", "s.e+i@mail.example.ac.jp", "清@例え.jp"])
def test_addresses_are_taken(address: str) -> None:
    assert names.email(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sei",
        "@example.org",
        "sei@",
        "sei@localhost",
        "a@b@example.org",
        "sei@example.org\nBcc: all@example.org",
        "Sei <sei@example.org>",
        "sei@exam ple.org",
        "sei@-example.org",
        "sei@example..org",
        "sei,nagon@example.org",
        "s" * 65 + "@example.org",
        "sei@" + "a" * 250 + ".org",
        '"a\\"@example.org',
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid) as refusal:
        names.email(address)
    assert refusal.value.field == "email"


@given(st.text() | st.from_regex(r"[^@]{1,9}@[a-z]{1,9}\.[^@]{1,9}"))
def test_whatever_address_is_taken_is_one_line_with_one_at(text: str) -> None:
    try:
        address = names.email(text)
    except Invalid:
        return
    assert address.count("@") == 1
    assert not re.search(r"[\s,;:<>\"\\\x00-\x1f]", address)


@pytest.mark.parametrize("password", ["Abcdefg1", "A1" + "b" * 70, "源氏物語Aa1源"])
def test_good_passwords_are_taken(password: str) -> None:
    assert passwords.check(password) == password


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Abcde1", "TOO_SHORT"),
        ("Ab1" + "c" * 126, "TOO_LONG"),
        ("Ab1" + "c" * 70, "TOO_LONG"),  # 73 bytes
        ("Ab1" + "紫" * 24, "TOO_LONG"),  # 75 bytes
        ("abcdefg1", "TOO_WEAK"),
        ("ABCDEFG1", "TOO_WEAK"),
        ("Abcdefgh", "TOO_WEAK"),
        ("Abcdefg1\x00", "INVALID_CHARACTERS"),
        ("Abcdefg1\ud800", "INVALID_CHARACTERS"),
    ],
)
def test_other_passwords_are_refused_by_code(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        passwords.check(password, "newPassword")
    assert (refusal.value.field, refusal.value.code) == ("newPassword", code)
    assert password not in str(refusal.value)


@given(st.text(max_size=140))
def test_whatever_password_is_taken_fits_bcrypt(text: str) -> None:
    try:
        password = passwords.check(text)
    except Invalid:
        return
    assert 8 <= len(password) <= 128
    assert len(password.encode()) <= 72
    assert all(any(map(kind, password)) for kind in (str.isupper, str.islower, str.isdigit))


async def test_the_same_letters_from_another_keyboard_are_the_same_password() -> None:
    composed, decomposed = "Andr\u00e9-12345", "Andre\u0301-12345"

    stored = await passwords.hashed(passwords.check(composed))

    assert await passwords.matches(decomposed, stored)


async def test_a_password_is_not_its_first_72_bytes() -> None:
    password = "Ab1" + "c" * 69

    stored = await passwords.hashed(passwords.check(password))

    assert await passwords.matches(password, stored)
    assert not await passwords.matches(password + "d", stored)


async def test_a_password_that_is_too_long_is_not_the_empty_one() -> None:
    assert not await passwords.matches("x" * 73, await passwords.hashed(""))


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$v=19$m=65536"])
async def test_no_password_matches_what_is_not_a_bcrypt_hash(stored: str | None) -> None:
    for password in ("", "plain", "Abcdefg1"):
        assert not await passwords.matches(password, stored)
