// SPDX-License-Identifier: Apache-2.0
// The backend: opens two tokens and looks for their account.
'use strict';
const ACCOUNTS = [{ card: '1234', pin: '4321', account: 'AC12345678', balance: '12.55' }];

exports.handler = (context, event, callback) => {
    const { open } = require(Runtime.getFunctions().aes.path);
    const card = open(event.encryptedCardDigits, context.KEY), pin = open(event.encryptedPinDigits, context.KEY);
    const found = ACCOUNTS.find((row) => row.card === card && row.pin === pin);
    if (found)
        return callback(null, { account: found.account, balance: found.balance });
    const none = new Twilio.Response();
    none.setStatusCode(404);
    none.setBody('No data found');
    return callback(null, none);
};
