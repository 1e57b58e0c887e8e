// SPDX-License-Identifier: Apache-2.0
// What is written down of a call: what an application would have logged beside what Apache did log.

import { byId, element } from './screen.js';
import { sleep } from './waiting.js';

const LIMIT = 3_000;    // milliseconds; httpd writes a request down after it has answered it

export const logs = {
    // What is in the logs already is of other calls.
    async begin(call) {
        this.call = call;
        this.lines = [];
        this.names = [...call.ofIvr ? ['app_log'] : [], 'access_log', 'error_log'];
        for (const id of ['before', 'app_log', 'access_log', 'error_log']) byId(id).firstElementChild.replaceChildren();
        this.verdict('', '');
        this.older = Object.fromEntries(await Promise.all(this.names.map(async (name) => [name, (await linesOf(name)).length])));
    },

    // What an application that logs its webhooks writes.
    note(call, method, url, form) {
        const shown = Object.entries({ [call.provider.call]: call.id, Digits: form.Digits, From: form.From })
            .filter(([, value]) => value !== undefined)
            .flatMap(([name, value], n) => [n ? ', ' : '', `${name}: '`, name === 'Digits' ? element('mark', 'clear', value) : value, "'"]);
        byId('before').firstElementChild.append(element('li', '', `${method} ${new URL(url).pathname} { `, ...shown, ' }'));
        this.reading = Promise.resolve(this.reading).then(() => this.read(call)).catch((error) => this.verdict('alarm', error.message));
    },

    // The lines of this call, once there is one for each answer, or when that takes too long.
    async read(call) {
        for (let waited = 0; ; waited += 100) {
            const lines = Object.fromEntries(await Promise.all(this.names.map(async (name) => [name, await this.linesAbout(call, name)])));
            if (this.call !== call) return undefined;
            if (lines.access_log.length >= call.answers || waited >= LIMIT) return this.show(lines);
            await sleep(100);
        }
    },

    // Plain ProxyPass knows no calls: there it is the path that tells.
    async linesAbout(call, name) {
        const lines = (await linesOf(name)).slice(this.older[name]);
        return lines.filter((line) => call.ids.some((id) => line.includes(id)) || (call.ofIvr && line.includes(`"POST ${call.webhook}`)));
    },

    show(lines) {
        for (const name of this.names) {
            const shown = lines[name].map((line) => element('li', failureIn(line), ...marked(line, this.call.keyed)));
            byId(name).firstElementChild.replaceChildren(...shown.length ? shown : [element('li', 'none', 'No line about this call.')]);
        }
        this.lines = this.names.flatMap((name) => lines[name]);
        byId('status').search = this.lines.some(failureIn) ? `?call=${this.call.id}` : '';
    },

    // Whether Apache wrote down what it should have.
    tell(results, tags) {
        const found = this.lines.flatMap((line) => line.match(/ result=([\w-]+) signature=/)?.[1] ?? []);
        return `${found}` === `${results}` && tags.every((tag) => this.lines.some((line) => line.includes(`${tag}:`)));
    },

    async judge(call) {
        await this.reading;
        if (this.call !== call) return;
        const digits = [...new Set(call.keyed)].filter((one) => one.length >= 3);    // shorter ones are in any line by chance
        const found = this.lines.filter((line) => holds(line, digits));
        const about = `${this.lines.length} ${this.lines.length === 1 ? 'line' : 'lines'} about this call`;
        if (found.length) this.verdict('alarm', `Digits in clear in ${found.length} of ${about}!`);
        else if (this.lines.length < call.answers) this.verdict('alarm', `Only ${about}: the logs could not be read.`);
        else this.verdict('good', digits.length ? `${about}, and none holds ${digits.join(' or ')}.` : `${about}.`);
    },

    verdict(kind, text) {
        byId('verdict').className = kind;
        byId('verdict').textContent = text;
    },
};

async function linesOf(name) {
    const response = await fetch(`logs/${name}`, { cache: 'no-store' });
    if (!response.ok) throw new Error(`The ${name} cannot be read: ${response.status}.`);
    return (await response.text()).split('\n').slice(0, -1);
}

// A warning or worse, or a request that came to nothing good.
function failureIn(line) {
    return /^\[[^\]]*\] \[\w+:(?:warn|error|crit|alert|emerg)\]| result=(?:unavailable|forbidden|malformed|misconfigured|bad-token|timeout|too-large)\b/
        .test(line) ? 'failed' : '';
}

// Tokens, and digits in clear.
function marked(line, keyed) {
    return line.split(/(\b[0-9a-f]{56,}\b)/).flatMap((part, n) => (n % 2 ? [element('mark', 'sealed', part)] : digitsMarked(part, keyed)));
}

function digitsMarked(text, keyed) {
    const words = text.split(/([0-9A-Za-z*#]+)/);
    return words.map((word) => (word.length >= 3 && keyed.includes(word) ? element('mark', 'clear', word) : word));
}

// As words of their own, in what is left of a line without time, process, address, status and size.
function holds(line, digits) {
    const rest = line.replace(/^\[[^\]]*\]|\[\d\d\/\w+\/\d{4}:[^\]]*\]|\[pid \d+(?::tid \d+)?\]|127\.0\.0\.1(?::\d+)?/g, '')
        .replace(/" \d{3} (?:\d+|-)(?= |$)/, '"');
    return digits.some((one) => rest.split(/[^0-9A-Za-z*#]+/).includes(one));
}
