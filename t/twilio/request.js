// SPDX-License-Identifier: Apache-2.0
// One random webhook as Twilio could send it, signed by Twilio's library.
//
// server             virtual host that it goes to      target, host   as they stand in the request
// method, type, body; pairs: the parameters of a form, decoded
// token, port        what it was signed with           signatures     values of X-Twilio-Signature
// settings           value of X-Twilio-Webhooks-Signature-Settings, where a SharedKey signs
// chunked, pieces    how the body, and the whole, is cut
'use strict';

const { encodeForm } = require('./form');
const { Random } = require('./random');
const rule = require('./rule');
const { target } = require('./target');
const words = require('./words');
const { toBytes, escapeByte } = require('./bytes');
const twilio = require('twilio');

const JSON_TYPE = 'application/json';
const MOST_PAIRS = 60;
const BODY_LIMIT = 60000; // below EncGatherMaxBody, with room for what a mutation adds

// --- Where to -----------------------------------------------------------------------------------------------

const HOSTS = ['example.com', 'ivr.example.com', 'IVR.Example.COM', 'a', 'localhost', 'xn--kln-sna.example',
    'a-b.c-d.e', 'my_host.example', '127.0.0.1', '192.0.2.1', '[::1]', '[2001:db8::1]',
    '[2001:DB8:0:0:8:800:200C:417A]', '[::ffff:192.0.2.1]', 'www.' + 'long-label.'.repeat(20) + 'example'];

function hostName(random) {
    if (random.chance(0.7))
        return random.pick(HOSTS);
    return `${words.plain(random, 20)}.${random.pick(['example', 'Test', 'com'])}`;
}

function authority(random) {
    const port = random.pick(['', '', '', ':80', ':443', ':8080', ':8443', `:${random.between(1, 65535)}`]);
    return hostName(random) + port;
}

// --- What with ----------------------------------------------------------------------------------------------

function distinctNames(pairs) {
    return pairs.filter(([name], at) => pairs.findIndex((other) => other[0] === name) === at);
}

// Real webhooks have each name once; a few have several values of one name, or the same pair twice. AccountSid picks
// the tokens, hence never comes twice.
function withRepeats(random, pairs) {
    const more = random.times(random.between(1, 4), () => {
        const [name, value] = random.pick(pairs);
        return [name, random.chance(0.4) ? value : toBytes(words.value(random))];
    });
    return random.shuffled([...pairs, ...more.filter(([name]) => name !== 'AccountSid')]);
}

// U+FFFD is what lossy decoders make of all that is no UTF-8. Its name must be there once: see words.js.
function replacementPair(random) {
    return ['replaced', toBytes(`${words.plain(random, 5)}\ufffd${words.plain(random, 5)}`)];
}

const drawPair = (random) => [toBytes(words.name(random)), toBytes(words.value(random))];

function formPairs(random) {
    const most = random.pick([0, 3, 12, 12, 25, MOST_PAIRS - 4]);
    const drawn = random.times(random.between(0, most), drawPair);
    const once = distinctNames(random.chance(0.3) ? [...drawn, ['AccountSid', '']] : drawn);
    const pairs = once.length && random.chance(0.4) ? withRepeats(random, once) : once;
    return random.chance(0.15) ? [...pairs, replacementPair(random)] : pairs;
}

const ACCOUNTS = [rule.ACCOUNT, 'AC' + '0'.repeat(32)];

function withAccount(random, pairs) {
    return pairs.map(([name, value]) => [name, name === 'AccountSid' ? random.pick(ACCOUNTS) : value]);
}

// A few values are long: a body does not come in one piece then.
function withLongValue(random, pairs) {
    const filler = toBytes(words.text(random, 40));
    return [...pairs, ['long', filler.repeat(Math.floor(random.between(4000, 16000) / filler.length))]];
}

function formBody(random) {
    let pairs = withAccount(random, formPairs(random));
    if (random.chance(0.03))
        pairs = withLongValue(random, pairs);
    return { type: formType(random), pairs, body: encodeForm(random, pairs) };
}

function formType(random) {
    return random.pick([rule.FORM, rule.FORM, rule.FORM, `${rule.FORM}; charset=UTF-8`, `${rule.FORM};charset=utf-8`,
        'Application/X-WWW-Form-Urlencoded']);
}

function jsonValue(random, depth) {
    const kind = random.below(depth > 0 ? 7 : 5);
    if (kind < 3)
        return words.value(random);
    if (kind < 5)
        return random.pick([null, true, false, 0, -1, 12.5, 1e21, random.next()]);
    const members = random.times(random.below(6), () => [words.name(random), jsonValue(random, depth - 1)]);
    return kind === 5 ? members.map((member) => member[1]) : Object.fromEntries(members);
}

function jsonBody(random) {
    const members = random.times(random.between(0, 8), () => [words.name(random), jsonValue(random, 2)]);
    const text = JSON.stringify(Object.fromEntries(members), null, random.pick([0, 0, 2, '\t']));
    return { type: random.pick([JSON_TYPE, JSON_TYPE, `${JSON_TYPE}; charset=utf-8`]), pairs: [], body: toBytes(text) };
}

// Twilio appends the hash; a query that was built by hand may have it anywhere.
function withHash(random, target, body) {
    const hash = `bodySHA256=${twilio.getExpectedBodyHash(Buffer.from(body, 'latin1'))}`;
    const mark = target.indexOf('?');
    if (mark < 0)
        return `${target}?${hash}`;
    if (random.chance(0.2))
        return `${target.slice(0, mark + 1)}${hash}&${target.slice(mark + 1)}`;
    return `${target}&${hash}`;
}

function content(random) {
    const kind = random.below(20);
    if (kind < 13)
        return { method: 'POST', ...formBody(random) };
    if (kind < 17)
        return { method: 'GET', pairs: [], body: '' };
    return { method: 'POST', hashed: true, ...(kind < 19 ? jsonBody(random) : formBody(random)) };
}

// --- By whom ------------------------------------------------------------------------------------------------

const blank = (random) => random.pick(['', '', '', ' ', '\t', '  ']);

const changedCase = (random, text) => [...text].map((c) => (random.chance(0.5) ? c.toLowerCase() : c)).join('');

function algorithmPart(random) {
    const name = random.pick(['HMAC_SHA256', 'HMAC_SHA256', 'HMAC_SHA1', '']);
    return `algorithm${blank(random)}=${blank(random)}${random.chance(0.2) ? changedCase(random, name) : name}`;
}

// As Twilio sends it, and in the other spellings that mean the same.
function drawSettings(random) {
    const parts = [
        random.chance(0.85) ? `key${blank(random)}=${blank(random)}${random.pick(rule.SHARED_KEYS).key}` : '',
        random.chance(0.8) ? algorithmPart(random) : '',
        ...(random.chance(0.2) ? [random.pick(['version=1', 'key', '=', 'Key=x', 'other=a=b', ''])] : []),
    ];
    const listed = random.chance(0.3) ? random.shuffled(parts) : parts;
    return listed.map((part) => blank(random) + part + blank(random)).join(',').trim();
}

// --- Signed -------------------------------------------------------------------------------------------------

function signRequest(random, request) {
    const { token } = random.pick(rule.tokensFor(request));
    const port = random.pick(rule.portsOf(request));
    return { ...request, token, port, signatures: [rule.sign(request, token, port)] };
}

// Such a one as goes through any proxy and any HTTP library as it is: ENCGATHER_TARGETS=plain.
function plainTarget(drawn) {
    const [, path, query] = /^([^?]*)(.*)$/s.exec(drawn);
    const onlyPlain = (text, others) => text.replace(others, escapeByte).replace(/%(?![2-9A-Fa-f][0-9A-Fa-f])/g, '%25');
    return `/${onlyPlain(path, /[^\w~$&'()+,;=:@/-]/g).replace(/%/g, '').replace(/\/+/g, '/')}`.replace('//', '/')
        + onlyPlain(query, /[^\w.~!$&'()*+,;=:@/?%-]/g);
}

function draw(random) {
    const { hashed, ...what } = content(random);
    const drawn = target(random);
    const bare = process.env.ENCGATHER_TARGETS === 'plain' ? plainTarget(drawn) : drawn;
    return {
        server: random.pick(Object.keys(rule.SERVERS)),
        host: authority(random),
        target: hashed ? withHash(random, bare, what.body) : bare,
        settings: random.chance(0.35) ? drawSettings(random) : undefined,
        chunked: what.body !== '' && random.chance(0.15),
        pieces: random.chance(0.05) ? random.between(2, 12) : 1,
        ...what,
    };
}

function makeRequest(seed, number) {
    const random = new Random(seed, number);
    for (;;) {
        const request = draw(random);
        if (request.body.length <= BODY_LIMIT && request.target.length <= 6000)
            return signRequest(random, request);
    }
}

module.exports = { makeRequest };
