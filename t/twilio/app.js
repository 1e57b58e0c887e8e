// SPDX-License-Identifier: Apache-2.0
// An application that checks Twilio's signature by Twilio's library, behind a shield:
//
//     node app.js PORT FILE     answers 204 where it fits, 418 where it does not, and writes what it got to FILE, a line of
//                               JSON each: n (header X-N), fits, target, body (both as bytes in base64)
//
// X-Base has the scheme and the authority of the URL that was called.
'use strict';

const { appendFileSync } = require('node:fs');
const http = require('node:http');
const twilio = require('twilio');
const { toBase64, toText } = require('./bytes');
const rule = require('./rule');

const FITS = 204;
const DOES_NOT = 418;

function unescapeBytes(text) {
    return text.replace(/\+/g, ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

function pairsOf(body) {
    return body.split('&').filter((part) => part !== '').map((part) => {
        const equals = part.indexOf('=');
        return (equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)]).map(unescapeBytes);
    });
}

// The library's own verdict, and that it is for this very spelling of the URL.
function fits({ method, url, headers }, body) {
    const signature = headers['x-twilio-signature'] || '';
    const settings = headers['x-twilio-webhooks-signature-settings'];
    const called = headers['x-base'] + url;
    const pairs = method === 'POST' ? pairsOf(body) : [];
    const algorithm = rule.algorithmOf({ settings });
    const known = settings === undefined ? rule.TOKENS : rule.SHARED_KEYS;
    return known.some(({ token }) => rule.signUrl(called, token, pairs, algorithm) === signature
        && twilio.validateRequest(token, signature, toText(called), rule.paramsOf(pairs), algorithm));
}

function serve(file, request, response) {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
        const body = Buffer.concat(parts).toString('latin1');
        const good = fits(request, body);
        const seen = { n: request.headers['x-n'], fits: good, target: toBase64(request.url), body: toBase64(body) };
        appendFileSync(file, JSON.stringify(seen) + '\n');
        response.writeHead(good ? FITS : DOES_NOT);
        response.end();
    });
}

function main(port, file) {
    const server = http.createServer({ insecureHTTPParser: true, keepAliveTimeout: 60000, maxHeaderSize: 65536 },
        (request, response) => serve(file, request, response));
    server.listen(Number(port), '127.0.0.1', () => appendFileSync(file, ''));
}

main(...process.argv.slice(2));
