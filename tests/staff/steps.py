"""What people do at a login: set a factor up, give the password, give the code."""

import re
import time
from typing import Any

from django.test import Client

from openchair import encryption
from openchair.staff import second_factor, totp
from openchair.staff.models import SecondFactor
from tests.desk.world import User, person
from tests.staff.conftest import PASSWORD

CODE_PAGE = "/admin/login/code/"
PAGE = "/admin/second-factor/"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def new_client() -> Client:
    return Client(headers={"host": "localhost"})


def give_factor(user: Any) -> list[str]:
    """Set a factor up with SECRET, an hour ago; return the recovery codes."""
    codes = second_factor.set_up(user, SECRET, step=int(time.time()) // 30 - 120)
    assert codes is not None
    return codes


def code(seconds: int = 0) -> str:
    """Return the code that the app shows, so many seconds from now."""
    return totp.code_at(SECRET, int(time.time() + seconds) // 30)


def wrong_code() -> str:
    """Return a code that is not good now."""
    good = {code(at) for at in (-30, 0, 30)}
    return next(text for text in ("000000", "111111", "222222", "333333") if text not in good)


def give_password(client: Client, username: str = "quillon-desk", then: str = "/admin/") -> Any:
    fields = {"username": username, "password": PASSWORD, "next": then}
    return client.post("/admin/login/", fields)


def give_code(client: Client, text: str, **more: str) -> Any:
    return client.post(f"{CODE_PAGE}?next=/admin/", {"code": text, **more})


def logged_in(user: Any) -> Client:
    """Return a client that logged in with password and code; the code is used up."""
    client = new_client()
    assert give_password(client, user.username).status_code == 302
    assert give_code(client, code()).status_code == 302
    SecondFactor.objects.filter(user=user).update(last_step=0)
    return client


def is_in(client: Client) -> bool:
    """Whether this browser is logged in."""
    return client.get("/admin/password_change/").status_code == 200


def set_up(client: Client) -> tuple[str, list[str]]:
    """Set a factor up on the page; return the secret and the recovery codes."""
    shown = client.post(PAGE, {"do": "set up", "password": PASSWORD}).content.decode()
    [sealed] = re.findall(r'name="sealed" value="([^"]+)"', shown)
    secret = str(re.findall(r'id="secret">([A-Z2-7 ]+)<', shown)[0]).replace(" ", "")
    first = totp.code_at(secret, int(time.time()) // 30)
    done = client.post(PAGE, {"do": "confirm", "sealed": sealed, "code": first}).content.decode()
    codes = re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", done)
    return secret, codes


def fresh(user: Any) -> Any:
    """Return the account as it is in the database."""
    return User.objects.get(pk=user.pk)


def secret_of(user: Any) -> str:
    return encryption.unseal(SecondFactor.objects.get(user=user).secret)


def another(house: Any) -> Any:
    """Make a colleague who has password and factor, too."""
    made = person("quillon-other", house.practice)
    made.set_password(PASSWORD)
    made.save()
    give_factor(made)
    return made
