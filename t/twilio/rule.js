// SPDX-License-Identifier: Apache-2.0
// Twilio's rule for one request as it is sent, computed by Twilio's library: which signatures fit it.
'use strict';

const twilio = require('twilio');
const { toText, isText } = require('./bytes');

// The virtual hosts of httpd.conf.in: the scheme they stand for, and the origin where EncGatherPublicURL sets it.
const SERVERS = {
    http: { address: '127.0.0.1', scheme: 'http' },
    https: { address: '127.0.0.2', scheme: 'https' },
    public: { address: '127.0.0.3', scheme: 'https', authority: 'Voice.Example.com' },
    publicPort: { address: '127.0.0.4', scheme: 'http', authority: '[2001:db8::1]:8080' },
};

// Those of the server's token file, which "generate.js tokens" writes; the last signs for one account alone.
const ACCOUNT = 'AC00112233445566778899aabbccddeeff';
const TOKENS = [
    { token: '0123456789abcdef0123456789abcdef' },
    { token: 'x' },
    { token: '!"$%&\'()*+,-./:;<=>?@[\\]^_`{|}~#' + 'Az09'.repeat(24) },
    { token: 'fedcba9876543210fedcba9876543210', account: ACCOUNT },
];

// SharedKeys of that file. They sign for every account, and the requests that name them in a header.
const SHARED_KEYS = [
    { key: 'webhooks_sharedkey_00000000000000000000000001', token: 'toySharedKeySecret0123456789' },
    { key: 'webhooks_sharedkey_00000000000000000000000001', token: 'the-one-before' },
    { key: 'webhooks_sharedkey_1', token: 'y' },
    { key: 'webhooks_sharedkey_a', token: 'z'.repeat(128) },
];

const FORM = 'application/x-www-form-urlencoded';

function splitAuthority(authority) {
    const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority);
    return { host, port: port || '' };
}

function originOf(request) {
    const server = SERVERS[request.server];
    return { scheme: server.scheme, ...splitAuthority(server.authority || request.host) };
}

const defaultPort = (scheme) => (scheme === 'https' ? '443' : '80');

// Twilio signs with or without a port; with which one depends on its product.
function portsOf(request) {
    const { scheme, port } = originOf(request);
    return [...new Set(['', port, defaultPort(scheme)])];
}

function authorityOf(request, port) {
    return originOf(request).host + (port && `:${port}`);
}

function urlOf(request, port) {
    return `${originOf(request).scheme}://${authorityOf(request, port)}${request.target}`;
}

function queryOf(target) {
    const mark = target.indexOf('?');
    return mark < 0 ? [] : target.slice(mark + 1).split('&');
}

function claimedHash(request) {
    const claim = queryOf(request.target).find((part) => part.startsWith('bodySHA256='));
    return claim && claim.slice('bodySHA256='.length);
}

// As a body parser hands them to the library: a list where a name comes more than once. No name is special in an object
// without a prototype.
function paramsOf(pairs) {
    const params = Object.create(null);
    for (const [name, value] of pairs.map((pair) => pair.map(toText)))
        params[name] = name in params ? [].concat(params[name], value) : value;
    return params;
}

const isForm = (request) => (request.type || '').split(';')[0].trim().toLowerCase() === FORM;

// The parameters that are signed beside the URL, or null where the body would go unsigned, or is not what was signed.
function signedPairs(request) {
    const hash = claimedHash(request);
    if (hash !== undefined)
        return hash === twilio.getExpectedBodyHash(Buffer.from(request.body, 'latin1')) ? [] : null;
    if (request.body === '')
        return [];
    return request.method === 'POST' && isForm(request) ? request.pairs : null;
}

function signUrl(url, token, pairs = [], algorithm = undefined) {
    return twilio.getExpectedTwilioSignature(token, toText(url), paramsOf(pairs), algorithm);
}

// undefined without the header, and so for an auth token.
function algorithmOf({ settings }) {
    return settings === undefined ? undefined : twilio.getSignatureAlgorithm(settings);
}

function settingsNamed(name, settings) {
    return settings.split(',').map((part) => /^([^=]*)=(.*)$/s.exec(part))
        .filter((match) => match && match[1].trim() === name).map((match) => match[2].trim());
}

// What the library does not look at: nothing is said twice, and the key is one of that name.
function sharedKeysFor({ settings }) {
    const [keys, algorithms] = ['key', 'algorithm'].map((name) => settingsNamed(name, settings));
    if (keys.length > 1 || algorithms.length > 1 || !/^(HMAC_SHA(1|256))?$/i.test(algorithms[0] || ''))
        return [];
    return SHARED_KEYS.filter(({ key }) => !keys[0] || key === keys[0]);
}

function sign(request, token, port) {
    return signUrl(urlOf(request, port), token, signedPairs(request), algorithmOf(request));
}

function accountOf(request) {
    const pair = request.pairs.find(([name]) => name === 'AccountSid');
    return pair && pair[1];
}

// A token of one account validates its requests and those that name no account.
function tokensFor(request) {
    if (request.settings !== undefined)
        return sharedKeysFor(request);
    const account = accountOf(request);
    return TOKENS.filter((entry) => !entry.account || account === undefined || account === entry.account);
}

// What no string of the library can hold was never signed by it: bytes that are not UTF-8 fit no signature.
function isSignable(request) {
    return isText(request.target) && isText(request.host) && request.pairs.flat().every(isText);
}

function fittingSignatures(request) {
    if (!isSignable(request) || signedPairs(request) === null)
        return [];
    return tokensFor(request).flatMap(({ token }) => portsOf(request).map((port) => sign(request, token, port)));
}

// One header, and one of the signatures that fit.
function isValid(request) {
    return request.signatures.length === 1 && fittingSignatures(request).includes(request.signatures[0]);
}

module.exports = {
    SERVERS, TOKENS, SHARED_KEYS, ACCOUNT, algorithmOf, FORM, originOf, splitAuthority, portsOf, authorityOf, urlOf, queryOf, claimedHash,
    paramsOf, signedPairs, sign, signUrl, tokensFor, isValid,
};
