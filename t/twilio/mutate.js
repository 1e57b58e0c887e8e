// SPDX-License-Identifier: Apache-2.0
// One change that makes a signed request one that has to be refused.
//
// Not every change does. These are the same signed string by Twilio's rule, and rightly accepted: parameters in another
// order, an equal pair twice, other escapes of the same bytes in a body; bytes moved from a name to its value ("ab=c" is
// "a=bc"), from a value to the name behind it, or from the end of the URL to the first name; a port where none was
// signed; a POST without parameters as a GET. So each changed request is judged anew, by Twilio's library, and those
// that still fit are thrown away.
'use strict';

const { Random } = require('./random');
const { kindsInOrder, changesOf } = require('./mutations');
const { encodeForm } = require('./form');
const rule = require('./rule');

const LINE_LIMIT = 8000; // of httpd's 8190
const BODY_LIMIT = 65000;

function apply(random, request, kind) {
    const changes = changesOf(kind, random, request);
    if (changes === null)
        return null;
    const changed = { ...request, ...changes };
    if (changes.pairs && changes.body === undefined)
        changed.body = encodeForm(random, changed.pairs);
    changed.chunked = request.chunked && changed.body !== '';
    return changed;
}

// The rest is for other tests: it is refused before any signature is looked at.
function isSendable({ target, body }) {
    return target.length <= LINE_LIMIT && body.length <= BODY_LIMIT && !target.includes('%00');
}

function mutate(seed, number, request) {
    const random = new Random(seed, `${number} changed`);
    for (const kind of kindsInOrder(random)) {
        const changed = apply(random, request, kind);
        if (changed && isSendable(changed) && !rule.isValid(changed))
            return { kind, request: changed };
    }
    throw new Error(`no change of request ${number} must be refused`);
}

module.exports = { mutate };
