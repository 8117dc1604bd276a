"""A mail server for tests: aiosmtpd on a free port of this machine, over TLS, for one user.

server.py FOLDER implicit|starttls|plain

Prints `listening PORT`, then `took N ADDRESS` for each mail, which it writes to FOLDER/N.eml, and as a person reads it,
with the headers that are shown, to FOLDER/N.txt.
The local part of an address says what becomes of it: `nobody` is refused, `later` is put off, `hang` is taken and never
answered, `drop` ends the connection before the message. FOLDER has server.pem: certificate and key.
"""

import asyncio
import email
import email.policy
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        match address.split("@")[0]:
            case "nobody":
                return "550 5.1.1 no such mailbox"
            case "later":
                return "451 4.7.1 come again later"
            case "drop":
                server.transport.close()
                return "421 closing"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        (self.folder / f"{self.count}.eml").write_bytes(envelope.content)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        shown = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject")]
        text = "\n".join(shown) + "\n\n" + mail.get_content()
        (self.folder / f"{self.count}.txt").write_text(text, encoding="utf-8")
        print("took", self.count, envelope.rcpt_tos[0], flush=True)
        if envelope.rcpt_tos[0].startswith("hang@"):
            await asyncio.Event().wait()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"claim" and data.password == b"open sesame"
    return AuthResult(success=good, handled=good)


async def main(folder, mode):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    mailbox = Mailbox(folder)
    secure = mode != "plain"

    def protocol():
        return SMTP(
            mailbox,
            hostname="localhost",
            tls_context=context if mode == "starttls" else None,
            require_starttls=mode == "starttls",
            authenticator=authenticate if secure else None,
            auth_required=secure,
            # With implicit TLS the library does not see that the connection is private.
            auth_require_tls=mode == "starttls",
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if mode == "implicit" else None
    )
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
