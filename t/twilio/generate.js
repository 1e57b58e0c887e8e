// SPDX-License-Identifier: Apache-2.0
// Random webhooks, signed by Twilio's library (NODE_PATH names where that is):
//
//     node generate.js requests   a line of JSON for each: a request that must be accepted, then the same with one
//                                 change that must be refused; members as in request.js, and
//                                 n        its number                  kind  "signed", or what was changed
//                                 expect   the module's verdict        url   what was signed
//                                 headers  name, value, name, value    body  in base64
//     node generate.js parts      what is signed, in hexadecimal digits between tabs: scheme, authority, target,
//                                 token, "=" and the settings of a SharedKey, then names and values
//     node generate.js tokens     the server's EncGatherAuthTokenFile
//
// ENCGATHER_SEED and ENCGATHER_REQUESTS say which and how many; the same seed and number give the same request.
'use strict';

const { once } = require('node:events');
const { toBase64, toHex } = require('./bytes');
const { mutate } = require('./mutate');
const { makeRequest } = require('./request');
const rule = require('./rule');

const seed = process.env.ENCGATHER_SEED || '1';
const count = Number(process.env.ENCGATHER_REQUESTS || 5000);

function headersOf(request) {
    const type = request.type === undefined ? [] : ['Content-Type', request.type];
    const settings = request.settings === undefined ? [] : ['X-Twilio-Webhooks-Signature-Settings', request.settings];
    const signatures = request.signatures.flatMap((value) => ['X-Twilio-Signature', value]);
    return ['Host', request.host, ...type, ...signatures, ...settings];
}

function lineOf(n, kind, expect, { server, method, target, body, chunked, pieces, ...request }) {
    const { address } = rule.SERVERS[server];
    const url = rule.urlOf({ ...request, server, target }, request.port);
    const headers = headersOf(request);
    return { n, kind, expect, address, method, target, headers, body: toBase64(body), chunked, pieces, url };
}

function requestLines(n) {
    const request = makeRequest(seed, n);
    const mutant = mutate(seed, n, request);
    const verdict = mutant.request.signatures.join('') === '' ? 'missing' : 'invalid';
    return [lineOf(n, 'signed', 'valid', request), lineOf(n, mutant.kind, verdict, mutant.request)]
        .map((line) => JSON.stringify(line) + '\n').join('');
}

function partsLine(n) {
    const request = makeRequest(seed, n);
    const { scheme } = rule.originOf(request);
    const authority = rule.authorityOf(request, request.port);
    const by = request.settings === undefined ? '' : `=${request.settings}`;
    const parts = [scheme, authority, request.target, request.token, by, ...rule.signedPairs(request).flat()];
    return parts.map(toHex).join('\t') + '\n';
}

function tokenLines() {
    return [...rule.TOKENS, ...rule.SHARED_KEYS]
        .map(({ account, key, token }) => [account, key, token].filter(Boolean).join(' ') + '\n').join('');
}

async function write(text) {
    if (!process.stdout.write(text))
        await once(process.stdout, 'drain');
}

async function writeEach(make) {
    for (let n = 1; n <= count; n++)
        await write(make(n));
}

const MODES = {
    requests: () => writeEach(requestLines),
    parts: () => writeEach(partsLine),
    tokens: () => write(tokenLines()),
};

const mode = MODES[process.argv[2]];
if (!mode)
    throw new Error('usage: node generate.js requests|parts|tokens');
mode();
