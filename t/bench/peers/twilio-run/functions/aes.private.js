// SPDX-License-Identifier: Apache-2.0
// One value under AES-256-GCM: nonce, ciphertext, tag, in hexadecimal.
'use strict';
const crypto = require('crypto');
const NONCE = 12, TAG = 16;

exports.seal = (text, key) => {
    const nonce = crypto.randomBytes(NONCE), cipher = crypto.createCipheriv('aes-256-gcm', Buffer.from(key, 'hex'), nonce);
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('hex');
};

exports.open = (token, key) => {
    const bytes = Buffer.from(token, 'hex');
    const decipher = crypto.createDecipheriv('aes-256-gcm', Buffer.from(key, 'hex'), bytes.subarray(0, NONCE));
    decipher.setAuthTag(bytes.subarray(-TAG));
    return decipher.update(bytes.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
};
