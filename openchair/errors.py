"""Exceptions for business rules: problem documents in the API, messages in the admin."""


class Refused(Exception):
    """The current state forbids it, and nothing changed (409).

    reason: a stable code for programs; text: what is the case and what to do.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class LimitReached(Exception):
    """Too much at once (429); retry_after: the seconds until it can work again."""

    def __init__(self, text: str, *, retry_after: int) -> None:
        super().__init__(text)
        self.text = text
        self.retry_after = retry_after
