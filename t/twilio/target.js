// SPDX-License-Identifier: Apache-2.0
// Random request targets: whatever may stand between two blanks of a request line and gets past httpd itself, which
// answers 400 to a path that leaves the root, to a broken escape and to %00.
'use strict';

const { toBytes } = require('./bytes');
const words = require('./words');

const ODD = [...'-._~!$&\'()*+,;=:@"<>^`{|}[]'];
const RAW = [...'éñü€日😀'];
const SEGMENT_LENGTH = 40; // in bytes at most 160: a file name may have 255

function escape(random) {
    const hex = random.between(1, 255).toString(16).padStart(2, '0');
    return '%' + random.pick([hex, hex.toUpperCase()]);
}

function character(random, more) {
    const kind = random.below(20);
    if (kind < 13)
        return random.pick(kind < 10 ? words.LETTERS : words.DIGITS);
    if (kind < 16)
        return random.pick([...ODD, ...more]);
    return kind < 19 ? escape(random) : random.pick(RAW);
}

function characters(random, most, more) {
    return random.times(random.between(0, most), () => character(random, more)).join('');
}

// Begins with a letter, lest it be taken for "." or "..".
function segment(random) {
    return random.pick(words.LETTERS) + characters(random, random.chance(0.1) ? SEGMENT_LENGTH : 8, []);
}

// "", "." and ".." in all spellings, the last only where there is something to leave.
function oddSegment(random, depth) {
    const up = depth > 0 ? ['..', '..', '%2e%2e', '.%2E'] : [];
    return random.pick(['', '', '.', '%2e', ...up]);
}

const isUp = (text) => /^(\.|%2e){2}$/i.test(text);
const isDown = (text) => !/^((\.|%2e){0,2})$/i.test(text);

function path(random) {
    let depth = 0;
    let result = '';
    for (let n = random.between(1, 5); n > 0; n--) {
        const next = random.chance(0.15) ? oddSegment(random, depth) : segment(random);
        depth += isDown(next) ? 1 : isUp(next) ? -1 : 0;
        result += '/' + next;
    }
    return result + (random.chance(0.2) ? '/' : '');
}

function queryPart(random) {
    const name = random.pick(['step', 'Digits', 'CallSid', 'foo', 'foo', 'a', '', words.plain(random, 6),
        characters(random, 8, '/?')]);
    const value = random.pick(['', '1', '+', 'a+b', 'a%20b', "O'hara", 'K%c3%b6ln', 'https://h/?a=b',
        words.plain(random, 30), characters(random, 20, '/?')]);
    return name + (random.chance(0.9) ? '=' : '') + value;
}

const ODD_QUERIES = ['?', '??', '?&', '?=', '?&&=', '?a', '?a=1?b=2', '?a=1&', '?a=1&a=1', '?b=2&a=1', '?/../x'];

function query(random) {
    const kind = random.below(20);
    if (kind < 5)
        return '';
    if (kind < 8)
        return random.pick(ODD_QUERIES);
    return '?' + random.times(kind < 19 ? random.between(1, 4) : random.between(20, 60), queryPart).join('&');
}

function target(random) {
    return toBytes(path(random) + query(random));
}

module.exports = { target };
