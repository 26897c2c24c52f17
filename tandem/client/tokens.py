"""What a client shows of who it is, and how that is kept good."""

from __future__ import annotations

import random
import threading
import time
from typing import Callable, NamedTuple, Protocol

import grpc

from tandem.auth.v1.auth_pb2 import LoginRequest, RefreshTokenRequest, TokenPair
from tandem.auth.v1.auth_pb2_grpc import AuthServiceStub
from tandem.client.errors import DeadlineExceeded, Unauthenticated, Unavailable, error_of

#: Part of an access token's life after which it is renewed.
_RENEWED_AFTER = 0.8
# A refresh token whose answer was lost may be sent again within 10 seconds.
_TRIES, _TRY_SECONDS = 3, 3.0
#: While the server cannot be reached, a token that is still good is not tried to be renewed at every call.
_PAUSE_SECONDS = 2.0

OnTokens = Callable[[TokenPair], None]


class Credentials(Protocol):
    """What goes into `authorization: Bearer ...`. Thread-safe."""

    def current(self) -> str | None:
        """The token to show now; None = none.

        Raises:
            TandemError: there is none that is good, and no new one was to be had.
        """

    def renew(self, refused: str | None) -> bool:
        """Whether there is another token now than the one that the server has refused.

        Raises:
            TandemError: no new one was to be had.
        """


class Fixed:
    """An API key, an access token that somebody else looks after, or nothing."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def current(self) -> str | None:
        return self._token

    def renew(self, refused: str | None) -> bool:
        return False


class _Held(NamedTuple):
    access_token: str
    renew_at: float
    expires_at: float


class Session:
    """A session: access tokens, renewed before they expire, by one thread while the others wait.

    Without a password it ends for good when the server refuses its refresh token; with one it logs in again.

    Args:
        auth: on a channel that shows no token.
        refresh_token: good for one use, after which `on_tokens` is told its successor.
        on_tokens: told of each new pair before it is used.
    """

    def __init__(
        self,
        auth: AuthServiceStub,
        *,
        email: str = "",
        password: str = "",
        refresh_token: str = "",
        on_tokens: OnTokens | None = None,
    ) -> None:
        self._auth = auth
        self._login = LoginRequest(email=email, password=password)
        self._refresh_token = refresh_token
        self._on_tokens = on_tokens
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._refusal: Unauthenticated | None = None

    def current(self) -> str:
        held = self._held
        if held is None or time.monotonic() >= held.renew_at:
            with self._lock:
                held = self._held
                if held is None or time.monotonic() >= held.renew_at:
                    held = self._renewed_early(held)
        return held.access_token

    def renew(self, refused: str | None) -> bool:
        with self._lock:
            if self._held is None or self._held.access_token == refused:
                self._held = None
                self._exchange()
        return True

    def _renewed_early(self, held: _Held | None) -> _Held:
        try:
            return self._exchange()
        except (Unavailable, DeadlineExceeded):
            now = time.monotonic()
            if held is None or now >= held.expires_at:
                raise
            self._held = held._replace(renew_at=now + _PAUSE_SECONDS)
            return self._held

    def _exchange(self) -> _Held:
        if self._refusal is not None:
            # Asking again would only count as another wrong try.
            raise Unauthenticated(self._refusal.message, code=grpc.StatusCode.UNAUTHENTICATED) from self._refusal
        try:
            pair = self._new_pair()
        except Unauthenticated as refusal:
            self._refusal = refusal
            raise
        now = time.monotonic()
        self._refresh_token = pair.refresh_token
        self._held = _Held(pair.access_token, now + pair.expires_in * _RENEWED_AFTER, now + pair.expires_in)
        if self._on_tokens is not None:
            self._on_tokens(pair)
        return self._held

    def _new_pair(self) -> TokenPair:
        if self._refresh_token:
            try:
                return self._refreshed()
            except Unauthenticated:
                if not self._login.email:
                    raise
                self._refresh_token = ""
        try:
            return self._auth.Login(self._login, timeout=_TRIES * _TRY_SECONDS)
        except grpc.RpcError as error:
            raise error_of(error) from error

    def _refreshed(self) -> TokenPair:
        request = RefreshTokenRequest(refresh_token=self._refresh_token)
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._auth.RefreshToken(request, timeout=_TRY_SECONDS)
            except grpc.RpcError as error:
                failure = error_of(error)
                if not tries_left or not isinstance(failure, (Unavailable, DeadlineExceeded)):
                    raise failure from error
            time.sleep(random.uniform(0.05, 0.4))  # noqa: S311
        raise AssertionError("the last try returns or raises")


def credentials_of(
    auth: AuthServiceStub,
    *,
    token: str | None,
    api_key: str | None,
    email: str | None,
    password: str | None,
    refresh_token: str | None,
    on_tokens: OnTokens | None,
) -> Credentials:
    """What these arguments of a client mean.

    Raises:
        ValueError: they contradict each other.
    """
    if (email is None) != (password is None):
        raise ValueError("email and password go together.")
    if sum(1 for one in (token, api_key, email or refresh_token) if one) > 1:
        raise ValueError("Give one of token, api_key, or a session (email with password, refresh_token, or both).")
    if email or refresh_token:
        return Session(
            auth, email=email or "", password=password or "", refresh_token=refresh_token or "", on_tokens=on_tokens
        )
    return Fixed(token or api_key)
