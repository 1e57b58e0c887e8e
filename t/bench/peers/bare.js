// SPDX-License-Identifier: Apache-2.0
// The step by Node.js alone, written for speed: http and crypto, nothing else. Several processes share the port. With SEALS, a
// module that seals in another way and answers later.
'use strict';
const cluster = require('cluster'), crypto = require('crypto'), http = require('http');
const { PORT, PROCESSES = '1', ORIGIN, TOKEN, KEY, BEFORE, AFTER, SEALS } = process.env;

const key = crypto.createSecretKey(KEY, 'hex'), secret = crypto.createSecretKey(TOKEN, 'latin1');
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

let seal = (text) => {
    const nonce = nextNonce(), cipher = crypto.createCipheriv('aes-256-gcm', key, nonce);
    const sealed = cipher.update(text, 'latin1', 'hex') + cipher.final('hex');
    return nonce.toString('hex') + sealed + cipher.getAuthTag().toString('hex');
};

function unescape(text) {
    return /[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
}

function parse(body) {
    return body.split('&').map(pair => {
        const at = pair.indexOf('=');
        return [unescape(pair.slice(0, at)), unescape(pair.slice(at + 1))];
    });
}

function isSigned(request, parameters) {
    const names = parameters.slice().sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    let text = ORIGIN + request.url;
    for (const [name, value] of names)
        text += name + value;
    const wanted = crypto.createHmac('sha1', secret).update(text).digest();
    const got = Buffer.from(request.headers['x-twilio-signature'] || '', 'base64');
    return got.length === wanted.length && crypto.timingSafeEqual(got, wanted);
}

function answer(request, response, body) {
    const parameters = parse(body);
    if (!isSigned(request, parameters)) {
        response.writeHead(403, { 'Content-Length': 0 });
        response.end();
        return;
    }
    const value = name => parameters.find(pair => pair[0] === name)[1];
    if (SEALS)
        seal(value('Digits'), value('CallSid')).then(token => say(response, token));
    else
        say(response, seal(value('Digits')));
}

function say(response, token) {
    const twiml = BEFORE + token + AFTER;
    response.writeHead(200, { 'Content-Type': 'text/xml; charset=utf-8', 'Content-Length': twiml.length });
    response.end(twiml);
}

function serve() {
    const server = http.createServer((request, response) => {
        let body = '';
        request.setEncoding('latin1');
        request.on('data', piece => { body += piece; });
        request.on('end', () => answer(request, response, body));
    });
    server.keepAliveTimeout = 60000;
    server.listen(Number(PORT), '127.0.0.1');
}

if (cluster.isPrimary && PROCESSES !== '1')
    for (let i = 0; i < Number(PROCESSES); i++)
        cluster.fork();
else if (SEALS)
    import(SEALS).then(other => {
        seal = other.seal;
        serve();
    });
else
    serve();
