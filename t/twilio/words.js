// SPDX-License-Identifier: Apache-2.0
// Names and values of parameters, as Unicode: what Twilio sends, and what a decoder or a sort could get wrong.
'use strict';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const DIGITS = [...'0123456789'];
const PUNCTUATION = [...' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];
const CONTROLS = ['\x01', '\t', '\n', '\r', '\x1b', '\x7f', '\x80', '\x85'];

// Nothing from U+E000 to U+FFFF: names and values are sorted, bytewise by Twilio's rule, and there the library's order
// (of UTF-16 units) differs from that of the bytes as soon as a character beyond U+FFFF is compared.
const WIDE = [...'äÖßéñüÅøØžџЖאعไ€–“日本語한\u0301\u00a0\u200d\ud7ff😀🀄𝄞\u{10ffff}'];

// Values that mean something else when they are decoded twice, trimmed, split, or taken for a number.
const TRICKY = ['', '', ' ', '+', '%', '%%', '%41', '%2', '%zz', '%2B', '+15558675310', 'a+b c', 'a=b&c=d', '&', '=',
    '&amp;', ' leading', 'trailing ', 'a  b', 'null', 'undefined', 'true', '0', '00', '9', '10', '1e3', '-0', '[]',
    'a,b', '; DROP TABLE', '../../etc/passwd', 'https://h/?a=b#c', '#*', 'Köln', 'Ko\u0308ln', '\r\nX-Injected: 1', '{"a":1}'];

// As in real webhooks; names that begin alike, differ in case only, or mean something to a library.
const REAL = ['AccountSid', 'ApiVersion', 'CallSid', 'CallStatus', 'Called', 'CalledCity', 'CalledCountry',
    'CalledState', 'CalledZip', 'Caller', 'CallerCity', 'CallerCountry', 'CallerState', 'CallerZip', 'Digits', 'Direction',
    'FinishedOnKey', 'ForwardedFrom', 'From', 'FromCity', 'FromCountry', 'FromState', 'FromZip', 'SpeechResult',
    'Confidence', 'StirVerstat', 'To', 'ToCity', 'ToCountry', 'ToState', 'ToZip', 'msg', 'CallToken', 'CallerName'];
const ODD_NAMES = ['', '', 'a', 'aa', 'aaa', 'a.b', 'a[]', 'a[0]', 'a[b]', 'A', 'callsid', 'CALLSID', 'CallSi',
    'CallSidX', 'Reason', 'ReasonConferenceEnded', '0', '1', '10', '9', '-1', 'toString', '__proto__', 'constructor', 'length',
    'a b', 'a+b', 'a%20b', 'a&b', 'a=b', ' a', 'a ', 'é', 'e\u0301', '名', '😀', 'X-Twilio-Signature', 'url', 'step'];

function character(random) {
    return random.pick(random.pick([LETTERS, LETTERS, LETTERS, DIGITS, PUNCTUATION, PUNCTUATION, WIDE, CONTROLS]));
}

function text(random, most) {
    return random.times(random.between(1, most), character).join('');
}

function plain(random, most) {
    return random.times(random.between(1, most), () => random.pick(random.chance(0.8) ? LETTERS : DIGITS)).join('');
}

function name(random) {
    if (random.chance(0.5))
        return random.pick(REAL);
    return random.chance(0.5) ? random.pick(ODD_NAMES) : text(random, 12);
}

function value(random) {
    const kind = random.below(100);
    if (kind < 30)
        return plain(random, 34);
    if (kind < 60)
        return random.pick(TRICKY);
    return text(random, kind < 98 ? 40 : 3000);
}

module.exports = { LETTERS, DIGITS, name, value, plain, text };
