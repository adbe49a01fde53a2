"""Who gets in: this machine alone, or whoever has the token; pages of other sites never."""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

LOOPBACK = "127.0.0.1"
MOST_BROWSERS = 100
"""Connected at once."""
MOST_MESSAGE_BYTES = 4 * 2**20
"""Of one message from a browser; uploads come in parts of half a MiB."""


@dataclass(frozen=True)
class Door:
    """Where the studio answers, and to whom."""

    host: str = LOOPBACK
    port: int = 8080
    """0 takes any free one."""
    token: str | None = None
    """Whoever opens the page must know it; made up when the host is not this machine alone."""
    anyone: bool = False
    """Let anyone in who reaches the port."""
    most_browsers: int = MOST_BROWSERS

    @classmethod
    def of(cls, host: str, port: int, token: str | None = None, anyone: bool = False) -> "Door":
        """A door that is open to others than this machine only with a token, or where that is said outright.

        Raises:
            ValueError: If a token is given and nobody is to need it, or it is empty or odd.
        """
        if token is not None and anyone:
            raise ValueError("Give a token or let anyone in, not both.")
        if token is not None and not (8 <= len(token) <= 200 and token.isascii() and token.isalnum()):
            raise ValueError("A token must be 8 to 200 letters and digits; got something else.")
        if token is None and not anyone and not is_loopback(host):
            token = secrets.token_hex(16)
        return cls(host, port, token, anyone)

    def address(self, port: int) -> str:
        """What to open in a browser, token included."""
        host = LOOPBACK if self.host in ("0.0.0.0", "::", "") else self.host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}" + (f"/?token={self.token}" if self.token else "")


@dataclass
class Gate:
    """Looks at every request before viser does."""

    door: Door
    refused: dict[str, int] = field(default_factory=dict)
    """How often, by reason."""

    def answer(self, request: Request, num_browsers: int) -> Response | None:
        """A refusal, or None for a request to let through."""
        host = request.headers.get("Host", "")
        if is_loopback(self.door.host) and not is_loopback(_name(f"//{host}")):
            # A foreign name that was made to point here: DNS rebinding.
            return self._refuse(HTTPStatus.FORBIDDEN, "This studio answers to 127.0.0.1 and localhost alone.")
        if _is_websocket(request):
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
                return self._refuse(HTTPStatus.FORBIDDEN, "Another site's page may not use this studio.")
            if num_browsers >= self.door.most_browsers:
                return self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many browsers are connected.")
        if self.door.token and not self._knows_token(request):
            return self._refuse(
                HTTPStatus.UNAUTHORIZED, "Open the address with its token, as the terminal shows it."
            )
        return None

    def cookie(self, request: Request) -> str | None:
        """What makes a browser that came with the token keep it, for the page's own connection."""
        if self.door.token is None or _is_websocket(request):
            return None
        return f"{self._cookie_name(request)}={self.door.token}; Path=/; HttpOnly; SameSite=Strict"

    def _knows_token(self, request: Request) -> bool:
        assert self.door.token is not None
        given = parse_qs(urlsplit(request.path).query).get("token", [])
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(request.headers.get("Cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        kept = cookies.get(self._cookie_name(request))
        given += [kept.value] if kept is not None else []
        return any(hmac.compare_digest(one.encode(), self.door.token.encode()) for one in given)

    def _cookie_name(self, request: Request) -> str:
        """One for each port: browsers do not tell the ports of a host apart."""
        port = urlsplit(f"//{request.headers.get('Host', '')}").netloc.rpartition(":")[2]
        return f"motionary{port if port.isdigit() else ''}"

    def _refuse(self, status: HTTPStatus, reason: str) -> Response:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        content = f"{reason}\n".encode()
        headers = Headers(
            {
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Length": str(len(content)),
                "Connection": "close",
            }
        )
        return Response(status.value, status.phrase, headers, content)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_websocket(request: Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"
