"""A server that speaks Mastodon's API as far as a reader needs it, over real HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

TOKEN = "t0ken"


def status(number, content, author="ada@far.example", **more):
    return {
        "id": str(number), "created_at": f"2026-03-01T10:{number % 60:02d}:00.000Z", "edited_at": None, "spoiler_text": "",
        "content": content, "visibility": "public", "url": f"https://far.example/@ada/{number}", "in_reply_to_id": None,
        "language": "en", "account": {"acct": author}, "favourites_count": 0,
    } | more  # fmt: skip


class Mastodon:
    """Lists are kept the oldest first; `fail` holds answers given before the next right ones: (status, headers, body)."""

    def __init__(self):
        self.notifications, self.conversations, self.tag, self.public = [], [], [], []
        self.fail, self.asked, self.page = [], [], 3
        self.port = 0
        self.start()

    def start(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # headers and body in one packet, or each answer waits 40 ms for an acknowledgement

            def do_GET(self):
                if self.server is not server.http:  # a connection that outlived its server
                    self.close_connection = True
                    return
                server.answer(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.http is None:
            return
        self.http.shutdown()
        self.http.server_close()
        self.http = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request):
        address = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.asked.append(request.path)
        if self.fail:
            code, headers, body = self.fail.pop(0)
            return self.send(request, code, headers, body)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.send(request, 401, {}, b'{"error":"The access token is invalid"}')
        lists = {
            "/api/v1/notifications": (self.notifications, lambda n: int(n["id"])),
            "/api/v1/conversations": (self.conversations, lambda c: int(c["last_status"]["id"])),
            "/api/v1/timelines/tag/beejan": (self.tag, lambda s: int(s["id"])),
            "/api/v1/timelines/public": (self.public, lambda s: int(s["id"])),
        }
        if address.path not in lists:
            return self.send(request, 404, {}, b'{"error":"Record not found"}')
        found, key = lists[address.path]
        limit = min(int(query.get("limit", 20)), self.page)
        if "max_id" in query:
            found = [one for one in found if key(one) < int(query["max_id"])]
        if "since_id" in query:
            found = [one for one in found if key(one) > int(query["since_id"])]
        if "min_id" in query:
            # The oldest behind the id, as against since_id, which gives the newest.
            page = [one for one in found if key(one) > int(query["min_id"])][:limit]
        else:
            page = found[-limit:]
        headers = {}
        if page:
            rest = {name: value for name, value in query.items() if name not in ("max_id", "min_id", "since_id")}
            base = f"{self.url}{address.path}"
            older = urlencode(rest | {"max_id": key(page[0])})
            newer = urlencode(rest | {"min_id": key(page[-1])})
            headers["Link"] = f'<{base}?{older}>; rel="next", <{base}?{newer}>; rel="prev"'
        return self.send(request, 200, headers, json.dumps(page[::-1]).encode())

    def send(self, request, code, headers, body):
        request.send_response_only(code)
        given = {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
        for name, value in given.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
