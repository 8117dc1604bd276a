"""HPKE (RFC 9180), base mode, single shot: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.

Written from the RFC's text over ECDH, HMAC and AES-GCM only.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .errors import Untrusted

_KEM_ID, _KDF_ID, _AEAD_ID = 0x0010, 0x0001, 0x0001
_KEM_SUITE = b"KEM" + _KEM_ID.to_bytes(2, "big")
_HPKE_SUITE = b"HPKE" + b"".join(i.to_bytes(2, "big") for i in (_KEM_ID, _KDF_ID, _AEAD_ID))
_NK, _NN, _NSECRET = 16, 12, 32


def hkdf_extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract of RFC 5869 with SHA-256."""
    return hmac.digest(salt or bytes(32), ikm, hashlib.sha256)


def hkdf_expand(prk: bytes, info: bytes | str, length: int) -> bytes:
    """HKDF-Expand of RFC 5869 with SHA-256."""
    raw = info.encode("utf-8") if isinstance(info, str) else info
    out, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + raw + bytes([counter]), hashlib.sha256)
        out += block
    return out[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hkdf_extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return hkdf_expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """SerializePublicKey: the uncompressed point, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _key_and_nonce(dh: bytes, enc: bytes, recipient: bytes, info: bytes) -> tuple[bytes, bytes]:
    eae_prk = _labeled_extract(_KEM_SUITE, b"", b"eae_prk", dh)
    shared = _labeled_expand(_KEM_SUITE, eae_prk, b"shared_secret", enc + recipient, _NSECRET)
    psk_id_hash = _labeled_extract(_HPKE_SUITE, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(_HPKE_SUITE, b"", b"info_hash", info)
    schedule = b"\x00" + psk_id_hash + info_hash  # mode_base
    secret = _labeled_extract(_HPKE_SUITE, shared, b"secret", b"")
    key = _labeled_expand(_HPKE_SUITE, secret, b"key", schedule, _NK)
    nonce = _labeled_expand(_HPKE_SUITE, secret, b"base_nonce", schedule, _NN)
    return key, nonce


def seal(
    recipient: ec.EllipticCurvePublicKey,
    info: bytes,
    plaintext: bytes,
    ephemeral: ec.EllipticCurvePrivateKey | None = None,
) -> tuple[bytes, bytes]:
    """SealBase with empty aad: (enc, ciphertext). `ephemeral` is for known-answer tests."""
    ephemeral = ephemeral or ec.generate_private_key(ec.SECP256R1())
    enc = public_bytes(ephemeral.public_key())
    dh = ephemeral.exchange(ec.ECDH(), recipient)
    key, nonce = _key_and_nonce(dh, enc, public_bytes(recipient), info)
    return enc, AESGCM(key).encrypt(nonce, plaintext, b"")


def open_(private: ec.EllipticCurvePrivateKey, info: bytes, enc: bytes, ciphertext: bytes) -> bytes:
    """OpenBase with empty aad."""
    try:
        if len(enc) != 65 or enc[0] != 4:
            raise ValueError("not an uncompressed point")
        ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enc)
        dh = private.exchange(ec.ECDH(), ephemeral)
        key, nonce = _key_and_nonce(dh, enc, public_bytes(private.public_key()), info)
        return AESGCM(key).decrypt(nonce, ciphertext, b"")
    except (ValueError, InvalidTag) as error:
        raise Untrusted("the session key does not open with this key in this context") from error
