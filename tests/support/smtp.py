"""A mail server on a real port, for tests: it accepts mails, or answers as configured."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

END_OF_DATA = b".\r\n"


class MailServer(socketserver.ThreadingTCPServer):
    """A server of the part of SMTP (RFC 5321) that Django's backend uses.

    Attributes:
        received: the accepted mails, in order.
        answer_to_recipient: its answer to RCPT; a mail whose recipient is rejected is not sent.
        before_recipient: called before that is answered.
        when_received: called with each mail before it is acknowledged.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.received: list[EmailMessage] = []
        self.answer_to_recipient = "250 ok"
        self.before_recipient: Callable[[], None] = lambda: None
        self.when_received: Callable[[EmailMessage], None] = lambda mail: None

    @property
    def url(self) -> str:
        """For EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def to(self, address: str) -> list[EmailMessage]:
        """Return the mails to this address."""
        return [mail for mail in self.received if mail["To"] == address]


@contextmanager
def mail_server(port: int = 0) -> Iterator[MailServer]:
    """Run a mail server."""
    with MailServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        with suppress(ConnectionError):  # Clients are killed here.
            self._say("220 tests")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"DATA":
                    self._say("354 go on")
                    self._take(self._read_mail())
                elif verb == b"RCPT":
                    self.server.before_recipient()
                    self._say(self.server.answer_to_recipient)
                else:
                    self._say("221 bye" if verb == b"QUIT" else "250 ok")

    def _read_mail(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != END_OF_DATA:
            if not line:
                raise ConnectionError
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _take(self, content: bytes) -> None:
        mail = message_from_bytes(content, policy=policy.default)
        self.server.received.append(mail)
        self.server.when_received(mail)
        self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
