// SPDX-License-Identifier: Apache-2.0
// Everything that goes over the wire is held in strings of bytes (one character each, U+0000 to U+00FF), because that
// is what the module sees and signs. Twilio's library takes strings of Unicode.
'use strict';

const { isUtf8 } = require('node:buffer');

const toBytes = (text) => Buffer.from(text, 'utf8').toString('latin1');
const toText = (bytes) => Buffer.from(bytes, 'latin1').toString('utf8');
const isText = (bytes) => isUtf8(Buffer.from(bytes, 'latin1'));
const toBase64 = (bytes) => Buffer.from(bytes, 'latin1').toString('base64');
const toHex = (bytes) => Buffer.from(bytes, 'latin1').toString('hex');
const escapeByte = (byte) => '%' + byte.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase();

module.exports = { toBytes, toText, isText, toBase64, toHex, escapeByte };
