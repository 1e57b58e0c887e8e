// SPDX-License-Identifier: Apache-2.0
// What the module is configured to say, written by Twilio's own builder of TwiML: reads a JSON array of questions and
// sentences, prints a JSON array with the TwiML of each.
//
//   { "ask": { origin, path, fields: [options of EncGatherField], field, tokens: [of the fields before it], attempt,
//              again, voice, language } }
//   { "tell": { text, members: { name: value }, voice, language, redirect | dial | hangup, outcome } }
'use strict';

const { readFileSync } = require('node:fs');
const { twiml: { VoiceResponse } } = require('twilio');

// The builder writes attributes that are undefined, too.
function given(attributes) {
    return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined && value !== null));
}

function actionOf({ origin, path, fields, field, tokens, attempt }) {
    const url = new URL(path, origin);
    const next = fields[field + 1];
    url.searchParams.append('step', next ? next.step || next.name : 'processData');
    tokens.forEach((token, i) => url.searchParams.append(fields[i].name, token));
    if (attempt > 1)
        url.searchParams.append('attempt', attempt);
    return url.href;
}

function mostDigits({ digits = '4', input }) {
    return input === 'speech' ? undefined : Number(digits.split('-').pop());
}

function ask(call) {
    const field = call.fields[call.field];
    const voice = given({ voice: field.voice || call.voice, language: field.language || call.language });
    const response = new VoiceResponse();
    const gather = response.gather(given({
        action: actionOf(call),
        method: 'POST',
        input: (field.input || 'dtmf').split('+').join(' '),
        timeout: Number(field.timeout || 10),
        finishOnKey: field.finish,
        numDigits: mostDigits(field),
        actionOnEmptyResult: true,
    }));
    if (call.attempt > 1 && call.again)
        gather.say(voice, call.again);
    if (field.play)
        gather.play(field.play);
    else
        gather.say(voice, field.say);
    return response.toString();
}

// %{name} and, character by character, %{spell:name}.
function fill(template, members, write = (value) => value) {
    return template.replace(/%\{(spell:)?([^}]+)\}/g,
        (whole, spell, name) => write(spell ? [...members[name]].join(' ') : members[name]));
}

// The hexadecimal digits of an escape may be of either case.
function escape(value) {
    return new URLSearchParams({ v: value }).toString().slice(2).replace(/%../g, (hex) => hex.toLowerCase());
}

function tell({ text, members, voice, language, redirect, dial, hangup, outcome }) {
    const response = new VoiceResponse();
    response.say(given({ voice, language }), fill(text, members));
    if (redirect)
        response.redirect({ method: 'POST' }, fill(redirect, { ...members, outcome }, escape));
    if (dial)
        response.dial(dial);
    if (hangup)
        response.hangup();
    return response.toString();
}

const cases = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(cases.map((each) => (each.ask ? ask(each.ask) : tell(each.tell)))) + '\n');
