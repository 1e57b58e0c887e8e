// SPDX-License-Identifier: Apache-2.0
// What a shield does, by Node.js alone, written for speed: http and crypto, nothing else. Checks the signature, puts a token in
// the place of Digits, signs anew, hands on over connections that are kept. Below /checked to another backend, for the check.
'use strict';
const crypto = require('crypto'), http = require('http');
const { PORT, ORIGIN, TOKEN, KEY, BACKEND, CHECKED } = process.env;

const key = crypto.createSecretKey(KEY, 'hex'), secret = crypto.createSecretKey(TOKEN, 'latin1');
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const nonces = Buffer.alloc(12 * 128);
let used = nonces.length;

function nextNonce() {
    if (used === nonces.length) {
        crypto.randomFillSync(nonces);
        used = 0;
    }
    used += 12;
    return nonces.subarray(used - 12, used);
}

function seal(text) {
    const nonce = nextNonce(), cipher = crypto.createCipheriv('aes-256-gcm', key, nonce);
    const sealed = cipher.update(text, 'latin1', 'hex') + cipher.final('hex');
    return nonce.toString('hex') + sealed + cipher.getAuthTag().toString('hex');
}

function unescape(text) {
    return /[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
}

function parse(parts) {
    return parts.map(pair => {
        const at = pair.indexOf('=');
        return [unescape(pair.slice(0, at)), unescape(pair.slice(at + 1))];
    });
}

function sign(url, sorted) {
    let text = ORIGIN + url;
    for (const [name, value] of sorted)
        text += name + value;
    return crypto.createHmac('sha1', secret).update(text).digest();
}

function isSigned(request, sorted) {
    const wanted = sign(request.url, sorted);
    const got = Buffer.from(request.headers['x-twilio-signature'] || '', 'base64');
    return got.length === wanted.length && crypto.timingSafeEqual(got, wanted);
}

function handle(request, response, body) {
    const parts = body.split('&'), parameters = parse(parts);
    const sorted = parameters.slice().sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    if (!isSigned(request, sorted)) {
        response.writeHead(403, { 'Content-Length': 0 });
        response.end();
        return;
    }
    const at = parameters.findIndex(pair => pair[0] === 'Digits');
    if (at >= 0) {
        parameters[at][1] = seal(parameters[at][1]);
        parts[at] = `Digits=${parameters[at][1]}`;
    }
    handOn(request, response, parts.join('&'), sign(request.url, sorted).toString('base64'));
}

function handOn({ method, url, headers }, response, body, signature) {
    const query = url.indexOf('?');
    const there = http.request({
        agent, method, host: '127.0.0.1', port: url.startsWith('/checked') ? CHECKED : BACKEND,
        path: '/null' + (query < 0 ? '' : url.slice(query)),
        headers: { ...headers, 'content-length': Buffer.byteLength(body, 'latin1'), 'x-twilio-signature': signature },
    }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    });
    there.on('error', () => response.writeHead(502).end());
    there.end(body, 'latin1');
}

const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('latin1');
    request.on('data', piece => { body += piece; });
    request.on('end', () => handle(request, response, body));
});
server.keepAliveTimeout = 60000;
server.listen(Number(PORT), '127.0.0.1');
