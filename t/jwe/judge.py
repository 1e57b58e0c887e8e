# SPDX-License-Identifier: Apache-2.0
# python3 judge.py seal|open KIND KEY HEADER: lines of values to tokens, or of tokens to values, by jwcrypto.
import base64
import sys

from cryptography.hazmat.primitives import serialization
from jwcrypto import jwe, jwk


def text_of(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip('=')


def x25519(pem):
    """jwcrypto reads no PEM of this kind."""
    if b'PRIVATE' not in pem:
        return jwk.JWK(kty='OKP', crv='X25519', x=text_of(raw_public(serialization.load_pem_public_key(pem))))
    private = serialization.load_pem_private_key(pem, None)
    scalar = private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return jwk.JWK(kty='OKP', crv='X25519', x=text_of(raw_public(private.public_key())), d=text_of(scalar))


def raw_public(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


what, kind, path, header = sys.argv[1:5]
with open(path, 'rb') as file:
    text = file.read()
if kind == 'dir':
    key = jwk.JWK(kty='oct', k=text_of(bytes.fromhex(text.decode().strip())))
else:
    key = x25519(text) if kind == 'x25519' else jwk.JWK.from_pem(text)
for line in sys.stdin:
    token = jwe.JWE(line.rstrip('\n').encode(), protected=header) if what == 'seal' else jwe.JWE()
    if what == 'seal':
        token.add_recipient(key)
        print(token.serialize(compact=True))
    else:
        token.deserialize(line.rstrip('\n'), key)
        print(token.payload.decode())
