"""A visit to every page of an account's first day: invitation, password, second factor."""

import time
from collections.abc import Iterator

from playwright.sync_api import Browser, Page

from openchair.staff import totp
from tests.browser.conftest import PATIENCE, Person

PASSWORD = "correct horse battery"


def press(page: Page, button: str, shown: str) -> Page:
    page.get_by_role("button", name=button).click()
    page.locator(shown).wait_for()
    return page


def pages_of_an_account(operator: Person, chromium: Browser) -> Iterator[Page]:
    """Yield what an operator, and then the person, sees of an account that is made here."""
    page = operator.go("/admin/auth/user/add/")
    page.get_by_label("Username").fill("nova.lind")
    page.get_by_label("Practice").select_option(index=1)
    yield press(page, "Save", "#link")
    link = page.locator("#link").inner_text()
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(link)
        yield page
        yield press(page, "Set the password", ".oc-mistakes")
        for field in page.locator("[autocomplete=new-password]").all():
            field.fill(PASSWORD)
        yield press(page, "Set the password", "text=Your password is set.")
        give_password(page)
        page.locator(".oc-account").wait_for()
        yield from _second_factor(page, operator.server.url)
    yield operator.go("/admin/auth/user/?q=nova.lind")
    operator.page.get_by_role("link", name="nova.lind").click()
    yield operator.page


def give_password(page: Page) -> None:
    page.get_by_label("Username").fill("nova.lind")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def _second_factor(page: Page, url: str) -> Iterator[Page]:
    """Set one up, with mistakes, and log in with it, with mistakes."""
    page.goto(f"{url}/admin/second-factor/")
    yield press(page, "Set up a second factor", ".oc-mistakes")
    page.get_by_label("Your password").fill(PASSWORD)
    yield press(page, "Set up a second factor", "#secret")
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.get_by_label("Code that the app shows").fill("12345")
    yield press(page, "Confirm the code", ".oc-mistakes")
    code = totp.code_at(secret, int(time.time()) // totp.SECONDS)
    page.get_by_label("Code that the app shows").fill(code)
    yield press(page, "Confirm the code", "#codes")
    page.goto(f"{url}/admin/second-factor/")
    yield page
    page.context.clear_cookies()
    page.goto(f"{url}/admin/login/")
    give_password(page)
    page.get_by_label("Code from your app").wait_for()
    yield page
    yield press(page, "Log in", ".oc-mistakes")
    page.get_by_text("Use a recovery code instead").click()
    page.get_by_label("Recovery code").fill("aaaa-bbbb-cccc-dddd")
    yield press(page, "Log in", "#id_recovery_code_error")
