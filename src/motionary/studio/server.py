"""A viser server whose every connection passes the gate, and which says nothing to anybody else."""

import asyncio
import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

import viser
import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from motionary.studio.feed import Feed
from motionary.studio.gate import MOST_MESSAGE_BYTES, Door, Gate

_STARTING = threading.Lock()


def start_server(door: Door, feed: Feed) -> tuple[viser.ViserServer, Gate]:
    """Serve viser's page behind a door, with a feed to every browser.

    Raises:
        ValueError: If the port cannot be had.
    """
    _check_port(door)
    # Browsers open spare connections and drop them, which websockets reports with a traceback.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    gate = Gate(door)
    with _guarded(gate, feed) as guarded, redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host=door.host, port=door.port, label="Motionary", verbose=False)
    if not guarded:
        server.stop()
        raise RuntimeError("This version of viser cannot be guarded; install the one motionary asks for.")
    server.request_share_url = lambda verbose=True: None  # type: ignore[method-assign]  # no public tunnel
    return server, gate


@contextmanager
def _guarded(gate: Gate, feed: Feed) -> Iterator[list[bool]]:
    """Have the server that is started meanwhile ask the gate; viser itself has no place to say so."""
    serve, guarded = websockets.asyncio.server.serve, []

    def serve_guarded(handler: Any, *place: Any, process_request: Any, **options: Any) -> Any:
        guarded.append(True)
        options["max_size"] = MOST_MESSAGE_BYTES
        return serve(
            _followed(handler, feed), *place, process_request=_asked(process_request, gate, feed), **options
        )

    with _STARTING:
        websockets.asyncio.server.serve = serve_guarded  # type: ignore[misc, assignment]
        try:
            yield guarded
        finally:
            websockets.asyncio.server.serve = serve  # type: ignore[misc]


def _asked(
    process_request: Any, gate: Gate, feed: Feed
) -> Callable[[ServerConnection, Request], Response | None]:
    """The gate first, then what viser answers."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        refusal = gate.answer(request, feed.num_browsers)
        if refusal is not None:
            return refusal
        response: Response | None = process_request(connection, request)
        cookie = gate.cookie(request)
        if response is not None:
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "no-referrer"  # the address may hold the token
            response.headers["X-Frame-Options"] = "SAMEORIGIN"
            if cookie is not None:
                response.headers["Set-Cookie"] = cookie
        return response

    return answer


def _followed(handler: Any, feed: Feed) -> Callable[[ServerConnection], Any]:
    """Viser's handler with the feed beside it."""

    async def handle(connection: ServerConnection) -> None:
        following = asyncio.create_task(feed.follow(connection))
        try:
            await handler(connection)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    return handle


def _check_port(door: Door) -> None:
    """Viser would go on to the next port, or hang beyond the last."""
    try:
        family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((door.host, door.port))
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"{door.host} port {door.port} cannot be used ({error}); give another with --port or --host."
        ) from None
