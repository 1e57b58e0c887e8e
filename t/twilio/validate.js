// SPDX-License-Identifier: Apache-2.0
// The other direction: reads the signatures that somebody else made for the lines of "generate.js parts", one a line,
// and asks Twilio's library whether they are valid; with the same ENCGATHER_SEED.
//
// Prints one JSON object: how many were checked, how many and which are wrong.
'use strict';

const { readFileSync } = require('node:fs');
const twilio = require('twilio');
const { toText } = require('./bytes');
const { makeRequest } = require('./request');
const rule = require('./rule');

const SHOWN = 5;
const seed = process.env.ENCGATHER_SEED || '1';

function isAccepted(request, url, token, signature) {
    const algorithm = rule.algorithmOf(request);
    if (rule.claimedHash(request) !== undefined)
        return twilio.validateRequestWithBody(token, signature, url, Buffer.from(request.body, 'latin1'), algorithm);
    return twilio.validateRequest(token, signature, url, rule.paramsOf(request.pairs), algorithm);
}

// validateRequest() also takes signatures of the URL in other spellings; ours is to be that of the URL as it is. And it
// must be able to say no.
function complaint(request, signature) {
    const url = toText(rule.urlOf(request, request.port));
    if (!isAccepted(request, url, request.token, signature))
        return 'not accepted';
    if (signature !== rule.sign(request, request.token, request.port))
        return 'accepted, but for another spelling of the URL';
    return isAccepted(request, url, `${request.token}x`, signature) ? 'accepted with any token' : null;
}

function check(signature, index) {
    const request = makeRequest(seed, index + 1);
    const why = complaint(request, signature);
    return why === null ? [] : [{ n: index + 1, why, signature, request }];
}

const signatures = readFileSync(0, 'latin1').split('\n').slice(0, -1);
const wrong = signatures.flatMap(check);
const report = { checked: signatures.length, wrong: wrong.length, first: wrong.slice(0, SHOWN) };
process.stdout.write(JSON.stringify(report) + '\n');
