// SPDX-License-Identifier: Apache-2.0
// Plays a provider in the browser: signs and sends the webhooks of a call, does what the TwiML says, takes keys, and
// shows what an application would have logged of it beside what Apache did log.

import { PROVIDERS, sorted } from './providers.js';

const LIMIT = {
    requests: 50,       // of one call
    body: 64 * 1024,    // Twilio takes no more of an answer
    answer: 15_000,     // milliseconds that Twilio waits for one
    logged: 3_000,      // httpd writes a request down after it has answered it
};

const byId = (id) => document.getElementById(id);

// --- Waiting -------------------------------------------------------------------------------------------------

function aborted(signal) {
    return new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', resolve, { once: true });
    });
}

// For so long, or until the signal comes.
function sleep(milliseconds, signal) {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        if (signal) aborted(signal).then(() => { clearTimeout(timer); resolve(); });
    });
}

// --- The voice -----------------------------------------------------------------------------------------------

// Only voices of this machine: others would send the caller's balance to their makers.
const voice = {
    wanted: () => byId('voice').checked,

    ofThisMachine: () => ('speechSynthesis' in window ? speechSynthesis.getVoices() : []).filter((one) => one.localService),

    choose(language) {
        const voices = this.ofThisMachine();
        const speaks = (prefix) => voices.find((one) => one.lang.replace('_', '-').toLowerCase().startsWith(prefix));
        return speaks(language.toLowerCase()) || speaks(language.slice(0, 2).toLowerCase()) || voices[0];
    },

    // Until the sentence is over; some engines never say so, so no longer than a slow speaker would take.
    async say(text, language, signal) {
        const chosen = this.choose(language);
        if (!chosen || !this.wanted() || signal.aborted) return;
        const utterance = Object.assign(new SpeechSynthesisUtterance(text), { voice: chosen, lang: chosen.lang });
        const over = new Promise((resolve) => { utterance.onend = utterance.onerror = resolve; });
        speechSynthesis.speak(utterance);
        await Promise.race([over, sleep(5_000 + 200 * text.length, signal)]);
        speechSynthesis.cancel();
    },
};

// --- What one <Gather> takes ---------------------------------------------------------------------------------

class Gathering {
    constructor(attributes) {
        this.most = Number(attributes.numDigits) || Infinity;
        this.finishOnKey = attributes.finishOnKey ?? '#';
        this.seconds = Number(attributes.timeout ?? attributes.executionTimeout) || 5;
        this.takesKeys = (attributes.input ?? attributes.inputType ?? 'dtmf').split(' ').includes('dtmf');
        this.digits = '';
        this.finishedOn = '';
        this.begun = new AbortController();    // the first key: stops the prompt
        this.over = new AbortController();
    }

    press(key) {
        if (!this.takesKeys || this.over.signal.aborted) return;
        if (key === this.finishOnKey) this.finishedOn = key;
        else this.digits += key;
        this.begun.abort();
        if (key === this.finishOnKey || this.digits.length >= this.most) this.over.abort();
        else if (this.timer) this.startTimer();
    }

    giveUp() {
        this.begun.abort();
        this.over.abort();
    }

    // Each key gives the caller the whole time again.
    startTimer() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.over.abort(), 1000 * this.seconds);
        screen.showTimer(this.seconds);
    }

    async end(hungUp) {
        if (!this.over.signal.aborted) this.startTimer();
        await Promise.race([aborted(this.over.signal), aborted(hungUp)]);
        clearTimeout(this.timer);
        screen.showTimer(0);
    }
}

// --- A call --------------------------------------------------------------------------------------------------

// Ends a call from within; the message is for the transcript.
class Over extends Error {}

class Call {
    constructor(demo, name, answers) {
        this.token = demo.token;
        this.ofIvr = answers !== 'own';
        this.webhook = this.ofIvr ? demo.ivr[answers] : demo.webhooks[name];
        this.provider = PROVIDERS[name];
        this.id = this.provider.id();
        this.status = 'ringing';
        this.requests = this.answers = 0;
        this.keyed = [];    // what went over the wire, to be looked for in the logs
        this.hungUp = new AbortController();
    }

    // Returns why it ended.
    async place() {
        let next = { method: 'POST', url: new URL(this.webhook, location.href).href, form: [] };
        try {
            while (next) next = await this.carryOut(await this.exchange(next), this.hungUp.signal);
            return 'The server’s instructions end here, and so does the call.';
        } catch (error) {
            if (this.hungUp.signal.aborted) return 'You hung up.';
            if (error instanceof Over) return error.message;
            throw error;
        }
    }

    press(key) { this.gathering?.press(key); }
    sayNothing() { this.gathering?.giveUp(); }
    hangUp() { this.hungUp.abort(); }

    // One webhook and its answer, as the verbs that it holds.
    async exchange({ method, url, form }) {
        if (++this.requests > LIMIT.requests) throw new Over(`No end after ${LIMIT.requests} requests.`);
        const whole = sorted([...this.provider.parameters(this), ...form]);
        const response = await this.send(method, url, whole);
        this.status = 'in-progress';
        this.url = url;
        this.answers++;
        logs.note(this, method, url, Object.fromEntries(whole));
        return verbsOf(response, await response.text(), this.provider.verbs);
    }

    async send(method, url, form) {
        if (new URL(url).origin !== location.origin) throw new Over(`${url} is not at this server; the call ended.`);
        const encoded = new URLSearchParams(form).toString();
        const post = method === 'POST';
        const target = post ? url : url + (url.includes('?') ? '&' : '?') + encoded;
        const headers = await this.provider.headers(this.token, target, post ? form : []);
        if (post) headers['Content-Type'] = 'application/x-www-form-urlencoded; charset=UTF-8';
        const signal = AbortSignal.any([this.hungUp.signal, AbortSignal.timeout(LIMIT.answer)]);
        const request = { method, headers, signal, redirect: 'error', cache: 'no-store', body: post ? encoded : undefined };
        return fetch(target, request).catch((error) => {
            throw new Over(`An application error has occurred: no answer from the server (${error.message}).`);
        });
    }

    // Carries verbs out until one of them leads to the next request, or ends the call.
    async carryOut(verbs, signal) {
        for (const verb of verbs) {
            if (!(verb.name in VERBS)) throw new Over(`<${verb.name}> is no verb that this phone knows; the call ended.`);
            const next = await VERBS[verb.name].call(this, verb, signal);
            if (this.hungUp.signal.aborted) throw new Over('hung up');
            if (next || signal.aborted) return next;
        }
        return undefined;
    }

    // A relative URL belongs to the document it stands in; an empty one is that document's own.
    next(url, method, form = []) {
        const target = new URL(url?.trim() || this.url, this.url);
        target.hash = '';
        return { method: (method ?? 'POST').toUpperCase(), url: target.href, form };
    }
}

// --- TwiML ---------------------------------------------------------------------------------------------------

function verbsOf(response, body, words) {
    if (!response.ok) throw new Over(`An application error has occurred: the server answered ${response.status}.`);
    if (body.length > LIMIT.body) throw new Over('An application error has occurred: the answer is larger than 64 kB.');
    const type = (response.headers.get('Content-Type') ?? '').split(';')[0].trim();
    if (type === 'text/plain' && !/<Response[\s>/]/.test(body)) return [{ name: 'Say', attributes: {}, text: body, nested: [] }];
    if (!/^(?:text\/(?:xml|html|plain)|application\/xml)$/.test(type))
        throw new Over(`An application error has occurred: '${type}' is not read as TwiML.`);
    const document = new DOMParser().parseFromString(body, 'text/xml');
    const root = document.documentElement;
    if (root.nodeName !== 'Response' || document.querySelector('parsererror'))
        throw new Over('An application error has occurred: the answer is not TwiML.');
    return Array.from(root.children, (one) => verbOf(one, words));
}

// words: what the provider calls the verbs; nothing where it has Twilio's.
function verbOf(element, words) {
    const name = words ? words[element.nodeName] : element.nodeName;
    if (!name) throw new Over(`<${element.nodeName}> is no verb of this provider; the call ended.`);
    return {
        name,
        attributes: Object.fromEntries(Array.from(element.attributes, (one) => [one.name, one.value])),
        text: element.textContent.trim().replace(/\s+/g, ' '),
        nested: name === 'Gather' ? Array.from(element.children, (one) => verbOf(one, words)) : [],
    };
}

// 0 means for ever.
async function repeat(attributes, signal, once) {
    const times = Number(attributes.loop ?? 1) || 1000;
    for (let n = 0; n < times && !signal.aborted; n++) await once();
}

const VERBS = {
    async Say({ attributes, text }, signal) {
        screen.setState('The server speaks.');
        await repeat(attributes, signal, async () => {
            transcript.add('Voice', text);
            await voice.say(text, attributes.language ?? 'en-US', signal);
        });
    },

    async Play({ attributes, text }, signal) {
        const url = new URL(text, this.url);
        transcript.add('Voice', `(plays ${url.href})`);
        if (url.origin === location.origin && voice.wanted()) await repeat(attributes, signal, () => play(url, signal));
    },

    async Pause({ attributes }, signal) {
        screen.setState('A pause.');
        await sleep(1000 * (Number(attributes.length) || 1), signal);
    },

    // Keys count from the first word on, and the first of them stops the prompt. Without any, what comes next in the
    // document is carried out, unless the empty result is asked for.
    async Gather({ attributes, nested }) {
        const gathering = this.gathering = new Gathering(attributes);
        screen.showKeys('');
        await this.carryOut(nested, AbortSignal.any([this.hungUp.signal, gathering.begun.signal]));
        screen.setState(`Listening${gathering.most < Infinity ? `: ${gathering.most} digits` : ''}, ${gathering.seconds} seconds each.`);
        await gathering.end(this.hungUp.signal);
        this.gathering = undefined;
        screen.setState('Waiting for the server.');
        if (this.hungUp.signal.aborted) return undefined;
        const { digits, finishedOn } = gathering;
        transcript.add('You', digits || finishedOn ? `keyed in ${[...digits, finishedOn].join(' ').trim()}` : 'said nothing');
        if (!digits && attributes.actionOnEmptyResult !== 'true') return undefined;
        this.keyed.push(digits);
        return this.next(attributes.action, attributes.method, this.provider.result(digits, finishedOn));
    },

    async Redirect({ attributes, text }) { return this.next(text, attributes.method); },
    async Hangup() { throw new Over('The server hung up.'); },
    async Reject() { throw new Over('The server rejected the call.'); },
};

async function play(url, signal) {
    const audio = new Audio(url);
    const over = new Promise((resolve) => { audio.onended = audio.onerror = resolve; });
    await audio.play().then(() => Promise.race([over, aborted(signal)]), () => {});
    audio.pause();
}

// --- What is shown -------------------------------------------------------------------------------------------

function element(name, className, ...content) {
    const made = Object.assign(document.createElement(name), { className });
    made.append(...content);
    return made;
}

const screen = {
    setState(text) { byId('state').textContent = text; },
    showKeys(text) { byId('keyed').textContent = text; },

    // The time left, for eyes; the style sheet hides it where motion is not wanted.
    showTimer(seconds) {
        this.animation?.cancel();
        const shrink = [{ transform: 'scaleX(1)' }, { transform: 'scaleX(0)' }];
        this.animation = seconds ? byId('timer').animate(shrink, 1000 * seconds) : undefined;
    },

    flash(key) {
        const button = document.querySelector(`[data-key="${key}"]`);
        button.classList.add('pressed');
        setTimeout(() => button.classList.remove('pressed'), 150);
    },

    ivrAnswers: () => byId('answers').value !== 'own',

    // The IVR is one for Twilio.
    showWhoAnswers() {
        const ivr = this.ivrAnswers();
        if (ivr) byId('provider').value = 'twilio';
        byId('provider').disabled = ivr;
        for (const one of document.querySelectorAll('[data-for]')) one.hidden = one.dataset.for !== (ivr ? 'ivr' : 'own');
    },

    // The focus must not vanish with the button that had it; the keypad is what comes next in a call.
    inCall(yes) {
        const hadFocus = byId('phone').contains(document.activeElement) || document.activeElement === document.body;
        byId('keypad').disabled = !yes;
        byId('answers').disabled = yes;
        byId('provider').disabled = yes || this.ivrAnswers();
        byId('call').hidden = yes;
        byId('hang-up').hidden = byId('silence').hidden = !yes;
        if (hadFocus) byId(yes ? 'keypad' : 'call').focus();
    },
};

const transcript = {
    add(who, text) { this.append(element('li', who.toLowerCase(), element('span', 'who', `${who}: `), text)); },
    note(text) { this.append(element('li', 'note', text)); },
    clear() { byId('transcript').firstElementChild.replaceChildren(); },

    append(line) {
        byId('transcript').firstElementChild.append(line);
        byId('transcript').scrollTop = byId('transcript').scrollHeight;
    },
};

// --- The logs ------------------------------------------------------------------------------------------------

const logs = {
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
            if (lines.access_log.length >= call.answers || waited >= LIMIT.logged) return this.show(lines);
            await sleep(100);
        }
    },

    // Plain ProxyPass knows no calls: there it is the path that tells.
    async linesAbout(call, name) {
        const lines = (await linesOf(name)).slice(this.older[name]);
        return lines.filter((line) => line.includes(call.id) || (call.ofIvr && line.includes(`"POST ${call.webhook}`)));
    },

    show(lines) {
        for (const name of this.names) {
            const shown = lines[name].map((line) => element('li', '', ...marked(line, this.call.keyed)));
            byId(name).firstElementChild.replaceChildren(...shown.length ? shown : [element('li', 'none', 'No line about this call.')]);
        }
        this.lines = this.names.flatMap((name) => lines[name]);
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

// --- The page ------------------------------------------------------------------------------------------------

let call;

async function placeCall(demo) {
    if (call) return;
    const mine = call = new Call(demo, byId('provider').value, byId('answers').value);
    transcript.clear();
    const logsAreReady = logs.begin(mine);
    screen.showKeys('');
    screen.setState('Calling…');
    screen.inCall(true);
    transcript.note('The call begins.');
    const why = await logsAreReady.then(() => mine.place()).catch((error) => `The phone has failed: ${error.message}`);
    call = undefined;
    transcript.note(why);
    screen.setState(why);
    screen.inCall(false);
    await logs.judge(mine);
}

function press(key) {
    if (!call) return;
    screen.flash(key);
    if (!call.gathering) return;
    screen.showKeys(byId('keyed').textContent + key);
    call.press(key);
}

// Only while the phone has the focus, so that no key elsewhere on the page does something unexpected.
function pressedOnKeyboard(event) {
    if (!call || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === 'Escape') call.hangUp();
    else if (/^[0-9*#]$/.test(event.key)) press(event.key);
    else return;
    event.preventDefault();
}

function offerVoice() {
    const there = voice.ofThisMachine().length > 0;
    byId('voice').disabled = !there;
    byId('voice-hint').hidden = there;
}

function connect(demo) {
    for (const name of Object.keys(PROVIDERS)) byId('provider').append(new Option(PROVIDERS[name].title, name));
    for (const name of Object.keys(demo.ivr ?? {})) byId('answers').querySelector(`[value="${name}"]`).disabled = false;
    byId('why-no-ivr').textContent = demo.whyNoIvr ? `It is not here: ${demo.whyNoIvr}` : '';
    byId('answers').addEventListener('change', () => screen.showWhoAnswers());
    screen.showWhoAnswers();
    byId('call').addEventListener('click', () => placeCall(demo));
    byId('hang-up').addEventListener('click', () => call?.hangUp());
    byId('silence').addEventListener('click', () => call?.sayNothing());
    byId('keypad').addEventListener('click', ({ target }) => target.dataset.key && press(target.dataset.key));
    byId('phone').addEventListener('keydown', pressedOnKeyboard);
    byId('voice').addEventListener('change', () => voice.wanted() || speechSynthesis.cancel());
    byId('call').disabled = byId('answers').disabled = false;
    screen.setState('Ready to call.');
}

async function main() {
    offerVoice();
    if ('speechSynthesis' in window) speechSynthesis.addEventListener('voiceschanged', offerVoice);
    if (!crypto.subtle) return screen.setState('This browser signs only at http://127.0.0.1 or with https.');
    const response = await fetch('demo.json', { cache: 'no-store' });
    return response.ok ? connect(await response.json()) : screen.setState(`The server hands out no token: ${response.status}.`);
}

main().catch((error) => screen.setState(`The page does not work: ${error.message}`));
