// SPDX-License-Identifier: Apache-2.0
// An IVR as many are: Express, Twilio's library with its validator on, a log of what came in. It knows nothing of encrypted
// digits. The demo puts it behind httpd, first as it is and then behind a shield.
//
//     TWILIO_AUTH_TOKEN=... node ivr.js PORT [PATH ...]      its pages are below each PATH, else below /ivr
'use strict';

const express = require('express');
const { inspect } = require('util');
const { webhook, twiml: { VoiceResponse } } = require('twilio');

const [port, ...paths] = process.argv.slice(2);
const payments = [];

inspect.defaultOptions.breakLength = Infinity;    // a line a webhook

function say(response, fill) {
    const twiml = new VoiceResponse();
    fill(twiml);
    response.type('text/xml').send(twiml.toString());
}

function log({ method, originalUrl, body }, response, next) {
    const { CallSid, From, Digits } = body;
    console.log(method, originalUrl, { CallSid, From, Digits });
    next();
}

const pages = express.Router();
pages.use(express.urlencoded({ extended: false }), log, webhook({ validate: true }));

pages.post('/', ({ baseUrl }, response) => say(response, (twiml) => {
    const gather = twiml.gather({ action: `${baseUrl}/menu`, numDigits: 1 });
    gather.say('For our opening hours press 1, to pay a bill press 2.');
}));

// A page that looks at digits.
pages.post('/menu', ({ baseUrl, body }, response) => say(response, (twiml) => {
    if (body.Digits === '1')
        twiml.say('We are open from 9 to 5.');
    else if (body.Digits === '2')
        twiml.gather({ action: `${baseUrl}/card`, finishOnKey: '#' }).say('Your card number, please, and then the hash key.');
    else
        twiml.redirect(baseUrl);
}));

// Pages that pass on what was keyed in.
pages.post('/card', ({ baseUrl, body }, response) => say(response, (twiml) => {
    const action = `${baseUrl}/pin?card=${encodeURIComponent(body.Digits)}`;
    twiml.gather({ action, numDigits: 4 }).say('And the PIN of your account with us.');
}));

pages.post('/pin', ({ body, query }, response) => say(response, (twiml) => {
    payments.push({ card: query.card, pin: body.Digits, amount: 42 });
    console.log('payment', body.CallSid, query.card, body.Digits);
    twiml.say('Thank you. 42 dollars are paid.');
    twiml.hangup();
}));

const app = express();
app.use(paths.length ? paths : ['/ivr'], pages);
app.listen(Number(port), '127.0.0.1');
