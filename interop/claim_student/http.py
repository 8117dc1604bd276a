"""HTTPS with TLS 1.3 only, over a stock client; a check can run before anything is sent."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .certs import from_der
from .errors import Malformed, Unsettled

_LIMIT = 1 << 20

PeerCheck = Callable[[x509.Certificate], None]


@dataclass(frozen=True)
class Answer:
    """An answer, with its field lines as they came."""

    status: int
    fields: httpx.Headers
    content: bytes

    def one(self, name: str) -> str | None:
        """The value of a field that may stand at most once."""
        values = self.fields.get_list(name)
        if len(values) > 1:
            raise Malformed(f"the field {name} stands more than once")
        return values[0].strip(" \t") if values else None

    def combined(self, name: str) -> str:
        """The value of a list or dictionary field, all lines together."""
        return ", ".join(v.strip(" \t") for v in self.fields.get_list(name))


def tls_unverified() -> ssl.SSLContext:
    """For the first contact only: the pin is compared afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def tls_trusting(
    roots: Iterable[x509.Certificate], *, system: bool = False, identity: Path | None = None
) -> ssl.SSLContext:
    """Trust `roots` only, or also the system's; present `identity` (a PEM file) if given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    pem = "".join(r.public_bytes(Encoding.PEM).decode("ascii") for r in roots)
    context.load_verify_locations(cadata=pem)
    if system:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if identity is not None:
        context.load_cert_chain(identity)
    return context


class Connection:
    """One client for one origin. `check` sees the TLS certificate before a byte of HTTP."""

    def __init__(
        self,
        origin: str,
        context: ssl.SSLContext,
        *,
        check: PeerCheck | None = None,
        http2: bool = True,
        timeout: float = 20.0,
    ) -> None:
        self.origin = origin
        self._check = check
        self._client = httpx.Client(
            verify=context,
            http2=http2,
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _trace(self, event: str, info: dict[str, object]) -> None:
        if event == "connection.start_tls.complete" and self._check is not None:
            stream = info["return_value"]
            tls = stream.get_extra_info("ssl_object")  # type: ignore[attr-defined]
            try:
                self._check(from_der(tls.getpeercert(True)))
            except BaseException:
                stream.close()  # type: ignore[attr-defined]
                raise

    def request(
        self,
        method: str,
        target: str,
        *,
        fields: dict[str, str] | None = None,
        content: bytes | None = None,
        limit: int = _LIMIT,
    ) -> Answer:
        """Send one request; `target` goes out exactly as given. `limit` is the longest answer."""
        request = self._client.build_request(
            method,
            self.origin + target,
            headers=fields,
            content=content,
            extensions={"trace": self._trace, "target": target.encode("ascii")},
        )
        try:
            response = self._client.send(request, stream=True)
            try:
                if "content-encoding" in response.headers:
                    raise Malformed("a Content-Encoding, which the protocol does not use")
                body = bytearray()
                for part in response.iter_raw():
                    body += part
                    if len(body) > limit:
                        raise Malformed("an answer that is too large")
                return Answer(response.status_code, response.headers, bytes(body))
            finally:
                response.close()
        except (httpx.TransportError, ssl.SSLError, OSError) as error:
            raise Unsettled(f"{self.origin}: {error or type(error).__name__}") from error
