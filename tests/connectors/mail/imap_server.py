"""A small IMAP server on loopback: enough of RFC 3501 and IDLE for a client that reads, and faults on demand."""

import re
import socketserver
import threading


class Mailbox:
    """What the server holds; tests change it while it runs."""

    def __init__(self):
        self.folders = {"INBOX": []}
        self.seen, self.validity, self.commands = set(), 7, []
        self.password, self.login_answer, self.break_after = "secret", None, None
        self.changed = threading.Condition()

    def add(self, raw, folder="INBOX", uid=None):
        with self.changed:
            box = self.folders.setdefault(folder, [])
            box.append((uid or (box[-1][0] + 1 if box else 1), raw))
            self.changed.notify_all()


class Handler(socketserver.StreamRequestHandler):
    def send(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.box, self.folder, self.readonly, self.fetched = self.server.box, None, True, 0
        self.send("* OK ready")
        while line := self.rfile.readline():
            tag, command = line.decode().strip().split(" ", 1)
            self.box.commands.append(re.sub("LOGIN .*", "LOGIN", command))
            if self.answer(tag, command) is False:
                return

    def answer(self, tag, command):
        word, _, rest = command.partition(" ")
        words = rest.split(" ")
        match word.upper():
            case "CAPABILITY":
                self.send("* CAPABILITY IMAP4rev1 IDLE" + (" STARTTLS" if self.server.starttls else ""))
            case "STARTTLS":
                self.send(f"{tag} OK begin")
                self.connection = self.server.starttls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                return None
            case "LOGIN":
                if self.box.login_answer or words[-1].strip('"') != self.box.password:
                    self.send(f"{tag} NO {self.box.login_answer or '[AUTHENTICATIONFAILED] no'}")
                    return True
            case "SELECT" | "EXAMINE":
                self.folder, self.readonly = words[0].strip('"'), word.upper() == "EXAMINE"
                if self.folder not in self.box.folders:
                    self.send(f"{tag} NO no such folder")
                    return True
                self.send(f"* {len(self.box.folders[self.folder])} EXISTS")
                self.send(f"* OK [UIDVALIDITY {self.box.validity}] valid")
            case "UID":
                return self.uid(tag, words)
            case "IDLE":
                self.idle()
            case "LOGOUT":
                self.send("* BYE")
                self.send(f"{tag} OK")
                return False
        self.send(f"{tag} OK done")
        return True

    def uid(self, tag, words):
        mails = self.box.folders[self.folder]
        if words[0] == "SEARCH":
            first, last = words[2].split(":")
            top = mails[-1][0] if mails else 0
            low, high = sorted((int(first), top if last == "*" else int(last)))
            found = [uid for uid, _ in mails if low <= uid <= high]
            if words[-1] == "UNSEEN":
                found = [uid for uid in found if uid not in self.box.seen]
            self.send("* SEARCH " + " ".join(map(str, found)))
        elif words[0] == "STORE":
            assert not self.readonly
            self.box.seen |= {int(uid) for uid in words[1].split(",")}
        else:
            assert "BODY.PEEK[]" in words[2]
            most = int(re.search(r"<0\.(\d+)>", words[2])[1])
            for uid, raw in mails:
                if uid == int(words[1]):
                    self.fetched += 1
                    if self.box.break_after is not None and self.fetched > self.box.break_after:
                        return False
                    part = raw[:most]
                    self.wfile.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(part)}}}\r\n".encode() + part + b")\r\n")
        self.send(f"{tag} OK done")
        return True

    def idle(self):
        self.send("+ idling")
        stop = threading.Event()

        def tell():
            with self.box.changed:
                count = len(self.box.folders[self.folder])
                while not stop.is_set():
                    self.box.changed.wait(0.05)
                    if len(self.box.folders[self.folder]) != count:
                        count = len(self.box.folders[self.folder])
                        self.send(f"* {count} EXISTS")

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        self.rfile.readline()
        stop.set()
        thread.join()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True

    def __init__(self, box, context=None, starttls=None):
        self.box, self.context, self.starttls = box, context, starttls
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def get_request(self):
        connection, address = super().get_request()
        return (self.context.wrap_socket(connection, server_side=True) if self.context else connection), address

    def handle_error(self, request, client_address):
        pass
