"""Whatever is asked in whatever order, the promises of the domain hold; compared with plain models."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.errors import Rejection
from kinelog.domain.limits import Limits
from kinelog.domain.replies import Done, FramesRecorded, FrameStatus, SetRecorded, TokenAccepted
from kinelog.domain.states import SessionStatus
from kinelog.domain.values import Purpose, Role, SetLabel, Source

from tests.domain.ledger import CURL, MINUTE, MORNING, PERSON, ROW, TENANT, Ledger, frame, session_id

SESSIONS = st.integers(1, 3)
DEVICES = st.sampled_from(["watch", "phone"])
SEQUENCES = st.integers(0, 8)
PAYLOADS = st.sampled_from([b"A1", b"A2", b"G1", b"?", b""])
LABELS = st.sampled_from([CURL, ROW, SetLabel(ROW.exercise, 5)])
LIMITS = Limits(frames_per_device=7, kept_rejects_per_device_day=3, sets_per_session=5, sequence_window=8)


def _named_bytes(incoming: ask.IncomingFrame) -> tuple[bytes, int | None]:
    """What tells a frame from another: its bytes, and the start that the caller said of bytes without a clock."""
    return incoming.data, None if incoming.data[:1] == b"A" else incoming.start_ms


class PersonHistory(RuleBasedStateMachine):
    """A person who registers, trains, labels, corrects, ends, deletes; at last is erased."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(LIMITS)
        self.now = MORNING
        self.stored: dict[tuple[int, str, int], tuple[bytes, int | None]] = {}
        self.corrections: dict[tuple[int, int], list[SetLabel]] = {}
        self.started: dict[int, int] = {}
        self.deleted: set[int] = set()
        self.erased = False

    @initialize()
    def register(self) -> None:
        self.ledger.register()

    def do(self, command: ask.Command) -> object:
        """Do a command twice: the second time nothing may be stored."""
        answer = self.ledger.do(command)
        stored = sum(map(len, self.ledger.streams.values()))
        again = self.ledger.do(command)
        assert sum(map(len, self.ledger.streams.values())) == stored, f"{command} was stored twice"
        if isinstance(answer, Done):
            assert again == Done(changed=False)
        return answer

    @rule(minutes=st.integers(0, 40))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(number=SESSIONS, start=st.integers(-3, 3))
    def start_session(self, number: int, start: int) -> None:
        started_at_ms = MORNING + start * MINUTE
        before = None if self.erased else self.ledger.user().open_session
        command = ask.StartSession(at_ms=self.now, session=session_id(number), started_at_ms=started_at_ms)
        answer = self.do(command)
        if self.erased:
            assert isinstance(answer, Rejection)
            assert answer.code == "user-erased"
        elif number in self.deleted:
            assert isinstance(answer, Rejection)
            assert answer.code == "session-deleted"
        elif number in self.started:
            same = self.started[number] == started_at_ms
            assert answer == Done(changed=False) if same else isinstance(answer, Rejection)
        else:
            assert answer == Done()
            self.started[number] = started_at_ms
            opened = self.ledger.user().open_session
            candidates = [session_id(number)] + ([before] if before else [])
            assert opened == max(candidates, key=lambda name: (self.ledger.user().sessions[name].started_at_ms, name))
            if before is not None and before != opened:
                assert self.ledger.user().sessions[before].closed == "superseded"

    @rule(
        number=SESSIONS,
        batch=st.lists(
            st.tuples(DEVICES, SEQUENCES, PAYLOADS, st.sampled_from([None, MORNING])), min_size=1, max_size=6
        ),
    )
    def record_frames(self, number: int, batch: list[tuple[str, int, bytes, int | None]]) -> None:
        frames = tuple(frame(sequence, data, device, start_ms) for device, sequence, data, start_ms in batch)
        # Once: a repeated batch may store what was refused before (a number that only now lies within the window).
        answer = self.ledger.do(ask.RecordFrames(at_ms=self.now, session=session_id(number), frames=frames))
        if number not in self.started or number in self.deleted:
            assert isinstance(answer, Rejection)
            return
        assert isinstance(answer, FramesRecorded)
        for incoming, outcome in zip(frames, answer.outcomes, strict=True):
            expected = self._expected(number, incoming)
            assert outcome.status is expected, (incoming, outcome)
            if expected is FrameStatus.STORED:
                self.stored[number, incoming.device, incoming.sequence] = _named_bytes(incoming)
        for device, high_water in answer.high_water.items():
            assert high_water == max(key[2] for key in self.stored if key[:2] == (number, device))

    def _expected(self, number: int, incoming: ask.IncomingFrame) -> FrameStatus:
        known = self.stored.get((number, incoming.device, incoming.sequence))
        if known is not None:
            same = known == _named_bytes(incoming)
            return FrameStatus.DUPLICATE if same else FrameStatus.CONFLICT
        held = [key for key in self.stored if key[:2] == (number, incoming.device)]
        high_water = max((key[2] for key in held), default=-1)
        if len(held) >= LIMITS.frames_per_device or incoming.sequence > high_water + LIMITS.sequence_window:
            return FrameStatus.REJECTED
        decodes = incoming.data[:1] == b"A" or (incoming.data[:1] == b"G" and incoming.start_ms is not None)
        return FrameStatus.STORED if decodes else FrameStatus.REJECTED

    @rule(number=SESSIONS, start=st.integers(-3, 9), length=st.integers(1, 3), label=LABELS)
    def label_set(self, number: int, start: int, length: int, label: SetLabel) -> None:
        command = ask.LabelSet(
            at_ms=self.now, session=session_id(number), start_ms=MORNING + start * MINUTE,
            end_ms=MORNING + (start + length) * MINUTE, label=label, source=Source.DEVICE,
        )  # fmt: skip
        answer = self.do(command)
        if isinstance(answer, SetRecorded) and answer.created:
            self.corrections[number, answer.number] = [label]

    @rule(number=SESSIONS, which=st.integers(1, 3), version=st.integers(1, 4), label=LABELS, deleted=st.booleans())
    def correct_set(self, number: int, which: int, version: int, label: SetLabel, deleted: bool) -> None:  # noqa: FBT001
        command = ask.CorrectSet(
            at_ms=self.now, session=session_id(number), number=which, version=version, label=label, deleted=deleted
        )
        answer = self.do(command)
        if isinstance(answer, SetRecorded) and answer.created:
            assert answer.version == version + 1
            self.corrections[number, which].append(label)

    @rule(number=SESSIONS, count=st.none() | st.integers(0, 8), final=st.booleans())
    def end_session(self, number: int, count: int | None, final: bool) -> None:  # noqa: FBT001
        frames = None if count is None else {"watch": count}
        answer = self.do(ask.EndSession(at_ms=self.now, session=session_id(number), frames=frames, final=final))
        if isinstance(answer, Rejection) and answer.code == "frames-missing":
            assert not final
            lacking = [n for n in range(count or 0) if (number, "watch", n) not in self.stored]
            assert lacking

    @rule(number=SESSIONS, reason=st.sampled_from(["asked", "silence"]))
    def abandon_session(self, number: int, reason: str) -> None:
        self.do(ask.AbandonSession(at_ms=self.now, session=session_id(number), reason=reason))

    @rule(number=SESSIONS)
    def delete_session(self, number: int) -> None:
        if self.do(ask.DeleteSession(at_ms=self.now, session=session_id(number))) == Done():
            self.deleted.add(number)
            self.stored = {key: value for key, value in self.stored.items() if key[0] != number}

    @rule(purpose=st.sampled_from(Purpose), given=st.booleans())
    def consent(self, purpose: Purpose, given: bool) -> None:  # noqa: FBT001
        answer = self.do((ask.GiveConsent if given else ask.WithdrawConsent)(at_ms=self.now, purpose=purpose))
        assert self.erased == isinstance(answer, Rejection)
        if not self.erased:
            assert (purpose in self.ledger.user().consents) == given

    @precondition(lambda self: len(self.started) == 3)
    @rule()
    def erase(self) -> None:
        self.do(ask.EraseUser(at_ms=self.now))
        self.erased = True

    @invariant()
    def replaying_gives_the_same_states(self) -> None:
        for name, state in self.ledger.states.items():
            assert self.ledger.replayed(name) == state

    @invariant()
    def each_key_is_stored_once(self) -> None:
        for name, stream in self.ledger.streams.items():
            keys = [(event.device, event.sequence) for event in stream if isinstance(event, did.FrameRecorded)]
            assert len(keys) == len(set(keys)), name

    @invariant()
    def standing_sets_never_overlap(self) -> None:
        for number in self.started:
            standing = sorted((s.start_ms, s.end_ms) for s in self.ledger.session(number).sets if not s.deleted)
            assert all(left[1] <= right[0] for left, right in pairwise(standing))

    @invariant()
    def corrections_are_a_chain(self) -> None:
        for (number, which), history in self.corrections.items():
            stream = self.ledger.streams[PERSON.session(session_id(number))]
            chain = [event for event in stream if isinstance(event, did.SetCorrected) and event.number == which]
            assert [event.was for event in chain] == history[:-1]
            assert [event.label for event in chain] == history[1:]

    @invariant()
    def at_most_one_session_is_open_and_it_runs(self) -> None:
        if self.erased or not self.started:
            return
        name = self.ledger.user().open_session
        if name is not None:
            number = next(number for number in self.started if session_id(number) == name)
            assert self.ledger.session(number).status is SessionStatus.OPEN


class TenantHistory(RuleBasedStateMachine):
    """Tokens that are issued, refreshed, stolen, revoked and paired, against a plain model of who is let in."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(Limits(codes_per_tenant=2))
        self.now = MORNING
        self.drawn = 0
        self.live: dict[str, str] = {}
        self.refresh: dict[str, str] = {}
        self.owner: dict[str, str] = {}
        self.spent: dict[str, str] = {}
        self.codes: dict[str, tuple[str, int]] = {}

    @initialize()
    def create(self) -> None:
        self.ledger.do(ask.CreateTenant(at_ms=MORNING, name="Acme"), TENANT)

    def secret(self) -> str:
        self.drawn += 1
        return f"{self.drawn:064x}"

    def do(self, command: ask.Command) -> object:
        """Do a command twice; all but showing a used-up secret answers the same and stores nothing more."""
        answer = self.ledger.do(command, TENANT)
        stored = sum(map(len, self.ledger.streams.values()))
        again = self.ledger.do(command, TENANT)
        assert sum(map(len, self.ledger.streams.values())) == stored
        if isinstance(answer, TokenAccepted):
            assert again == answer
        return answer

    def forget(self, token_id: str) -> None:
        self.live.pop(token_id)
        self.refresh.pop(token_id)
        self.spent = {secret: owner for secret, owner in self.spent.items() if owner != token_id}

    @rule(seconds=st.integers(0, 120))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000

    @rule(person=st.sampled_from(["a" * 32, "b" * 32]))
    def issue(self, person: str) -> None:
        token_id, token, refresh = f"t{self.drawn}", self.secret(), self.secret()
        command = ask.IssueToken(
            at_ms=self.now, token_id=token_id, token_hash=token, role=Role.DEVICE, person=person, device="watch",
            refresh_hash=refresh,
        )  # fmt: skip
        assert self.do(command) == TokenAccepted(token_id, person, "watch")
        self.live[token_id], self.refresh[token_id], self.owner[token_id] = token, refresh, person

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def refresh_token(self, data: st.DataObject) -> None:
        token_id = data.draw(st.sampled_from(sorted(self.live)))
        shown, token, refresh = self.refresh[token_id], self.secret(), self.secret()
        command = ask.RefreshToken(
            at_ms=self.now, refresh_hash=shown, new_token_hash=token, new_refresh_hash=refresh, expires_at_ms=None
        )
        assert self.do(command) == TokenAccepted(token_id, self.owner[token_id], "watch")
        self.spent[shown] = token_id
        self.live[token_id], self.refresh[token_id] = token, refresh

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def steal(self, data: st.DataObject) -> None:
        shown = data.draw(st.sampled_from(sorted(self.spent)))
        command = ask.RefreshToken(
            at_ms=self.now, refresh_hash=shown, new_token_hash=self.secret(), new_refresh_hash=self.secret(),
            expires_at_ms=None,
        )  # fmt: skip
        answer = self.do(command)
        assert isinstance(answer, Rejection)
        assert answer.code == "refresh-reused"
        self.forget(self.spent[shown])

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        token_id = data.draw(st.sampled_from(sorted(self.live)))
        assert self.do(ask.RevokeToken(at_ms=self.now, token_id=token_id)) == Done()
        self.forget(token_id)

    @rule(person=st.sampled_from(["a" * 32, "b" * 32]))
    def revoke_all(self, person: str) -> None:
        self.do(ask.RevokeTokensOf(at_ms=self.now, person=person))
        for token_id in [token_id for token_id in self.live if self.owner[token_id] == person]:
            self.forget(token_id)

    @rule(person=st.sampled_from(["a" * 32, "b" * 32]), seconds=st.integers(1, 100))
    def offer_code(self, person: str, seconds: int) -> None:
        code, expires_at_ms = self.secret(), self.now + seconds * 1000
        waiting = sum(expiry > self.now for _, expiry in self.codes.values())
        command = ask.IssuePairingCode(at_ms=self.now, code_hash=code, person=person, expires_at_ms=expires_at_ms)
        answer = self.do(command)
        assert isinstance(answer, Rejection) == (waiting >= 2)
        if waiting < 2:
            self.codes[code] = (person, expires_at_ms)

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def redeem(self, data: st.DataObject) -> None:
        code = data.draw(st.sampled_from(sorted(self.codes)))
        person, expires_at_ms = self.codes[code]
        token_id, token, refresh = f"t{self.drawn}", self.secret(), self.secret()
        command = ask.RedeemPairingCode(
            at_ms=self.now, code_hash=code, token_id=token_id, token_hash=token, refresh_hash=refresh, device="watch",
            expires_at_ms=None,
        )  # fmt: skip
        answer = self.do(command)
        if self.now >= expires_at_ms:
            assert isinstance(answer, Rejection)
            return
        assert answer == TokenAccepted(token_id, person, "watch")
        for replaced in [other for other in self.live if self.owner[other] == person]:
            self.forget(replaced)
        self.codes.pop(code)
        self.live[token_id], self.refresh[token_id], self.owner[token_id] = token, refresh, person

    @invariant()
    def exactly_the_living_are_let_in(self) -> None:
        if TENANT.persistence_id not in self.ledger.states:
            return
        for token_id, token in self.live.items():
            found = self.ledger.tenant().token_by_hash(token)
            assert found is not None
            assert (found.token_id, found.valid_at(self.now)) == (token_id, True)
        for secret in [*self.refresh.values(), *self.spent]:
            assert self.ledger.tenant().token_by_hash(secret) is None
        everything = list(self.live.values()) + list(self.refresh.values()) + list(self.spent)
        assert self.ledger.tenant().token_ids.count == len(everything)

    @invariant()
    def replaying_gives_the_same_state(self) -> None:
        for name, state in self.ledger.states.items():
            assert self.ledger.replayed(name) == state


TestPersonHistory = PersonHistory.TestCase
TestPersonHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestTenantHistory = TenantHistory.TestCase
TestTenantHistory.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
