// SPDX-License-Identifier: Apache-2.0
// generate.js PROVIDER COUNT SEED: random requests, not signed yet, a line of JSON each.
'use strict';

const crypto = require('crypto');
const { Random } = require('./random');
const { randomRequest } = require('./request');

const [provider, count, seed] = process.argv.slice(2);
const random = new Random(Number(seed));
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // in front of a seed (RFC 8410)

// What is public is what the server knows; the seed is what signs.
function telnyxKeys(seed) {
    const key = crypto.createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    const spki = crypto.createPublicKey(key).export({ format: 'der', type: 'spki' });
    return spki.subarray(-32).toString('base64');
}

const keys = [7, 8].map((byte) => Buffer.alloc(32, byte)).map((bytes) => ({ seed: bytes.toString('base64'), key: telnyxKeys(bytes) }));

for (let i = 0; i < Number(count); i++) {
    const request = randomRequest(random, provider);
    if (provider === 'telnyx') {
        const { seed, key } = random.pick(keys);
        Object.assign(request, { secret: seed, public_key: key });
    }
    console.log(JSON.stringify(request));
}
