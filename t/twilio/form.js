// SPDX-License-Identifier: Apache-2.0
// application/x-www-form-urlencoded in the many spellings that decode to the same: all in strings of bytes.
'use strict';

const { escapeByte } = require('./bytes');

// What has to be escaped, and what each kind of sender leaves as it is beyond that.
const STYLES = {
    twilio: /[^A-Za-z0-9._*-]/,
    browser: /[^A-Za-z0-9._*-]/,
    uri: /[^A-Za-z0-9\-_.!~*'()]/,
    least: /[%&+]/,
    all: /[^]/,
};

// A letter that needs no escape is escaped now and then all the same.
function escapes(random, byte, style, inName) {
    return STYLES[style.name].test(byte) || (inName && byte === '=') || (style.sloppy && random.chance(0.1));
}

function encodeByte(random, byte, style, inName) {
    if (byte === ' ' && style.plus)
        return '+';
    if (!escapes(random, byte, style, inName))
        return byte;
    const escaped = escapeByte(byte);
    return style.lower ? escaped.toLowerCase() : escaped;
}

function encode(random, bytes, style, inName) {
    return [...bytes].map((byte) => encodeByte(random, byte, style, inName)).join('');
}

// A name without "=" has an empty value; without a name it would be nothing at all.
function encodePair(random, [name, value], style) {
    const encodedName = encode(random, name, style, true);
    if (name !== '' && value === '' && style.bare)
        return encodedName;
    return `${encodedName}=${encode(random, value, style, false)}`;
}

function chooseStyle(random) {
    return {
        name: random.pick(['twilio', 'twilio', 'browser', 'uri', 'least', 'all']),
        plus: random.chance(0.7),
        lower: random.chance(0.3),
        sloppy: random.chance(0.2),
        bare: random.chance(0.2),
        empty: random.chance(0.1),
    };
}

function encodeForm(random, pairs) {
    const style = chooseStyle(random);
    const parts = pairs.map((pair) => encodePair(random, pair, style));
    if (style.empty)
        parts.splice(random.below(parts.length + 1), 0, '', '');
    return parts.join('&');
}

module.exports = { encodeForm };
