// SPDX-License-Identifier: Apache-2.0
// The step as most would write it: Express, the middleware that Twilio's library has for signatures, its TwiML builder.
'use strict';
const crypto = require('crypto'), express = require('express'), twilio = require('twilio');
const { PORT, ORIGIN, TOKEN, KEY, SAY } = process.env;
const origin = new URL(ORIGIN), key = Buffer.from(KEY, 'hex');

function seal(text) {
    const nonce = crypto.randomBytes(12), cipher = crypto.createCipheriv('aes-256-gcm', key, nonce);
    return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('hex');
}

const app = express();
app.disable('x-powered-by');
app.use(express.urlencoded({ extended: false }));
app.post('/encrypted-gather', twilio.webhook(TOKEN, { host: origin.host, protocol: 'https' }), (request, response) => {
    const twiml = new twilio.twiml.VoiceResponse();
    const gather = twiml.gather({
        action: `${ORIGIN}/encrypted-gather?step=processData&encryptedCardDigits=${seal(request.body.Digits)}`,
        method: 'POST', input: 'dtmf', timeout: 10, numDigits: 4, actionOnEmptyResult: true,
    });
    gather.say(SAY);
    response.type('text/xml').send(twiml.toString());
});
app.listen(Number(PORT), '127.0.0.1').keepAliveTimeout = 60000;
