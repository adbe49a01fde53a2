"""Who gets in, and what is said to the others."""

import base64
import os
import socket
from urllib.error import HTTPError
from urllib.request import Request as Ask
from urllib.request import urlopen

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from motionary.studio.feed import Feed
from motionary.studio.gate import Door, Gate
from motionary.studio.server import start_server

TOKEN = "abcdefgh12345678"


def status(gate: Gate, path: str = "/", num_browsers: int = 0, **headers: str) -> int | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = gate.answer(Request(path, Headers(named)), num_browsers)
    return None if answer is None else answer.status_code


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST"])
def test_this_machine_gets_in(host):
    assert status(Gate(Door()), Host=host) is None
    assert status(Gate(Door()), Host=host, Upgrade="websocket", Origin=f"http://{host}") is None


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "127.0.0.1.evil.example", "192.168.0.7:8080", "", "[", "a@b"]
)
def test_a_foreign_name_for_this_machine_does_not(host):
    assert status(Gate(Door()), Host=host) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://"])
def test_another_sites_page_may_not_connect(origin):
    gate = Gate(Door())
    assert status(gate, Host="127.0.0.1:8080", Upgrade="websocket", Origin=origin) == 403
    assert sum(gate.refused.values()) == 1


def test_a_door_to_others_has_a_token_unless_it_is_said_that_anyone_may_come():
    assert Door.of("127.0.0.1", 0).token is None
    made_up = Door.of("0.0.0.0", 80).token
    assert made_up is not None
    assert len(made_up) >= 16
    assert made_up != Door.of("0.0.0.0", 80).token
    assert Door.of("0.0.0.0", 80, anyone=True).token is None
    assert Door.of("0.0.0.0", 80).address(8080).startswith("http://127.0.0.1:8080/?token=")
    for wrong in ("short", "with space in it", "", "ümlaute123456"):
        with pytest.raises(ValueError, match="letters and digits"):
            Door.of("0.0.0.0", 80, wrong)
    with pytest.raises(ValueError, match="not both"):
        Door.of("0.0.0.0", 80, TOKEN, anyone=True)


def test_the_token_opens_the_page_and_its_cookie_the_connection():
    gate = Gate(Door.of("0.0.0.0", 8080, TOKEN))
    page = {"Host": "studio.lan:8080"}
    connection = {**page, "Upgrade": "websocket", "Origin": "http://studio.lan:8080"}
    assert status(gate, **page) == 401
    assert status(gate, f"/?token={TOKEN}x", **page) == 401
    assert status(gate, f"/?token={TOKEN}", **page) is None
    cookie = gate.cookie(Request(f"/?token={TOKEN}", Headers(page)))
    assert cookie is not None
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert status(gate, **connection) == 401
    assert status(gate, **connection, Cookie=cookie.partition(";")[0]) is None
    assert status(gate, **connection, Cookie="motionary8080=wrong") == 401
    assert status(gate, **connection, Cookie='"; =broken=') == 401


def test_no_more_browsers_than_there_is_room_for():
    gate = Gate(Door(most_browsers=3))
    asked = {"Host": "127.0.0.1", "Upgrade": "websocket"}
    assert status(gate, num_browsers=2, **asked) is None
    assert status(gate, num_browsers=3, **asked) == 503
    assert status(gate, num_browsers=3, Host="127.0.0.1") is None


@pytest.fixture(scope="module")
def server():
    served, _ = start_server(Door(port=0, token=TOKEN), Feed())
    yield served
    served.stop()


def test_the_served_page_asks_for_the_token_and_is_not_to_be_framed(server):
    address = f"http://127.0.0.1:{server.get_port()}/"
    with pytest.raises(HTTPError, match="401"):
        urlopen(address, timeout=10)
    with urlopen(f"{address}?token={TOKEN}", timeout=10) as page:
        assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
        cookie = page.headers["Set-Cookie"].partition(";")[0]
    with urlopen(Ask(address, headers={"Cookie": cookie}), timeout=10) as page:
        assert b"<html" in page.read()
    with pytest.raises(HTTPError, match="403"):
        urlopen(Ask(address, headers={"Cookie": cookie, "Host": "evil.example"}), timeout=10)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/_viser.py",
        "/..%5c..%5c_viser.py",
        "//etc/passwd",
        "/index.html/..",
        "/client/src/App.tsx",
    ],
)
def test_no_path_outside_the_page_is_served(path, server):
    with socket.create_connection(("127.0.0.1", server.get_port()), timeout=10) as raw:
        raw.sendall(f"GET {path}?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        answer = b""
        while part := raw.recv(65536):
            answer += part
    assert answer.split(b" ")[1] in (b"404", b"400", b"500"), answer[:100]
    assert b"root:" not in answer
    assert b"import" not in answer


def test_a_connection_without_the_token_is_refused_before_anything_is_sent(server):
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection(("127.0.0.1", server.get_port()), timeout=10) as raw:
        raw.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 401")
    assert not server.get_clients()
