# SPDX-License-Identifier: Apache-2.0
# A backend in Python, on a Unix socket: opens the two fields, looks the caller up, answers JSON.
#
#     ENCGATHER_KEY_FILE=/etc/ivr/backend.key python3 backend.py /run/ivr/backend.sock
#
#     EncGatherBackend /backend
#     ProxyPass "/backend" "unix:/run/ivr/backend.sock|http://ivr-backend/"
#
# The name behind the bar must be another one for every socket: mod_proxy tells them apart by it.
# Whom the directory of the socket lets in may ask: httpd, and nobody else. ivr-python.service runs it that way.
#
# The file has what EncGatherKeyFile has, one key or a ring, and only this program's user can read it.
import errno, json, os, re, socket, socketserver, sys
from http.server import BaseHTTPRequestHandler
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ACCOUNTS = {('1234', '4321'): {'account': 'AC12345678', 'balance': '12.55'}}  # your database
with open(os.environ['ENCGATHER_KEY_FILE']) as file:
    KEYS = [AESGCM(bytes.fromhex(key)) for key in re.findall(r'(?im)^(?:[\w-]+[ \t]+)?([0-9a-f]{64})\s*$', file.read())]
if not KEYS:
    sys.exit('no key in ENCGATHER_KEY_FILE')

def open_field(token):
    """Nonce (12 bytes), ciphertext and tag (16 bytes)."""
    data = bytes.fromhex(token)
    for key in KEYS:
        try:
            return key.decrypt(data[:12], data[12:], None).decode()
        except InvalidTag:
            pass  # perhaps the next one
    raise InvalidTag

def look(body):
    try:
        fields = json.loads(body)
        account = ACCOUNTS.get((open_field(fields['encryptedCardDigits']), open_field(fields['encryptedPinDigits'])))
    except (InvalidTag, KeyError, TypeError, ValueError):
        return 400, {'error': 'bad token'}
    return (200, account) if account else (404, {'error': 'not found'})

class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        status, data = look(self.rfile.read(int(self.headers['Content-Length'])))
        answer = json.dumps(data).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):  # there is no address to log on a Unix socket
        pass

class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def server_bind(self):
        try:
            super().server_bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or self.answers():
                raise
            os.unlink(self.server_address)  # of one that was killed
            super().server_bind()

    def answers(self):
        with socket.socket(socket.AF_UNIX) as other:
            return other.connect_ex(self.server_address) != errno.ECONNREFUSED

Server(sys.argv[1], Handler).serve_forever()
