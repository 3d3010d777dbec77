"""OpenAPI descriptions of the change feed, and of the digest that goes with it."""

from drf_spectacular.utils import OpenApiExample, extend_schema

from bookings.api.schema import HELD
from bookings.api.serializers import ChangesSerializer, DigestSerializer
from openchair.api.schema import PAGES, query
from practices.api.schema import LOCATION_ID, PRACTICE_ID

changes_of_practice = extend_schema(
    operation_id="list_practice_changes",
    summary="Follow the changes of a practice",
    description="Every change of its bookings, and of the appointments that you made or are the "
    "`source` of (all, if you are the practice's own system), in the order in which they were "
    "committed. Nothing is ever missing below a cursor.",
    parameters=[
        PRACTICE_ID,
        query(
            "after",
            "The cursor of the answer before. Without it: from the very first change. "
            "`latest`: none, but the cursor of this moment.",
        ),
        PAGES[0],
    ],
    responses={200: ChangesSerializer},
    examples=[
        OpenApiExample(
            "changes",
            value={
                "changes": [
                    {
                        "at": "2026-11-03T16:44:02.722-05:00",
                        "booking_id": "2f4Dr",
                        "appointment_id": None,
                        "from_status": "open",
                        "to_status": "pending",
                    }
                ],
                "bookings": [HELD],
                "cursor": "WyIzcnQ0MiIsNDE3XQ:1tZq:s9R4",
                "has_more": False,
            },
            response_only=True,
        )
    ],
)

digest_of_location = extend_schema(
    operation_id="get_location_digest",
    summary="Compare your copy of a location's bookings",
    description="A follower of the feed who is at this `cursor` and computes another `sha256` is "
    "wrong, and reads the list anew. Whose cursor is another one follows the feed, and asks again. "
    "Asking every minute costs little.",
    parameters=[LOCATION_ID],
    responses={200: DigestSerializer},
    examples=[
        OpenApiExample(
            "digest",
            value={
                "cursor": "WyIzcnQ0MiIsNDE3XQ:1tZq:s9R4",
                "count": 1,
                "sha256": "46fa02f1686c4ba3688a937d9a6877d26b2e6a1778305051928595b30bdf6deb",
            },
            response_only=True,
        )
    ],
)
