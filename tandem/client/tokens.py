"""Credentials of a client, and the renewal of its access tokens."""

from __future__ import annotations

import random
import time
from typing import Any, Callable, NamedTuple, Protocol

import grpc

from tandem.auth.v1.auth_pb2 import LoginRequest, RefreshTokenRequest, TokenPair
from tandem.client.errors import DeadlineExceeded, Unauthenticated, Unavailable, error_of
from tandem.client.runtime import Runtime

#: Fraction of an access token's lifetime after which it is renewed.
_RENEWED_AFTER = 0.8
# If the response to a refresh token is lost, the client may send the token again within 10 seconds.
_TRIES, _TRY_SECONDS = 3, 3.0
#: Pause between attempts to renew a still valid token while the server cannot be reached.
_PAUSE_SECONDS = 2.0

OnTokens = Callable[[TokenPair], None]


class Credentials(Protocol):
    """Supplies the token of `authorization: Bearer ...`, to all threads or tasks of a client."""

    async def current(self) -> str | None:
        """Return the token to send now; None = send none.

        Raises:
            TandemError: the token has expired, and could not be renewed.
        """

    async def renew(self, refused: str | None) -> bool:
        """Replace the token that the server has refused. Returns whether there is a different one now.

        Raises:
            TandemError: the token could not be renewed.
        """


class Fixed:
    """An API key, an access token that the application renews, or no credential."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def current(self) -> str | None:
        return self._token

    async def renew(self, refused: str | None) -> bool:
        return False


class _Held(NamedTuple):
    access_token: str
    renew_at: float
    expires_at: float


class Session:
    """A session, whose access tokens are renewed before they expire, by one caller while the others wait.

    If the server refuses the refresh token, the session logs in again with its password; without one, it has ended.

    Args:
        runtime: of the client.
        auth: stub on a channel that sends no token.
        refresh_token: valid for one use, after which `on_tokens` receives its successor.
        on_tokens: called with each new pair before it is used.
    """

    def __init__(
        self,
        runtime: Runtime,
        auth: Any,
        *,
        email: str = "",
        password: str = "",
        refresh_token: str = "",
        on_tokens: OnTokens | None = None,
    ) -> None:
        self._runtime = runtime
        self._auth = auth
        self._login = LoginRequest(email=email, password=password)
        self._refresh_token = refresh_token
        self._on_tokens = on_tokens
        self._lock = runtime.lock()
        self._held: _Held | None = None
        self._refusal: Unauthenticated | None = None

    async def current(self) -> str:
        held = self._held
        if held is None or time.monotonic() >= held.renew_at:
            held = await self._runtime.complete(self._renewed_if_due())
        return held.access_token

    async def renew(self, refused: str | None) -> bool:
        await self._runtime.complete(self._replaced(refused))
        return True

    async def _renewed_if_due(self) -> _Held:
        async with self._lock:
            held = self._held
            if held is None or time.monotonic() >= held.renew_at:
                held = await self._renewed_early(held)
            return held

    async def _replaced(self, refused: str | None) -> None:
        async with self._lock:
            if self._held is None or self._held.access_token == refused:
                self._held = None
                await self._exchange()

    async def _renewed_early(self, held: _Held | None) -> _Held:
        try:
            return await self._exchange()
        except (Unavailable, DeadlineExceeded):
            now = time.monotonic()
            if held is None or now >= held.expires_at:
                raise
            self._held = held._replace(renew_at=now + _PAUSE_SECONDS)
            return self._held

    async def _exchange(self) -> _Held:
        if self._refusal is not None:
            # Another attempt would only count as another failed login.
            raise Unauthenticated(self._refusal.message, code=grpc.StatusCode.UNAUTHENTICATED) from self._refusal
        try:
            pair = await self._new_pair()
        except Unauthenticated as refusal:
            self._refusal = refusal
            raise
        now = time.monotonic()
        self._refresh_token = pair.refresh_token
        self._held = _Held(pair.access_token, now + pair.expires_in * _RENEWED_AFTER, now + pair.expires_in)
        if self._on_tokens is not None:
            self._on_tokens(pair)
        return self._held

    async def _new_pair(self) -> TokenPair:
        if self._refresh_token:
            try:
                return await self._refreshed()
            except Unauthenticated:
                if not self._login.email:
                    raise
                self._refresh_token = ""
        return await self._answer(self._auth.Login, self._login, _TRIES * _TRY_SECONDS)

    async def _refreshed(self) -> TokenPair:
        request = RefreshTokenRequest(refresh_token=self._refresh_token)
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._answer(self._auth.RefreshToken, request, _TRY_SECONDS)
            except (Unavailable, DeadlineExceeded):
                if not tries_left:
                    raise
            await self._runtime.sleep(random.uniform(0.05, 0.4))  # noqa: S311
        raise AssertionError("the last try returns or raises")

    async def _answer(self, rpc: Any, request: Any, timeout: float) -> TokenPair:
        try:
            pair: TokenPair = await self._runtime.call(rpc, request, timeout)
        except grpc.RpcError as error:
            raise error_of(error) from error
        return pair


def credentials_of(
    runtime: Runtime,
    auth: Any,
    *,
    token: str | None,
    api_key: str | None,
    email: str | None,
    password: str | None,
    refresh_token: str | None,
    on_tokens: OnTokens | None,
) -> Credentials:
    """Return the credentials for these arguments of a client.

    Raises:
        ValueError: the arguments contradict each other.
    """
    if (email is None) != (password is None):
        raise ValueError("email and password go together.")
    if sum(1 for one in (token, api_key, email or refresh_token) if one) > 1:
        raise ValueError("Give one of token, api_key, or a session (email with password, refresh_token, or both).")
    if email or refresh_token:
        return Session(
            runtime,
            auth,
            email=email or "",
            password=password or "",
            refresh_token=refresh_token or "",
            on_tokens=on_tokens,
        )
    return Fixed(token or api_key)
