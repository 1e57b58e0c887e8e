// SPDX-License-Identifier: Apache-2.0
// compare.js REQUESTS HEADERS SEED OUT: what the provider's package says of each request with the headers that our
// code made, and of the same with one change. Writes all of them to OUT with its verdicts, and a summary to standard output.
'use strict';

const fs = require('fs');
const { Random } = require('./random');
const { changed } = require('./request');
const { verdict } = require('./packages');

const [requests, headers, seed, out] = process.argv.slice(2);
const random = new Random(Number(seed) + 1);
const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter((line) => line);
const made = lines(headers).map((line) => JSON.parse(line));
const summary = { requests: 0, refused: [], changed: {}, harmless: 0 };
const judged = [];

console.warn = () => undefined; // packages that give advice

async function judge(request) {
    request.expect = await verdict(request) ? 'valid' : 'invalid';
    judged.push(JSON.stringify(request));
    return request.expect === 'valid';
}

async function compare(request, headers) {
    if (request.provider === 'telnyx') {
        request.secret = request.public_key;
        delete request.public_key;
    }
    Object.assign(request.headers, headers);
    summary.requests++;
    if (!await judge(request))
        summary.refused.push(judged.at(-1));
    const other = changed(random, request, Object.keys(headers));
    summary.changed[other.change] = (summary.changed[other.change] || 0) + 1;
    if (await judge(other))
        summary.harmless++;
}

async function main() {
    const all = lines(requests).map((line) => JSON.parse(line));
    for (let i = 0; i < all.length; i++)
        await compare(all[i], made[i]);
    fs.writeFileSync(out, judged.join('\n') + '\n');
    summary.refused = summary.refused.slice(0, 5);
    console.log(JSON.stringify(summary));
}

main();
