"""Certificates (PROTOCOL.md, section 2): paths to cuhk.cer, profiles, certs-only, pins."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import ExtensionOID, NameOID

from .errors import Malformed, Untrusted
from .wire import b64u, host_of, is_person, sha256
from .wire import origin as wire_origin

_ARC = "2.25.304274850276117055762681507612542191110"
PERSON_POLICY = x509.ObjectIdentifier(f"{_ARC}.1.1")
SERVER_POLICY = x509.ObjectIdentifier(f"{_ARC}.1.2")
TIMESTAMP_POLICY = x509.ObjectIdentifier(f"{_ARC}.1.3")
LOG_POLICY = x509.ObjectIdentifier(f"{_ARC}.1.4")
WITNESS_POLICY = x509.ObjectIdentifier(f"{_ARC}.1.5")
CLAIM_TYPE, WITHDRAWAL_TYPE, TOKEN_POLICY = f"{_ARC}.2.1", f"{_ARC}.2.2", f"{_ARC}.3.1"
LOG_USAGE = x509.ObjectIdentifier(f"{_ARC}.4.1")
WITNESS_USAGE = x509.ObjectIdentifier(f"{_ARC}.4.2")
_ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_CRITICAL = {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE}
_CRITICAL_OF_AUTHORITIES = _CRITICAL | {ExtensionOID.NAME_CONSTRAINTS}
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


def der(certificate: x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def from_der(data: bytes) -> x509.Certificate:
    """Parse one DER certificate."""
    try:
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise Malformed("not a certificate in DER") from error


def certs_only(data: bytes) -> list[x509.Certificate]:
    """The certificates of a certs-only CMS message in DER."""
    try:
        return pkcs7.load_der_pkcs7_certificates(data)
    except ValueError as error:
        raise Malformed("not a certs-only message") from error


def pin_of(root: x509.Certificate) -> str:
    """The pin of a root certificate, as it stands in invitations."""
    return b64u(sha256(der(root))[:16])


def p256_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """The certificate's key, which must be on P-256."""
    try:
        key = certificate.public_key()
    except ValueError as error:
        raise Untrusted("a key that cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Untrusted("a key that is not on P-256")
    return key


def _extension(certificate: x509.Certificate, kind: type) -> object | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Names match, and the issuer's key verifies the signature: ECDSA with SHA-256 on P-256."""
    try:
        p256_key(issuer)
        certificate.verify_directly_issued_by(issuer)
        return isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, Untrusted):
        return False


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Subject and issuer are the same and the signature is its own key's."""
    return issued_by(certificate, certificate)


def check_valid(certificate: x509.Certificate, at: datetime) -> None:
    """From the first second of `notBefore` to the last of `notAfter`."""
    second = at.replace(microsecond=0)
    if not certificate.not_valid_before_utc <= second <= certificate.not_valid_after_utc:
        raise Untrusted(f"not valid at this time: {certificate.subject.rfc4514_string()}")


def _check_common(
    certificate: x509.Certificate, now: datetime | None, critical: set[x509.ObjectIdentifier]
) -> None:
    if now is not None:
        check_valid(certificate, now)
    try:
        extensions = list(certificate.extensions)
    except (ValueError, x509.DuplicateExtension) as error:
        raise Untrusted("extensions that cannot be read") from error
    for extension in extensions:
        if extension.critical and extension.oid not in critical:
            raise Untrusted(f"an unknown critical extension {extension.oid.dotted_string}")


def _check_ca(certificate: x509.Certificate, below: int) -> None:
    constraints = _extension(certificate, x509.BasicConstraints)
    if not isinstance(constraints, x509.BasicConstraints) or not constraints.ca:
        raise Untrusted("an issuer that is no CA")
    if constraints.path_length is not None and constraints.path_length < below:
        raise Untrusted("the path is longer than an issuer allows")
    usage = _extension(certificate, x509.KeyUsage)
    if not isinstance(usage, x509.KeyUsage) or not usage.key_cert_sign:
        raise Untrusted("an issuer that must not sign certificates")


def _policies(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    found = _extension(certificate, x509.CertificatePolicies)
    if not isinstance(found, x509.CertificatePolicies):
        return []
    return [policy.policy_identifier for policy in found]


def _check_name_constraints(authority: x509.Certificate, leaf: x509.Certificate) -> None:
    """RFC 5280 §4.2.1.10 for DNS names; a constraint on another kind of name admits none."""
    constraints = _extension(authority, x509.NameConstraints)
    names = _extension(leaf, x509.SubjectAlternativeName)
    if not isinstance(constraints, x509.NameConstraints):
        return
    listed = list(names) if isinstance(names, x509.SubjectAlternativeName) else []

    def within(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
        if not (isinstance(name, x509.DNSName) and isinstance(subtree, x509.DNSName)):
            return False
        return name.value == subtree.value or name.value.endswith(f".{subtree.value}")

    for name in listed:
        permitted = [s for s in constraints.permitted_subtrees or [] if type(s) is type(name)]
        excluded = [s for s in constraints.excluded_subtrees or [] if type(s) is type(name)]
        if permitted and not any(within(name, s) for s in permitted):
            raise Untrusted("a name outside the domain of an authority")
        if any(within(name, s) or not isinstance(s, x509.DNSName) for s in excluded):
            raise Untrusted("a name that an authority excludes")


def check_path(
    chain: Sequence[x509.Certificate],
    root: x509.Certificate,
    policy: x509.ObjectIdentifier,
    now: datetime | None,
) -> x509.Certificate:
    """Check the path from `chain[0]` over the rest of `chain` (in any order) to `root`.

    Signatures, names, validity (unless `now` is None), basic constraints, key usage of the issuers, name constraints,
    critical extensions and the policy along the path. Returns the leaf.
    """
    if not chain:
        raise Untrusted("there is no certificate")
    leaf, pool = chain[0], [c for c in chain[1:] if der(c) != der(root)]
    current, depth = leaf, 0
    _check_common(leaf, now, _CRITICAL)
    if _policies(leaf) != [policy]:
        raise Untrusted("the certificate has another profile")
    if issued_by(leaf, root):
        raise Untrusted("the leaf was issued by the root itself")
    constraints = _extension(leaf, x509.BasicConstraints)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise Untrusted("a CA where a leaf is expected")
    while not issued_by(current, root):
        issuer = next((c for c in pool if issued_by(current, c)), None)
        if issuer is None:
            raise Untrusted("no path leads to the root")
        pool.remove(issuer)
        _check_common(issuer, now, _CRITICAL_OF_AUTHORITIES)
        _check_ca(issuer, depth)
        _check_name_constraints(issuer, leaf)
        if _ANY_POLICY not in _policies(issuer):
            raise Untrusted("an issuer that must not give this policy")
        current, depth = issuer, depth + 1
    _check_common(root, now, _CRITICAL_OF_AUTHORITIES)
    _check_ca(root, depth)
    _check_name_constraints(root, leaf)
    return leaf


def _check_usage(
    leaf: x509.Certificate, usages: set[str], purposes: set[x509.ObjectIdentifier]
) -> None:
    usage = _extension(leaf, x509.KeyUsage)
    if not isinstance(usage, x509.KeyUsage) or {u for u in _USAGES if getattr(usage, u)} != usages:
        raise Untrusted("the key usage is not the profile's")
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if not isinstance(extended, x509.ExtendedKeyUsage) or set(extended) != purposes:
        raise Untrusted("the extended key usage is not the profile's")


def person_of(leaf: x509.Certificate) -> str:
    """The one id that a person's certificate certifies."""
    ids = [str(a.value) for a in leaf.subject.get_attributes_for_oid(NameOID.USER_ID)]
    if len(ids) != 1 or not is_person(ids[0]):
        raise Untrusted("the person profile has one UID, which is an id")
    return ids[0]


def check_person(
    chain: Sequence[x509.Certificate], root: x509.Certificate, person: str, now: datetime | None
) -> x509.Certificate:
    """A path to the root and the person profile for the id `person`. Returns the leaf."""
    leaf = check_path(chain, root, PERSON_POLICY, now)
    if person_of(leaf) != person:
        raise Untrusted("the certificate is not for that id")
    if len(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)) != 1:
        raise Untrusted("the person profile has one CN")
    if _extension(leaf, x509.SubjectAlternativeName) is not None:
        raise Untrusted("the person profile has no subjectAltName")
    _check_usage(leaf, {"digital_signature", "key_agreement"}, {Eku.CLIENT_AUTH, _DOCUMENT_SIGNING})
    p256_key(leaf)
    return leaf


def check_server(
    chain: Sequence[x509.Certificate], root: x509.Certificate, origin: str, now: datetime
) -> x509.Certificate:
    """A path to the root and the server profile for `origin`. Returns the leaf."""
    leaf = check_path(chain, root, SERVER_POLICY, now)
    host = host_of(origin)
    names = _extension(leaf, x509.SubjectAlternativeName)
    if not isinstance(names, x509.SubjectAlternativeName):
        raise Untrusted("the server profile has a subjectAltName")
    if names.get_values_for_type(x509.UniformResourceIdentifier) != [origin]:
        raise Untrusted(f"the certificate's URI is not {origin}")
    try:
        listed = ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        listed = host in names.get_values_for_type(x509.DNSName)
    if not listed:
        raise Untrusted("the certificate does not name the origin's host")
    if [a.value for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] != [host]:
        raise Untrusted("the certificate's CN is not the host")
    _check_usage(leaf, {"digital_signature"}, {Eku.SERVER_AUTH, Eku.CLIENT_AUTH})
    p256_key(leaf)
    return leaf


def verify_ecdsa(leaf: x509.Certificate, signature: bytes, data: bytes) -> None:
    """ECDSA with SHA-256, DER-encoded, with the leaf's key."""
    try:
        p256_key(leaf).verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Untrusted("the signature is wrong") from error


# What evidence rests on: certificates that the root itself has issued.


def _check_service(
    certificate: x509.Certificate,
    root: x509.Certificate,
    policy: x509.ObjectIdentifier,
    purpose: x509.ObjectIdentifier,
) -> str:
    """What the three profiles have in common, but for the time. Returns the CN."""
    stamps = policy == TIMESTAMP_POLICY
    critical = _CRITICAL | ({ExtensionOID.EXTENDED_KEY_USAGE} if stamps else set())
    _check_common(certificate, None, critical)
    if not issued_by(certificate, root):
        raise Untrusted("the root has not issued this certificate")
    _check_ca(root, 0)
    _check_name_constraints(root, certificate)
    if _policies(certificate) != [policy]:
        raise Untrusted("the certificate has another profile")
    constraints = _extension(certificate, x509.BasicConstraints)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise Untrusted("a CA where a leaf is expected")
    _check_usage(certificate, {"digital_signature"}, {purpose})
    if stamps != certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical:
        raise Untrusted("the extended key usage is critical in timestamp certificates only")
    if stamps:
        p256_key(certificate)
    else:
        ed25519_key(certificate)
    names = list(certificate.subject)
    if len(names) != 1 or names[0].oid != NameOID.COMMON_NAME:
        raise Untrusted("the subject is one CN")
    return str(names[0].value)


def ed25519_key(certificate: x509.Certificate) -> ed25519.Ed25519PublicKey:
    """The key of a log or a witness."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Untrusted("a key that cannot be read") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise Untrusted("a key that is not Ed25519")
    return key


def _service_origin(certificate: x509.Certificate) -> str:
    names = _extension(certificate, x509.SubjectAlternativeName)
    listed = list(names) if isinstance(names, x509.SubjectAlternativeName) else []
    if len(listed) != 1 or not isinstance(listed[0], x509.UniformResourceIdentifier):
        raise Untrusted("the subjectAltName is one URI")
    try:
        return wire_origin(listed[0].value)
    except Malformed as error:
        raise Untrusted("the certificate's URI is no origin") from error


def usage_period(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """In which time a timestamp certificate's key may sign: both ends."""
    period = _extension(certificate, x509.PrivateKeyUsagePeriod)
    if not isinstance(period, x509.PrivateKeyUsagePeriod):
        raise Untrusted("a timestamp certificate has a privateKeyUsagePeriod")
    start, end = period.not_before, period.not_after
    if start is None or end is None:
        raise Untrusted("the privateKeyUsagePeriod has both ends")
    zone = certificate.not_valid_before_utc.tzinfo
    start, end = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
    inside = certificate.not_valid_before_utc <= start <= end <= certificate.not_valid_after_utc
    if not inside or end - start > timedelta(days=365):
        raise Untrusted("the privateKeyUsagePeriod is not in order")
    return start, end


def check_timestamp(certificate: x509.Certificate, root: x509.Certificate) -> str:
    """The timestamp profile, whatever the time. Returns the origin that it is for."""
    _check_service(certificate, root, TIMESTAMP_POLICY, Eku.TIME_STAMPING)
    usage_period(certificate)
    return _service_origin(certificate)


def check_own(certificate: x509.Certificate) -> None:
    """A timestamp certificate of CUHK itself: its list lies at the origin that it is for."""
    points = _extension(certificate, x509.CRLDistributionPoints)
    listed = list(points) if isinstance(points, x509.CRLDistributionPoints) else []
    names = listed[0].full_name or [] if len(listed) == 1 else []
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        raise Untrusted("not CUHK's own timestamp authority")
    if not names[0].value.startswith(_service_origin(certificate) + "/"):
        raise Untrusted("the timestamp authority of a Blackboard, not CUHK's own")


def check_log(certificate: x509.Certificate, root: x509.Certificate) -> str:
    """The log profile, whatever the time. Returns the origin of the server that keeps it."""
    _check_service(certificate, root, LOG_POLICY, LOG_USAGE)
    return _service_origin(certificate)


def check_witness(certificate: x509.Certificate, root: x509.Certificate) -> str:
    """The witness profile, whatever the time. Returns the witness's name."""
    name = _check_service(certificate, root, WITNESS_POLICY, WITNESS_USAGE)
    if not name or "+" in name or any(c.isspace() for c in name):
        raise Untrusted("the CN is not the name of a witness")
    if _extension(certificate, x509.SubjectAlternativeName) is not None:
        raise Untrusted("the witness profile has no subjectAltName")
    return name
