// SPDX-License-Identifier: Apache-2.0
// A backend in Node.js, on a Unix socket: opens the two fields, looks the caller up, answers JSON.
//
//     ENCGATHER_KEY_FILE=/etc/ivr/backend.key node backend.js /run/ivr/backend.sock
//
//     EncGatherBackend /backend
//     ProxyPass "/backend" "unix:/run/ivr/backend.sock|http://ivr-backend/"
//
// The name behind the bar must be another one for every socket: mod_proxy tells them apart by it.
// Whom the directory of the socket lets in may ask: httpd, and nobody else. ivr-node.service runs it that way.
//
// The file has what EncGatherKeyFile has, one key or a ring, and only this program's user can read it.
'use strict';
const { createDecipheriv } = require('node:crypto');
const { readFileSync, unlinkSync } = require('node:fs');
const { createServer } = require('node:http');
const { connect } = require('node:net');

const accounts = new Map([['1234 4321', { account: 'AC12345678', balance: '12.55' }]]); // your database
const lines = readFileSync(process.env.ENCGATHER_KEY_FILE, 'latin1').matchAll(/^(?:[\w-]+[ \t]+)?([0-9a-f]{64})\s*$/gim);
const keys = Array.from(lines, (line) => Buffer.from(line[1], 'hex'));
if (keys.length === 0) throw new Error('no key in ENCGATHER_KEY_FILE');

function openBy(key, bytes) {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(12, -16), null, 'utf8') + decipher.final('utf8');
}

// Nonce (12 bytes), ciphertext, tag (16 bytes); throws for what is not a token of one of these keys.
function open(token) {
  if (!/^(?:[0-9a-f]{2}){28,}$/i.test(token)) throw new Error('no token');
  for (const key of keys) {
    try { return openBy(key, Buffer.from(token, 'hex')); } catch { /* perhaps the next one */ }
  }
  throw new Error('no key opens it');
}

function look(body) {
  try {
    const fields = JSON.parse(body);
    const account = accounts.get(`${open(fields.encryptedCardDigits)} ${open(fields.encryptedPinDigits)}`);
    return account ? [200, account] : [404, { error: 'not found' }];
  } catch {
    return [400, { error: 'bad token' }];
  }
}

const at = process.argv[2];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const [status, data] = look(body);
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(data));
});

// The socket of one that was killed is still there, and nobody behind it.
server.once('error', (error) => {
  if (error.code !== 'EADDRINUSE') throw error;
  connect(at).on('connect', () => { throw error; }).on('error', ({ code }) => {
    if (code !== 'ECONNREFUSED') throw error;
    unlinkSync(at);
    server.listen(at);
  });
});
server.listen(at);
