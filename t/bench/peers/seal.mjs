// SPDX-License-Identifier: Apache-2.0
// What bare.js seals with where SEAL is "dir" or "p256": npm jose, its key imported once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { SEAL, KEY, RECIPIENT, JOSE } = process.env;
const { CompactEncrypt, importSPKI } = await import(join(JOSE, 'dist/webapi/index.js'));
const alg = SEAL === 'dir' ? 'dir' : 'ECDH-ES';
const key = SEAL === 'dir' ? Buffer.from(KEY, 'hex') : await importSPKI(readFileSync(RECIPIENT, 'utf8'), alg);
const kid = SEAL === 'dir' ? 'k1' : SEAL;

export function seal(text, sid) {
    return new CompactEncrypt(Buffer.from(text, 'latin1'))
        .setProtectedHeader({ alg, enc: 'A256GCM', kid, iat: Math.floor(Date.now() / 1000), sid, fld: 'encryptedCardDigits' }).encrypt(key);
}
