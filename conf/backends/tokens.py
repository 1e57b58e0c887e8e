# SPDX-License-Identifier: Apache-2.0
# Opens jwe tokens by jwcrypto (Debian: python3-jwcrypto): requests as the module sends them, a JSON object a line, to what
# callers keyed in.
#
#     python3 tokens.py bank-2026=/etc/ivr/bank-2026.key k1=/etc/ivr/k1.key <requests
#
# A key is kid=FILE: a private key (PKCS#8; P-256, X25519, RSA), or the 64 hexadecimal digits of a key in EncGatherKeyFile.
# open_call() is what a backend needs. The library looks at tag and form; kid, alg, fld, sid and iat are ours to look at.
import base64, json, sys, time
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from jwcrypto.common import JWException
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

FIELDS = ('encryptedCardDigits', 'encryptedPinDigits')
TTL, AHEAD = 900, 60  # seconds

def text_of(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip('=')

def read_key(path):
    with open(path, 'rb') as file:
        text = file.read().strip()
    if not text.startswith(b'-'):
        return 'dir', JWK(kty='oct', k=text_of(bytes.fromhex(text.decode())))
    key = form.load_pem_private_key(text, None)
    if isinstance(key, X25519PrivateKey):  # jwcrypto reads no PEM of this kind
        secret = key.private_bytes(form.Encoding.Raw, form.PrivateFormat.Raw, form.NoEncryption())
        public = key.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
        return 'ECDH-ES', JWK(kty='OKP', crv='X25519', d=text_of(secret), x=text_of(public))
    return 'RSA-OAEP-256' if isinstance(key, RSAPrivateKey) else 'ECDH-ES', JWK.from_pem(text)

KEYS = {kid: read_key(path) for kid, path in (word.split('=', 1) for word in sys.argv[1:])}

def demand(good):
    if not good:
        raise ValueError('bad token')

def open_field(token, name):
    demand(isinstance(token, str) and token.count('.') == 4)
    jwe = JWE()
    jwe.deserialize(token)
    header = jwe.jose_header
    demand(isinstance(header.get('kid'), str) and header['kid'] in KEYS)
    alg, key = KEYS[header['kid']]
    demand(header.get('alg') == alg and header.get('enc') == 'A256GCM' and 'zip' not in header and 'crit' not in header)
    jwe.allowed_algs = [alg, 'A256GCM']
    jwe.decrypt(key)
    sid, iat = header.get('sid'), header.get('iat')
    demand(header.get('fld') == name and isinstance(sid, str) and type(iat) is int)
    demand(-AHEAD <= time.time() - iat < TTL + 1)
    return jwe.payload.decode(), sid

def open_call(request):
    """All tokens have to be of one call: that of CallSid, where EncGatherForward sends it."""
    opened, call = {}, request.get('CallSid')
    for name in FIELDS:
        opened[name], sid = open_field(request.get(name), name)
        call = sid if call is None else call
        demand(sid == call)
    return opened

for line in sys.stdin:
    try:
        answer = open_call(json.loads(line))
    except (JWException, ValueError, TypeError, AttributeError):
        answer = {'error': 'bad token'}
    print(json.dumps(answer), flush=True)
