// SPDX-License-Identifier: Apache-2.0
// Opens jwe tokens by npm jose: requests as the module sends them, a JSON object a line, to what callers keyed in.
//
//     npm install jose
//     node tokens.mjs bank-2026=/etc/ivr/bank-2026.key k1=/etc/ivr/k1.key <requests
//
// A key is kid=FILE: a private key (PKCS#8; P-256, X25519, RSA), or the 64 hexadecimal digits of a key in EncGatherKeyFile.
// openCall() is what a backend needs. The library looks at tag and form; kid, alg, fld, sid and iat are ours to look at.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { compactDecrypt, decodeProtectedHeader } from 'jose';

const FIELDS = ['encryptedCardDigits', 'encryptedPinDigits'];
const TTL = 900, AHEAD = 60; // seconds
const ALG = { ec: 'ECDH-ES', x25519: 'ECDH-ES', rsa: 'RSA-OAEP-256' };

function readKey(path) {
  const text = readFileSync(path, 'latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return { alg: 'dir', key: Buffer.from(text, 'hex') };
  const key = createPrivateKey(text);
  return { alg: ALG[key.asymmetricKeyType], key };
}

const keys = new Map(process.argv.slice(2).map((word) => {
  const at = word.indexOf('=');
  return [word.slice(0, at), readKey(word.slice(at + 1))];
}));

function demand(good) {
  if (!good) throw new Error('bad token');
}

async function openField(token, name) {
  const header = decodeProtectedHeader(token);
  const of = keys.get(header.kid);
  demand(of && header.alg === of.alg && header.enc === 'A256GCM' && !('zip' in header) && !('crit' in header));
  const only = { keyManagementAlgorithms: [of.alg], contentEncryptionAlgorithms: ['A256GCM'] };
  const { plaintext } = await compactDecrypt(token, of.key, only);
  const age = Date.now() / 1000 - header.iat;
  demand(header.fld === name && typeof header.sid === 'string' && Number.isInteger(header.iat) && age < TTL + 1 && age >= -AHEAD);
  return { value: Buffer.from(plaintext).toString('utf8'), sid: header.sid };
}

// All tokens have to be of one call: that of CallSid, where EncGatherForward sends it.
async function openCall(request) {
  const opened = {};
  let call = request.CallSid;
  for (const name of FIELDS) {
    const { value, sid } = await openField(request[name], name);
    demand(sid === (call ??= sid));
    opened[name] = value;
  }
  return opened;
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await Promise.resolve(line).then(JSON.parse).then(openCall).catch(() => ({ error: 'bad token' }));
  console.log(JSON.stringify(answer));
}
