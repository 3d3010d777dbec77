"""The FHIR resources (R4) of a practice's files, as dictionaries.

Extensions of slots are in both spellings: of 2021, which clients read, and of 1.0.0-ballot.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from bookings import walltime
from bookings.booking_page import opening, words
from bookings.models import Status
from bookings.representation import bounds_of_range
from practices.models import Doctor, Kind, Location, Practice

Resource = dict[str, Any]

_HL7 = "http://terminology.hl7.org/CodeSystem"
_OLD = "http://fhir-registry.smarthealthit.org/StructureDefinition"
_NEW = "http://hl7.org/fhir/uv/smart-scheduling-links/StructureDefinition"
_NPI = "http://hl7.org/fhir/sid/us-npi"
_SNOMED = {"system": "http://snomed.info/sct", "code": "394608004", "display": "Orthodontics"}
_NUCC = {
    "system": "http://nucc.org/provider-taxonomy",
    "code": "1223X0400X",
    "display": "Orthodontics and Dentofacial Orthopedics",
}
_SPECIALTY = [{"coding": [_SNOMED, _NUCC]}]
_CATEGORY = {"coding": [{"system": f"{_HL7}/service-category", "code": "10", "display": "Dental"}]}
_TYPE = {"coding": [{"system": f"{_HL7}/service-type", "code": "91", "display": "Orthodontic"}]}
_NEW_PATIENTS = {
    "url": f"{_NEW}/patient-type",
    "valueCoding": {"system": f"{_HL7}/accepting-patients", "code": "newpt"},
}


class Slot(NamedTuple):
    """The columns of a booking that its Slot is made of."""

    pk: str
    status: str
    start: datetime
    length: int
    location_id: str
    doctor_id: str
    places_pending: int


def fhir_id(public_id: str) -> str:
    """Return an id as FHIR allows it: it has dots, which ours never have, and no underscores."""
    return public_id.replace("_", ".")


def role_id(doctor_id: str, location_id: str) -> str:
    """Return the id of a doctor's role at a location; both ids together would be too long."""
    return hashlib.blake2b(f"{doctor_id} {location_id}".encode(), digest_size=16).hexdigest()


def organization(practice: Practice) -> Resource:
    return {
        "resourceType": "Organization",
        "id": fhir_id(practice.pk),
        "identifier": [_identifier("practice", practice.pk)],
        "active": True,
        "name": practice.name,
    }


def location(of: Location) -> Resource:
    made = {
        "resourceType": "Location",
        "id": fhir_id(of.pk),
        "identifier": [_identifier("location", of.pk)],
        "status": "active",
        "name": of.name,
        "telecom": [_phone(of)],
        "address": {
            "line": [of.street_address.strip()],
            "city": of.city.strip(),
            "state": of.state_code,
            "postalCode": of.zip.strip(),
            "country": "US",
        },
        "managingOrganization": _reference("Organization", of.practice_id),
    }
    if of.latitude is not None and of.longitude is not None:
        made["position"] = {"longitude": of.longitude, "latitude": of.latitude}
    return made


def practitioner(doctor: Doctor) -> Resource:
    identifier = _npi(doctor) or [_identifier("doctor", doctor.pk)]
    return {
        "resourceType": "Practitioner",
        "id": fhir_id(doctor.pk),
        "identifier": identifier,
        "active": True,
        "name": [{"text": doctor.name}],
    }


def practitioner_role(doctor: Doctor, at: Location) -> Resource:
    pk = role_id(doctor.pk, at.pk)
    return {
        "resourceType": "PractitionerRole",
        "id": pk,
        "identifier": [_identifier("role", pk), *_npi(doctor)],
        "active": True,
        "practitioner": _reference("Practitioner", doctor.pk, doctor.name),
        "organization": _reference("Organization", at.practice_id),
        "specialty": _SPECIALTY,
        "location": [_reference("Location", at.pk, at.name)],
        "healthcareService": [_reference("HealthcareService", at.pk)],
        "telecom": [_phone(at)],
    }


def healthcare_service(at: Location) -> Resource:
    return {
        "resourceType": "HealthcareService",
        "id": fhir_id(at.pk),
        "active": True,
        "providedBy": _reference("Organization", at.practice_id),
        "category": [_CATEGORY],
        "type": [_TYPE],
        "specialty": _SPECIALTY,
        "location": [_reference("Location", at.pk, at.name)],
        "name": "Initial orthodontic consultation",
        "telecom": [_phone(at)],
        "appointmentRequired": True,
    }


def schedule(doctor: Doctor, at: Location) -> Resource:
    pk = role_id(doctor.pk, at.pk)
    return {
        "resourceType": "Schedule",
        "id": pk,
        "extension": [{"url": f"{_NEW}/schedule-specialty", "valueCoding": _SNOMED}],
        "active": True,
        "serviceType": [_TYPE],
        "specialty": _SPECIALTY,
        "actor": [
            _reference("Location", at.pk, at.name),
            {"reference": f"PractitionerRole/{pk}", "display": doctor.name},
            _reference("HealthcareService", at.pk),
        ],
    }


def slot(row: Slot, at: Location, kind: str) -> Resource:
    """Return an opening: free while a place is. Of a range practice it is the part of the day."""
    zone, begins = at.zone, row.start
    ends = begins + timedelta(minutes=row.length)
    made: Resource = {
        "resourceType": "Slot",
        "id": fhir_id(row.pk),
        "extension": [*(_booking(row, at) if row.status == Status.OPEN else []), _NEW_PATIENTS],
        "schedule": {"reference": f"Schedule/{role_id(row.doctor_id, row.location_id)}"},
        "status": _status(row),
    }
    if kind == Kind.RANGE:
        part_begins, part_ends = bounds_of_range(row.start, zone)
        begins, ends = part_begins or begins, part_ends or ends
        made["comment"] = f"{words.part(row.start, zone)}. The office sets the exact time."
    return {**made, "start": walltime.iso(begins, zone), "end": walltime.iso(ends, zone)}


def _status(row: Slot) -> str:
    if row.status == Status.OPEN:
        return "free"
    return "busy-tentative" if row.places_pending else "busy"


def _booking(row: Slot, at: Location) -> list[Resource]:
    link = opening.url(at.practice_id, row.pk)
    return [
        {"url": f"{_OLD}/booking-deep-link", "valueUrl": link},
        {"url": f"{_OLD}/booking-phone", "valueString": at.office_phone.strip()},
        {"url": f"{_NEW}/booking-deep-link", "valueUrl": link},
        {"url": f"{_NEW}/booking-phone", "valueContactPoint": _phone(at)},
    ]


def _phone(at: Location) -> Resource:
    return {"system": "phone", "value": at.office_phone.strip(), "use": "work"}


def _npi(doctor: Doctor) -> list[Resource]:
    return [{"system": _NPI, "value": doctor.npi}] if doctor.npi else []


def _identifier(what: str, value: str) -> Resource:
    return {"system": f"{settings.PUBLIC_URL}/scheduling/{what}", "value": value}


def _reference(kind: str, public_id: str, display: str = "") -> Resource:
    made = {"reference": f"{kind}/{fhir_id(public_id)}"}
    return {**made, "display": display} if display else made
