// SPDX-License-Identifier: Apache-2.0
// node judge.mjs seal|open KIND KEY HEADER: lines of values to tokens, or of tokens to values, by npm jose.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { CompactEncrypt, compactDecrypt, importPKCS8, importSPKI } = await import(join(process.env.JOSE, 'node_modules/jose/dist/webapi/index.js'));
const [what, kind, path, header] = process.argv.slice(2);
const alg = { dir: 'dir', p256: 'ECDH-ES', x25519: 'ECDH-ES', rsa: 'RSA-OAEP-256' }[kind];
const text = readFileSync(path, 'utf8');
const key = kind === 'dir' ? Buffer.from(text.trim(), 'hex') : await (what === 'seal' ? importSPKI(text, alg) : importPKCS8(text, alg));

for (const line of readFileSync(0, 'utf8').split('\n').slice(0, -1)) {
    if (what === 'seal') {
        console.log(await new CompactEncrypt(Buffer.from(line)).setProtectedHeader(JSON.parse(header)).encrypt(key));
    } else {
        console.log(Buffer.from((await compactDecrypt(line, key)).plaintext).toString());
    }
}
