"""Nothing goes to the network that was not asked to: the main commands with every connection refused."""

import json
import subprocess
import sys

REFUSING = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        if event != "socket.connect" or isinstance(arguments[1], tuple):
            print(f"went to the network: {event} {arguments[1:]}", file=sys.stderr)
            raise OSError("no network")
sys.addaudithook(refuse)
from motionary.cli import main
main(sys.argv[1:])
"""


def offline(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", REFUSING, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_main_commands_go_to_no_network(tmp_path):
    commands = [
        ("generate", "hdm05", "--action", "sneak2Steps", "--num", 2, "--out", tmp_path / "made"),
        ("dataset", "inspect", tmp_path / "made"),
        ("licences", "--json"),
        ("assets", "list"),
    ]
    for words in commands:
        done = offline(*words)
        assert "went to the network" not in done.stderr
        assert done.returncode == 0, done.stderr
    assert len(json.loads(offline("licences", "--json").stdout)["in_use"]) > 20
