"""One event of every type, with every field filled in."""

from __future__ import annotations

from kinelog.codecs.values import BlockSummary, DeviceKind, Format, FrameSummary, SensorKind
from kinelog.domain import events as did
from kinelog.domain.values import (
    AgeGroup,
    Gym,
    MissingRange,
    Proficiency,
    Profile,
    Purpose,
    Role,
    SetLabel,
    Sex,
    Source,
    Station,
)

AT = 1_700_000_000_000
PERSON = "0123456789abcdef0123456789abcdef"
SESSION = "00000000-0000-4000-8000-000000000001"
LABEL = SetLabel("resistanceTargeted:arms/biceps-curl@cable-2", 10, 22.5, 0.7, 60.0)
OTHER = SetLabel("resistanceTargeted:back/dumbbell-row", 8, 30.0, 0.8, 90.0)
BLOCK = BlockSummary(SensorKind.ACCELEROMETER, "left-wrist", 50, 50, 7, AT, 1_000)
SUMMARY = FrameSummary(Format.AE, 1, DeviceKind.PEBBLE, (BLOCK,))
STATION = Station("cable-2", (LABEL.exercise,), 2.5, 2.5, 100.0, "beacon-7")

SAMPLES: tuple[did.Event, ...] = (
    did.UserRegistered(at_ms=AT, by="operator:t1"),
    did.ProfileSet(
        at_ms=AT, by=PERSON, profile=Profile(AgeGroup.THIRTIES, Sex.OTHER, Proficiency.INTERMEDIATE, 181.5, 79.5)
    ),
    did.DeviceAdded(at_ms=AT, by=PERSON, device="watch", kind="pebble"),
    did.DeviceRemoved(at_ms=AT, by=PERSON, device="watch"),
    did.PushTargetSet(at_ms=AT, by=PERSON, device="phone", target="https://push.example/1"),
    did.ConsentGiven(at_ms=AT, by=PERSON, purpose=Purpose.TRAINING_MODELS),
    did.ConsentWithdrawn(at_ms=AT, by=PERSON, purpose=Purpose.TRAINING_MODELS),
    did.SessionListed(at_ms=AT, by=PERSON, session=SESSION, started_at_ms=AT - 5, opened=True),
    did.SessionClosed(at_ms=AT, by=PERSON, session=SESSION, how="ended"),
    did.FeedbackGiven(at_ms=AT, by=PERSON, session=SESSION, subject="next-exercise", rating=4, text="too light"),
    did.UserErased(at_ms=AT, by="operator:t1"),
    did.SessionStarted(
        at_ms=AT, by=PERSON, started_at_ms=AT - 5, gym="north", plan="arms-1", groups=("arms", "core"), intensity=0.6
    ),
    did.FrameRecorded(
        at_ms=AT, by=PERSON, device="watch", sequence=3, digest=b"8 bytes.", start_ms=AT, summary=SUMMARY,
        data=b"ae\x01",
    ),
    did.FrameRejected(
        at_ms=AT, by=PERSON, device="watch", sequence=3, error="too-short", offset=4, detail="4 bytes, at least 20",
        data=b"ae\x01\x32", size=4,
    ),
    did.FrameQuarantined(at_ms=AT, by=PERSON, device="watch", sequence=3, digest=b"others..", data=b"ae\x01", size=3),
    did.SetLabelled(
        at_ms=AT, by=PERSON, number=1, start_ms=AT, end_ms=AT + 40_000, label=LABEL, source=Source.DEVICE,
        confidence=0.75, label_id="label-1",
    ),
    did.SetCorrected(
        at_ms=AT, by=PERSON, number=1, version=2, label=OTHER, was=LABEL, source=Source.TRAINER, deleted=True
    ),
    did.SessionEnded(
        at_ms=AT, by=PERSON, ended_at_ms=AT - 1, how="final", frames={"watch": 9},
        missing={"watch": (MissingRange(2, 4),)},
    ),
    did.SessionAbandoned(at_ms=AT, by="system", reason="silence", last_activity_ms=AT - 1_800_000),
    did.SessionDeleted(at_ms=AT, by=PERSON),
    did.TenantCreated(at_ms=AT, by="system", name="Acme Gyms"),
    did.GymSet(at_ms=AT, by="operator:t1", gym="north", definition=Gym("North", "Europe/Prague", (STATION,))),
    did.TokenIssued(
        at_ms=AT, by="operator:t1", token_id="t2", token_hash="aa" * 32, role=Role.DEVICE, person=PERSON,
        device="watch", note="front desk", refresh_hash="bb" * 32, expires_at_ms=AT + 86_400_000,
    ),
    did.TokenRefreshed(
        at_ms=AT, by=PERSON, token_id="t2", token_hash="cc" * 32, refresh_hash="dd" * 32, spent_refresh_hash="bb" * 32,
        expires_at_ms=AT + 86_400_000,
    ),
    did.TokenRevoked(at_ms=AT, by="operator:t1", token_id="t2", reason="asked"),
    did.PairingCodeIssued(at_ms=AT, by="operator:t1", code_hash="ee" * 32, person=PERSON, expires_at_ms=AT + 600_000),
    did.PairingCodeRedeemed(at_ms=AT, by="system", code_hash="ee" * 32, token_id="t2"),
    did.ModelPublished(
        at_ms=AT, number=7, cluster="f-30s-intermediate", sensors=("left-wrist", "waist"), version=42,
        blob="ab" * 32, manifest="cd" * 32, published_at_ms=AT - 5,
    ),
    did.WebhookSet(at_ms=AT, by="operator:t1", url="https://hooks.acme.example/kinelog", concealed_secret="c2VjcmV0"),
    did.WebhookRemoved(at_ms=AT, by="operator:t1"),
)  # fmt: skip
