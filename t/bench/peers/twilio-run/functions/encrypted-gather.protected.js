// SPDX-License-Identifier: Apache-2.0
// A call in three steps. Where Twilio hosts it the name ".protected" has the signature checked before; the runtime that it
// publishes looks at none, and gives a function no headers to do it by itself.
'use strict';

function ask(context, twiml, query, sentence) {
    twiml.gather({
        action: `${context.ORIGIN}/encrypted-gather?${query}`, method: 'POST', input: 'dtmf', timeout: 10, numDigits: 4, actionOnEmptyResult: true,
    }).say(sentence);
}

async function look(context, event, pin) {
    const answer = await fetch(`http://127.0.0.1:${context.PORT}/decrypt-gather`, {
        method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ encryptedCardDigits: event.encryptedCardDigits, encryptedPinDigits: pin }),
    });
    if (!answer.ok)
        return 'We are not able to locate you in our system.';
    const { account, balance } = await answer.json();
    return `The balance of account ${account} is ${balance}.`;
}

exports.handler = async (context, event, callback) => {
    const { seal } = require(Runtime.getFunctions().aes.path);
    const twiml = new Twilio.twiml.VoiceResponse();
    if (event.step === 'getPin')
        ask(context, twiml, `step=processData&encryptedCardDigits=${seal(event.Digits, context.KEY)}`, context.SAY);
    else if (event.step === 'processData')
        twiml.say(await look(context, event, seal(event.Digits, context.KEY)));
    else
        ask(context, twiml, 'step=getPin', context.SAY);
    return callback(null, twiml);
};
