// SPDX-License-Identifier: Apache-2.0
// Plays a provider in the browser: signs and sends the webhooks of a call, does what the TwiML says, takes keys, and
// shows what an application would have logged of it beside what Apache did log.

import { logs } from './logs.js';
import { PROVIDERS, sorted } from './providers.js';
import { byId, element, screen, transcript } from './screen.js';
import { TRIALS } from './trials.js';
import { aborted, sleep } from './waiting.js';

const LIMIT = {
    requests: 50,       // of one call
    body: 64 * 1024,    // Twilio takes no more of an answer
    answer: 15_000,     // milliseconds that Twilio waits for one
};

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

// The same, where a caller would complain.
class Failed extends Over {}

class Call {
    constructor(demo, name, answers) {
        this.token = demo.token;
        this.ofIvr = answers !== 'own';
        this.webhook = this.ofIvr ? demo.ivr[answers] : demo.webhooks[name];
        this.provider = PROVIDERS[name];
        this.ids = [];
        this.begin();
        this.requests = this.answers = 0;
        this.keyed = [];    // what went over the wire, to be looked for in the logs
        this.hungUp = new AbortController();
    }

    begin() {
        this.id = this.provider.id();
        this.ids.push(this.id);
        this.status = 'ringing';
    }

    // Returns why it ended, and whether that is a failure.
    async place() {
        let next = { method: 'POST', url: new URL(this.webhook, location.href).href, form: [] };
        try {
            while (next) next = await this.carryOut(await this.exchange(next), this.hungUp.signal);
            return ['The server’s instructions end here, and so does the call.', false];
        } catch (error) {
            if (this.hungUp.signal.aborted) return ['You hung up.', false];
            if (error instanceof Over) return [error.message, error instanceof Failed];
            throw error;
        }
    }

    press(key) { this.gathering?.press(key); }
    sayNothing() { this.gathering?.giveUp(); }
    hangUp() { this.hungUp.abort(); }

    // One webhook and its answer, as the verbs that it holds.
    async exchange(request) {
        const response = await this.deliver(request);
        return verbsOf(response, await response.text(), this.provider.verbs);
    }

    async deliver({ method, url, form }) {
        if (++this.requests > LIMIT.requests) throw new Failed(`No end after ${LIMIT.requests} requests.`);
        const whole = sorted([...this.provider.parameters(this), ...form]);
        const response = await this.send(method, url, whole);
        this.status = 'in-progress';
        this.url = url;
        this.answers++;
        logs.note(this, method, url, Object.fromEntries(whole));
        return response;
    }

    async send(method, url, form) {
        if (new URL(url).origin !== location.origin) throw new Failed(`${url} is not at this server; the call ended.`);
        const encoded = new URLSearchParams(form).toString();
        const post = method === 'POST';
        const target = post ? url : url + (url.includes('?') ? '&' : '?') + encoded;
        const headers = await this.provider.headers(this.token, target, post ? form : []);
        if (post) headers['Content-Type'] = 'application/x-www-form-urlencoded; charset=UTF-8';
        const signal = AbortSignal.any([this.hungUp.signal, AbortSignal.timeout(LIMIT.answer)]);
        const request = { method, headers, signal, redirect: 'error', cache: 'no-store', body: post ? encoded : undefined };
        return fetch(target, request).catch((error) => {
            throw new Failed(`An application error has occurred: no answer from the server (${error.message}).`);
        });
    }

    // Carries verbs out until one of them leads to the next request, or ends the call.
    async carryOut(verbs, signal) {
        for (const verb of verbs) {
            if (!(verb.name in VERBS)) throw new Failed(`<${verb.name}> is no verb that this phone knows; the call ended.`);
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
    if (!response.ok) throw new Failed(`An application error has occurred: the server answered ${response.status}.`);
    if (body.length > LIMIT.body) throw new Failed('An application error has occurred: the answer is larger than 64 kB.');
    const type = (response.headers.get('Content-Type') ?? '').split(';')[0].trim();
    if (type === 'text/plain' && !/<Response[\s>/]/.test(body)) return [{ name: 'Say', attributes: {}, text: body, nested: [] }];
    if (!/^(?:text\/(?:xml|html|plain)|application\/xml)$/.test(type))
        throw new Failed(`An application error has occurred: '${type}' is not read as TwiML.`);
    const document = new DOMParser().parseFromString(body, 'text/xml');
    const root = document.documentElement;
    if (root.nodeName !== 'Response' || document.querySelector('parsererror'))
        throw new Failed('An application error has occurred: the answer is not TwiML.');
    return Array.from(root.children, (one) => verbOf(one, words));
}

// words: what the provider calls the verbs; nothing where it has Twilio's.
function verbOf(element, words) {
    const name = words ? words[element.nodeName] : element.nodeName;
    if (!name) throw new Failed(`<${element.nodeName}> is no verb of this provider; the call ended.`);
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
            screen.showSaid(text);
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

// --- Trials --------------------------------------------------------------------------------------------------

// Calls that nobody places by hand; TRIALS say which.
class Trial extends Call {
    constructor(demo) { super(demo, 'twilio', 'own'); }

    as(token) { return Object.assign(this, { token }); }

    anotherCall() {
        this.begin();
        return this;
    }

    // What the server says to one webhook, and where the next answer goes.
    async ask(url, digits) {
        const form = digits === undefined ? [] : this.provider.result(digits, '');
        if (digits !== undefined) {
            this.keyed.push(digits);
            transcript.add('You', `keyed in ${[...digits].join(' ')}`);
        }
        return this.again({ method: 'POST', url: new URL(url, location.href).href, form });
    }

    async again(request) {
        this.last = request;
        const response = await this.deliver(request);
        if (!response.ok) return transcript.note(`The server answered ${response.status}.`, 'failed');
        const [action, said] = actionAndSentence(await response.text());
        transcript.add('Voice', said);
        return { said, action: action === null ? undefined : new URL(action, request.url).href };
    }
}

function actionAndSentence(twiml) {
    const document = new DOMParser().parseFromString(twiml, 'text/xml');
    const said = Array.from(document.querySelectorAll('Say'), (one) => one.textContent.trim().replace(/\s+/g, ' '));
    return [document.querySelector('Gather')?.getAttribute('action') ?? null, said.at(0) ?? ''];
}

// --- The page ------------------------------------------------------------------------------------------------

let call;

function clear() {
    transcript.clear();
    screen.showKeys('');
    screen.showSaid('');
}

const asFailure = (error) => [`The phone has failed: ${error.message}`, true];

async function placeCall(demo) {
    if (call) return;
    const mine = call = new Call(demo, byId('provider').value, byId('answers').value);
    clear();
    const logsAreReady = logs.begin(mine);
    screen.setState('Calling…');
    screen.inCall(true);
    transcript.note('The call begins.');
    const [why, hasFailed] = await logsAreReady.then(() => mine.place()).catch(asFailure);
    call = undefined;
    transcript.note(why, hasFailed ? 'failed' : '');
    screen.setState(why, hasFailed ? 'failed' : '');
    screen.inCall(false);
    await logs.judge(mine);
}

// The calls of a trial, and then what the logs prove of it.
async function run(demo, { title, does, play, results, tags, why }) {
    if (call) return;
    const mine = call = new Trial(demo);
    clear();
    screen.setState(`${title}: one moment…`);
    byId('phone').scrollIntoView({ block: 'start' });
    transcript.note(does);
    const said = await logs.begin(mine).then(() => play(mine)).catch((error) => transcript.note(asFailure(error)[0], 'failed') && '');
    await logs.judge(mine);
    const [verdict, kind] = logs.tell(results, tags) ? [why(said), 'good'] : ['The module did not do what it must: see what it logged.', 'failed'];
    call = undefined;
    transcript.note(verdict, kind);
    screen.setState(verdict, kind);
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

function offerTrial(name, { title, does }, start) {
    const button = Object.assign(element('button', '', title), { type: 'button', id: `try-${name}` });
    const hint = Object.assign(element('p', 'hint', does), { id: `what-${name}` });
    button.setAttribute('aria-describedby', hint.id);
    button.addEventListener('click', start);
    byId('trials').append(button, hint);
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
    for (const [name, trial] of Object.entries(TRIALS)) offerTrial(name, trial, () => run(demo, trial));
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
