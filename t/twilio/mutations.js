// SPDX-License-Identifier: Apache-2.0
// What may have happened to a signed request on its way: each takes a request and gives the members that change, or
// null where it has nothing to change.
'use strict';

const twilio = require('twilio');
const words = require('./words');
const rule = require('./rule');
const { toBytes, toText, isText, escapeByte } = require('./bytes');

const swapCase = (text) => text.replace(/[A-Za-z]/, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));

// Any part of a string that matches, replaced.
function replaceOne(random, text, pattern, replacement) {
    const found = [...text.matchAll(pattern)];
    if (!found.length)
        return null;
    const match = random.pick(found);
    const end = match.index + match[0].length;
    return text.slice(0, match.index) + replacement(match[0]) + text.slice(end);
}

function otherLetter(random, letter) {
    return random.pick(words.LETTERS.filter((c) => c !== letter));
}

// --- Parameters of the form ---------------------------------------------------------------------------------

const withPair = (request, at, pair) => ({ pairs: request.pairs.map((old, i) => (i === at ? pair : old)) });

// A pair for which change gives another value.
function changeValue(random, request, change) {
    const candidates = request.pairs.flatMap(([name, value], at) => {
        const changed = change(value);
        return changed === null || changed === value ? [] : [[at, [name, changed]]];
    });
    return candidates.length ? withPair(request, ...random.pick(candidates)) : null;
}

function changeName(random, request, change) {
    if (!request.pairs.length)
        return null;
    const at = random.below(request.pairs.length);
    const [name, value] = request.pairs[at];
    const changed = change(name);
    return changed === null ? null : withPair(request, at, [changed, value]);
}

// A library that decodes leniently makes U+FFFD of each of these, and so would find them signed.
const NOT_UTF8 = ['\xff', '\xc3', '\xed\xa0\x80', '\x80', '\xf0\x9f\x98'];

const FORM = {
    'a character of a value replaced': (random, request) => changeValue(random, request,
        (value) => replaceOne(random, value, /[A-Za-z0-9]/g, (c) => otherLetter(random, c))),
    'the case of a value': (random, request) => changeValue(random, request,
        (value) => replaceOne(random, value, /[A-Za-z]/g, swapCase)),
    'a character of a value removed': (random, request) => changeValue(random, request,
        (value) => replaceOne(random, value, /[ -~]/g, () => '')),
    'a value emptied': (random, request) => changeValue(random, request, () => ''),
    'a value trimmed': (random, request) => changeValue(random, request,
        (value) => value.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')),
    'a blank behind a value': (random, request) => changeValue(random, request, (value) => value + ' '),
    'a line end normalized': (random, request) => changeValue(random, request,
        (value) => value.replace(/\r?\n|\r/g, '\r\n')),
    'a value decoded twice': (random, request) => changeValue(random, request,
        (value) => value.replace(/%([2-7][0-9A-Fa-f])/g, (all, hex) => String.fromCharCode(parseInt(hex, 16)))),
    'a plus taken for a blank': (random, request) => changeValue(random, request, (value) => value.replace(/\+/g, ' ')),
    'a value composed or decomposed': (random, request) => changeValue(random, request,
        (value) => (isText(value) ? toBytes(toText(value).normalize(random.pick(['NFC', 'NFD', 'NFKC']))) : null)),
    'bytes that are no UTF-8 for U+FFFD': (random, request) => changeValue(random, request,
        (value) => (value.includes('\xef\xbf\xbd') ? value.replace('\xef\xbf\xbd', random.pick(NOT_UTF8)) : null)),
    'a value read as Latin-1': (random, request) => changeValue(random, request,
        (value) => (/[\x80-\xff]/.test(value) ? toBytes(value) : null)),
    'a number spelled otherwise': (random, request) => changeValue(random, request,
        (value) => (/^[0-9]{1,15}$/.test(value) ? '0' + value : null)),
    'a value for all of its name': (random, request) => changeValue(random, request, (value) => value + ',' + value),
    'a character of a name replaced': (random, request) => changeName(random, request,
        (name) => replaceOne(random, name, /[A-Za-z0-9]/g, (c) => otherLetter(random, c))),
    'the case of a name': (random, request) => changeName(random, request,
        (name) => replaceOne(random, name, /[A-Za-z]/g, swapCase)),
    'a dot of a name': (random, request) => changeName(random, request,
        (name) => replaceOne(random, name, /[. ]/g, () => '_')),
    'a parameter removed': (random, request) => {
        const at = random.below(request.pairs.length || 1);
        return { pairs: request.pairs.filter((pair, i) => i !== at) };
    },
    'a parameter added': (random, request) => ({
        pairs: random.shuffled([...request.pairs, [toBytes(words.name(random)), toBytes(words.value(random))]]),
    }),
    'an empty parameter added': (random, request) => ({ pairs: [...request.pairs, [words.plain(random, 8), '']] }),
    'a further value of a name': (random, request) => {
        if (!request.pairs.length)
            return null;
        const [name, value] = random.pick(request.pairs);
        return { pairs: [...request.pairs, [name, random.pick([value + 'x', '', words.plain(random, 5)])]] };
    },
    'two values exchanged': (random, request) => {
        const [a, b] = random.shuffled(request.pairs);
        const swap = (pair) => (pair === a ? [a[0], b[1]] : pair === b ? [b[0], a[1]] : pair);
        return b ? { pairs: request.pairs.map(swap) } : null;
    },
};

// --- The target ---------------------------------------------------------------------------------------------
// Nothing here makes a path that httpd itself would refuse: dots and slashes stay where they are, or become fewer.

// A letter or digit that is not part of an escape.
const PLAIN = /(?<!%|%[0-9A-Fa-f])[A-Za-z0-9]/g;
const PLAIN_INSIDE = /(?<=[A-Za-z0-9])(?<!%[0-9A-Fa-f]{0,2})[A-Za-z0-9](?=[A-Za-z0-9])/g;
const ESCAPED_PLAIN = /%(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])/g;
const ESCAPE_WITH_LETTER = /%(?:[A-Fa-f][0-9A-Fa-f]|[0-9][A-Fa-f])/g;
const ODD = /[-_~!$'()*,;:@"<>^`{|}[\]\x80-\xff]/g;

const unescapeOne = (escaped) => String.fromCharCode(parseInt(escaped.slice(1), 16));
const hasQuery = (request) => request.target.includes('?');

function changeTarget(request, target) {
    return target === null || target === request.target ? null : { target };
}

function replaceInTarget(pattern, replacement) {
    return (random, request) => changeTarget(request,
        replaceOne(random, request.target, pattern, (text) => replacement(text, random)));
}

// As the library does for back ends that sign another spelling: by the rule it is another URL.
function parsedAnew(url) {
    const { pathname, search } = new URL(url);
    return toBytes(pathname + search);
}

function splitTarget({ target }) {
    const mark = target.indexOf('?');
    return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark)];
}

const TARGET = {
    'a letter of the target': replaceInTarget(PLAIN, (c, random) => otherLetter(random, c)),
    'the case of the target': replaceInTarget(PLAIN, swapCase),
    'a letter of the target removed': replaceInTarget(PLAIN_INSIDE, () => ''),
    'a letter added to the target': replaceInTarget(PLAIN_INSIDE, (c, random) => c + otherLetter(random, '')),
    'a letter of the target escaped': replaceInTarget(PLAIN, escapeByte),
    'another sign of the target escaped': replaceInTarget(ODD, escapeByte),
    'an escape of the target undone': replaceInTarget(ESCAPED_PLAIN, unescapeOne),
    'the case of an escape': replaceInTarget(ESCAPE_WITH_LETTER, (escape) => '%' + swapCase(escape.slice(1))),
    'a plus escaped': replaceInTarget(/\+/g, (c, random) => random.pick(['%20', '%2B'])),
    'a %20 made a plus': replaceInTarget(/%20/g, () => '+'),
    'slashes merged': replaceInTarget(/\/\//g, () => '/'),
    'a slash at the end of the path': (random, request) => {
        const [path, query] = splitTarget(request);
        const other = path.endsWith('/') && path.length > 1 ? path.slice(0, -1) : path + '/';
        return changeTarget(request, other + query);
    },
    'an empty query added': (random, request) => (hasQuery(request) ? null : { target: request.target + '?' }),
    'the query removed': (random, request) => changeTarget(request, splitTarget(request)[0]),
    'something behind the query': (random, request) => (hasQuery(request)
        ? { target: request.target + random.pick(['&', '&x', '=', '?', '&a=1']) }
        : { target: request.target + '?a=1' }),
    'the query sorted': (random, request) => {
        const [path, query] = splitTarget(request);
        return changeTarget(request, path + query.slice(0, 1) + query.slice(1).split('&').sort().join('&'));
    },
    'a part of the query removed': (random, request) => {
        const parts = rule.queryOf(request.target);
        const at = random.below(parts.length || 1);
        const rest = parts.filter((part, i) => i !== at).join('&');
        return parts.length > 1 ? changeTarget(request, `${splitTarget(request)[0]}?${rest}`) : null;
    },
    'the target as a URL parser writes it': (random, request) =>
        changeTarget(request, parsedAnew(`http://h${toText(request.target)}`)),
    'the query as a form is written': (random, request) => {
        const [path, query] = splitTarget(request);
        const form = new URLSearchParams(toText(query.slice(1)));
        return changeTarget(request, path + query.slice(0, 1) + toBytes(form.toString()));
    },
};

// --- Origin, token, method, body ----------------------------------------------------------------------------

function changeHost(request, change) {
    const { host, port } = rule.splitAuthority(request.host);
    const changed = change(host, port);
    return changed === null ? null : { host: changed };
}

const withPort = (host, port) => (host && port ? `${host}:${port}` : host);
const otherHostLetter = (random, letter) => random.pick([...'ghijklmnopqrstuvwxy'].filter((c) => c !== letter));

const ORIGIN = {
    'another host': (random, request) => changeHost(request, (host, port) => withPort('other.example', port)),
    'a letter of the host': (random, request) => changeHost(request,
        (host, port) => withPort(replaceOne(random, host, /[g-y]/g, (c) => otherHostLetter(random, c)), port)),
    'the case of the host': (random, request) => changeHost(request,
        (host, port) => withPort(replaceOne(random, host, /[A-Za-z]/g, swapCase), port)),
    'a dot behind the host': (random, request) => changeHost(request,
        (host, port) => (host.startsWith('[') ? null : withPort(`${host}.`, port))),
    'another port': (random, request) => changeHost(request, (host) => `${host}:${random.between(1, 65535)}`),
    'the port removed': (random, request) => changeHost(request, (host, port) => (port ? host : null)),
    'another server': (random, request) => ({ server: random.pick(Object.keys(rule.SERVERS)) }),
};

const signedBy = (request, token, port = request.port) => ({ signatures: [rule.sign(request, token, port)] });

const TOKEN = {
    'a token that the server does not know': (random, request) => signedBy(request, random.pick([
        'fedcba9876543210fedcba9876543211', '0123456789ABCDEF0123456789ABCDEF', '', 'X', request.token + '\n',
        request.token + 'x'])),
    'the token of another account': (random, request) =>
        signedBy(request, rule.TOKENS.find((entry) => entry.account).token),
    'signed with a port of nobody': (random, request) =>
        signedBy(request, request.token, String(random.between(1, 65535))),
    'signed with the default port of the other scheme': (random, request) =>
        signedBy(request, request.token, rule.originOf(request).scheme === 'https' ? '80' : '443'),
};

const ofShared = (change) => (random, request) =>
    (request.settings === undefined ? null : { settings: change(request.settings, random) });
const signedByToken = (request) => rule.signUrl(rule.urlOf(request, request.port), rule.TOKENS[0].token,
    rule.signedPairs(request));

// Auth tokens and SharedKeys are never taken for one another.
const SHARED = {
    'the settings removed': (random, request) => (request.settings === undefined ? null : { settings: undefined }),
    'settings added': (random, request) => (request.settings === undefined
        ? { settings: random.pick(['', 'algorithm=HMAC_SHA1', `key=${random.pick(rule.SHARED_KEYS).key}`]) } : null),
    'another key named': ofShared((settings, random) => settings.replace(/webhooks_sharedkey_\w+/,
        random.pick([random.pick(rule.SHARED_KEYS).key, 'webhooks_sharedkey_2', 'x', 'webhooks_sharedkey_']))),
    'another algorithm named': ofShared((settings, random) => settings.replace(/HMAC_\w+/i,
        random.pick(['HMAC_SHA1', 'HMAC_SHA256', 'HMAC_SHA512', 'SHA256', 'HMAC_SHA', 'none']))),
    'the settings twice': ofShared((settings) => `${settings},${settings}`),
    'a further key= in the settings': ofShared((settings) => `${settings},key=${rule.SHARED_KEYS[0].key}`),
    'a further algorithm= in the settings': ofShared((settings) => `algorithm=,${settings}`),
    'the secret of another SharedKey': (random, request) => (request.settings === undefined ? null
        : signedBy(request, random.pick(rule.SHARED_KEYS).token)),
    'an auth token for a SharedKey': (random, request) => (request.settings === undefined ? null
        : { signatures: [signedByToken(request)] }),
};

// The signature fits the URL, and yet the URL not the body.
function otherHash(request, change) {
    const hash = rule.claimedHash(request);
    if (hash === undefined)
        return null;
    const target = request.target.replace(hash, change(hash));
    const url = rule.urlOf({ ...request, target }, request.port);
    return { target, signatures: [rule.signUrl(url, request.token, [], rule.algorithmOf(request))] };
}

const NO_FORM = ['application/json', 'text/plain', 'multipart/form-data; boundary=x',
    'application/x-www-form-urlencodedx', undefined];

// A GET does not sign a form, so a form with a GET, and anything but a form without its hash, is nobody's word.
const BODY = {
    'a POST made a GET': (random, request) => (request.method === 'POST' && request.pairs.length
        ? { method: 'GET', pairs: [], body: '', type: undefined } : null),
    'a GET with a body': (random, request) => (request.method === 'GET'
        ? { pairs: [['a', '1']], body: 'a=1', type: rule.FORM } : null),
    'an empty POST with a body': (random, request) => (request.method === 'POST' && request.body === ''
        ? { body: '{"a":1}', type: random.pick(NO_FORM) } : null),
    'a form called something else': (random, request) => (request.body !== ''
        ? { type: random.pick(NO_FORM) } : null),
    'a byte of the body': (random, request) => {
        const body = rule.claimedHash(request) === undefined ? null
            : replaceOne(random, request.body, PLAIN, (c) => otherLetter(random, c));
        return body === null ? null : { body };
    },
    'a byte behind the body': (random, request) => (rule.claimedHash(request) === undefined ? null
        : { body: request.body + random.pick([' ', '\n', '&']) }),
    'no body': (random, request) => (request.body === '' ? null : { body: '', pairs: [], type: undefined }),
    'the hash in capitals': (random, request) => otherHash(request, (hash) => hash.toUpperCase()),
    'the hash of another body': (random, request) => otherHash(request, (hash) => twilio.getExpectedBodyHash(hash)),
    'the hash cut': (random, request) => otherHash(request, (hash) => hash.slice(0, random.below(64))),
};

// --- The signature ------------------------------------------------------------------------------------------

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

// Twenty bytes, and thirty-two, leave two bits of the last character unused: four spellings decode to the same bytes.
function otherSpareBits(random, signature) {
    const value = ALPHABET.indexOf(signature.at(-2));
    return signature.slice(0, -2) + ALPHABET[value ^ random.between(1, 3)] + '=';
}

function changeSignature(change) {
    return (random, request) => {
        const changed = change(request.signatures[0], random);
        return changed === null || changed === request.signatures[0] ? null : { signatures: [changed].flat() };
    };
}

const SIGNATURE = {
    'a character of the signature': changeSignature((signature, random) =>
        replaceOne(random, signature, /[A-Za-z0-9+/]/g, (c) => random.pick([...ALPHABET.replace(c, '')]))),
    'the case of the signature': changeSignature((signature, random) =>
        replaceOne(random, signature, /[A-Za-z]/g, swapCase)),
    'two characters of the signature exchanged': changeSignature((signature, random) => {
        const at = random.below(26);
        return signature.slice(0, at) + signature[at + 1] + signature[at] + signature.slice(at + 2);
    }),
    'other spare bits of the signature': changeSignature((signature, random) => otherSpareBits(random, signature)),
    'the signature cut': changeSignature((signature, random) => signature.slice(0, random.between(1, 27))),
    'the signature without its beginning': changeSignature((signature) => signature.slice(1)),
    'the signature longer': changeSignature((signature, random) =>
        signature + random.pick(['=', 'A', '==', signature, `,${signature}`])),
    'the URL-safe alphabet': changeSignature((signature) => signature.replaceAll('+', '-').replaceAll('/', '_')),
    'the signature in hexadecimal digits': changeSignature((signature) =>
        Buffer.from(signature, 'base64').toString('hex')),
    'an empty signature': changeSignature(() => ''),
    'no signature': (random, request) => ({ signatures: [] }),
    'two signatures': changeSignature((signature, random) => random.shuffled([signature, 'A'.repeat(27) + '='])),
    'the same signature twice': changeSignature((signature) => [signature, signature]),
};

// These fit few requests, and would hardly ever be chosen without a head start.
const RARE = ['a dot of a name', 'the port removed', 'bytes that are no UTF-8 for U+FFFD', 'a value decoded twice',
    'the token of another account', 'another port', 'a number spelled otherwise', 'an empty POST with a body',
    'the hash in capitals', 'a byte behind the body', 'the hash of another body', 'the hash cut', 'a %20 made a plus',
    'an empty query added', 'a value trimmed', 'a byte of the body', 'a plus taken for a blank', 'slashes merged',
    'the settings removed', 'another key named', 'another algorithm named', 'the settings twice',
    'a further key= in the settings', 'a further algorithm= in the settings', 'the secret of another SharedKey',
    'an auth token for a SharedKey', 'a value composed or decomposed', 'a GET with a body', 'two values exchanged'];

const BY_KIND = { ...FORM, ...TARGET, ...ORIGIN, ...TOKEN, ...SHARED, ...BODY, ...SIGNATURE };
const COMMON = Object.keys(BY_KIND).filter((kind) => !RARE.includes(kind));

// All kinds, in the order in which they are to be tried.
function kindsInOrder(random) {
    if (random.chance(0.4))
        return [...random.shuffled(RARE), ...random.shuffled(COMMON)];
    return random.shuffled([...COMMON, ...RARE]);
}

// The members of a request that a change of this kind gives, or null.
const changesOf = (kind, random, request) => BY_KIND[kind](random, request);

module.exports = { kindsInOrder, changesOf };
