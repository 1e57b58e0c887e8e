// SPDX-License-Identifier: Apache-2.0
// Random webhooks of each provider, and one change of each.
'use strict';

const NAMES = ['Digits', 'CallSid', 'AccountSid', 'From', 'To', 'CallStatus', 'a', 'A', 'b', 'B', 'ab', 'Ab', 'x-y', 'City', 'ü', 'a b'];
const TEXT = [...'abcXYZ0189 +&=%?#/*~-_.!\'()äöü€"<>'];
const HOSTS = ['ivr.example.com', 'a.b-c.example', '192.0.2.7', 'localhost'];
const PLAIN = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];
const HEX = [...'0123456789abcdef'];
const BASE64 = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'];

const WITH_JSON = { signalwire: true, telnyx: true, jambonz: true, freeclimb: true, standardwebhooks: true };
const ENCODED = { standardwebhooks: true, telnyx: true };
const NOW = 1795900000;

function encode(text) {
    return encodeURIComponent(text).replace(/[!'()*~]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
}

function randomPairs(random, most) {
    const pairs = [];
    for (let n = random.number(most + 1); n > 0; n--)
        pairs.push([random.pick(NAMES), random.chance(6) ? '' : random.text(TEXT, 1, 12)]);
    return pairs;
}

function writePairs(random, pairs) {
    return pairs.map(([name, value]) => {
        const text = encode(name) + '=' + encode(value);
        return random.chance(2) ? text.replace(/%20/g, '+') : text;
    }).join('&');
}

function randomUrl(random, provider) {
    const port = random.chance(3) ? ':' + random.pick(['443', '8443', '80', '8080']) : '';
    const path = '/' + random.text([...PLAIN, '-', '_', '.'], 0, 8) + (random.chance(3) ? '/' + random.text(PLAIN, 1, 5) : '');
    const query = random.chance(2) ? '?' + writePairs(random, randomPairs(random, 4)) : '';
    return random.pick(['https://', 'http://']) + random.pick(HOSTS) + port + path + (query === '?' ? '' : query);
}

function randomJson(random) {
    const object = {};
    for (const [name, value] of randomPairs(random, 5))
        object[name] = random.chance(3) ? { digits: value } : value;
    return JSON.stringify(object);
}

function secretOf(random, provider) {
    if (provider === 'standardwebhooks')
        return (random.chance(2) ? 'whsec_' : '') + Buffer.from(random.text(HEX, 48, 48), 'hex').toString('base64');
    return random.text(PLAIN, 20, 40);
}

// Without a signature yet.
function randomRequest(random, provider) {
    const isJson = WITH_JSON[provider] && random.chance(3);
    const isGet = !isJson && provider !== 'jambonz' && random.chance(6);
    const request = { provider, method: isGet ? 'GET' : 'POST', url: randomUrl(random, provider), headers: {}, now: NOW };
    if (provider === 'jambonz' || isJson)
        request.body = randomJson(random);
    else
        request.body = isGet ? '' : writePairs(random, randomPairs(random, 10));
    request.headers['Content-Type'] = request.body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded';
    request.secret = secretOf(random, provider);
    if (provider === 'plivo')
        request.headers['X-Plivo-Signature-V3-Nonce'] = random.text([...'0123456789'], 20, 20);
    if (provider === 'standardwebhooks')
        request.headers['webhook-id'] = 'msg_' + random.text(PLAIN, 10, 24);
    return request;
}

// --- one change -----------------------------------------------------------------------------------------------

function otherCharacter(random, text, alphabet) {
    const at = random.number(text.length);
    let other;
    do
        other = random.pick(alphabet);
    while (other === text[at]);
    return text.slice(0, at) + other + text.slice(at + 1);
}

// Not the last character in front of "=", which has bits that say nothing: Telnyx's package takes any there, and we do not.
function otherSignature(random, text) {
    const end = text.search(/.=+$/);
    return end < 0 ? otherCharacter(random, text, [...BASE64, ' ', ',']) : otherCharacter(random, text.slice(0, end), [...BASE64, ' ', ',']) + text.slice(end);
}

const CHANGES = {
    // of base64 not the last character, for the same reason
    secret: (random, r) => { r.secret = otherCharacter(random, r.secret.slice(0, -2), ENCODED[r.provider] ? BASE64 : PLAIN) + r.secret.slice(-2); },
    path: (random, r) => { r.url = r.url.replace(/^(https?:\/\/[^/]+\/)/, '$1z'); },
    slash: (random, r) => { r.url = r.url.replace(/^(https?:\/\/[^?]+)/, '$1/'); },
    host: (random, r) => { r.url = r.url.replace('://', '://z'); },
    scheme: (random, r) => { r.url = r.url.startsWith('https') ? r.url.replace('https', 'http') : r.url.replace('http', 'https'); },
    port: (random, r) => { r.url = r.url.replace(/^(https?:\/\/[^/:]+)(:\d+)?/, (all, host, port) => host + (port ? '' : random.pick([':443', ':80', ':8443']))); },
    query: (random, r) => { r.url += (r.url.includes('?') ? '&' : '?') + 'z=1'; },
    order: (random, r) => { r.url = r.url.replace(/\?(.+)$/, (all, query) => '?' + query.split('&').reverse().join('&')); },
    added: (random, r) => { r.body = r.body.startsWith('{') ? r.body.replace('{', '{ ') : (r.body ? r.body + '&' : '') + 'z=1'; },
    doubled: (random, r) => { if (!r.body.startsWith('{')) r.body = r.body.split('&').concat(r.body.split('&')[0]).filter((x) => x).join('&'); },
    turned: (random, r) => { if (!r.body.startsWith('{')) r.body = r.body.split('&').reverse().join('&'); },
    dropped: (random, r) => { if (!r.body.startsWith('{')) r.body = r.body.split('&').slice(1).join('&'); },
    time: (random, r) => { r.now += random.pick([-301, -300, -299, 299, 300, 301, 3600]); },
    signature: (random, r, names) => {
        const name = random.pick(names);
        r.headers[name] = otherSignature(random, r.headers[name]);
    },
};

function changed(random, request, names) {
    const copy = { ...request, headers: { ...request.headers } };
    const kinds = Object.keys(CHANGES).filter((kind) => !(kind === 'turned' || kind === 'doubled' || kind === 'added' || kind === 'dropped') || copy.method === 'POST');
    copy.change = random.pick(kinds);
    CHANGES[copy.change](random, copy, names);
    return copy;
}

module.exports = { randomRequest, changed, NOW };
