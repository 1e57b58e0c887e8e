// SPDX-License-Identifier: Apache-2.0
// The answers of t/judge/answer.c by the providers' own builders of XML: reads the same lines, prints a line for each, or "null"
// where the provider has no builder.
'use strict';

const { readFileSync } = require('node:fs');
const { RestClient } = require('@signalwire/compatibility-api');
const plivo = require('plivo');

function given(attributes) {
    return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined && value !== null));
}

function actionOf({ origin, path, fields, field, tokens, attempt, sig }) {
    const url = new URL(path, origin);
    const next = fields[field + 1];
    url.searchParams.append('step', next ? next.step : 'processData');
    tokens.forEach((token, i) => url.searchParams.append(fields[i].name, token));
    if (attempt > 1)
        url.searchParams.append('attempt', attempt);
    if (sig)
        url.searchParams.append('sig', sig);
    return url.href;
}

const voiceOf = (call, field = {}) => given({ voice: field.voice || call.voice, language: field.language || call.language });
const inputOf = (field) => (field.input || 'dtmf').split('+').join(' ');
const digitsOf = (field) => (field.input === 'speech' ? undefined : field.most);

const builders = {
    signalwire: {
        ask(call, field, response = new RestClient.LaML.VoiceResponse()) {
            const gather = response.gather(given({ action: actionOf(call), method: 'POST', input: inputOf(field), timeout: field.timeout,
                finishOnKey: field.finish, numDigits: digitsOf(field), actionOnEmptyResult: true }));
            if (call.again)
                gather.say(voiceOf(call, field), call.again);
            if (field.play)
                gather.play(field.play);
            else
                gather.say(voiceOf(call, field), field.say);
            return response.toString();
        },
        tell(told, response = new RestClient.LaML.VoiceResponse()) {
            response.say(voiceOf(told), told.text);
            if (told.redirect)
                response.redirect({ method: 'POST' }, told.redirect);
            if (told.dial)
                response.dial(told.dial);
            return response.toString();
        },
    },
    // silence arrives at the action by the redirect behind the question
    plivo: {
        ask(call, field, response = plivo.Response()) {
            const gather = response.addGetInput(given({ action: actionOf(call), method: 'POST', inputType: inputOf(field),
                executionTimeout: field.timeout, finishOnKey: field.finish, numDigits: digitsOf(field), log: false }));
            if (call.again)
                gather.addSpeak(call.again, voiceOf(call, field));
            if (field.play)
                gather.addPlay(field.play);
            else
                gather.addSpeak(field.say, voiceOf(call, field));
            response.addRedirect(actionOf(call), { method: 'POST' });
            return response.toXML();
        },
        tell(told, response = plivo.Response()) {
            response.addSpeak(told.text, voiceOf(told));
            if (told.redirect)
                response.addRedirect(told.redirect, { method: 'POST' });
            if (told.dial)
                response.addDial({}).addNumber(told.dial);
            return response.toXML();
        },
    },
};

for (const line of readFileSync(0, 'utf8').split('\n').filter((each) => each)) {
    const asked = JSON.parse(line);
    const builder = builders[asked.provider];
    if (!builder)
        console.log('null');
    else
        console.log((asked.fields ? builder.ask(asked, asked.fields[asked.field]) : builder.tell(asked)).replace(/\n/g, '&#10;'));
}
