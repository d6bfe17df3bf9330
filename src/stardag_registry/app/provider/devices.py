"""The device flow (RFC 8628): a device without a browser shows a short code and waits until somebody allows it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from stardag_registry.app.ports import Clock, Randomness
from stardag_registry.app.provider.attempts import Limit, LimitAttempts, from_address, named
from stardag_registry.app.provider.derived_secrets import random_text
from stardag_registry.app.provider.families import Allowed, begin_family
from stardag_registry.app.provider.ports import ProviderDatabase
from stardag_registry.domain.accounts import BrowserSession, fingerprint_of
from stardag_registry.domain.errors import DatabaseUnavailable
from stardag_registry.domain.grants import (
    DEVICE_CODE_LIFETIME,
    USER_CODE_BYTES,
    DeviceAuthorization,
    Grant,
    new_user_code,
    typed_user_code,
)

DEVICES_FROM_AN_ADDRESS = 200
CODES_OF_AN_ACCOUNT = 20
CODES_FROM_AN_ADDRESS = 100
"""Attempts in a quarter of an hour. There are 20^8 codes."""

SLOWER = timedelta(seconds=5)
"""What a device that asks too early waits longer from then on (RFC 8628, section 3.5)."""

_TOLERANCE = timedelta(seconds=1)
_FREE_CODE_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, repr=False)
class NewDevice:
    """What a device gets: a code to ask with, and one to show."""

    device_code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class Polled:
    """What a device is told that asks how things stand."""

    state: Literal["pending", "slow down", "expired", "refused", "used", "allowed"]
    allowed: Allowed | None = None


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices that wait, and what people decide on them."""

    database: ProviderDatabase
    attempts: LimitAttempts
    clock: Clock
    randomness: Randomness

    def begin(self, client_id: str, scopes: tuple[str, ...], address: str) -> NewDevice:
        """Codes for a device that asks from a network address.

        Raises:
            TooManyAttempts: so many begin from this address that nobody can mean it.
        """
        self.attempts.take([Limit(from_address("device", address), DEVICES_FROM_AN_ADDRESS)])
        now = self.clock()
        device_code = random_text(self.randomness)
        for _ in range(_FREE_CODE_ATTEMPTS):
            user_code = new_user_code(self.randomness(USER_CODE_BYTES))
            device = DeviceAuthorization(
                fingerprint=fingerprint_of(device_code),
                user_code_fingerprint=fingerprint_of(user_code),
                client_id=client_id,
                scopes=scopes,
                address=address,
                asked_at=now,
                expires_at=now + DEVICE_CODE_LIFETIME,
            )
            with self.database.transaction() as transaction:
                if transaction.add_device_authorization(device):
                    return NewDevice(device_code, user_code)
        raise DatabaseUnavailable

    def find(self, device_code: str) -> DeviceAuthorization | None:
        """What is known of the device that holds this code, however old."""
        with self.database.reading() as reading:
            return reading.device_authorization(fingerprint_of(device_code))

    def poll(self, device_code: str) -> Polled:
        """How things stand. Once it is allowed, one who asks gets what that gives, and the code is worth nothing any
        more; if it comes again, what it gave is revoked."""
        now = self.clock()
        with self.database.transaction() as transaction:
            device = transaction.device_authorization(fingerprint_of(device_code))
            if device is None:
                return Polled("expired")
            if device.used_at is not None:
                if device.family_id is not None:
                    transaction.revoke_family(device.family_id, now)
                return Polled("used")
            if now >= device.expires_at:
                return Polled("expired")
            if device.refused:
                return Polled("refused")
            if device.grant is None:
                too_early = device.polled_at is not None and now - device.polled_at < device.interval - _TOLERANCE
                interval = device.interval + SLOWER if too_early else device.interval
                transaction.note_poll(device.fingerprint, now, interval)
                return Polled("slow down" if too_early else "pending")
            account = transaction.account(device.grant.account_id)
            if account is None:
                return Polled("refused")
            family_id, refresh_token = begin_family(transaction, device.grant, now, self.randomness)
            if transaction.use_device_authorization(device.fingerprint, family_id, now):
                return Polled("allowed", Allowed(account, device.grant, refresh_token))
            if family_id is not None:  # somebody was faster, on a database that lets two write at once
                transaction.revoke_family(family_id, now)
            return Polled("used")

    def look_up(self, typed: str, session: BrowserSession, address: str) -> DeviceAuthorization | None:
        """The device that shows the code which somebody typed, if it still waits.

        Raises:
            TooManyAttempts: at codes, by this account or from this address.
        """
        limits = (
            Limit(named("user-code", session.account.id), CODES_OF_AN_ACCOUNT),
            Limit(from_address("user-code", address), CODES_FROM_AN_ADDRESS),
        )
        self.attempts.take(limits)
        device = self._waiting(typed)
        if device is not None:
            self.attempts.forgive(*limits)
        return device

    def decide(self, typed: str, session: BrowserSession, *, allow: bool) -> bool:
        """Whether the decision was taken; False where the device does not wait any more."""
        device = self._waiting(typed)
        if device is None:
            return False
        grant = Grant(session.account.id, device.client_id, device.scopes, session.signed_in_at) if allow else None
        with self.database.transaction() as transaction:
            return transaction.decide_device(device.fingerprint, grant)

    def _waiting(self, typed: str) -> DeviceAuthorization | None:
        user_code = typed_user_code(typed)
        if user_code is None:
            return None
        with self.database.reading() as reading:
            device = reading.device_by_user_code(fingerprint_of(user_code))
        if device is None or self.clock() >= device.expires_at or device.grant is not None or device.refused:
            return None
        return device
