"""Add the waiting list: who waits, what was offered to them, and what they said."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import practices.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "__first__"),
        ("bookings", "0020_freed_at"),
        ("practices", "0008_calendar_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Waitlist",
            fields=[
                (
                    "practice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="waitlist",
                        serialize=False,
                        to="practices.practice",
                    ),
                ),
                (
                    "is_waiting",
                    models.BooleanField(default=False, help_text="Whether anybody waits."),
                ),
                (
                    "is_due",
                    models.BooleanField(
                        default=False,
                        help_text="Whether everything that is free has to be offered anew.",
                    ),
                ),
                (
                    "seen",
                    models.BigIntegerField(
                        default=0,
                        help_text="Up to this event of the practice, what is free was offered.",
                    ),
                ),
                (
                    "version",
                    models.BigIntegerField(
                        default=0, help_text="Raised by each change of the list."
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WaitlistEntry",
            fields=[
                (
                    "id",
                    practices.ids.PublicIdField(
                        default=practices.ids.new_id,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\\Z",
                                "An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit.",
                            )
                        ],
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("paused", "Paused"),
                            ("booked", "Booked"),
                            ("left", "Left the list"),
                            ("ended", "Ended"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                (
                    "priority",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="The highest is first; 0 unless staff put the family first.",
                    ),
                ),
                ("people", models.PositiveSmallIntegerField(default=1)),
                ("location_ids", models.JSONField(default=list)),
                ("doctor_ids", models.JSONField(default=list)),
                ("weekdays", models.JSONField(default=list, help_text="Of WEEKDAYS.")),
                (
                    "parts",
                    models.JSONField(default=list, help_text="Of representation.TIME_RANGES."),
                ),
                (
                    "earliest",
                    models.DateField(
                        help_text="The first day, on the location's calendar.", null=True
                    ),
                ),
                ("latest", models.DateField(help_text="The last one.", null=True)),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("es", "Spanish")], default="en", max_length=2
                    ),
                ),
                (
                    "joined_by",
                    models.CharField(
                        choices=[
                            ("partner", "Partner"),
                            ("staff", "Staff"),
                            ("patient", "Patient"),
                            ("clock", "Clock"),
                        ],
                        max_length=7,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True, help_text="As Appointment.source.", max_length=100
                    ),
                ),
                (
                    "attribution",
                    models.JSONField(help_text="As Appointment.attribution.", null=True),
                ),
                (
                    "unanswered",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Offers in a row that nobody answered."
                    ),
                ),
                (
                    "patient",
                    models.TextField(blank=True, help_text="Sealed: bookings/patients/record.py."),
                ),
                (
                    "others",
                    models.TextField(
                        blank=True,
                        help_text="Sealed JSON: first and last name of each of the other people.",
                    ),
                ),
                (
                    "sealed_by",
                    models.CharField(
                        blank=True, help_text="The name of the key that sealed them.", max_length=8
                    ),
                ),
                ("email_digest", models.CharField(blank=True, max_length=32)),
                ("phone_digest", models.CharField(blank=True, max_length=32)),
                ("ends_at", models.DateTimeField(help_text="UTC; when it ends by itself.")),
                (
                    "ended_at",
                    models.DateTimeField(help_text="UTC; when they were off the list.", null=True),
                ),
                ("updated_at", models.DateTimeField(help_text="UTC.")),
                ("created_at", models.DateTimeField(help_text="UTC.")),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who put them on the list; empty where staff or the family did.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist_entries",
                        to="practices.partner",
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist_entries",
                        to="practices.practice",
                    ),
                ),
                (
                    "visits",
                    models.ManyToManyField(
                        help_text="Their visits, if they want an earlier time: moved when they accept.",
                        related_name="waitlist_entries",
                        to="bookings.appointment",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WaitlistEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("joined", "Joined"),
                            ("changed", "Changed what they want"),
                            ("put_first", "Put first"),
                            ("put_back", "Put back in order"),
                            ("paused", "Paused"),
                            ("resumed", "Resumed"),
                            ("booked", "Booked"),
                            ("left", "Left the list"),
                            ("ended", "Ended"),
                        ],
                        max_length=9,
                    ),
                ),
                ("at", models.DateTimeField(help_text="UTC.")),
                (
                    "actor",
                    models.CharField(
                        choices=[
                            ("partner", "Partner"),
                            ("staff", "Staff"),
                            ("patient", "Patient"),
                            ("clock", "Clock"),
                        ],
                        max_length=7,
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="practices.apikey",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="bookings.waitlistentry",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="WaitlistLink",
            fields=[
                (
                    "digest",
                    models.CharField(
                        help_text="SHA-256 of the token, in hexadecimal.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="manage_links",
                        to="bookings.waitlistentry",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WaitlistOffer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "group_id",
                    models.CharField(default=practices.ids.new_id, max_length=32, unique=True),
                ),
                ("places", models.PositiveSmallIntegerField()),
                (
                    "freed_at",
                    models.DateTimeField(
                        help_text="UTC; when the place became free, before it was first offered to anybody."
                    ),
                ),
                ("until", models.DateTimeField(help_text="UTC; until when it was held for them.")),
                ("made_at", models.DateTimeField(help_text="UTC.")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("unanswered", "Not answered"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=10,
                        null=True,
                    ),
                ),
                ("ended_at", models.DateTimeField(help_text="UTC.", null=True)),
                (
                    "booking",
                    models.ForeignKey(
                        help_text="Of the first of the places.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="offers",
                        to="bookings.booking",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="offers",
                        to="bookings.waitlistentry",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who of the staff; empty where it was their turn.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="waitlistentry",
            index=models.Index(
                fields=["practice", "status", "-priority", "created_at"], name="waitlist_in_order"
            ),
        ),
        migrations.AddIndex(
            model_name="waitlistentry",
            index=models.Index(
                models.F("partner"),
                models.F("practice"),
                models.F("created_at"),
                name="waitlist_of_partner",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        practices.ids._TrimAll(
                            models.F("id"),
                            models.Value(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
                            ),
                        ),
                        models.Value(""),
                    ),
                    django.db.models.lookups.GreaterThan(
                        django.db.models.functions.text.Length(
                            practices.ids._TrimAll(
                                django.db.models.functions.text.Substr(models.F("id"), 1, 1),
                                models.Value("_-"),
                            )
                        ),
                        models.Value(0),
                    ),
                    django.db.models.lookups.LessThanOrEqual(
                        django.db.models.functions.text.Length(models.F("id")), models.Value(32)
                    ),
                ),
                name="waitlist_entry_id_form",
                violation_error_message="An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit.",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["waiting", "paused", "booked", "left", "ended"])
                ),
                name="waitlist_entry_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("people__gte", 1), ("people__lte", 4)),
                name="waitlist_entry_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("status__in", ("waiting", "paused"))),
                    models.Q(
                        models.Q(("status__in", ("waiting", "paused")), _negated=True),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="waitlist_entry_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("actor", "partner"), ("api_key__isnull", False), ("user__isnull", True)
                    ),
                    models.Q(
                        ("actor", "staff"), ("api_key__isnull", True), ("user__isnull", False)
                    ),
                    models.Q(
                        ("actor__in", ["patient", "clock"]),
                        ("api_key__isnull", True),
                        ("user__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="waitlist_event_actor_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistoffer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("outcome__isnull", True)),
                fields=("entry",),
                name="waitlist_offer_one_at_a_time",
                violation_error_message="This family has an offer already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistoffer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("outcome__isnull", True)),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("outcome__in", ["accepted", "declined", "unanswered", "withdrawn"]),
                    ),
                    _connector="OR",
                ),
                name="waitlist_offer_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistoffer",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("made_at"))), name="waitlist_offer_ends"
            ),
        ),
    ]
