// SPDX-License-Identifier: Apache-2.0
// An IVR as many are: Express, Twilio's library with its validator on, a log of what came in. It knows nothing of encrypted
// digits. The demo puts it behind httpd, first as it is and then behind a shield.
//
//     TWILIO_AUTH_TOKEN=... node ivr.js PORT
'use strict';

const express = require('express');
const { webhook, twiml: { VoiceResponse } } = require('twilio');

const app = express();
const payments = [];

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

app.use(express.urlencoded({ extended: false }), log, webhook({ validate: true }));

app.post('/ivr', (request, response) => say(response, (twiml) => {
    const gather = twiml.gather({ action: '/ivr/menu', numDigits: 1 });
    gather.say('For our opening hours press 1, to pay a bill press 2.');
}));

// A page that looks at digits.
app.post('/ivr/menu', ({ body }, response) => say(response, (twiml) => {
    if (body.Digits === '1')
        twiml.say('We are open from 9 to 5.');
    else if (body.Digits === '2')
        twiml.gather({ action: '/ivr/card', finishOnKey: '#' }).say('Your card number, please, and then the hash key.');
    else
        twiml.redirect('/ivr');
}));

// Pages that pass on what was keyed in.
app.post('/ivr/card', ({ body }, response) => say(response, (twiml) => {
    const action = `/ivr/pin?card=${encodeURIComponent(body.Digits)}`;
    twiml.gather({ action, numDigits: 4 }).say('And the PIN of your account with us.');
}));

app.post('/ivr/pin', ({ body, query }, response) => say(response, (twiml) => {
    payments.push({ card: query.card, pin: body.Digits, amount: 42 });
    console.log('payment', payments.length, query.card, body.Digits);
    twiml.say('Thank you. 42 dollars are paid.');
    twiml.hangup();
}));

app.listen(Number(process.argv[2]), '127.0.0.1');
